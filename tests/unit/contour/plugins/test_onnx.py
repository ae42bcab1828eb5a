"""ONNX models with known answers: where structures land, what is drawn, what is refused."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import pytest

from abscope.contour.engine import Request, silent
from abscope.contour.registry import engines
from abscope.core.errors import EngineError
from abscope.core.geometry import Grid, Volume
from abscope.core.structures import StructureSet
from tests.unit.contour.plugins import tiny

pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
pytest.importorskip("onnx", reason="onnx is not installed")
LANDMARK = np.mean(tiny.LANDMARK_MM, axis=0)


def draw(
    folder: pathlib.Path, model: bytes, image: Volume, *names: str, **changes: Any
) -> StructureSet:
    tiny.write(folder, "tiny", model, tiny.description(model, **changes))
    engine = engines((folder,))["onnx:tiny"]
    assert engine.missing() == ()
    return engine.run(image, Request(structures=names), silent)


@pytest.mark.parametrize("patch", [None, {"size": {"x": 20, "y": 24, "z": 28}, "overlap": 0.5}])
@pytest.mark.parametrize(
    ("axes", "orientation"),
    [
        ("zyx", "LPS"),
        ("xyz", "RAS"),
        ("xyz", "LPS"),
        ("zyx", "RAI"),
        ("yxz", "LAI"),
        ("zxy", "RPS"),
    ],
)
def test_a_landmark_lands_where_the_models_axes_say(
    tmp_path: pathlib.Path, axes: str, orientation: str, patch: object
) -> None:
    """A model with axes and directions other than the image's moves a landmark by a different
    number of voxels along each. It lands at that point in millimetres."""
    given = {"axes": axes, "orientation": orientation, "patch": patch}
    found = draw(tmp_path, tiny.onnx_convolution(), tiny.image(), input=given)
    moved = tiny.moved_mm(axes, orientation, {"x": 2.0, "y": 2.0, "z": 2.0})
    assert tiny.middle_of(found) == pytest.approx(LANDMARK + moved, abs=0.3)


@pytest.mark.parametrize("spacing_zyx", [(3.0, 1.0, 1.5), (1.0, 3.0, 2.0), (5.0, 0.8, 0.8)])
def test_a_landmark_lands_at_its_place_with_other_spacings(
    tmp_path: pathlib.Path, spacing_zyx: tuple[float, float, float]
) -> None:
    """Image and model have different spacings in each direction. The landmark lands within half
    a voxel of the place where the model's voxels put it."""
    spacing = {"x": 2.0, "y": 1.0, "z": 4.0}
    given = {"axes": "xyz", "orientation": "RAS", "spacing_mm": spacing}
    image = tiny.image(spacing_zyx)
    found = draw(tmp_path, tiny.onnx_convolution(), image, input=given)
    wanted = np.mean(tiny.landmark_of(image), axis=0) + tiny.moved_mm("xyz", "RAS", spacing)
    off = tiny.middle_of(found) - wanted
    limits = [max(a, b) / 2 + 0.3 for a, b in zip(spacing.values(), spacing_zyx[::-1], strict=True)]
    assert (np.abs(off) <= limits).all()


def test_uneven_planes_keep_their_positions(tmp_path: pathlib.Path) -> None:
    """The planes of the image are 2 mm apart below and 5 mm above. Contours lie on the image's
    own planes and enclose the landmark there."""
    offsets = np.concatenate([np.arange(0, 40, 2.0), np.arange(40, 96, 5.0)])
    image = tiny.image(planes_mm=offsets)
    model = tiny.onnx_convolution((1, 1, 1))
    given = {"axes": "zyx", "orientation": "LPS"}
    found = draw(tmp_path, model, image, input=given)
    planes = np.unique([c.points_mm[0, 2] for c in found.roi("Heart").contours])
    assert set(planes) <= set(offsets - 48.0)
    low, high = (corner[2] + 2.0 for corner in tiny.landmark_of(image))
    assert abs(planes.min() - low) <= 2.0 / 2
    assert abs(planes.max() - high) <= 5.0 / 2


def test_a_model_of_single_planes_sees_each_plane_alone(tmp_path: pathlib.Path) -> None:
    patch = {"size": {"x": 48, "y": 48, "z": 1}, "overlap": 0}
    given = {"axes": "yx", "orientation": "LAS", "patch": patch}
    found = draw(tmp_path, tiny.onnx_convolution((4, 2)), tiny.image(), input=given)
    assert tiny.middle_of(found) == pytest.approx(LANDMARK + np.array([4.0, -8.0, 0.0]), abs=0.3)


def test_whole_volumes_are_padded_to_the_multiple_asked_for(tmp_path: pathlib.Path) -> None:
    given = {"multiple_of": {"x": 32, "y": 20, "z": 7}}
    found = draw(tmp_path, tiny.onnx_convolution(), tiny.image(), input=given)
    moved = tiny.moved_mm("zyx", "LPS", {"x": 2.0, "y": 2.0, "z": 2.0})
    assert tiny.middle_of(found) == pytest.approx(LANDMARK + moved, abs=0.3)


@pytest.mark.parametrize(
    ("normalization", "threshold"),
    [
        ({"kind": "range", "low": 0, "high": 1}, 0.5),
        ({"kind": "zscore", "mean": 0, "sd": 500}, 0.0),
    ],
)
def test_values_are_cut_off_and_normalized_as_described(
    tmp_path: pathlib.Path, normalization: dict[str, Any], threshold: float
) -> None:
    model = tiny.onnx_levels((threshold - 0.01,))
    window = {"low": -200, "high": 200}
    output = {"kind": "labels", "labels": {"0": "background", "1": "Heart"}}
    given = {"window_hu": window, "normalization": normalization}
    boxes = {-10.0: ((-40.0,) * 3, (-20.0,) * 3), 10.0: tiny.LANDMARK_MM}  # below, above
    found = draw(tmp_path, model, tiny.image(boxes=boxes), input=given, output=output)
    assert tiny.middle_of(found) == pytest.approx(LANDMARK, abs=0.3)


BOXES = {
    100.0: ((-40.0, -40.0, -40.0), (-20.0, -20.0, -20.0)),
    300.0: ((10.0, -40.0, -40.0), (30.0, -20.0, -20.0)),
}


def test_label_maps_become_structures_by_name(tmp_path: pathlib.Path) -> None:
    """A model gives labels 1 and 2, of which both make the lungs. Each is drawn under its name,
    the union too, without a confidence, as there are no probabilities."""
    labels = {"0": "background", "1": ["Lung_R", "Lungs"], "2": ["Lung_L", "Lungs"]}
    output = {"kind": "labels", "labels": labels}
    found = draw(tmp_path, tiny.onnx_levels((0.0, 200.0)), tiny.image(boxes=BOXES), output=output)
    assert [r.name for r in found.rois] == ["Lung_R", "Lungs", "Lung_L"]
    assert [r.confidence for r in found.rois] == [None] * 3
    assert tiny.middle_of(found, "Lung_R") == pytest.approx([-30.0, -30.0, -30.0], abs=0.3)
    assert tiny.middle_of(found, "Lung_L") == pytest.approx([20.0, -30.0, -30.0], abs=0.3)
    assert tiny.box_of(found, "Lungs")[0][0] == pytest.approx(-41.0, abs=0.3)


def test_only_what_is_asked_for_is_drawn(tmp_path: pathlib.Path) -> None:
    output = {"kind": "labels", "labels": {"0": "", "1": "Lung_R", "2": "Lung_L"}}
    model = tiny.onnx_levels((0.0, 200.0))
    found = draw(tmp_path, model, tiny.image(boxes=BOXES), "Lung_L", output=output)
    assert [(r.name, r.number) for r in found.rois] == [("Lung_L", 2)]


def test_channels_that_stand_for_themselves_may_overlap(tmp_path: pathlib.Path) -> None:
    output = {"kind": "sigmoid", "labels": {"0": "Pericardium", "1": "Heart"}}
    model = tiny.onnx_levels((0.0, 200.0), sigmoid=True)
    found = draw(tmp_path, model, tiny.image(boxes=BOXES), output=output)
    assert tiny.box_of(found, "Pericardium")[0][0] < 0 < tiny.box_of(found, "Pericardium")[1][0]
    assert tiny.box_of(found, "Heart")[0][0] > 0


@pytest.mark.parametrize("softmax", [True, False])
def test_confidence_is_the_mean_probability_and_low_ones_have_a_reason(
    tmp_path: pathlib.Path, softmax: bool
) -> None:
    boxes = {100.0: tiny.LANDMARK_MM}  # logit 1: probability 0.731
    output = {"kind": "softmax" if softmax else "logits"}
    model = tiny.onnx_convolution(softmax=softmax)
    (roi,) = draw(tmp_path, model, tiny.image(boxes=boxes), output=output).rois
    assert roi.confidence == pytest.approx(0.73, abs=0.01)
    assert "not calibrated" in roi.confidence_reason


def test_the_same_image_gives_the_same_contours_and_uid(tmp_path: pathlib.Path) -> None:
    model = tiny.onnx_convolution()
    first = draw(tmp_path, model, tiny.image())
    again = engines((tmp_path,))["onnx:tiny"].run(tiny.image(), Request(), silent)
    assert first.uid == again.uid
    assert first.source == "auto:onnx:tiny"
    assert first.frame_of_reference_uid == "1.2.3"
    assert np.array_equal(tiny.box_of(first, "Heart"), tiny.box_of(again, "Heart"))


def test_a_run_is_cancelled_between_two_patches(tmp_path: pathlib.Path) -> None:
    patch = {"size": {"x": 16, "y": 16, "z": 16}, "overlap": 0.5}
    model = tiny.onnx_convolution()
    tiny.write(tmp_path, "tiny", model, tiny.description(model, input={"patch": patch}))
    heard: list[str] = []

    def report(share: float, message: str) -> None:
        heard.append(message)
        if message.startswith("Part 3 "):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engines((tmp_path,))["onnx:tiny"].run(tiny.image(), Request(), report)
    assert heard[-1] == "Part 3 of 125"


def test_nothing_found_is_said(tmp_path: pathlib.Path) -> None:
    with pytest.raises(EngineError) as refused:
        draw(tmp_path, tiny.onnx_convolution(), tiny.image(boxes={-900.0: tiny.LANDMARK_MM}))
    assert refused.value.code == "engine-found-nothing"


def test_an_oblique_image_is_refused(tmp_path: pathlib.Path) -> None:
    turn = np.array([[np.cos(0.1), np.sin(0.1), 0], [-np.sin(0.1), np.cos(0.1), 0], [0, 0, 1]])
    grid = Grid.regular(
        origin_mm=(0, 0, 0), spacing_zyx_mm=(2, 2, 2), shape_zyx=(9, 9, 9), axes=turn
    )
    image = Volume(array_zyx=np.zeros((9, 9, 9), np.int16), grid=grid, unit="HU")
    with pytest.raises(EngineError) as refused:
        draw(tmp_path, tiny.onnx_convolution(), image)
    assert refused.value.code == "engine-image-not-axial"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"output": {"kind": "softmax"}}, "no probabilities"),
        ({"output": {"kind": "labels"}}, "several channels"),
        ({"output": {"labels": {"0": "", "1": "Heart", "2": "Lung_L"}}}, "gives 2 channels"),
        (
            {"input": {"axes": "yx", "patch": {"size": {"x": 8, "y": 8, "z": 1}, "overlap": 0}}},
            "does not run on a patch of shape (1, 1, 8, 8)",
        ),
    ],
)
def test_a_model_that_is_not_as_described_draws_nothing(
    tmp_path: pathlib.Path, changes: dict[str, Any], says: str
) -> None:
    """The description says softmax, labels, another number of channels or other axes than the
    model has. The run is refused and the sentence says which."""
    with pytest.raises(EngineError) as refused:
        draw(tmp_path, tiny.onnx_convolution(), tiny.image(), **changes)
    assert says in str(refused.value)


def test_a_label_that_is_not_described_is_refused(tmp_path: pathlib.Path) -> None:
    output = {"kind": "labels", "labels": {"0": "background", "1": "Heart"}}
    with pytest.raises(EngineError, match="label that is not described"):
        draw(tmp_path, tiny.onnx_levels((0.0, 200.0)), tiny.image(boxes=BOXES), output=output)


def test_a_file_that_is_no_onnx_is_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(EngineError, match="cannot read the model"):
        draw(tmp_path, b"not a model", tiny.image())
