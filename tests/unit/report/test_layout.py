import dataclasses

import pytest

from abscope.predict.model import Card, InputSpec, Prediction
from abscope.report.content import (
    Table,
    legend,
    metric_table,
    not_shown,
    prediction_tables,
    scenario_table,
    scenario_texts,
    shown_waterfalls,
)
from abscope.report.fitting import fit, unwrapped, width_pt, wrap
from abscope.report.hiding import without_names
from abscope.report.layout import Box, arrange, lay_table
from abscope.report.pack import BoardPack, Line, MetricRow, PatientDisplay, PredictionRow


@pytest.mark.parametrize("text", ["short", "a few words more " * 10, "x" * 300, "", "a\nb"])
@pytest.mark.parametrize("size", [8.0, 20.0])
def test_wrapped_lines_fit_and_lose_nothing(text: str, size: float) -> None:
    lines = wrap(text, 120.0, size)
    assert max(width_pt(line, size) for line in lines) <= 120.0
    assert "".join(text.split()) == "".join("".join(lines).split())


def test_fit_shrinks_first_and_cuts_last() -> None:
    assert fit("word", (200, 30), 20, 8).size_pt == 20
    small = fit("word " * 12, (200, 30), 20, 8)
    assert small.size_pt < 20
    assert small.text == "word " * 12
    cut = fit("word " * 100, (200, 30), 20, 8)
    assert cut.size_pt == 8
    assert cut.height_pt <= 30
    assert cut.text.endswith("…")
    assert unwrapped("word " * 100, list(cut.lines)) == cut.text


def _table(rows: int, text: str = "cell") -> Table:
    return Table(header=("A", "B"), rows=((text, text),) * rows, widths=(1, 2))


@pytest.mark.parametrize(("rows", "text"), [(3, "cell"), (60, "cell"), (20, "long words " * 30)])
def test_table_never_outgrows_its_room(rows: int, text: str) -> None:
    room = Box(0, 0, 400, 250)
    laid = lay_table(_table(rows, text), room)
    assert laid.height_pt <= room.height
    assert sum(laid.widths_pt) == pytest.approx(400)


def test_table_says_how_many_rows_it_left_out() -> None:
    laid = lay_table(_table(60), Box(0, 0, 400, 250))
    assert laid.texts[-1][0] == f"and {60 - (len(laid.texts) - 2)} more in the dashboard"


def test_ordinary_words_are_not_broken() -> None:
    laid = lay_table(_table(2, "Immunotherapy"), Box(0, 0, 260, 400), 20.0, 8.0)
    assert laid.broken is False
    assert all(len(cell) == 1 for row in laid.lines for cell in row)


@pytest.mark.parametrize("aspects", [(1.4,), (1.4, 1.2), (1.4, 2.0, 1.0), (0.3, 0.3, 0.3)])
def test_pictures_keep_their_shape_inside_the_room(aspects: tuple[float, ...]) -> None:
    room = Box(10, 20, 800, 350)
    boxes = arrange(aspects, room, 16, 22)
    for box, aspect in zip(boxes, aspects, strict=True):
        assert box.width / box.height == pytest.approx(aspect)
        assert box.x >= room.x - 1e-6
        assert box.y >= room.y + 22 - 1e-6
        assert box.x + box.width <= room.x + room.width + 1e-6
        assert box.bottom <= room.bottom + 1e-6


def _patient(name: str, **more: object) -> PatientDisplay:
    return PatientDisplay(name=name, id="4711-88", names_hidden=True, pseudonym="K7", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "written", "shown"),
    [
        ("Doe^John", "John Doe smokes", "K7 smokes"),
        ("Doe^John", "DOE^JOHN", "K7"),
        ("Doe^John", "Mr. Doe; Doering stays", "Mr. K7; Doering stays"),
        ("Li^Wei", "Liver dose of Li Wei", "Liver dose of K7"),
        ("Doe^John", "id 4711-88 seen", "id K7 seen"),
        ("Edge^Ann", "no name here", "no name here"),
    ],
)
def test_names_are_taken_out_of_free_text(
    pack: BoardPack, name: str, written: str, shown: str
) -> None:
    changed = dataclasses.replace(
        pack, patient=_patient(name), lines=(Line(label="Note", text=written),)
    )
    assert without_names(changed).lines[0].text == shown
    assert [p.domain for p in without_names(changed).predictions] == [
        p.domain for p in pack.predictions
    ]


def test_names_stay_when_they_may(pack: BoardPack) -> None:
    assert without_names(pack) is pack
    assert pack.patient.line.startswith("Testperson, Ada")


def test_hidden_patient_without_pseudonym() -> None:
    patient = dataclasses.replace(_patient("Doe^John"), pseudonym="", age_years=61.0, sex="M")
    assert patient.line == "name hidden  ·  61 years  ·  M"


def test_no_waterfall_of_a_withheld_number(pack: BoardPack) -> None:
    withheld = tuple(dataclasses.replace(p, domain="out") for p in pack.predictions)
    assert shown_waterfalls(dataclasses.replace(pack, predictions=withheld)) == ()
    assert len(shown_waterfalls(pack)) == 2


def test_legend_names_each_structure_once(pack: BoardPack) -> None:
    names = [entry.name for entry in legend(pack)]
    assert names == [
        "Lung_R", "Lung_L", "GTV", "Heart", "SpinalCord", "5 Gy", "20 Gy", "40 Gy", "60 Gy",
    ]  # fmt: skip


def test_prediction_row_takes_the_words_of_the_card() -> None:
    card = Card(
        id="m", version="2", title="Risk", short_title="RP", endpoint="rp", horizon="1 year",
        population="n = 9",
        n_training=9, inputs=(InputSpec(name="age_years", label="Age", unit="years"),),
        equation="", source="", doi="", licence="", performance="AUC 0.6", intended_use="",
        limits=(), output="probability", interval_meaning="",
    )  # fmt: skip
    prediction = Prediction(
        model="m", version="2", endpoint="rp", probability=None, interval=None, level=None,
        score=None, domain="out", missing=("age_years",), inputs={}, reason="Age is missing.",
    )  # fmt: skip
    row = PredictionRow.of(card, prediction)
    assert row.missing == ("Age",)
    assert row.withheld is False
    assert (row.label, row.horizon, row.population) == ("Risk", "1 year", "n = 9")


def _row(pack: BoardPack, **more: object) -> PredictionRow:
    return dataclasses.replace(pack.predictions[1], **more)  # type: ignore[arg-type]


def test_caveats_are_sentences(pack: BoardPack) -> None:
    row = _row(pack, notes=("Read it as a range.", "not verified"), population="n = 9; one center")
    fullest, shorter, narrow = prediction_tables(dataclasses.replace(pack, predictions=(row,)))
    verdict = "at the edge of the model's population: age 91 above 88."
    caveats = "missing: FEV1, Eosinophils. Read it as a range. not verified."
    assert fullest.rows[0][2:] == (verdict, caveats, "cip 1.1.0; n = 9")
    assert shorter.rows[0][2:] == (verdict, caveats, "cip 1.1.0")
    assert narrow.rows[0][2:] == (f"{verdict} {caveats}", "cip 1.1.0")


def test_small_letters_have_a_floor() -> None:
    table = dataclasses.replace(_table(3), small=frozenset({1}))
    laid = lay_table(table, Box(0, 0, 400, 60), 12.0, 9.0)
    assert min(laid.letters_pt(1, 0), laid.letters_pt(1, 1)) >= 9.0
    assert lay_table(table, Box(0, 0, 400, 900), 12.0, 9.0).whole
    assert not lay_table(_table(20, "long words " * 30), Box(0, 0, 400, 250)).whole


def test_refused_structures_are_named_under_the_table(pack: BoardPack) -> None:
    assert not_shown(pack) == ""
    body = MetricRow(
        structure="BODY", metric="mean", value=None, unit="Gy", refused=True,
        note="The dose grid covers 81.2 % of the structure.",
    )  # fmt: skip
    changed = dataclasses.replace(pack, metrics=(*pack.metrics, body))
    assert not_shown(changed) == "Not shown: BODY (the dose grid covers 81.2 % of it)."
    assert metric_table(changed) == metric_table(pack)


def test_scenario_page_has_the_words_of_the_prediction_page(pack: BoardPack) -> None:
    assert pack.scenario is not None
    odd = dataclasses.replace(
        pack.scenario.rows[3], delivered=11.6, delivered_interval=(6.13, 19.5)
    )
    part = dataclasses.replace(
        pack.scenario, rows=(odd,), saved="2026-11-23T17:55:10+00:00", others=2
    )
    changed = dataclasses.replace(pack, scenario=part)
    assert scenario_table(changed).rows[0][1] == "12 %\n6.1 to 20 %"
    assert scenario_texts(changed)[0] == (
        "Scenario: 55 Gy in 20 (sc-1, saved 2026-11-23 17:55). 2 more saved in the dashboard."
    )
