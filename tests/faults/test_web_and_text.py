"""A1 to A5, A12, A13, A15: names that are programs, ids that are paths, and a machine without net.

Finer cases of A1 to A3 lie in tests/pages, tests/unit/figures, tests/unit/report and tests/browser.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import json
import logging
import os
import re
import shutil
import socket
import sqlite3
import struct
import subprocess
import sys
import textwrap
import zipfile

import numpy as np
import pytest

from abscope.core.case import Patient
from abscope.core.geometry import Grid
from abscope.figures import screen_dvh
from abscope.figures.dvh import dvh_curve, dvh_figure
from abscope.figures.palette import Tone
from components.safe import literal
from tests import phantoms
from tests.browser.served import ROOT
from tests.pages.conftest import empty_home as empty_home  # the fixture
from tests.pages.shown import HOSTILE, Shown
from tests.unit.dicom.uploads import all_changed, as_bytes

GRID = Grid.regular(
    origin_mm=(-40.0, -42.0, -32.0), spacing_zyx_mm=(4, 3, 2), shape_zyx=(14, 29, 44),
    frame_of_reference_uid=phantoms.FRAME_UID,
)  # fmt: skip
LINK = "<a href='http://evil.example'>x</a><br>"
FETCH = '<img src="http://evil.example/x.png"><img src="file:///etc/passwd">'
NAMES = (*HOSTILE, LINK, FETCH, ":material/delete:", "=HYPERLINK(1)", "<script>alert(1)</script>")
INJECTIONS = (
    "' OR '1'='1", "'; DROP TABLE cases;--", '" OR ""="', "1; DELETE FROM objects", "' UNION SELECT"
    " * FROM audit--", "admin'--", "') OR ('1'='1", "'; UPDATE cases SET version=9;--", "%27%20OR",
    "\\'; DROP TABLE jobs;--", "1' AND sleep(5)--", "x'||(SELECT hex(randomblob(9)))||'", "%", "_",
    "'/**/OR/**/1=1", "0x27204f52", "' HAVING 1=1--", "'; ATTACH DATABASE 'x' AS y;--",
    "'; PRAGMA writable_schema=1;--", "' OR id LIKE '%",
)  # fmt: skip
PATHS = (
    "../../x", "..", "a/b", "/etc/passwd", "..\\..\\x", "%2e%2e%2fx", "a\x00b", "é", "x" * 49, "",
    "a b", "a.b", "~", "case\n",
)  # fmt: skip


def hostile_case(upload, case="hostile"):
    """Import a case in which every name is a program."""
    patient = Patient(id=HOSTILE[0][:16], name=HOSTILE[0])
    ct = all_changed(phantoms.ct_series(grid=GRID, patient=patient), SeriesDescription=LINK)
    rois = [dataclasses.replace(phantoms.cylinder_roi(n + 1), name=t) for n, t in enumerate(NAMES)]
    others = [phantoms.rtstruct(rois), phantoms.rtplan(), phantoms.rtdose()]
    for ds in others:
        ds.PatientName, ds.PatientID = patient.name, patient.id
        ds.PatientBirthDate, ds.PatientSex = ct[0].PatientBirthDate, ct[0].PatientSex
    others[1].RTPlanLabel = "$x$ :red[y]"
    return upload(*ct, *others, case=case)


def dump(home) -> str:
    """Return the database as text, without the audit trail."""
    with contextlib.closing(sqlite3.connect(home / "abscope.sqlite")) as db:
        return "\n".join(line for line in db.iterdump() if 'INTO "audit"' not in line)


# --------------------------------------------------------------------------------- names, A1 to A3
@pytest.mark.slow
def test_a1_names_that_are_markup_are_shown_as_written(empty_home, upload):
    """Scripts, links, Markdown images and Streamlit directives stand in every name of a case.

    Each page of the case shows them as they are written; the browser reads none of them as markup.
    """
    hostile_case(upload)
    for page in ("contours", "dose", "board"):
        shown = Shown.open(page, "hostile")
        for text in shown.interpreted():
            assert not [bad for bad in HOSTILE if bad in text], (page, text)
        assert literal(HOSTILE[0], 60) in "\n".join(shown.interpreted())


@pytest.mark.slow
def test_a1_a_laboratory_table_with_markup_is_shown_as_written(empty_home, upload):
    """The header, the names of tests and the cells of a laboratory table hold markup.

    The labs page names what it cannot read, literally.
    """
    hostile_case(upload)
    rows = [f"2024-03-01,{t},{t},g/L" for t in HOSTILE] + [f"2024-03-01,CRP,{HOSTILE[4]},mg/L"]
    table = "\n".join([f"date,test,value,unit,{HOSTILE[1]}", *rows]).encode()
    shown = Shown.open("labs", "hostile").upload("labs.file", ("labs.csv", table, "text/csv"))
    for text in shown.interpreted():
        assert not [bad for bad in HOSTILE if bad in text], text


@pytest.mark.parametrize("name", NAMES)
def test_a2_plotly_does_not_read_names_as_html(name):
    """A structure is called a link, a line break or a script, and its DVH is drawn with Plotly.

    Legend, title and hover hold the characters escaped; no tag of the name is left.
    """
    dose = np.linspace(0, 60, 50)
    curve = dvh_curve(name, dose, 100 - dose, Tone("#111111", "#EEEEEE"))
    text = json.dumps(json.loads(screen_dvh.dvh(dvh_figure([curve])).to_json()))
    assert not re.search(r"<(?!br>|extra>|/extra>)", text)
    assert "<br>x" not in text


@pytest.mark.slow
def test_a3_slides_and_pages_fetch_nothing(upload, run, tmp_path, monkeypatch):
    """The board pack of a case full of links, remote images and file addresses is exported.

    PPTX and PDF hold the names as text: no external relationship, no link, no script, no content of
    a local file, and no connection is opened.
    """

    def refuse(*_: object) -> None:
        raise AssertionError("a connection was opened")

    hostile_case(upload)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    slides, pages = tmp_path / "x.pptx", tmp_path / "x.pdf"
    run.done("export", "hostile", "--pptx", slides)
    run.done("export", "hostile", "--pdf", pages)
    with zipfile.ZipFile(slides) as archive:
        for name in archive.namelist():
            data = archive.read(name)
            assert b'TargetMode="External"' not in data or b"evil" not in data, name
            assert b"root:x:" not in data
            if name.endswith(".rels"):
                assert b"evil.example" not in data
                assert b"file:" not in data
    outside = re.sub(rb"\bstream\b.*?endstream", b"", pages.read_bytes(), flags=re.DOTALL)
    for action in (b"/URI", b"/Launch", b"/JavaScript", b"/EmbeddedFile", b"root:x:"):
        assert action not in outside


# -------------------------------------------------------------------------------- the door, A4, A5
@pytest.mark.slow
def test_a4_sql_in_ids_names_and_facts_changes_nothing(upload, run, home):
    """Twenty injections stand where ids, structures, doses, fields, facts and models are named.

    Each is refused or finds nothing; the database is the same afterwards, byte for byte.
    """
    assert len(INJECTIONS) == 20
    case = upload(*phantoms.ct_series(grid=GRID), phantoms.rtplan(), case="sql")["case_id"]
    before = dump(home)
    for text in INJECTIONS:
        for words in (
            ("show", text), ("delete", text), ("dvh", text), ("dvh", case, f"--dose={text}"),
            ("dvh", case, f"--structure={text}"), ("predict", case, f"--model={text}"),
            ("export", case, "--rtstruct", home / "x.dcm", f"--structure-set={text}"),
        ):  # fmt: skip
            assert run(*words).status in (2, 3), words
        refused = run.done("set", case, f"{text}=1", f"smoking={text}", f"rt_start={text}")
        # A field that starts with an underscore is a remark and is ignored.
        assert len(refused["refused"]) == 3 - text.startswith("_"), text
    assert dump(home) == before


@pytest.mark.slow
def test_a4_sql_in_the_search_box_finds_nothing_and_changes_nothing(empty_home, upload):
    """Twenty injections are typed into the search of the worklist.

    None finds a case it does not name, and the database is the same afterwards.
    """
    upload(*phantoms.ct_series(grid=GRID), case="sql-case")
    shown = Shown.open("worklist")
    before = dump(empty_home)
    for text in INJECTIONS:
        shown.choose("worklist.search", text)
        assert not shown.has_table("Case"), text
    assert dump(empty_home) == before


def test_a5_case_ids_are_words_of_a_plain_alphabet(run, upload, home, tmp_path):
    """Paths, NUL, escapes and overlong words stand where commands expect a case id.

    Each is refused as no case id; nothing is read, written or deleted.
    """
    upload(*phantoms.ct_series(grid=GRID), case="kept")
    before = dump(home)
    for word in PATHS:
        for words in (["show", word], ["delete", word], ["import", tmp_path, f"--case={word}"]):
            found = run.refused(*words, status=2)["error"]
            assert found["code"] == "bad-case-id", words
            assert not word or len(word) < 3 or word not in str(found)
    assert dump(home) == before


@pytest.mark.slow
def test_a5_an_address_with_a_path_opens_nothing(empty_home, upload):
    """The address of a page names a path instead of a case id.

    The page says that no case is open, and the path is not repeated.
    """
    upload(*phantoms.ct_series(grid=GRID), case="kept")
    for word in ("../../x", "/etc/passwd", "a/b", "<script>"):
        shown = Shown.open("dose", word, by_address=True)
        assert "No case is open" in shown.words()
        assert word not in shown.words()


# ------------------------------------------------------------------------- size and logs, A12, A13
def many_rois(count: int) -> bytes:
    """Return an RTSTRUCT whose list of structures has `count` items, made without pydicom."""
    ds = phantoms.rtstruct([phantoms.cylinder_roi()])
    for element in [e.tag for e in ds if e.tag.group == 0x3006]:
        del ds[element]
    items = b"".join(
        struct.pack("<HHI", 0xFFFE, 0xE000, 36)
        + struct.pack("<HH2sH", 0x3006, 0x0022, b"IS", 8) + b"%8d" % n
        + struct.pack("<HH2sH", 0x3006, 0x0026, b"LO", 12) + b"R%-11d" % n
        for n in range(count)
    )  # fmt: skip
    sequence = struct.pack("<HH2sHI", 0x3006, 0x0020, b"SQ", 0, len(items)) + items
    return as_bytes(ds) + sequence


@pytest.mark.long
def test_a12_twenty_thousand_structures_are_refused(upload):
    """A structure set lists 20,000 structures.

    It is refused by name.
    """
    ct = phantoms.ct_series(grid=GRID)
    found = upload(*ct, ("many.dcm", many_rois(20_000)), refused=True)
    assert found["error"]["code"] == "structure-set-empty"


@pytest.mark.long
def test_a12_a_cell_of_ten_megabytes_is_refused(upload, run, tmp_path):
    """A laboratory table has a cell of 10 MB, of letters, of digits, and of repeated separators.

    Each is refused or passed over; nothing of it is stored.
    """
    case = upload(*phantoms.ct_series(grid=GRID), case="cells")["case_id"]
    for number, piece in enumerate((b"A", b"1", b"1.", b"-", b"(")):
        cell = piece * (10_000_000 // len(piece))
        table = tmp_path / f"{number}.csv"
        table.write_bytes(b"date,test,value,unit\n2024-03-01,CRP," + cell + b",mg/L\n")
        answer = run("labs", case, table)
        assert answer.status == 3 or not answer.json["accepted"]
        assert len(json.dumps(answer.json)) < 20_000
    assert run.done("show", case)["labs"] == 0


def test_a13_line_breaks_in_names_forge_no_log_line(upload, run, tmp_path, caplog):
    """Names of patient, structures, files and laboratory tests hold line breaks and a forged entry.

    No log line, no line of standard error and no audit row begins with the forged text.
    """
    forged = "x\r\n2026-01-01 ERROR forged"
    ct = phantoms.ct_series(grid=GRID)
    rois = [dataclasses.replace(phantoms.cylinder_roi(), name=forged)]
    rtstruct = copy.deepcopy(phantoms.rtstruct(rois))
    rtstruct.StructureSetROISequence[0].ROIName = forged
    with caplog.at_level(logging.DEBUG):
        bad = (f"a{forged}.dcm".replace("/", ""), as_bytes(ct[0])[:140] + b"\xff" * 40)
        answers = [run("import", _written(tmp_path, *ct, rtstruct, bad=bad))]
        case = upload(*ct, rtstruct)["case_id"]
        table = tmp_path / "labs.csv"
        table.write_text(f'date,test,value,unit\n2024-03-01,"{forged}",1,g/L\n')
        answers += [run("labs", case, table), run("dvh", case, "--structure", forged)]
    for text in (caplog.text, *(a.stderr for a in answers)):
        assert "forged" not in text
    rows = run.done("audit")["rows"]
    assert not [r for r in rows if "forged" in json.dumps(r)]


def _written(folder, *datasets, bad):
    target = folder / "forged"
    target.mkdir()
    for number, ds in enumerate(datasets):
        (target / f"{number}.dcm").write_bytes(as_bytes(ds))
    (target / bad[0]).write_bytes(bad[1])
    return target


# ------------------------------------------------------------------------------- no network, A15
ALONE = """
    import sys
    from abscope.cli.main import main
    folder, out = sys.argv[1:]
    for words in (["import", folder, "--case", "alone"], ["export", "alone", "--deidentified", out],
                  ["export", "alone", "--pptx", out + ".pptx"]):
        assert main(words) == 0, words
    from tests.pages.shown import Shown
    assert "PHANTOM-001" in Shown.open("board", "alone").words()
    print("done without a network")
"""


@pytest.mark.slow
def test_a15_import_export_and_pages_need_no_network(tmp_path):
    """Import, two exports and the board page run in a network namespace without any interface.

    Everything works, so nothing is asked of another machine.
    """
    tool = shutil.which("unshare")
    if tool is None or subprocess.run([tool, "-n", "true"], check=False).returncode:
        pytest.skip("a network namespace needs root and unshare")
    folder = phantoms.write_case(tmp_path / "in")
    done = subprocess.run(
        [tool, "-n", sys.executable, "-c", textwrap.dedent(ALONE), folder, tmp_path / "out"],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "ABSCOPE_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert "done without a network" in done.stdout, done.stderr[-3000:]


def test_a15_usage_statistics_are_off():
    """The shipped settings of the server are read.

    Streamlit's usage statistics, the only thing that would call out, are off.
    """
    settings = (ROOT / ".streamlit" / "config.toml").read_text()
    assert re.search(r"(?m)^gatherUsageStats\s*=\s*false", settings)
