"""Everything that is stored comes back as it was."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from abscope.core.case import DoseInfo, Finding, Patient, RoiInfo, Series, StructureSetInfo
from abscope.core.errors import NotFoundError
from abscope.core.facts import ClinicalFacts
from abscope.core.geometry import Grid
from abscope.core.labs import LabResult
from abscope.core.plan import Plan
from abscope.core.settings import Settings
from abscope.core.structures import Contour, Roi
from abscope.store import codec
from abscope.store.archive import Archive
from abscope.store.audit import AuditEntry
from abscope.store.cases import Additions, CaseTable
from abscope.store.documents import DocumentTable
from abscope.store.job_table import JobTable
from tests import phantoms

NAME = "Ä\u202e<b>\"'\\\x1f🫁"
PLAIN = [
    (Patient(id="00123", name=NAME, birth_date="1960-01-02", sex="F", synthetic=True),
     codec.patient),
    (Plan(uid="1.2", label=NAME, prescribed_gy=None, fractions=None), codec.plan),
    (Plan(uid="1.2", label="x", prescribed_gy=0.1 + 0.2, fractions=30, beams=7), codec.plan),
    (Finding(code="x", severity="error", where=NAME, message=NAME, acceptable=True),
     codec.finding),
    (LabResult(key="anc", date="2024-01-31", value=0.1, source_value="0,1", source_unit="G/L",
               low=None, high=7.5), codec.lab),
]  # fmt: skip


def same(a: object, b: object) -> bool:
    """Whether two dataclasses are equal, grids by their numbers."""
    if isinstance(a, Grid) and isinstance(b, Grid):
        return a.as_dict() == b.as_dict()
    if dataclasses.is_dataclass(a):
        names = [f.name for f in dataclasses.fields(a)]
        return type(a) is type(b) and all(same(getattr(a, n), getattr(b, n)) for n in names)
    return type(a) is type(b) and a == b


@pytest.mark.parametrize(("item", "read"), PLAIN)
def test_plain_records_come_back(item, read):
    assert read(codec.plain(item)) == item


def test_series_and_doses_come_back_with_uneven_grids():
    grid = phantoms.uneven_grid([0.0, 0.1 + 0.2, 7.0])
    series = Series(
        uid="1", study_uid="2", modality="CT", description=NAME, date="", unit="HU", grid=grid,
        n_files=3, slice_uids=("a", "b", "c"), blob="k",
    )  # fmt: skip
    dose = DoseInfo(
        uid="1", summation="PLAN", dose_type="PHYSICAL", max_gy=61.2, grid=grid, plan_uid="",
        structure_set_uid="", blob="k",
    )  # fmt: skip
    assert same(series, codec.series(codec.series_text(series)))
    assert same(dose, codec.dose(codec.dose_text(dose)))


def test_structure_tables_come_back():
    rois = tuple(
        RoiInfo(number=n, name=NAME, standard_name=None, interpreted_type="", color=color,
                volume_cm3=volume, confidence=None)
        for n, (color, volume) in enumerate([(None, None), ((0, 0, 0), 0.0), ((1, 2, 255), 3.5)])
    )  # fmt: skip
    info = StructureSetInfo(
        uid="1", label="x", source="auto:anatomical", frame_of_reference_uid="", series_uid="",
        rois=rois, blob="k",
    )  # fmt: skip
    assert codec.structures(codec.structures_text(info)) == info


def test_facts_come_back():
    facts = ClinicalFacts().updated({"ecog": 1, "age_years": 63.5, "stage": NAME})
    assert codec.facts(codec.facts_text(facts)).values == facts.values


def test_contours_come_back_with_their_types_and_owners():
    odd = Roi(
        number=9,
        name="odd",
        contours=tuple(
            Contour(points_mm=np.arange(3.0 * n).reshape(-1, 3), geometric_type=kind)
            for n, kind in enumerate(
                ["POINT", "OPEN_PLANAR", "OPEN_NONPLANAR", "CLOSEDPLANAR_XOR"], start=1
            )
        ),
    )
    empty = Roi(number=10, name="empty", contours=())
    rois = (phantoms.annulus_roi(), empty, odd)
    info = StructureSetInfo(
        uid="1", label="x", source="clinical", frame_of_reference_uid="", series_uid="",
        rois=tuple(
            RoiInfo(number=r.number, name=r.name, standard_name=None, interpreted_type="",
                    color=r.color, volume_cm3=None) for r in rois
        ),
    )  # fmt: skip
    found = codec.structure_set(info, codec.contour_arrays(rois))
    for drawn, read in zip(rois, found.rois, strict=True):
        assert (drawn.number, len(drawn.contours)) == (read.number, len(read.contours))
        for a, b in zip(drawn.contours, read.contours, strict=True):
            assert np.array_equal(a.points_mm, b.points_mm)
            assert a.geometric_type == b.geometric_type


def test_no_contour_at_all_comes_back_too():
    arrays = codec.contour_arrays((Roi(number=1, name="x", contours=()),))
    assert arrays["points_mm"].shape == (0, 3)
    assert arrays["starts"].tolist() == [0]


def test_equal_content_gives_equal_text():
    assert codec.dumps({"b": 1, "a": [1, 2]}) == codec.dumps(json.loads('{"a":[1,2],"b":1}'))


def test_documents_and_jobs_are_kept_by_case(tmp_path):
    archive = Archive(Settings(home=tmp_path, database_url=f"sqlite:///{tmp_path / 'a.sqlite'}"))
    try:
        entry = AuditEntry(actor="a", action="test")
        for case in ("one", "two"):
            CaseTable(archive).create(case, Patient(id="", name=""), Additions(), entry)
        documents, jobs = DocumentTable(archive), JobTable(archive)
        kept = documents.add("one", "scenario", {"name": NAME}, entry)
        assert documents.get("one", kept.id) == kept
        with pytest.raises(NotFoundError):
            documents.get("two", kept.id)
        first = jobs.add_job(case_id="one", function="f", parameters="{}")
        assert jobs.add_job(case_id="one", function="f", parameters="{}") == first
        jobs.update_job(first.id, state="done", progress=1.0)
        again = jobs.add_job(case_id="one", function="f", parameters="{}")
        assert again.id != first.id
        assert [j.id for j in jobs.unfinished_jobs()] == [again.id]
        CaseTable(archive).delete("one", entry)
        assert (documents.of_case("one", "scenario"), jobs.jobs_of("one")) == ((), ())
    finally:
        archive.close()
