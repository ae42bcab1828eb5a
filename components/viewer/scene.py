"""What the viewer shows, and its packing into one blob: numpy only, no Streamlit.

The image is sent as int16 (whole HU for CT, see `components.viewer.images`) on an axial grid, a CT
cropped to the body; dose, and a PET laid over a CT, as uint16 with a scale, on their own grids;
structures as the polygons of their slabs. Millimetres are LPS throughout, so that
the browser's numbers are the engine's (`abscope.core.resample.sample_at`).
"""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt

from abscope.core.geometry import Grid, Volume, canonical, patient_letter
from abscope.core.structures import Roi, slabs_of
from components.viewer.blob import ID_DIGITS, OVERVIEW, BlobWriter
from components.viewer.dose_map import DoseMap
from components.viewer.images import NO_IMAGE, stored_image, value_words
from components.viewer.oblique import (
    OBLIQUE_DOSE_NOTE,
    OBLIQUE_NOTE,
    axial_copy,
    has_tilted_contours,
    straightened,
)

#: Above this the image shows body (HU); the crop keeps all of it and `CROP_MARGIN_MM` around.
BODY_THRESHOLD_HU = -500
CROP_MARGIN_MM = 10.0
#: A crop that saves less than this share of the voxels is not worth a second geometry.
CROP_WORTH = 0.10
#: Stored dose that stands for "no data".
NO_DOSE = 65535
#: An image of more bytes than this gets an overview, for what is looked at before it has arrived.
OVERVIEW_ABOVE_BYTES = 6_000_000
OVERVIEW_STEP = 4

#: For structures without a colour of their own (Paul Tol's "bright" and "vibrant", colour-blind
#: safe, lightened for a dark image).
PALETTE = (
    (102, 204, 238), (238, 119, 51), (34, 170, 102), (238, 102, 119), (204, 187, 68),
    (170, 136, 238), (51, 187, 187), (238, 153, 204), (119, 170, 221), (187, 221, 136),
)  # fmt: skip
PERCENT_LEVELS = (105, 100, 95, 80, 50, 20)
ABSOLUTE_LEVELS_GY = (70, 66, 60, 50, 45, 40, 30, 20, 10, 5, 2, 1)
MOST_LEVELS = 7
#: A confidence under this is marked in the legend, as is every structure with a reason for doubt.
LOW_CONFIDENCE, LOW_WITH_REASON = 0.5, 0.95
TARGETS = ("GTV", "CTV", "ITV", "PTV")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SceneStructure:
    """A structure and how it is drawn.

    Parameters
    ----------
    roi : Roi
    color : tuple of int or None
        Red, green, blue; the ROI's own or a palette colour when None.
    dashed : bool
        True for automatic contours, False for clinical ones.
    group : str
        Heading in the legend, such as ``"Clinical"``.
    ref : str
        Structure set UID, colon, number: for an edit in the viewer; empty where it is no offer.
    thin : bool
        For an outline that says something of another one.
    """

    roi: Roi
    color: tuple[int, int, int] | None = None
    dashed: bool = False
    thin: bool = False
    group: str = "Structures"
    ref: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EditOffer:
    """What the viewer needs for drawing contours.

    Parameters
    ----------
    series_uid : str
        The image of the scene.
    case_version : int
        Of the case that is shown, so that a save can tell what others did meanwhile.
    sets : tuple of (str, str)
        UID and name of the sets in which a new structure can start; an empty UID is a new set.
    names : tuple of str
        TG-263 names for a new structure.
    """

    series_uid: str
    case_version: int
    sets: tuple[tuple[str, str], ...] = ()
    names: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """Everything that one viewer shows.

    Parameters
    ----------
    image : Volume
        HU, SUV (unit g/mL), a PET's own unit, or no unit (MR). Resampled to an axial grid, with a
        note on screen, when it is oblique.
    structures : tuple of SceneStructure
    dose, second_dose : Volume or None
        Gy, on grids of their own; with both, the difference can be shown.
    dose_map : DoseMap or None
        Shown in place of the dose, which stays a button away; nothing without a dose.
    prescribed_gy : float or None
        Makes isodose levels per cent of it.
    focus_mm : tuple of float or None
        First position of the crosshair; the first target or the middle of the image when None.
    notes : tuple of str
        Sentences shown in the viewer.
    pet : Volume or None
        A PET laid over a CT in its frame of reference: SUV, or the PET's own unit.
    edit : EditOffer or None
        Offers the edit mode.
    convention : str
        What solid and dashed lines mean, where it is not that people or an engine drew them.
    """

    image: Volume
    structures: tuple[SceneStructure, ...] = ()
    dose: Volume | None = None
    prescribed_gy: float | None = None
    second_dose: Volume | None = None
    dose_map: DoseMap | None = None
    focus_mm: tuple[float, float, float] | None = None
    notes: tuple[str, ...] = ()
    pet: Volume | None = None
    edit: EditOffer | None = None
    convention: str = ""


def pack(scene: Scene) -> bytes:
    """Return the scene as the bytes that `components.viewer.viewer.show_viewer` takes.

    Equal scenes give equal bytes, so the result can be cached by (case id, content version).
    """
    notes = list(scene.notes)
    image = canonical(scene.image)
    if not image.grid.is_axial:
        image = axial_copy(image)
        notes.append(OBLIQUE_NOTE)
    ct_zyx, scale, style = stored_image(image.array_zyx, image.unit)
    grid = image.grid
    edit = _edit_header(scene.edit, grid, turned=OBLIQUE_NOTE in notes)
    if image.unit == "HU":
        ct_zyx, grid = _cropped(ct_zyx, grid)
    overlays = _overlays(scene, notes)
    writer = BlobWriter()
    header: dict[str, Any] = {
        "version": 1,
        "image": _grid_header(grid)
        | scale
        | style.header()
        | {"id": _image_id(ct_zyx, grid, scale), "missing": NO_IMAGE},
        "letters": {
            axis: [patient_letter(-row), patient_letter(row)]
            for axis, row in zip("xyz", grid.axes, strict=True)
        },
        "presets": [{"name": n, "width": w, "level": c} for n, w, c in style.presets],
        "prescribed_gy": scene.prescribed_gy,
        "notes": notes,
        "structures": _add_structures(writer, scene, grid),
        "doses": {},
        "overview_step": 0,
        "edit": edit,
        "convention": scene.convention,
    }
    writer.add("ct_z", _plane_positions(grid))
    for name, volume in overlays:
        stored, scale = _as_uint16(volume.array_zyx)
        shown = {"missing": NO_DOSE, "unit": value_words(volume.unit)}
        if name == "map" and scene.dose_map is not None:
            shown |= scene.dose_map.header()
        header["doses"][name] = _grid_header(volume.grid) | scale | shown
        writer.add(f"{name}_z", _plane_positions(volume.grid))
        writer.add(name, stored, late=True)
    if scene.dose is not None:
        header["levels"] = _levels(scene.prescribed_gy, header["doses"]["dose_a"]["max"])
    header["focus_zyx"] = focus = _focus(scene, grid)
    _add_first_planes(writer, ct_zyx, focus)
    if ct_zyx.nbytes > OVERVIEW_ABOVE_BYTES:
        header["overview_step"] = OVERVIEW_STEP
        overview = ct_zyx[:, ::OVERVIEW_STEP, ::OVERVIEW_STEP]
        writer.add(OVERVIEW, overview, late=True, known=True)
    writer.add("ct", ct_zyx, late=True, known=True)  # by the image's id
    return writer.write(header, first_voxel=focus[0] * ct_zyx[0].size)


def _add_first_planes(
    writer: BlobWriter, ct_zyx: npt.NDArray[np.int16], focus_zyx: list[int]
) -> None:
    """Add the planes through the first crosshair: all of the image that the first picture needs."""
    z, y, x = focus_zyx
    for axis, plane in (("z", ct_zyx[z]), ("y", ct_zyx[:, y]), ("x", ct_zyx[:, :, x])):
        writer.add(f"first_{axis}", plane, known=True)


def _cropped(ct_zyx: npt.NDArray[np.int16], grid: Grid) -> tuple[npt.NDArray[np.int16], Grid]:
    """Cut rows and columns that show no body on any plane; no voxel moves."""
    body_yx = ct_zyx.max(axis=0) > BODY_THRESHOLD_HU
    rows, columns = np.flatnonzero(body_yx.any(axis=1)), np.flatnonzero(body_yx.any(axis=0))
    if rows.size == 0:
        return ct_zyx, grid
    dy, dx = grid.spacing_yx_mm
    n_y, n_x = grid.size_yx
    margin_y, margin_x = int(np.ceil(CROP_MARGIN_MM / dy)), int(np.ceil(CROP_MARGIN_MM / dx))
    y0, y1 = max(int(rows[0]) - margin_y, 0), min(int(rows[-1]) + margin_y + 1, n_y)
    x0, x1 = max(int(columns[0]) - margin_x, 0), min(int(columns[-1]) + margin_x + 1, n_x)
    if (y1 - y0) * (x1 - x0) > (1 - CROP_WORTH) * n_y * n_x:
        return ct_zyx, grid
    smaller = dataclasses.replace(
        grid,
        origin_mm=grid.origin_mm + x0 * dx * grid.axes[0] + y0 * dy * grid.axes[1],
        size_yx=(y1 - y0, x1 - x0),
    )
    return np.ascontiguousarray(ct_zyx[:, y0:y1, x0:x1]), smaller


def _edit_header(offer: EditOffer | None, grid: Grid, *, turned: bool) -> dict[str, Any] | None:
    """Return what the edit mode needs, with the outer edges of the whole image, before any crop."""
    if offer is None:
        return None
    if turned:
        return {"refused": "Contours can be edited on axial images only; this one is oblique."}
    (x0, y0, _), (dy, dx), (n_y, n_x) = grid.origin_mm, grid.spacing_yx_mm, grid.size_yx
    return {
        "series": offer.series_uid,
        "version": offer.case_version,
        "sets": [list(pair) for pair in offer.sets],
        "names": list(offer.names),
        "extent": [x0 - dx / 2, x0 + (n_x - 0.5) * dx, y0 - dy / 2, y0 + (n_y - 0.5) * dy],
    }


def _overlays(scene: Scene, notes: list[str]) -> list[tuple[str, Volume]]:
    """Return doses, map and PET on axial grids, adding a note where one was turned."""
    second = scene.second_dose if scene.dose else None
    mapped = scene.dose_map.volume if scene.dose and scene.dose_map else None
    named = [("dose_a", scene.dose), ("dose_b", second), ("map", mapped), ("pet", scene.pet)]
    straight = [(name, canonical(volume)) for name, volume in named if volume is not None]
    if not all(volume.grid.is_axial for name, volume in straight if name != "pet"):
        notes.append(OBLIQUE_DOSE_NOTE)
    return [(name, v if v.grid.is_axial else axial_copy(v)) for name, v in straight]


def _as_uint16(dose_zyx: npt.NDArray[Any]) -> tuple[npt.NDArray[np.uint16], dict[str, float]]:
    """Return stored values, ``value = stored * slope + intercept``; error at most half a slope."""
    finite = np.isfinite(dose_zyx)
    known = dose_zyx[finite] if not finite.all() else dose_zyx
    low = min(float(known.min()), 0.0) if known.size else 0.0
    high = max(float(known.max()), low + 1e-6) if known.size else 1.0
    slope = (high - low) / (NO_DOSE - 1)
    stored = np.rint((np.where(finite, dose_zyx, low) - low) / slope).astype(np.uint16)
    stored[~finite] = NO_DOSE
    return stored, {"slope": slope, "intercept": low, "max": high}


def _grid_header(grid: Grid) -> dict[str, Any]:
    n_z, n_y, n_x = grid.shape_zyx
    return {
        "nx": n_x, "ny": n_y, "nz": n_z,
        "x0": float(grid.origin_mm[0]), "y0": float(grid.origin_mm[1]),
        "dx": grid.spacing_yx_mm[1], "dy": grid.spacing_yx_mm[0],
        "gap": grid.plane_spacing_mm or 1.0, "even": grid.is_even,
    }  # fmt: skip


def _plane_positions(grid: Grid) -> npt.NDArray[np.float64]:
    """Return the patient z of each plane of an axial grid."""
    return np.asarray(grid.origin_mm[2] + grid.plane_offsets_mm, dtype=np.float64)


def _image_id(ct_zyx: npt.NDArray[np.int16], grid: Grid, scale: dict[str, float]) -> str:
    digest = hashlib.sha256(np.ascontiguousarray(ct_zyx).data.cast("B"))
    digest.update(repr((grid.as_dict(), scale)).encode())
    return digest.hexdigest()[:ID_DIGITS]


def _add_structures(writer: BlobWriter, scene: Scene, grid: Grid) -> list[dict[str, Any]]:
    """Add the polygons of all slabs as flat arrays; return the legend's entries."""
    entries: list[dict[str, Any]] = []
    points: list[npt.NDArray[np.float32]] = []
    edges: list[tuple[float, float]] = []
    polygon_starts, slab_starts, n_points = [0], [0], 0
    for index, item in enumerate(scene.structures):
        roi = item.roi
        if has_tilted_contours(roi):
            roi = straightened(roi, scene.image.grid, grid)
        slabs = slabs_of(roi, None, grid.plane_spacing_mm or None)
        entries.append(
            {
                "number": roi.number,
                "name": roi.name,
                "group": item.group,
                "ref": item.ref,
                "dashed": item.dashed,
                "thin": item.thin,
                "standard": roi.standard_name or "",
                "confidence": None if roi.confidence is None else round(roi.confidence, 3),
                "reason": roi.confidence_reason,
                "low": _is_doubted(roi),
                "color": list(item.color or roi.color or PALETTE[index % len(PALETTE)]),
                "first_slab": len(edges),
                "slabs": len(slabs),
            }
        )
        for slab in slabs:
            edges.append((slab.low_mm, slab.high_mm))
            for polygon in slab.polygons_mm:
                points.append(polygon.astype(np.float32))
                n_points += len(polygon)
                polygon_starts.append(n_points)
            slab_starts.append(len(polygon_starts) - 1)
    flat = np.concatenate(points) if points else np.empty((0, 2), dtype=np.float32)
    writer.add("points_xy", flat)
    writer.add("polygon_starts", np.array(polygon_starts, dtype=np.int32))
    writer.add("slab_starts", np.array(slab_starts, dtype=np.int32))
    writer.add("slab_edges", np.array(edges, dtype=np.float64).reshape(-1, 2))
    return entries


def _is_doubted(roi: Roi) -> bool:
    """Whether the legend says "low"; a reason beside a high confidence is only a note."""
    if roi.confidence is None:
        return False
    return roi.confidence < (LOW_WITH_REASON if roi.confidence_reason else LOW_CONFIDENCE)


def _levels(prescribed_gy: float | None, max_gy: float) -> dict[str, Any]:
    """Return the isodose levels to start with: per cent of the prescription, else Gy."""
    if prescribed_gy:
        return {"unit": "%", "values": list(PERCENT_LEVELS)}
    reached: list[float] = [level for level in ABSOLUTE_LEVELS_GY if level < max_gy]
    if not reached:
        reached = [round(max_gy * share, 3) for share in (0.9, 0.5, 0.2)]
    return {"unit": "Gy", "values": reached[:MOST_LEVELS]}


def _focus(scene: Scene, grid: Grid) -> list[int]:
    """Return the voxel (z, y, x) at which the crosshair starts."""
    n_z, n_y, n_x = grid.shape_zyx
    point = scene.focus_mm
    if point is None:
        target = next(
            (
                s.roi
                for s in scene.structures
                if s.roi.closed
                and (s.roi.interpreted_type or s.roi.name).upper().startswith(TARGETS)
            ),
            None,
        )
        if target is None:
            return [n_z // 2, n_y // 2, n_x // 2]
        corners = np.concatenate([c.points_mm for c in target.closed])
        middle = (corners.min(axis=0) + corners.max(axis=0)) / 2
        point = (float(middle[0]), float(middle[1]), float(middle[2]))
    index = np.rint(grid.to_index([point])[0]).astype(int)
    return [int(np.clip(i, 0, n - 1)) for i, n in zip(index, (n_z, n_y, n_x), strict=True)]
