"""What every registered contouring engine must keep to, on a made thorax."""

from __future__ import annotations

import numpy as np
import pytest

from abscope.contour.engine import ContourEngine, Request, not_found, silent
from abscope.contour.registry import DEFAULT, engines
from abscope.core.errors import EngineError
from abscope.core.geometry import Grid, Volume
from abscope.core.names import standard_name
from abscope.core.structures import StructureSet
from tests.unit.contour.thorax import LEFT_LUNG, thorax

pytestmark = pytest.mark.parametrize("name", list(engines()))
SEED_MM = (110.0, -10.0, -400.0)


@pytest.fixture(scope="module")
def drawn() -> dict[str, StructureSet]:
    return {}


def run(engine: ContourEngine, drawn: dict[str, StructureSet]) -> StructureSet:
    if engine.card.id not in drawn:
        drawn[engine.card.id] = engine.run(thorax(), Request(seed_mm=_seed(engine)), silent)
    return drawn[engine.card.id]


def _seed(engine: ContourEngine) -> tuple[float, float, float] | None:
    return SEED_MM if engine.card.needs_seed else None


def _skip_when_missing(engine: ContourEngine) -> None:
    if engine.missing():
        pytest.skip("; ".join(engine.missing()))


def test_card_is_complete(name: str) -> None:
    card = engines()[name].card
    texts = (card.id, card.version, card.title, card.description, card.licence)
    assert all(text.strip() for text in texts)
    assert card.id == name
    assert card.limits
    assert set(card.default_structures) <= set(card.structures)


def test_structures_carry_tg263_names(name: str) -> None:
    structures = engines()[name].card.structures
    assert [standard_name(s) for s in structures] == list(structures)


def test_the_default_engine_needs_nothing(name: str) -> None:
    missing = engines()[name].missing()
    assert missing == () if name == DEFAULT else all(s.endswith(".") for s in missing)


@pytest.mark.slow
def test_result_names_the_engine_and_the_frame(name: str, drawn: dict[str, StructureSet]) -> None:
    _skip_when_missing(engines()[name])
    result = run(engines()[name], drawn)
    assert result.source == f"auto:{name}"
    assert result.frame_of_reference_uid == thorax().grid.frame_of_reference_uid
    assert not_found(engines()[name].card.default_structures, result) == ()


@pytest.mark.slow
def test_rois_are_named_numbered_and_rated(name: str, drawn: dict[str, StructureSet]) -> None:
    _skip_when_missing(engines()[name])
    rois = run(engines()[name], drawn).rois
    assert all(roi.standard_name in (None, roi.name) for roi in rois)
    on_card = [r for r in rois if r.name in engines()[name].card.structures]
    assert all(roi.standard_name for roi in on_card)
    assert len({roi.number for roi in rois}) == len(rois)
    assert all(roi.confidence is not None and 0 <= roi.confidence <= 1 for roi in on_card)
    assert all(roi.confidence_reason for roi in rois if roi.confidence is None)


@pytest.mark.slow
def test_contours_lie_on_planes_inside_the_image(name: str, drawn: dict[str, StructureSet]) -> None:
    _skip_when_missing(engines()[name])
    grid = thorax().grid
    for roi in run(engines()[name], drawn).rois:
        points = np.concatenate([c.points_mm for c in roi.contours])
        index = grid.to_index(points)
        assert np.allclose(index[:, 0], np.round(index[:, 0]), atol=1e-6)
        assert (index >= -0.5).all()
        assert (index <= np.array(grid.shape_zyx) - 0.5).all()
        assert all(len(c.points_mm) >= 3 for c in roi.contours)


@pytest.mark.slow
def test_same_image_same_contours(name: str, drawn: dict[str, StructureSet]) -> None:
    engine = engines()[name]
    _skip_when_missing(engine)
    first, again = run(engine, drawn), engine.run(thorax(), Request(seed_mm=_seed(engine)), silent)
    assert first.uid == again.uid
    for a, b in zip(first.rois, again.rois, strict=True):
        assert all(
            np.array_equal(p.points_mm, q.points_mm)
            for p, q in zip(a.contours, b.contours, strict=True)
        )


@pytest.mark.slow
def test_left_is_where_x_grows(name: str, drawn: dict[str, StructureSet]) -> None:
    _skip_when_missing(engines()[name])
    for roi in run(engines()[name], drawn).rois:
        middle = np.concatenate([c.points_mm for c in roi.contours])[:, 0].mean()
        if roi.name.endswith(("_L", "_Click")):
            assert middle > LEFT_LUNG[0][0] / 2
        elif roi.name.endswith("_R"):
            assert middle < -LEFT_LUNG[0][0] / 2


def test_unknown_structure_is_refused(name: str) -> None:
    with pytest.raises(EngineError, match="does not draw"):
        engines()[name].run(thorax(), Request(structures=("Parotid_L",)), silent)


@pytest.mark.parametrize(
    ("axes", "unit", "code"),
    [
        ([[0, 1, 0], [0, 0, 1], [1, 0, 0]], "HU", "engine-image-not-axial"),
        (np.eye(3), "g/mL", "engine-image-not-ct"),
    ],
)
def test_other_images_are_refused(name: str, axes: object, unit: str, code: str) -> None:
    grid = Grid.regular(
        origin_mm=(0, 0, 0), spacing_zyx_mm=(3, 2, 2), shape_zyx=(9, 40, 40), axes=np.array(axes)
    )
    image = Volume(array_zyx=np.zeros(grid.shape_zyx, np.int16), grid=grid, unit=unit)
    with pytest.raises(EngineError) as refused:
        engines()[name].run(image, Request(seed_mm=SEED_MM), silent)
    assert refused.value.code == code
