"""D3, D4: several acquisitions, stacks or a scout under one series come apart or are refused."""

from __future__ import annotations

import numpy as np
import pytest

from abscope.core.geometry import Grid
from tests import phantoms
from tests.faults.image_series import CT, FEW, RT, is_right, only_series, phase_of, with_values
from tests.unit.dicom.uploads import codes, read_one

SCOUT = {
    "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"], "SOPInstanceUID": "1.2.3",
    "ImageOrientationPatient": [1, 0, 0, 0, 0, -1],
}  # fmt: skip


@pytest.mark.parametrize(
    ("keyword", "values"),
    [
        ("AcquisitionNumber", (1, 2)),
        ("TemporalPositionIdentifier", (1, 2)),
        ("TriggerTime", (0.0, 350.5)),
        ("EchoTime", (4.6, 9.2)),
        ("ConvolutionKernel", ("B30f", "B70f")),
    ],
)
def test_d3_phases_under_one_series_become_series_of_their_own(keyword, values):
    """Two phases, acquisitions, echoes or kernels share one SeriesInstanceUID, so that every
    position is held twice. Each becomes a series with a UID of its own, and a warning names them so
    that the person chooses."""
    first = with_values(FEW, **{keyword: values[0]})
    second = phase_of(1, keyword, values[1], FEW, shift_hu=100)
    mixed = [ds for pair in zip(second, first, strict=True) for ds in pair]
    draft = read_one(mixed)
    assert len({s.uid for s, _ in draft.series} | {FEW[0].SeriesInstanceUID}) == 3
    (finding,) = [f for f in draft.findings if f.code == "series-split"]
    assert finding.severity == "warning"
    assert keyword in finding.message
    assert all(str(values[n]) in finding.message for n in (0, 1))
    (one, low), (other, high) = draft.series
    assert keyword in one.description
    assert one.description != other.description
    assert is_right(low)
    assert np.array_equal(high.array_zyx, low.array_zyx + 100)
    again = read_one(list(reversed(mixed)))
    assert [s.uid for s, _ in again.series] == [s.uid for s, _ in draft.series]


def test_d3_a_structure_set_finds_the_phase_it_was_drawn_on():
    """Contours were drawn on the second of two phases. They are tied to that phase by the slices
    they name."""
    whole = phantoms.ct_series()
    first = phase_of(1, "AcquisitionNumber", 1, whole)
    second = with_values(whole, AcquisitionNumber=2)  # the slices that the RTSTRUCT names
    draft = read_one(first, second, [RT[0]])
    names = {s.uid: s.description for s, _ in draft.series}
    assert names[draft.structure_sets[0].series_uid].endswith("AcquisitionNumber 2")


def test_d3_copies_that_nothing_tells_apart_are_refused():
    """Every position is held twice and no attribute tells the slices apart. The series is refused
    by name."""
    draft = read_one(CT, phase_of(1, "AcquisitionNumber", 1))
    assert draft.series == ()
    assert codes(draft.errors()) == {"duplicate-positions"}


def test_d3_phases_with_holes_are_not_split():
    """Slices of two acquisitions, each without a slice in the middle, share positions. They are not
    split into incomplete stacks; the series is refused."""
    first = with_values(CT, AcquisitionNumber=1)
    second = phase_of(1, "AcquisitionNumber", 2)
    draft = read_one(first[:5] + first[6:], second[:8] + second[9:])
    assert codes(draft.errors()) == {"duplicate-positions"}


def test_d4_a_scout_in_the_series_is_left_out_with_a_note():
    """A coronal scout carries the SeriesInstanceUID of the axial CT. The axial slices are read and
    the scout is left out with a note."""
    scout = with_values(CT[:1], **SCOUT)
    _, volume, found = only_series(scout, CT)
    assert found == {"scout-left-out"}
    assert is_right(volume)


def test_d4_scout_axial_and_two_kernels_under_one_series_come_apart():
    """A scout, a soft and a sharp reconstruction share one SeriesInstanceUID. The scout is left
    out, and the reconstructions become two series that carry their kernel in the name."""
    soft = with_values(CT, ConvolutionKernel="B30f")
    draft = read_one(with_values(CT[:1], **SCOUT), soft, phase_of(1, "ConvolutionKernel", "B70f"))
    assert [s.description[-4:] for s, _ in draft.series] == ["B30f", "B70f"]
    assert {"scout-left-out", "series-split", "ct-acquisition-unusual"} == codes(draft.findings)


def test_d4_stacks_of_other_spacing_are_series_of_their_own():
    """Two stacks of unlike pixel spacing and size share one SeriesInstanceUID. Each becomes a
    series."""
    fine = Grid.regular(
        origin_mm=(-40.0, -42.0, -32.0), spacing_zyx_mm=(4, 1.5, 1), shape_zyx=(14, 20, 30),
        frame_of_reference_uid=phantoms.FRAME_UID,
    )  # fmt: skip
    other = phantoms.ct_series(content=phantoms.linear_hu, grid=fine)
    for n, ds in enumerate(other):
        ds.SOPInstanceUID = f"1.2.8.{n}"
    draft = read_one(CT, other)
    assert sorted(s.grid.size_yx for s, _ in draft.series) == [(20, 30), (29, 44)]
    assert len({s.uid for s, _ in draft.series}) == 2
    assert all(is_right(volume) for _, volume in draft.series)


def test_d4_one_slice_of_another_size_is_never_left_out_in_silence(upload):
    """One slice of the series has another size. The import is refused until the person accepts to
    leave it out."""
    odd = with_values(CT, [13], Rows=2, Columns=2, PixelData=bytes(8))
    assert upload(*odd, refused=True)["error"]["code"] == "slice-of-another-size"
    assert upload(*odd, accept=["slice-of-another-size"])["series"][0]["dims_zyx"] == [13, 29, 44]
