"""Damaged objects: whatever a byte does, an upload is read to the end and says what it found."""

from __future__ import annotations

import functools
import io
import random
import zipfile

import pytest

from abscope.core.geometry import Grid
from abscope.dicom.reader import Reading, read_upload
from abscope.dicom.sources import SourceFile, from_bytes
from tests import phantoms

#: Mutations for each kind of object in `make test`, and in `make test-long`.
MUTATIONS = 200
CAMPAIGN = 5_000
KINDS = ("CT", "RTSTRUCT", "RTDOSE", "RTPLAN")
SMALL = Grid.regular(
    origin_mm=(-6.0, -6.0, -4.0),
    spacing_zyx_mm=(4.0, 3.0, 2.0),
    shape_zyx=(3, 5, 7),
    frame_of_reference_uid=phantoms.FRAME_UID,
)


@functools.cache
def files() -> dict[str, bytes]:
    """Return a small phantom case: three CT slices and one object of each other kind."""
    rois = [phantoms.cylinder_roi(z_mm=(-4.0, 0.0, 4.0)), phantoms.sphere_roi(radius_mm=6.0)]
    dose = phantoms.dose_of(grid=SMALL)
    slices = phantoms.ct_series(grid=SMALL)
    objects = {f"CT{n}": slice_ for n, slice_ in enumerate(slices)}
    objects |= {"RTSTRUCT": phantoms.rtstruct(rois), "RTPLAN": phantoms.rtplan()}
    objects |= {"RTDOSE": phantoms.rtdose(dose)}
    written = {}
    for name, dataset in objects.items():
        target = io.BytesIO()
        dataset.save_as(target, enforce_file_format=True)
        written[name] = target.getvalue()
    return written


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Return the bytes with up to eight of them changed, cut off, doubled or filled."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        place = chance.randrange(len(changed))
        kind = chance.random()
        if kind < 0.7:
            changed[place] = chance.randrange(256)
        elif kind < 0.8:
            del changed[place : place + chance.randint(1, 64)]
        elif kind < 0.9:
            changed[place:place] = changed[place : place + chance.randint(1, 64)]
        else:
            changed[place : place + 4] = chance.choice([b"\xff" * 4, b"9" * 4, b"\\" * 4])
        if len(changed) < 200:
            break
    return bytes(changed)


def upload(replaced: str, data: bytes, accepted: frozenset[str] = frozenset()) -> Reading:
    held = {**files(), replaced: data}
    sources = [SourceFile(label=f"{name}.dcm", data=content) for name, content in held.items()]
    return read_upload(sources, accepted)


def test_the_unharmed_case_is_read_whole():
    (draft,) = upload("CT0", files()["CT0"]).drafts
    assert tuple(
        len(part) for part in (draft.series, draft.structure_sets, draft.doses, draft.plans)
    ) == (1, 1, 1, 1)
    assert draft.errors() == ()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_no_mutation_stops_an_upload(kind):
    read_mutants(kind, MUTATIONS)


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_no_mutation_of_a_campaign_stops_an_upload(kind):
    read_mutants(kind, CAMPAIGN)


def read_mutants(kind: str, count: int) -> None:
    chance = random.Random(f"abscope {kind} {count}")
    name = "CT1" if kind == "CT" else kind
    for _ in range(count):
        reading = upload(name, mutated(files()[name], chance))
        assert all(f.code and f.message for f in reading.findings)
        assert all(f.code and f.message for draft in reading.drafts for f in draft.findings)


def test_no_mutation_of_an_archive_stops_an_upload():
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("CT0", "CT1", "CT2"):
            archive.writestr(f"{name}.dcm", files()[name])
    chance = random.Random("abscope archive")
    codes = set()
    for _ in range(MUTATIONS):
        damaged = b"PK\x03\x04" + mutated(target.getvalue(), chance)[4:]
        reading = read_upload(from_bytes("scan.zip", damaged))
        found = {f.code for f in reading.findings if f.severity != "info"}
        whole = [d for d in reading.drafts if d.series and d.series[0][0].n_files == 3]
        assert found or whole
        codes |= found
    assert codes >= {"archive-damaged", "archive-overlap"}
