"""Every page for every kind of case, with what a person must and must not see."""

from __future__ import annotations

import io
import re
import subprocess
import zipfile

import pptx
import pytest

from abscope.core.case import Patient
from abscope.workflows.case_facts import set_facts
from abscope.workflows.context import Actor
from components import access
from components.safe import literal
from tests import phantoms
from tests.pages.conftest import ACTOR
from tests.pages.shown import HOSTILE, RESEARCH, Shown

DEMO = "demonstration"
CASE_PAGES = ("contours", "dose", "labs", "response", "pneumonitis", "what_if", "board")
ALL_PAGES = ("worklist", "upload", *CASE_PAGES, "admin")
ESTIMATES = ("response", "pneumonitis", "what_if")
LABS = b"""patient_id,date,test,value,unit
,2026-01-10,Albumin,41,g/L
,2026-01-10,Neutrophils,4.0,
,2026-01-10,Lymphocytes,haemolysed,10^9/L
,2026-01-10,Hemoglobin,13.5,g/dL
"""


def dicom_bytes(*groups, name="upload.zip"):
    """Return DICOM objects as one ZIP, as the uploader wants a file."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number, dataset in enumerate(d for group in groups for d in group):
            held = io.BytesIO()
            dataset.save_as(held, enforce_file_format=True)
            archive.writestr(f"{number:03d}.dcm", held.getvalue())
    return name, out.getvalue(), "application/zip"


# --------------------------------------------------------------------------- every page, every case
@pytest.mark.parametrize("name", CASE_PAGES)
def test_without_a_case_a_page_says_where_to_find_one(page, name):
    shown = page(name)
    assert "No case is open." in shown.words()
    links = [e for e in shown.elements() if type(e).__name__ == "PageLink"]
    assert links, "a way to the worklist"
    assert not shown.tables()


def test_an_archive_without_cases_offers_upload_and_the_demonstration(empty_home):
    shown = Shown.open("worklist")
    assert not shown.tables()
    assert "Welcome" in shown.words()
    assert shown.has("worklist.new")
    assert shown.has("worklist.demo")


@pytest.mark.parametrize("name", CASE_PAGES)
def test_banner_of_the_open_case_on_every_case_page(page, name):
    shown = page(name, DEMO)
    assert RESEARCH in "\n".join(str(e.value) for e in shown.at.sidebar.caption)
    words = shown.words()
    assert "Synthetic" in words
    assert "60 Gy in 30 fractions, 1 more plan" in words
    assert "durvalumab" in words
    assert "CT]&nbsp;20" in words  # the date of the planning CT, and the case: what tells two of
    assert f"Case]&nbsp;{DEMO}" in words  # one patient apart


def test_the_address_opens_a_case_and_other_pages_keep_it(page):
    shown = page("labs", DEMO, by_address=True)
    assert "60 Gy in 30" in shown.words()
    assert shown.go("response").at.metric
    assert shown.at.query_params["case"] == DEMO


@pytest.mark.parametrize("named", ["no-such-case", "../../etc/passwd", "<b>x</b>"])
def test_a_wrong_address_opens_nothing(page, named):
    shown = page("labs", named, by_address=True)
    assert not shown.tables()
    assert "worklist" in shown.words()
    assert named not in shown.words()


@pytest.mark.parametrize("name", ALL_PAGES)
def test_ct_alone(page, name):
    words = page(name, "ct-only").words()
    expected = {
        "contours": "No structures",
        "dose": "no dose",
        "what_if": "no dose",
        "labs": "Laboratory table",
        "response": "Missing",
        "pneumonitis": "Missing",
    }.get(name)
    if expected:
        assert expected in words


@pytest.mark.parametrize("name", ALL_PAGES)
def test_dose_without_ct(page, name):
    shown = page(name, "dose-only")
    if name == "contours":
        assert "no images" in shown.words()
        assert "Cylinder" in shown.words()
    if name == "dose":
        rows = shown.table("Structure", "mean (Gy)")
        assert set(rows["Structure"]) >= {"Cylinder", "Sphere"}
        # The dose is linear and the cylinder is centred at (3, -2, 0): its mean is there.
        mean = rows.loc[rows["Structure"] == "Cylinder", "mean (Gy)"].item()
        assert mean == pytest.approx(30 + 0.3 - 0.1, abs=0.05)


@pytest.mark.parametrize("name", ESTIMATES)
def test_research_use_on_every_view_of_an_estimate(page, name):
    for case in (DEMO, "ct-only"):
        shown = page(name, case)
        assert RESEARCH in "\n".join(
            str(e.value) for e in shown.at.main.caption
        ) + "\n".join(str(e.value) for e in shown.at.main.markdown)  # fmt: skip


@pytest.mark.parametrize("name", sorted(set(ALL_PAGES) - set(CASE_PAGES)))
def test_research_use_beside_the_other_pages(page, name):
    assert RESEARCH in "\n".join(str(e.value) for e in page(name, DEMO).at.sidebar.caption)


# ---------------------------------------------------------------------------------------- estimates
@pytest.mark.parametrize("name", ["response", "pneumonitis"])
def test_probability_stands_with_its_interval(page, name):
    shown = page(name, DEMO)
    metrics = {m.label: str(m.value) for m in shown.at.metric}
    value = float(metrics["Estimated probability"].removesuffix("%"))
    label = next(k for k in metrics if re.search("interval|range", k, re.IGNORECASE))
    low, high = (float(v) for v in re.findall(r"[\d.]+", metrics[label]))
    assert 0 < low < value < high < 100
    assert shown.has(f"{name}.waterfall")


def test_every_pneumonitis_model_can_be_looked_at(page, context):
    shown = page("pneumonitis", DEMO)
    for model in ("rp-quantec", "cip", "pneumonitis-any", "rp-appelt"):
        shown.choose("pneumonitis.model", model)
        title = context.models.get(model).card.title
        assert title in [str(h.value) for h in shown.at.subheader], model
        assert shown.has_table("Input", "Value", "Source")


def test_model_card_is_one_click_away(page):
    shown = page("response", DEMO)
    shown.choose("response.more", "Model card")
    assert "10.1038/s43018-024-00772-7" in shown.words()
    assert "Limits" in shown.words()


@pytest.mark.parametrize(("name", "fact"), [("response", {"cancer_type": "melanoma"})])
def test_number_outside_the_population_waits_for_a_click(page, context, name, fact):
    set_facts(context, ACTOR, DEMO, fact)
    shown = page(name, DEMO)
    assert not shown.at.metric
    assert not shown.has(f"{name}.waterfall")
    assert "outside" in shown.words()
    shown.press(f"{name}.show.")
    assert "Estimated probability" in [m.label for m in shown.at.metric]
    assert "outside" in shown.words(), "the mark stays"


def test_missing_inputs_are_named(page, context):
    set_facts(context, ACTOR, DEMO, {"pdl1_tps_percent": "", "tmb_mut_per_mb": ""})
    shown = page("response", DEMO)
    missing = next(str(w.value) for w in shown.at.warning if "Missing" in str(w.value))
    assert literal("PD-L1 TPS") in missing
    assert literal("Tumor mutational burden") in missing
    assert literal("Albumin") not in missing
    assert "Estimated probability" not in [m.label for m in shown.at.metric]


def test_missing_facts_of_pneumonitis_are_named(page):
    words = page("pneumonitis", "ct-only").words()
    assert "Missing" in words
    assert "Age" in words
    assert "Smoking" in words


# ---------------------------------------------------------------------------------- labs and facts
def test_refused_cells_of_a_lab_file_are_shown_and_the_rest_saved(page, context):
    shown = page("labs", "ct-only").choose("labs.view", "Add results")
    shown.upload("labs.file", ("labs.csv", LABS, "text/csv"))
    refused = shown.table("Row", "Column", "Value", "Why", "What to do")
    assert set(refused["Row"]) == {4}
    assert "haemolysed" in set(refused["Value"])
    assert all(refused["What to do"].str.len() > 5)
    assert context.cases.get("ct-only").labs == (), "nothing is stored before the click"
    shown.press("labs.save")
    stored = context.cases.get("ct-only").labs
    assert {(r.key, r.value) for r in stored} == {("albumin", 41.0), ("hb", 135.0)}
    results = page("labs", "ct-only").choose("labs.view", "Results")
    assert "Albumin" in set(results.table("Test", "Unit", "2026-01-10")["Test"])


def test_a_file_that_is_no_table_is_refused_in_words(page):
    shown = page("labs", DEMO).choose("labs.view", "Add results")
    shown.upload("labs.file", ("x.csv", b"\x00\x01", "text/csv"))
    assert len(shown.at.error) == 1
    assert not shown.has("labs.save")


def test_facts_are_saved_and_stay(page, context):
    before = context.cases.get(DEMO)
    shown = page("labs", DEMO).choose("labs.view", "Clinical facts")
    shown.widget(f"labs.fact.{DEMO}.ecog").set_value(2)
    shown.widget(f"labs.fact.{DEMO}.smoking").set_value("never")
    shown.press("labs.facts.save")
    after = context.cases.get(DEMO)
    assert (after.facts.number("ecog"), after.facts.text("smoking")) == (2, "never")
    assert after.facts.text("histology") == before.facts.text("histology")
    assert after.version == before.version + 1
    again = page("labs", DEMO).choose("labs.view", "Clinical facts")
    assert again.widget(f"labs.fact.{DEMO}.ecog").value == 2


def test_labs_views_draw(page):
    shown = page("labs", DEMO)
    assert shown.choose("labs.view", "Trends").has("labs.trend")
    assert shown.choose("labs.view", "Timeline").has("labs.timeline")


# -------------------------------------------------------------------------------------------- dose
def test_dose_page_draws_and_computes(page):
    shown = page("dose", DEMO)
    assert shown.has("dose.viewer")
    assert shown.has("dose.dvh")
    rows = shown.table("Structure", "mean (Gy)")
    assert rows["mean (Gy)"].between(0, 75).all()
    shown.choose("dose.metrics", "D2cm3, V20Gy[cm3]")
    columns = " ".join(shown.table("Structure").columns)
    assert "D2cm3 (Gy)" in columns
    assert "V20Gy" in columns
    assert "mean" not in columns


def test_a_metric_that_is_not_understood_is_refused_in_words(page):
    shown = page("dose", DEMO).choose("dose.metrics", "Dx%, <b>")
    assert shown.at.error
    assert not shown.has_table("Structure")


# ----------------------------------------------------------------------------------------- what-if
def test_refused_conversion_is_said_and_gives_no_number(page):
    shown = page("what_if", DEMO)
    shown.choose("what_if.fractions", 5)
    assert "SBRT" in "\n".join(str(e.value) for e in shown.at.error)
    assert not shown.has("what_if.save")
    shown.choose("what_if.fractions", 20)
    assert not shown.at.error
    assert shown.has("what_if.save")


def test_estimates_move_with_the_dose(page):
    shown = page("what_if", DEMO)
    before = shown.words()
    slider = shown.widget("what_if.total")
    shown.choose("what_if.total", slider.value - 6)
    assert "54 Gy in 30" in shown.words()
    assert shown.words() != before


def test_saved_scenario_is_stored_and_appears(page, context):
    shown = page("what_if", DEMO)
    shown.choose("what_if.total", 55.0)
    shown.choose("what_if.name", "a *bold* name")
    shown.press("what_if.save")
    stored = context.documents.of_case(DEMO, "scenario")
    assert [d.content["name"] for d in stored] == ["a *bold* name"]
    assert "a *bold* name" in set(page("what_if", DEMO).table("Name", "Fractions")["Name"])
    assert any("bold" in option for option in page("board", DEMO).widget("board.scenario").options)


# ------------------------------------------------------------------------------------------- board
def test_slides_open_and_carry_the_research_line(page, monkeypatch):
    kept = kept_downloads(monkeypatch)
    page("board", DEMO)
    slides = pptx.Presentation(io.BytesIO(kept["board.get.pptx"]())).slides
    assert len(slides) == 5
    for slide in slides:
        assert RESEARCH in text_of(slide)


def test_pdf_opens_and_hides_the_name(page, context, monkeypatch, tmp_path):
    kept = kept_downloads(monkeypatch)
    shown = page("board", "dose-only")
    shown.choose("board.hidden", True)
    data = kept["board.get.pdf"]()
    assert data.startswith(b"%PDF-")
    assert b"%%EOF" in data[-64:]
    text = pdf_text(data, tmp_path)
    if text is not None:
        assert text.count(RESEARCH) >= 5
        patient = context.cases.get("dose-only").patient
        assert patient.name.split("^")[0] not in text  # nor in the plan's label, which is the same
        assert patient.id not in text


def kept_downloads(monkeypatch):
    """Keep the bytes that download buttons are given, by key: AppTest does not hand them out."""
    import streamlit as st

    kept, real = {}, st.download_button

    def download_button(label, data, *args, **kwargs):
        kept[kwargs["key"]] = data
        return real(label, data, *args, **kwargs)

    monkeypatch.setattr(st, "download_button", download_button)
    return kept


def text_of(slide):
    return "\n".join(s.text_frame.text for s in slide.shapes if s.has_text_frame)


def pdf_text(data, folder):
    """Return the text of a PDF by poppler, None when it is not installed."""
    (folder / "board.pdf").write_bytes(data)
    try:
        done = subprocess.run(
            ["pdftotext", folder / "board.pdf", "-"], capture_output=True, text=True, check=True
        )
    except FileNotFoundError:
        return None
    return done.stdout


# --------------------------------------------------------------------------------- admin, worklist
def test_admin_shows_every_models_card(page, context):
    shown = page("admin")
    for model in context.models:
        shown.choose("admin.card", model.card.id)
        assert model.card.doi in shown.words(), model.card.id
        assert model.card.title in shown.words()


@pytest.mark.parametrize(
    ("view", "words"),
    [("Engines", "Licence|License"), ("Jobs", "No background job"), ("Audit trail", "import")],
)
def test_admin_views(page, view, words):
    assert re.search(words, page("admin").choose("admin.view", view).words())


def test_audit_chain_is_verified_on_demand(page):
    shown = page("admin").choose("admin.view", "Audit trail").press("admin.verify")
    assert len(shown.at.success) == 2, "the chain and what is stored"
    assert not shown.at.error


def test_admin_page_is_for_admins(monkeypatch, page):
    # Somebody who is signed in and not named in ABSCOPE_ADMINS.
    monkeypatch.setattr(access, "sign_in", lambda: Actor(name="someone@example.org"))
    shown = page("admin")
    assert "administrators" in shown.words()
    assert not shown.tables()
    assert not shown.has("admin.view")
    assert page("labs", DEMO).tables(), "the other pages are open to them"


def test_worklist_search(page):
    shown = page("worklist")
    assert len(shown.table("Patient", "Case")) == 4 + len(HOSTILE)
    shown.choose("worklist.search", "PHANTOM-001")
    assert set(shown.table("Patient", "Case")["ID"]) == {"PHANTOM-001"}
    shown.choose("worklist.search", "nobody is called like this")
    assert not shown.has_table("Case")
    assert "No case fits" in shown.words()


def test_demonstration_button_opens_it(page):
    shown = page("worklist").press("worklist.demo")
    assert "60 Gy in 30" in shown.words()
    assert shown.at.session_state["case.id"] == DEMO


# ------------------------------------------------------------------------------------------ upload
def test_report_before_anything_is_saved(page, context):
    before = {s.id for s in context.cases.summaries()}
    files = dicom_bytes(phantoms.ct_series(), [phantoms.rtstruct([phantoms.sphere_roi()])])
    shown = page("upload").upload("upload.files", files)
    assert shown.widget("upload.confirm").disabled, "the patient has cases: where to is asked"
    assert "PHANTOM, Abscope, ID PHANTOM-001 has" in shown.words()
    shown.choose("upload.target", "")
    words = shown.words()
    assert "20 slices of 48 x 64" in words
    assert "PHANTOM-001" in words
    assert {s.id for s in context.cases.summaries()} == before
    shown.press("upload.confirm")
    new = {s.id for s in context.cases.summaries()} - before
    assert len(new) == 1
    assert context.cases.get(new.pop()).structure_sets[0].rois[0].name == "Sphere"


def test_an_error_is_accepted_and_then_saved_and_kept(page, context):
    before = {s.id for s in context.cases.summaries()}
    broken = [d for n, d in enumerate(phantoms.ct_series()) if n != 7]  # a plane is missing
    shown = page("upload").upload("upload.files", dicom_bytes(broken))
    assert not shown.has("upload.confirm"), "not before it is accepted"
    code = shown.widget("upload.accept").key.rpartition(".")[2]
    assert code in shown.words()
    shown.choose("upload.accept", True)
    shown.choose("upload.target", "")
    assert shown.widget("upload.confirm").disabled, "not before a reason is given"
    (why,) = [k for k in sorted(shown.keys()) if k.endswith(f".why.{code}")]
    shown.choose(why, "The gap lies above the lungs.")
    shown.press("upload.confirm")
    new = {s.id for s in context.cases.summaries()} - before
    assert len(new) == 1
    kept = {f.code: f.reason for f in context.cases.get(new.pop()).findings}
    assert kept[code] == "The gap lies above the lungs."
    shown.go("contours")
    assert "The gap lies above the lungs." in shown.words()


def test_files_that_are_nothing_are_refused(page, context):
    before = len(context.cases.summaries())
    shown = page("upload").upload("upload.files", ("letter.txt", b"hello", "text/plain"))
    assert not shown.has("upload.confirm")
    assert shown.at.error
    assert len(context.cases.summaries()) == before


def test_two_patients_become_two_cases_one_by_one(page, context):
    before = {s.id for s in context.cases.summaries()}
    shown = page("upload").upload("upload.files", dicom_bytes(phantoms.ct_series(), _second_ct()))
    assert "belong to 2 patients" in shown.words()
    shown.choose("upload.target", "")
    shown.press("upload.confirm")
    shown.choose("upload.patient", 2)
    shown.press("upload.confirm")
    new = [context.cases.get(s.id) for s in context.cases.summaries() if s.id not in before]
    assert {c.patient.id for c in new} == {"PHANTOM-001", "OTHER-2"}


def _second_ct():
    """Return another patient's CT: nothing links it to the standard one."""
    other = Patient(id="OTHER-2", name="OTHER^One", birth_date="", sex="")
    second = phantoms.ct_series(patient=other)
    for dataset in second:
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = (
            dataset.SOPInstanceUID + ".1"
        )
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
            setattr(dataset, keyword, f"{dataset[keyword].value[:50]}.1")
    return second


TABLE = b"date,test,value,unit\n2024-01-31,Albumin,38,g/L\n2024-01-31,LDH,250,\n"


def test_a_laboratory_table_among_the_scans_is_stored_with_the_case(page, context):
    before = {s.id for s in context.cases.summaries()}
    archive, labs = dicom_bytes(phantoms.ct_series()), ("labs.csv", TABLE, "text/csv")
    shown = page("upload").upload("upload.files", archive, labs)
    shown.choose("upload.target", "")
    assert list(shown.table("File", "Results")["Results"]) == [1]
    assert "1 cells of the laboratory table" in shown.words()
    shown.press("upload.confirm")
    (new,) = {s.id for s in context.cases.summaries()} - before
    case = context.cases.get(new)
    assert [(r.key, r.value) for r in case.labs] == [("albumin", 38.0)]
    assert "lab-cells-not-read" in {f.code for f in case.findings}


def test_a_laboratory_table_alone_starts_a_case(page, context):
    before = {s.id for s in context.cases.summaries()}
    shown = page("upload").upload("upload.files", ("labs.csv", TABLE, "text/csv"))
    shown.press("upload.confirm")
    (new,) = {s.id for s in context.cases.summaries()} - before
    assert len(context.cases.get(new).labs) == 1


def test_a_table_of_another_patient_among_the_scans_is_a_problem(page, context):
    before = {s.id for s in context.cases.summaries()}
    other = b"patient_id,date,test,value,unit\nROE-777,2024-01-31,LDH,999,U/L\n"
    shown = page("upload").upload(
        "upload.files", dicom_bytes(phantoms.ct_series()), ("labs.csv", other, "text/csv")
    )
    assert not shown.has("upload.confirm")
    assert {"PHANTOM-001", "ROE-777"} <= set(shown.table("Patient ID", "Born")["Patient ID"])
    shown.choose("upload.accept", True)
    shown.choose("upload.target", "")
    (why,) = [k for k in sorted(shown.keys()) if ".why." in k]
    shown.choose(why, "That row is left out.")
    shown.press("upload.confirm")
    (new,) = {s.id for s in context.cases.summaries()} - before
    assert context.cases.get(new).labs == ()


def test_files_of_another_patient_are_not_added_to_the_open_case(page):
    shown = page("upload", "dose-only").upload("upload.files", dicom_bytes(_second_ct()))
    shown.choose("upload.target", "dose-only")
    assert not shown.has("upload.confirm")
    assert {"PHANTOM-001", "OTHER-2"} <= set(shown.table("Patient ID", "Born")["Patient ID"])


def test_one_set_with_two_identities_shows_them_side_by_side_and_cannot_be_saved(page):
    plan = phantoms.rtplan()
    plan.PatientID = "OTHER-2"
    shown = page("upload").upload("upload.files", dicom_bytes(phantoms.ct_series(), [plan]))
    assert not shown.has("upload.confirm")
    table = shown.table("Patient ID", "Born")
    assert set(table["Patient ID"]) == {"PHANTOM-001", "OTHER-2"}


# ----------------------------------------------------------------------------- names that do harm
@pytest.mark.parametrize(
    "number",
    [n if n < 2 else pytest.param(n, marks=pytest.mark.long) for n in range(len(HOSTILE))],
)
@pytest.mark.parametrize("name", [p for p in ALL_PAGES if p not in ("admin", "upload")])
def test_hostile_names_are_shown_literally(page, name, number):
    shown = page(name, f"hostile-{number}")
    for text in shown.interpreted():
        for bad in HOSTILE:
            assert bad not in text, f"read as Markdown: {text}"
    if name in CASE_PAGES:
        person = Patient(id="", name=HOSTILE[number])
        assert literal(person.shown_name, 60) in "\n".join(shown.interpreted())
    if name in ("contours", "dose"):
        names = {str(v) for t in shown.tables() for c in t.columns for v in t[c].tolist()}
        assert names >= set(HOSTILE)


def test_hostile_names_are_shown_literally_in_the_report(page):
    rois = [phantoms.sphere_roi(n + 1, name=text) for n, text in enumerate(HOSTILE)]
    shown = page("upload").upload(
        "upload.files", dicom_bytes(phantoms.ct_series(), [phantoms.rtstruct(rois, name="$x$")])
    )
    assert shown.has("upload.confirm")
    assert all(bad not in text for text in shown.interpreted() for bad in HOSTILE)
