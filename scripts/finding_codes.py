"""Writes docs/finding-codes.md from the sources: every code, where it arises, what it says.

`--check` only compares, which is what the tests do.
"""

from __future__ import annotations

import ast
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "finding-codes.md"
CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")
#: Words that look like a code and are none.
NOT_CODES = {"utf-8-sig", "utf-8", "log-odds", "iso-8859-1", "follow-up"}
HEAD = """# Finding and error codes

Made by `python scripts/finding_codes.py` from the sources; a test keeps it true. A code never
changes its meaning. Findings are lines of the validation report; errors end a request with exit
status 2 (bad usage) or 3 (refused). Words in braces are filled in.

| code | room | what it says |
|---|---|---|
"""


def rows() -> dict[str, tuple[str, str]]:
    """Return code -> (room, first sentence)."""
    found: dict[str, tuple[str, str]] = {}
    for path in sorted((ROOT / "abscope").rglob("*.py")) + sorted((ROOT / "models").rglob("*.py")):
        room = path.relative_to(ROOT).parent.as_posix()
        for call in [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)]:
            texts = [_text(a) for a in call.args]
            texts += [_text(k.value) for k in call.keywords if k.arg in ("code", "message", "what")]
            named = [t for t in texts if t]
            code = next((t for t in named if CODE.fullmatch(t) and t not in NOT_CODES), None)
            said = next((t for t in named if " " in t), "")
            raises = ast.unparse(call.func).split(".")[-1]
            wanted = (
                raises.endswith("Error") or raises.startswith("_") or raises in ("Finding", "issue")
            )
            if code and wanted and (code not in found or not found[code][1]):
                found[code] = (room, said)
    return found


def _text(node: ast.expr) -> str:
    """Return a literal text, with names in braces for what is filled in; empty for others."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "{...}" for part in node.values
        )
    if isinstance(node, ast.BinOp):
        return _text(node.left) + _text(node.right)
    return ""


def document() -> str:
    """Return the whole page."""
    lines = [
        f"| `{code}` | {room} | {(said or '(depends on the case)').replace('|', '/').strip()} |"
        for code, (room, said) in sorted(rows().items())
    ]
    return HEAD + "\n".join(lines) + "\n"


def main() -> int:
    """Write the page, or compare it with `--check`."""
    if "--check" in sys.argv:
        return int(TARGET.read_text() != document())
    TARGET.write_text(document())
    return 0


if __name__ == "__main__":
    sys.exit(main())
