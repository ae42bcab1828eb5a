"""The NIfTI files of an upload as series and structure sets, linked by their grids.

NIfTI has no identity and no frame of reference. Files whose voxels are the same share a frame;
single masks of one grid become one structure set, so that lungs and heart can be used together.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence

import numpy as np

from abscope.core.case import Finding, Series
from abscope.core.errors import RefusedError
from abscope.core.geometry import Grid, Volume
from abscope.core.ids import uid_from
from abscope.core.structures import Roi, StructureSet
from abscope.dicom.archives import MAX_TOTAL_BYTES
from abscope.dicom.inventory import Found
from abscope.dicom.label_maps import SAME_GRID_MM, attach, label_rois
from abscope.dicom.nifti import NiftiVolume, read_nifti
from abscope.dicom.roi_names import named, review_names
from abscope.dicom.sources import SourceFile

GROUPS = ("NIfTI image", "NIfTI label map")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NiftiContent:
    """What the NIfTI files of an upload give; ``grids`` are those of the sets, by UID.

    ``objects`` maps a UID made of each file's bytes to their sha256.
    """

    series: tuple[tuple[Series, Volume], ...] = ()
    structure_sets: tuple[StructureSet, ...] = ()
    grids: dict[str, Grid] = dataclasses.field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    objects: dict[str, str] = dataclasses.field(default_factory=dict)
    inventory: tuple[Found, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _File:
    source: SourceFile
    uid: str
    read: NiftiVolume


def read_nifti_files(
    sources: Iterable[SourceFile],
    images: Sequence[Series],
    accepted: frozenset[str] = frozenset(),
) -> NiftiContent:
    """Return the content of NIfTI files, tied to each other and to the DICOM `images` given."""
    findings: list[Finding] = []
    files: list[_File] = []
    total = 0
    for source in {s.sha256: s for s in sources}.values():
        try:
            read = read_nifti(source, accepted)
        except RefusedError as error:
            findings.append(_left_out(source.label, error))
            continue
        total += read.volume.array_zyx.nbytes
        if total > MAX_TOTAL_BYTES:
            findings.append(_too_much(source.label))
            break
        files.append(_File(source=source, uid=uid_from("nifti", source.sha256), read=read))
    frames: list[Grid] = [image.grid for image in images]
    for index, item in enumerate(files):
        files[index] = _framed(item, frames)
    series = tuple(_series(f) for f in files if not f.read.labels)
    known = [*images, *(s for s, _ in series)]
    sets, grids = _sets([f for f in files if f.read.labels], known, findings)
    for item in files:
        words = _words(item)
        findings += [dataclasses.replace(f, group=f.group or words) for f in item.read.findings]
    return NiftiContent(
        series=series,
        structure_sets=sets,
        grids=grids,
        findings=tuple(findings),
        objects={f.uid: f.source.sha256 for f in files},
        inventory=tuple(_found(f, sets) for f in files),
    )


def name_of(label: str) -> str:
    """Return what a file's name says of its content.

    Examples
    --------
    >>> name_of("heart.nii.gz"), name_of("a.b.nii")
    ('heart', 'a.b')
    """
    return re.sub(r"\.nii(\.gz)?$", "", label, flags=re.IGNORECASE) or "mask"


def _framed(item: _File, frames: list[Grid]) -> _File:
    """Return the file with the frame of the first grid that has its voxels, or a new one."""
    grid = item.read.volume.grid
    twin = next((g for g in frames if grid.same_geometry(g, SAME_GRID_MM)), None)
    numbers = [grid.origin_mm, grid.axes, grid.spacing_yx_mm, grid.plane_offsets_mm, grid.size_yx]
    text = [np.array2string(np.round(np.asarray(n, float), 3) + 0.0, threshold=10**6)
            for n in numbers]  # fmt: skip
    uid = twin.frame_of_reference_uid if twin else uid_from("nifti grid", *text)
    framed = dataclasses.replace(grid, frame_of_reference_uid=uid)
    frames.append(framed)
    volume = dataclasses.replace(item.read.volume, grid=framed)
    return dataclasses.replace(item, read=dataclasses.replace(item.read, volume=volume))


def _series(item: _File) -> tuple[Series, Volume]:
    volume = item.read.volume
    return Series(
        uid=item.uid,
        study_uid=uid_from("nifti study", volume.grid.frame_of_reference_uid),
        modality="CT" if volume.unit == "HU" else "OT",
        description=name_of(item.source.label)[:64],
        date="",
        unit=volume.unit,
        grid=volume.grid,
        n_files=1,
        slice_uids=(),
    ), volume


def _sets(
    files: Sequence[_File], images: Sequence[Series], findings: list[Finding]
) -> tuple[tuple[StructureSet, ...], dict[str, Grid]]:
    sets: list[StructureSet] = []
    grids: dict[str, Grid] = {}
    for group in _groups(files):
        grid = group[0].read.volume.grid
        made = StructureSet(
            uid=_set_uid(group),
            label=name_of(group[0].source.label)[:64] if len(group) == 1 else "NIfTI masks",
            source="nifti",
            frame_of_reference_uid=grid.frame_of_reference_uid,
            rois=tuple(named(roi) for roi in _rois(group)),
        )
        made, odd = review_names(made)
        try:
            tied, finding = attach(made, grid, images)
        except RefusedError as error:
            findings.append(_left_out(group[0].source.label, error))
            continue
        sets.append(tied)
        grids[made.uid] = grid
        about = [*odd, *([finding] if finding else [])]
        findings += [dataclasses.replace(f, group=_words(group[0])) for f in about]
    return tuple(sets), grids


def _groups(files: Sequence[_File]) -> list[list[_File]]:
    """Return single masks of one frame together in the order of their names, maps alone."""
    together: dict[str, list[_File]] = {}
    for item in sorted(files, key=lambda f: f.source.label.casefold()):
        many = len(item.read.labels) > 1
        key = item.uid if many else item.read.volume.grid.frame_of_reference_uid
        together.setdefault(key, []).append(item)
    return list(together.values())


def _rois(group: Sequence[_File]) -> list[Roi]:
    rois: list[Roi] = []
    for item in group:
        stem = name_of(item.source.label)
        single = len(item.read.labels) == 1
        names = {n: stem if single else f"label {n}" for n in item.read.labels}
        volume = item.read.volume
        found = label_rois(volume.array_zyx, volume.grid, names)
        if single and len(group) > 1:
            found = tuple(dataclasses.replace(roi, number=len(rois) + 1) for roi in found)
        rois.extend(found)
    return rois


def _left_out(label: str, error: RefusedError) -> Finding:
    return Finding(
        code=error.code,
        severity="error",
        where=f"NIfTI file {label}, {error.where}",
        message=error.what,
        expected=error.expected,
        remedy=f"{error.remedy} Accept to import the rest without this file.",
        acceptable=True,
        group="NIfTI file",
    )


def _too_much(label: str) -> Finding:
    return Finding(
        code="archive-bomb",
        severity="error",
        where=f"NIfTI file {label}",
        message="The NIfTI files together inflate beyond what an upload can be; this one and "
        "those after it are left out.",
        expected=f"at most {MAX_TOTAL_BYTES // 1024**3} GB",
        remedy="Import them in several steps.",
        acceptable=True,
        group="NIfTI file",
    )


def _words(item: _File) -> str:
    return f"{GROUPS[bool(item.read.labels)]} {name_of(item.source.label)[:64]}"


def _set_uid(files: Sequence[_File]) -> str:
    return uid_from("nifti set", *sorted(f.source.sha256 for f in files))


def _found(item: _File, sets: Sequence[StructureSet]) -> Found:
    return Found(
        kind=GROUPS[bool(item.read.labels)],
        uid=_holder(item, sets),
        study_uid="",
        study_date="",
        description=name_of(item.source.label)[:64],
        n_files=1,
        group=_words(item),
    )


def _holder(item: _File, sets: Sequence[StructureSet]) -> str:
    """Return the UID of the series or structure set that a file became, or a part of."""
    if not item.read.labels:
        return item.uid
    alone = _set_uid([item])
    if any(s.uid == alone for s in sets):
        return alone
    frame = item.read.volume.grid.frame_of_reference_uid
    return next((s.uid for s in sets if s.frame_of_reference_uid == frame), item.uid)
