"""Commands on cases: import, list, show, delete, facts, labs, demonstration, audit."""

from __future__ import annotations

import argparse
import dataclasses
import json

from abscope.cli.progress import ProgressLine
from abscope.cli.shared import ACTOR, Result, read_bytes
from abscope.core.analytes import AMBIGUOUS, find_analyte
from abscope.core.case import Case
from abscope.core.errors import InputError, UsageError
from abscope.workflows import views
from abscope.workflows.additions import as_addition
from abscope.workflows.case_facts import set_facts
from abscope.workflows.context import Context
from abscope.workflows.findings import all_findings
from abscope.workflows.import_report import findings_json, report_json, report_of
from abscope.workflows.importing import (
    contents_of,
    read_paths,
    same_import,
    savable_drafts,
)
from abscope.workflows.lab_results import indices_by_date, read_labs, store_labs
from abscope.workflows.uploaded_labs import read_tables
from abscope.workflows.uploads import check_upload, other_patients, save_upload


def import_files(context: Context, given: argparse.Namespace) -> Result:
    """``import``."""
    accepted = frozenset(given.accept)
    with ProgressLine() as line:
        reading = read_paths(given.paths, accepted, line.tell)
    held = _held(context, given.case)
    if held is not None:
        reading = as_addition(context, held.id, reading)
    drafts = savable_drafts(reading)
    owner = drafts[0].patient.id if len(drafts) == 1 else ""
    tables = read_tables(reading.tables, patient_id=owner, case=held)
    try:
        draft = check_upload(reading, tables, accepted, patient=given.patient)
    except InputError as error:
        report = report_of(reading)
        return {
            "_error": error,
            "findings": findings_json((*report.all_findings(), *other_patients(tables))),
            "report": report_json(report),
            "patients": [
                {"number": number, "contents": contents_of(draft)}
                for number, draft in enumerate(drafts, 1)
            ],
        }
    known = same_import(context, draft) if draft is not None and given.case is None else None
    case = save_upload(
        context,
        ACTOR,
        reading,
        draft,
        case_id=known.id if known else given.case,
        accepted=accepted,
        reasons=dict.fromkeys(accepted, given.reason) if given.reason else None,
    )
    result = _whole(context, case)
    idle = sorted(accepted - {f["code"] for f in result["findings"]})
    return result | ({"accepted_without_effect": idle} if idle else {})


def _held(context: Context, case_id: str | None) -> Case | None:
    exists = case_id is not None and context.cases.exists(case_id)
    return context.cases.get(str(case_id)) if exists else None


def list_cases(context: Context, given: argparse.Namespace) -> Result:
    """``cases``."""
    del given
    return {"cases": [views.summary_json(s) for s in context.cases.summaries()]}


def show(context: Context, given: argparse.Namespace) -> Result:
    """``show``."""
    return _whole(context, context.cases.get(given.case))


def _whole(context: Context, case: Case) -> Result:
    """Return a case with the validation reports of its imports, newest first."""
    reports = context.documents.of_case(case.id, "import")
    imports = [{"imported": d.created, **d.content} for d in reports]
    return views.case_json(case) | {"imports": imports}


def delete(context: Context, given: argparse.Namespace) -> Result:
    """``delete``."""
    context.cases.delete(given.case, ACTOR.entry("delete", given.case))
    return {"deleted": given.case}


def labs(context: Context, given: argparse.Namespace) -> Result:
    """``labs``: what waits for an answer is refused with its question, the rest is stored."""
    case = context.cases.get(given.case)
    table = read_labs(
        given.file.name, read_bytes(given.file), case=case, answers=_lab_answers(given)
    )
    case = store_labs(context, ACTOR, given.case, table)
    by_date = indices_by_date(case)
    return {
        "accepted": [views.lab_json(r) for r in table.accepted],
        "refused": [dataclasses.asdict(cell) for cell in (*table.refused, *table.waiting)],
        "questions": [dataclasses.asdict(q) for q in table.questions],
        "unused_tests": list(table.unused),
        "findings": findings_json(table.findings),
        "derived": by_date[max(by_date)] if by_date else {},
        "derived_by_date": by_date,
    }


def _lab_answers(given: argparse.Namespace) -> dict[str, str]:
    """Return the answers that the options give, by the keys of the questions."""
    answers = {
        key: value
        for key, value in (
            ("date-order", given.date_order),
            ("decimal-mark", given.decimal_mark),
            ("excel-epoch", given.excel_epoch),
        )
        if value
    }
    if given.pd_l1:
        answers |= {f"test:{name}": f"pdl1_{given.pd_l1}" for name in AMBIGUOUS}
    for word in given.unit:
        name, separator, unit = word.partition("=")
        analyte = find_analyte(name)
        if not separator or not unit or analyte is None:
            raise UsageError(
                "bad-usage",
                "A unit is written TEST=UNIT.",
                where="--unit",
                expected="for example albumin=g/L",
                remedy="Name a test of the template on the Labs page and its unit.",
            )
        answers[f"unit:{analyte.key}"] = unit
    return answers


def set_fields(context: Context, given: argparse.Namespace) -> Result:
    """``set``."""
    changes: dict[str, object] = {}
    if given.file is not None:
        try:
            stored = json.loads(read_bytes(given.file))
        except ValueError:
            stored = None
        if not isinstance(stored, dict):
            raise InputError(
                "facts-file-not-read",
                "The file is no JSON object.",
                where="--file",
                expected='{"field": value, ...}',
                remedy="Correct the file and run the command again.",
            )
        changes.update(stored)
    for word in given.facts:
        field, separator, value = word.partition("=")
        if not separator:
            raise UsageError(
                "bad-usage",
                "A fact is written FIELD=VALUE.",
                where="set",
                expected="for example smoking=former",
                remedy="Write the field, an equals sign and the value without blanks.",
            )
        changes[field] = value
    facts, refused = set_facts(context, ACTOR, given.case, changes)
    return {
        "case_id": given.case,
        "facts": dict(facts.values),
        "refused": [dataclasses.asdict(r) for r in refused],
        "findings": findings_json(all_findings(context.cases.get(given.case))),
    }
