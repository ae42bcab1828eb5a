"""Damaged objects: whatever a byte does, an upload is read to the end and nothing changes unsaid.

After each mutation of one object there is a new error or warning, or all that Abscope would store
is what the unharmed object gives: geometry, unit, number of slices, voxels, contours, dose,
prescription. One thing is let through: values that lie in the very bytes that were changed, in the
pixels of an image or the coordinates of a contour, because a pixel has no checksum.

A dose grid and a plan are single objects without a second witness: a well-formed digit in their
DoseGridScaling, PixelSpacing or TargetPrescriptionDose cannot be seen. There the oracle demands
results that are finite, in their bounds and plausible, and a refusal of everything else. A PET
whose every slice has another rescale slope has no witness for a slope either; the PET here has one.
"""

from __future__ import annotations

import dataclasses
import functools
import io
import random
import re
import zipfile

import numpy as np
import pytest

from abscope.core.geometry import Grid
from abscope.dicom import scan as scan_module
from abscope.dicom.parse import read_dataset
from abscope.dicom.reader import Draft, Reading, read_upload
from abscope.dicom.sources import SourceFile, from_bytes
from tests import phantoms
from tests.image_phantoms import pet_series
from tests.unit.dicom.uploads import as_bytes

#: Mutations for each kind of object in `make test`, and in `make test-long`.
MUTATIONS = 500
CAMPAIGN = 10_000
ARCHIVES = 200
#: The kinds, and the object of each that is changed.
KINDS = {"CT": "CT2", "PET": "PET2", "RTSTRUCT": "RTSTRUCT", "RTDOSE": "RTDOSE", "RTPLAN": "RTPLAN"}
SMALL = Grid.regular(
    origin_mm=(-6.0, -6.0, -8.0),
    spacing_zyx_mm=(4.0, 3.0, 2.0),
    shape_zyx=(5, 5, 7),
    frame_of_reference_uid=phantoms.FRAME_UID,
)


@functools.cache
def files(kind: str) -> dict[str, bytes]:
    """Return a small upload: five slices of an image, or one object of another kind."""
    if kind in ("CT", "PET"):
        ct = phantoms.ct_series(content=phantoms.linear_hu, grid=SMALL)
        slices = ct if kind == "CT" else pet_series(grid=SMALL, RescaleSlope=2)
        return {f"{kind}{n}": as_bytes(slice_) for n, slice_ in enumerate(slices)}
    if kind == "RTSTRUCT":
        rois = [phantoms.cylinder_roi(z_mm=(-4.0, 0.0, 4.0)), phantoms.sphere_roi(radius_mm=6.0)]
        for number, roi in enumerate(rois):
            few = tuple(
                dataclasses.replace(c, points_mm=np.round(c.points_mm[::15], 2))
                for c in roi.contours
            )
            rois[number] = dataclasses.replace(roi, contours=few)
        return {kind: as_bytes(phantoms.rtstruct(rois))}
    if kind == "RTPLAN":
        return {kind: as_bytes(phantoms.rtplan())}
    return {kind: as_bytes(phantoms.rtdose(phantoms.dose_of(grid=SMALL)))}


@pytest.fixture(name="quick", autouse=True)
def _quick(monkeypatch):
    """Parse every unharmed file once only."""
    held: dict[tuple[bytes, bool], object] = {}

    def remembered(data: bytes, *, forced: bool):
        if data not in KNOWN:
            return read_dataset(data, forced=forced)
        if (data, forced) not in held:
            held[data, forced] = read_dataset(data, forced=forced)
        return held[data, forced]

    monkeypatch.setattr(scan_module, "read_dataset", remembered)


KNOWN = frozenset(data for kind in KINDS for data in files(kind).values())


INSERTED = 10**9


@dataclasses.dataclass(frozen=True, slots=True)
class Mutant:
    """Changed bytes and, for each, its place in the original.

    A byte changed in place has minus its place minus one; an inserted one `INSERTED`.
    """

    data: bytes
    origin: np.ndarray


def mutated(data: bytes, chance: random.Random) -> Mutant:
    """Return the bytes with up to eight of them changed, cut off, doubled or filled."""
    changed, origin = bytearray(data), list(range(len(data)))

    def put(place: int, new: bytes) -> None:
        for offset, byte in enumerate(new[: len(changed) - place]):
            changed[place + offset] = byte
            held = origin[place + offset]
            origin[place + offset] = -held - 1 if 0 <= held < INSERTED else held

    for _ in range(chance.randint(1, 8)):
        place, kind, length = chance.randrange(len(changed)), chance.random(), chance.randint(1, 64)
        if kind < 0.5:
            put(place, bytes([chance.randrange(256)]))
        elif kind < 0.7:  # a digit for a digit: well-formed, and another number
            digits = [m.start() for m in re.finditer(rb"\d", changed)]
            put(chance.choice(digits), str(chance.randrange(10)).encode())
        elif kind < 0.8:
            del changed[place : place + length]
            del origin[place : place + length]
        elif kind < 0.9:
            copied = changed[place : place + length]
            changed[place:place] = copied
            origin[place:place] = [INSERTED] * len(copied)
        else:
            put(place, chance.choice([b"\xff" * 4, b"9" * 4, b"\\" * 4]))
        if len(changed) < 200:
            break
    return Mutant(bytes(changed), np.array(origin))


def upload(kind: str, data: bytes) -> Reading:
    held = {**files(kind), KINDS[kind]: data}
    sources = [SourceFile(label=f"{name}.dcm", data=content) for name, content in held.items()]
    return read_upload(sources)


def said(reading: Reading) -> set[str]:
    """Return the codes of all errors and warnings."""
    found = [*reading.findings, *(f for d in reading.drafts for f in d.findings)]
    assert all(f.code and f.message for f in found)
    return {f.code for f in found if f.severity != "info"}


@functools.cache
def unharmed(kind: str) -> tuple[Draft, frozenset[str]]:
    reading = upload(kind, files(kind)[KINDS[kind]])
    (draft,) = reading.drafts
    return draft, frozenset(said(reading))


def test_the_unharmed_uploads_are_read_whole():
    parts = {"CT": "series", "PET": "series", "RTSTRUCT": "structure_sets", "RTDOSE": "doses",
             "RTPLAN": "plans"}  # fmt: skip
    for kind, part in parts.items():
        draft, codes = unharmed(kind)
        assert len(getattr(draft, part)) == 1
        assert draft.errors() == ()
        assert kind not in ("CT", "PET") or codes == set()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_no_mutation_stops_an_upload_or_changes_it_unsaid(kind):
    read_mutants(kind, MUTATIONS)


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_no_mutation_of_a_campaign_stops_an_upload_or_changes_it_unsaid(kind):
    read_mutants(kind, CAMPAIGN)


def read_mutants(kind: str, count: int) -> None:
    chance = random.Random(f"abscope {kind} {count}")
    original = files(kind)[KINDS[kind]]
    before, remarks = unharmed(kind)
    silent = 0
    for number in range(count):
        mutant = mutated(original, chance)
        reading = upload(kind, mutant.data)
        if said(reading) - remarks:
            continue
        silent += 1
        assert len(reading.drafts) == 1, number
        JUDGES[kind](before, reading.drafts[0], original, mutant, number)
    assert silent > count // 50  # the oracle was asked


# ------------------------------------------------------------------------------------- the oracle
def same_grid(first: Grid, second: Grid) -> bool:
    return first.same_geometry(second, 1e-9) and (
        first.frame_of_reference_uid == second.frame_of_reference_uid
    )


def judge_image(before: Draft, after: Draft, original: bytes, mutant: Mutant, number: int) -> None:
    ((info, volume),), ((info_now, now),) = before.series, after.series
    assert same_grid(volume.grid, now.grid), number
    assert (info.modality, info.unit, info.n_files) == (
        info_now.modality, info_now.unit, info_now.n_files,
    ), number  # fmt: skip
    size = 2 * SMALL.shape_zyx[1] * SMALL.shape_zyx[2]
    straight = np.arange(len(original) - size, len(original))
    free = np.zeros(volume.array_zyx.shape, dtype=bool)
    free[2] = (mutant.origin[-size:] == -straight - 1).reshape(*SMALL.size_yx, 2).any(axis=2)
    assert np.array_equal(volume.array_zyx[~free], now.array_zyx[~free]), number
    assert np.isfinite(now.array_zyx).all(), number
    factors = [None if s.suv is None else s.suv.factor for s in (info, info_now)]
    assert factors[0] == factors[1], number


def judge_structures(
    before: Draft, after: Draft, original: bytes, mutant: Mutant, number: int
) -> None:
    (first,), (now,) = before.structure_sets, after.structure_sets
    assert [r.number for r in first.rois] == [r.number for r in now.rois], number
    assert first.frame_of_reference_uid == now.frame_of_reference_uid, number
    places = np.setdiff1d(np.arange(len(original)), mutant.origin)
    for roi, roi_now in zip(first.rois, now.rois, strict=True):
        assert len(roi.contours) == len(roi_now.contours), number
        for contour, contour_now in zip(roi.contours, roi_now.contours, strict=True):
            assert contour.geometric_type == contour_now.geometric_type, number
            assert contour.points_mm.shape == contour_now.points_mm.shape, number
            assert (np.abs(contour_now.points_mm) <= 10_000).all(), number
            start, end = span_of(original, contour.points_mm)
            if not ((places >= start) & (places < end)).any():
                assert np.array_equal(contour.points_mm, contour_now.points_mm), number


def span_of(original: bytes, points_mm: np.ndarray) -> tuple[int, int]:
    """Return where a contour's numbers lie in the file."""
    for match in _numbers(original):
        if np.array_equal(match[2], points_mm):
            return match[0], match[1]
    raise AssertionError("the contour is not in the file")


@functools.cache
def _numbers(original: bytes) -> tuple[tuple[int, int, np.ndarray], ...]:
    found = []
    for match in re.finditer(rb"-?[\d.]+(?:\\-?[\d.eE+-]+){8,} ?", original):
        values = np.array(match.group().split(b"\\"), dtype=np.float64)
        if values.size % 3 == 0:
            found.append((match.start(), match.end(), values.reshape(-1, 3)))
    return tuple(found)


def judge_dose(before: Draft, after: Draft, original: bytes, mutant: Mutant, number: int) -> None:
    del original, mutant
    (dose,), (now,) = before.doses, after.doses
    array, grid = now.volume.array_zyx, now.volume.grid
    assert array.size <= dose.volume.array_zyx.size, number
    assert np.isfinite(array).all(), number
    assert np.abs(array).max() <= 10_000, number
    corners = np.array([[0, 0, 0], [s - 1 for s in grid.shape_zyx]])
    assert (np.abs(grid.to_mm(corners)) <= 10_000).all(), number
    assert all(0.01 <= s <= 100 for s in grid.spacing_yx_mm), number
    assert now.volume.unit == "Gy", number


def judge_plan(before: Draft, after: Draft, original: bytes, mutant: Mutant, number: int) -> None:
    del before, original, mutant
    (plan,) = after.plans
    assert plan.prescribed_gy is None or 0 < plan.prescribed_gy <= 1000, number
    assert plan.fractions is None or 0 < plan.fractions <= 1000, number
    assert 0 <= plan.beams <= 8, number


JUDGES = {
    "CT": judge_image, "PET": judge_image, "RTSTRUCT": judge_structures, "RTDOSE": judge_dose,
    "RTPLAN": judge_plan,
}  # fmt: skip


def test_the_oracle_sees_a_shifted_and_a_shortened_series():
    """The judge itself is tried on changes that it must not let through."""
    before, _ = unharmed("CT")
    original = files("CT")["CT2"]
    ((info, volume),) = before.series
    shifted = dataclasses.replace(volume.grid, origin_mm=volume.grid.origin_mm + 1)
    rolled = np.roll(volume.array_zyx, 1, axis=2)
    for other in (
        dataclasses.replace(volume, grid=shifted),
        dataclasses.replace(volume, array_zyx=rolled),
    ):
        after = dataclasses.replace(before, series=((info, other),))
        with pytest.raises(AssertionError):
            judge_image(before, after, original, Mutant(original, np.arange(len(original))), 0)


# ---------------------------------------------------------------------------------------- archives
def test_no_mutation_of_an_archive_stops_an_upload():
    target = io.BytesIO()
    names = ("CT0", "CT1", "CT2")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(f"{name}.dcm", files("CT")[name])
    chance = random.Random("abscope archive")
    codes = set()
    for _ in range(ARCHIVES):
        damaged = b"PK\x03\x04" + mutated(target.getvalue(), chance).data[4:]
        reading = read_upload(from_bytes("scan.zip", damaged))
        found = {f.code for f in reading.findings if f.severity != "info"}
        whole = [d for d in reading.drafts if d.series and d.series[0][0].n_files == len(names)]
        assert found or whole
        codes |= found
    assert codes >= {"archive-damaged", "archive-overlap"}
