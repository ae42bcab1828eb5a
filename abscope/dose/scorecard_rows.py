"""One ``[[row]]`` of a scorecard file: what is allowed in it, and what each error is called."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Mapping
from typing import Any, Protocol, cast

from abscope.core.errors import UsageError
from abscope.core.names import is_target, standard_names
from abscope.dose.metrics import Metric, parse_metric
from abscope.dose.scorecard import (
    TARGET_KINDS,
    Basis,
    IsodoseRatio,
    Limit,
    LimitTable,
    Row,
    Sign,
    Source,
)
from abscope.dose.scorecard_lines import Lines

ROW_KEYS = frozenset(
    {
        "structure", "instead", "metric", "goal", "variation", "table", "basis", "alpha_beta_gy",
        "source", "verified", "note",
    }
)  # fmt: skip
#: Word for a row that never ends in a violation.
AIM_ONLY = "any"
LARGEST_ALPHA_BETA_GY = 50.0
_LIMIT = re.compile(
    r"(<=|>=|<|>|≤|≥)\s*(\d+(?:\.\d*)?|\.\d+)\s*(Gy|%\s*Rx|%\s*of\s*Rx|%|cm3|cm³|cc)?",
    re.IGNORECASE,
)
_RATIO = re.compile(r"R(\d{1,3})", re.IGNORECASE)
_PRV = re.compile(r"(.+)_PRV\d{0,2}")
_LIMIT_EXAMPLES = '"< 34 Gy", "<= 30 %", ">= 1500 cm3", ">= 95 %Rx" or "< 1.2"'
_TG263 = "a TG-263 name such as Lungs-GTV, SpinalCord, Heart, Esophagus, PTV"
#: Unit of a metric -> units of a limit on it.
_UNITS = {
    "Gy": ("Gy", "%Rx"), "%": ("%",), "cm3": ("cm3",), "ratio": ("",),
}  # fmt: skip


class Notes(Protocol):
    """Where errors are noted (`abscope.dose.scorecard_file.Problems`)."""

    def add(self, line: int, what: str, expected: str, found: object = "") -> None:
        """Note an error."""


@functools.cache
def _known() -> frozenset[str]:
    """Return the names that a row may use: TG-263 ones, and those of pairs without a side."""
    names = set(standard_names())
    return frozenset(names | {n[:-2] for n in names if n.endswith("_L") and f"{n[:-2]}_R" in names})


def is_structure(name: str) -> bool:
    """Whether a row may name this structure.

    Examples
    --------
    >>> [is_structure(n) for n in ("Lungs-GTV", "BrachialPlex", "PTV_60", "SpinalCord_PRV05")]
    [True, True, True, True]
    >>> is_structure("Spinal-Cord"), is_structure("Herz")
    (False, False)
    """
    if name in _known() or any(is_target(name, kind) for kind in TARGET_KINDS):
        return True
    margin = _PRV.fullmatch(name)
    return margin is not None and margin.group(1) in _known()


def read_row(
    entry: Mapping[str, Any],
    sources: Mapping[str, Source | None],
    lines: Lines,
    section: str,
    problems: Notes,
) -> Row | None:
    """Return a row, or None after noting what is wrong with it."""
    reader = _RowReader(entry, sources, lines, section, problems)
    structure, instead = reader.structures()
    metric = reader.metric()
    goal = reader.goal(metric)
    table = reader.table()
    variation, aim_only = reader.variation(goal, table)
    basis, alpha_beta = reader.basis(metric, goal)
    source = reader.source()
    verified = reader.verified()
    note = reader.text("note")
    if metric is None or goal is None or source is None or not structure:
        return None
    return Row(
        line=lines.of(section),
        structure=structure,
        instead=instead,
        metric=metric,
        goal=goal,
        variation=variation,
        aim_only=aim_only,
        table=table,
        basis=basis,
        alpha_beta_gy=alpha_beta,
        source=source,
        verified=verified,
        note=note,
    )


def parse_limit(text: str) -> Limit | None:
    """Return the limit that a text names, None when it is none.

    Examples
    --------
    >>> str(parse_limit("<= 30 %")), str(parse_limit(">=95%Rx")), parse_limit("30 Gy")
    ('≤ 30 %', '≥ 95 % Rx', None)
    """
    found = _LIMIT.fullmatch(text.strip())
    if found is None:
        return None
    sign = {"≤": "<=", "≥": ">="}.get(found.group(1), found.group(1))
    unit = re.sub(r"\s|of", "", (found.group(3) or "").lower())
    unit = {"gy": "Gy", "%rx": "%Rx", "cc": "cm3", "cm³": "cm3"}.get(unit, unit)
    return Limit(sign=cast(Sign, sign), value=float(found.group(2)), unit=unit)


def needs_prescription(metric: Metric | IsodoseRatio, goal: Limit) -> bool:
    """Whether a row is relative to the prescribed dose."""
    if isinstance(metric, IsodoseRatio) or goal.unit == "%Rx":
        return True
    return metric.needs_prescription or metric.kind == "HI"


class _RowReader:
    """Reads the keys of one row; each method notes its errors."""

    def __init__(
        self,
        entry: Mapping[str, Any],
        sources: Mapping[str, Source | None],
        lines: Lines,
        section: str,
        problems: Notes,
    ) -> None:
        self._entry, self._sources, self._problems = entry, sources, problems
        self._lines, self._section = lines, section

    def _add(self, key: str, what: str, expected: str, found: object = "") -> None:
        self._problems.add(self._lines.of(self._section, key), what, expected, found)

    def text(self, key: str) -> str:
        value = self._entry.get(key, "")
        if not isinstance(value, str) or len(value) > 1000:
            self._add(key, f"{key} is not a short text.", f'{key} = "..."', value)
            return ""
        return " ".join(value.split())

    def structures(self) -> tuple[str, tuple[str, ...]]:
        name = self.text("structure")
        if not name:
            self._add("structure", "The row names no structure.", _TG263)
        elif not is_structure(name):
            self._add("structure", "The structure is not a known TG-263 name.", _TG263, name)
        others = self._entry.get("instead", [])
        if not isinstance(others, list) or not all(isinstance(o, str) for o in others):
            self._add("instead", "instead is not a list of names.", 'instead = ["SpinalCanal"]',
                      others)  # fmt: skip
            others = []
        for other in others:
            if not is_structure(other):
                self._add("instead", "The structure is not a known TG-263 name.", _TG263, other)
        return name, tuple(others)

    def metric(self) -> Metric | IsodoseRatio | None:
        given = self.text("metric")
        ratio = _RATIO.fullmatch(given)
        if ratio and 0 < int(ratio.group(1)) <= 100:
            level = int(ratio.group(1))
            return IsodoseRatio(name=f"R{level}", level_percent=float(level))
        try:
            return parse_metric(given)
        except UsageError as error:
            what = f"{error.what} {error.remedy}".strip() if given else "The row has no metric."
            self._add("metric", what, f"{error.expected}, R100 or R50", given)
            return None

    def goal(self, metric: Metric | IsodoseRatio | None) -> Limit | None:
        given = self.text("goal")
        limit = parse_limit(given)
        if limit is None:
            self._add("goal", "The goal is missing or not understood.", _LIMIT_EXAMPLES, given)
            return None
        if metric is not None and limit.unit not in _UNITS.get(metric.unit, ()):
            allowed = " or ".join(u or "no unit" for u in _UNITS.get(metric.unit, ()))
            self._add("goal", "The unit of the goal does not fit the metric.", allowed, given)
        return limit

    def variation(self, goal: Limit | None, table: LimitTable | None) -> tuple[Limit | None, bool]:
        given = self.text("variation")
        if not given or given == AIM_ONLY:
            return None, given == AIM_ONLY
        limit = parse_limit(given)
        if limit is None or table is not None:
            expected = "none beside a table" if table is not None else f'{_LIMIT_EXAMPLES}, "any"'
            self._add("variation", "The variation is not understood.", expected, given)
            return None, False
        if goal is not None and (limit.upper != goal.upper or limit.unit != goal.unit):
            self._add("variation", "The variation is not of the goal's side and unit.",
                      f"like the goal, {goal}", given)  # fmt: skip
        elif goal is not None and _stricter(limit, goal):
            self._add("variation", "The variation is stricter than the goal.",
                      f"a limit beyond the goal, {goal}", given)  # fmt: skip
        return limit, False

    def table(self) -> LimitTable | None:
        given = self._entry.get("table")
        if given is None:
            return None
        rows = given if isinstance(given, list) else []
        numbers = bool(rows) and all(
            isinstance(row, list) and len(row) == 3 and all(_is_number(v) for v in row)
            for row in rows
        )
        volumes = [row[0] for row in rows] if numbers else []
        if len(volumes) < 2 or volumes != sorted(set(volumes)):
            self._add("table", "The table is not understood.",
                      "[[volume in cm3, goal, variation], ...], volumes ascending")  # fmt: skip
            return None
        return LimitTable(
            volumes_cm3=tuple(float(v) for v in volumes),
            goals=tuple(float(row[1]) for row in rows),
            variations=tuple(float(row[2]) for row in rows),
        )

    def basis(
        self, metric: Metric | IsodoseRatio | None, goal: Limit | None
    ) -> tuple[Basis, float | None]:
        relative = metric is not None and goal is not None and needs_prescription(metric, goal)
        given = self.text("basis") or ("any" if relative else "physical")
        if given not in ("physical", "eqd2", "any"):
            self._add("basis", "The dose basis is not known.", "physical, eqd2 or any", given)
            given = "physical"
        alpha_beta = self._alpha_beta(given)
        if given == "eqd2" and relative:
            self._add("basis", "A row relative to the prescription has no EQD2.", "physical or any",
                      given)  # fmt: skip
        if given == "any" and not relative:
            self._add("basis", "A limit in Gy counts for one fractionation only.",
                      'basis = "physical", or "eqd2" with alpha_beta_gy', given)  # fmt: skip
        return cast(Basis, given), alpha_beta

    def _alpha_beta(self, basis: str) -> float | None:
        value = self._entry.get("alpha_beta_gy")
        if basis != "eqd2":
            if value is not None:
                self._add("alpha_beta_gy", "Only an EQD2 row has an alpha/beta.",
                          'basis = "eqd2", or no alpha_beta_gy', value)  # fmt: skip
            return None
        if not _is_number(value) or not 0 < float(value or 0) <= LARGEST_ALPHA_BETA_GY:
            self._add("alpha_beta_gy", "An EQD2 row needs an alpha/beta.",
                      f"a number above 0, at most {LARGEST_ALPHA_BETA_GY:g} (Gy)",
                      "" if value is None else value)  # fmt: skip
            return None
        return float(value or 0)

    def source(self) -> Source | None:
        key = self.text("source")
        if key not in self._sources:
            known = ", ".join(self._sources) or "none yet"
            self._add("source", "The row names no source of this file.",
                      f"the name of a [source.NAME]: {known}", key)  # fmt: skip
            return None
        return self._sources[key]

    def verified(self) -> bool:
        value = self._entry.get("verified", False)
        if not isinstance(value, bool):
            self._add("verified", "verified is neither true nor false.", "true or false", value)
            return False
        return value


def _stricter(limit: Limit, goal: Limit) -> bool:
    return limit.value < goal.value if goal.upper else limit.value > goal.value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
