"""Rewrite ``checksums.json`` after a deliberate change: ``python -m models.seal``.

With ``--check`` nothing is written and the exit status is 1 when the checksums are out of date.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from abscope.predict.card import CHECKSUMS, sha256_of
from models.files import ROOT


def sealed_text(root: Path = ROOT) -> str:
    """Return the text that ``checksums.json`` should have: file name to SHA-256, sorted."""
    files = sorted(p for p in root.rglob("*.json") if p.name != CHECKSUMS)
    sums = {path.relative_to(root).as_posix(): sha256_of(path) for path in files}
    return json.dumps(sums, indent=2) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Write or check the checksums; return the exit status."""
    target, text = ROOT / CHECKSUMS, sealed_text()
    if "--check" in arguments:
        return int(not target.is_file() or target.read_text(encoding="utf-8") != text)
    target.write_text(text, encoding="utf-8")
    sys.stdout.write(f"sealed {text.count(':')} model files\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
