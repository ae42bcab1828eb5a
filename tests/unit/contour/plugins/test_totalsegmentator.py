"""TotalSegmentator: its real interface around a stand-in for the networks, which are not here.

Only ``nnUNetv2_predict``, which reads one NIfTI file and writes another, is replaced: turning,
resampling, cropping and putting back are TotalSegmentator's own.
"""

from __future__ import annotations

import inspect
import pathlib
from typing import Any

import numpy as np
import pytest

from abscope.contour.engine import Request, silent
from abscope.contour.plugins.totalsegmentator import ENGINES
from abscope.contour.registry import engines
from abscope.core.errors import EngineError
from tests.unit.contour.plugins import tiny

pytestmark = pytest.mark.filterwarnings("ignore")  # of the libraries that it imports
#: A dense box on the patient's right (x below 0) and, higher up, a thin one on the left, in 0 HU.
BOXES = {
    300.0: ((-60.0, -10.0, -40.0), (-30.0, 40.0, -10.0)),
    -300.0: ((20.0, -40.0, 0.0), (40.0, -10.0, 30.0)),
}


@pytest.fixture(name="library")
def _library(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return TotalSegmentator's module of networks, which may not reach the internet."""
    pytest.importorskip(
        "totalsegmentator", reason="TotalSegmentator is not installed (make test-engines)"
    )
    import requests
    import totalsegmentator.nnunet as library

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("nothing may be sent or fetched")

    monkeypatch.setattr(requests, "post", refuse)
    monkeypatch.setattr(requests, "get", refuse)
    return library


@pytest.fixture(name="weights")
def _weights(library: Any, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """Return a folder with the names of all weights that are asked for, and nothing in them."""
    from totalsegmentator.map_tasks_config import TASK_ID_WEIGHTS_CONFIGS

    for number in {n for engine in ENGINES for n in engine.weights}:
        (tmp_path / TASK_ID_WEIGHTS_CONFIGS[number]["foldername"]).mkdir()
    monkeypatch.setenv("TOTALSEG_WEIGHTS_PATH", str(tmp_path))
    return tmp_path


def stand_in(monkeypatch: pytest.MonkeyPatch, library: Any, labels: dict[int, int]) -> list[int]:
    """Let each network mark what is denser or thinner than these HU with a label."""
    import nibabel
    from totalsegmentator.config import get_config

    asked: list[int] = []

    def predict(dir_in: Any, dir_out: Any, task_id: int, *args: Any, **kwargs: Any) -> None:
        assert get_config()["send_usage_stats"] is False
        asked.append(task_id)
        given = nibabel.load(pathlib.Path(dir_in) / "s01_0000.nii.gz")
        values = np.asarray(given.dataobj)
        marked = np.zeros(values.shape, np.uint8)
        for limit, label in labels.items():
            marked[values > limit if limit > 0 else values < limit] = label
        nibabel.save(
            nibabel.Nifti1Image(marked, given.affine), pathlib.Path(dir_out) / "s01.nii.gz"
        )

    monkeypatch.setattr(library, "nnUNetv2_predict", predict)
    return asked


def label_of(name: str, part: str = "total") -> int:
    from totalsegmentator.map_to_binary import class_map, class_map_5_parts

    labels = class_map_5_parts[part] if part in class_map_5_parts else class_map[part]
    return next(n for n, found in labels.items() if found == name)


@pytest.mark.parametrize(
    "planes_mm", [None, np.concatenate([np.arange(0, 60, 2.0), np.arange(60, 120, 4.0)])]
)
def test_left_and_right_land_on_their_sides_at_their_height(
    library: Any, weights: Any, monkeypatch: pytest.MonkeyPatch, planes_mm: Any
) -> None:
    """The network marks one box as a lobe of the right lung and one, higher up, as the left, in an
    image with anisotropic spacing and even or uneven planes. Each lands at its place."""
    right, left = label_of("lung_lower_lobe_right"), label_of("lung_upper_lobe_left")
    asked = stand_in(monkeypatch, library, {150: right, -150: left})
    engine = engines(())["totalsegmentator:fast"]
    assert engine.missing() == ()
    spacing = (4.0, 2.0, 1.5) if planes_mm is None else (2.0, 2.0, 1.5)
    image = tiny.image(spacing, extent_mm=120.0, boxes=BOXES, background=0, planes_mm=planes_mm)
    found = engine.run(image, Request(structures=("Lung_L", "Lung_R", "Lung_RLL")), silent)
    assert asked == [297]
    assert sorted(r.name for r in found.rois) == ["Lung_L", "Lung_R", "Lung_RLL"]
    for name, value in (("Lung_R", 300.0), ("Lung_RLL", 300.0), ("Lung_L", -300.0)):
        off = tiny.middle_of(found, name) - np.mean(BOXES[value], axis=0)
        assert (np.abs(off) <= 3.0).all(), name
    assert {r.confidence for r in found.rois} == {None}


def test_only_the_networks_of_what_is_asked_for_are_run(
    library: Any, weights: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One organ is asked of the full resolution. The coarse network finds its box, and only the
    network that knows it is run there."""
    part = "class_map_part_cardiac"
    heart, coarse = label_of("heart", part), label_of("heart")
    assert heart != coarse
    asked = stand_in(monkeypatch, library, {150: coarse})
    real = library.nnUNetv2_predict

    def predict(dir_in: Any, dir_out: Any, task_id: int, *args: Any, **kwargs: Any) -> None:
        if task_id != 297:
            stand_in(monkeypatch, library, {150: heart})
            library.nnUNetv2_predict(dir_in, dir_out, task_id)
            asked.append(task_id)
        else:
            real(dir_in, dir_out, task_id)

    monkeypatch.setattr(library, "nnUNetv2_predict", predict)
    image = tiny.image(extent_mm=120.0, boxes={300.0: BOXES[300.0]}, background=0)
    found = engines(())["totalsegmentator"].run(image, Request(structures=("Heart",)), silent)
    assert asked == [297, 293]
    assert np.abs(tiny.middle_of(found) - np.mean(BOXES[300.0], axis=0)).max() <= 3.0


def test_weights_of_another_version_are_refused_not_fetched(
    library: Any, weights: pathlib.Path
) -> None:
    """The weights of an older version are in the folder. The installed version would fetch its
    own; the run is refused instead, and says so."""
    (folder,) = weights.glob("Dataset297_*")
    folder.rename(weights / "Dataset297_TotalSegmentator_of_another_version")
    engine = engines(())["totalsegmentator:fast"]
    assert engine.missing() == ()
    with pytest.raises(EngineError, match="The weights 297 of this version"):
        engine.run(tiny.image(), Request(), silent)


@pytest.mark.parametrize("engine", ENGINES, ids=lambda e: e.card.id)
def test_every_mapped_name_is_one_of_the_librarys(library: Any, engine: Any) -> None:
    """The mapping names labels, tasks and weights of TotalSegmentator. The installed version knows
    them all, none of the tasks needs a license key, and its interface takes what is handed over."""
    from totalsegmentator import python_api
    from totalsegmentator.map_tasks_config import TASK_CONFIGS
    from totalsegmentator.map_to_binary import class_map

    assert set(engine.names) <= set(class_map[engine.task].values())
    assert not TASK_CONFIGS[engine.task].get("commercial")
    config = python_api.get_task_config(engine.task, fast=engine.fast, quiet=True)
    needed = config["task_id"] if isinstance(config["task_id"], list) else [config["task_id"]]
    assert set(needed) <= set(engine.weights)
    taken = inspect.signature(python_api.totalsegmentator).parameters
    assert {"ml", "task", "fast", "device", "quiet", "nr_thr_saving", "roi_subset_robust"} <= set(
        taken
    )


# --------------------------------------------------------------------- what needs no library
def test_lacking_weights_are_a_sentence_that_says_what_to_do(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOTALSEG_WEIGHTS_PATH", str(tmp_path))
    (tmp_path / "Dataset291_x").mkdir()
    sentence = engines(())["totalsegmentator"].missing()[-1]
    assert "weights 292, 293, 294, 295, 297 of TotalSegmentator are not on this machine" in sentence
    assert "downloads nothing by itself" in sentence
    with pytest.raises(EngineError, match="cannot run here"):
        engines(())["totalsegmentator"].run(tiny.image(), Request(), silent)


def test_unions_are_complete() -> None:
    names = ENGINES[0].names
    left = [label for label, given in names.items() if "Lung_L" in given]
    assert left == ["lung_upper_lobe_left", "lung_lower_lobe_left"]
    assert sum("Ribs" in given for given in names.values()) == 24
    assert sum("Lungs" in given for given in names.values()) == 5
