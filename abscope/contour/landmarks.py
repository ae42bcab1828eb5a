"""Single points that follow from structures, in LPS millimetres."""

from __future__ import annotations

from abscope.contour.engine import Point
from abscope.core.structures import StructureSet


def carina_mm(drawn: StructureSet) -> Point | None:
    """Return where the trachea divides: the middle of its lowest cross-section.

    A ``Carina`` point of the set is taken where there is one. Otherwise the set must hold both
    ``Trachea`` and ``Bronchus``, as a trachea alone may end where the scan does.

    Examples
    --------
    >>> import numpy as np
    >>> from abscope.core.structures import Contour, Roi
    >>> def ring(name, z):
    ...     points = np.array([[0, 0, z], [4.0, 0, z], [4, 4, z], [0, 4, z]])
    ...     return Roi(number=1, name=name, standard_name=name, contours=(
    ...         Contour(points_mm=points), Contour(points_mm=points + [2, 0, 9])))
    >>> carina_mm(StructureSet(uid="1", label="", source="auto:x", frame_of_reference_uid="",
    ...     rois=(ring("Trachea", 30.0), ring("Bronchus", 10.0))))
    (2.0, 2.0, 30.0)
    """
    by_name = {roi.standard_name: roi for roi in drawn.rois}
    carina = by_name.get("Carina")
    if carina is not None and carina.contours:
        x, y, z = carina.contours[0].points_mm[0].tolist()
        return (x, y, z)
    trachea = by_name.get("Trachea")
    if trachea is None or "Bronchus" not in by_name or not trachea.closed:
        return None
    lowest = min(trachea.closed, key=lambda contour: float(contour.points_mm[:, 2].mean()))
    points = lowest.points_mm
    low, high = points.min(axis=0), points.max(axis=0)
    x, y, z = ((low + high) / 2).tolist()
    return (round(x, 2), round(y, 2), round(z, 2))
