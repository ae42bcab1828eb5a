"""DVHs read at common doses, and their drawing on screen."""

from __future__ import annotations

import numpy as np
import pytest

from abscope.dose.histogram import Dvh
from abscope.figures import screen_dvh
from abscope.figures.dvh import DvhBand, DvhCurve, dvh_figure
from abscope.figures.dvh_samples import common_doses, drawn_doses, drawn_volumes
from abscope.figures.palette import BLUE, GREEN

DVH = Dvh.from_dose_points("x", np.linspace(5.0, 15.0, 10001), np.full(10001, 1e-3))


@pytest.mark.parametrize("max_gy", [0.0, 3.0, 14.0, 62.5, 74.99, 75.0, 149.0, 1200.0, 9000.0])
def test_common_doses_reach_the_highest_dose_in_few_round_steps(max_gy):
    doses = common_doses(max_gy)
    assert doses[0] == 0
    assert doses[-1] >= max_gy
    assert 2 <= len(doses) <= 301
    assert np.allclose(np.diff(doses), doses[1])


def test_differential_of_an_even_spread_is_flat_and_holds_the_whole_volume():
    doses = common_doses(float(DVH.bin_edges_gy[-1]))
    volumes = DVH.volumes_at_least(doses)
    found = drawn_volumes(volumes, doses, "differential", "%", DVH.covered_volume_cm3)
    middles = drawn_doses(doses, "differential")
    assert len(found) == len(middles) == len(doses) - 1
    assert (found * np.diff(doses)).sum() == pytest.approx(100)
    inside = (middles > 5.2) & (middles < 14.8)
    assert found[inside] == pytest.approx(10.0, rel=0.01)  # per cent a gray
    assert found[middles < 4.9] == pytest.approx(0, abs=1e-9)
    cm3 = drawn_volumes(volumes, doses, "differential", "cm³", DVH.covered_volume_cm3)
    assert cm3 == pytest.approx(found * DVH.covered_volume_cm3 / 100)


def _curve(name, tone, end):
    doses = common_doses(10.0)[:end].astype(np.float32)
    return DvhCurve(name=name, dose_gy=doses, volume=100 - doses, tone=tone)


def test_curves_with_common_doses_have_one_readout_and_the_last_trace_is_picked():
    figure = dvh_figure(
        [_curve("a", BLUE, 50), _curve("b", GREEN, 30)],
        bands=[DvhBand(name="a", dose_gy=np.ones(1), low=np.ones(1), high=np.full(1, 2.0))],
    )
    drawn = screen_dvh.dvh(figure, "dark", marked_gy=2.0)
    assert drawn.layout.hovermode == "x unified"
    assert drawn.layout.hoverlabel.bgcolor != drawn.layout.paper_bgcolor
    assert [t.hoverinfo for t in drawn.data] == ["skip", "skip", None, None]
    screen_dvh.add_picker(drawn, common_doses(10.0))
    assert drawn.data[-1].mode == "markers"
    assert list(drawn.data[-1].x) == pytest.approx(common_doses(10.0))
    assert drawn.layout.shapes[0].x0 == 2.0


def test_other_curves_are_read_one_by_one():
    odd = DvhCurve(name="b", dose_gy=np.array([0.0, 3.3]), volume=np.array([1.0, 0]), tone=BLUE)
    assert screen_dvh.dvh(dvh_figure([_curve("a", GREEN, 9), odd])).layout.hovermode == "closest"


def test_axis_names_its_unit():
    curve = _curve("a", BLUE, 9)
    assert dvh_figure([curve], "cm³", kind="differential").volume_label == (
        "Volume per gray (cm³/Gy)"
    )
    assert dvh_figure([curve], "cm³").volume_label == "Volume (cm³)"
    assert dvh_figure([curve]).max_volume == 100


def test_the_axis_of_a_differential_figure_leaves_out_what_receives_hardly_any_dose():
    doses, volumes = np.array([0.1, 0.9, 1.0, 9.0]), np.array([300.0, 200.0, 20.0, 4.0])
    curve = DvhCurve(name="a", dose_gy=doses, volume=volumes, tone=BLUE)
    assert dvh_figure([curve], kind="differential").max_volume == 20.0
    low = DvhCurve(name="a", dose_gy=doses[:2], volume=volumes[:2], tone=BLUE)
    assert dvh_figure([low], kind="differential").max_volume == 300.0
    assert dvh_figure([], kind="differential").max_volume == 1.0
