"""RT Plan: prescription and fractions, without guessing either."""

from __future__ import annotations

import pydicom

from abscope.core.plan import Plan
from abscope.dicom import header


def read_plan(dataset: pydicom.Dataset) -> Plan:
    """Return what an RTPLAN says; a number that it does not give stays None.

    The prescription is the highest TargetPrescriptionDose of the DoseReferenceSequence. The number
    of fractions is NumberOfFractionsPlanned when all fraction groups together leave no doubt: one
    group gives its number, several give None (they may run side by side or one after another).
    """
    doses = [
        dose
        for reference in header.items(dataset, "DoseReferenceSequence")
        if (dose := header.number(reference, "TargetPrescriptionDose")) and dose > 0
    ]
    groups = header.items(dataset, "FractionGroupSequence")
    planned = [header.number(group, "NumberOfFractionsPlanned") for group in groups]
    only = planned[0] if len(planned) == 1 else None
    fractions = int(only) if only and only > 0 and only == int(only) else None
    beams = header.items(dataset, "BeamSequence") or header.items(dataset, "IonBeamSequence")
    treating = [
        b for b in beams if header.text(b, "TreatmentDeliveryType", "TREATMENT") == "TREATMENT"
    ]
    sets = header.items(dataset, "ReferencedStructureSetSequence")
    return Plan(
        uid=header.text(dataset, "SOPInstanceUID"),
        label=header.text(dataset, "RTPlanLabel") or header.text(dataset, "RTPlanName") or "plan",
        prescribed_gy=max(doses) if doses else None,
        fractions=fractions,
        beams=len(treating),
        structure_set_uid=header.text(sets[0], "ReferencedSOPInstanceUID") if sets else "",
        frame_of_reference_uid=header.text(dataset, "FrameOfReferenceUID"),
    )
