"""ONNX models through onnxruntime, on the processor."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from abscope.contour.plugins.grids import Float32
from abscope.contour.plugins.network import Runtime
from abscope.contour.plugins.patches import Predict
from abscope.core.errors import EngineError


def load(data: bytes) -> Predict:
    """Return the prediction of a model in ONNX form, weights included.

    Raises
    ------
    EngineError
        When the file is no such model, or does not take one float32 image.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as problem:  # a foreign decoder: its errors share no base class
        raise _unusable(f"onnxruntime cannot read the model ({type(problem).__name__}).") from None
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 1 or len(outputs) != 1 or inputs[0].type != "tensor(float)":
        raise _unusable("The model does not take one float32 image and give one result.")
    name = inputs[0].name

    def predict(tensor: Float32) -> npt.NDArray[np.generic]:
        try:
            result: Any = session.run(None, {name: tensor})[0]
        except Exception as problem:  # the same
            raise _unusable(
                f"The model does not run on a patch of shape {tensor.shape} "
                f"({type(problem).__name__})."
            ) from None
        return np.asarray(result)

    return predict


def _unusable(what: str) -> EngineError:
    return EngineError(
        "engine-model-unusable",
        what,
        where="ONNX model file",
        expected="one float32 input (1, 1, axes) and one output, weights inside the file, and "
        "a patch size that the model takes",
        remedy="Export the model again, or correct patch and axes in engine.json.",
    )


RUNTIME = Runtime(kind="onnx", library="onnxruntime", load=load)
