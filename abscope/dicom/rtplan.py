"""RT Plan: prescription and fractions, without guessing either."""

from __future__ import annotations

import pydicom

from abscope.core.plan import FractionGroup, Plan
from abscope.dicom import header


def read_plan(dataset: pydicom.Dataset) -> Plan:
    """Return what an RTPLAN says; a number that it does not give stays None.

    The prescription is the highest TargetPrescriptionDose of the DoseReferenceSequence. The number
    of fractions is NumberOfFractionsPlanned when all fraction groups together leave no doubt: one
    group gives its number, several give None (they may run side by side or one after another).
    """
    prescribed = [
        (dose, reference)
        for reference in header.items(dataset, "DoseReferenceSequence")
        if (dose := header.number(reference, "TargetPrescriptionDose")) and dose > 0
    ]
    highest = max(prescribed, key=lambda pair: pair[0], default=None)
    target = header.number(highest[1], "ReferencedROINumber") if highest else None
    beams = header.items(dataset, "BeamSequence") or header.items(dataset, "IonBeamSequence")
    treating = [
        b for b in beams if header.text(b, "TreatmentDeliveryType", "TREATMENT") == "TREATMENT"
    ]
    groups = _fraction_groups(dataset, {header.number(b, "BeamNumber") for b in treating})
    sets = header.items(dataset, "ReferencedStructureSetSequence")
    return Plan(
        uid=header.text(dataset, "SOPInstanceUID"),
        label=header.text(dataset, "RTPlanLabel") or header.text(dataset, "RTPlanName") or "plan",
        prescribed_gy=highest[0] if highest else None,
        fractions=groups[0].fractions if len(groups) == 1 else None,
        beams=len(treating),
        structure_set_uid=header.text(sets[0], "ReferencedSOPInstanceUID") if sets else "",
        frame_of_reference_uid=header.text(dataset, "FrameOfReferenceUID"),
        fraction_groups=groups,
        target_roi_number=None if target is None else int(target),
    )


def _fraction_groups(
    dataset: pydicom.Dataset, treating: set[float | None]
) -> tuple[FractionGroup, ...]:
    """Return the fraction groups with their treatment beams; set-up beams give no dose."""
    found = []
    for position, group in enumerate(header.items(dataset, "FractionGroupSequence"), 1):
        number = header.number(group, "FractionGroupNumber")
        planned = header.number(group, "NumberOfFractionsPlanned")
        whole = planned is not None and planned > 0 and planned == int(planned)
        beams = [
            header.number(beam, "ReferencedBeamNumber")
            for beam in header.items(group, "ReferencedBeamSequence")
        ]
        found.append(
            FractionGroup(
                number=position if number is None else int(number),
                fractions=int(planned) if planned is not None and whole else None,
                beams=tuple(sorted(int(b) for b in beams if b is not None and b in treating)),
            )
        )
    return tuple(found)
