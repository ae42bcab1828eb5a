"""Takes the README's pictures from the demonstration case, in a fresh archive and server."""

from __future__ import annotations

import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

from playwright.sync_api import Page, sync_playwright

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "images"
CHROMIUM = "/usr/bin/chromium"
PAGES = ("contours", "dose", "response", "pneumonitis", "what_if", "board")
SIZE = {"width": 1400, "height": 980}


def main() -> None:
    """Start a server, open the demonstration case, visit each page."""
    TARGET.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        server = subprocess.Popen(
            [
                *(sys.executable, "-m", "streamlit", "run", "app.py"),
                *("--server.port", str(port), "--server.address", "127.0.0.1"),
            ],
            cwd=ROOT,
            env=os.environ | {"ABSCOPE_HOME": home},
            stdout=subprocess.DEVNULL,
        )
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(address)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
                )
                page = browser.new_page(viewport=SIZE, color_scheme="light")
                page.goto(address)
                page.get_by_text("Open the demonstration case").first.click()
                page.locator("[data-ready='1']").first.wait_for(timeout=120_000)
                for name in PAGES:
                    _take(page, name)
                browser.close()
        finally:
            server.terminate()
            server.wait()


def _wait_for(address: str) -> None:
    for _ in range(120):
        try:
            urllib.request.urlopen(address + "/_stcore/health", timeout=1)
        except OSError:
            time.sleep(0.5)
        else:
            return
    raise SystemExit("The server did not start.")


def _take(page: Page, name: str) -> None:
    link = page.locator(f"[data-testid='stSidebarNav'] a[href$='/{name}']")
    link.first.wait_for(timeout=60_000)
    link.first.click()
    page.wait_for_timeout(1500)
    page.wait_for_function(
        "() => !document.querySelector('[data-testid=\"stSpinner\"]') && "
        "!document.querySelector('[data-testid=\"stSkeleton\"]')",
        timeout=90_000,
    )
    page.wait_for_timeout(3000)
    page.screenshot(path=str(TARGET / f"{name}.png"))
    print(TARGET / f"{name}.png")


if __name__ == "__main__":
    main()
