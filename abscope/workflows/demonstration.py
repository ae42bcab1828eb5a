"""The demonstration case: made by code, written as DICOM, imported through the same door."""

from __future__ import annotations

import json
import pathlib
import tempfile

from abscope.core.case import Case
from abscope.demo import write_demo
from abscope.workflows.case_facts import set_facts
from abscope.workflows.context import Actor, Context
from abscope.workflows.importing import check_reading, read_paths, save
from abscope.workflows.lab_results import read_labs, store_labs

#: The demonstration case has this id, so that opening it twice finds it again.
DEMO_CASE_ID = "demonstration"


def demonstration_case(context: Context, actor: Actor) -> Case:
    """Return the demonstration case, importing it first when it is not there."""
    if context.cases.exists(DEMO_CASE_ID):
        return context.cases.get(DEMO_CASE_ID)
    with tempfile.TemporaryDirectory() as name:
        files = write_demo(pathlib.Path(name))
        reading = read_paths(files.dicom)
        draft = check_reading(reading, frozenset())
        save(context, actor, draft, case_id=DEMO_CASE_ID, findings=reading.findings)
        set_facts(context, actor, DEMO_CASE_ID, json.loads(files.clinical_json.read_text()))
        labs = read_labs(files.labs_csv.name, files.labs_csv.read_bytes())
        return store_labs(context, actor, DEMO_CASE_ID, labs)
