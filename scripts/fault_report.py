"""Writes docs/fault-report.md from tests/faults: each fault, what is tried, what happens.

A test is named after the faults that it covers (``test_d17_...``, ``test_u8_u9_...``). The first
sentence of its docstring says what is tried, the rest what happens. `--check` only compares;
`--missing` lists required faults that no test names.
"""

from __future__ import annotations

import ast
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "fault-report.md"
NAMED = re.compile(r"test_((?:[a-z]\d+_)+)")
SECTIONS = {
    "U": "Uploads and archives",
    "D": "Images",
    "R": "Structures, doses and plans",
    "L": "Laboratory tables",
    "S": "Sessions, storage and jobs",
    "A": "Hostile text and the network",
}
#: Faults that must have a test.
REQUIRED: dict[str, tuple[int, ...]] = {
    "U": (*range(1, 11), 12, 13),
    "D": (*range(1, 15), 17, 23, 24),
    "R": (*range(1, 20), 21, 22),
    "L": tuple(range(1, 11)),
    "S": (*range(1, 8), 10),
}
HEAD = """# Fault report

Made by `python scripts/fault_report.py` from `tests/faults`; a test keeps it true, and `make test`
runs every line. The ids are those of the project's list of faults: U uploads, D images,
R structures and dose, L laboratory tables, S storage, A hostile text. Several lines of one id are
several ways in which the same thing goes wrong.
"""
COLUMNS = "| fault | what is tried | what happens |\n|---|---|---|\n"


def tests() -> dict[str, list[tuple[str, str]]]:
    """Return fault id -> (what is tried, what happens), in order of the files."""
    found: dict[str, list[tuple[str, str]]] = {}
    for path in sorted((ROOT / "tests" / "faults").glob("test_*.py")):
        for node in ast.parse(path.read_text()).body:
            match = NAMED.match(node.name) if isinstance(node, ast.FunctionDef) else None
            if match is None or not isinstance(node, ast.FunctionDef):
                continue
            row = _sentences(ast.get_docstring(node) or "")
            for fault in match.group(1).upper().strip("_").split("_"):
                found.setdefault(fault, []).append(row)
    return found


def missing() -> list[str]:
    """Return the required faults without a test, and those whose test says nothing."""
    held = tests()
    wanted = [f"{letter}{number}" for letter, numbers in REQUIRED.items() for number in numbers]
    silent = [
        f"{fault} (no docstring)" for fault, rows in held.items() if not all(a for a, _ in rows)
    ]
    return [fault for fault in wanted if fault not in held] + silent


def document() -> str:
    """Return the whole page."""
    held = tests()
    parts = [HEAD]
    for letter, title in SECTIONS.items():
        ids = sorted((f for f in held if f[0] == letter), key=lambda f: int(f[1:]))
        if ids:
            parts.append(
                f"\n## {title}\n\n| fault | what is tried | what happens |\n|---|---|---|\n"
            )
            parts += [f"| {f} | {tried} | {does} |\n" for f in ids for tried, does in held[f]]
    return "".join(parts)


def _sentences(text: str) -> tuple[str, str]:
    """Return the first sentence and the rest, as cells of a table."""
    flat = " ".join(text.split()).replace("|", "/")
    first, _, rest = re.sub(r"(?<=[^.][^.][.:;])\s+", "\n", flat, count=1).partition("\n")
    return first, rest


def main() -> int:
    """Write the page, compare it with `--check`, or list what lacks a test with `--missing`."""
    if "--check" in sys.argv:
        return int(TARGET.read_text() != document())
    if "--missing" in sys.argv:
        print("\n".join(missing()))
        return int(bool(missing()))
    TARGET.write_text(document())
    return 0


if __name__ == "__main__":
    sys.exit(main())
