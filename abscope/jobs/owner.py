"""Which server process has a job in hand, and whether that process is still there.

An owner is written ``host/pid/start``. A process id is given again after a restart, so the time at
which the process started belongs to it (Linux: field 22 of /proc/PID/stat, in clock ticks since the
machine was started; 0 where there is no /proc). A process on another host cannot be looked at: its
jobs count as lost when their row has been silent for `SILENCE_SECONDS`.
"""

from __future__ import annotations

import datetime
import os
import pathlib
import socket

#: A server touches the row of its running job at least this often.
HEARTBEAT_SECONDS = 15.0
#: After this long without a touch the server of another host is taken for gone.
SILENCE_SECONDS = 90.0
#: States of a process that has ended (proc(5)).
_ENDED = frozenset({"Z", "X", "x"})


def this_owner() -> str:
    """Return the owner that stands for this process."""
    return f"{socket.gethostname()}/{os.getpid()}/{_start_of(os.getpid()) or 0}"


def is_alive(owner: str, updated: str, now: datetime.datetime) -> bool:
    """Whether the process of an owner is still there.

    Parameters
    ----------
    owner : str
        As `this_owner` wrote it; nobody (an empty one) is not there.
    updated : str
        When the row of its job was last touched (ISO 8601).
    now : datetime.datetime

    Examples
    --------
    >>> now = datetime.datetime(2026, 3, 1, 12, 0, tzinfo=datetime.UTC)
    >>> is_alive(this_owner(), "", now), is_alive("", "", now)
    (True, False)
    >>> is_alive("elsewhere.invalid/7/7", "2026-03-01T11:59:30+00:00", now)
    True
    >>> is_alive("elsewhere.invalid/7/7", "2026-03-01T11:50:00+00:00", now)
    False
    """
    host, _, rest = owner.rpartition("/")[0].partition("/")
    if not rest.isdigit():
        return False
    if host != socket.gethostname():
        silent = now - datetime.datetime.fromisoformat(updated)
        return silent.total_seconds() < SILENCE_SECONDS
    start = _start_of(int(rest))
    return start is not None and owner.rpartition("/")[2] in ("0", str(start))


def _start_of(pid: int) -> int | None:
    """Return when a process of this host started, 0 when that is not told, None without one."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0 if not pathlib.Path("/proc/self/stat").exists() and _exists(pid) else None
    fields = text.rpartition(")")[2].split()  # the name before may hold spaces and brackets
    return None if fields[0] in _ENDED else int(fields[19])


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True
