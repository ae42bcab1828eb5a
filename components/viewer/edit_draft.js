// edit_draft.js - what a person has drawn and not saved: planes of one structure, with undo and redo.
// Drafts outlive the viewer's element, not the browser tab: leaving the page and coming back, or a
// refused save, loses nothing. Nothing is sent before "Save version".

const MOST_STEPS = 200, POINTS_PER_MM = 1000; // whole micrometers, as finely as RTSTRUCT is written

// Drafts of this browser tab by image and structure.
function draftsHub() {
  if (!globalThis.__abscopeDrafts) {
    globalThis.__abscopeDrafts = { drafts: new Map(), listeners: new Set(), answers: new Map(), left: null };
    addEventListener("beforeunload", (event) => {
      if (unsavedDrafts().length) { event.preventDefault(); event.returnValue = ""; }
    });
  }
  return globalThis.__abscopeDrafts;
}

function unsavedDrafts() { return [...draftsHub().drafts.values()].filter((draft) => draft.planes.size); }

class Draft {
  // `facts`: series, set (empty: a set of its own), number (null: new), name, version of the case.
  constructor(facts) {
    Object.assign(this, facts);
    this.planes = new Map(); // plane -> { polygons, own }; own: drawn by hand, not interpolated
    this.done = [];
    this.undone = [];
    this.sending = "";
  }

  // Change planes as one step; `after` null takes a plane's edit back.
  apply(changes) {
    const step = changes.map(([k, after]) => ({ k, before: this.planes.get(k) ?? null, after }));
    this.put(step, "after");
    this.done.push(step);
    if (this.done.length > MOST_STEPS) this.done.shift();
    this.undone.length = 0;
  }

  undo() { return this.turn(this.done, this.undone, "before"); }
  redo() { return this.turn(this.undone, this.done, "after"); }

  turn(from, to, side) {
    const step = from.pop();
    if (!step) return null;
    this.put(step, side);
    to.push(step);
    return step;
  }

  put(step, side) {
    for (const change of step) {
      if (change[side]) this.planes.set(change.k, change[side]); else this.planes.delete(change.k);
    }
  }

  // Planes to fill: [plane, outlines] between neighbours that were drawn by hand and are not empty.
  interpolated(z) {
    const own = [...this.planes].filter(([, p]) => p.own && p.polygons.length).sort((a, b) => a[0] - b[0]), found = [];
    for (let i = 0; i + 1 < own.length; i++) {
      const [[a, first], [b, second]] = [own[i], own[i + 1]];
      const inner = Array.from({ length: b - a - 1 }, (_, n) => a + 1 + n);
      const shapes = inner.length ? between(first.polygons, second.polygons, inner.map((k) => (z[k] - z[a]) / (z[b] - z[a]))) : [];
      inner.forEach((k, n) => found.push([k, { polygons: shapes[n], own: false }]));
    }
    return found;
  }

  // The one message to Python: typed arrays, little endian, as base64.
  message(z) {
    const planes = [...this.planes].sort((a, b) => a[0] - b[0]), contours = [0], points = [0], xy = [];
    for (const [, { polygons }] of planes) {
      for (const p of polygons) {
        for (const v of p) xy.push(Math.round(v * POINTS_PER_MM));
        points.push(xy.length / 2);
      }
      contours.push(points.length - 1);
    }
    return {
      id: this.sending, series: this.series, set: this.set, number: this.number, name: this.name, version: this.version,
      z: base64(Float64Array.from(planes, ([k]) => z[k])), contours: base64(Int32Array.from(contours)),
      points: base64(Int32Array.from(points)), xy: base64(Int32Array.from(xy)),
    };
  }
}

function base64(array) {
  const bytes = new Uint8Array(array.buffer), pieces = [];
  for (let i = 0; i < bytes.length; i += 8192) pieces.push(String.fromCharCode(...bytes.subarray(i, i + 8192)));
  return btoa(pieces.join(""));
}
