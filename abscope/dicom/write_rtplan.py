"""A plan as RTPLAN: prescription, fractions and static photon beams."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from pydicom.dataset import Dataset

from abscope.core.ids import uid_from
from abscope.core.plan import Plan
from abscope.dicom.write_common import (
    RTPLAN_CLASS,
    RTSTRUCT_CLASS,
    Header,
    decimal,
    decimals,
    dicom_date,
    new_object,
    put_frame_of_reference,
    reference,
    safe_text,
    sequence,
)

#: Distance from the source to the axis of a usual linac, in millimetres.
SOURCE_AXIS_MM = 1000.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BeamSetup:
    """A static photon beam.

    Parameters
    ----------
    number : int
    name : str
    gantry_deg : float
        IEC 61217: 0 enters the chest of a supine patient, 90 the left side.
    isocenter_mm : tuple of float
        LPS.
    dose_gy : float
        Dose to the target in one fraction.
    meterset_mu : float
        Monitor units of one fraction.
    energy_mv : float
        Nominal energy.
    jaws_x_mm, jaws_y_mm : tuple of float
        Opening at the isocenter.
    """

    number: int
    name: str
    gantry_deg: float
    isocenter_mm: tuple[float, float, float]
    dose_gy: float
    meterset_mu: float
    energy_mv: float = 6.0
    jaws_x_mm: tuple[float, float] = (-50.0, 50.0)
    jaws_y_mm: tuple[float, float] = (-50.0, 50.0)


def rtplan_dataset(
    plan: Plan,
    header: Header,
    beams: Sequence[BeamSetup] = (),
    *,
    patient_position: str = "HFS",
    target_roi_number: int | None = None,
) -> Dataset:
    """Return the RTPLAN object of a plan.

    Parameters
    ----------
    plan : Plan
        A missing prescription leaves the dose reference out; missing fractions leave the number
        empty, as real plans do.
    header : Header
    beams : sequence of BeamSetup
    patient_position : str
        PatientPosition of the setup.
    target_roi_number : int, optional
        ROINumber of the prescribed volume in the plan's structure set.
    """
    ds = new_object(header, RTPLAN_CLASS, plan.uid, "RTPLAN")
    if plan.frame_of_reference_uid:
        put_frame_of_reference(ds, plan.frame_of_reference_uid)
    ds.InstanceNumber = 1
    ds.RTPlanLabel = safe_text(plan.label, 16) or "PLAN"
    ds.RTPlanName = safe_text(plan.label, 64)
    if header.comment:
        ds.RTPlanDescription = safe_text(header.comment, 1024)
    ds.RTPlanDate = dicom_date(header.date)
    ds.RTPlanTime = header.time
    ds.PlanIntent = "RESEARCH"
    ds.ApprovalStatus = "UNAPPROVED"
    if plan.structure_set_uid:
        ds.RTPlanGeometry = "PATIENT"
        ds.ReferencedStructureSetSequence = sequence(
            reference(RTSTRUCT_CLASS, plan.structure_set_uid)
        )
    else:
        ds.RTPlanGeometry = "TREATMENT_DEVICE"
    if plan.prescribed_gy is not None:
        ds.DoseReferenceSequence = sequence(_dose_reference(plan, target_roi_number))
    ds.FractionGroupSequence = sequence(_fraction_group(plan, beams))
    if beams:
        ds.BeamSequence = sequence(*(_beam(beam) for beam in beams))
        ds.PatientSetupSequence = sequence(_setup(patient_position))
    return ds


def _dose_reference(plan: Plan, target_roi_number: int | None) -> Dataset:
    item = Dataset()
    item.DoseReferenceNumber = 1
    item.DoseReferenceUID = uid_from(plan.uid, "dose reference")
    item.DoseReferenceDescription = "Prescription"
    item.DoseReferenceType = "TARGET"
    item.TargetPrescriptionDose = decimal(plan.prescribed_gy or 0.0)
    if target_roi_number is None:
        item.DoseReferenceStructureType = "SITE"
    else:
        item.DoseReferenceStructureType = "VOLUME"
        item.ReferencedROINumber = target_roi_number
    return item


def _fraction_group(plan: Plan, beams: Sequence[BeamSetup]) -> Dataset:
    item = Dataset()
    item.FractionGroupNumber = 1
    item.NumberOfFractionsPlanned = "" if plan.fractions is None else plan.fractions
    item.NumberOfBeams = len(beams)
    item.NumberOfBrachyApplicationSetups = 0
    if beams:
        item.ReferencedBeamSequence = sequence(*(_beam_share(beam) for beam in beams))
    return item


def _beam_share(beam: BeamSetup) -> Dataset:
    item = Dataset()
    item.ReferencedBeamNumber = beam.number
    item.BeamDose = decimal(beam.dose_gy)
    item.BeamMeterset = decimal(beam.meterset_mu)
    return item


def _setup(patient_position: str) -> Dataset:
    item = Dataset()
    item.PatientSetupNumber = 1
    item.PatientPosition = patient_position
    return item


def _beam(beam: BeamSetup) -> Dataset:
    item = Dataset()
    item.BeamNumber = beam.number
    item.BeamName = safe_text(beam.name, 64)
    item.BeamType = "STATIC"
    item.RadiationType = "PHOTON"
    item.TreatmentDeliveryType = "TREATMENT"
    item.TreatmentMachineName = "SYNTHETIC"
    item.PrimaryDosimeterUnit = "MU"
    item.SourceAxisDistance = decimal(SOURCE_AXIS_MM)
    item.ReferencedPatientSetupNumber = 1
    item.NumberOfWedges = item.NumberOfCompensators = 0
    item.NumberOfBoli = item.NumberOfBlocks = 0
    item.BeamLimitingDeviceSequence = sequence(_device("ASYMX"), _device("ASYMY"))
    item.FinalCumulativeMetersetWeight = "1.0"
    item.NumberOfControlPoints = 2
    item.ControlPointSequence = sequence(_first_point(beam), _last_point())
    return item


def _device(kind: str) -> Dataset:
    item = Dataset()
    item.RTBeamLimitingDeviceType = kind
    item.NumberOfLeafJawPairs = 1
    return item


def _opening(kind: str, jaws_mm: tuple[float, float]) -> Dataset:
    item = Dataset()
    item.RTBeamLimitingDeviceType = kind
    item.LeafJawPositions = decimals(jaws_mm)
    return item


def _first_point(beam: BeamSetup) -> Dataset:
    item = Dataset()
    item.ControlPointIndex = 0
    item.CumulativeMetersetWeight = "0.0"
    item.NominalBeamEnergy = decimal(beam.energy_mv)
    item.BeamLimitingDevicePositionSequence = sequence(
        _opening("ASYMX", beam.jaws_x_mm), _opening("ASYMY", beam.jaws_y_mm)
    )
    item.GantryAngle = decimal(beam.gantry_deg)
    item.GantryRotationDirection = "NONE"
    item.BeamLimitingDeviceAngle = "0.0"
    item.BeamLimitingDeviceRotationDirection = "NONE"
    item.PatientSupportAngle = "0.0"
    item.PatientSupportRotationDirection = "NONE"
    item.TableTopEccentricAngle = "0.0"
    item.TableTopEccentricRotationDirection = "NONE"
    item.TableTopVerticalPosition = ""
    item.TableTopLongitudinalPosition = ""
    item.TableTopLateralPosition = ""
    item.IsocenterPosition = decimals(beam.isocenter_mm)
    return item


def _last_point() -> Dataset:
    item = Dataset()
    item.ControlPointIndex = 1
    item.CumulativeMetersetWeight = "1.0"
    return item
