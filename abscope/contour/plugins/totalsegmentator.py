"""TotalSegmentator through its Python interface, when it is installed and its weights are there.

* Its label names become TG-263 names by ``totalsegmentator.json`` beside this module.
* It would fetch weights from the internet and send usage statistics by itself. Both are prevented:
  a run is refused when weights are lacking, and its settings of this run say not to send any.
* It gives labels only, so the confidence stays unknown.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.metadata
import json
import os
import pathlib
import tempfile
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from abscope.contour.engine import EngineCard, Report, Request, check_image, choose
from abscope.contour.plugins.description import Labels, structures_of
from abscope.contour.plugins.files import lacking_libraries
from abscope.contour.plugins.grids import even_spacing, model_grid, resampled
from abscope.contour.plugins.network import as_set, not_ready
from abscope.contour.plugins.nnunet import patch_by_patch, weights_only
from abscope.contour.plugins.painting import Painting, paint_labels
from abscope.core.errors import EngineError
from abscope.core.geometry import FloatArray, Grid, Volume
from abscope.core.structures import StructureSet

MAPPING = pathlib.Path(__file__).with_name("totalsegmentator.json")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TotalSegmentatorEngine:
    """Implements ``abscope.contour.engine.ContourEngine`` for one task."""

    card: EngineCard
    task: str
    fast: bool
    weights: tuple[int, ...]
    names: dict[str, tuple[str, ...]]  # its label -> TG-263 names

    def missing(self) -> tuple[str, ...]:
        """Return which library and which weights are lacking, and what to do."""
        libraries = lacking_libraries("torch", "nnunetv2", "nibabel", "totalsegmentator")
        folder = weights_folder()
        lacking = [n for n in self.weights if not any(folder.glob(f"Dataset{n:03d}_*"))]
        if not lacking:
            return libraries
        sentence = (
            f"The weights {', '.join(map(str, lacking))} of TotalSegmentator are not on this "
            "machine, and Abscope downloads nothing by itself. On a machine with internet run "
            "`totalseg_download_weights -t all`, copy its folder nnunet/results here, and name "
            "that folder in TOTALSEG_WEIGHTS_PATH."
        )
        return (*libraries, sentence)

    def run(self, image: Volume, request: Request, report: Report) -> StructureSet:
        """Return the structures found; see ``ContourEngine.run``. Only `structures` is used."""
        names = choose(self.card, request.structures)
        check_image(image, self.card)
        for sentence in self.missing():
            raise not_ready(self.card, sentence)
        report(0.0, "Starting TotalSegmentator")
        grid = model_grid(image.grid, even_spacing(image.grid))
        same = image.grid.is_even
        values = image.array_zyx if same else resampled(image, grid)
        wanted = [label for label, given in self.names.items() if set(given) & set(names)]
        found, classes = self._predict(values, grid, wanted, report)
        report(0.92, "Drawing outlines")
        labels: Labels = {n: self.names.get(label, ()) for n, label in classes.items()}
        painting = Painting(image.grid, labels, names)
        paint_labels(painting, found, grid)
        return as_set(
            self.card, image, names, tuple(painting.rois(self.card.structures, report)), report
        )

    def _predict(
        self, values: npt.NDArray[np.generic], grid: Grid, wanted: list[str], report: Report
    ) -> tuple[npt.NDArray[np.uint8], dict[int, str]]:
        """Return the label map, shape ``grid.shape_zyx``, and its labels' names."""
        with warnings.catch_warnings(), contextlib.redirect_stdout(None), _settings():
            warnings.simplefilter("ignore")
            import nibabel
            import torch
            from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
            from totalsegmentator import python_api
            from totalsegmentator.map_to_binary import class_map

            given = nibabel.Nifti1Image(values.transpose(2, 1, 0), ras_affine(grid))
            crop = {} if self.fast or self.task != "total" else {"roi_subset_robust": wanted}
            models = len(self.weights)
            with (
                _no_download(python_api),
                weights_only(),
                patch_by_patch(nnUNetPredictor, models, lambda s, m: report(0.05 + 0.85 * s, m)),
            ):
                try:
                    result = python_api.totalsegmentator(
                        given,
                        None,
                        ml=True,
                        task=self.task,
                        fast=self.fast,
                        device="gpu" if torch.cuda.is_available() else "cpu",
                        quiet=True,
                        nr_thr_saving=1,
                        **crop,
                    )
                except SystemExit:  # how it ends when a license key is asked for
                    raise _refused("TotalSegmentator ended by itself.") from None
        found = np.asarray(result.dataobj)
        if found.shape != given.shape or not np.allclose(result.affine, given.affine, atol=1e-3):
            raise _refused("TotalSegmentator gave labels on another grid than the image's.")
        return found.astype(np.uint8).transpose(2, 1, 0), dict(class_map[self.task])


def ras_affine(grid: Grid) -> FloatArray:
    """Return the matrix from index (x, y, z) to NIfTI's millimetres (RAS) of an axial even grid.

    Examples
    --------
    >>> grid = Grid.regular(origin_mm=(1, 2, 3), spacing_zyx_mm=(6, 5, 4), shape_zyx=(2, 2, 2))
    >>> ras_affine(grid).tolist()[:3]
    [[-4.0, 0.0, 0.0, -1.0], [0.0, -5.0, 0.0, -2.0], [0.0, 0.0, 6.0, 3.0]]
    """
    return np.asarray(np.diag([-1.0, -1.0, 1.0, 1.0]) @ grid.affine + 0.0)


def weights_folder() -> pathlib.Path:
    """Return where TotalSegmentator looks for weights, as its own settings say."""
    named = os.environ.get("TOTALSEG_WEIGHTS_PATH")
    if named:
        return pathlib.Path(named)
    home = os.environ.get("TOTALSEG_HOME_DIR")
    base = pathlib.Path(home) if home else pathlib.Path.home() / ".totalsegmentator"
    return base / "nnunet" / "results"


@contextlib.contextmanager
def _settings() -> Iterator[None]:
    """Give TotalSegmentator settings of its own for one run: it sends no usage statistics."""
    names = ("TOTALSEG_WEIGHTS_PATH", "TOTALSEG_HOME_DIR")
    before = {name: os.environ.get(name) for name in names}
    with tempfile.TemporaryDirectory() as folder:
        config = {
            "totalseg_id": "abscope",
            "send_usage_stats": False,
            "prediction_counter": 0,
            "statistics_disclaimer_shown": True,
        }
        (pathlib.Path(folder) / "config.json").write_text(json.dumps(config))
        os.environ["TOTALSEG_WEIGHTS_PATH"] = str(weights_folder())
        os.environ["TOTALSEG_HOME_DIR"] = folder
        try:
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value


@contextlib.contextmanager
def _no_download(api: Any) -> Iterator[None]:
    """Refuse weights that are not there, where TotalSegmentator would fetch them."""
    from totalsegmentator.map_tasks_config import TASK_ID_WEIGHTS_CONFIGS

    def check(task_id: int) -> None:
        folder = TASK_ID_WEIGHTS_CONFIGS.get(task_id, {}).get("foldername", "")
        if not folder or not (weights_folder() / str(folder)).is_dir():
            raise _refused(
                f"The weights {task_id} of this version of TotalSegmentator are lacking."
            )

    original = api.download_pretrained_weights
    api.download_pretrained_weights = check
    try:
        yield
    finally:
        api.download_pretrained_weights = original


def _refused(what: str) -> EngineError:
    return EngineError(
        "engine-model-unusable",
        what,
        where="TotalSegmentator",
        expected="its weights in TOTALSEG_WEIGHTS_PATH, of the version installed",
        remedy="Copy the weights that belong to the installed version; nothing is downloaded.",
    )


def _version() -> str:
    try:
        return importlib.metadata.version("TotalSegmentator")
    except importlib.metadata.PackageNotFoundError:
        return "(not installed)"


def _engines() -> tuple[TotalSegmentatorEngine, ...]:
    mapping = json.loads(MAPPING.read_text(encoding="utf-8"))
    engines = []
    for task in mapping["tasks"]:
        names = {k: tuple(v) for k, v in mapping["label_sets"][task["task"]].items()}
        drawn = structures_of(dict(enumerate(names.values())))
        card = EngineCard(
            id=task["id"],
            version=_version(),
            title=task["title"],
            structures=tuple(dict.fromkeys((*task["usual"], *drawn))),
            default_structures=tuple(task["usual"]),
            description=task["description"],
            licence=mapping["licence"],
            limits=tuple(task["limits"]),
        )
        engines.append(
            TotalSegmentatorEngine(
                card=card,
                task=task["task"],
                fast=task["fast"],
                weights=tuple(task["weights"]),
                names=names,
            )
        )
    return tuple(engines)


ENGINES = _engines()
