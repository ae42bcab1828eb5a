"""The validation report of an upload: by patient, study and object, each problem in its place.

The same report is shown on screen, printed as JSON and kept with the case.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from abscope.core.case import Finding, Patient, Series
from abscope.dicom.inventory import Found
from abscope.dicom.reader import Draft, Reading

#: Worst first.
SEVERITIES = ("error", "warning", "info")
#: Keys of a row of `Finding.identities`.
IDENTITY_COLUMNS = ("objects", "id", "name", "birth_date", "sex")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReportEntry:
    """One series or object: what it is, what it links to, what was found about it."""

    kind: str
    description: str
    n_files: int
    content: str
    link: str
    findings: tuple[Finding, ...]
    blocked: bool = False

    @property
    def state(self) -> str:
        """``problem`` (an error, or a set of two identities), ``restricted`` or ``good``."""
        worst = "error" if self.blocked else worst_severity(self.findings)
        return {"error": "problem", "warning": "restricted"}.get(worst, "good")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReportStudy:
    """The objects of one study; ``date`` is ISO 8601 or empty."""

    uid: str
    date: str
    entries: tuple[ReportEntry, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReportPatient:
    """One patient's part; `findings` are those of no single object, identities for one."""

    patient: Patient
    studies: tuple[ReportStudy, ...]
    findings: tuple[Finding, ...]

    @property
    def is_mixed(self) -> bool:
        """Whether its objects carry more than one identity, so that `patient` is none of them."""
        return any(f.code == "identity-mismatch" for f in self.findings)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """A whole upload; `findings` are those of no patient."""

    patients: tuple[ReportPatient, ...]
    findings: tuple[Finding, ...]

    def all_findings(self) -> tuple[Finding, ...]:
        """Return every finding once, those of the upload first."""
        found = list(self.findings)
        for part in self.patients:
            found += part.findings
            found += [f for s in part.studies for e in s.entries for f in e.findings]
        return tuple(found)


def report_of(reading: Reading) -> ImportReport:
    """Return the report of an upload that has been read."""
    return ImportReport(
        patients=tuple(_patient(draft) for draft in reading.drafts),
        findings=tuple(reading.findings),
    )


def with_reasons(
    findings: Iterable[Finding], accepted: frozenset[str], reasons: Mapping[str, str]
) -> list[Finding]:
    """Return findings, each accepted one with the reason that was given for it."""
    return [
        dataclasses.replace(f, reason=reasons.get(f.code, "no reason given")[:300])
        if f.code in accepted and f.severity != "info"
        else f
        for f in findings
    ]


def worst_severity(findings: Iterable[Finding]) -> str:
    """Return the gravest severity, empty without findings."""
    held = {f.severity for f in findings}
    return next((s for s in SEVERITIES if s in held), "")


def report_json(report: ImportReport) -> dict[str, Any]:
    """Return the report as the command line shows it and the archive keeps it."""
    return {
        "findings": findings_json(report.findings),
        "patients": [
            {
                "patient": dataclasses.asdict(part.patient),
                "findings": findings_json(part.findings),
                "studies": [
                    {
                        "study_uid": study.uid,
                        "date": study.date,
                        "objects": [
                            {
                                "kind": e.kind,
                                "description": e.description,
                                "n_files": e.n_files,
                                "content": e.content,
                                "link": e.link,
                                "state": e.state,
                                "findings": findings_json(e.findings),
                            }
                            for e in study.entries
                        ],
                    }
                    for study in part.studies
                ],
            }
            for part in report.patients
        ],
    }


def findings_json(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Return findings as the command line shows them."""
    return [
        dataclasses.asdict(f)
        | {"identities": [dict(zip(IDENTITY_COLUMNS, row, strict=True)) for row in f.identities]}
        for f in findings
    ]


def _patient(draft: Draft) -> ReportPatient:
    left = list(draft.findings)
    mixed = any(f.code == "identity-mismatch" for f in left)
    studies: dict[str, list[ReportEntry]] = {}
    dates: dict[str, str] = {}
    for found in draft.inventory:
        own = [f for f in left if f.group == found.group and f.study_uid in ("", found.study_uid)]
        left = [f for f in left if f not in own]
        content, link = _about(found, draft)
        studies.setdefault(found.study_uid, []).append(
            ReportEntry(
                kind=found.kind,
                description=found.description,
                n_files=found.n_files,
                content=content,
                link=link,
                findings=tuple(own),
                blocked=mixed,
            )
        )
        dates[found.study_uid] = dates.get(found.study_uid) or found.study_date
    return ReportPatient(
        patient=draft.patient,
        studies=tuple(
            ReportStudy(uid=uid, date=dates[uid], entries=tuple(entries))
            for uid, entries in studies.items()
        ),
        findings=tuple(left),
    )


def _about(found: Found, draft: Draft) -> tuple[str, str]:
    """Return what an object holds and what it links to, in words."""
    series = _series_of(found, draft)
    if series:
        return "; ".join(_slices(s) for s in series), _acquired(series[0])
    for describe in (_structures, _plan, _dose):
        words = describe(found.uid, draft)
        if words is not None:
            return words
    return "not imported", ""


def _series_of(found: Found, draft: Draft) -> list[Series]:
    """Return the series that came of an object: by its UID, else those that name no other one.

    A series without UID gets one of its bytes, and phases of one series get UIDs of their own.
    """
    held = [s for s, _ in draft.series]
    own = [s for s in held if found.uid and s.uid == found.uid]
    named = {f.uid for f in draft.inventory}
    derived = [
        s
        for s in held
        if s.uid not in named
        and s.study_uid == found.study_uid
        and found.kind == f"{s.modality} series"
    ]
    return own if _has_twin(found, draft) else own + derived


def _has_twin(found: Found, draft: Draft) -> bool:
    """Whether another object of the same kind and study could have given the same series."""
    alike = [f for f in draft.inventory if (f.kind, f.study_uid) == (found.kind, found.study_uid)]
    return len(alike) > 1


def _slices(series: Series) -> str:
    planes, rows, columns = series.grid.shape_zyx
    apart = f", {series.grid.plane_spacing_mm:.2f} mm apart" if planes > 1 else ""
    return f"{_count(planes, 'slice')} of {rows} x {columns}{apart}"


def _acquired(series: Series) -> str:
    return f"acquired {series.date}" if series.date else ""


def _structures(uid: str, draft: Draft) -> tuple[str, str] | None:
    held = next((s for s in draft.structure_sets if s.uid == uid), None)
    if held is None:
        return None
    image = next((s.modality for s, _ in draft.series if s.uid == held.series_uid), "")
    return (
        _count(len(held.rois), "structure"),
        f"{image} series of this upload" if image else "no image in this upload",
    )


def _plan(uid: str, draft: Draft) -> tuple[str, str] | None:
    held = next((p for p in draft.plans if p.uid == uid), None)
    if held is None:
        return None
    dose = "no prescription" if held.prescribed_gy is None else f"{held.prescribed_gy:g} Gy"
    linked = _label(draft.structure_sets, held.structure_set_uid)
    return (
        f"{dose} in {held.fractions or 'unknown'} fractions",
        f"structure set {linked}" if linked else "no structure set in this upload",
    )


def _dose(uid: str, draft: Draft) -> tuple[str, str] | None:
    held = next((d for d in draft.doses if d.uid == uid), None)
    if held is None:
        return None
    linked = _label(draft.plans, held.plan_uid)
    return (
        f"up to {float(held.volume.array_zyx.max()):.1f} Gy",
        f"plan {linked}" if linked else "no plan in this upload",
    )


def _label(things: Sequence[Any], uid: str) -> str:
    return next((str(t.label) for t in things if t.uid == uid), "")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
