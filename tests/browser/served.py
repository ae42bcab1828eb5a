"""A server of its own for a test: own port, own archive, own log; and words for using its pages."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

ROOT = pathlib.Path(__file__).resolve().parents[2]
#: Milliseconds; generous, as the machine may be busy with other work.
PATIENCE = 90_000
#: Nothing moves: without a graphics card each frame of a spinner costs the tests a core's time.
STILL = """addEventListener("DOMContentLoaded", () => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(
        "*, *::before, *::after { animation: none !important; transition: none !important }"
    );
    document.adoptedStyleSheets.push(sheet);
});"""
_LOCAL = frozenset({"127.0.0.1", "localhost", ""})
#: What a server must not take over from the tester's own environment.
_OURS = ("ABSCOPE_", "STREAMLIT_")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Server:
    """A running server: where it answers, where its archive and its log lie."""

    address: str
    home: pathlib.Path
    log: pathlib.Path

    def log_text(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")


@contextlib.contextmanager
def serving(
    home: pathlib.Path, *, env: Mapping[str, str] | None = None, options: Sequence[str] = ()
) -> Iterator[Server]:
    """Run app.py on a free loopback port until the block ends."""
    home.mkdir(parents=True, exist_ok=True)
    log = home.parent / f"{home.name}.log"
    process, address = _start(home, log, env or {}, options)
    try:
        yield Server(address=address, home=home, log=log)
    finally:
        _stop(process)


def _start(
    home: pathlib.Path, log: pathlib.Path, env: Mapping[str, str], options: Sequence[str]
) -> tuple[subprocess.Popen[bytes], str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(_OURS)}
    for _ in range(3):  # another process may take the port between our look and the server's
        port = _free_port()
        with log.open("wb") as out:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py")),
                    *("--server.port", str(port), "--server.address", "127.0.0.1"),
                    *("--server.headless", "true", *options),
                ],
                cwd=ROOT,
                env={**clean, "ABSCOPE_HOME": str(home), **env},
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        address = f"http://127.0.0.1:{port}"
        if _answers(process, address):
            return process, address
        _stop(process)
    raise AssertionError(f"The server did not start:\n{log.read_text(errors='replace')[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(process: subprocess.Popen[bytes], address: str) -> bool:
    for _ in range(480):
        if process.poll() is not None:
            return False
        try:
            with urllib.request.urlopen(address + "/_stcore/health", timeout=5):
                return True
        except OSError:
            time.sleep(0.25)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the server and the worker processes that it started (a session of their own)."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


class Visitor:
    """One browser page on a server; it keeps what went wrong and every host that was asked."""

    def __init__(self, browser: Browser, server: Server) -> None:
        self.context = browser.new_context(
            viewport={"width": 1400, "height": 1000},
            accept_downloads=True,
            reduced_motion="reduce",
        )
        self.context.add_init_script(STILL)
        self.server = server
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.errors: list[str] = []
        self.hosts: set[str] = set()
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self._asked(request.url))
        self.page.on("websocket", lambda socket: self._asked(socket.url))

    def _asked(self, url: str) -> None:
        if not url.startswith(("data:", "blob:", "about:")):
            self.hosts.add(re.sub(r"^\w+://", "", url).split("/")[0].split(":")[0])

    def open(self, path: str = "") -> None:
        self.page.goto(f"{self.server.address}/{path}")
        self.settle()

    def settle(self) -> None:
        """Wait until the script has run and nothing is being prepared."""
        self.page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for(
            state="attached"
        )
        expect(self.page.locator('[data-testid="stSpinner"]')).to_have_count(0, timeout=PATIENCE)
        expect(self.page.locator('[data-testid="stSkeleton"]')).to_have_count(0, timeout=PATIENCE)

    def nav(self, name: str) -> None:
        """Follow the menu to a page and wait for its heading."""
        links = self.page.locator('[data-testid="stSidebarNav"] a')
        if name == "worklist":  # the default page has no name in its address
            links.first.click()
            self.page.wait_for_url(re.compile(r":\d+/(\?.*)?$"))
        else:
            links.and_(self.page.locator(f'[href*="/{name}"]')).first.click()
            self.page.wait_for_url(re.compile(rf"/{name}(\?|$)"))
        self.settle()

    def key(self, key: str) -> Locator:
        """Return the element with a widget key."""
        return self.page.locator(".st-key-" + re.sub(r"[^a-zA-Z0-9_-]", "-", key))

    def press(self, key: str) -> None:
        self.key(key).locator("button").first.click()

    @property
    def main(self) -> Locator:
        return self.page.locator('[data-testid="stMain"]')

    def sees(self, text: str | re.Pattern[str]) -> None:
        expect(self.main).to_contain_text(text, timeout=PATIENCE)

    def table(self, key: str) -> list[list[str]]:
        """Return the rows of a data frame as its accessible table gives them, header first."""
        table = self.key(key).locator("canvas table")
        table.first.wait_for(state="attached")
        return table.first.evaluate(
            "(t) => [...t.rows].map((r) => [...r.cells].map((c) => c.textContent))"
        )

    def viewer(self) -> Locator:
        """Return the root of the viewer once all voxels have arrived."""
        root = self.page.locator(".abv[data-ready][data-full]")
        root.first.wait_for(state="attached", timeout=PATIENCE)
        return root.first

    def case_id(self) -> str:
        pattern = re.compile(r"[?&]case=([\w-]+)")
        self.page.wait_for_url(pattern)
        found = pattern.search(self.page.url)
        assert found, self.page.url
        return found[1]

    def check(self) -> None:
        """No script error in the browser, no traceback on the server, no request elsewhere."""
        assert self.errors == []
        assert self.hosts <= _LOCAL
        assert "Traceback" not in self.server.log_text(), self.server.log_text()[-4000:]

    def close(self) -> None:
        self.context.close()


def real_case(name: str) -> pathlib.Path:
    """Return a file of the real case, or skip."""
    folder = pathlib.Path(os.environ.get("ABSCOPE_TEST_DATA") or ROOT.parent / "shared" / "data")
    path = folder / "lung1-001" / name
    if not path.is_file():
        pytest.skip("lung1-001 is not here: set ABSCOPE_TEST_DATA")
    return path
