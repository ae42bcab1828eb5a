import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from abscope.core.geometry import Volume
from abscope.core.labs import LabResult
from abscope.core.structures import StructureSet
from abscope.figures import printed, printed_time, screen, screen_dvh, screen_time
from abscope.figures.dvh import dvh_curve, dvh_figure
from abscope.figures.lab_trend import Mark, index_trend_figure, lab_trend_figure, treatment_marks
from abscope.figures.palette import BLUE, Tone
from abscope.figures.risk import four_cells, risk_figure, risk_point
from abscope.figures.scenario import scenario_figure, scenario_row
from abscope.figures.slice_view import slice_view
from abscope.figures.text import clean, for_matplotlib, for_plotly, for_reportlab
from abscope.figures.timeline import timeline_figure
from abscope.figures.waterfall import waterfall_figure
from abscope.predict.model import Explanation, Prediction
from tests.unit.figures.conftest import HOSTILE


def _figures(name: str, ramp: Volume, boxes: StructureSet) -> list[tuple[object, object]]:
    """One figure of each kind with a name in it, drawn on screen and in print."""
    dose = np.linspace(0, 60, 500)
    dvh = dvh_figure(
        [dvh_curve(name, dose, 100 - dose, BLUE), dvh_curve(name, dose, 90 - dose, BLUE, "dash")]
    )
    space = Explanation(
        model="m", space="log-odds", base=-1, values={"a": 0.5, "b": -2}, output=-2.5, baseline=name
    )
    waterfall = waterfall_figure(space, title=name, labels={"a": name}, values={"b": name})
    predictions = [
        Prediction(
            model="m", version="1", endpoint="e", probability=p, interval=i, level=0.9, score=None,
            domain="edge", missing=(), inputs={}, reason=name, interval_reason=name,
        )
        for p, i in ((0.3, (0.2, 0.4)), (0.1, None), (None, None))
    ]  # fmt: skip
    risk = risk_figure(risk_point(name, p) for p in predictions)
    cells = four_cells((0.5, 0.2, 0.2, 0.1), name, ((0.4, 0.6), None, None, None))
    rows = [scenario_row(name, 10, 12, "%"), scenario_row("b", 3, None, "%")]
    scenario = scenario_figure(rows, name)
    timeline = timeline_figure(
        rt_start="2026-01-10", rt_end="2026-02-20", ici_dates=("2026-03-06",), ici_name=name,
        lab_dates=("2026-01-01",), overlap=("2026-03-06", "2026-08-20"), overlap_label=name,
    )  # fmt: skip
    labs = [
        LabResult(key="alc", date=d, value=v, source_value="", source_unit="", low=1.0, high=4.0)
        for d, v in (("2026-01-01", 1.8), ("2026-02-01", 0.6))
    ]
    marks = (*treatment_marks("2026-01-10", "2026-02-20"), Mark(label=name, start="2026-01-15",
                                                              tone=BLUE))  # fmt: skip
    trend = lab_trend_figure(labs, "alc", marks)
    index = index_trend_figure(name, [("2026-01-01", 3.0)])
    view = slice_view(ramp, "coronal", (0, 0, 0), structures=boxes, dose=ramp, levels_gy=(50, 500))
    assert scenario
    assert timeline
    assert trend
    assert index
    return [
        (screen_dvh.dvh(dvh), printed.dvh(dvh)),
        (screen.waterfall(waterfall), printed.waterfall(waterfall)),
        (screen.risk(risk, "dark"), printed.risk(risk)),
        (screen.four_cells(cells), printed.four_cells(cells)),
        (screen.scenario(scenario), printed.scenario(scenario)),
        (screen_time.timeline(timeline), printed_time.timeline(timeline)),
        (screen_time.lab_trend(trend), printed_time.lab_trend(trend)),
        (screen_time.lab_trend(index), printed_time.lab_trend(index)),
        (screen_time.slice_view(view), printed_time.slice_view(view)),
    ]


@pytest.fixture(scope="module")
def drawn(ramp: Volume, boxes: StructureSet) -> list[tuple[object, object]]:
    return _figures("GTV", ramp, boxes)


def assert_drawn_as_text(figures: list[tuple[object, object]]) -> None:
    for on_screen, in_print in figures:
        text = on_screen.to_json()  # type: ignore[attr-defined]
        assert not re.search(r"<(?!br>|extra>|/extra>)", json.dumps(json.loads(text)))
        assert "$" not in text
        assert Image.open(io.BytesIO(in_print)).format == "PNG"  # type: ignore[arg-type]


def test_a_name_of_all_that_may_act_draws_everywhere(ramp: Volume, boxes: StructureSet) -> None:
    assert_drawn_as_text(_figures(" ".join(HOSTILE[:3]), ramp, boxes))


@pytest.mark.slow
def test_hostile_names_draw_everywhere(ramp: Volume, boxes: StructureSet, hostile: str) -> None:
    assert_drawn_as_text(_figures(hostile, ramp, boxes))


def test_backgrounds_are_transparent_and_axes_have_units(
    drawn: list[tuple[object, object]],
) -> None:
    for on_screen, _ in drawn:
        layout = json.loads(on_screen.to_json())["layout"]  # type: ignore[attr-defined]
        assert layout["paper_bgcolor"] == layout["plot_bgcolor"] == "rgba(0,0,0,0)"
        titles = " ".join(
            layout[axis]["title"]["text"] for axis in ("xaxis", "yaxis") if "title" in layout[axis]
        )
        assert re.search(r"\(.+\)|mm|Log-odds|GTV", titles)


def test_dvh_on_screen_is_small() -> None:
    dose = np.linspace(0, 70, 7001)
    curves = [
        dvh_curve(f"s{i}", dose, 100 / (1 + np.exp((dose - 5 * i) / 3)), BLUE) for i in range(12)
    ]
    assert len(screen_dvh.dvh(dvh_figure(curves)).to_json()) < 60_000


def test_theme_chooses_the_shade() -> None:
    curve = dvh_curve("x", [0, 1], [100, 0], Tone("#111111", "#EEEEEE"))
    for theme, color in (("light", "#111111"), ("dark", "#EEEEEE")):
        drawn = screen_dvh.dvh(dvh_figure([curve]), theme)  # type: ignore[arg-type]
        assert drawn.data[0].line.color == color


@pytest.mark.slow
def test_print_is_the_same_twice(
    drawn: list[tuple[object, object]], ramp: Volume, boxes: StructureSet
) -> None:
    assert [p for _, p in _figures("GTV", ramp, boxes)] == [p for _, p in drawn]


def test_slice_is_printed_to_scale(ramp: Volume) -> None:
    view = slice_view(ramp, "axial", (0, 0, 0))
    picture = Image.open(io.BytesIO(printed_time.slice_view(view, width_in=3)))
    assert picture.width / picture.height == pytest.approx(41 / 62, rel=0.01)


@pytest.mark.parametrize("make", [clean, for_plotly, for_matplotlib, for_reportlab])
def test_safe_text_is_one_legal_line(make: object, hostile: str) -> None:
    safe = make(hostile)  # type: ignore[operator]
    safe.encode("utf-8")
    assert all(c.isprintable() for c in safe)
    assert "\u202e" not in safe
