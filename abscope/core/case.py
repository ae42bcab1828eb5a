"""A case: one patient's images, structures, doses, plans, labs and facts, without the pixels."""

from __future__ import annotations

import dataclasses
from typing import Literal

from abscope.core.facts import ClinicalFacts
from abscope.core.geometry import Grid
from abscope.core.labs import LabResult
from abscope.core.plan import PART_TYPES, Plan
from abscope.core.suv import SuvScale
from abscope.core.treatments import Treatment

Severity = Literal["error", "warning", "info"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of a validation report.

    Parameters
    ----------
    code : str
        Kebab-case word from ``docs/finding-codes.md``.
    severity : str
        ``error`` refuses the object or the import, ``warning`` restricts its use, ``info`` tells.
    where : str
        Safe name of the file or object, and the field.
    message, remedy : str
        What was found against what was expected, and what to do.
    acceptable : bool
        Whether a person may accept an ``error`` and go on, marked.
    expected : str
        What would have been right; empty when the message says it.
    group : str
        Words for the series or object it belongs to (``"CT series of 134 files"``), under which a
        report lists it; empty for the upload as a whole.
    study_uid : str
        StudyInstanceUID of that object, empty when it has none.
    reason : str
        Why a person accepted it; empty when nobody did or no reason was given.
    identities : tuple of tuple of str
        Where identities differ, a row for each: which objects carry it, PatientID, PatientName,
        PatientBirthDate, PatientSex as written. For the report only; never in errors or logs.
    position_mm : tuple of float or None
        LPS position where a viewer can show it.
    """

    code: str
    severity: Severity
    where: str
    message: str
    remedy: str = ""
    acceptable: bool = False
    expected: str = ""
    group: str = ""
    study_uid: str = ""
    reason: str = ""
    identities: tuple[tuple[str, ...], ...] = ()
    position_mm: tuple[float, float, float] | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """Who the case is about, as the headers say; empty text is "not given".

    ``birth_date`` is ISO 8601 or empty. `synthetic` marks patients that code has made up.
    """

    id: str
    name: str
    birth_date: str = ""
    sex: str = ""
    synthetic: bool = False

    @property
    def shown_name(self) -> str:
        """The name for a screen, see `written_name`."""
        return written_name(self.name)


def written_name(name: str) -> str:
    """Return a DICOM person name as one reads it: the ideographic form follows in brackets.

    Examples
    --------
    >>> [written_name(n) for n in ("Yamada^Tarou=山田^太郎=やまだ^たろう", "Doe^J^^Dr.", "")]
    ['Yamada, Tarou (山田 太郎)', 'Doe, J', 'no name']
    """
    alphabetic, _, rest = name.partition("=")
    forms = [alphabetic, rest.partition("=")[0]] if not rest.isascii() else [name]
    groups = [[part.strip() for part in form.split("^")[:2]] for form in forms]
    first = ", ".join(part for part in groups[0] if part)
    second = " ".join(part for part in groups[-1] if part) if len(groups) > 1 else ""
    if first and second:
        return f"{first} ({second})"
    return first or second or "no name"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Series:
    """An image series whose geometry passed the gate.

    ``slice_uids`` are the SOPInstanceUIDs in plane order (for references on export);
    ``blob`` is the key of the voxels in the archive. ``unit`` is HU for CT, the file's own unit
    such as BQML for PET, empty for MR; ``suv`` says how a PET's values become SUV, or why not.
    ``burned_in`` is YES when the pictures may show words, NO or empty (not said) otherwise.
    ``rescale`` is slope and intercept of each plane where values are no whole numbers, so that an
    export can store them again as the integers they were.
    """

    uid: str
    study_uid: str
    modality: str
    description: str
    date: str
    unit: str
    grid: Grid
    n_files: int
    slice_uids: tuple[str, ...]
    blob: str = ""
    suv: SuvScale | None = None
    burned_in: str = ""
    rescale: tuple[tuple[float, float], ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RoiInfo:
    """A structure's row in a table: all but the contours. Volume in cm3, end caps included.

    ``approved_by`` and ``approved`` are who approved these contours, and when (ISO 8601, UTC);
    empty when nobody did. The other fields with defaults are those of `structures.Roi`.
    """

    number: int
    name: str
    standard_name: str | None
    interpreted_type: str
    color: tuple[int, int, int] | None
    volume_cm3: float | None
    confidence: float | None = None
    confidence_reason: str = ""
    name_confidence: float | None = None
    name_source: str = ""
    plane_gap_mm: float | None = None
    image_gap_mm: float | None = None
    approved_by: str = ""
    approved: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StructureSetInfo:
    """A structure set without its contours, which lie in the archive under `blob`.

    ``series_uid`` is the image it is drawn on here, or the one its source names when that is not
    here; ``slice_uids`` are the images that its source names. The last fields are those of
    `structures.StructureSet`.
    """

    uid: str
    label: str
    source: str
    frame_of_reference_uid: str
    series_uid: str
    rois: tuple[RoiInfo, ...]
    blob: str = ""
    slice_uids: tuple[str, ...] = ()
    author: str = ""
    created: str = ""
    parent_uid: str = ""

    @property
    def is_auto(self) -> bool:
        """Whether an engine drew it."""
        return self.source.startswith("auto:")

    @property
    def is_edited(self) -> bool:
        """Whether it is a version of another set, edited here by hand."""
        return self.source == "edited"

    @property
    def is_clinical(self) -> bool:
        """Whether it was imported, as the clinic drew it: contours or masks."""
        return not self.is_auto and not self.is_edited


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DoseInfo:
    """A dose without its voxels, which lie in the archive under `blob`; fields as in `Dose`."""

    uid: str
    summation: str
    dose_type: str
    max_gy: float
    grid: Grid
    plan_uid: str
    structure_set_uid: str
    blob: str = ""
    beams: tuple[int, ...] = ()
    fraction_group: int | None = None
    parts: tuple[str, ...] = ()
    description: str = ""

    @property
    def is_part(self) -> bool:
        """Whether it is the dose of some beams or of one session, not of the treatment."""
        return self.summation in PART_TYPES


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """Everything known of a case but voxels and contours.

    ``version`` grows by one with every change and keys all caches.
    """

    id: str
    version: int
    patient: Patient
    created: str
    series: tuple[Series, ...] = ()
    structure_sets: tuple[StructureSetInfo, ...] = ()
    doses: tuple[DoseInfo, ...] = ()
    plans: tuple[Plan, ...] = ()
    findings: tuple[Finding, ...] = ()
    labs: tuple[LabResult, ...] = ()
    facts: ClinicalFacts = dataclasses.field(default_factory=ClinicalFacts)
    treatments: tuple[Treatment, ...] = ()

    def plan_of(self, dose: DoseInfo) -> Plan | None:
        """Return the plan that a dose refers to, or None."""
        return next((p for p in self.plans if p.uid == dose.plan_uid), None)

    def planning_series(self) -> Series | None:
        """Return the CT that was planned on, by what refers to it, else the earliest CT.

        In this order: the CT of the structures that a plan or dose names, that of any clinical
        structures, one in the frame of reference of a dose, the earliest by date. A PET or MR is
        taken only where there is no CT, even when structures were drawn on it.
        """
        planned = {p.structure_set_uid for p in self.plans}
        planned |= {d.structure_set_uid for d in self.doses}
        clinical = [s for s in self.structure_sets if s.is_clinical]
        drawn_planned = {s.series_uid for s in clinical if s.uid in planned}
        drawn = {s.series_uid for s in clinical}
        frames = {d.grid.frame_of_reference_uid for d in self.doses} - {""}
        by_date = sorted(self.series, key=lambda s: s.date or "9999")
        cts = [s for s in by_date if s.modality == "CT"]
        for wanted in (
            [s for s in cts if s.uid in drawn_planned],
            [s for s in cts if s.uid in drawn],
            [s for s in cts if s.grid.frame_of_reference_uid in frames],
            cts,
            [s for s in by_date if s.uid in drawn],
            by_date,
        ):
            if wanted:
                return wanted[0]
        return None

    def in_planning_frame(self, series_uid: str) -> bool:
        """Whether a point on an image is the same point on the planning image."""
        planning = self.planning_series()
        series = next((s for s in self.series if s.uid == series_uid), None)
        if planning is None or series is None:
            return False
        frame = series.grid.frame_of_reference_uid
        return series is planning or (
            bool(frame) and (frame == planning.grid.frame_of_reference_uid)
        )

    def structure_set_for(self, dose: DoseInfo) -> StructureSetInfo | None:
        """Return the set that the dose's plan references; else the only clinical set there is.

        Versions edited here never take the place of either; they are chosen by their UID.
        """
        plan = self.plan_of(dose)
        wanted = [plan.structure_set_uid if plan else "", dose.structure_set_uid]
        for uid in wanted:
            for info in self.structure_sets:
                if uid and info.uid == uid:
                    return info
        clinical = [s for s in self.structure_sets if s.is_clinical]
        return clinical[0] if len(clinical) == 1 else None
