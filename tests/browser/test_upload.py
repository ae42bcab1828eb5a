"""The validation report in a browser: a problem is accepted with a reason, which is kept."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests import phantoms
from tests.browser.served import PATIENCE, Visitor, serving

pytestmark = [pytest.mark.browser, pytest.mark.slow]
CODE = "missing-slices"
REASON = "The gap lies above the lungs."


def test_a_gap_is_accepted_with_a_reason_that_the_case_keeps(chromium, tmp_path):
    slices = [ds for n, ds in enumerate(phantoms.ct_series()) if n not in (3, 4)]
    folder = phantoms.write_folder(tmp_path / "scan", slices, [phantoms.rtplan()])
    with serving(tmp_path / "home") as server:
        visitor = Visitor(chromium, server)
        visitor.open()
        visitor.nav("upload")
        picker = visitor.page.locator('[data-testid="stFileUploader"] input[type="file"]')
        picker.set_input_files(sorted(folder.iterdir()))
        visitor.sees("Study of")
        visitor.sees("equal distances between slices")
        expect(visitor.key("upload.confirm")).to_have_count(0)
        box = visitor.page.locator(f'[class*="st-key-upload-accept"][class*="{CODE}"] label')
        box.first.click()
        confirm = visitor.key("upload.confirm").locator("button").last
        expect(confirm).to_be_disabled(timeout=PATIENCE)
        why = visitor.page.locator('[class*="-why-"] input')
        why.fill(REASON)
        why.press("Enter")
        expect(confirm).to_be_enabled(timeout=PATIENCE)
        visitor.press("upload.confirm")
        visitor.viewer()
        visitor.main.get_by_text("Import report").click()
        expect(visitor.page.get_by_text(REASON).first).to_be_visible(timeout=PATIENCE)
        visitor.check()
        assert REASON not in server.log_text()
        visitor.close()
