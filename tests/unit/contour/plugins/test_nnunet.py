"""nnU-Net folders: nnU-Net's own loading and inference with a known answer, and what is refused."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import numpy as np
import pytest

from abscope.contour.engine import Request, silent
from abscope.contour.registry import engines
from abscope.core.errors import EngineError
from tests.unit.contour.plugins import tiny, tiny_nnunet

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


def listed(folder: pathlib.Path) -> Any:
    return engines((folder,))["nnunet:tiny"]


@pytest.mark.parametrize("orientation", ["LPS", "RAS", "LAI"])
def test_a_landmark_lands_where_the_models_axes_say(
    tmp_path: pathlib.Path, orientation: str
) -> None:
    """A model trained on images of another orientation and spacing moves a landmark by a
    different number of its voxels along each axis. It lands at that point in millimetres."""
    spacing_zyx = (3.0, 2.0, 1.5)
    tiny_nnunet.write(tmp_path, spacing_zyx=spacing_zyx, orientation=orientation)
    engine = listed(tmp_path)
    assert engine.missing() == ()
    image = tiny.image((2.0, 2.0, 2.0))
    found = engine.run(image, Request(), silent)
    spacing = dict(zip("zyx", spacing_zyx, strict=True))
    moved = tiny.moved_mm("zyx", orientation, spacing)
    off = tiny.middle_of(found) - (np.mean(tiny.landmark_of(image), axis=0) + moved)
    assert (np.abs(off) <= 1.8).all()
    assert found.roi("Heart").confidence > 0.8


def test_uneven_planes_keep_their_positions(tmp_path: pathlib.Path) -> None:
    """The planes of the image are 2 mm apart below and 4 mm above. Contours lie on the image's
    own planes and enclose the landmark there."""
    tiny_nnunet.write(tmp_path, spacing_zyx=(2.0, 2.0, 2.0))
    offsets = np.concatenate([np.arange(0, 40, 2.0), np.arange(40, 96, 4.0)])
    image = tiny.image(planes_mm=offsets)
    found = listed(tmp_path).run(image, Request(), silent)
    planes = np.unique([c.points_mm[0, 2] for c in found.roi("Heart").contours])
    assert set(planes) <= set(offsets - 48.0)
    low, high = (corner[2] + 4.0 for corner in tiny.landmark_of(image))
    assert abs(planes.min() - low) <= 2.0
    assert abs(planes.max() - high) <= 2.0


def test_a_run_is_cancelled_between_two_patches(tmp_path: pathlib.Path) -> None:
    """A person cancels while nnU-Net predicts its third patch. The run ends there, and nnU-Net is
    left as it was."""
    from_raw = "nnunetv2.inference.predict_from_raw_data"
    tiny_nnunet.write(tmp_path, spacing_zyx=(2.0, 2.0, 2.0), patch_zyx=(16, 16, 16))
    predictor = __import__(from_raw, fromlist=["nnUNetPredictor"]).nnUNetPredictor
    before = predictor._internal_maybe_mirror_and_predict
    heard: list[str] = []

    def report(share: float, message: str) -> None:
        heard.append(message)
        if "part 3 " in message:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        listed(tmp_path).run(tiny.image(), Request(), report)
    assert heard[-1].startswith("Network 1, part 3 of ")
    assert predictor._internal_maybe_mirror_and_predict is before


class Hostile:
    """What runs when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("this must never be run",))


def test_a_checkpoint_with_code_is_refused(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A checkpoint holds an object that runs code while being read, and its checksum is right. It
    is refused, and the code does not run."""
    tiny_nnunet.write(tmp_path, extra={"optimizer_state": Hostile()})
    with pytest.raises(EngineError, match=r"cannot read the model \(UnpicklingError\)"):
        listed(tmp_path).run(tiny.image(), Request(), silent)
    assert "never be run" not in capsys.readouterr().out


# ------------------------------------------------------- the description, which needs no library
def described(parent: pathlib.Path, dataset: dict[str, Any] | None = None, **changes: Any) -> Any:
    folder = parent / "tiny"
    (folder / "fold_0").mkdir(parents=True)
    (folder / "fold_0" / "checkpoint_final.pth").write_bytes(b"")
    (folder / "dataset.json").write_text(json.dumps(tiny_nnunet.dataset(**(dataset or {}))))
    (folder / "engine.json").write_text(json.dumps(tiny_nnunet.described("0" * 64, **changes)))
    return listed(parent)


def test_a_good_description_makes_a_card(tmp_path: pathlib.Path) -> None:
    engine = described(tmp_path)
    assert engine.card.structures == ("Heart",)
    assert any("many minutes" in limit for limit in engine.card.limits)
    assert "not the one that its description vouches for" in engine.missing()[-1]


@pytest.mark.parametrize(
    ("dataset", "changes", "says"),
    [
        ({}, {"labels": {}}, "each label with its TG-263 name"),
        ({}, {"labels": {"heart": "Heart", "lung": "Lung_L"}}, "does not have"),
        ({}, {"labels": {"heart": "hart"}}, "named as in TG-263"),
        ({"labels": {"background": 0, "all": [1, 2]}}, {}, "overlapping regions"),
        ({"channel_names": {"0": "T1", "1": "T2"}}, {}, "not for one CT"),
        ({"overwrite_image_reader_writer": "NibabelIOWithReorient"}, {}, "Expected: RAS"),
        ({}, {"orientation": "XYZ"}, "orientation"),
        ({}, {"checkpoints": {}}, "fold_0/checkpoint_final.pth"),
        ({}, {"checkpoints": {"../a/b.pth": "0" * 64}}, "lies elsewhere"),
        ({}, {"checkpoints": {"other/c.pth": "0" * 64}}, "nnU-Net's folds"),
    ],
)
def test_a_mistake_is_an_entry_that_says_what_was_expected(
    tmp_path: pathlib.Path, dataset: dict[str, Any], changes: dict[str, Any], says: str
) -> None:
    """A description and nnU-Net's own files contradict each other or leave labels, channels or
    orientation in doubt. The engine is listed as not ready with a sentence that says which."""
    (sentence,) = described(tmp_path, dataset, **changes).missing()
    assert says in sentence
