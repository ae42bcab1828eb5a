"""The words of the commands that are about dose."""

from __future__ import annotations

import argparse
import pathlib
from collections.abc import Callable

from abscope.dose.gamma import Criteria

#: What ``dvh`` gives when no metrics are named.
DEFAULT_METRICS = "mean,min,max,D95%,D2cm3,V20Gy,V20Gy[cm3]"
ALPHA_BETA_HELP = (
    "with --eqd2 or --bed: ratios in Gy by structure or family, such as Lungs=3,Heart=2,other=3; "
    "the defaults for those that are not named"
)

Add = Callable[[str, str], argparse.ArgumentParser]


def dose_commands(add: Add) -> None:
    """Add the commands that compute, convert and judge dose."""
    dvh = add("dvh", "Compute dose-volume histograms and metrics.")
    dvh.add_argument("case")
    dvh.add_argument("--dose", metavar="UID")
    dvh.add_argument("--structure-set", metavar="UID")
    dvh.add_argument("--structure", action="append", metavar="NAME_OR_NUMBER")
    dvh.add_argument("--accept", nargs="+", action="extend", default=[], metavar="CODE")
    dvh.add_argument(
        "--metrics", default=DEFAULT_METRICS, metavar="LIST",
        help="comma-separated: mean, D95%%, D2cm3, DC1500cm3, V20Gy, V20Gy[cm3], V95%%Rx, CV5Gy, "
        "gEUD(a=8), HI, CI, GI",
    )  # fmt: skip
    dvh.add_argument(
        "--between-planes", choices=("skipped", "all", "none"), default="skipped",
        help="interpolate shapes where contours skip every second plane (default), between all, or "
        "never",
    )  # fmt: skip
    dvh.add_argument("--curve", action="store_true", help="add the cumulative curve")
    dvh.add_argument("--eqd2", action="store_true", help="of EQD2, in place of the physical dose")
    add_conversion(dvh)

    sums = add("sum", "Add the doses of several plans; a sum has no prescription and no EQD2.")
    sums.add_argument("case")
    sums.add_argument("doses", nargs="+", metavar="DOSE_UID")
    sums.add_argument(
        "--eqd2", action="store_true", help="of courses: convert each to EQD2, then add"
    )
    sums.add_argument("--alpha-beta", default="", metavar="LIST", help=ALPHA_BETA_HELP)
    sums.add_argument(
        "--fractions", action="append", default=[], metavar="DOSE_UID=N",
        help="with --eqd2: fractions of a course whose plan does not say them",
    )  # fmt: skip

    _scorecards(add)
    _comparisons(add)


def _comparisons(add: Add) -> None:
    usual = Criteria()
    gamma = add("gamma", "Compare two doses by the three-dimensional gamma index.")
    gamma.add_argument("case")
    gamma.add_argument("reference", metavar="REFERENCE_UID", help="dose at whose points is looked")
    gamma.add_argument("evaluated", metavar="EVALUATED_UID", help="dose that is held against it")
    gamma.add_argument("--dose-percent", type=float, default=usual.dose_percent, metavar="P")
    gamma.add_argument("--distance-mm", type=float, default=usual.distance_mm, metavar="MM")
    gamma.add_argument(
        "--cutoff-percent", type=float, default=usual.cutoff_percent, metavar="P",
        help="of the reference's prescription, or of its highest dose: points below are left out",
    )  # fmt: skip
    gamma.add_argument("--local", action="store_true", help="a share of the dose at each point")

    immune = add("immune", "Show EDIC, organ means and the estimated dose to the blood.")
    immune.add_argument("case")
    immune.add_argument("--dose", metavar="UID")
    immune.add_argument("--structure-set", metavar="UID")
    immune.add_argument(
        "--organs-from", metavar="UID", help="a second set for organs that the plan's set lacks"
    )

    similar = add("achievable", "Estimate organ doses from the plans of other patients here.")
    similar.add_argument("case")
    similar.add_argument("--dose", metavar="UID")
    similar.add_argument("--structure-set", metavar="UID")
    similar.add_argument(
        "--structure", action="append", metavar="NAME", help="TG-263 name; all organs unless named"
    )

    risk = add("lung-risk", "Show where dose to the lungs drives the estimated pneumonitis risk.")
    risk.add_argument("case")
    risk.add_argument("--dose", metavar="UID")


def _scorecards(add: Add) -> None:
    one = add("scorecard", "Hold one or two plans against a scorecard.")
    one.add_argument("case")
    which = one.add_mutually_exclusive_group()
    which.add_argument("--card", metavar="ID", help="that of the plan's fractionation unless named")
    which.add_argument("--file", type=pathlib.Path, metavar="F", help="a scorecard of your own")
    one.add_argument("--dose", action="append", metavar="UID", help="twice to compare two plans")
    one.add_argument("--structure-set", metavar="UID")
    one.add_argument("--accept", nargs="+", action="extend", default=[], metavar="CODE")

    several = add("scorecards", "List the scorecards; add one of the clinic's own, or remove it.")
    several.add_argument("--add", type=pathlib.Path, metavar="F.toml")
    several.add_argument("--remove", metavar="ID")
    several.add_argument(
        "--template", type=pathlib.Path, metavar="F.toml", help="write a file to start from"
    )


def add_conversion(command: argparse.ArgumentParser) -> None:
    """Add what a conversion to BED or EQD2 takes."""
    command.add_argument("--alpha-beta", default="", metavar="LIST", help=ALPHA_BETA_HELP)
    command.add_argument("--per-day", type=int, default=1, metavar="N", help="fractions on one day")
    command.add_argument(
        "--interval-hours", type=float, default=6.0, metavar="H",
        help="between the fractions of one day",
    )  # fmt: skip
    command.add_argument(
        "--half-time-hours", type=float, default=1.5, metavar="H",
        help="half-time of repair, for several fractions a day",
    )  # fmt: skip
