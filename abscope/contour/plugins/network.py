"""A model file with its description as an engine: ONNX and TorchScript share all but the loading.

1. The image is interpolated to the model's spacing, cut to its window and normalized.
2. Patches go through the model in its own axis order and orientation.
3. Probabilities come back to the image's voxels, and the most probable structure is drawn there.

The confidence of a structure is the mean of the network's probabilities within it, which is not
calibrated; where a model gives labels only there is none.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable

from abscope.contour.engine import EngineCard, Report, Request, check_image, choose, drawn_set
from abscope.contour.plugins.description import About, Input, Output
from abscope.contour.plugins.files import checked_bytes, lacking_file, lacking_libraries
from abscope.contour.plugins.grids import model_grid, resampled
from abscope.contour.plugins.painting import Painting, paint_probabilities
from abscope.contour.plugins.patches import Predict, probability_planes
from abscope.core.errors import EngineError
from abscope.core.geometry import Volume
from abscope.core.structures import Roi, StructureSet

#: Said of every engine that comes as a model file.
GENERAL_LIMITS = (
    "Abscope does not check how well this model draws: compare it with clinical contours first.",
    "Its confidence is the network's own mean probability, which is not calibrated.",
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """What runs a kind of model file.

    Parameters
    ----------
    kind : str
        First half of the engine's id, and ``kind`` in the description.
    library : str
        Module that must be installed.
    load : callable
        Takes the checked bytes of the file and returns the prediction.
    complaint : callable
        Takes the file and returns what is wrong with its form, empty when nothing is.
    limits : tuple of str
        Said of all models of this kind.
    """

    kind: str
    library: str
    load: Callable[[bytes], Predict]
    complaint: Callable[[pathlib.Path], str] = lambda path: ""
    limits: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NetworkEngine:
    """Implements ``abscope.contour.engine.ContourEngine`` for one model file."""

    card: EngineCard
    runtime: Runtime
    model: pathlib.Path
    sha256: str
    input: Input
    output: Output

    def missing(self) -> tuple[str, ...]:
        """Return which library is lacking, and whether the file is there and the right one."""
        libraries = lacking_libraries(self.runtime.library)
        file = lacking_file(self.model, self.sha256) or self.runtime.complaint(self.model)
        return (*libraries, *((file,) if file else ()))

    def run(self, image: Volume, request: Request, report: Report) -> StructureSet:
        """Return the structures found; see ``ContourEngine.run``. Only `structures` is used."""
        names = choose(self.card, request.structures)
        check_image(image, self.card)
        for sentence in self.missing():
            raise not_ready(self.card, sentence)
        report(0.0, "Reading the model")
        predict = self.runtime.load(checked_bytes(self.model, self.sha256))
        report(0.02, "Bringing the image to the model's spacing")
        grid = model_grid(image.grid, self.input.spacing_zyx_mm)
        values = resampled(image, grid)
        painting = Painting(image.grid, self.output.labels, names)
        planes = probability_planes(
            predict,
            values,
            self.input,
            self.output,
            lambda share, message: report(0.05 + 0.85 * share, message),
        )
        exclusive = self.output.is_exclusive
        paint_probabilities(painting, planes, grid, exclusive=exclusive)
        report(0.9, "Drawing outlines")
        rois = tuple(painting.rois(self.card.structures, report))
        if self.output.kind == "labels":
            rois = tuple(
                dataclasses.replace(r, confidence=None, confidence_reason="") for r in rois
            )
        return as_set(self.card, image, names, rois, report)


def as_set(
    card: EngineCard, image: Volume, names: tuple[str, ...], rois: tuple[Roi, ...], report: Report
) -> StructureSet:
    """Return what an engine drew as a structure set; the same image gives the same UID.

    Raises
    ------
    EngineError
        When nothing was drawn.
    """
    if not rois:
        raise EngineError(
            "engine-found-nothing",
            "The model found none of the structures on this image.",
            where=f"engine {card.id.partition(':')[0]}",
            expected="an image like those that the model was made on",
            remedy="Check the series, and that the model's description says how it was trained.",
        )
    report(1.0, f"Drew {len(rois)} structures")
    return drawn_set(card, image, names, rois, f"{card.title} {card.version}")


def not_ready(card: EngineCard, sentence: str) -> EngineError:
    """Return the error of an engine that is run although something is lacking."""
    return EngineError(
        "engine-not-ready",
        "The engine cannot run here.",
        where=f"engine {card.id.partition(':')[0]}",
        expected="everything that it needs",
        remedy=sentence,
    )


def card_of(
    kind: str,
    name: str,
    about: About,
    structures: tuple[str, ...],
    digest: str,
    limits: tuple[str, ...] = (),
) -> EngineCard:
    """Return the card of a described model; its version changes with file and description."""
    return EngineCard(
        id=f"{kind}:{name}",
        version=f"{about.version}+{digest[:8]}",
        title=about.title,
        structures=structures,
        default_structures=structures,
        description=about.description,
        licence=about.licence,
        limits=(*about.limits, *limits, *GENERAL_LIMITS),
    )
