"""The whole way of one case through a fresh server, as a person goes it, in Chromium.

The real case is LUNG1-001 with its two computed plans; the demonstration case goes a shorter way.
"""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import re
import subprocess
import sys
import time

import numpy as np
import pptx
import pytest
from playwright.sync_api import expect

from abscope.core.case import Patient
from abscope.core.resample import sample_at
from abscope.core.settings import Settings
from abscope.workflows.context import Actor, open_context
from abscope.workflows.importing import check_reading, read_paths, save
from tests import phantoms
from tests.browser.served import PATIENCE, ROOT, Visitor, real_case, serving

pytestmark = [pytest.mark.browser, pytest.mark.slow]
RESEARCH = "Research use only. Not for clinical decisions."
NAMES = (
    "<img src=x onerror=globalThis.pwned=1>",
    "[x](javascript:alert(1))",
    "![](http://evil.example/)",
    ":red[x] $x$",
)


def archive_of(home):
    return open_context(Settings(home=home, database_url=f"sqlite:///{home / 'abscope.sqlite'}"))


def command(home, *words):
    """Run the command line on the server's archive, as another person might."""
    subprocess.run(
        [sys.executable, "-m", "abscope", *words], cwd=ROOT, check=True, capture_output=True,
        env={**os.environ, "ABSCOPE_HOME": str(home)},
    )  # fmt: skip


def values_at(viewer, points):
    return viewer.evaluate(
        "(root, points) => points.map((p) => root.__abscope.valueAt(...p))", points.tolist()
    )


def hover(visitor, viewer, mm):
    """Put the pointer on a patient position and return what the viewer says there."""
    viewer.evaluate("(root, p) => root.__abscope.goto(...p)", list(mm))
    viewer.scroll_into_view_if_needed()
    pane = visitor.page.locator('[data-pane="axial"] canvas').first
    x, y = viewer.evaluate("(root, p) => root.__abscope.pixelOf('axial', ...p)", list(mm))
    box = pane.bounding_box()
    visitor.page.mouse.move(box["x"] + x, box["y"] + y)
    return visitor.page.locator("[data-readout]").first.text_content()


def estimate(visitor):
    """Return the estimated probability in per cent, as the page shows it."""
    metric = visitor.page.get_by_test_id("stMetric").filter(has_text="Estimated probability")
    text = metric.first.get_by_test_id("stMetricValue").inner_text()
    return float(text.replace("%", ""))


def download(visitor, folder, form):
    with visitor.page.expect_download(timeout=PATIENCE) as waiting:
        visitor.press(f"board.get.{form}")
    waiting.value.save_as(folder / f"board.{form}")


def slides_of(visitor, folder):
    """Download the slides from the board and check what they carry."""
    download(visitor, folder, "pptx")
    slides = pptx.Presentation(folder / "board.pptx").slides
    assert len(slides) == 5
    for slide in slides:
        text = "\n".join(s.text_frame.text for s in slide.shapes if s.has_text_frame)
        assert RESEARCH in text
    return slides


def check_pages(visitor, folder):
    """Download the pages from the board: as many as there are slides."""
    download(visitor, folder, "pdf")
    data = (folder / "board.pdf").read_bytes()
    assert data.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type\s*/Page\b", data)) == 5


def test_demo_journey(chromium, tmp_path):
    with serving(tmp_path / "home") as server:
        visitor = Visitor(chromium, server)
        visitor.open()
        visitor.sees("Welcome")
        visitor.press("worklist.demo")
        visitor.page.wait_for_url(re.compile("/contours"))
        visitor.viewer()
        visitor.sees("Synthetic")
        assert visitor.case_id() == "demonstration"

        visitor.page.reload()  # a refresh on a case page keeps the case
        visitor.viewer()
        visitor.sees("Synthetic")

        visitor.nav("dose")
        viewer = visitor.viewer()
        context = archive_of(server.home)
        try:
            case = context.cases.get("demonstration")
            image = context.cases.volume(case.planning_series())
            dose = context.cases.volume(case.doses[0])
        finally:
            context.archive.close()
        points = image.grid.to_mm(np.array(image.grid.shape_zyx) * [[0.5], [0.4], [0.6]])
        read = values_at(viewer, points)
        assert [r["hu"] for r in read] == pytest.approx(sample_at(image, points), abs=0.51)
        assert [r["gy"] for r in read] == pytest.approx(sample_at(dose, points), abs=0.01)

        visitor.nav("labs")
        visitor.nav("response")
        assert 0 < estimate(visitor) < 100
        visitor.nav("pneumonitis")
        assert 0 < estimate(visitor) < 100
        visitor.sees(RESEARCH)

        visitor.nav("what_if")
        visitor.press("what_if.save")
        visitor.sees("Saved scenarios")

        visitor.nav("board")
        first = slides_of(visitor, tmp_path)[0]
        assert "SYNTHETIC" in "".join(s.text_frame.text for s in first.shapes if s.has_text_frame)
        visitor.nav("admin")
        visitor.nav("worklist")
        visitor.page.get_by_test_id("stDataFrame").first.wait_for()
        visitor.check()
        visitor.close()


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A server with a case whose names do harm and, newer, one with a CT alone."""
    folder = tmp_path_factory.mktemp("filled")
    rois = [dataclasses.replace(phantoms.sphere_roi(n + 1), name=t) for n, t in enumerate(NAMES)]
    ct = phantoms.write_folder(folder / "ct", phantoms.ct_series())
    plan = phantoms.write_folder(
        folder / "plan", [phantoms.rtstruct(rois)], [phantoms.rtplan()], [phantoms.rtdose()]
    )
    patient = Patient(id=NAMES[1], name=NAMES[0], birth_date="", sex="")
    context = archive_of(folder / "home")
    draft = check_reading(read_paths([ct, plan]), frozenset())
    bad = dataclasses.replace(draft, patient=patient)
    save(context, Actor(name="tester"), bad, case_id="bad")
    time.sleep(1.1)  # the worklist tells cases apart by the second
    draft = check_reading(read_paths([ct]), frozenset())
    save(context, Actor(name="tester"), draft, case_id="ct-only")
    context.archive.close()
    with serving(folder / "home") as server:
        yield server


def test_the_button_of_a_worklist_row_opens_its_case(chromium, filled):
    visitor = Visitor(chromium, filled)
    visitor.open()
    frame = visitor.page.get_by_test_id("stDataFrame").first
    frame.wait_for()
    box = frame.bounding_box()
    visitor.page.mouse.click(box["x"] + 45, box["y"] + 52)
    visitor.page.wait_for_url(re.compile("/contours"), timeout=PATIENCE)
    visitor.viewer()
    assert visitor.case_id() == "ct-only"
    visitor.check()
    visitor.close()


def test_hostile_names_stay_text(chromium, filled):
    """Names of patients and structures are shown as they are: no tag, link, picture, request."""
    visitor = Visitor(chromium, filled)
    visitor.open("dose?case=bad")
    for name in NAMES:
        visitor.sees(name)
    visitor.viewer()
    visitor.page.locator(".js-plotly-plot .legendtext").first.wait_for()
    for path in ("dose", "contours", "board", "worklist"):
        if path != "dose":
            visitor.nav(path)
        assert visitor.main.locator('img[src="x"], img[src*="evil"]').count() == 0
        assert visitor.main.locator('a[href^="javascript"]').count() == 0
        assert visitor.main.locator(".katex").count() == 0
        assert visitor.page.evaluate("globalThis.pwned") is None
    visitor.check()
    visitor.close()


# ----------------------------------------------------------------------------------- the real case
@pytest.mark.data
def test_real_case_journey(chromium, tmp_path):
    files = [
        real_case(f)
        for f in ("ct.zip", "rtstruct-clinical.zip", "plan-a.zip", "plan-b.zip", "labs.csv",
                  "clinical.json", "dvh-reference.csv")
    ]  # fmt: skip
    with serving(tmp_path / "home") as server:
        visitor = Visitor(chromium, server)
        visitor.open()
        upload(visitor, files[:4])
        case_id = visitor.case_id()
        context = archive_of(server.home)
        try:
            case = context.cases.get(case_id)
            image = context.cases.volume(case.planning_series())
            plan_a = next(d for d in case.doses if case.plan_of(d).label.startswith("A_"))
            dose = context.cases.volume(plan_a)
        finally:
            context.archive.close()
        look_at_contours(visitor, image)
        run_automatic_contours(visitor)
        look_at_dose(visitor, image, dose, files[6])
        enter_labs_and_facts(visitor, server.home, case_id, files[4], files[5])
        look_at_estimates(visitor, server.home, case_id)
        try_another_dose(visitor)
        visitor.nav("board")
        visitor.page.reload()  # a refresh keeps the case
        visitor.settle()
        assert visitor.case_id() == case_id
        visitor.sees("LUNG1-001")
        slides_of(visitor, tmp_path)
        check_pages(visitor, tmp_path)
        visitor.check()
        visitor.close()


def upload(visitor, files):
    visitor.nav("upload")
    visitor.page.locator('[data-testid="stFileUploader"] input[type="file"]').set_input_files(files)
    visitor.sees("Validation report")
    visitor.sees("LUNG1-001")
    expect(visitor.key("upload.confirm")).to_be_visible(timeout=PATIENCE)
    text = visitor.main.inner_text()
    assert "LUNG1-001" in text
    context = archive_of(visitor.server.home)
    try:
        assert context.cases.summaries() == (), "nothing is saved before it is confirmed"
    finally:
        context.archive.close()
    visitor.press("upload.confirm")
    visitor.page.wait_for_url(re.compile("/contours"), timeout=PATIENCE)


def look_at_contours(visitor, image):
    viewer = visitor.viewer()
    rng = np.random.default_rng(5)
    inside = rng.uniform(0.25, 0.75, (40, 3)) * (np.array(image.grid.shape_zyx) - 1)
    points = image.grid.to_mm(inside)
    read = [r["hu"] for r in values_at(viewer, points)]
    np.testing.assert_allclose(read, sample_at(image, points), atol=0.51)
    assert np.ptp(read) > 500, "lung and bone: a thorax"
    centre = image.grid.to_mm(np.array([[67, 256, 180]]))[0]
    text = hover(visitor, viewer, centre)
    x, y, z = (float(v.replace("−", "-")) for v in re.findall(r"[xyz] ([−\d.]+)", text)[:3])
    shown = float(re.search(r"([−-]?\d+) HU", text)[1].replace("−", "-"))
    around = sample_at(
        image, np.array([[x + dx, y + dy, z] for dx in (-1, 0, 1) for dy in (-1, 0, 1)])
    )
    assert around.min() - 1 <= shown <= around.max() + 1
    painted = visitor.page.locator('[data-pane="axial"] canvas').first.evaluate(
        "(c) => new Set(c.getContext('2d').getImageData(0, 0, c.width, c.height).data).size"
    )
    assert painted > 50, "a picture, not a blank"


def run_automatic_contours(visitor):
    """Draw one lung; tests/reference looks at what the engine makes of all structures."""
    wanted = visitor.page.locator('[class*="st-key-contours-wanted"]').first
    wanted.get_by_label("Clear all").click()
    wanted.locator("input").fill("Lung_L")
    wanted.locator("input").press("Enter")
    visitor.page.keyboard.press("Tab")
    chosen = wanted.locator(".react-aria-ComboBox [data-tag]")
    expect(chosen).to_have_text(["Lung_L"], timeout=PATIENCE)
    visitor.settle()
    visitor.press("contours.run")
    visitor.page.get_by_test_id("stProgress").first.wait_for(timeout=PATIENCE)
    done = visitor.main.get_by_text(re.compile(r"1 structure in \d+ s"))
    done.first.wait_for(timeout=5 * PATIENCE)
    visitor.sees("Lung_L")


def look_at_dose(visitor, image, dose, reference):
    visitor.nav("dose")
    viewer = visitor.viewer()
    hottest = np.unravel_index(int(np.argmax(dose.array_zyx)), dose.array_zyx.shape)
    points = dose.grid.to_mm(np.array([hottest, np.array(hottest) + 0.37, np.array(hottest) - 5.2]))
    read = values_at(viewer, points)
    np.testing.assert_allclose([r["gy"] for r in read], sample_at(dose, points), atol=0.02)
    np.testing.assert_allclose([r["hu"] for r in read], sample_at(image, points), atol=0.51)
    visitor.page.locator(".st-key-dose-dvh .js-plotly-plot .scatterlayer .trace").first.wait_for()
    with reference.open(newline="") as file:
        rows = {r["structure"]: r for r in csv.DictReader(file) if r["plan"] == "plan-a"}
    table = visitor.page.locator('[data-testid="stDataFrame"] canvas table').first
    table.wait_for(state="attached")
    cells = table.evaluate("(t) => [...t.rows].map((r) => [...r.cells].map((c) => c.textContent))")
    header = cells[0]
    mean = next(i for i, name in enumerate(header) if name.startswith("mean"))
    name = header.index("Structure")
    found = {row[name]: float(row[mean]) for row in cells[1:]}
    for structure in ("PTV", "GTV-1"):
        assert found[structure] == pytest.approx(float(rows[structure]["mean_gy"]), rel=0.01)
    click_the_dvh(visitor)


def click_the_dvh(visitor):
    """A click on the curves draws the isodose of that dose in the viewer."""
    plot = visitor.page.locator(".st-key-dose-dvh .js-plotly-plot .nsewdrag").first
    box = plot.bounding_box()
    for share in (0.45, 0.5):  # the readout comes with the second move
        plot.hover(position={"x": share * box["width"], "y": 0.5 * box["height"]})
        visitor.page.wait_for_timeout(150)
    plot.click(position={"x": 0.5 * box["width"], "y": 0.5 * box["height"]})
    visitor.page.locator(".abv").get_by_text("from the DVH").first.wait_for()
    gray = float(visitor.key("dose.isodose").locator("input").first.input_value())
    assert 25 < gray < 45, "half-way along an axis to about 68 Gy"


def enter_labs_and_facts(visitor, home, case_id, labs, facts):
    visitor.nav("labs")
    add = visitor.key("labs.view").get_by_text("Add results")
    if add.count():
        add.first.click()
    visitor.page.locator('[data-testid="stFileUploader"] input[type="file"]').set_input_files(labs)
    visitor.press("labs.save")
    visitor.settle()
    command(home, "set", case_id, "--file", str(facts))
    context = archive_of(home)
    try:
        case = context.cases.get(case_id)
        assert len(case.labs) > 20
        assert case.facts.number("age_years") == json.loads(facts.read_text())["age_years"]
    finally:
        context.archive.close()


def look_at_estimates(visitor, home, case_id):
    """The figures that shared/data/README.md gives for this case; on screen without decimals."""
    visitor.nav("response")
    assert estimate(visitor) == pytest.approx(29.2, abs=0.5)
    visitor.page.locator(".st-key-response-waterfall-loris-nsclc .js-plotly-plot").first.wait_for()
    visitor.sees(RESEARCH)
    visitor.nav("pneumonitis")
    assert estimate(visitor) == pytest.approx(11.6, abs=0.5)
    visitor.sees("Appelt")
    visitor.sees(RESEARCH)
    context = archive_of(home)
    try:
        stored = {
            d.content["model"]: d.content for d in context.documents.of_case(case_id, "prediction")
        }
    finally:
        context.archive.close()
    assert stored["loris-nsclc"]["probability"] == pytest.approx(0.292, abs=5e-4)
    assert stored["loris-nsclc"]["domain"] != "in"
    assert stored["rp-appelt"]["probability"] == pytest.approx(0.116, abs=5e-4)
    # 5.5 % is what a mean lung dose of 8.08 Gy gives: 0.0546
    assert stored["rp-quantec"]["probability"] == pytest.approx(0.0546, abs=5e-4)


def try_another_dose(visitor):
    visitor.nav("what_if")
    before = drawn(visitor)
    slider = visitor.page.locator('[class*="st-key-what_if-total"] input[type="range"]').first
    slider.focus()
    for _ in range(8):  # half a gray each
        visitor.page.keyboard.press("ArrowLeft")
    visitor.sees("56 Gy in 30")
    visitor.settle()
    after = drawn(visitor)
    assert len(after) == len(before)
    assert after != before, "the scenario's estimates have moved"
    visitor.press("what_if.save")
    visitor.sees("Saved scenarios")


def drawn(visitor):
    """Return the numbers of the what-if figure: per trace the estimates along x."""
    figure = visitor.page.locator(".st-key-what_if-figure .js-plotly-plot")
    expect(figure).to_have_count(1, timeout=PATIENCE)  # while it reruns the old one stays as well
    return figure.evaluate("(plot) => plot.data.map((trace) => Array.from(trace.x ?? []))")
