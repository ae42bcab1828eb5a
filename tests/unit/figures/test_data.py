import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abscope.core.errors import ModelError
from abscope.core.labs import LabResult
from abscope.core.structures import Roi
from abscope.figures.dvh import DvhCurve, dvh_curve, dvh_figure
from abscope.figures.lab_trend import index_trend_figure, lab_trend_figure, treatment_marks
from abscope.figures.palette import (
    BLUE,
    GRAY,
    LEAST_CONTRAST,
    SAND,
    SERIES,
    VERMILION,
    WINE,
    Tone,
    contrast,
    distinct_tones,
    is_near,
    isodose_color,
    rgb,
    structure_color,
)
from abscope.figures.risk import four_cells, risk_figure, risk_point
from abscope.figures.scenario import probability_row, scenario_figure, scenario_row
from abscope.figures.timeline import timeline_figure
from abscope.figures.waterfall import waterfall_figure
from abscope.predict.model import Explanation, Prediction


def _prediction(**more: object) -> Prediction:
    values: dict[str, object] = {
        "model": "m", "version": "1", "endpoint": "rp", "probability": 0.2,
        "interval": (0.1, 0.35), "level": 0.95, "score": None, "domain": "in", "missing": (),
        "inputs": {},
    }  # fmt: skip
    return Prediction(**{**values, **more})  # type: ignore[arg-type]


@given(st.floats(0.2, 20), st.floats(5, 70))
def test_thinned_dvh_stays_on_the_curve(width: float, middle: float) -> None:
    dose = np.linspace(0, 80, 4001)
    volume = 100 / (1 + np.exp((dose - middle) / width))
    curve = dvh_curve("x", dose, volume, BLUE)
    assert len(curve.dose_gy) <= 200
    assert curve.dose_gy.dtype == np.float32
    assert np.all(np.diff(curve.dose_gy) > 0)
    assert np.all(np.diff(curve.volume) <= 0)
    assert np.abs(np.interp(dose, curve.dose_gy, curve.volume) - volume).max() < 0.5


def test_dvh_ends_at_the_first_zero() -> None:
    curve = dvh_curve("x", [0, 1, 2, 3], [10, 5, 0, 0], BLUE)
    assert curve.dose_gy.tolist() == [0, 1, 2]
    figure = dvh_figure([curve], "cm³")
    assert (figure.max_dose_gy, figure.max_volume) == (2.0, 10.0)


@pytest.mark.parametrize(("dose", "volume"), [([0, 1], [1]), ([], []), ([0, 1], [1, np.nan])])
def test_dvh_refuses_what_is_no_curve(dose: list[float], volume: list[float]) -> None:
    with pytest.raises(ValueError, match=r"curve must|expected two"):
        dvh_curve("x", dose, volume, BLUE)


def test_waterfall_closes_and_is_ordered() -> None:
    values = {"a": 0.05, "b": -0.11, "c": 0.02}
    figure = waterfall_figure(
        Explanation(model="m", space="probability", base=0.2, values=values, output=0.16,
                    baseline="mean"),
        title="t", labels={"b": "B"}, values={"b": "3 Gy"},
    )  # fmt: skip
    assert [b.name for b in figure.bars] == ["b", "a", "c"]
    assert [b.contribution for b in figure.bars] == pytest.approx([-11, 5, 2])
    assert figure.bars[0].start == pytest.approx(20)
    assert figure.bars[-1].end == pytest.approx(16)
    assert figure.bars[0].caption == "B = 3 Gy"
    assert figure.unit == "percentage points"
    assert figure.summary == "from 20.0 % (mean) to 16.0 %"


def test_waterfall_sums_up_small_contributions() -> None:
    values = {f"x{i:02}": 0.1 * (i + 1) for i in range(12)}
    figure = waterfall_figure(
        Explanation(model="m", space="log-odds", base=0.0, values=values, output=7.8, baseline="b"),
        title="t", max_bars=5,
    )  # fmt: skip
    assert len(figure.bars) == 5
    assert figure.bars[-1].label == "8 other inputs"
    assert figure.bars[-1].end == pytest.approx(7.8)


def test_waterfall_that_does_not_close_is_refused() -> None:
    broken = Explanation(
        model="m", space="score", base=0, values={"a": 1.0}, output=1.1, baseline=""
    )
    with pytest.raises(ModelError):
        waterfall_figure(broken, title="t")


def test_risk_points_carry_interval_or_reason() -> None:
    points = [
        risk_point("a", _prediction()),
        risk_point("b", _prediction(interval=None, interval_reason="none published")),
        risk_point("c", _prediction(probability=None, interval=None, reason="Age is missing.")),
        risk_point("d", _prediction(domain="edge")),
    ]
    assert points[0].text == "estimated 20 % (95 % interval 10 to 35 %)"
    assert points[1].text == "estimated 20 % (no interval: none published)"
    assert [p.beside for p in points] == ["", "no interval: none published", "", ""]
    assert points[2].text == "no estimate: Age is missing."
    assert points[3].text.endswith("at the edge of the model's population")
    assert risk_figure(points).upper_percent == 40


def test_risk_outside_the_domain_is_withheld_until_asked_for() -> None:
    outside = _prediction(domain="out", domain_reasons=("age 17",))
    assert risk_point("a", outside).percent is None
    assert "age 17" in risk_point("a", outside).text
    shown = risk_point("a", outside, out_of_domain_accepted=True)
    assert shown.percent == pytest.approx(20)
    assert "outside the model's population" in shown.text


def test_four_cells_add_up() -> None:
    figure = four_cells((0.7, 0.15, 0.1, 0.05), "independent", (None, (0.1, 0.2), None, None))
    assert [c.percent for c in figure.cells] == pytest.approx([70, 15, 10, 5])
    assert figure.cells[1].low_percent == pytest.approx(10)
    assert figure.caption == "independent; no interval: none is supported by the source"
    with pytest.raises(ValueError, match="add up"):
        four_cells((0.7, 0.2, 0.1, 0.05), "independent")


def test_timeline_counts_days_from_the_first_fraction() -> None:
    figure = timeline_figure(
        rt_start="2026-01-10", rt_end="2026-02-20", ici_dates=("2026-03-06", "2026-04-03"),
        lab_dates=["2026-01-02", "2026-01-02"], symptom_date="2026-05-01",
        overlap=("2026-03-06", "2026-08-20"),
    )  # fmt: skip
    assert figure is not None
    assert [lane.name for lane in figure.lanes] == ["Radiotherapy", "ICI doses", "Labs", "Symptoms"]
    assert figure.day("2026-01-10") == 0
    assert figure.day("2026-01-02") == -8
    low, high = figure.range_days
    assert low < -8
    assert high > figure.day("2026-08-20")
    assert figure.missing == ()


def test_timeline_of_little() -> None:
    assert timeline_figure() is None
    figure = timeline_figure(rt_end="2026-02-20")
    assert figure is not None
    assert figure.lanes[0].name == "Radiotherapy (end only)"
    assert figure.missing == ("radiotherapy start and end", "immunotherapy dates")
    with pytest.raises(ValueError, match="before it starts"):
        timeline_figure(rt_start="2026-02-20", rt_end="2026-01-01")


def test_lab_trend_takes_the_newest_range() -> None:
    results = [
        LabResult(key="ldh", date=d, value=v, source_value="", source_unit="U/L", high=h)
        for d, v, h in (("2026-02-01", 300, 250), ("2026-01-01", 200, 240))
    ]
    marks = treatment_marks("2026-01-10", None, ("2026-03-01", "2026-02-15"))
    figure = lab_trend_figure(results, "ldh", marks)
    assert figure is not None
    assert figure.dates == ("2026-01-01", "2026-02-01")
    assert (figure.low, figure.high) == (None, 250)
    assert figure.range_note
    assert figure.axis_title == "LDH (U/L)"
    assert [m.start for m in figure.marks] == ["2026-01-10", "2026-02-15"]
    assert lab_trend_figure(results, "crp") is None
    assert index_trend_figure("NLR", []) is None


def test_scenario_figure_never_mixes_units() -> None:
    rows = [
        scenario_row("MLD", 15, 13, "Gy"),
        scenario_row("RP", 18, 15, "%"),
        scenario_row("gone", None, 1, "Gy"),
    ]
    figure = scenario_figure(rows)
    assert figure is not None
    assert figure.unit == "%"
    assert [r.metric for r in figure.rows] == ["RP"]
    assert scenario_figure(rows[2:]) is None


def test_probability_row_says_whether_it_has_an_interval() -> None:
    row = probability_row("RP", _prediction(), _prediction(probability=0.1, interval=(0.05, 0.2)))
    assert row.difference == pytest.approx(-10)
    assert row.caption == "RP (estimated; 95 % interval)"
    bare = _prediction(interval=None, interval_reason="none published")
    assert (
        probability_row("RP", bare, bare).caption == "RP (estimated; no interval: none published)"
    )


def _roi(**more: object) -> Roi:
    return Roi(**{"number": 3, "name": "x", "contours": (), **more})  # type: ignore[arg-type]


def test_structures_are_colored_by_source_role_number() -> None:
    assert structure_color(_roi(standard_name="Lung_L")) == BLUE
    assert structure_color(_roi(standard_name="GTV_1")) == structure_color(
        _roi(interpreted_type="GTV")
    )
    assert structure_color(_roi()) == SERIES[3]
    assert structure_color(_roi(color=(200, 30, 30))).light == "#C81E1E"


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_source_colors_can_be_seen(color: tuple[int, int, int]) -> None:
    tone = structure_color(_roi(color=color))
    assert contrast(rgb(tone.light), (255, 255, 255)) >= LEAST_CONTRAST
    assert contrast(rgb(tone.dark), (14, 17, 23)) >= LEAST_CONTRAST


@pytest.mark.parametrize("tone", SERIES)
def test_own_colors_can_be_seen(tone: object) -> None:
    assert contrast(rgb(tone.light), (255, 255, 255)) >= LEAST_CONTRAST  # type: ignore[attr-defined]
    assert contrast(rgb(tone.dark), (14, 17, 23)) >= LEAST_CONTRAST  # type: ignore[attr-defined]


def test_isodoses_have_different_colors() -> None:
    assert len({isodose_color(i, 6) for i in range(6)}) == 6


SAME_BLUE = Tone("#4040FF", "#4040FF")


def _flat(name: str, tone: Tone, dash: str = "solid") -> DvhCurve:
    return dvh_curve(name, [0, 1], [100, 0], tone, dash)  # type: ignore[arg-type]


def test_structures_of_one_color_are_told_apart() -> None:
    almost = Tone("#4244FC", "#4244FC")
    curves = dvh_figure(
        [_flat("Lung-Left", SAME_BLUE), _flat("Lung-Right", almost), _flat("GTV", VERMILION)]
    ).curves
    assert [c.tone for c in curves][::2] == [SAME_BLUE, VERMILION]
    assert curves[1].tone in (*SERIES, WINE, SAND, GRAY)
    assert not any(is_near(a.tone, b.tone) for a, b in itertools.combinations(curves, 2))
    assert [c.dash for c in curves] == ["solid"] * 3


def test_a_structure_has_one_color_in_both_plans() -> None:
    figure = dvh_figure(
        [
            _flat("Lung_R (A)", BLUE),
            _flat("Lungs-GTV (A)", BLUE),
            _flat("Lungs-GTV (B)", BLUE, "dash"),
            _flat("Lung_R (B)", BLUE, "dash"),
        ]
    )
    right, both, both_b, right_b = figure.curves
    assert (right.tone, both.tone) == (right_b.tone, both_b.tone)
    assert not is_near(right.tone, both.tone)
    assert [c.dash for c in figure.curves] == ["solid", "solid", "dash", "dash"]


def test_more_structures_than_colors_differ_by_line() -> None:
    curves = dvh_figure([_flat(f"s{i}", BLUE) for i in range(24)]).curves
    for a, b in itertools.combinations(curves, 2):
        assert a.dash != b.dash or not is_near(a.tone, b.tone)
    assert "dash" not in {c.dash for c in curves}


def test_told_apart_once_is_told_apart() -> None:
    once = distinct_tones([SAME_BLUE, SAME_BLUE, BLUE, VERMILION, VERMILION])
    assert distinct_tones(once) == once
