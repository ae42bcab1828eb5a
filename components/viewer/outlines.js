// outlines.js - structures on the three planes, computed from their polygons, never from masks.

class Structure {
  constructor(scene, entry, index) {
    Object.assign(this, entry);
    this.index = index;
    this.scene = scene;
    this.key = `${entry.group}\n${entry.number}\n${entry.name}`;
    this.visible = entry.slabs > 0;
    this.kin = entry.standard || entry.name; // what the same organ in other sets is known by
    this.style = {}; // what a person chose
    this.cache = [new Map(), new Map()];
    this.bounds = null; // per polygon: x low, x high, y low, y high
  }

  get hex() { return this.style.color ?? `#${this.color.map((v) => v.toString(16).padStart(2, "0")).join("")}`; }
  get css() { return this.hex; }
  get line() { return this.style.line ?? (this.dashed ? "dashed" : "solid"); }
  get fill() { return this.style.fill ?? null; } // null as all others

  slabAt(z) { // the slab that covers z, half-open; -1 when none does
    const edges = this.scene.slabEdges;
    let low = this.first_slab, high = this.first_slab + this.slabs - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      if (z < edges[2 * middle]) high = middle - 1;
      else if (z >= edges[2 * middle + 1]) low = middle + 1;
      else return middle;
    }
    return -1;
  }

  // Polygons on the image plane at z: [[first, last) into points].
  polygonsAt(z) {
    const slab = this.slabAt(z), { slabStarts, polygonStarts } = this.scene, found = [];
    if (slab < 0) return found;
    for (let p = slabStarts[slab]; p < slabStarts[slab + 1]; p++) found.push([polygonStarts[p], polygonStarts[p + 1]]);
    return found;
  }

  measure() {
    const { slabStarts, polygonStarts, points } = this.scene;
    const first = slabStarts[this.first_slab], last = slabStarts[this.first_slab + this.slabs];
    this.firstPolygon = first;
    this.bounds = new Float32Array(4 * (last - first));
    for (let p = first; p < last; p++) {
      let xl = Infinity, xh = -Infinity, yl = Infinity, yh = -Infinity;
      for (let i = polygonStarts[p]; i < polygonStarts[p + 1]; i++) {
        const x = points[2 * i], y = points[2 * i + 1];
        if (x < xl) xl = x;
        if (x > xh) xh = x;
        if (y < yl) yl = y;
        if (y > yh) yh = y;
      }
      this.bounds.set([xl, xh, yl, yh], 4 * (p - first));
    }
  }

  // Where the line x = c (axis 0) or y = c (axis 1) runs inside one slab: sorted even-odd crossings.
  crossings(slab, axis, c) {
    const { slabStarts, polygonStarts, points } = this.scene, found = [];
    const other = 1 - axis;
    for (let p = slabStarts[slab]; p < slabStarts[slab + 1]; p++) {
      const b = 4 * (p - this.firstPolygon) + 2 * axis;
      if (c < this.bounds[b] || c > this.bounds[b + 1]) continue;
      const first = polygonStarts[p], last = polygonStarts[p + 1];
      let j = last - 1, aj = points[2 * j + axis];
      for (let i = first; i < last; j = i++) {
        const ai = points[2 * i + axis];
        if ((ai <= c) !== (aj <= c)) {
          const bi = points[2 * i + other], bj = points[2 * j + other];
          found.push(bi + ((c - ai) / (aj - ai)) * (bj - bi));
        }
        aj = ai;
      }
    }
    return found.sort((a, b) => a - b);
  }

  // Section with the plane x = c or y = c: rectangles [from, to, z low, z high], and outline segments
  // [u0, z0, u1, z1] of their union. Slabs that touch share no line where both are inside.
  section(axis, c) {
    const kept = this.cache[axis].get(c);
    if (kept) return kept;
    if (!this.bounds) this.measure();
    const edges = this.scene.slabEdges, rects = [], segments = [];
    let below = [], top = NaN;
    for (let s = this.first_slab; s < this.first_slab + this.slabs; s++) {
      const low = edges[2 * s], high = edges[2 * s + 1], here = this.crossings(s, axis, c);
      for (let i = 0; i + 1 < here.length; i += 2) {
        rects.push([here[i], here[i + 1], low, high]);
        segments.push([here[i], low, here[i], high], [here[i + 1], low, here[i + 1], high]);
      }
      if (low === top) horizontal(segments, below.concat(here), low);
      else { horizontal(segments, below, top); horizontal(segments, here.slice(), low); }
      below = here;
      top = high;
    }
    horizontal(segments, below, top);
    const made = { rects, lines: chain(segments) };
    if (this.cache[axis].size > 40) this.cache[axis].clear();
    this.cache[axis].set(c, made);
    return made;
  }

  centre() { // middle of the middle slab's largest extent, for "go to"
    if (!this.slabs) return null;
    if (!this.bounds) this.measure();
    const { slabStarts, slabEdges } = this.scene, s = this.first_slab + (this.slabs >> 1);
    const b = 4 * (slabStarts[s] - this.firstPolygon), m = this.bounds;
    return [(m[b] + m[b + 1]) / 2, (m[b + 2] + m[b + 3]) / 2, (slabEdges[2 * s] + slabEdges[2 * s + 1]) / 2];
  }
}

// Horizontal edges at z: where exactly one of the two interval lists (ends mixed in one array) is inside.
function horizontal(segments, ends, z) {
  ends.sort((a, b) => a - b);
  for (let i = 0; i + 1 < ends.length; i += 2) if (ends[i] < ends[i + 1]) segments.push([ends[i], z, ends[i + 1], z]);
}

// Join segments that share an end into polylines, so that dashes run on around corners.
function chain(segments) {
  const n = segments.length, ends = new Map(), next = new Int32Array(2 * n).fill(-1); // lists of segment ends
  const at = (u, z) => Math.round((u + 4096) * 8192) * 67108864 + Math.round((z + 4096) * 8192);
  const keys = new Float64Array(2 * n);
  for (let i = 0; i < n; i++) {
    const s = segments[i];
    for (let end = 0; end < 2; end++) {
      const e = 2 * i + end, key = (keys[e] = at(s[2 * end], s[2 * end + 1])), first = ends.get(key);
      if (first !== undefined) next[e] = first;
      ends.set(key, e);
    }
  }
  const used = new Uint8Array(n), lines = [];
  for (let i = 0; i < n; i++) {
    if (used[i]) continue;
    used[i] = 1;
    const line = segments[i].slice();
    for (let tail = 2 * i + 1; ;) {
      let e = ends.get(keys[tail]);
      while (e !== -1 && used[e >> 1]) e = next[e];
      if (e === -1) break;
      used[e >> 1] = 1;
      tail = e ^ 1;
      const s = segments[e >> 1], far = 2 * (tail & 1);
      line.push(s[far], s[far + 1]);
    }
    lines.push(line);
  }
  return lines;
}

// Trace structures of one pane into the current path; `toX`, `toY` are mm to device pixels.
function traceAxial(ctx, structure, z, toX, toY) {
  const points = structure.scene.points;
  let any = false;
  for (const [first, last] of structure.polygonsAt(z)) {
    any = true;
    ctx.moveTo(toX(points[2 * first]), toY(points[2 * first + 1]));
    for (let i = first + 1; i < last; i++) ctx.lineTo(toX(points[2 * i]), toY(points[2 * i + 1]));
    ctx.closePath();
  }
  return any;
}

function traceSection(ctx, section, toX, toY) {
  for (const line of section.lines) {
    ctx.moveTo(toX(line[0]), toY(line[1]));
    const n = line.length, closed = line[0] === line[n - 2] && line[1] === line[n - 1];
    for (let i = 2; i < (closed ? n - 2 : n); i += 2) ctx.lineTo(toX(line[i]), toY(line[i + 1]));
    if (closed) ctx.closePath();
  }
}
