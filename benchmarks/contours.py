"""The anatomical engine on LUNG1-001: seconds, peak memory, agreement, and how it stands changes.

Run it with ``python -m benchmarks.contours``; ``--all`` adds every change of ``perturbations`` on
both patients (several minutes). Needs ``ABSCOPE_TEST_DATA``.
"""

from __future__ import annotations

import itertools
import sys
import time

from abscope.contour.compare import compare
from abscope.contour.engine import Request, silent
from abscope.contour.engines.anatomical import CARD, ENGINE
from abscope.contour.landmarks import carina_mm
from abscope.core.errors import EngineError
from abscope.core.geometry import Volume
from abscope.core.structures import StructureSet
from abscope.dicom.reader import Draft, read_upload
from abscope.dicom.sources import from_paths
from benchmarks.memory import forget_peak, peak_bytes
from benchmarks.perturbations import MAY_FAIL, MUST_STAY, Change, agreement
from benchmarks.real_cases import data_path

LUNG1 = ("lung1-001/ct.zip", "lung1-001/rtstruct-clinical.zip")
THORAX = ("thorax-1p5mm-nifti.zip",)


def opened(names: tuple[str, ...]) -> Draft:
    """Return the case in these files."""
    paths = [data_path(name) for name in names]
    if None in paths:
        raise SystemExit("The real cases are not here: set ABSCOPE_TEST_DATA.")
    (draft,) = read_upload(from_paths([path for path in paths if path is not None])).drafts
    return draft


def timed(image: Volume) -> StructureSet:
    """Print how long each step and the whole set take and what they hold at most."""
    ENGINE.run(image, Request(structures=("External", "Lung_L")), silent)  # compiles the kernels
    forget_peak()
    before, wall, cpu = peak_bytes(), time.perf_counter(), time.process_time()
    steps: list[tuple[float, str]] = []
    drawn = ENGINE.run(
        image, Request(structures=CARD.structures),
        lambda share, message: steps.append((time.perf_counter() - wall, message)),
    )  # fmt: skip
    seconds, used = time.perf_counter() - wall, time.process_time() - cpu
    for (start, name), (end, _) in itertools.pairwise(steps):
        print(f"  {name:12} {end - start:5.2f} s")
    print(f"whole set: {seconds:.1f} s wall, {used:.1f} s CPU (target 20 s)")
    print(
        f"peak memory {peak_bytes() / 1e9:.2f} GB, of which {before / 1e9:.2f} GB before "
        "(target 2 GB)"
    )
    return drawn


def against_the_clinic(drawn: StructureSet, clinical: StructureSet) -> None:
    """Print the agreement with the clinical contours, with and without the tumor."""
    gtv = clinical.roi("GTV-1")
    for ours, theirs in (("Lung_L", "Lung-Left"), ("Lung_R", "Lung-Right")):
        for words, less in (("GTV taken out of both", gtv), ("as drawn", None)):
            found = compare(drawn.roi(ours), clinical.roi(theirs), exclude=less)
            print(f"{ours} {words:22} Dice {found.dice:.4f}  HD95 {found.hd95_mm or 0:.1f} mm")
    cord, canal = clinical.roi("Spinal-Cord"), drawn.roi("SpinalCanal")
    both = compare(canal, cord)
    inside = both.dice * (both.volume_a_cm3 + both.volume_b_cm3) / 2 / both.volume_b_cm3
    print(f"clinical cord inside SpinalCanal: {inside:.3f}")
    print(f"carina at {carina_mm(drawn)} mm")


def changed(image: Volume, drawn: StructureSet, changes: dict[str, Change]) -> None:
    """Print Dice with the contour on the unchanged image, and confidence, for each change."""
    truth = {roi.name: roi for roi in drawn.rois if roi.closed}
    for name, change in changes.items():
        other = change(image)
        try:
            found = ENGINE.run(other, Request(), silent).rois
        except EngineError as error:
            print(f"{name:22} refused: {error.code}")
            continue
        rois = {roi.name: roi for roi in found}
        words = []
        for key in CARD.default_structures:
            if key in rois and key in truth:
                dice = agreement(truth[key], rois[key], (image.grid, other.grid))
                words.append(f"{key} {dice:.3f} ({rois[key].confidence:.2f})")
            elif key in truth:
                words.append(f"{key} not found")
        print(f"{name:22} " + "  ".join(words), flush=True)


def main() -> None:
    """Print it all."""
    draft = opened(LUNG1)
    image = draft.series[0][1]
    print(f"LUNG1-001, {image.grid.shape_zyx} voxels")
    drawn = timed(image)
    against_the_clinic(drawn, draft.structure_sets[0])
    print("Dice with the unchanged image, and (confidence):")
    everything = "--all" in sys.argv
    changed(image, drawn, {**MUST_STAY, **(MAY_FAIL if everything else {})})
    if everything:
        second = opened(THORAX).series[0][1]
        print(f"thorax at 1.5 mm, {second.grid.shape_zyx} voxels")
        changed(second, timed(second), {**MUST_STAY, **MAY_FAIL})


if __name__ == "__main__":
    main()
