"""The tables of a de-identified case, and the note of what was written and what was not."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import re
from collections.abc import Iterator

from abscope.core.case import Case
from abscope.core.facts import DATES, TEXTS, FactValue
from abscope.dicom.deidentify import OLDEST_AGE_YEARS, Pseudonyms

#: A file of the export: its neutral path and its bytes.
File = tuple[str, bytes]


def terms(text: str) -> frozenset[str]:
    """Return the words of a text as a set."""
    return frozenset(text.split())


#: Words of which a free-text fact may consist and still be written.
_FACT_WORDS = terms(
    "adenocarcinoma squamous cell carcinoma large small non nonsquamous adenosquamous nsclc sclc "
    "lung cancer neuroendocrine mesothelioma melanoma nos stage q2w q3w q4w q6w mg kg every weeks "
    "week and or of the poorly well moderately differentiated breast esophageal head neck renal "
    "bladder colorectal gastric hepatobiliary endometrial ovarian pancreatic sarcoma pembrolizumab "
    "nivolumab cemiplimab atezolizumab durvalumab avelumab ipilimumab tremelimumab cisplatin "
    "carboplatin pemetrexed paclitaxel docetaxel etoposide gemcitabine vinorelbine osimertinib "
    "lobectomy pneumonectomy sbrt imrt vmat gy"
)
_FACT_CODE = re.compile(r"(?i)[0-9]{1,4}(?:\.[0-9]+)?|[cpy]{0,2}(?:0|i{1,3}|iv)[abc]?[0-9]?")


@dataclasses.dataclass(slots=True)
class Written:
    """What has been written so far, and what has not, and why. Words here are neutral."""

    series: list[dict[str, object]] = dataclasses.field(default_factory=list)
    doses: list[dict[str, object]] = dataclasses.field(default_factory=list)
    structure_sets: int = 0
    plans: int = 0
    labs: int = 0
    facts: list[str] = dataclasses.field(default_factory=list)
    left_out: list[dict[str, str]] = dataclasses.field(default_factory=list)

    def leave_out(self, what: str, reason: str) -> None:
        """Note what is not in the export."""
        self.left_out.append({"what": what, "reason": reason})


def table_files(case: Case, new: Pseudonyms, written: Written) -> Iterator[File]:
    """Yield the laboratory results as CSV and the facts as JSON, where there are any."""
    if case.labs:
        written.labs = len(case.labs)
        yield "tables/labs.csv", _labs(case, new)
    if case.treatments:
        yield "tables/treatments.csv", _treatments(case, new, written)
    facts = {
        field: value
        for field, raw in case.facts.values.items()
        if (value := _fact(field, raw, new)) is not None
    }
    for field in sorted(set(case.facts.values) - set(facts)):
        written.leave_out(f"fact {field}", "it holds words of its own")
    if facts:
        written.facts = sorted(facts)
        content = {"_patient_id": new.name, **facts}
        yield "tables/clinical.json", json.dumps(content, indent=1, sort_keys=True).encode()


def _labs(case: Case, new: Pseudonyms) -> bytes:
    """Return the results in the form that ``labs`` reads, in canonical units."""
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\n")
    names = "patient_id date test value unit reference_low reference_high"
    rows.writerow(names.split())
    for result in case.labs:
        limits = ["" if v is None else repr(v) for v in (result.low, result.high)]
        moment = f"{new.date(result.date)} {result.time}".strip()
        value = f"{result.comparator}{result.value!r}"
        rows.writerow([new.name, moment, result.key, value, result.analyte.unit, *limits])
    return text.getvalue().encode()


def _treatments(case: Case, new: Pseudonyms, written: Written) -> bytes:
    """Return kind, agent and dates of the treatments; notes and unknown agents stay out."""
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["patient_id", "kind", "agent", "start", "end"])
    for number, item in enumerate(case.treatments, 1):
        agent = item.agent if _is_vocabulary(item.agent) else ""
        if item.note or agent != item.agent:
            written.leave_out(f"words of treatment {number}", "they are words of somebody's own")
        rows.writerow([new.name, item.kind, agent, new.date(item.start), new.date(item.end)])
    return text.getvalue().encode()


def _is_vocabulary(text: str) -> bool:
    words = [w for w in re.split(r"[\s/(),;+-]+", text) if w]
    return all(w.casefold() in _FACT_WORDS or _FACT_CODE.fullmatch(w) for w in words)


def _fact(field: str, value: FactValue, new: Pseudonyms) -> FactValue | None:
    """Return a fact that may be written, None for words that are in no vocabulary."""
    if field == "age_years":
        return min(float(value), float(OLDEST_AGE_YEARS))
    if field in DATES:
        return new.date(str(value)) or None
    if field in TEXTS:
        return value if _is_vocabulary(str(value)) else None
    return value
