"""TorchScript models through ``torch.jit.load``, on the processor.

A TorchScript file holds code that torch runs: as with any program, only somebody who may install
software puts one into the folder of engines. Pickled checkpoints, which can run anything while
being read, are refused by their form before torch sees them.
"""

from __future__ import annotations

import io
import pathlib
import warnings

import numpy as np
import numpy.typing as npt

from abscope.contour.plugins.files import is_torchscript
from abscope.contour.plugins.grids import Float32
from abscope.contour.plugins.network import Runtime
from abscope.contour.plugins.patches import Predict
from abscope.core.errors import EngineError


def complaint(path: pathlib.Path) -> str:
    """Return why a file is no TorchScript; empty when it is."""
    return "" if is_torchscript(path) else str(_unusable("The file is not TorchScript."))


def load(data: bytes) -> Predict:
    """Return the prediction of a TorchScript module.

    Raises
    ------
    EngineError
        When torch cannot read or run it.
    """
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch.jit is on its way out, and the only reader
            module = torch.jit.load(io.BytesIO(data), map_location="cpu")
    except (RuntimeError, ValueError) as problem:
        raise _unusable(f"torch cannot read the module ({type(problem).__name__}).") from None
    module.eval()

    def predict(tensor: Float32) -> npt.NDArray[np.generic]:
        try:
            with torch.inference_mode():
                result = module(torch.from_numpy(tensor))
        except RuntimeError:
            raise _unusable(
                f"The module does not run on a patch of shape {tensor.shape}."
            ) from None
        if not isinstance(result, torch.Tensor):
            raise _unusable("The module gives several results.")
        return np.asarray(result.numpy())

    return predict


def _unusable(what: str) -> EngineError:
    return EngineError(
        "engine-model-unusable",
        what,
        where="TorchScript model file",
        expected="a file of torch.jit.save that takes one float32 tensor (1, 1, axes) and gives "
        "one tensor; pickled checkpoints are refused",
        remedy="Save it with `torch.jit.script(network).save(...)`, or correct engine.json.",
    )


RUNTIME = Runtime(
    kind="torchscript",
    library="torch",
    load=load,
    complaint=complaint,
    limits=("The model file is code: it must come from somebody you would install software from.",),
)
