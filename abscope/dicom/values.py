"""Stored values to values in their unit: rescale a slice, padding, 16 bits where they suffice.

A CT comes out in whole HU as int16 wherever its rescale allows, everything else as float32. Every
slice has a rescale of its own (normal in PET). Voxels that hold no measurement are set to
`PADDING_HU` in a CT, so that no -2000 or -3024 reaches a statistic, and that is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom

from abscope.core.case import Finding
from abscope.core.errors import InputError
from abscope.dicom import header
from abscope.dicom.pixels import check_size, stored_values

#: No scanner writes a rescale slope or intercept beyond this.
MAX_RESCALE = 1e6
#: What a CT voxel without a measurement becomes: below air, inside the 12-bit range of scanners.
PADDING_HU = -1024
#: A declared padding value that stands for more than this could be tissue and is left alone (HU).
PADDING_BELOW_HU = -950
#: CT values below this are no measurement, declared or not (air is -1000 HU, noise included).
NO_MEASUREMENT_HU = -1500
#: Shares of the voxels that must be air near -1000 and tissue near 0 for the rest to be HU.
AIR_SHARE, TISSUE_SHARE = 0.001, 0.02
#: RescaleType of a CT whose values are Hounsfield units ("US" is unspecified, as is none).
HU_TYPES = frozenset({"", "HU", "HU_MOD", "US"})

Array = npt.NDArray[Any]


def rescaled(
    ordered: Sequence[pydicom.Dataset], rows: int, columns: int, where: str, notes: list[Finding]
) -> Array:
    """Return the values of slices in plane order, shape (slices, rows, columns).

    Parameters
    ----------
    ordered : sequence of Dataset
    rows, columns : int
        What every slice must have.
    where : str
        Words for the report: which series.
    notes : list of Finding
        Gets what was clipped or masked.

    Raises
    ------
    InputError
        Absent or absurd rescale, slices of another size, unreadable pixels.
    """
    is_ct = header.text(ordered[0], "Modality").upper() == "CT"
    scales = [rescale_of(s, where) for s in ordered]
    whole = is_ct and all(float(a).is_integer() and float(b).is_integer() for a, b in scales)
    out: Array = np.empty((len(ordered), rows, columns), dtype=np.int16 if whole else np.float32)
    padding = _Padding(where)
    clipped: list[int] = []
    for plane, (dataset, (slope, intercept)) in enumerate(zip(ordered, scales, strict=True)):
        if check_size(dataset) != (rows, columns):
            raise header.unreadable("Rows, Columns", f"{rows} x {columns} in every slice")
        stored = stored_values(dataset).reshape(rows, columns)
        if not whole:
            np.multiply(stored, slope, out=out[plane], casting="unsafe")
            out[plane] += intercept
        elif not _put_whole(out[plane], stored, int(slope), int(intercept)):
            clipped.append(plane)
        if is_ct:
            padding.mask(dataset, stored, out[plane], slope, intercept)
    notes.extend(padding.findings())
    if clipped:
        notes.append(_clipped(where, clipped))
    return out


def _put_whole(out: Array, stored: Array, slope: int, intercept: int) -> bool:
    """Write whole values into an int16 plane; False when some had to be clipped."""
    low, high = int(stored.min()), int(stored.max())
    ends = sorted((low * slope + intercept, high * slope + intercept))
    fits = ends[0] >= -32768 and ends[1] <= 32767
    if slope == 1 and fits and high <= 32767 and abs(intercept) <= 32767:
        np.add(stored.astype(np.int16, copy=False), np.int16(intercept), out=out)
        return True
    exact = stored.astype(np.int64) * slope + intercept
    if not fits:
        np.clip(exact, -32768, 32767, out=exact)
    out[...] = exact
    return fits


def rescale_of(dataset: pydicom.Dataset, where: str) -> tuple[float, float]:
    """Return slope and intercept; a CT, and a PET in a physical unit, must have them."""
    slope = header.number(dataset, "RescaleSlope")
    intercept = header.number(dataset, "RescaleIntercept")
    modality = header.text(dataset, "Modality").upper()
    if slope is None or intercept is None:
        if modality == "PT" and slope is not None:
            intercept = 0.0  # required to be zero in PET (C.8.9.4)
        elif modality not in ("CT", "PT") and slope is None and intercept is None:
            return (1.0, 0.0)
        else:
            raise _rescale_absent(modality, where)
    if slope == 0 or max(abs(slope), abs(intercept)) > MAX_RESCALE:
        raise header.unreadable("RescaleSlope", f"numbers up to {MAX_RESCALE:g}, slope not zero")
    kind = header.text(dataset, "RescaleType").upper()
    if modality == "CT" and kind not in HU_TYPES:
        raise InputError(
            "rescale-not-hu",
            f"The values of the CT are of type {kind[:16]}, not Hounsfield units.",
            where=f"{where}, RescaleType",
            expected="HU",
            remedy="Export the conventional CT images (effective-energy or monoenergetic HU).",
        )
    return slope, intercept


def _rescale_absent(modality: str, where: str) -> InputError:
    unit = "Hounsfield units" if modality == "CT" else "activity"
    return InputError(
        "rescale-absent",
        f"A {modality} slice has no rescale values, so its numbers are not {unit}.",
        where=f"{where}, RescaleSlope and RescaleIntercept",
        expected="both in every slice",
        remedy="Export the series again with its rescale values.",
    )


class _Padding:
    """Masks what is no measurement in a CT, and counts it for the report."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._declared = self._undeclared = 0
        self._lowest = 0.0
        self._ambiguous: float | None = None

    def mask(
        self, dataset: pydicom.Dataset, stored: Array, plane: Array, slope: float, intercept: float
    ) -> None:
        """Set declared padding of one plane to `PADDING_HU`, and count undeclared voxels."""
        value = header.number(dataset, "PixelPaddingValue")
        if value is not None:
            self._mask_declared(dataset, stored, plane, value, (slope, intercept))
        lowest = float(plane.min())
        if lowest < NO_MEASUREMENT_HU:
            self._undeclared += int(np.count_nonzero(plane < NO_MEASUREMENT_HU))
            self._lowest = min(self._lowest, lowest)

    def _mask_declared(
        self,
        dataset: pydicom.Dataset,
        stored: Array,
        plane: Array,
        value: float,
        scale: tuple[float, float],
    ) -> None:
        limit = header.number(dataset, "PixelPaddingRangeLimit")
        low, high = sorted((value, value if limit is None else limit))
        if stored.dtype.kind == "u" and low < 0:  # written with the sign of another encoding
            low, high = (v + 2 ** (8 * stored.dtype.itemsize) if v < 0 else v for v in (low, high))
        inside = (stored >= low) & (stored <= high) if low != high else stored == low
        count = int(np.count_nonzero(inside))
        if not count:
            return
        stands_for = max(low * scale[0] + scale[1], high * scale[0] + scale[1])
        if stands_for > PADDING_BELOW_HU:
            self._ambiguous = stands_for
        elif stands_for != PADDING_HU:
            plane[inside] = PADDING_HU
            self._declared += count
            self._lowest = min(self._lowest, stands_for)

    @property
    def _at(self) -> str:
        return f"{self._where}, PixelPaddingValue"

    def findings(self) -> list[Finding]:
        """Return what was masked, and what looks like padding that no slice declares."""
        found = []
        if self._declared:
            found.append(
                Finding(
                    code="padding-masked",
                    severity="info",
                    where=self._at,
                    message=f"{self._declared} voxels outside the scanned field (written as "
                    f"{self._lowest:g} HU) hold no measurement and are set to {PADDING_HU} HU.",
                )
            )
        if self._ambiguous is not None:
            found.append(
                Finding(
                    code="padding-like-tissue",
                    severity="warning",
                    where=self._at,
                    message=f"The padding value stands for {self._ambiguous:g} HU, which tissue "
                    "can have as well; nothing was masked.",
                    expected=f"a padding value below {PADDING_BELOW_HU} HU",
                    remedy="Look at the images for blank areas before measuring in them.",
                )
            )
        return found


def mask_undeclared(array_zyx: Array, where: str) -> list[Finding]:
    """Set CT voxels below `NO_MEASUREMENT_HU` to `PADDING_HU` in place where the rest is HU.

    Scanners fill the corners outside the field with -2000 or -3024 HU, often without declaring it.
    Where there is no air near -1000 HU or no tissue near 0 HU, the low values are the air of a
    wrong scale and are left for `abscope.dicom.plausible` to name.
    """
    lowest = float(array_zyx.min())
    if lowest >= NO_MEASUREMENT_HU:
        return []
    sample = array_zyx[:: max(1, len(array_zyx) // 20), ::2, ::2]
    air = np.mean((sample > -1100) & (sample < -900))
    tissue = np.mean((sample > -200) & (sample < 200))
    if air < AIR_SHARE or tissue < TISSUE_SHARE:
        return []
    count = 0
    for plane in array_zyx:  # plane by plane: a mask of the whole volume is half its size again
        low = plane < NO_MEASUREMENT_HU
        count += int(np.count_nonzero(low))
        plane[low] = PADDING_HU
    return [
        Finding(
            code="values-below-air",
            severity="warning",
            where=where,
            message=f"{count} voxels are below {NO_MEASUREMENT_HU} HU (down to {lowest:g}), which "
            f"nothing can be; they are set to {PADDING_HU} HU.",
            expected="no values below air, or a PixelPaddingValue that declares them",
            remedy="Look at the images: usually these are the corners outside the scanned field.",
        )
    ]


def _clipped(where: str, planes: list[int]) -> Finding:
    return Finding(
        code="values-clipped",
        severity="warning",
        where=f"{where}, slice {planes[0] + 1}" + (" and others" if len(planes) > 1 else ""),
        message="Values beyond the 16-bit range were clipped.",
        expected="-32768 to 32767 HU",
        remedy="Check the rescale values at the scanner.",
    )
