// touch.js - two fingers on a pane: pinch zooms, moving together pans. One finger is a pointer (input.js).

function listenTouch(viewer, pane) {
  const { canvas, holder } = pane, fingers = new Map();
  let cancelling = false, last = null; // last: middle and distance of the two fingers, CSS pixels of the canvas

  const measure = () => {
    const [a, b] = [...fingers.values()];
    return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, apart: Math.max(Math.hypot(a.x - b.x, a.y - b.y), 1) };
  };
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    fingers.set(event.pointerId, { x: event.clientX - box.left, y: event.clientY - box.top });
  };
  const isOurs = (event) => event.pointerType === "touch" && event.target === canvas && !!viewer.scene;

  holder.addEventListener("pointerdown", (event) => {
    if (!isOurs(event)) return;
    place(event);
    if (fingers.size !== 2) return;
    event.stopPropagation();
    const [first] = fingers.keys(); // what the first finger had begun ends without effect
    cancelling = true;
    canvas.dispatchEvent(new PointerEvent("pointercancel", { pointerId: first, pointerType: "touch" }));
    cancelling = false;
    last = measure();
  }, true);

  holder.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    place(event);
    if (!last || fingers.size !== 2) return;
    event.stopPropagation();
    const now = measure(), before = pane.pointAt(last.x, last.y, viewer.mm);
    zoomAt(viewer, pane, now.x, now.y, now.apart / last.apart);
    const after = pane.pointAt(now.x, now.y, viewer.mm);
    pane.pan = [pane.pan[0] + before[pane.ua] - after[pane.ua], pane.pan[1] + before[pane.va] - after[pane.va]];
    last = now;
  }, true);

  const lift = (event) => {
    if (cancelling || !fingers.delete(event.pointerId)) return;
    if (last) event.stopPropagation(); // no release of a crosshair after a pinch
    if (!fingers.size) last = null;
  };
  holder.addEventListener("pointerup", lift, true);
  holder.addEventListener("pointercancel", lift, true);
}
