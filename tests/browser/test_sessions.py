"""A session in a browser whose line breaks."""

from __future__ import annotations

import dataclasses
import time

import pytest
from playwright.sync_api import expect

from tests import phantoms
from tests.browser.line import Line
from tests.browser.served import PATIENCE, Visitor, serving

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.long]
#: Seconds without a line; Streamlit keeps the state of a lost session for 120.
CUT_S = 30


def test_s14_a_line_cut_for_half_a_minute_loses_nothing(chromium, tmp_path):
    """The line between browser and server breaks for 30 s in the middle of an import. The same
    session goes on: the files read, the problem accepted and the reason typed are still there.
    """
    slices = [ds for n, ds in enumerate(phantoms.ct_series()) if n not in (3, 4)]
    folder = phantoms.write_folder(tmp_path / "scan", slices)
    with serving(tmp_path / "home") as server:
        line = Line(server.address)
        visitor = Visitor(chromium, dataclasses.replace(server, address=line.address))
        visitor.open()
        visitor.nav("upload")
        picker = visitor.page.locator('[data-testid="stFileUploader"] input[type="file"]')
        picker.set_input_files(sorted(folder.iterdir()))
        visitor.sees("equal distances between slices")
        visitor.page.locator('[class*="st-key-upload-accept"] label').first.click()
        why = visitor.page.locator('[class*="-why-"] input')
        why.fill("The gap lies above the lungs.")
        why.press("Enter")
        confirm = visitor.key("upload.confirm").locator("button").last
        expect(confirm).to_be_enabled(timeout=PATIENCE)

        line.cut()
        time.sleep(CUT_S)
        line.mend()

        expect(why).to_have_value("The gap lies above the lungs.")
        visitor.press("upload.confirm")
        visitor.viewer()
        assert visitor.case_id()
        assert visitor.errors == []
        visitor.close()
        line.close()
