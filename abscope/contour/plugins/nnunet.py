"""nnU-Net version 2 model folders: ``dataset.json``, ``plans.json`` and ``fold_*/checkpoint``.

The library does its own resampling and normalization, from HU on an even grid. Two things it
cannot know come from the description: to which side the indices of its training images grew
(nnU-Net keeps the orientation of its files, whatever that was), and what its labels are in TG-263.

A checkpoint is a pickle. It is read with ``weights_only``, which refuses anything but numbers,
texts and tensors, after its checksum was compared.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import pathlib
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from abscope.contour.engine import EngineCard, Report, Request, check_image, choose
from abscope.contour.plugins.description import (
    ORIENTATIONS,
    Labels,
    check_structures,
    names_of,
    read_about,
    read_sha256,
    structures_of,
)
from abscope.contour.plugins.fields import Fields, read_json, refuse
from abscope.contour.plugins.files import inside, lacking_file, lacking_libraries
from abscope.contour.plugins.grids import Float32, even_spacing, model_grid, resampled
from abscope.contour.plugins.network import as_set, card_of, not_ready
from abscope.contour.plugins.painting import Painting, paint_labels
from abscope.contour.plugins.patches import flips
from abscope.core.errors import EngineError
from abscope.core.geometry import Volume
from abscope.core.structures import StructureSet

KIND = "nnunet"
#: nnU-Net's reader that turns its images to RAS; all others keep what the files have.
TURNING_READER = "NibabelIOWithReorient"
#: Probabilities of all classes are asked for, for the confidence, up to this size (bytes).
PROBABILITY_BYTES = 1_500_000_000
#: Said of all models of this kind.
LIMITS = (
    "On a processor a whole chest takes many minutes.",
    "Where the planes of the image are unevenly spaced, they are interpolated to even ones first, "
    "and each plane takes the nearest one's contours.",
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NnunetEngine:
    """Implements ``abscope.contour.engine.ContourEngine`` for one model folder."""

    card: EngineCard
    folder: pathlib.Path
    checkpoints: tuple[tuple[str, str], ...]  # path in the folder, SHA-256
    labels: Labels
    orientation: str
    mirroring: bool

    def missing(self) -> tuple[str, ...]:
        """Return which library is lacking, and whether the files are there and the right ones."""
        libraries = lacking_libraries("torch", "nnunetv2")
        files = (lacking_file(self.folder / name, sha) for name, sha in self.checkpoints)
        return (*libraries, *(sentence for sentence in files if sentence))

    def run(self, image: Volume, request: Request, report: Report) -> StructureSet:
        """Return the structures found; see ``ContourEngine.run``. Only `structures` is used."""
        names = choose(self.card, request.structures)
        check_image(image, self.card)
        for sentence in self.missing():
            raise not_ready(self.card, sentence)
        report(0.0, "Reading the model")
        spacing = even_spacing(image.grid)
        grid = model_grid(image.grid, spacing)
        turn = flips(self.orientation)
        values = np.ascontiguousarray(resampled(image, grid)[turn])
        labels, probabilities = _predict(self, values, spacing, report)
        report(0.92, "Drawing outlines")
        painting = Painting(image.grid, self.labels, names)
        paint_labels(painting, labels[turn], grid)
        if probabilities is not None:
            painting.rate(labels, probabilities)
        rois = tuple(painting.rois(self.card.structures, report))
        return as_set(self.card, image, names, rois, report)


def described(folder: pathlib.Path, fields: Fields) -> NnunetEngine:
    """Return the engine of a folder; neither torch nor a checkpoint is read.

    Raises
    ------
    EngineError
        When the description, ``dataset.json`` or both together leave something in doubt.
    """
    about = read_about(fields)
    orientation = fields.one_of("orientation", ORIENTATIONS)
    mirroring = fields.flag("mirroring", True)
    mapping = dict(fields.child("labels").items())
    checkpoints = []
    for name, sha in fields.child("checkpoints").items():
        where = fields.where("checkpoints")
        path = inside(folder, name)
        if path is None or path.parent.parent != folder.resolve():
            refuse(where, "A checkpoint lies elsewhere.", "fold_0/checkpoint_final.pth")
        checkpoints.append((name, read_sha256(sha, where)))
    _check_folds(checkpoints, fields.where("checkpoints"))
    labels = _labels(folder, orientation, mapping, fields.where("labels"))
    fields.close()
    digest = hashlib.sha256(repr((checkpoints, labels, orientation, mirroring)).encode())
    return NnunetEngine(
        card=card_of(KIND, folder.name, about, structures_of(labels), digest.hexdigest(), LIMITS),
        folder=folder,
        checkpoints=tuple(checkpoints),
        labels=labels,
        orientation=orientation,
        mirroring=mirroring,
    )


def _check_folds(checkpoints: list[tuple[str, str]], where: str) -> None:
    parts = [name.split("/") for name, _ in checkpoints]
    if (
        not parts
        or any(len(p) != 2 or not p[0].startswith("fold_") for p in parts)
        or len({p[1] for p in parts}) > 1
    ):
        refuse(
            where,
            "The checkpoints are not those of nnU-Net's folds.",
            "paths such as fold_0/checkpoint_final.pth, of one file name in all folds",
        )


def _labels(
    folder: pathlib.Path, orientation: str, mapping: dict[str, object], where: str
) -> Labels:
    """Return label values with TG-263 names, from ``dataset.json`` and the mapping."""
    dataset = Fields(read_json(folder / "dataset.json"), "dataset.json")
    reader = (
        str(dataset.get("overwrite_image_reader_writer", ""))
        if dataset.has("overwrite_image_reader_writer")
        else ""
    )
    if reader == TURNING_READER and orientation != "RAS":
        refuse(
            "engine.json: orientation",
            "nnU-Net turned the images of this model to RAS, the description says otherwise.",
            "RAS",
        )
    channels = [str(value) for _, value in dataset.child("channel_names").items()]
    if [c.upper() for c in channels] != ["CT"]:
        refuse("dataset.json: channel_names", "The model is not for one CT.", '{"0": "CT"}')
    labels: Labels = {}
    for name, value in dataset.child("labels").items():
        if isinstance(value, bool) or not isinstance(value, int):
            refuse(
                "dataset.json: labels",
                "The model draws overlapping regions, which is not supported.",
                "one whole number for each label",
            )
        if name not in mapping and value != 0:
            refuse(
                where,
                "A label of dataset.json has no name here.",
                "each label with its TG-263 name, or an empty text for none",
            )
        labels[value] = names_of(mapping.get(name, ""), where)
    unknown = set(mapping) - {name for name, _ in dataset.child("labels").items()}
    if unknown:
        refuse(where, "A label is named that dataset.json does not have.", "its labels only")
    check_structures(structures_of(labels), where)
    return labels


def _predict(
    engine: NnunetEngine, values: Float32, spacing: tuple[float, float, float], report: Report
) -> tuple[npt.NDArray[np.generic], Float32 | None]:
    """Return the label map, and the probabilities of all classes where they are not too large."""
    import torch
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    name = engine.checkpoints[0][0].split("/")[1]
    folds = tuple(path.split("/")[0].removeprefix("fold_") for path, _ in engine.checkpoints)
    wants = 4 * len(engine.labels) * values.size <= PROBABILITY_BYTES
    with warnings.catch_warnings(), contextlib.redirect_stdout(None):
        warnings.simplefilter("ignore")
        predictor = nnUNetPredictor(
            use_mirroring=engine.mirroring,
            perform_everything_on_device=False,
            device=torch.device("cuda" if torch.cuda.is_available() else "cpu"),
            verbose=False,
            allow_tqdm=False,
        )
        with weights_only():
            try:
                predictor.initialize_from_trained_model_folder(str(engine.folder), folds, name)
            except Exception as problem:  # a foreign reader: its errors share no base class
                raise _unusable(type(problem).__name__) from None
        with patch_by_patch(nnUNetPredictor, len(folds), lambda s, m: report(0.05 + 0.85 * s, m)):
            found: Any = predictor.predict_single_npy_array(
                values[None],
                {"spacing": list(spacing)},
                save_or_return_probabilities=wants,
            )
    if wants:
        return np.asarray(found[0]), np.asarray(found[1], dtype=np.float32)
    return np.asarray(found), None


@contextlib.contextmanager
def weights_only() -> Iterator[None]:
    """Make every ``torch.load`` in here refuse anything but data, whatever its caller asks for."""
    import torch

    scalar, rebuild = np.float64(0).__reduce__()[0], np.zeros(1).__reduce__()[0]
    allowed: list[Any] = [
        np.dtype,
        np.ndarray,
        scalar,
        rebuild,
        (scalar, "numpy.core.multiarray.scalar"),  # written with numpy 1
        (rebuild, "numpy.core.multiarray._reconstruct"),
        *{type(np.dtype(t)) for t in (np.float64, np.float32, np.int64, np.int32, np.bool_)},
    ]
    before = os.environ.get("TORCH_FORCE_WEIGHTS_ONLY_LOAD")
    os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"
    try:
        with torch.serialization.safe_globals(allowed):
            yield
    finally:
        if before is None:
            del os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"]
        else:
            os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = before


@contextlib.contextmanager
def patch_by_patch(predictor: Any, models: int, report: Report) -> Iterator[None]:
    """Report after every patch that nnU-Net predicts in here; what `report` raises passes through.

    Parameters
    ----------
    predictor : type
        ``nnUNetPredictor``; its two methods are put back at the end.
    models : int
        How many networks see the image one after the other.
    report : callable
    """
    cut, predict = "_internal_get_sliding_window_slicers", "_internal_maybe_mirror_and_predict"
    originals = {name: getattr(predictor, name) for name in (cut, predict)}
    started, done, total = 0, 0, 1

    def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal started, done, total
        slicers = originals[cut](self, *args, **kwargs)
        started, done, total = started + 1, 0, max(1, len(slicers))
        return slicers

    def reported(self: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal done
        result = originals[predict](self, *args, **kwargs)
        done += 1
        share = min(1.0, (started - 1 + done / total) / max(models, started))
        report(share, f"Network {started}, part {done} of {total}")
        return result

    setattr(predictor, cut, counted)
    setattr(predictor, predict, reported)
    try:
        yield
    finally:
        for name, original in originals.items():
            setattr(predictor, name, original)


def _unusable(kind: str) -> EngineError:
    return EngineError(
        "engine-model-unusable",
        f"nnU-Net cannot read the model ({kind}).",
        where="nnU-Net model folder",
        expected="dataset.json, plans.json and checkpoints of nnU-Net version 2 that hold nothing "
        "but weights and settings",
        remedy="Copy the whole folder again; a model of nnU-Net version 1 has to be trained anew.",
    )
