"""`contour` at the command line that comes to nothing: refused, interrupted; what is kept of it."""

from __future__ import annotations

import contextlib
import io
import os
import pathlib
import shutil
import signal
import subprocess
import sys

import pytest

from abscope.cli.main import INTERRUPTED, main
from abscope.contour import registry
from tests import phantoms
from tests.durability import slow_engine
from tests.reference.command import Command

ROOT = pathlib.Path(__file__).resolve().parents[3]
#: The command line with an engine that takes a minute.
SLOW = """
import sys
from tests.durability import slow_engine
slow_engine.install(20.0)
sys.argv[1:] = ["contour", "phantom", "--engine", "slow", "--json"]
from abscope.__main__ import run
sys.exit(run())
"""


@pytest.fixture(name="imported", scope="module")
def _imported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("refused")
    phantoms.write_case(folder / "dicom")
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()):
        patch.setenv("ABSCOPE_HOME", str(folder / "home"))
        patch.delenv("ABSCOPE_DATABASE_URL", raising=False)
        assert main(["import", str(folder / "dicom"), "--case", "phantom", "--json"]) == 0
    return folder / "home"


@pytest.fixture(name="run")
def _run(imported, tmp_path, monkeypatch, capsys):
    shutil.copytree(imported, tmp_path / "home")
    monkeypatch.setenv("ABSCOPE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("ABSCOPE_DATABASE_URL", raising=False)
    return Command(capsys)


@pytest.mark.parametrize(
    ("words", "given"),
    [
        (["--seed", "1,2,3"], "seed"),
        (["--structures", "Heart", "--box", "-9,-9,-9,9,9,9"], "box"),
        (["--seed", "1,2,3", "--box", "-9,-9,-9,9,9,9"], "seed"),
    ],
)
def test_a_seed_for_an_engine_that_takes_none_is_refused_and_said(run, words, given):
    before = run.done("show", "phantom")
    error = run.refused("contour", "phantom", *words)["error"]
    assert (error["code"], error["where"]) == ("engine-takes-no-seed", given)
    assert "click" in error["remedy"]
    assert run.done("show", "phantom") == before


@pytest.mark.parametrize(
    ("words", "engine", "said"),
    [
        (["--seed", "1,2,3"], "anatomical", "takes no seed"),
        (["--structures", "Pancreas"], "anatomical", "does not draw 1 of these structures"),
        (["--engine", "click", "--seed", "9000,0,0"], "click", ""),
        (["--engine", "none"], "unknown", "engine"),
    ],
)
def test_a_refused_contour_is_kept_in_the_list_of_runs_as_that_of_the_page_is(
    run, words, engine, said
):
    code = run.refused("contour", "phantom", *words)["error"]["code"]
    (row,) = run.done("runs", "phantom")["runs"]
    assert (row["engine"], row["author"], row["run"]) == (engine, "command line", None)
    assert row["outcome"].startswith("failed: ")
    assert said in row["outcome"], code


def test_an_absent_case_is_refused_and_nothing_is_kept(run):
    assert run.refused("contour", "none")["error"]["code"] == "case-not-found"
    assert run.done("runs", "phantom")["runs"] == []


def test_ctrl_c_leaves_with_130_and_one_line_and_stores_nothing(run, monkeypatch, capsys):
    class Interrupted(slow_engine.SlowEngine):
        def run(self, image, request, report):
            raise KeyboardInterrupt

    monkeypatch.setattr(
        registry, "_installed", lambda: ((slow_engine.HERE, Interrupted(0.0)),)
    )  # fmt: skip
    before = run.done("show", "phantom")
    assert main(["contour", "phantom", "--engine", "slow", "--json"]) == 130
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"{INTERRUPTED}\n")
    assert run.done("show", "phantom") == before
    (row,) = run.done("runs", "phantom")["runs"]
    assert (row["engine"], row["outcome"]) == ("slow", "cancelled")
    assert run.done("audit", "--verify")["verified"]


@pytest.mark.slow
def test_ctrl_c_of_a_real_process_prints_no_traceback(run, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    with process:
        told = iter(process.stderr)
        assert any("External" in line for line in told)
        process.send_signal(signal.SIGINT)
        out, rest = process.communicate(timeout=30)
    assert (process.returncode, out, rest) == (130, "", f"{INTERRUPTED}\n")
    assert run.done("runs", "phantom")["runs"][0]["outcome"] == "cancelled"
