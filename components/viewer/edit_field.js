// edit_field.js - outlines of one plane as a field of signed distances, which brush and polygon change.
// The border runs where the field is zero, between the nodes: no pixel steps, and a stroke that is
// repeated changes nothing. Polygons are flat arrays [x0, y0, x1, y1, ...] in LPS millimetres.

const BAND_STEPS = 3, LEAST_STEP_MM = 0.25, MOST_STEP_MM = 0.75, MOST_NODES = 1400;
const ROUNDING_MM = 1e-3;
const THIN_MM = 0.01; // how far a point left out may lie off the outline
const SPECK_MM2 = 0.2; // smaller outlines are no islands or holes

// Field over a box [x low, x high, y low, y high]; nothing is ever outside of it.
class OutlineField {
  constructor(box, nx, ny) {
    Object.assign(this, { box, nx, ny, sx: (box[1] - box[0]) / nx, sy: (box[3] - box[2]) / ny });
    this.far = BAND_STEPS * Math.max(this.sx, this.sy);
    this.values = new Float32Array(nx * ny).fill(-this.far);
    this.used = [nx, -1, ny, -1]; // columns and rows that may be inside
  }

  // The inside of polygons, on nodes half a pixel apart.
  static drawn(box, pixelMm, polygons) {
    const step = clamp(pixelMm / 2, LEAST_STEP_MM, MOST_STEP_MM);
    const nodes = (low, high) => clamp(Math.round((high - low) / step), 2, MOST_NODES);
    const field = new OutlineField(box, nodes(box[0], box[1]), nodes(box[2], box[3]));
    if (polygons.length) field.combine(polygons, true, false);
    return field;
  }

  // Distances that are known at every node.
  static of(box, nx, ny, values) {
    const field = new OutlineField(box, nx, ny);
    field.values = values;
    field.touch([0, nx - 1, 0, ny - 1]);
    return field;
  }

  x(i) { return this.box[0] + (i + 0.5) * this.sx; }
  y(j) { return this.box[2] + (j + 0.5) * this.sy; }

  // Columns and rows of nodes within [x low, x high, y low, y high] and `margin` around, clipped.
  window(xl, xh, yl, yh, margin) {
    const { box, sx, sy, nx, ny } = this;
    return [
      Math.max(0, Math.ceil((xl - margin - box[0]) / sx - 0.5)), Math.min(nx - 1, Math.floor((xh + margin - box[0]) / sx - 0.5)),
      Math.max(0, Math.ceil((yl - margin - box[2]) / sy - 0.5)), Math.min(ny - 1, Math.floor((yh + margin - box[2]) / sy - 0.5)),
    ];
  }

  touch([i0, i1, j0, j1]) {
    const u = this.used;
    this.used = [Math.min(u[0], i0), Math.max(u[1], i1), Math.min(u[2], j0), Math.max(u[3], j1)];
  }

  // A round brush drawn from (ax, ay) to (bx, by): adds what it covers, or takes it away. Tells whether
  // anything changed.
  stroke(ax, ay, bx, by, radius, adds) {
    const { far, nx, values } = this;
    const span = this.window(Math.min(ax, bx), Math.max(ax, bx), Math.min(ay, by), Math.max(ay, by), radius + far);
    let changed = false;
    if (adds) this.touch(span);
    for (let j = span[2]; j <= span[3]; j++) {
      for (let i = span[0], o = j * nx + i; i <= span[1]; i++, o++) {
        const d = clamp(radius - toSide(this.x(i), this.y(j), ax, ay, bx, by), -far, far);
        if (adds ? d > values[o] + ROUNDING_MM && d > -this.sx : -d < values[o] - ROUNDING_MM && d > -this.sx) changed = true;
        if (adds) { if (d > values[o]) values[o] = d; } else if (-d < values[o]) values[o] = -d;
      }
    }
    return changed;
  }

  // Add the inside of polygons, or take it away. `winding` fills the loops of a free-hand line.
  combine(polygons, adds, winding) {
    const { far, nx, values } = this, shape = this.distances(polygons, winding);
    if (!shape) return;
    const { span, field } = shape, width = span[1] - span[0] + 1;
    if (adds) this.touch(span);
    for (let j = span[2]; j <= span[3]; j++) {
      for (let i = span[0], o = j * nx + i, f = (j - span[2]) * width; i <= span[1]; i++, o++, f++) {
        const d = clamp(field[f], -far, far);
        if (adds) { if (d > values[o]) values[o] = d; } else if (-d < values[o]) values[o] = -d;
      }
    }
  }

  // Signed distances to polygons near their border, on the nodes around them.
  distances(polygons, winding) {
    const edge = bounds(polygons);
    if (!edge) return null;
    const { far } = this, span = this.window(...edge, far), [i0, i1, j0, j1] = span;
    if (i1 < i0 || j1 < j0) return null;
    const width = i1 - i0 + 1, field = new Float32Array(width * (j1 - j0 + 1)).fill(far);
    for (const p of polygons) {
      for (let b = 0, a = p.length - 2; b < p.length; a = b, b += 2) {
        const [ax, ay, bx, by] = [p[a], p[a + 1], p[b], p[b + 1]];
        const near = this.window(Math.min(ax, bx), Math.max(ax, bx), Math.min(ay, by), Math.max(ay, by), far);
        for (let j = near[2]; j <= near[3]; j++) {
          for (let i = near[0], f = (j - j0) * width + i - i0; i <= near[1]; i++, f++) {
            const d = toSide(this.x(i), this.y(j), ax, ay, bx, by);
            if (d < field[f]) field[f] = d;
          }
        }
      }
    }
    const xs = Float64Array.from({ length: width }, (_, i) => this.x(i + i0));
    for (let j = j0; j <= j1; j++) signRow(field, (j - j0) * width, xs, crossings(polygons, this.y(j)), winding);
    return { span, field };
  }

  // Closed outlines: islands with a positive area (see areaOf), holes with a negative one.
  outlines() {
    const { nx, ny, values, used } = this, next = new Map();
    if (used[1] < used[0]) return [];
    const at = (i, j) => { // one node beyond the box mirrors the last: the border is then the box itself
      const ci = clamp(i, 0, nx - 1), cj = clamp(j, 0, ny - 1), v = values[cj * nx + ci];
      return ci === i && cj === j ? v : -Math.abs(v) || -1e-6;
    };
    const wide = nx + 2, id = (i, j, up) => 2 * ((j + 1) * wide + i + 1) + up;
    for (let j = used[2] - 1; j <= used[3]; j++) {
      for (let i = used[0] - 1; i <= used[1]; i++) {
        const a = at(i, j), b = at(i + 1, j), c = at(i + 1, j + 1), d = at(i, j + 1);
        const kind = (a > 0 ? 1 : 0) | (b > 0 ? 2 : 0) | (c > 0 ? 4 : 0) | (d > 0 ? 8 : 0);
        if (kind === 0 || kind === 15) continue;
        const top = id(i, j, 0), right = id(i + 1, j, 1), bottom = id(i, j + 1, 0), left = id(i, j, 1);
        for (const [from, to] of cellLines(kind, a + b + c + d > 0, top, right, bottom, left)) next.set(to, from);
      }
    }
    const place = (edge) => {
      const up = edge & 1, node = edge >> 1, i = (node % wide) - 1, j = Math.floor(node / wide) - 1;
      const a = at(i, j), b = up ? at(i, j + 1) : at(i + 1, j), t = a / (a - b);
      return up ? [this.x(i), this.y(j) + t * this.sy] : [this.x(i) + t * this.sx, this.y(j)];
    };
    return loopsOf(next, place).filter((p) => Math.abs(areaOf(p)) >= SPECK_MM2);
  }
}

// Directed border lines of a cell, its inside on one and the same side; corners clockwise from top left.
function cellLines(kind, middleInside, top, right, bottom, left) {
  switch (kind) {
    case 1: return [[left, top]];
    case 2: return [[top, right]];
    case 3: return [[left, right]];
    case 4: return [[right, bottom]];
    case 5: return middleInside ? [[left, bottom], [right, top]] : [[left, top], [right, bottom]];
    case 6: return [[top, bottom]];
    case 7: return [[left, bottom]];
    case 8: return [[bottom, left]];
    case 9: return [[bottom, top]];
    case 10: return middleInside ? [[top, left], [bottom, right]] : [[top, right], [bottom, left]];
    case 11: return [[bottom, right]];
    case 12: return [[right, left]];
    case 13: return [[right, top]];
    default: return [[top, left]];
  }
}

function loopsOf(next, place) {
  const loops = [];
  for (const [start] of next) {
    if (!next.has(start)) continue;
    const points = [];
    for (let e = start; next.has(e);) {
      const to = next.get(e);
      next.delete(e);
      points.push(...place(e));
      e = to;
    }
    if (points.length >= 6) loops.push(Float64Array.from(points));
  }
  return loops;
}

function toSide(x, y, ax, ay, bx, by) {
  const dx = bx - ax, dy = by - ay, square = dx * dx + dy * dy;
  const t = square === 0 ? 0 : clamp(((x - ax) * dx + (y - ay) * dy) / square, 0, 1);
  const u = x - ax - t * dx, v = y - ay - t * dy;
  return Math.sqrt(u * u + v * v);
}

// Where the line at y crosses polygons: [x, +1 down or -1 up], sorted.
function crossings(polygons, y) {
  const found = [];
  for (const p of polygons) {
    for (let b = 0, a = p.length - 2; b < p.length; a = b, b += 2) {
      const ya = p[a + 1], yb = p[b + 1];
      if ((ya <= y) !== (yb <= y)) found.push([p[a] + ((y - ya) / (yb - ya)) * (p[b] - p[a]), ya < yb ? 1 : -1]);
    }
  }
  return found.sort((s, t) => s[0] - t[0]);
}

// Turn distances of one row to signed ones: even-odd, or not zero by winding. None is ever zero.
function signRow(field, offset, xs, cuts, winding) {
  let c = 0, count = 0;
  for (let i = 0; i < xs.length; i++) {
    while (c < cuts.length && cuts[c][0] <= xs[i]) count += winding ? cuts[c++][1] : (c++, 1);
    const inside = winding ? count !== 0 : (count & 1) === 1, d = Math.max(field[offset + i], 1e-5);
    field[offset + i] = inside ? d : -d;
  }
}

function bounds(polygons) {
  let xl = Infinity, xh = -Infinity, yl = Infinity, yh = -Infinity;
  for (const p of polygons) {
    for (let i = 0; i < p.length; i += 2) {
      xl = Math.min(xl, p[i]); xh = Math.max(xh, p[i]);
      yl = Math.min(yl, p[i + 1]); yh = Math.max(yh, p[i + 1]);
    }
  }
  return xl <= xh ? [xl, xh, yl, yh] : null;
}

function areaOf(p) { // signed (shoelace), mm2
  let twice = 0;
  for (let b = 0, a = p.length - 2; b < p.length; a = b, b += 2) twice += p[a] * p[b + 1] - p[b] * p[a + 1];
  return twice / 2;
}

// The same closed outline without points that lie within `tolerance` of the rest (Douglas and Peucker 1973).
function thinned(p, tolerance = THIN_MM) {
  const n = p.length / 2;
  if (n <= 4) return p;
  let far = 0, most = -1;
  for (let i = 1; i < n; i++) {
    const d = (p[2 * i] - p[0]) ** 2 + (p[2 * i + 1] - p[1]) ** 2;
    if (d > most) { most = d; far = i; }
  }
  const keep = new Uint8Array(n), open = [[0, far], [far, n]];
  keep[0] = keep[far] = 1;
  while (open.length) {
    const [a, b] = open.pop(), e = b % n;
    let worst = tolerance, at = -1;
    for (let i = a + 1; i < b; i++) {
      const d = toSide(p[2 * i], p[2 * i + 1], p[2 * a], p[2 * a + 1], p[2 * e], p[2 * e + 1]);
      if (d > worst) { worst = d; at = i; }
    }
    if (at >= 0) { keep[at] = 1; open.push([a, at], [at, b]); }
  }
  const left = [];
  for (let i = 0; i < n; i++) if (keep[i]) left.push(p[2 * i], p[2 * i + 1]);
  return left.length >= 6 ? Float64Array.from(left) : p;
}
