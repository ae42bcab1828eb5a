"""The words of the command line."""

from __future__ import annotations

import argparse
import pathlib
import re
from collections.abc import Sequence
from typing import NoReturn

from abscope.cli.parser_dose import add_conversion, dose_commands
from abscope.core.errors import UsageError

#: A surface Dice at more than this says nothing (mm).
LARGEST_TOLERANCE_MM = 100.0
#: What the words for a structure set stand for.
SET_HELP = (
    "a UID, or the newest set of a kind: clinical, auto (with organs; a clicked tumor or habitats "
    "only where there is no other) or edited"
)
#: Which structure set is exported.
EXPORT_HELP = (
    f"for --rtstruct and --seg: {SET_HELP}; left out: the newest automatic one with organs, else "
    "the newest clinical one; habitats only when named"
)
#: Options whose value may begin with a minus sign.
_POINTS = ("--seed", "--at", "--box")


class Parser(argparse.ArgumentParser):
    """Raises `UsageError` where argparse would print and exit."""

    def error(self, message: str) -> NoReturn:
        """Raise the message as an error of our own, without the words that were typed."""
        raise UsageError(
            "bad-usage",
            _without_words(message),
            where="command line",
            expected=re.sub(r"\s+", " ", self.format_usage()).strip(),
            remedy="See `python -m abscope --help`.",
        )


def _without_words(message: str) -> str:
    r"""Return argparse's message without values: a path or a name may stand there.

    Examples
    --------
    >>> _without_words("unrecognized arguments: /home/doe/a.dcm --colour")
    'unrecognized arguments: ... --colour'
    >>> _without_words("argument --seed: invalid point value: 'Doe'")
    'argument --seed: invalid point value: ...'
    """
    head, colon, words = message.partition("unrecognized arguments: ")
    if colon:
        shown = [w if re.fullmatch(r"--[a-z-]+", w) else "..." for w in words.split(" ")]
        return head + colon + " ".join(dict.fromkeys(shown))
    return re.sub(r"(invalid [\w ]*?(?:value|choice)): .*?(?= \(choose|$)", r"\1: ...", message)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the parsed command line; raises UsageError."""
    joined: list[str] = []
    rest = iter(arguments)
    for word in rest:
        joined.append(f"{word}={next(rest, '')}" if word in _POINTS else word)
    return _parser().parse_args(joined)


def point(text: str) -> tuple[float, float, float]:
    """Return a point in patient millimetres written ``X,Y,Z``.

    Examples
    --------
    >>> point("-82.3,-201.5,-456.8")
    (-82.3, -201.5, -456.8)
    """
    try:
        x, y, z = (float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(
            "bad-point",
            "The point is not three numbers.",
            where="point",
            expected="X,Y,Z in patient millimetres",
            remedy="Write for example --seed -82.3,-201.5,-456.8",
        ) from None
    return (x, y, z)


def box(text: str) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Return the lowest and highest corner of a box written as any two opposite ones.

    Examples
    --------
    >>> box("-40,-160,-500,-90,-200,-450")
    ((-90.0, -200.0, -500.0), (-40.0, -160.0, -450.0))
    """
    try:
        a, b, c, d, e, f = (float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(
            "bad-box",
            "The box is not six numbers.",
            where="--box",
            expected="X,Y,Z,X,Y,Z: two opposite corners in patient millimetres",
            remedy="Write for example --box -110,-230,-480,-50,-170,-430",
        ) from None
    return (min(a, d), min(b, e), min(c, f)), (max(a, d), max(b, e), max(c, f))


def tolerance(text: str) -> float:
    """Return a distance of 0 mm or more.

    Examples
    --------
    >>> tolerance("2.5")
    2.5
    """
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= LARGEST_TOLERANCE_MM:
        raise UsageError(
            "bad-tolerance",
            "The tolerance is no distance.",
            where="--tolerance-mm",
            expected=f"a number from 0 to {LARGEST_TOLERANCE_MM:g}",
            remedy="Write for example --tolerance-mm 3",
        )
    return value


def _parser() -> Parser:
    parser = Parser(
        prog="python -m abscope",
        description="Radiotherapy and immunotherapy on one case. Research use only.",
    )
    common = Parser(add_help=False)
    common.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON object"
    )
    parser.add_argument("--json", action="store_true", default=False, help=argparse.SUPPRESS)
    commands = parser.add_subparsers(dest="command", required=True, parser_class=Parser)

    def add(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text, parents=[common])

    imports = add("import", "Import files, folders or ZIP archives as a case.")
    imports.add_argument("paths", nargs="+", type=pathlib.Path, metavar="PATH")
    imports.add_argument("--case", metavar="ID", help="id of the case to create or extend")
    imports.add_argument("--accept", nargs="+", action="extend", default=[], metavar="CODE")
    imports.add_argument(
        "--patient", type=int, metavar="N", help="which patient, when the files hold several"
    )
    imports.add_argument("--reason", metavar="TEXT", help="why, kept with what is accepted")

    add("cases", "List the cases.")
    for name, text in (("show", "Show a case."), ("delete", "Delete a case and all its files.")):
        add(name, text).add_argument("case")

    contour = add("contour", "Draw structures on the planning CT with an engine.")
    contour.add_argument("case")
    contour.add_argument("--engine", default="anatomical")
    contour.add_argument("--structures", default="", metavar="NAME,NAME")
    contour.add_argument("--seed", type=point, metavar="X,Y,Z")
    contour.add_argument(
        "--box", type=box, metavar="X,Y,Z,X,Y,Z", help="two corners that the tumor stays between"
    )

    compare = add("compare", "Compare two structures, or two structure sets.")
    compare.add_argument("case")
    for side in ("--a", "--b"):
        compare.add_argument(side, required=True, metavar="SET[:ROI]", help=SET_HELP)
    compare.add_argument(
        "--tolerance-mm", type=tolerance, metavar="MM", help="of surface Dice; the organ's own"
    )
    compare.add_argument(
        "--without-gtv", action="store_true", help="take the clinical GTV out of both"
    )

    check = add("check", "Check the quality of a structure set.")
    check.add_argument("case")
    check.add_argument(
        "--set", metavar="SET", help=f"{SET_HELP}; left out: the newest clinical one"
    )

    rename = add("rename", "Give a structure its TG-263 name.")
    rename.add_argument("case")
    rename.add_argument("--set", required=True, metavar="UID", help="structure set")
    rename.add_argument("--roi", required=True, type=int, metavar="N", help="ROI number")
    rename.add_argument(
        "--standard", required=True, metavar="NAME", help='TG-263 name; "" takes the name away'
    )

    approve = add("approve", "Say that a person approves structures, or takes that back.")
    approve.add_argument("case")
    approve.add_argument("--set", required=True, metavar="SET", help=SET_HELP)
    approve.add_argument(
        "--structure", required=True, nargs="+", action="extend", metavar="NAME_OR_NUMBER"
    )
    approve.add_argument("--withdraw", action="store_true", help="take the approval back")

    add("runs", "List what engines drew on a case: when, how, how long.").add_argument("case")

    doubt = add("doubt", "Show how far a contour may be off, and what that means for its dose.")
    doubt.add_argument("case")
    doubt.add_argument("--structure", required=True, metavar="SET:ROI", help="or SET:Lungs-GTV")
    doubt.add_argument("--dose", metavar="UID")
    doubt.add_argument("--metrics", default="mean,max,V20Gy")
    doubt.add_argument("--accept", nargs="+", action="extend", default=[], metavar="CODE",
                       choices=["dose-grid-coverage"])  # fmt: skip

    habitats = add("habitats", "Divide a tumor into parts that look alike on CT, and on PET.")
    habitats.add_argument("case")
    habitats.add_argument("--structure", required=True, metavar="SET:ROI")
    habitats.add_argument("--store", action="store_true", help="keep them as structures")

    dose_commands(add)

    labs = add("labs", "Read a table of laboratory results into a case.")
    labs.add_argument("case")
    labs.add_argument("file", type=pathlib.Path)
    labs.add_argument(
        "--unit", action="append", default=[], metavar="TEST=UNIT",
        help="unit of the values that have none, for example albumin=g/L",
    )  # fmt: skip
    labs.add_argument("--date-order", choices=("dmy", "mdy"), help="order of dates like 03/04/2024")
    labs.add_argument("--decimal-mark", choices=("point", "comma"), help="of numbers like 1,234")
    labs.add_argument("--excel-epoch", choices=("1900", "1904"), help="of dates like 45355 in CSV")
    labs.add_argument("--pd-l1", choices=("tps", "cps"), help="what a column named PD-L1 holds")

    facts = add("set", "Store clinical facts.")
    facts.add_argument("case")
    facts.add_argument("facts", nargs="*", metavar="FIELD=VALUE")
    facts.add_argument("--file", type=pathlib.Path, help="JSON object of fields")

    predict = add("predict", "Apply the models to a case.")
    predict.add_argument("case")
    predict.add_argument("--model", nargs="+", action="extend", metavar="ID")
    predict.add_argument("--dose", metavar="UID")

    score = add("score", "Apply a model to a table, a row a patient.")
    score.add_argument("--model", required=True, metavar="ID")
    score.add_argument("table", type=pathlib.Path)

    what_if = add("what-if", "Compare a scenario with the delivered plan.")
    what_if.add_argument("case")
    what_if.add_argument("--scenario", required=True, type=pathlib.Path, metavar="FILE.json")

    suv = add("suv", "Show how a PET's values become SUV, its highest and that at a point.")
    suv.add_argument("case")
    suv.add_argument("--at", type=point, metavar="X,Y,Z", help="patient millimetres")
    suv.add_argument("--series", metavar="UID", help="the newest PET unless named")

    export = add("export", "Write a case's board pack or objects to a file.")
    export.add_argument("case")
    form = export.add_mutually_exclusive_group(required=True)
    for kind in ("pptx", "pdf", "rtstruct", "seg", "rtdose"):
        form.add_argument(f"--{kind}", type=pathlib.Path, metavar="F")
    form.add_argument(
        "--deidentified", type=pathlib.Path, metavar="DIR",
        help="the whole case without identity, as DICOM; DIR must be absent or empty",
    )  # fmt: skip
    export.add_argument("--hide-names", action="store_true")
    export.add_argument("--accept", nargs="+", action="extend", default=[], metavar="CODE")
    export.add_argument("--structure-set", metavar="SET", help=EXPORT_HELP)
    export.add_argument(
        "--holes", choices=("keyhole", "separate"), default="keyhole",
        help="for --rtstruct: holes joined to their outline, or contours of their own",
    )  # fmt: skip
    export.add_argument(
        "--names", choices=("source", "tg263"), default="source",
        help="for --rtstruct: the source's names, or TG-263 names where they are known",
    )  # fmt: skip
    export.add_argument("--bits", type=int, choices=(16, 32), default=32, help="for --rtdose")
    effect = export.add_mutually_exclusive_group()
    effect.add_argument("--eqd2", action="store_true", help="for --rtdose: EQD2 by voxel")
    effect.add_argument("--bed", action="store_true", help="for --rtdose: BED by voxel")
    add_conversion(export)
    export.add_argument("--dose", metavar="UID")

    add("demo", "Import the synthetic demonstration case.")
    add("models", "List the models.")
    add("engines", "List the contouring engines.")
    audit = add("audit", "Show the audit trail.")
    audit.add_argument(
        "--verify", action="store_true", help="check the chain of hashes and every file"
    )
    audit.add_argument("--limit", type=int, default=50)
    backup = add("backup", "Write the whole archive to one file, while it is in use.")
    backup.add_argument("file", type=pathlib.Path)
    restore = add("restore", "Make an archive from a backup; stop the server first.")
    restore.add_argument("file", type=pathlib.Path)
    restore.add_argument(
        "--replace", action="store_true", help="put it in the place of the present archive"
    )
    serve = add("serve", "Serve the dashboard on this machine.")
    serve.add_argument("--port", type=int, default=8501)
    return parser
