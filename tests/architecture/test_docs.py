"""What the documentation says is what the program does."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys

import models
from abscope.cli.commands import COMMANDS, WITHOUT_ARCHIVE

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_finding_codes_page_is_up_to_date() -> None:
    """`python scripts/finding_codes.py` would change nothing."""
    result = subprocess.run(
        [sys.executable, "scripts/finding_codes.py", "--check"], cwd=ROOT, check=False
    )
    assert result.returncode == 0, "run: python scripts/finding_codes.py"


def test_the_fault_report_is_up_to_date_and_leaves_out_no_required_fault() -> None:
    """`python scripts/fault_report.py` would change nothing, and every fault has its test."""
    for word in ("--check", "--missing"):
        result = subprocess.run(
            [sys.executable, "scripts/fault_report.py", word],
            cwd=ROOT, check=False, capture_output=True, text=True,
        )  # fmt: skip
        assert result.returncode == 0, result.stdout + "run: python scripts/fault_report.py"


def test_every_command_is_in_the_user_guide() -> None:
    """Each command of the command line has its line."""
    text = (ROOT / "docs" / "user-guide.md").read_text()
    missing = [name for name in [*COMMANDS, *WITHOUT_ARCHIVE, "serve"] if f"`{name}" not in text]
    assert missing == []


def test_paths_named_in_the_readme_exist() -> None:
    """No promise that the code lacks."""
    text = (ROOT / "README.md").read_text() + (ROOT / "docs" / "user-guide.md").read_text()
    named = set(
        re.findall(r"`((?:abscope|models|components|pages|docs|scripts|tests)/[\w./-]+)`", text)
    )
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


def test_every_model_has_its_three_files() -> None:
    """One .py, one .json with sourced coefficients, one .md card."""
    for name in models.BUILTIN:
        stem = ROOT / pathlib.Path(*name.split("."))
        assert [s for s in (".py", ".json", ".md") if not stem.with_suffix(s).exists()] == []


def test_no_machine_paths_and_no_patient_data_in_the_tree() -> None:
    """Real cases stay outside the project; so do the paths of the machine it was made on."""
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    assert [name for name in tracked if name.endswith((".dcm", ".nii", ".nii.gz", ".zip"))] == []
