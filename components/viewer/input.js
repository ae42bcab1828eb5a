// input.js - mouse, wheel and keys on a pane. Nothing here talks to Python but a release.

const WHEEL_NOTCH = 100, PAGE_PLANES = 10, MOST_ZOOM = 24, LEAST_ZOOM = 0.5;

function listen(viewer, pane) {
  const { canvas } = pane;
  let drag = null, wheel = 0;

  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    if (!viewer.scene) return;
    if (event.ctrlKey || event.metaKey) return zoomAt(viewer, pane, event.offsetX, event.offsetY, Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.002)));
    wheel += event.deltaMode === 1 ? (event.deltaY * WHEEL_NOTCH) / 3 : event.deltaY;
    const planes = Math.trunc(wheel / (WHEEL_NOTCH * 0.5)); // half a notch of a mouse turns a plane
    if (!planes) return;
    const whole = Math.abs(event.deltaY) >= WHEEL_NOTCH ? Math.sign(planes) * Math.max(1, Math.round(Math.abs(event.deltaY) / WHEEL_NOTCH)) : planes;
    wheel = 0;
    viewer.scroll(pane.axis, -whole);
    hoverAt(viewer, pane, event);
  }, { passive: false });

  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  canvas.addEventListener("dblclick", () => {
    if (viewer.editor.wants(pane)) return viewer.editor.closeArea();
    pane.resetView();
    viewer.requestDraw();
  });
  canvas.addEventListener("pointerleave", () => { viewer.hover = null; if (viewer.scene) showReadout(viewer); if (viewer.editor.on) viewer.requestMove(); });

  canvas.addEventListener("pointerdown", (event) => {
    if (!viewer.scene) return;
    canvas.focus({ preventScroll: true });
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    const kind = event.button === 2 || (event.button === 0 && event.shiftKey) ? "window"
      : event.button === 1 || event.altKey ? "pan" : viewer.picking ? "seed" : viewer.editor.wants(pane) ? "edit" : "cross";
    drag = { kind, x: event.offsetX, y: event.offsetY, width: viewer.width, level: viewer.level, pan: pane.pan.slice() };
    if (kind === "edit") viewer.editor.press(pane.pointAt(event.offsetX, event.offsetY, viewer.mm));
    if (kind === "cross") {
      viewer.goto(pane.pointAt(event.offsetX, event.offsetY, viewer.mm));
      viewer.editor.elsewhere(pane);
    }
  });

  canvas.addEventListener("pointermove", (event) => {
    if (!viewer.scene) return;
    if (drag?.kind === "edit") { // every place the pointer was at, not only the last of a frame
      for (const e of event.getCoalescedEvents?.() ?? [event]) viewer.editor.move(pane.pointAt(e.offsetX, e.offsetY, viewer.mm));
    } else if (drag) moveDrag(viewer, pane, drag, event);
    hoverAt(viewer, pane, event);
  });

  const release = (event) => {
    if (!drag) return;
    const { kind } = drag;
    drag = null;
    if (kind === "edit") viewer.editor.release();
    if (event.type === "pointercancel") return;
    if (kind === "seed") viewer.pick(pane.pointAt(event.offsetX, event.offsetY, viewer.mm));
    else if (kind === "cross") viewer.notify();
  };
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);
  canvas.addEventListener("keydown", (event) => pressKey(viewer, pane, event));
}

function hoverAt(viewer, pane, event) {
  viewer.hover = pane.pointAt(event.offsetX, event.offsetY, viewer.mm);
  if (viewer.editor.wants(pane)) viewer.requestMove(); // the brush follows
  else if (!viewer.frame) showReadout(viewer);
}

function moveDrag(viewer, pane, drag, event) {
  const dx = event.offsetX - drag.x, dy = event.offsetY - drag.y;
  if (drag.kind === "cross") viewer.goto(pane.pointAt(event.offsetX, event.offsetY, viewer.mm));
  else if (drag.kind === "window") {
    const speed = Math.max(viewer.scene.header.image.step, drag.width / 200);
    viewer.setWindow(drag.width + dx * speed, drag.level + dy * speed);
  }
  else if (drag.kind === "pan") {
    const mm = pane.ratio / pane.project().s;
    pane.pan = [drag.pan[0] - dx * mm, drag.pan[1] - (pane.flip ? -dy : dy) * mm];
    viewer.requestDraw();
  }
}

// Zoom so that the point under the pointer stays where it is.
function zoomAt(viewer, pane, x, y, factor) {
  const before = pane.pointAt(x, y, viewer.mm);
  pane.zoom = clamp(pane.zoom * factor, LEAST_ZOOM, MOST_ZOOM);
  const after = pane.pointAt(x, y, viewer.mm);
  pane.pan = [pane.pan[0] + before[pane.ua] - after[pane.ua], pane.pan[1] + before[pane.va] - after[pane.va]];
  viewer.requestDraw();
}

function pressKey(viewer, pane, event) {
  if (!viewer.scene) return;
  if (viewer.editor.key(event)) { event.preventDefault(); event.stopPropagation(); return; }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const n = viewer.scene.image.grid.count(pane.axis), middle = [pane.canvas.clientWidth / 2, pane.canvas.clientHeight / 2];
  const presets = viewer.scene.header.presets;
  const act = {
    ArrowUp: () => viewer.scroll(pane.axis, 1), ArrowRight: () => viewer.scroll(pane.axis, 1),
    ArrowDown: () => viewer.scroll(pane.axis, -1), ArrowLeft: () => viewer.scroll(pane.axis, -1),
    PageUp: () => viewer.scroll(pane.axis, PAGE_PLANES), PageDown: () => viewer.scroll(pane.axis, -PAGE_PLANES),
    Home: () => viewer.scroll(pane.axis, -n), End: () => viewer.scroll(pane.axis, n),
    "+": () => zoomAt(viewer, pane, ...middle, 1.25), "=": () => zoomAt(viewer, pane, ...middle, 1.25),
    "-": () => zoomAt(viewer, pane, ...middle, 0.8), 0: () => { pane.resetView(); viewer.requestDraw(); },
    Escape: () => viewer.setPicking(false),
    Enter: () => { if (viewer.picking) viewer.pick(viewer.mm); else viewer.notify(); },
  }[event.key] ?? (presets[Number(event.key) - 1] && (() => viewer.setWindow(presets[Number(event.key) - 1].width, presets[Number(event.key) - 1].level)));
  if (!act) return;
  event.preventDefault();
  event.stopPropagation(); // Streamlit has shortcuts of its own
  act();
}
