"""One browser, one server and one page for all files of tests of the viewer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from benchmarks.viewer import serve
from components.viewer.scene import pack
from tests.browser.conftest import chromium_browser
from tests.browser.viewer_page import Shown
from tests.browser.viewer_scenes import all_scenes


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Chromium without a window."""
    yield from chromium_browser()


@pytest.fixture(scope="package")
def viewer_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of the viewer's test page with all scenes; its address."""
    folder = tmp_path_factory.mktemp("blobs")
    for name, scene in all_scenes().items():
        (folder / f"{name}.bin").write_bytes(pack(scene))
    server, address = serve(folder / "main.bin")
    yield address
    server.terminate()
    server.wait()


@pytest.fixture(scope="package")
def shown(chromium: Browser, viewer_address: str) -> Iterator[Shown]:
    """The page of all tests."""
    page = chromium.new_page(viewport={"width": 1400, "height": 1000})
    shown = Shown(page, viewer_address)
    yield shown
    page.close()


@pytest.fixture(scope="module")
def viewer(shown: Shown) -> Iterator[Shown]:
    """The main scene, at the start of each file of tests."""
    shown.choose("main")
    shown.page.get_by_role("button", name="Reset view").click()
    shown.page.get_by_role("button", name="Mediastinum").click()
    yield shown
    assert shown.errors == []
