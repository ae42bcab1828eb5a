"""The ``habitats`` command."""

from __future__ import annotations

import argparse

from abscope.cli.shared import ACTOR, Result
from abscope.workflows.context import Context
from abscope.workflows.habitats import store_habitats, tumor_habitats


def habitats(context: Context, given: argparse.Namespace) -> Result:
    """``habitats``."""
    if given.store:
        found = store_habitats(context, ACTOR, given.case, given.structure)
        return found.as_json() | {"stored": True}
    case = context.cases.get(given.case)
    return tumor_habitats(context, case, given.structure).as_json() | {"stored": False}
