"""Where a person's words may appear, and that they appear nowhere else (D24, item 8).

More than sixty places of a case carry a mark of their own (see `marked`). The case goes through
every command, good and bad, and through the pages; then everything that came out is searched.

Allowed places, and no others:

* the rows of the case in the database (tables cases, objects, documents);
* the screen of the open case, and what commands print on standard output for the person who asked;
* a board pack **with names shown**: name, ID, structures, plan (`marked.ON_A_PACK_WITH_NAMES`);
* an RTSTRUCT for the planning system: the same, as it must find the patient again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import logging
import pathlib
import re
import shutil
import sqlite3
import subprocess
import warnings

import pytest

from abscope.cli.main import main
from abscope.core import errors
from abscope.core.case import Patient
from abscope.jobs.runner import InlineRunner
from abscope.workflows.context import open_context
from tests import phantoms
from tests.faults import marked
from tests.faults.marked import mark, marks_in

#: Tables that hold the rows of a case; every other table must be free of marks.
TABLES_OF_THE_CASE = {"cases", "objects", "documents"}
CASE = "canary"
pytestmark = pytest.mark.slow


@dataclasses.dataclass(slots=True)
class Heard:
    """Everything that came out of the commands."""

    home: pathlib.Path
    out: pathlib.Path
    status: dict[str, int] = dataclasses.field(default_factory=dict)
    stdout: dict[str, str] = dataclasses.field(default_factory=dict)
    stderr: dict[str, str] = dataclasses.field(default_factory=dict)
    log: io.StringIO = dataclasses.field(default_factory=io.StringIO)
    errors: list[str] = dataclasses.field(default_factory=list)

    def run(self, *words: object) -> None:
        """Run a command as a person does, with and without ``--json``."""
        name = " ".join(map(str, words[:1])) + f" {len(self.status)}"
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            self.status[name] = main([*map(str, words), "--json"])
        self.stdout[name], self.stderr[name] = out.getvalue(), err.getvalue()


@pytest.fixture(name="heard", scope="module")
def _heard(tmp_path_factory) -> Heard:
    folder = tmp_path_factory.mktemp("canary")
    heard = Heard(home=folder / "home", out=folder / "out")
    heard.out.mkdir()
    handler = logging.StreamHandler(heard.log)
    root = logging.getLogger()
    level, original = root.level, errors.AbscopeError.__init__

    def noted(self, *args, **kwargs):
        original(self, *args, **kwargs)
        heard.errors.append(f"{self} {self!r} {self.args}")

    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        patch.setenv("ABSCOPE_HOME", str(heard.home))
        patch.delenv("ABSCOPE_DATABASE_URL", raising=False)
        patch.setattr(errors.AbscopeError, "__init__", noted)
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)
        logging.captureWarnings(True)
        try:
            _good(heard, folder)
            _bad(heard, folder)
        finally:
            root.removeHandler(handler)
            root.setLevel(level)
            logging.captureWarnings(False)
    heard.log.write("\n".join(str(w.message) for w in warned))
    return heard


def _good(heard: Heard, folder: pathlib.Path) -> None:
    files = marked.write(folder / "in")
    heard.run("import", files, "--case", CASE)
    heard.run("labs", CASE, folder / "in" / f"{marked.LAB_FILE}.csv")
    facts = ("age_years=68", "rt_start=2024-03-10", "ici_start=2024-05-10", f"histology={mark(90)}")
    heard.run("set", CASE, *facts, f"ici_regimen={mark(91)}")
    for words in (("show", CASE), ("cases",), ("dvh", CASE, "--curve"), ("predict", CASE)):
        heard.run(*words)
    heard.run("contour", CASE)
    scenario = folder / f"{mark(92)}.json"
    scenario.write_text(json.dumps({"name": "fewer", "total_dose_gy": 55, "fractions": 20}))
    heard.run("what-if", CASE, "--scenario", scenario)
    for form in ("pptx", "pdf", "rtstruct"):
        heard.run("export", CASE, f"--{form}", heard.out / f"open.{form}")
    for form in ("pptx", "pdf"):
        heard.run("export", CASE, f"--{form}", heard.out / f"hidden.{form}", "--hide-names")
    heard.run("export", CASE, "--deidentified", heard.out / "deidentified")
    heard.run("audit", "--verify")


def _bad(heard: Heard, folder: pathlib.Path) -> None:
    """Provoke a refusal wherever a word could slip into it."""
    good = marked.as_bytes(marked.objects()[0])
    for name, data in (
        (f"{mark(61)}.dcm", good[:140] + b"\xff" * 60),
        (f"{mark(61)}-cut.dcm", good[: len(good) // 2]),
        (f"{mark(62)}.zip", marked.zipped(folder / "in" / marked.FOLDER)[:-60]),
        (f"{mark(63)}.csv", f"{mark(64)},{mark(65)}\n1,2\n".encode()),
        (f"{mark(63)}.xlsx", b"PK\x03\x04" + mark(66).encode()),
        (f"{mark(63)}.json", f'{{"{mark(67)}": '.encode()),
    ):
        bad = folder / "bad" / name
        bad.parent.mkdir(exist_ok=True)
        bad.write_bytes(data)
        heard.run("import", bad)
        heard.run("labs", CASE, bad)
        heard.run("set", CASE, "--file", bad)
        heard.run("what-if", CASE, "--scenario", bad)
    heard.run("import", folder / "bad")
    other = phantoms.ct_series(patient=Patient(id=mark(69), name=f"{mark(68)}^X"), grid=marked.GRID)
    stranger = phantoms.write_folder(folder / mark(60) / "stranger", other)
    heard.run("import", stranger, "--case", CASE)
    heard.run("import", stranger, folder / "in" / marked.FOLDER)
    heard.run("import", folder / mark(60) / "absent")
    key = folder / f"{mark(92)}-key.json"
    key.write_text(json.dumps({"name": "x", mark(93): 1}))
    for words in (
        ("dvh", CASE, "--structure", mark(94)),
        ("dvh", CASE, "--structure", marked.ROI_PLAIN, "--structure-set", mark(95)),
        ("dvh", CASE, "--dose", mark(95)),
        ("compare", CASE, "--a", f"{mark(95)}:{mark(94)}", "--b", "clinical:1"),
        ("contour", CASE, "--structures", mark(94)),
        ("set", CASE, f"{mark(94)}=1", f"age_years={mark(94)}", f"smoking={mark(94)}"),
        ("what-if", CASE, "--scenario", key),
        ("export", CASE, "--pptx", folder / mark(60) / "no" / "x.pptx"),
        ("export", CASE, "--deidentified", folder / "in" / marked.FOLDER),
        ("export", CASE, "--deidentified", folder / mark(60) / "no" / "x"),
        ("export", CASE, f"--{mark(94).lower()}"),
        ("show", f"../{mark(94)}"), ("show", mark(94)), (mark(94),),
        ("score", "--model", "loris-nsclc", folder / "bad" / f"{mark(63)}.csv"),
        ("contour", CASE, "--seed", mark(94)),
    ):  # fmt: skip
        heard.run(*words)


def shown(text: str) -> set[str]:
    return {m.upper() for m in re.findall(r"(?i)zzcanary\d\d", text)}


def test_d24_the_marks_are_really_there(heard):
    """More than sixty elements, names and cells carry a mark, and the good commands are run.

    The import is stored with its structures, plan and dose, and each export is written.
    """
    names = [n for n, status in heard.status.items() if status == 0]
    assert len([n for n in names if n.startswith("export")]) == 6
    places = set()
    for path in (heard.out.parent / "in").rglob("*"):
        places |= marks_in(path.name) | (marks_in(path.read_bytes()) if path.is_file() else set())
    assert len(places) > 60
    case = json.loads(heard.stdout["show 3"])
    assert {r["name"] for r in case["structure_sets"][0]["rois"]} == {
        marked.ROI_PLAIN, marked.ROI_TARGET
    }  # fmt: skip
    assert min(len(case[k]) for k in ("series", "doses", "plans")) == 1


def test_d24_a_deidentified_export_holds_no_mark(heard):
    """A marked case is exported without identity, as DICOM, tables and text.

    Not one mark is in a byte of any file or in a file name.
    """
    files = [p for p in (heard.out / "deidentified").rglob("*") if p.is_file()]
    assert len(files) > 15
    for path in files:
        assert not marks_in(str(path.relative_to(heard.out))), path.name
        assert not marks_in(path.read_bytes()), path.name


def test_d24_packs_with_hidden_names_hold_no_mark(heard):
    """The board pack of a marked case is exported with names hidden, as PPTX and PDF.

    Structures and plans carry vocabulary or numbers instead of their names; no mark is left.
    """
    typed = {mark(90), mark(91)}  # facts that the presenter typed for these very slides
    assert marks_in((heard.out / "hidden.pptx").read_bytes()) <= typed
    assert pdf_marks(heard.out / "hidden.pdf") <= typed


def test_d24_packs_with_names_hold_who_and_what_was_contoured_only(heard):
    """The same pack is exported with names shown, and structures for the planning system.

    They hold the patient's name and ID and the names of structures and plan, but no comment,
    description, institution or other person.
    """
    allowed = marked.ON_A_PACK_WITH_NAMES | {mark(90), mark(91)}
    found = marks_in((heard.out / "open.pptx").read_bytes())
    assert marked.PATIENT.id in found
    assert found <= allowed
    assert pdf_marks(heard.out / "open.pdf") <= allowed
    assert marks_in((heard.out / "open.rtstruct").read_bytes()) <= marked.ON_A_PACK_WITH_NAMES


def pdf_marks(path: pathlib.Path) -> set[str]:
    found = marks_in(path.read_bytes())
    if shutil.which("pdftotext"):
        text = subprocess.run(["pdftotext", path, "-"], capture_output=True, check=True).stdout
        found |= marks_in(text)
    return found


def test_d24_standard_error_holds_no_mark(heard):
    """Every command is run, half of them with something wrong: files, tables, names, options.

    What goes to standard error, which a server may log, names no file, structure or person.
    """
    assert sum(status != 0 for status in heard.status.values()) > 25
    assert {n: shown(t) for n, t in heard.stderr.items() if shown(t)} == {}


def test_d24_exceptions_hold_no_mark(heard):
    """Every error that the program raises in these commands is caught with its full text.

    None carries a word from the files or from the command line.
    """
    assert len(heard.errors) > 30
    assert [text for text in heard.errors if shown(text)] == []


def test_d24_logs_and_warnings_hold_no_mark(heard):
    """All loggers are heard at their finest level, and all warnings.

    No line carries a mark.
    """
    assert shown(heard.log.getvalue()) == set()


def test_d24_what_is_printed_for_others_than_the_case_holds_no_mark(heard):
    """The audit trail and the list of models are printed.

    They hold ids and counts; marks are on the standard output of commands on the open case only.
    """
    audit = next(t for n, t in heard.stdout.items() if n.startswith("audit"))
    assert len(json.loads(audit)["rows"]) > 8
    assert shown(audit) == set()


def test_d24_the_archive_holds_marks_in_the_rows_of_the_case_only(heard):
    """The database is read table by table, and every stored file byte by byte.

    Audit, jobs, source files and the names and contents of stored arrays are free of marks.
    """
    database = heard.home / "abscope.sqlite"
    with contextlib.closing(sqlite3.connect(database)) as db:
        tables = [r[0] for r in db.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        held = {t: shown(repr(db.execute(f'SELECT * FROM "{t}"').fetchall())) for t in tables}
    assert {"audit", "jobs", "source_files"} <= set(tables)
    assert {t for t, marks in held.items() if marks} <= TABLES_OF_THE_CASE
    for path in (p for p in heard.home.rglob("*") if p.is_file() and p.suffix != ".sqlite"):
        if not path.name.startswith(database.name):
            assert not marks_in(path.name) | marks_in(path.read_bytes()), path


def test_d24_comments_and_institutions_are_not_even_kept(heard):
    """The database is searched for what no screen needs: comments, institutions, other persons.

    They are not stored; only names, descriptions, labels, short file labels and lab cells are.
    """
    with contextlib.closing(sqlite3.connect(heard.home / "abscope.sqlite")) as db:
        kept = shown("\n".join(db.iterdump()))
    dropped = {m for k, m in marked.SLICE_TAGS.items() if k != "SeriesDescription"}
    dropped |= {mark(n) for n in (54, 55, 56, 57, 58, 59, *range(70, 77), *range(80, 86))}
    assert len(dropped) > 40
    assert kept & dropped == set()


def test_d24_a_job_keeps_no_mark(heard, monkeypatch):
    """A contouring job of the marked case is run as the page runs it.

    Its row in the job table holds ids, numbers and neutral sentences.
    """
    monkeypatch.setenv("ABSCOPE_HOME", str(heard.home))
    context = open_context()
    try:
        job = InlineRunner(context.jobs).submit(
            "abscope.workflows.contouring:run", CASE,
            {"engine": "anatomical", "structures": [], "seed": None, "actor": "local"},
        )  # fmt: skip
        assert shown(repr(job)) == set()
    finally:
        context.archive.close()
