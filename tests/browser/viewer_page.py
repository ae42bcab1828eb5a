"""A page with the viewer, and short words for what the tests do with it."""

from __future__ import annotations

import re

import numpy as np


class Shown:
    """A page with the viewer, and short words for what the tests do with it."""

    def __init__(self, page, url):
        self.page, self.errors, self.sent, self.received = page, [], [], []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("websocket", self._watch)
        page.goto(url)
        page.wait_for_selector(".abv[data-ready][data-full]", timeout=20_000)
        self.root = page.locator(".abv")

    @classmethod
    def opened(cls, browser, address, name):
        """Return a page of its own with another scene."""
        page = browser.new_page(viewport={"width": 1000, "height": 800})
        return cls(page, f"{address}/?blob={name}.bin")

    def choose(self, name):
        """Show another scene in the viewer that is open."""
        before, field = self.state()["sceneId"], self.page.get_by_label("Scene")
        if (field.input_value() or "main") == name:
            return
        field.fill(name)
        field.press("Enter")
        self.root.evaluate(
            """(root, before) => new Promise((done, fail) => {
            const started = performance.now(), look = () => {
                const { sceneId, complete } = root.__abscope.state();
                if (sceneId !== before && complete) done();
                else if (performance.now() - started > 20000) fail(new Error('no new scene'));
                else setTimeout(look, 20); };
            look(); })""",
            before,
        )

    def _watch(self, socket):
        socket.on("framesent", lambda frame: self.sent.append(frame))
        socket.on("framereceived", lambda frame: self.received.append(frame))

    def api(self, call):
        return self.root.evaluate(f"(root) => root.__abscope.{call}")

    def state(self):
        return self.api("state()")

    def pane(self, name):
        return self.page.locator(f'[data-pane="{name}"] canvas')

    def at(self, name, mm):
        """Return where a patient position lies on the page."""
        box = self.pane(name).bounding_box()
        x, y = self.api(f"pixelOf('{name}', {mm[0]}, {mm[1]}, {mm[2]})")
        return box["x"] + x, box["y"] + y

    def color(self, name, mm, reach=0):
        """Return the pixel at a patient position; of several the most coloured one."""
        return self.root.evaluate(
            """(root, [name, mm, reach]) => {
            root.__abscope.redraw();
            const c = root.querySelector(`[data-pane="${name}"] canvas`);
            const [x, y] = root.__abscope.pixelOf(name, ...mm).map((v) => v * devicePixelRatio);
            const n = 2 * reach + 1, left = Math.round(x) - reach, top = Math.round(y) - reach;
            const d = c.getContext('2d').getImageData(left, top, n, n).data;
            let best = [0, 0, 0], most = -1;
            for (let i = 0; i < d.length; i += 4) {
                const p = [d[i], d[i + 1], d[i + 2]], s = Math.max(...p) - Math.min(...p);
                if (s > most) { most = s; best = p; }
            }
            return best; }""",
            [name, list(mm), reach],
        )

    def readout(self):
        return self.page.locator("[data-readout]").text_content()

    def cursor_mm(self):
        found = re.findall(r"[xyz] ([−\d.]+)", self.readout())
        return tuple(float(value.replace("−", "-")) for value in found)


def grey(color):
    return max(color) - min(color) <= 6


def read_at(shown, points, what):
    read = shown.root.evaluate(
        "(root, points) => points.map((p) => root.__abscope.valueAt(...p))", points.tolist()
    )
    return np.array([np.nan if r[what] is None else r[what] for r in read])
