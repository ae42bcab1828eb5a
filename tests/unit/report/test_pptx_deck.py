import dataclasses
import io
import zipfile
from collections.abc import Callable, Iterator

import openpyxl
import pytest
from pptx import Presentation
from pptx.enum.shapes import MSO_SHAPE_TYPE

from abscope.figures.text import clean
from abscope.predict.model import RESEARCH_USE
from abscope.report.pack import BoardPack, FindingLine
from abscope.report.pptx_deck import write_pptx


def _bytes(pack: BoardPack) -> bytes:
    buffer = io.BytesIO()
    write_pptx(pack, buffer)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def written(pack: BoardPack) -> bytes:
    """The deck of the whole pack, drawn once."""
    return _bytes(pack)


@pytest.fixture
def deck(written: bytes) -> object:
    return Presentation(io.BytesIO(written))


def _deck(pack: BoardPack) -> object:
    return Presentation(io.BytesIO(_bytes(pack)))


def _texts(slide: object) -> Iterator[str]:
    for shape in slide.shapes:  # type: ignore[attr-defined]
        if shape.has_text_frame:
            yield shape.text_frame.text
        if shape.has_table:
            yield from (c.text_frame.text for r in shape.table.rows for c in r.cells)


def _all_parts(data: bytes) -> str:
    """Every XML part, the workbooks behind charts unpacked as well."""
    found = []
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        for name in package.namelist():
            part = package.read(name)
            if name.endswith(".xlsx"):
                found.append(_all_parts(part))
            elif name.endswith((".xml", ".rels")):
                found.append(part.decode("utf-8"))
    return "\n".join(found)


def test_five_slides_with_research_sentence_provenance_and_label(deck: object) -> None:
    slides = list(deck.slides)  # type: ignore[attr-defined]
    assert len(slides) == 5
    for slide in slides:
        text = "\n".join(_texts(slide))
        assert RESEARCH_USE in text
        assert "SYNTHETIC" in text
        for piece in ("demo-1", "9f86d081884c", "rp-appelt 1.0.0", "sc-1", "2026-11-23", "0.1.0"):
            assert piece in text
        assert slide.shapes.title.text_frame.text


def test_charts_and_tables_are_native(deck: object) -> None:
    slides = list(deck.slides)  # type: ignore[attr-defined]
    kinds = [[s.shape_type for s in slide.shapes] for slide in slides]
    charts = [[s.chart for s in slide.shapes if s.has_chart] for slide in slides]
    assert [len(c) for c in charts] == [0, 0, 1, 2, 1]
    assert charts[2][0].chart_type.name == "XY_SCATTER_LINES_NO_MARKERS"
    assert [s.name for s in charts[2][0].series] == [
        "Lung_R", "Lung_L", "GTV", "Heart", "SpinalCord",
    ]  # fmt: skip
    assert [MSO_SHAPE_TYPE.TABLE in k for k in kinds] == [True, False, True, True, True]
    assert kinds[1].count(MSO_SHAPE_TYPE.PICTURE) == 3


def test_every_axis_of_values_has_a_unit(deck: object) -> None:
    for slide in deck.slides:  # type: ignore[attr-defined]
        for chart in (s.chart for s in slide.shapes if s.has_chart):
            assert "(" in chart.value_axis.axis_title.text_frame.text


def test_probability_stands_with_interval_or_reason(deck: object) -> None:
    text = "\n".join(_texts(deck.slides[3]))  # type: ignore[attr-defined]
    assert "estimated 18 % (95 % interval 12 to 27 %)" in text
    assert "estimated 6.1 % (no interval: the source gives none)" in text
    assert "no estimate: Mean esophagus dose is missing." in text


def test_number_outside_the_domain_is_withheld_until_accepted(
    pack: BoardPack, deck: object
) -> None:
    assert "34 %" not in "\n".join(_texts(deck.slides[3]))  # type: ignore[attr-defined]
    accepted = dataclasses.replace(
        pack,
        predictions=tuple(
            dataclasses.replace(p, out_of_domain_accepted=True) for p in pack.predictions
        ),
    )
    text = "\n".join(_texts(_deck(accepted).slides[3]))  # type: ignore[attr-defined]
    assert "estimated 34 %" in text
    assert "outside the model's population (shown on request)" in text


def test_missing_parts_become_sentences(empty_pack: BoardPack) -> None:
    slides = list(_deck(empty_pack).slides)  # type: ignore[attr-defined]
    assert len(slides) == 5
    for slide, sentence in zip(
        slides,
        (
            "Nothing was entered for this case yet.",
            empty_pack.slices_missing,
            empty_pack.dose_missing,
            empty_pack.predictions_missing,
            empty_pack.scenario_missing,
        ),
        strict=True,
    ):
        assert sentence in "\n".join(_texts(slide))


def test_hostile_text_is_shown_and_never_acts(
    spoiled: Callable[[str], BoardPack], hostile: str
) -> None:
    data = _bytes(spoiled(hostile))
    slides = list(Presentation(io.BytesIO(data)).slides)
    assert len(slides) == 5
    title = slides[0].shapes.title.text_frame.text
    assert title.startswith(clean(hostile)[:20])
    parts = _all_parts(data)
    assert "<f>" not in parts
    assert "hlinkClick" not in parts
    assert 'Target="http://evil' not in parts
    assert "file:///" not in parts or "&lt;img src=" in parts


@pytest.mark.slow
def test_workbook_behind_a_chart_holds_no_formula(spoiled: Callable[[str], BoardPack]) -> None:
    deck = Presentation(io.BytesIO(_bytes(spoiled("=cmd|' /C calc'!A0"))))
    chart = next(s.chart for s in deck.slides[2].shapes if s.has_chart)
    book = openpyxl.load_workbook(io.BytesIO(chart.part.chart_workbook.xlsx_part.blob))
    cell = book.active["B1"]
    assert (cell.value, cell.data_type) == ("=cmd|' /C calc'!A0", "s")
    assert book.active["A2"].data_type == "n"


def test_workbook_lies_where_the_chart_looks(deck: object) -> None:
    chart = next(s.chart for s in deck.slides[2].shapes if s.has_chart)  # type: ignore[attr-defined]
    book = openpyxl.load_workbook(io.BytesIO(chart.part.chart_workbook.xlsx_part.blob))
    references = [f.text for f in chart.element.xpath(".//c:f")]
    names = [book.active[r.split("!")[1].replace("$", "")] for r in references[0::3]]
    assert [n.value for n in names] == ["Lung_R", "Lung_L", "GTV", "Heart", "SpinalCord"]


@pytest.mark.parametrize("typed", ["Ada TESTPERSON", "testperson, ada", "MRN-0012345"])
def test_hidden_names_are_nowhere(pack: BoardPack, typed: str) -> None:
    hidden = dataclasses.replace(
        pack,
        title=f"Board: {typed}",
        patient=dataclasses.replace(pack.patient, names_hidden=True),
        findings=(FindingLine(severity="warning", message=f"Ask {typed} about smoking."),),
    )
    parts = _all_parts(_bytes(hidden)).casefold()
    assert "testperson" not in parts
    assert "0012345" not in parts
    assert "case k7" in parts


@pytest.mark.slow
def test_same_pack_gives_the_same_bytes_also_in_a_file(
    pack: BoardPack, written: bytes, tmp_path: object
) -> None:
    target = tmp_path / "deck.pptx"  # type: ignore[operator]
    write_pptx(pack, target)
    assert target.read_bytes() == written


@pytest.mark.slow
def test_nothing_reaches_beyond_the_slide(spoiled: Callable[[str], BoardPack]) -> None:
    for text in ("x" * 200, "long words " * 20):
        deck = Presentation(io.BytesIO(_bytes(spoiled(text))))
        for slide in deck.slides:
            for shape in slide.shapes:
                assert shape.left >= 0
                assert shape.left + shape.width <= deck.slide_width
                assert shape.top + shape.height <= deck.slide_height


LONG_REASON = (
    "Stage III with consolidation after (chemo)radiation: the training patients had advanced "
    "disease and no radiotherapy variable."
)


@pytest.mark.slow
def test_caveats_are_whole_and_letters_can_be_read(pack: BoardPack) -> None:
    rows = tuple(
        dataclasses.replace(p, domain="edge", domain_reasons=(LONG_REASON,))
        for p in pack.predictions
    )
    slide = _deck(dataclasses.replace(pack, predictions=rows)).slides[3]  # type: ignore[attr-defined]
    text = "\n".join(_texts(slide))
    assert text.count(LONG_REASON) == len(rows)
    assert "…" not in text
    notes = slide.notes_slide.notes_text_frame.text
    assert "Training: IPD of 586 patients, conventional fractionation." in notes
    assert "Horizon: grade 2+, 12 months." in notes


def test_withheld_number_is_not_in_the_speaker_notes(deck: object) -> None:
    slide = deck.slides[3]  # type: ignore[attr-defined]
    assert "34 %" not in slide.notes_slide.notes_text_frame.text


def test_no_letters_are_smaller_than_nine_points(deck: object) -> None:
    for slide in deck.slides:  # type: ignore[attr-defined]
        for size in slide.element.xpath(".//a:rPr/@sz"):
            assert int(size) >= 900


@pytest.mark.slow
def test_labels_of_bars_are_not_cut(pack: BoardPack) -> None:
    label = "Mean lung dose converted to 35 fractions"
    figure = pack.waterfalls[0]
    bars = tuple(dataclasses.replace(b, label=label) for b in figure.bars)
    changed = dataclasses.replace(pack, waterfalls=(dataclasses.replace(figure, bars=bars),) * 2)
    slide = _deck(changed).slides[3]  # type: ignore[attr-defined]
    chart = next(s.chart for s in slide.shapes if s.has_chart)
    names = [" ".join(str(c).split()) for c in chart.plots[0].categories]
    assert names == [b.caption for b in bars][::-1]
