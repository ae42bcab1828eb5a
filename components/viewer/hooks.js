// hooks.js - what tests and benchmarks read and call, as root.__abscope.

function hooksOf(viewer) {
  return {
    valueAt: (x, y, z) => viewer.valueAt(x, y, z),
    goto: (x, y, z) => viewer.goto([x, y, z]),
    redraw: () => { viewer.look++; viewer.draw(); return viewer.drawTimes.at(-1); },
    drawTimes: viewer.drawTimes,
    state: () => ({
      index: viewer.index.slice(), mm: viewer.mm, width: viewer.width, level: viewer.level, mode: viewer.mode,
      drawCount: viewer.drawCount, painted: viewer.panes.map((p) => p.painted), complete: viewer.scene.complete, seed: viewer.seed, picking: viewer.picking,
      visible: viewer.structures.map((s) => s.visible), dose: { ...viewer.dose }, sceneId: viewer.scene.id,
      panes: viewer.panes.map((p) => ({ zoom: p.zoom, pan: p.pan.slice() })),
      levels: viewer.scene.doses.dose_a ? viewer.isodoseLevels() : [], fill: viewer.fill, lines: viewer.lines, solo: viewer.solo,
      sides: viewer.sides.slice(), styles: viewer.structures.map((s) => ({ color: s.hex, line: s.line, fill: s.fill })),
    }),
    // Where a patient position lies on a pane's canvas, in CSS pixels.
    pixelOf: (name, x, y, z) => {
      const pane = viewer.panes.find((p) => p.id === name), p = pane.project(), mm = [x, y, z];
      return [p.toX(mm[pane.ua]) / pane.ratio, p.toY(mm[pane.va]) / pane.ratio];
    },
    // The outlines of one structure on the plane now shown: polygons or lines, in millimetres.
    contourAt: (structure, name) => {
      const s = viewer.structures[structure], axis = viewer.panes.find((p) => p.id === name).axis;
      if (axis !== 2) return sectionAt(s, axis, viewer.mm[axis]);
      return s.polygonsAt(viewer.mm[2]).map(([a, b]) => Array.from(viewer.scene.points.subarray(2 * a, 2 * b)));
    },
    // The path by which that outline is drawn on the axial plane: [x, y] in canvas pixels, a list a polygon.
    pathOf: (structure) => {
      const paths = [], pane = viewer.panes[0], to = (x, y) => paths.at(-1).push([x, y]);
      const ctx = { moveTo: (x, y) => { paths.push([]); to(x, y); }, lineTo: to, closePath: () => {} };
      traceAxial(ctx, viewer.structures[structure], viewer.mm[2], pane.project());
      return paths;
    },
    isodoseAt: (gy, name) => {
      const { field } = viewer.panes.find((p) => p.id === name), segments = [];
      for (const line of field ? isolines(field, [gy])[0] : []) {
        for (let i = 0; i + 3 < line.length; i += 2) segments.push(line.slice(i, i + 4));
      }
      return segments;
    },
  };
}

// Rectangles [from, to, z low, z high] that make up a section, and its outline.
function sectionAt(structure, axis, mm) {
  const rects = structure.cuts(axis, mm).flatMap(([low, high, ends]) =>
    Array.from({ length: ends.length / 2 }, (_, i) => [ends[2 * i], ends[2 * i + 1], low, high]));
  return { rects, lines: structure.section(axis, mm) };
}
