"""What the browser tests share: Chromium."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

CHROMIUM = pathlib.Path("/usr/bin/chromium")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Chromium, for one file of tests."""
    yield from chromium_browser()


def chromium_browser() -> Iterator[Browser]:
    """Yield Chromium without a window; absent, the tests are skipped, on a CI machine they fail."""
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
