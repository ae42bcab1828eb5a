"""How a structure set was made: engine, versions, parameters, image, times."""

from __future__ import annotations

import dataclasses
import os
import platform
import sys
from importlib import metadata
from typing import Any, Self

import abscope
from abscope.contour.engine import EngineCard, Point, Request, content_digest
from abscope.contour.steps_told import Step
from abscope.core.geometry import Volume

#: Libraries whose version is kept when a run has them loaded: module and distribution.
LIBRARIES = (
    ("numpy", "numpy"),
    ("scipy", "scipy"),
    ("SimpleITK", "SimpleITK"),
    ("skimage", "scikit-image"),
    ("numba", "numba"),
    ("torch", "torch"),
    ("onnxruntime", "onnxruntime"),
    ("nnunetv2", "nnunetv2"),
    ("totalsegmentator", "TotalSegmentator"),
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """The image that was drawn on: which one, the digest of its values, and its size.

    ``sha256`` is over the values as they were handed to the engine (`content_digest`).
    """

    series_uid: str
    sha256: str
    shape_zyx: tuple[int, int, int]
    spacing_zyx_mm: tuple[float, float, float]

    @classmethod
    def of(cls, series_uid: str, volume: Volume) -> Self:
        """Describe a volume."""
        z, y, x = volume.grid.shape_zyx
        dy, dx = (round(float(step), 6) for step in volume.grid.spacing_yx_mm)
        dz = round(volume.grid.plane_spacing_mm, 6)  # the median where planes are uneven
        return cls(
            series_uid=series_uid,
            sha256=content_digest(volume),
            shape_zyx=(z, y, x),
            spacing_zyx_mm=(dz, dy, dx),
        )

    @property
    def voxels(self) -> int:
        """Number of voxels."""
        z, y, x = self.shape_zyx
        return z * y * x


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the engine ran with: versions, threads, machine."""

    abscope: str
    python: str
    libraries: tuple[tuple[str, str], ...]
    threads: int
    processors: int
    system: str

    @classmethod
    def now(cls) -> Self:
        """Describe this process; `threads` is the number that numerical code may use."""
        available = getattr(os, "sched_getaffinity", None)
        processors = len(available(0)) if available else os.cpu_count() or 1
        numba = sys.modules.get("numba")
        return cls(
            abscope=abscope.__version__,
            python=platform.python_version(),
            libraries=tuple(
                (name, metadata.version(name))
                for module, name in LIBRARIES
                if module in sys.modules
            ),
            threads=int(numba.get_num_threads()) if numba is not None else processors,
            processors=processors,
            system=f"{platform.system()} {platform.machine()}",
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked of the engine besides the image."""

    structures: tuple[str, ...]
    seed_mm: Point | None = None
    box_mm: tuple[Point, Point] | None = None
    pet_sha256: str = ""

    @classmethod
    def of(cls, request: Request, card: EngineCard) -> Self:
        """Describe a request; structures that were not named are the card's own."""
        return cls(
            structures=request.structures or card.default_structures,
            seed_mm=request.seed_mm,
            box_mm=request.box_mm,
            pet_sha256="" if request.pet is None else content_digest(request.pet),
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RunManifest:
    """One run of an engine.

    Parameters
    ----------
    engine, engine_title, engine_version : str
    asked : Asked
    image : Image
    surroundings : Surroundings
    seconds : float
        From reading the image to the last outline.
    structures : tuple of Step
        Time by structure; what several structures share counts for the first of them.
    author, started, finished : str
        Times are ISO 8601, UTC.
    structure_set_uid : str
    job_id : str
        Empty for a run from the command line.
    is_repeat : bool
        Whether the set was there already: the same was asked of the same image.
    """

    engine: str
    engine_title: str
    engine_version: str
    asked: Asked
    image: Image
    surroundings: Surroundings
    seconds: float
    structures: tuple[Step, ...]
    author: str
    started: str
    finished: str
    structure_set_uid: str
    job_id: str = ""
    is_repeat: bool = False

    @property
    def not_found(self) -> tuple[str, ...]:
        """The structures that were asked for and not found."""
        return tuple(s.name for s in self.structures if s.state == "not found")

    def as_json(self) -> dict[str, Any]:
        """Return it as it is stored and as the command line's JSON shows it."""
        asked, around = self.asked, self.surroundings
        return {
            "engine": self.engine,
            "engine_title": self.engine_title,
            "engine_version": self.engine_version,
            "abscope_version": around.abscope,
            "python_version": around.python,
            "libraries": dict(around.libraries),
            "threads": around.threads,
            "processors": around.processors,
            "system": around.system,
            "parameters": {
                "structures": list(asked.structures),
                "seed_mm": list(asked.seed_mm) if asked.seed_mm else None,
                "box_mm": [list(corner) for corner in asked.box_mm] if asked.box_mm else None,
                "pet_sha256": asked.pet_sha256 or None,
            },
            "input": {
                "series_uid": self.image.series_uid,
                "sha256": self.image.sha256,
                "dims_zyx": list(self.image.shape_zyx),
                "spacing_zyx_mm": list(self.image.spacing_zyx_mm),
            },
            "seconds": round(self.seconds, 2),
            "structures": [
                {"name": s.name, "state": s.state, "seconds": round(s.seconds, 2)}
                for s in self.structures
            ],
            "author": self.author,
            "started": self.started,
            "finished": self.finished,
            "structure_set_uid": self.structure_set_uid,
            "job_id": self.job_id or None,
            "repeat": self.is_repeat,
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """Read what `as_json` wrote."""
        asked, image = stored["parameters"], stored["input"]
        box = asked["box_mm"]
        return cls(
            engine=stored["engine"],
            engine_title=stored["engine_title"],
            engine_version=stored["engine_version"],
            asked=Asked(
                structures=tuple(asked["structures"]),
                seed_mm=_point(asked["seed_mm"]) if asked["seed_mm"] else None,
                box_mm=(_point(box[0]), _point(box[1])) if box else None,
                pet_sha256=asked["pet_sha256"] or "",
            ),
            image=Image(
                series_uid=image["series_uid"],
                sha256=image["sha256"],
                shape_zyx=tuple(image["dims_zyx"]),
                spacing_zyx_mm=_point(image["spacing_zyx_mm"]),
            ),
            surroundings=Surroundings(
                abscope=stored["abscope_version"],
                python=stored["python_version"],
                libraries=tuple(stored["libraries"].items()),
                threads=stored["threads"],
                processors=stored["processors"],
                system=stored["system"],
            ),
            seconds=stored["seconds"],
            structures=tuple(Step.from_json(row) for row in stored["structures"]),
            author=stored["author"],
            started=stored["started"],
            finished=stored["finished"],
            structure_set_uid=stored["structure_set_uid"],
            job_id=stored["job_id"] or "",
            is_repeat=stored["repeat"],
        )


def _point(numbers: list[float]) -> Point:
    x, y, z = (float(number) for number in numbers)
    return (x, y, z)
