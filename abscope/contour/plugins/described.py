"""The engine of one model folder, as its description says."""

from __future__ import annotations

import hashlib
import pathlib

from abscope.contour.engine import ContourEngine
from abscope.contour.plugins import nnunet, onnx_model, torchscript
from abscope.contour.plugins.broken import BrokenEngine
from abscope.contour.plugins.description import (
    read_about,
    read_input,
    read_output,
    read_sha256,
)
from abscope.contour.plugins.fields import Fields, read_json, refuse
from abscope.contour.plugins.files import inside
from abscope.contour.plugins.network import NetworkEngine, Runtime, card_of
from abscope.core.errors import EngineError

#: Version of the form of the description.
FORMAT = 1
RUNTIMES: dict[str, Runtime] = {r.kind: r for r in (onnx_model.RUNTIME, torchscript.RUNTIME)}


def described(folder: pathlib.Path, path: pathlib.Path) -> ContourEngine:
    """Return the engine that a description makes of a folder; the model itself is not read.

    A description that is not as it should be makes an entry that says where, what was expected
    and what to do.
    """
    kind = "folder"
    try:
        fields = Fields(read_json(path), path.name)
        fields.whole("format", FORMAT, FORMAT)
        kind = fields.one_of("kind", (*RUNTIMES, nnunet.KIND))
        if kind == nnunet.KIND:
            return nnunet.described(folder, fields)
        return _network(folder, fields, RUNTIMES[kind])
    except EngineError as error:
        return BrokenEngine(f"{kind}:{folder.name}", error)


def _network(folder: pathlib.Path, fields: Fields, runtime: Runtime) -> NetworkEngine:
    about = read_about(fields)
    model = inside(folder, fields.text("model"))
    if model is None:
        refuse(fields.where("model"), "The model file lies elsewhere.", "a file in the same folder")
    sha256 = read_sha256(fields.get("sha256", "64 hexadecimal digits"), fields.where("sha256"))
    given, output = read_input(fields.child("input")), read_output(fields.child("output"))
    fields.close()
    digest = hashlib.sha256(repr((sha256, given, output)).encode()).hexdigest()
    return NetworkEngine(
        card=card_of(runtime.kind, folder.name, about, output.structures, digest, runtime.limits),
        runtime=runtime,
        model=model,
        sha256=sha256,
        input=given,
        output=output,
    )
