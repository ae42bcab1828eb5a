import dataclasses
import io
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from abscope.predict.model import RESEARCH_USE
from abscope.report.pack import BoardPack, FindingLine
from abscope.report.pdf_pages import write_pdf

READER = shutil.which("pdftotext")
needs_reader = pytest.mark.skipif(READER is None, reason="pdftotext (poppler-utils) is missing")


def _bytes(pack: BoardPack) -> bytes:
    buffer = io.BytesIO()
    write_pdf(pack, buffer)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def written(pack: BoardPack) -> bytes:
    """The pages of the whole pack, drawn once."""
    return _bytes(pack)


def _pages(data: bytes, folder: Path) -> list[str]:
    path = folder / "pages.pdf"
    path.write_bytes(data)
    done = subprocess.run(
        [str(READER), "-layout", str(path), "-"], capture_output=True, check=True, text=True
    )
    return done.stdout.split("\f")[:-1]


def test_five_pages(written: bytes) -> None:
    assert len(re.findall(rb"/Type /Page\b", written)) == 5


@needs_reader
def test_every_page_has_research_sentence_provenance_and_label(
    written: bytes, tmp_path: Path
) -> None:
    pages = _pages(written, tmp_path)
    assert len(pages) == 5
    for page in pages:
        assert RESEARCH_USE in page
        assert "SYNTHETIC" in page
        for piece in ("demo-1", "9f86d081884c", "rp-appelt 1.0.0", "sc-1", "2026-11-23"):
            assert piece in page


@needs_reader
def test_missing_parts_become_sentences(empty_pack: BoardPack, tmp_path: Path) -> None:
    pages = _pages(_bytes(empty_pack), tmp_path)
    assert empty_pack.dose_missing in pages[2]
    assert empty_pack.scenario_missing in pages[4]


@pytest.mark.slow
def test_hostile_text_is_drawn_and_never_acts(
    spoiled: Callable[[str], BoardPack], hostile: str
) -> None:
    data = _bytes(spoiled(hostile))
    assert len(re.findall(rb"/Type /Page\b", data)) == 5
    outside_streams = re.sub(rb"\bstream\b.*?endstream", b"", data, flags=re.DOTALL)
    for action in (b"/URI", b"/Launch", b"/JavaScript", b"/EmbeddedFile", b"root:"):
        assert action not in outside_streams


@needs_reader
def test_hostile_text_appears_as_written(
    spoiled: Callable[[str], BoardPack], tmp_path: Path
) -> None:
    text = '<img src="file:///etc/passwd"/>'
    assert text in _pages(_bytes(spoiled(text)), tmp_path)[0]


@pytest.mark.slow
@needs_reader
def test_hidden_names_are_nowhere(pack: BoardPack, tmp_path: Path) -> None:
    hidden = dataclasses.replace(
        pack,
        title="Board: Testperson, Ada",
        patient=dataclasses.replace(pack.patient, names_hidden=True),
        findings=(FindingLine(severity="warning", message="Ask ada testperson, MRN-0012345."),),
    )
    data = _bytes(hidden)
    text = "\n".join(_pages(data, tmp_path)).casefold()
    for secret in ("testperson", "0012345"):
        assert secret not in text
        assert secret.encode() not in data.lower()
        assert secret.encode("utf-16-be") not in data.lower()
    assert "case k7" in text


@pytest.mark.slow
def test_same_pack_gives_the_same_bytes_also_in_a_file(
    pack: BoardPack, written: bytes, tmp_path: Path
) -> None:
    write_pdf(pack, tmp_path / "pages.pdf")
    assert (tmp_path / "pages.pdf").read_bytes() == written
