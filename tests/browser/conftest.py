"""What the browser tests share: Chromium, and the viewer on a page of its own."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from benchmarks.viewer import serve
from components.viewer.scene import pack
from tests.browser.viewer_page import Shown
from tests.browser.viewer_scenes import all_scenes

CHROMIUM = pathlib.Path("/usr/bin/chromium")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Chromium without a window; absent, the tests are skipped, on a CI machine they fail."""
    if not CHROMIUM.exists():
        if os.environ.get("CI"):
            pytest.fail(f"{CHROMIUM} is not installed on this CI machine.")
        pytest.skip(f"{CHROMIUM} is not installed.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def viewer_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of the viewer's test page with all scenes; its address."""
    folder = tmp_path_factory.mktemp("blobs")
    for name, scene in all_scenes().items():
        (folder / f"{name}.bin").write_bytes(pack(scene))
    server, address = serve(folder / "main.bin")
    yield address
    server.terminate()
    server.wait()


@pytest.fixture(scope="module")
def viewer(chromium: Browser, viewer_address: str) -> Iterator[Shown]:
    """The main scene on a page of its own for each file of tests."""
    page = chromium.new_page(viewport={"width": 1400, "height": 1000})
    shown = Shown(page, viewer_address)
    yield shown
    assert shown.errors == []
    page.close()
