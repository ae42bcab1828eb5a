"""Alpha/beta of the structures of a set: defaults, what a person chose, and which place has which.

Where structures overlap a place belongs to one of them: the GTV comes first, then organs, then
CTV, ITV and PTV, whose margins hold organs; of two alike the smaller one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from abscope.core.case import RoiInfo, StructureSetInfo
from abscope.core.errors import DoseError, GeometryError, InputError, UsageError
from abscope.core.geometry import Grid
from abscope.core.names import is_target
from abscope.core.structures import Region
from abscope.dose.alpha_beta import DEFAULTS, LATE_TISSUE, AlphaBeta, alpha_beta_for, family_of
from abscope.dose.eqd2_map import Tissue
from abscope.workflows.context import Context

#: Ratios outside this are typing errors (Gy).
LOWEST_GY, HIGHEST_GY = 0.5, 30.0
#: The word for everything outside the structures, among chosen ratios.
OTHER = "other"
#: The rule for overlaps, for the screen and for files.
OVERLAP_RULE = (
    "Where structures overlap, the GTV comes first, then organs, then CTV, ITV and PTV; of two "
    "alike the smaller one."
)
_CHOSEN = "chosen by the user"
_GROSS, _MARGINS = ("GTV", "IGTV"), ("CTV", "ITV", "PTV")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ChosenRatio:
    """A person's ratio for a structure name, or for a family such as ``Lungs`` (Gy)."""

    name: str
    value_gy: float
    low_gy: float | None = None
    high_gy: float | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AlphaBetas:
    """What a person chose; everything else has its default.

    Parameters
    ----------
    chosen : tuple of ChosenRatio
    other_gy : float
        Outside every structure of a known tissue.
    families : bool
        Whether a chosen name stands for its whole family too: ``Lungs`` for ``Lung_L``.
    """

    chosen: tuple[ChosenRatio, ...] = ()
    other_gy: float = LATE_TISSUE.value_gy
    families: bool = True

    def __post_init__(self) -> None:
        for name, value in [(c.name, c.value_gy) for c in self.chosen] + [(OTHER, self.other_gy)]:
            if not LOWEST_GY <= value <= HIGHEST_GY:
                raise _bad_value(name)

    def ratio(self, name: str, standard_name: str | None) -> AlphaBeta:
        """Return the ratio of a structure, the person's own first."""
        known = self._chosen_for(name, standard_name)
        default = alpha_beta_for(standard_name or name)
        if known is None:
            return default
        value = known.value_gy
        low = default.low_gy if known.low_gy is None else known.low_gy
        high = default.high_gy if known.high_gy is None else known.high_gy
        return dataclasses.replace(
            default,
            value_gy=value,
            low_gy=min(low, value),
            high_gy=max(high, value),
            source=_CHOSEN,
            verified=True,
        )

    def is_tissue(self, name: str, standard_name: str | None) -> bool:
        """Whether a structure is of a known tissue, or of one that a person gave a ratio."""
        if family_of(standard_name or name) is not None:
            return True
        return self._chosen_for(name, standard_name) is not None

    def unused(self, structures: Iterable[tuple[str, str | None]]) -> list[str]:
        """Return the chosen names that fit none of the structures (name, standard name)."""
        used = {c.name for s in structures if (c := self._chosen_for(*s)) is not None}
        return [c.name for c in self.chosen if c.name not in used]

    def _chosen_for(self, name: str, standard_name: str | None) -> ChosenRatio | None:
        by_name = {c.name.casefold(): c for c in self.chosen}
        keys = [name, standard_name or ""]
        if self.families:
            keys.append(family_of(standard_name or name) or "")
        return next((by_name[k.casefold()] for k in keys if k and k.casefold() in by_name), None)


def alpha_betas(text: str) -> AlphaBetas:
    """Return what is written as ``Lungs=3,Heart=2,other=3``.

    Examples
    --------
    >>> found = alpha_betas("Lungs=4, other=2")
    >>> found.ratio("Lung_L", "Lung_L").value_gy, found.other_gy, alpha_betas("").other_gy
    (4.0, 2.0, 3.0)

    Raises
    ------
    UsageError, InputError
    """
    chosen, other_gy = [], LATE_TISSUE.value_gy
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, equals, number = (word.strip() for word in part.partition("="))
        try:
            value = float(number)
        except ValueError:
            value = float("nan")
        if not (name and equals and value == value):
            raise UsageError(
                "alpha-beta-unreadable",
                "The alpha/beta ratios are not understood.",
                where="alpha/beta",
                expected="names and numbers in Gy",
                remedy="Write for example Lungs=3,Heart=2,other=3",
            )
        if name.casefold() == OTHER:
            other_gy = value
        else:
            chosen.append(ChosenRatio(name=name, value_gy=value))
    return AlphaBetas(chosen=tuple(chosen), other_gy=other_gy)


def check_used(betas: AlphaBetas, info: StructureSetInfo | None) -> None:
    """Refuse a chosen name that is neither a structure here nor a family: it may be misspelt.

    Raises
    ------
    UsageError
    """
    rois = [(r.name, r.standard_name) for r in info.rois] if info else []
    families = {family.casefold() for family in DEFAULTS}
    unused = [name for name in betas.unused(rois) if name.casefold() not in families]
    if unused:
        raise UsageError(
            "alpha-beta-unused",
            "No structure here has one of the names that were given an alpha/beta.",
            where="alpha/beta",
            expected="a name of the structure set, or a family such as Lungs, Heart, Tumor",
            remedy="Correct the name.",
            label=", ".join(name[:32] for name in unused),
        )


def map_order(betas: AlphaBetas, rois: Sequence[RoiInfo]) -> list[tuple[RoiInfo, AlphaBeta]]:
    """Return the structures that give places their ratio, the first of two at one place."""
    taking_part = [r for r in rois if r.volume_cm3 and betas.is_tissue(r.name, r.standard_name)]
    ordered = sorted(taking_part, key=lambda r: (_rank(r), r.volume_cm3, r.number))
    return [(r, betas.ratio(r.name, r.standard_name)) for r in ordered]


def tissues(
    context: Context, info: StructureSetInfo | None, betas: AlphaBetas, grid: Grid
) -> tuple[Tissue, ...]:
    """Return the regions that give the voxels of a dose grid their ratio, in their order.

    Raises
    ------
    DoseError
        ``alpha-beta-grid-tilted``: the planes of the dose are not those of the contours.
    """
    if info is None:
        return ()
    drawn = {roi.number: roi for roi in context.cases.structure_set(info).rois}
    found = []
    for row, ratio in map_order(betas, info.rois):
        region = Region.of(drawn[row.number])
        try:
            next(iter(region.cross_sections(grid.axes, grid.plane_spacing_mm or None)), None)
        except GeometryError:
            raise DoseError(
                "alpha-beta-grid-tilted",
                "The dose grid is tilted against the contours, so alpha/beta by structure cannot "
                "be laid on it.",
                where="dose grid",
                expected="dose planes parallel to the planes of the contours",
                remedy="Calculate the dose on an untilted grid.",
            ) from None
        found.append(Tissue(region=region, alpha_beta_gy=ratio.value_gy))
    return tuple(found)


def in_words(betas: AlphaBetas, info: StructureSetInfo | None) -> str:
    """Return every ratio on the map in words.

    Examples
    --------
    >>> in_words(AlphaBetas(), None)
    'Alpha/beta 3 Gy everywhere.'
    """
    listed = [
        f"{r.name[:32]} {ratio.value_gy:g}"
        for r, ratio in map_order(betas, info.rois if info else ())
    ]
    if not listed:
        return f"Alpha/beta {betas.other_gy:g} Gy everywhere."
    return f"Alpha/beta (Gy): {', '.join(listed)}; elsewhere {betas.other_gy:g}. {OVERLAP_RULE}"


def span_in_words(betas: AlphaBetas, info: StructureSetInfo | None) -> str:
    """Return the smallest and largest ratio on the map, for where words are short."""
    found = {ratio.value_gy for _, ratio in map_order(betas, info.rois if info else ())}
    found.add(betas.other_gy)
    low, high = min(found), max(found)
    if low == high:
        return f"alpha/beta {low:g} Gy"
    return f"alpha/beta {low:g}-{high:g} Gy by structure"


def _rank(roi: RoiInfo) -> int:
    name = roi.standard_name or roi.name
    if any(is_target(name, kind) for kind in _GROSS):
        return 0
    return 2 if any(is_target(name, kind) for kind in _MARGINS) else 1


def _bad_value(name: str) -> InputError:
    return InputError(
        "alpha-beta-value",
        "An alpha/beta ratio is not plausible.",
        where="alpha/beta",
        expected=f"{LOWEST_GY:g} to {HIGHEST_GY:g} Gy",
        remedy="Correct the number; leave it out for the default.",
        label=f"alpha/beta of {name[:32]}",
    )
