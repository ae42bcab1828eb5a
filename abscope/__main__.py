"""``python -m abscope``: see `abscope.cli`."""

from __future__ import annotations

import sys

from abscope.cli.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
