"""BED and EQD2 on the command line: the options, and the rows of ``dvh --eqd2``."""

from __future__ import annotations

import argparse
from typing import Any

from abscope.cli.shared import Result
from abscope.core.case import StructureSetInfo
from abscope.core.errors import UsageError
from abscope.dose.eqd2_map import LQL_NOTE, WARN_ABOVE_GY, Quantity
from abscope.workflows.alpha_betas import alpha_betas, check_used
from abscope.workflows.fractionation import Conversion, StructureEffect


def conversion(
    given: argparse.Namespace, info: StructureSetInfo | None, quantity: Quantity = "EQD2"
) -> Conversion:
    """Return the conversion that the options ask for; raises UsageError, InputError."""
    if given.per_day not in (1, 2, 3):
        raise UsageError(
            "per-day-not-usable",
            "So many fractions a day are not known.",
            where="--per-day",
            expected="1, 2 or 3",
            remedy="Correct the number.",
        )
    betas = alpha_betas(given.alpha_beta)
    check_used(betas, info)
    return Conversion(
        quantity=quantity,
        betas=betas,
        per_day=given.per_day,
        interval_hours=given.interval_hours,
        half_time_hours=given.half_time_hours,
    )


def check_options(given: argparse.Namespace, *, converts: bool) -> None:
    """Refuse ratios and fractions where nothing is converted: they would change nothing."""
    named = given.alpha_beta or getattr(given, "fractions", []) or getattr(given, "per_day", 1) != 1
    if named and not converts:
        raise UsageError(
            "conversion-not-asked",
            "Ratios or fractions were named, but nothing is converted.",
            where="command line",
            expected="--eqd2 beside --alpha-beta, --per-day or --fractions",
            remedy="Add --eqd2, or leave the others out.",
        )


def typed_fractions(words: list[str]) -> dict[str, int]:
    """Return dose UID -> fractions of what was written as ``UID=N``; raises UsageError.

    Examples
    --------
    >>> typed_fractions(["1.2.3=5"])
    {'1.2.3': 5}
    """
    found = {}
    for word in words:
        uid, _, number = word.partition("=")
        if not number.isdecimal():
            raise UsageError(
                "fractions-not-usable",
                "The fractions of a dose are not understood.",
                where="--fractions",
                expected="DOSE_UID=N",
                remedy="Write for example --fractions 1.2.3=5",
            )
        found[uid] = int(number)
    return found


def effect_json(effect: StructureEffect) -> Result:
    """Return what a structure's row holds beside its volume and coverage."""
    ratio = effect.ratio
    body: dict[str, Any] = {
        "alpha_beta": {
            "value_gy": ratio.value_gy,
            "low_gy": ratio.low_gy,
            "high_gy": ratio.high_gy,
            "source": ratio.source,
            "verified": ratio.verified,
            "range_verified": False,  # all ranges are from memory (dose/alpha_beta.py)
        },
        "metrics": {m.name: m.effect for m in effect.metrics},
        "intervals": {
            m.name: None if m.low is None or m.high is None else [m.low, m.high]
            for m in effect.metrics
        },
        "physical_metrics": {m.name: m.physical for m in effect.metrics},
        "units": {m.name: m.unit for m in effect.metrics},
        "highest_per_fraction_gy": effect.highest_per_fraction_gy,
    }
    if effect.has_band:
        body["lql_metrics"] = {m.name: m.lql for m in effect.metrics}
        body["notes"] = [LQL_NOTE]
        if effect.highest_per_fraction_gy > WARN_ABOVE_GY:
            body["notes"].append(
                f"More than {WARN_ABOVE_GY:g} Gy per fraction: neither model is established there."
            )
    if reasons := {m.name: m.reason for m in effect.metrics if m.reason}:
        body["reasons"] = reasons
    return body
