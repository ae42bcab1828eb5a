"""An engine that was found but cannot be used as it is: an entry in the list with the reason."""

from __future__ import annotations

from abscope.contour.engine import EngineCard, Report, Request, check_image, choose
from abscope.core.errors import EngineError
from abscope.core.geometry import Volume
from abscope.core.structures import StructureSet


class BrokenEngine:
    """Implements ``abscope.contour.engine.ContourEngine``; never ready.

    Parameters
    ----------
    id : str
        As in ``--engine``.
    error : EngineError
        What is wrong, where, what was expected and what to do.
    """

    def __init__(self, id: str, error: EngineError) -> None:
        self.error = error
        self.card = EngineCard(
            id=id,
            version="unknown",
            title=id,
            structures=(),
            default_structures=(),
            description="This model cannot be used until its description is put right.",
            licence="not known",
            limits=("It draws nothing.",),
        )

    def missing(self) -> tuple[str, ...]:
        """Return what is wrong with it."""
        return (str(self.error),)

    def run(self, image: Volume, request: Request, report: Report) -> StructureSet:
        """Raise what is wrong."""
        choose(self.card, request.structures)
        check_image(image, self.card)
        raise self.error
