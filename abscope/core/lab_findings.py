"""What is odd about a laboratory table as a whole."""

from __future__ import annotations

from collections.abc import Iterable

from abscope.core.analytes import BY_KEY
from abscope.core.case import Finding
from abscope.core.labs import LabResult

#: Values that a finding lists before it counts the rest.
_MAX_LISTED = 5


def duplicate_findings(results: Iterable[LabResult]) -> list[Finding]:
    """Return a finding for each test that has several results on one day."""
    grouped: dict[tuple[str, str], list[LabResult]] = {}
    for result in results:
        grouped.setdefault((result.key, result.date), []).append(result)
    found = []
    for (key, date), several in grouped.items():
        if len({(r.value, r.comparator, r.time) for r in several}) > 1:
            found.append(
                Finding(
                    code="lab-duplicates-differ",
                    severity="warning",
                    where=f"{BY_KEY[key].name} of {date}",
                    message=f"{BY_KEY[key].name} has {len(several)} results on {date}: "
                    + ", ".join(r.text for r in several)
                    + f" {BY_KEY[key].unit}. All are kept and shown; the latest by time of day, "
                    "else the last in the file, is used.",
                    remedy="Remove the wrong one on the Labs page if they are no repeat samples.",
                )
            )
    return found


def unusual_findings(results: Iterable[LabResult]) -> list[Finding]:
    """Return a finding for each test with values that are possible and hardly ever seen.

    A factor of thousand (another unit, a point between thousands) shows in this way. Zero and
    limits such as ``<0.1`` are not marked.
    """
    found = []
    grouped: dict[str, list[LabResult]] = {}
    for result in results:
        low, high = BY_KEY[result.key].usual
        if result.is_number and result.value and not low <= result.value <= high:
            grouped.setdefault(result.key, []).append(result)
    for key, several in grouped.items():
        test = BY_KEY[key]
        low, high = test.usual
        listed = ", ".join(
            f"{r.value:g} on {r.date} (far {'below' if r.value < low else 'above'} the usual)"
            for r in several[:_MAX_LISTED]
        )
        more = len(several) - _MAX_LISTED
        found.append(
            Finding(
                code="lab-value-unusual",
                severity="warning",
                where=test.name,
                message=f"{test.name} in {test.unit}: {listed}"
                + (f" and {more} more" if more > 0 else "")
                + ". The values are kept and used.",
                expected=f"{low:g} to {high:g} {test.unit}",
                remedy="Check unit and decimal mark against the laboratory report; take a wrong "
                "value out on the Labs page.",
            )
        )
    return found


def names_no_patient() -> Finding:
    """Return the remark on a table that does not say whose results it holds."""
    return Finding(
        code="table-names-no-patient",
        severity="info",
        where="laboratory table",
        message="The table names no patient, so that nothing shows whose results these are.",
        remedy="Check that they belong to the patient of this case.",
        expected="a column with the PatientID",
        group="Laboratory tables",
    )


def remarks(zones: int, ranges: int, examples: int) -> list[Finding]:
    """Return what is to be said of time zones, reference ranges and example rows, by count."""
    told = (
        (zones, "lab-time-zone", f"{zones} sample times name a time zone; the date is the one "
         "written, not converted.", "Nothing, if the laboratory writes its local date."),
        (ranges, "lab-range-unread", f"{ranges} reference ranges cannot be read and are left out.",
         "Write them as two numbers, low before high."),
        (examples, "lab-example-row", f"{examples} example rows of the template were not read.",
         "Nothing; they may stay in the file."),
    )  # fmt: skip
    return [
        Finding(
            code=code, severity="info", where="laboratory table", message=message, remedy=remedy
        )
        for count, code, message, remedy in told
        if count
    ]
