"""The marked case (see `marked`) through the pages: state, caches, addresses, logs (D24, item 8).

Allowed place: the screen of the open case, the values of its widgets included. Everything else that
the pages make is searched: keys of caches and widgets, remembered choices, addresses that the
browser asks for, and the server's log.
"""

from __future__ import annotations

import functools
import inspect
import logging
import re
from typing import Any

import pytest
from playwright.sync_api import expect

from components import cached
from tests.browser.conftest import chromium as chromium  # the fixture
from tests.browser.served import PATIENCE, Visitor, serving
from tests.faults import marked
from tests.faults.marked import mark, marks_in
from tests.pages.conftest import empty_home as empty_home  # the fixture
from tests.pages.shown import Shown

pytestmark = pytest.mark.slow
#: Choices that outlive a page; the values of widgets belong to the screen of the open case.
REMEMBERED = re.compile(r"'(?:choice|case|app)\.[^']*': [^,}]*")
ZIP_NAME = f"{marked.ARCHIVE}.zip"


@pytest.fixture(name="packed")
def _packed(tmp_path) -> bytes:
    return marked.zipped(marked.write(tmp_path / "in"))


def _noting(function: Any, keys: list[str]) -> Any:
    """Return a cached function that notes what its cache is keyed by."""
    names = list(inspect.signature(function.__wrapped__).parameters)

    @functools.wraps(function.__wrapped__)
    def noted(*args: Any, **kwargs: Any) -> Any:
        given = dict(zip(names, args, strict=False)) | kwargs
        keys.extend(repr(v) for k, v in given.items() if not k.startswith("_"))
        return function(*args, **kwargs)

    return noted


def test_d24_pages_key_caches_and_state_by_ids(packed, empty_home, monkeypatch, caplog):
    """A marked archive is uploaded in the app, saved, and every page of its case is opened.

    The keys of caches and widgets, remembered choices, the address and the log hold no mark; the
    screen of the open case does.
    """
    keys: list[str] = []
    for name, function in vars(cached).copy().items():
        if hasattr(function, "__wrapped__") and hasattr(function, "clear"):
            monkeypatch.setattr(cached, name, _noting(function, keys))
    with caplog.at_level(logging.DEBUG):
        shown = Shown.open("upload")
        shown.upload("upload.files", (ZIP_NAME, packed, "application/zip"))
        widgets = shown.keys()
        shown.press("upload.confirm")
        for page in ("contours", "dose", "labs", "response", "pneumonitis", "what_if", "board"):
            shown.go(page)
            widgets += [*shown.keys(), *REMEMBERED.findall(repr(shown.at.session_state))]
        assert marked.PATIENT.id in shown.words()
        shown.choose("board.hidden", True)
    assert len(keys) > 15
    for text in (*keys, *widgets, repr(shown.at.query_params)):
        assert not marks_in(text), text
    assert not marks_in(caplog.text)


@pytest.mark.browser
def test_d24_a_server_tells_no_address_and_no_log_a_mark(chromium, packed, tmp_path):
    """A browser uploads the marked archive to a real server and walks through its pages.

    A damaged archive is uploaded as well. No address that the browser asks for and no line of the
    server's log holds a mark, nor do the downloads: slides with hidden names, archive without
    identity.
    """
    with serving(tmp_path / "home") as server:
        visitor = Visitor(chromium, server)
        asked: list[str] = []
        visitor.page.on("request", lambda request: asked.append(request.url))
        visitor.page.on("websocket", lambda socket: asked.append(socket.url))
        visitor.open("upload")
        chooser = visitor.page.locator("input[type=file]").first
        broken = {"name": f"{mark(63)}.zip", "mimeType": "application/zip", "buffer": packed[:-60]}
        chooser.set_input_files([broken])
        visitor.sees("archive")
        visitor.open("upload")
        whole = {"name": ZIP_NAME, "mimeType": "application/zip", "buffer": packed}
        visitor.page.locator("input[type=file]").first.set_input_files([whole])
        visitor.key("upload.confirm").locator("button").first.wait_for()
        visitor.press("upload.confirm")
        visitor.case_id()
        visitor.settle()
        for page in ("dose", "board"):
            visitor.nav(page)
        visitor.key("board.hidden").locator("label").first.click()
        # The buttons of the pages with names are gone before the others are composed.
        expect(visitor.key("board.get.pptx")).to_have_count(0)
        expect(visitor.key("board.get.pptx")).to_have_count(1, timeout=PATIENCE)
        visitor.settle()
        with visitor.page.expect_download() as download:
            visitor.press("board.get.pptx")
        slides = download.value.path().read_bytes()
        visitor.key("without.open").locator("label").first.click()
        visitor.sees("What remains a risk")
        visitor.sees("Names that are replaced")
        with visitor.page.expect_download() as archive:
            visitor.press("without.get")
        packed_again = archive.value.path().read_bytes()
        assert len(asked) > 20
        assert [url for url in asked if marks_in(url)] == []
        assert not marks_in(server.log_text())
        assert not marks_in(slides)
        assert len(packed_again) > 50_000
        assert not marks_in(packed_again)
        assert not marks_in(archive.value.suggested_filename)
        assert not marks_in(download.value.suggested_filename)
        visitor.check()
        visitor.close()
