"""``python -m abscope``: see `abscope.cli`."""

from __future__ import annotations

import sys


def run() -> int:
    """Run the command that was typed; Ctrl-C is heard while the libraries load, too."""
    try:
        from abscope.cli.main import main
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted. Nothing was done.\n")
        return 130
    return main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(run())
