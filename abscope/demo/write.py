"""Writes the demonstration case as real files: DICOM, a table of blood values, clinical facts.

It enters the program through the same door as a hospital's files.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from abscope.core.geometry import Grid, Volume
from abscope.core.ids import uid_from
from abscope.core.plan import Dose, Plan
from abscope.core.structures import StructureSet
from abscope.demo import anatomy, beams, followup, labs, scan
from abscope.dicom.write_common import Header, ImageReference, save, save_all
from abscope.dicom.write_ct import ct_datasets, slice_uids_of
from abscope.dicom.write_rtdose import rtdose_dataset
from abscope.dicom.write_rtplan import BeamSetup, rtplan_dataset
from abscope.dicom.write_rtstruct import rtstruct_dataset

REMARK = "Synthetic, made by code"
PRESCRIBED_GY, FRACTIONS = 60.0, 30
#: Monitor units of one fraction of the whole plan: a usual size for 2 Gy.
MONITOR_UNITS = 420.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DemoFiles:
    """Where the files of the demonstration case lie: all DICOM files below ``folder / "dicom"``."""

    folder: Path
    ct: tuple[Path, ...]
    rtstruct: Path
    rtplan_a: Path
    rtdose_a: Path
    rtplan_b: Path
    rtdose_b: Path
    followup_ct: tuple[Path, ...]
    labs_csv: Path
    clinical_json: Path

    @property
    def dicom(self) -> tuple[Path, ...]:
        """All DICOM files."""
        single = (self.rtstruct, self.rtplan_a, self.rtdose_a, self.rtplan_b, self.rtdose_b)
        return (*self.ct, *single, *self.followup_ct)


def write_demo(folder: Path) -> DemoFiles:
    """Write the demonstration case into a folder, made when missing; the same bytes every time.

    Parameters
    ----------
    folder : Path
        Files of the same names in it are replaced.

    Returns
    -------
    DemoFiles
        A CT with 110 planes, RTSTRUCT, two plans with their doses (``A``: seven shaped fields,
        ``B``: three wide ones), a follow-up CT on another frame of reference with opacity in the
        high-dose lung, ``labs.csv`` and ``clinical.json``.
    """
    dicom = folder / "dicom"
    dicom.mkdir(parents=True, exist_ok=True)
    painted = scan.paint_thorax(_on_frame(anatomy.CT_GRID, _uid("frame")))
    ct = scan.finished(painted.canvas)
    header = _header("CT planning", labs.CT_DATE, 2)
    uids = slice_uids_of(header.series_uid, ct.grid.shape_zyx[0])
    image = ImageReference(
        study_uid=header.study_uid, series_uid=header.series_uid, grid=ct.grid, slice_uids=uids
    )
    planned = {name: _write_plan(dicom, name, ct) for name in ("A", "B")}
    later = followup.followup_volume(painted, planned["A"][2], _uid("frame", "follow-up"))
    labs_path, clinical_path = folder / "labs.csv", folder / "clinical.json"
    labs_path.write_text(labs.labs_csv(), encoding="utf-8", newline="\n")
    clinical_path.write_text(labs.clinical_json(), encoding="utf-8", newline="\n")
    return DemoFiles(
        folder=folder,
        ct=save_all(ct_datasets(ct, header, slice_uids=uids), dicom / "ct", "CT"),
        rtstruct=_write_structures(dicom, image),
        rtplan_a=planned["A"][0],
        rtdose_a=planned["A"][1],
        rtplan_b=planned["B"][0],
        rtdose_b=planned["B"][1],
        followup_ct=_write_followup(dicom, later),
        labs_csv=labs_path,
        clinical_json=clinical_path,
    )


def _uid(*parts: str) -> str:
    return uid_from("abscope", "demo", "1", *parts)


def _on_frame(grid: Grid, frame_of_reference_uid: str) -> Grid:
    return dataclasses.replace(grid, frame_of_reference_uid=frame_of_reference_uid)


def _header(name: str, date: str, number: int, study_date: str = labs.CT_DATE) -> Header:
    """Return the header of one series of the study of a day."""
    return Header(
        patient=labs.PATIENT,
        study_uid=_uid("study", study_date),
        series_uid=_uid("series", name),
        study_date=study_date,
        study_time="093000",
        date=date,
        time="101500",
        study_id="DEMO",
        study_description=f"Thorax. {REMARK}",
        series_number=number,
        series_description=f"{name}. {REMARK}",
        comment=REMARK,
        model="abscope.demo",
    )


def _write_structures(folder: Path, image: ImageReference) -> Path:
    structures = StructureSet(
        uid=_uid("rtstruct"),
        label="Synthetic thorax",
        source="clinical",
        frame_of_reference_uid=image.grid.frame_of_reference_uid,
        series_uid=image.series_uid,
        rois=anatomy.structures(image.grid),
    )
    header = _header("Structures", labs.PLAN_DATE, 3)
    return save(rtstruct_dataset(structures, header, image), folder / "RS.dcm")


def _write_plan(folder: Path, name: str, ct: Volume) -> tuple[Path, Path, Volume]:
    """Write plan and dose; return their paths and the dose."""
    fields = beams.PLAN_A if name == "A" else beams.PLAN_B
    label = f"A {len(fields)} fields" if name == "A" else f"B {len(fields)} wide"
    dose = beams.dose_of(ct, fields, PRESCRIBED_GY)
    plan = Plan(
        uid=_uid("rtplan", name),
        label=label,
        prescribed_gy=PRESCRIBED_GY,
        fractions=FRACTIONS,
        beams=len(fields),
        structure_set_uid=_uid("rtstruct"),
        frame_of_reference_uid=ct.grid.frame_of_reference_uid,
    )
    number = 4 if name == "A" else 6
    plan_ds = rtplan_dataset(
        plan,
        _header(f"Plan {name}", labs.PLAN_DATE, number),
        _setups(fields),
        target_roi_number=anatomy.ROI_NUMBERS["PTV"],
    )
    dose_ds = rtdose_dataset(
        Dose(uid=_uid("rtdose", name), volume=dose, summation="PLAN", plan_uid=plan.uid),
        _header(f"Dose {name}", labs.PLAN_DATE, number + 1),
    )
    plan_path = save(plan_ds, folder / f"RP-{name}.dcm")
    return plan_path, save(dose_ds, folder / f"RD-{name}.dcm"), dose


def _setups(fields: tuple[beams.Field, ...]) -> tuple[BeamSetup, ...]:
    """Return the fields as beams of an RTPLAN; doses and monitor units by weight."""
    total = sum(field.weight for field in fields)
    x, y, z = (float(v) for v in beams.ISOCENTER_MM)
    return tuple(
        BeamSetup(
            number=number,
            name=f"G{field.gantry_deg:03.0f}",
            gantry_deg=field.gantry_deg,
            isocenter_mm=(x, y, z),
            dose_gy=round(PRESCRIBED_GY / FRACTIONS * field.weight / total, 4),
            meterset_mu=round(MONITOR_UNITS * field.weight / total, 1),
            jaws_x_mm=(-60.0, 60.0),
            jaws_y_mm=(-65.0, 65.0),
        )
        for number, field in enumerate(fields, 1)
    )


def _write_followup(folder: Path, volume: Volume) -> tuple[Path, ...]:
    header = _header("CT follow-up", labs.FOLLOWUP_DATE, 1, study_date=labs.FOLLOWUP_DATE)
    return save_all(ct_datasets(volume, header), folder / "followup", "CT")
