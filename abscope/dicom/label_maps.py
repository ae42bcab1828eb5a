"""Voxel masks to structures: exact outlines, and the image that they belong to.

`core.rasterise.region_mask` gives the same voxels back, islands and holes of one voxel included.
The volume is that of the voxels within `VOLUME_TOLERANCE` for a structure of a hundred voxels or
more, and within a tenth below.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from abscope.contour.outlines import mask_outlines
from abscope.core.case import Finding, Series
from abscope.core.errors import GeometryError
from abscope.core.geometry import Grid
from abscope.core.structures import Contour, Roi, StructureSet

#: Relative difference of a structure's volume from its voxels' (tested).
VOLUME_TOLERANCE = 0.005
#: Grids whose voxels lie closer than this to each other's are one grid (mm).
SAME_GRID_MM = 0.01


def mask_contours(mask_zyx: npt.NDArray[np.bool_], grid: Grid) -> tuple[Contour, ...]:
    """Return the outlines of a mask, shape ``grid.shape_zyx``; holes are contours of their own."""
    boxes = ndimage.find_objects(mask_zyx.astype(np.uint8))
    if not boxes:
        return ()
    return mask_outlines(np.ascontiguousarray(mask_zyx[boxes[0]]), _part(grid, boxes[0]))


def label_rois(
    labels_zyx: npt.NDArray[np.uint8], grid: Grid, names: Mapping[int, str]
) -> tuple[Roi, ...]:
    """Return a structure for each label of a map; its number is the label."""
    boxes = ndimage.find_objects(labels_zyx)
    rois = []
    for label, name in sorted(names.items()):
        box = boxes[label - 1] if label <= len(boxes) else None
        if box is None:
            continue
        part = np.ascontiguousarray(labels_zyx[box] == label)
        contours = mask_outlines(part, _part(grid, box))
        rois.append(
            Roi(number=label, name=name, contours=contours, plane_gap_mm=plane_gap_mm(grid))
        )
    return tuple(rois)


def plane_gap_mm(grid: Grid) -> float | None:
    """Return the usual distance of a grid's planes, None for a single plane."""
    return grid.plane_spacing_mm or None


def attach(
    structure_set: StructureSet, grid: Grid, series: Sequence[Series]
) -> tuple[StructureSet, Finding | None]:
    """Return a set tied to the image whose grid its mask shares, and what is to be said of it.

    A mask on another grid stays where its millimetres put it, on the only image that it overlaps,
    with a warning.

    Raises
    ------
    GeometryError
        ``mask-elsewhere``: it overlaps no image.
    """
    for image in series:
        if grid.same_geometry(image.grid, SAME_GRID_MM):
            return _tied(structure_set, image), None
    near = [image for image in series if _overlap(grid, image.grid)]
    if not series:
        return structure_set, None
    if not near:
        raise GeometryError(
            "mask-elsewhere",
            "The mask lies outside every image.",
            where="mask grid",
            expected="a mask that overlaps the image it was made on",
            remedy="Check that image and mask belong together and share their orientation.",
        )
    finding = Finding(
        code="mask-on-another-grid",
        severity="warning",
        where=f"structure set {structure_set.label[:32]}",
        message="The voxels of the mask are not those of the image; its structures are kept where "
        "their millimeters put them.",
        expected="a mask on the grid of its image",
        remedy="Check on the viewer that structures and image fit.",
    )
    return _tied(structure_set, near[0]), finding


def _tied(structure_set: StructureSet, image: Series) -> StructureSet:
    return dataclasses.replace(
        structure_set,
        series_uid=image.uid,
        frame_of_reference_uid=image.grid.frame_of_reference_uid,
    )


def _overlap(first: Grid, second: Grid) -> bool:
    """Whether the boxes of two grids overlap in patient space."""
    boxes = []
    for grid in (first, second):
        ends = [(0, n - 1) for n in grid.shape_zyx]
        corners = grid.to_mm(np.array(np.meshgrid(*ends, indexing="ij")).reshape(3, -1).T)
        boxes.append((corners.min(axis=0), corners.max(axis=0)))
    (low_a, high_a), (low_b, high_b) = boxes
    return bool(np.all(low_a <= high_b) and np.all(low_b <= high_a))


def _part(grid: Grid, box: tuple[slice, slice, slice]) -> Grid:
    """Return the grid of a box of voxels."""
    planes, rows, columns = box
    corner = grid.to_mm(np.array([[planes.start, rows.start, columns.start]]))[0]
    offsets = grid.plane_offsets_mm[planes]
    return Grid(
        origin_mm=corner,
        axes=grid.axes,
        spacing_yx_mm=grid.spacing_yx_mm,
        plane_offsets_mm=offsets - offsets[0],
        size_yx=(rows.stop - rows.start, columns.stop - columns.start),
        frame_of_reference_uid=grid.frame_of_reference_uid,
    )
