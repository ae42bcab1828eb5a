"""A server that runs contouring jobs until it is killed.

Run as ``python -m tests.durability.job_server``: it opens the archive of ``ABSCOPE_HOME``, submits
two jobs on the case ``one``, says their ids, and then waits as for visitors.
"""

from __future__ import annotations

import time

from abscope.jobs.runner import JobRunner
from abscope.workflows.context import open_context

ENGINE = "tests.durability.slow_engine"
JOB = f"{ENGINE}:contour_job"


def main() -> None:
    context = open_context()
    runner = JobRunner(context.jobs, allowed=(ENGINE,))
    words = {"engine": "slow", "seconds": 60.0, "actor": "kim"}
    running = runner.submit(JOB, "one", words)
    waiting = runner.submit(JOB, "one", words | {"seconds": 0.0})
    print(running.id, waiting.id, flush=True)
    time.sleep(120)


if __name__ == "__main__":
    main()
