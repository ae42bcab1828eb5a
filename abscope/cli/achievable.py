"""The ``achievable`` command."""

from __future__ import annotations

import argparse

from abscope.cli.shared import ACTOR, Result
from abscope.workflows.achievable import achievable
from abscope.workflows.context import Context


def achievable_dose(context: Context, given: argparse.Namespace) -> Result:
    """``achievable``."""
    found = achievable(
        context,
        ACTOR,
        context.cases.get(given.case),
        dose_uid=given.dose,
        structure_set_uid=given.structure_set,
        structures=given.structure,
    )
    return found.as_json()
