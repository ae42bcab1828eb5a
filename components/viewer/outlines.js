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

  // Where the plane x = c or y = c meets each slab: [z low, z high, sorted ends of what is inside].
  cuts(axis, c) {
    if (!this.bounds) this.measure();
    const edges = this.scene.slabEdges, found = [];
    for (let s = this.first_slab; s < this.first_slab + this.slabs; s++) {
      const ends = this.crossings(s, axis, c);
      if (ends.length > 1) found.push([edges[2 * s], edges[2 * s + 1], ends]);
    }
    return found;
  }

  // Outline of the section with the plane x = c or y = c: flat polylines [u, z, u, z, ...] around the
  // union of its slabs. Slabs that touch share no line where both are inside.
  section(axis, c) {
    const kept = this.cache[axis].get(c);
    if (kept) return kept;
    const made = [];
    let stack = [];
    for (const cut of this.cuts(axis, c)) {
      if (stack.length && stack[stack.length - 1][1] !== cut[0]) { outlineStack(stack, made); stack = []; }
      stack.push(cut);
    }
    outlineStack(stack, made);
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

// Outline touching slabs, the usual one part that goes on from slab to slab at once.
function outlineStack(stack, lines) {
  const isOnePart = stack.every(([, , ends], i) => {
    if (ends.length !== 2) return false;
    const below = i ? stack[i - 1][2] : ends;
    return Math.max(ends[0], below[0]) < Math.min(ends[1], below[1]);
  });
  if (!isOnePart) { lines.push(...chain(edgesOf(stack))); return; }
  const line = [];
  for (const [low, high, ends] of stack) line.push(ends[1], low, ends[1], high);
  for (let i = stack.length - 1; i >= 0; i--) { const [low, high, ends] = stack[i]; line.push(ends[0], high, ends[0], low); }
  line.push(line[0], line[1]);
  if (stack.length) lines.push(line);
}

// Segments [u0, z0, u1, z1] around touching slabs of any number of parts.
function edgesOf(stack) {
  const segments = [];
  let below = [], top = 0;
  for (const [low, high, ends] of stack) {
    for (const u of ends) segments.push([u, low, u, high]);
    horizontal(segments, below.concat(ends), low);
    below = ends;
    top = high;
  }
  horizontal(segments, below.slice(), top);
  return segments;
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
