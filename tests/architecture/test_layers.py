"""The house rules that tools can check: layers, and what a page may do."""

from __future__ import annotations

import ast
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "pages").glob("*.py"))


def test_import_contracts() -> None:
    """The layers of pyproject.toml hold."""
    program = pathlib.Path(sys.executable).parent / "lint-imports"
    result = subprocess.run(
        [program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "COLUMNS": "160"},
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr


def test_app_stays_an_entry() -> None:
    """app.py is short, and imports components only (import-linter cannot see a module)."""
    source = (ROOT / "app.py").read_text()
    imported = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(source))
        for name in (
            [a.name for a in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported <= {"__future__", "pathlib", "streamlit", "components"}
    assert len(source.splitlines()) <= 100
    assert source.rstrip().endswith('if __name__ == "__main__":\n    main()')


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.stem)
def test_page_asks_for_access_first(path: pathlib.Path) -> None:
    """Docstring, imports, then ``actor = require("<page>")``: nothing runs before it."""
    body = ast.parse(path.read_text()).body
    assert isinstance(body[0], ast.Expr)
    rest = [n for n in body[1:] if not isinstance(n, ast.Import | ast.ImportFrom)]
    first = rest[0]
    assert isinstance(first, ast.Assign)
    assert ast.unparse(first) == f"actor = require('{path.stem}')"


@pytest.mark.parametrize("path", [ROOT / "app.py", *PAGES], ids=lambda p: p.stem)
def test_libraries_are_loaded_by_one_thread_before_anything_else(path: pathlib.Path) -> None:
    """The first import is `components.preload`: its lock keeps visitors' threads apart."""
    body = ast.parse(path.read_text()).body
    imports = [ast.unparse(n) for n in body if isinstance(n, ast.Import | ast.ImportFrom)]
    ours = [line for line in imports if " abscope" in line or " components" in line]
    assert ours[0] == "import components.preload"


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.stem)
def test_page_is_thin(path: pathlib.Path) -> None:
    """A page reads inputs, calls one workflow and draws with components."""
    assert len(path.read_text().splitlines()) <= 150


def test_no_html_and_no_pickle() -> None:
    """No HTML from strings, no code from data."""
    for folder in ("abscope", "models", "components", "pages"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text()
            for word in ("unsafe_allow_html", "pickle.load", "joblib.load", "components.html"):
                assert word not in text, f"{word} in {path.relative_to(ROOT)}"


def test_only_one_file_names_session_keys() -> None:
    """``st.session_state`` is touched in components/state.py alone."""
    for folder in ("components", "pages"):
        for path in (ROOT / folder).rglob("*.py"):
            if path.name != "state.py":
                assert "session_state" not in path.read_text(), path.name


def test_files_stay_small() -> None:
    """Beyond 600 lines a file is split."""
    for folder in ("abscope", "models", "components", "pages"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in (".py", ".js", ".css"):
                assert len(path.read_text().splitlines()) <= 600, path.name


def test_pictures_of_patients_get_no_address() -> None:
    """Media of Streamlit are served to anybody: one file draws images, as data URIs."""
    media = {"image", "pyplot", "audio", "video", "pdf"}
    for path in [ROOT / "app.py", *(ROOT / "components").rglob("*.py"), *PAGES]:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr in media:
                assert path.name == "pictures.py", f"{ast.unparse(node)} in {path.name}"
                assert ast.unparse(node.args[0]).startswith("data_uri("), ast.unparse(node)
