// hooks.js - what tests and benchmarks read and call, as root.__abscope.

function hooksOf(viewer) {
  return {
    valueAt: (x, y, z) => viewer.valueAt(x, y, z),
    goto: (x, y, z) => viewer.goto([x, y, z]),
    redraw: () => { viewer.draw(); return viewer.drawTimes.at(-1); },
    drawTimes: viewer.drawTimes,
    state: () => ({
      index: viewer.index.slice(), mm: viewer.mm, width: viewer.width, level: viewer.level, mode: viewer.mode,
      drawCount: viewer.drawCount, complete: viewer.scene.complete, seed: viewer.seed, picking: viewer.picking,
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
      if (axis !== 2) return s.section(axis, viewer.mm[axis]);
      return s.polygonsAt(viewer.mm[2]).map(([a, b]) => Array.from(viewer.scene.points.subarray(2 * a, 2 * b)));
    },
    isodoseAt: (gy, name) => {
      const pane = viewer.panes.find((p) => p.id === name), lines = [];
      if (pane.field) isolines(pane.field, [gy], (_, ...line) => lines.push(line));
      return lines;
    },
  };
}
