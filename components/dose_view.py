"""What every section of the dose page is given."""

from __future__ import annotations

import dataclasses

from abscope.core.case import Case
from abscope.workflows.context import Actor
from abscope.workflows.dose_evaluation import DoseEvaluation


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DoseView:
    """What is chosen above the sections.

    Parameters
    ----------
    case : Case
    actor : Actor
    evaluations : tuple of DoseEvaluation
        DVHs of plan A and, where one is chosen, of plan B.
    accepted : frozenset of str
        Codes that the user has accepted, as `abscope.workflows.dose_evaluation.ACCEPT_COVERAGE`.
    """

    case: Case
    actor: Actor
    evaluations: tuple[DoseEvaluation, ...]
    accepted: frozenset[str] = frozenset()

    @property
    def dose_uid(self) -> str:
        """UID of plan A's dose."""
        return self.evaluations[0].dose.uid

    @property
    def second_uid(self) -> str | None:
        """UID of plan B's dose, None when one plan is shown."""
        return self.evaluations[1].dose.uid if len(self.evaluations) > 1 else None
