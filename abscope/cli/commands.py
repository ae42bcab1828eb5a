"""One function a command: arguments in, plain data out."""

from __future__ import annotations

import argparse
import dataclasses
import json
import pathlib
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from abscope.cli.dose import dvh
from abscope.core.errors import InputError, UsageError
from abscope.what_if.scenario import scenario_from_json
from abscope.workflows import board, views
from abscope.workflows.case_facts import (
    indices_by_date,
    read_labs,
    set_facts,
    store_labs,
)
from abscope.workflows.context import Actor, Context
from abscope.workflows.contouring import compare_rois, contour_case
from abscope.workflows.demonstration import demonstration_case
from abscope.workflows.exporting import export_rtstruct
from abscope.workflows.findings import all_findings
from abscope.workflows.importing import check_reading, read_paths, same_import, save
from abscope.workflows.prediction import (
    predict_case,
    prediction_json,
    score_file,
    store_predictions,
)
from abscope.workflows.simulation import simulate, store_scenario, what_if_json
from abscope.workflows.starting import LAB_SUFFIXES, start_from_labs

ACTOR = Actor(name="command line")
Result = dict[str, Any]


def import_files(context: Context, given: argparse.Namespace) -> Result:
    """``import``."""
    accepted = frozenset(given.accept)
    if all(path.suffix.lower() in LAB_SUFFIXES for path in given.paths):
        tables = [(path.name, _bytes(path)) for path in given.paths]
        return views.case_json(start_from_labs(context, ACTOR, tables, case_id=given.case))
    reading = read_paths(given.paths, accepted)
    try:
        draft = check_reading(reading, accepted)
    except InputError as error:
        findings = [*reading.findings, *(f for d in reading.drafts for f in d.findings)]
        return {"_error": error, "findings": views.findings_json(findings)}
    known = None if given.case else same_import(context, draft)
    case = known or save(
        context, ACTOR, draft, case_id=given.case, findings=reading.findings, accepted=accepted
    )
    return views.case_json(case)


def list_cases(context: Context, given: argparse.Namespace) -> Result:
    """``cases``."""
    del given
    return {"cases": [views.summary_json(s) for s in context.cases.summaries()]}


def show(context: Context, given: argparse.Namespace) -> Result:
    """``show``."""
    return views.case_json(context.cases.get(given.case))


def delete(context: Context, given: argparse.Namespace) -> Result:
    """``delete``."""
    context.cases.delete(given.case, ACTOR.entry("delete", given.case))
    return {"deleted": given.case}


def contour(context: Context, given: argparse.Namespace) -> Result:
    """``contour``."""
    wanted = tuple(name.strip() for name in given.structures.split(",") if name.strip())
    return contour_case(
        context,
        ACTOR,
        given.case,
        engine=given.engine,
        structures=wanted,
        seed_mm=given.seed,
        report=lambda share, message: print(f"{share:4.0%} {message}", file=sys.stderr),
    ).as_json()


def compare(context: Context, given: argparse.Namespace) -> Result:
    """``compare``."""
    case = context.cases.get(given.case)
    return dataclasses.asdict(
        compare_rois(context, case, given.a, given.b, without_targets=given.without_gtv)
    )


def labs(context: Context, given: argparse.Namespace) -> Result:
    """``labs``."""
    case = context.cases.get(given.case)
    table = read_labs(given.file.name, _bytes(given.file), patient_id=case.patient.id)
    case = store_labs(context, ACTOR, given.case, table)
    by_date = indices_by_date(case)
    return {
        "accepted": [views.lab_json(r) for r in table.accepted],
        "refused": [dataclasses.asdict(cell) for cell in table.refused],
        "unused_tests": list(table.unused),
        "derived": by_date[max(by_date)] if by_date else {},
        "derived_by_date": by_date,
    }


def set_fields(context: Context, given: argparse.Namespace) -> Result:
    """``set``."""
    changes: dict[str, object] = {}
    if given.file is not None:
        try:
            stored = json.loads(_bytes(given.file))
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
        "findings": views.findings_json(all_findings(context.cases.get(given.case))),
    }


def predict(context: Context, given: argparse.Namespace) -> Result:
    """``predict``."""
    case = context.cases.get(given.case)
    found = predict_case(context, case, models=given.model, dose_uid=given.dose)
    store_predictions(context, ACTOR, found)
    return {
        "predictions": [prediction_json(item) for item in found.items],
        "notes": list(found.notes),
    }


def score(context: Context, given: argparse.Namespace) -> Result:
    """``score``."""
    return {"rows": score_file(context, given.model, given.table)}


def what_if(context: Context, given: argparse.Namespace) -> Result:
    """``what-if``."""
    case = context.cases.get(given.case)
    text = _bytes(given.scenario).decode("utf-8-sig", errors="replace")
    result = simulate(context, case, scenario_from_json(text))
    content = what_if_json(result)
    if result.assessment.refusals:
        return content | {"_error": result.assessment.refusals[0].as_error()}
    document = store_scenario(context, ACTOR, case, result)
    return content | {"scenario_id": document.id}


def export(context: Context, given: argparse.Namespace) -> Result:
    """``export``."""
    case = context.cases.get(given.case)
    if given.rtstruct is not None:
        data = export_rtstruct(context, ACTOR, case, given.structure_set)
        target = given.rtstruct
    else:
        options = board.BoardOptions(names_hidden=given.hide_names, dose_uid=given.dose)
        pack = board.compose(context, ACTOR, case, options)
        form = "pptx" if given.pptx is not None else "pdf"
        data = board.export(context, ACTOR, pack, "pptx" if form == "pptx" else "pdf")
        target = given.pptx or given.pdf
    try:
        target.write_bytes(data)
    except OSError:
        raise InputError(
            "file-not-written",
            "The file cannot be written.",
            where="export",
            expected="a file name in an existing folder",
            remedy="Choose another place.",
        ) from None
    return {"case_id": case.id, "file": str(target), "bytes": len(data)}


def demo(context: Context, given: argparse.Namespace) -> Result:
    """``demo``."""
    del given
    return views.case_json(demonstration_case(context, ACTOR))


def models(context: Context, given: argparse.Namespace) -> Result:
    """``models``."""
    del given
    return {"models": [_plain(model.card) for model in context.models]}


def engines(context: Context, given: argparse.Namespace) -> Result:
    """``engines``."""
    del given
    return {
        "engines": [
            _plain(engine.card) | {"missing": list(engine.missing())}
            for engine in context.engines.values()
        ]
    }


def audit(context: Context, given: argparse.Namespace) -> Result:
    """``audit``."""
    rows = [dataclasses.asdict(r) for r in context.archive.audit_rows(given.limit)]
    if not given.verify:
        return {"rows": rows}
    broken = context.archive.first_broken_audit_row()
    return {"rows": rows, "verified": broken is None, "first_broken": broken}


def serve(given: argparse.Namespace) -> int:
    """``serve``: run the dashboard on loopback until it is stopped."""
    app = pathlib.Path(__file__).resolve().parents[2] / "app.py"
    return subprocess.call(
        [
            *(sys.executable, "-m", "streamlit", "run", str(app)),
            *("--server.port", str(given.port), "--server.address", "127.0.0.1"),
            *("--server.headless", "true"),
        ],
        cwd=app.parent,
    )


def _bytes(path: pathlib.Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise InputError(
            "path-not-found",
            "A file named on the command line cannot be read.",
            where="command line",
            expected="an existing file",
            remedy="Check the spelling of the path.",
        ) from None


def _plain(card: Any) -> Result:
    stored: Result = json.loads(json.dumps(_asdict(card)))
    return stored


def _asdict(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _asdict(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, tuple | list):
        return [_asdict(v) for v in value]
    if hasattr(value, "items"):
        return {str(k): _asdict(v) for k, v in value.items()}
    return value


COMMANDS: dict[str, Callable[[Context, argparse.Namespace], Result]] = {
    "import": import_files,
    "cases": list_cases,
    "show": show,
    "delete": delete,
    "contour": contour,
    "compare": compare,
    "dvh": dvh,
    "labs": labs,
    "set": set_fields,
    "predict": predict,
    "score": score,
    "what-if": what_if,
    "export": export,
    "demo": demo,
    "models": models,
    "engines": engines,
    "audit": audit,
}
