"""TorchScript models: the same road as ONNX, and pickles are refused before torch sees them."""

from __future__ import annotations

import io
import pathlib
import pickle
import zipfile

import numpy as np
import pytest

from abscope.contour.engine import Request, silent
from abscope.contour.registry import engines
from abscope.core.errors import EngineError
from tests.unit.contour.plugins import tiny


def listed(folder: pathlib.Path, model: bytes, **changes: object):
    described = tiny.description(model, kind="torchscript", model="model.pt", **changes)
    tiny.write(folder, "tiny", model, described)
    return engines((folder,))["torchscript:tiny"]


def scripted() -> bytes:
    """Return the convolution of `tiny` as TorchScript."""
    torch = pytest.importorskip("torch", reason="torch is not installed (make test-engines)")
    sizes = tiny.kernel().shape[2:]
    layer = torch.nn.Conv3d(1, 2, sizes, padding=tuple(n // 2 for n in sizes))
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(tiny.kernel() / 100))
        layer.bias.copy_(torch.tensor([0.0, -tiny.THRESHOLD / 100]))
    saved = io.BytesIO()
    torch.jit.save(torch.jit.trace(layer.eval(), torch.zeros(1, 1, 8, 8, 8)), saved)
    return saved.getvalue()


@pytest.mark.filterwarnings("ignore:`torch.jit")  # while the test saves
@pytest.mark.parametrize(("axes", "orientation"), [("zyx", "LPS"), ("xyz", "RAS"), ("yzx", "LAI")])
def test_a_landmark_lands_where_the_models_axes_say(
    tmp_path: pathlib.Path, axes: str, orientation: str
) -> None:
    """A TorchScript model with axes and directions other than the image's moves a landmark by a
    different number of voxels along each. It lands at that point in millimetres."""
    spacing = {"x": 1.5, "y": 2.0, "z": 3.0}
    given = {"axes": axes, "orientation": orientation, "spacing_mm": spacing}
    engine = listed(tmp_path, scripted(), input=given)
    assert engine.missing() == ()
    image = tiny.image((3.0, 2.0, 1.5))
    found = engine.run(image, Request(), silent)
    moved = tiny.moved_mm(axes, orientation, spacing)
    wanted = np.mean(tiny.landmark_of(image), axis=0) + moved
    assert tiny.middle_of(found) == pytest.approx(wanted, abs=0.3)
    assert found.roi("Heart").confidence == pytest.approx(0.98, abs=0.01)


@pytest.mark.filterwarnings("ignore:`torch.jit")  # while the test saves
def test_a_module_that_does_not_take_the_patch_is_refused(tmp_path: pathlib.Path) -> None:
    patch = {"size": {"x": 8, "y": 8, "z": 1}, "overlap": 0}
    engine = listed(tmp_path, scripted(), input={"axes": "yx", "patch": patch})
    with pytest.raises(EngineError, match=r"does not run on a patch of shape \(1, 1, 8, 8\)"):
        engine.run(tiny.image(), Request(), silent)


def _checkpoint() -> bytes:
    """Return a file of torch.save's form: a ZIP with a pickle and no code."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"weights": [1.0]}))
    return held.getvalue()


@pytest.mark.parametrize("model", [_checkpoint(), pickle.dumps({"weights": [1.0]}), b""])
def test_a_pickle_is_refused(tmp_path: pathlib.Path, model: bytes) -> None:
    """A pickled checkpoint, with a right checksum, is described as TorchScript. The list says that
    it is refused, and nothing reads it, as reading a pickle can run anything."""
    engine = listed(tmp_path, model)
    assert "pickled checkpoints are refused" in engine.missing()[-1]
    with pytest.raises(EngineError, match="cannot run here"):
        engine.run(tiny.image(), Request(), silent)


def test_the_card_says_that_the_file_is_code(tmp_path: pathlib.Path) -> None:
    assert any("The model file is code" in limit for limit in listed(tmp_path, b"").card.limits)
