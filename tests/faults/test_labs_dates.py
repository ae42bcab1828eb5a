"""faults.md, section L: dates, and several results of one day; one id a fault."""

from __future__ import annotations

import datetime

import pytest

from abscope.core.errors import InputError
from abscope.core.lab_preview import preview
from abscope.core.lab_table import LabOptions, parse_lab_table
from abscope.core.labs import latest
from abscope.workflows import lab_files
from abscope.workflows.features import case_features
from abscope.workflows.lab_results import read_labs, remove_lab, store_labs
from tests.faults.lab_tables import (
    ACTOR,
    DAY,
    HEADER,
    case_of,
    long,
    on,
    one,
    saved,
    text_of,
    workbook,
)
from tests.faults.lab_tables import lab_context as lab_context


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-31", "2024-01-31"), ("2024-01-31T08:05", "2024-01-31"),
        ("2024-01-31T23:30:00-05:00", "2024-01-31"), ("31.01.2024", "2024-01-31"),
        ("31-Jan-2024", "2024-01-31"), ("31 January 2024", "2024-01-31"),
        ("31/01/2024", "2024-01-31"), ("01/31/2024", "2024-01-31"), ("20240131", "2024-01-31"),
        ("3. März 2024", "2024-03-03"), ("Jan 31, 2024", "2024-01-31"),
        ("03/03/2024", "2024-03-03"),
        ("45355", "2024-03-04"),
    ],
)  # fmt: skip
def test_l5_a_date_that_is_certain_is_read(text, expected):
    """A date is written in ISO form, with dots, with a month's name, with a time zone, or so that
    only one order is possible. It is read as the day that was written.
    """
    assert [r.date for r in on(text).accepted] == [expected]


@pytest.mark.parametrize(
    "text", ["2027-01-31", "1949-12-31", "31.01.24", "2024-02-30", "yesterday", "99999", ""]
)
def test_l5_an_impossible_date_is_refused(text):
    """A date lies in the future or before birth, has two digits of year, or is none. The cell is
    refused.
    """
    assert [c.code for c in on(text).refused] == ["lab-date-refused"]


def test_l5_an_ambiguous_date_is_asked_once_a_file_and_the_file_may_answer():
    """Several dates such as 03/04/2024 stand in a file. They are asked about once; a date such as
    25/04/2024 in the same file answers itself, and a contradiction refuses the file.
    """
    rows = [("03/04/2024", "ANC", "4", "10^9/L"), ("05/04/2024", "ALC", "1", "10^9/L")]
    table = long(*rows)
    (question,) = table.questions
    assert (question.key, question.cells, len(table.waiting)) == ("date-order", 2, 2)
    day_first = long(*rows, answers={"date-order": "dmy"})
    assert [r.date for r in day_first.accepted] == ["2024-04-03", "2024-04-05"]
    month_first = long(*rows, answers={"date-order": "mdy"})
    assert [r.date for r in month_first.accepted] == ["2024-03-04", "2024-05-04"]
    proven = long(*rows, ("25/04/2024", "ALC", "1", "10^9/L"))
    assert proven.questions == ()
    assert proven.accepted[0].date == "2024-04-03"
    with pytest.raises(InputError) as caught:
        long(("25/04/2024", "ALC", "1", "10^9/L"), ("04/25/2024", "ALC", "1", "10^9/L"))
    assert caught.value.code == "lab-dates-contradict"
    with pytest.raises(InputError):
        long(("25/04/2024", "ALC", "1", "10^9/L"), answers={"date-order": "mdy"})


def test_l5_serial_numbers_follow_the_workbooks_calendar():
    """The serial number 45355 and date cells stand in workbooks of the 1900 and 1904 calendars.
    Both give the day that the workbook shows.
    """
    start = datetime.datetime(1904, 1, 1)
    for epoch, expected in ((None, "2024-03-04"), (start, "2028-03-05")):
        book = workbook([HEADER, [45355, "ANC", 4.2, "10^9/L"]], epoch=epoch)
        raw = lab_files.read_rows(saved(book))
        table = parse_lab_table(raw.rows, LabOptions(epoch=raw.epoch))
        assert [r.date for r in table.accepted] == [expected]
        book = workbook([HEADER, [datetime.datetime(2024, 3, 4, 8, 30), "ANC", 4.2, "10^9/L"]],
                        epoch=epoch)  # fmt: skip
        raw = lab_files.read_rows(saved(book))
        table = parse_lab_table(raw.rows, LabOptions(epoch=raw.epoch))
        assert [(r.date, r.time) for r in table.accepted] == [("2024-03-04", "08:30")]


def test_l5_a_serial_number_in_text_is_asked_where_both_calendars_are_possible():
    """The serial number 43000 stands in a CSV, which has no calendar. As both days are possible it
    is asked which.
    """
    (question,) = on("43000").questions
    assert question.choices == ("1900", "1904")
    answered = on("43000", LabOptions(answers={"excel-epoch": "1900"}))
    assert answered.accepted[0].date == "2017-09-22"


def test_l5_results_before_and_after_radiotherapy_are_both_kept(context):
    """Results from before and after the start of radiotherapy are read. Both are kept, and each
    purpose takes the latest on the right side of its date.
    """
    data = text_of([HEADER, ["2024-01-01", "ALC", "1.5", "10^9/L"],
                    ["2024-03-01", "ALC", "0.5", "10^9/L"]])  # fmt: skip
    case = store_labs(context, ACTOR, "one", read_labs("", data))
    assert len(case.labs) == 2
    assert latest(case.labs, "alc", before="2024-02-01").value == 1.5
    assert latest(case.labs, "alc").value == 0.5


def test_l6_two_values_of_one_day_are_both_kept_and_the_last_counts(context):
    """Two values for one test and day are given, in one file and in two. Both are kept and shown; a
    finding states the rule: the latest by time of day, else the last one in the file.
    """
    table = long((DAY, "ALC", "1.5", "10^9/L"), (DAY, "ALC", "1.2", "10^9/L"))
    (finding,) = table.findings
    assert finding.code == "lab-duplicates-differ"
    assert "last in the file" in finding.message
    assert latest(table.accepted, "alc").value == 1.2
    case = store_labs(context, ACTOR, "one", table)
    assert [r.value for r in case.labs] == [1.5, 1.2]
    case = store_labs(context, ACTOR, "one", one("ALC", "1.4", "10^9/L"))
    assert [r.value for r in case.labs] == [1.5, 1.2, 1.4]
    assert latest(case.labs, "alc").value == 1.4
    again = store_labs(context, ACTOR, "one", one("ALC", "1.4", "10^9/L"))
    assert again.version == case.version, "the same result is not stored twice"
    gone = remove_lab(context, ACTOR, again, again.labs[-1])
    assert [r.value for r in gone.labs] == [1.5, 1.2]


def test_l6_the_later_time_of_day_counts_whatever_the_order():
    """Two samples of one day carry times, the later first in the file. The later one is used."""
    table = long((f"{DAY}T16:00", "ALC", "1.1", "10^9/L"), (f"{DAY}T08:00", "ALC", "1.5", "10^9/L"))
    assert latest(table.accepted, "alc").value == 1.1
    features, _ = case_features(None, case_of(table.accepted))
    assert features.number("alc_10e9_per_l") == 1.1


def test_l6_the_preview_marks_what_differs_from_stored_results():
    """A table repeats a day with another value and brings a count written with a point between
    thousands. Both are marked before anything is saved.
    """
    held = one("Platelets", "241", "10^9/L").accepted
    text = (
        f"Datum;Test;Wert;Einheit\n{DAY};Thrombozyten;1.241;G/l\n{DAY};CRP;5,5;mg/l\n"
        f"2024-02-07;Thrombozyten;250;G/l\n{DAY};Thrombozyten;241;10^9/L\n"
    )
    lines = preview(read_labs("", text.encode()).accepted, held)
    assert [line.is_held for line in lines] == [False, False, False, True]
    assert lines[0].marks == (
        f"differs from 241 stored on {DAY}",
        f"5.1x the last value (241 of {DAY})",
        "1.241 is read as 1241",
    )
    assert not any(line.marks for line in lines[1:])
