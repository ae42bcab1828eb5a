"""Tiny networks with known answers, their descriptions, and an image with a landmark.

The convolution moves what is dense by a different number of voxels along each of the tensor's
axes: mixed-up axes, a wrong direction or a wrong spacing all put the landmark somewhere else.
"""

from __future__ import annotations

import hashlib
import json
import pathlib
from typing import Any

import numpy as np

from abscope.core.geometry import Grid, Volume
from abscope.core.structures import Roi, StructureSet

#: By how many voxels the network moves a landmark along its first, second and third axis.
MOVES = (2, -1, 3)
#: What is denser than this is marked (HU).
THRESHOLD = 0.0
#: Lowest and highest corner of the landmark (x, y, z; mm), off the middle in every direction.
LANDMARK_MM = ((-24.0, 10.0, -18.0), (-8.0, 22.0, 6.0))
DENSE_HU = 400.0


def image(
    spacing_zyx: tuple[float, float, float] = (2.0, 2.0, 2.0),
    *,
    extent_mm: float = 96.0,
    planes_mm: np.ndarray | None = None,
    boxes: dict[float, tuple[tuple[float, ...], tuple[float, ...]]] | None = None,
    background: int = -1000,
) -> Volume:
    """Return air with a dense box, voxel centres from -extent/2 on along each axis."""
    shape = tuple(int(extent_mm / s) for s in spacing_zyx)
    start = -extent_mm / 2
    offsets = np.arange(shape[0]) * spacing_zyx[0] if planes_mm is None else planes_mm
    grid = Grid(
        origin_mm=np.array([start, start, start]),
        axes=np.eye(3),
        spacing_yx_mm=spacing_zyx[1:],
        plane_offsets_mm=offsets,
        size_yx=(shape[1], shape[2]),
        frame_of_reference_uid="1.2.3",
    )
    z = offsets + start
    y = np.arange(shape[1]) * spacing_zyx[1] + start
    x = np.arange(shape[2]) * spacing_zyx[2] + start
    array = np.full(grid.shape_zyx, background, np.int16)
    for value, (low, high) in (boxes or {DENSE_HU: LANDMARK_MM}).items():
        inside = [(at >= lo) & (at <= hi) for at, lo, hi in zip((x, y, z), low, high, strict=True)]
        array[inside[2][:, None, None] & inside[1][:, None] & inside[0]] = int(value)
    return Volume(array_zyx=array, grid=grid, unit="HU")


def kernel(moves: tuple[int, ...] = MOVES) -> np.ndarray:
    """Return weights, shape (2, 1, ...), of which channel 1 moves and channel 0 gives nothing."""
    sizes = tuple(2 * abs(m) + 1 for m in moves)
    weights = np.zeros((2, 1, *sizes), np.float32)
    weights[(1, 0, *(abs(m) - m for m in moves))] = 1.0
    return weights


def onnx_convolution(moves: tuple[int, ...] = MOVES, *, softmax: bool = False) -> bytes:
    """Return an ONNX model: logits 0 and (moved HU - THRESHOLD) / 100."""
    from onnx import TensorProto, helper, numpy_helper

    rank = len(moves) + 2
    pads = [abs(m) for m in moves] * 2
    weights = numpy_helper.from_array(kernel(moves) / 100, "weights")
    bias = numpy_helper.from_array(np.array([0, -THRESHOLD / 100], np.float32), "bias")
    nodes = [helper.make_node("Conv", ["image", "weights", "bias"], ["logits"], pads=pads)]
    if softmax:
        nodes.append(helper.make_node("Softmax", ["logits"], ["result"], axis=1))
    return _model(
        nodes, [weights, bias], rank, "result" if softmax else "logits", TensorProto.FLOAT
    )


def onnx_levels(levels: tuple[float, ...], *, sigmoid: bool = False) -> bytes:
    """Return an ONNX model that gives how many levels a voxel passes, as labels or channels."""
    from onnx import TensorProto, helper, numpy_helper

    column = np.array(levels, np.float32).reshape(1, -1, 1, 1, 1)
    constants = [numpy_helper.from_array(column, "levels")]
    if sigmoid:
        nodes = [helper.make_node("Sub", ["image", "levels"], ["over"]),
                 helper.make_node("Sigmoid", ["over"], ["result"])]  # fmt: skip
        return _model(nodes, constants, 5, "result", TensorProto.FLOAT)
    constants.append(numpy_helper.from_array(np.array([1], np.int64), "axis"))
    nodes = [
        helper.make_node("Greater", ["image", "levels"], ["over"]),
        helper.make_node("Cast", ["over"], ["ones"], to=TensorProto.INT64),
        helper.make_node("ReduceSum", ["ones", "axis"], ["result"], keepdims=0),
    ]
    return _model(nodes, constants, 4, "result", TensorProto.INT64)


def _model(nodes: list[Any], constants: list[Any], rank: int, result: str, kind: int) -> bytes:
    from onnx import TensorProto, checker, helper

    names = [f"d{n}" for n in range(5)]
    given = [helper.make_tensor_value_info("image", TensorProto.FLOAT, names)]
    if rank == 4 and kind == TensorProto.FLOAT:
        given = [helper.make_tensor_value_info("image", TensorProto.FLOAT, names[:4])]
    back = [helper.make_tensor_value_info(result, kind, [f"r{n}" for n in range(rank)])]
    graph = helper.make_graph(nodes, "tiny", given, back, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model)
    return bytes(model.SerializeToString())


def description(model: bytes, /, **changes: Any) -> dict[str, Any]:
    """Return a description of an ONNX model; `changes` are put over input, output and the rest."""
    inputs = {
        "spacing_mm": {"x": 2.0, "y": 2.0, "z": 2.0},
        "axes": "zyx",
        "orientation": "LPS",
        "window_hu": {"low": -1000, "high": 1000},
        "normalization": {"kind": "none"},
    }
    outputs = {"kind": "logits", "labels": {"0": "background", "1": "Heart"}}
    return {
        "format": 1,
        "kind": changes.pop("kind", "onnx"),
        "title": "Tiny",
        "version": "1",
        "description": "Marks what is dense.",
        "licence": "CC0",
        "limits": ["Made for tests."],
        "model": "model.onnx",
        "sha256": hashlib.sha256(model).hexdigest(),
        "input": inputs | changes.pop("input", {}),
        "output": outputs | changes.pop("output", {}),
    } | changes


def write(parent: pathlib.Path, name: str, model: bytes, described: dict[str, Any]) -> None:
    """Write a model folder."""
    folder = parent / name
    folder.mkdir(parents=True)
    (folder / described["model"]).write_bytes(model)
    (folder / "engine.json").write_text(json.dumps(described))


def box_of(found: StructureSet | Roi, name: str = "") -> tuple[np.ndarray, np.ndarray]:
    """Return the lowest and the highest corner (x, y, z; mm) of a structure's outlines."""
    roi = found.roi(name) if isinstance(found, StructureSet) else found
    points = np.concatenate([c.points_mm for c in roi.contours])
    return points.min(axis=0), points.max(axis=0)


def middle_of(found: StructureSet, name: str = "Heart") -> np.ndarray:
    """Return the middle (x, y, z; mm) of a structure's box."""
    low, high = box_of(found, name)
    return (low + high) / 2


def landmark_of(image: Volume) -> tuple[np.ndarray, np.ndarray]:
    """Return the corners (x, y, z; mm) of the dense voxels, as the image's own voxels have them."""
    points = image.grid.to_mm(np.argwhere(image.array_zyx > THRESHOLD))
    return points.min(axis=0), points.max(axis=0)


def moved_mm(
    axes: str, orientation: str, spacing_xyz: dict[str, float], moves: tuple[int, ...] = MOVES
) -> np.ndarray:
    """Return by how much the network moves a landmark in the patient (x, y, z; mm)."""
    shift = dict.fromkeys("xyz", 0.0)
    for axis, voxels in zip(axes, moves, strict=True):
        turned = orientation["xyz".index(axis)] in "RAI"
        shift[axis] = voxels * spacing_xyz[axis] * (-1 if turned else 1)
    return np.array([shift[axis] for axis in "xyz"])
