"""Commands on the archive as a whole: audit, backup, restore."""

from __future__ import annotations

import argparse
import dataclasses

from abscope.cli.shared import ACTOR, Result
from abscope.core.settings import Settings
from abscope.workflows import upkeep
from abscope.workflows.context import Context


def audit(context: Context, given: argparse.Namespace) -> Result:
    """``audit``."""
    rows = [dataclasses.asdict(r) for r in context.archive.audit_rows(given.limit)]
    if not given.verify:
        return {"rows": rows}
    broken = context.archive.first_broken_audit_row()
    report = upkeep.verify(context)
    return {
        "rows": rows,
        "verified": broken is None and report.whole,
        "first_broken": broken,
        "database": "whole" if report.database_ok else "damaged",
        "blobs": {
            "checked": report.checked,
            "damaged": _with_cases(report.damaged),
            "missing": _with_cases(report.missing),
        },
    }


def backup(context: Context, given: argparse.Namespace) -> Result:
    """``backup``."""
    written = upkeep.back_up(context, ACTOR, given.file)
    return {
        "file": str(given.file),
        "cases": written.cases,
        "blobs": written.blobs,
        "bytes": written.size_bytes,
    }


def restore(given: argparse.Namespace) -> Result:
    """``restore``; the present archive is not opened, as it may not work."""
    done = upkeep.restore(Settings.from_environment(), ACTOR, given.file, replace=given.replace)
    return {
        "cases": done.cases,
        "blobs": done.blobs,
        "backup_schema": done.schema,
        "backup_created": done.created,
        "audit_verified": done.audit_whole,
    }


def _with_cases(found: dict[str, tuple[str, ...]]) -> list[dict[str, object]]:
    return [{"blob": key, "cases": list(cases)} for key, cases in sorted(found.items())]
