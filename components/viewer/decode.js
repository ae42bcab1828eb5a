// decode.js - bytes to volumes and outlines, and the parts that follow the head.
// The format is described in blob.py. All positions are LPS millimetres.
"use strict";

const MAGIC = "ABSCOPE1";
const EDGE_MM = 1e-3; // as EDGE_TOLERANCE_MM in abscope/core/geometry.py
const ARRAY_TYPES = {
  int16: Int16Array, uint16: Uint16Array, int32: Int32Array, float32: Float32Array, float64: Float64Array,
};

// Parts are delivered by small components of their own (part.js): this is where both sides meet.
function partsHub() {
  if (!globalThis.__abscopeParts) globalThis.__abscopeParts = { parts: new Map(), listeners: new Set() };
  return globalThis.__abscopeParts;
}

class Grid3 {
  constructor(info, z) {
    Object.assign(this, info);
    this.z = z;
  }

  positions(axis) { // voxel centres in mm
    if (axis === 2) return this.z;
    const n = axis === 0 ? this.nx : this.ny, at = axis === 0 ? this.x0 : this.y0;
    const step = axis === 0 ? this.dx : this.dy;
    return Float64Array.from({ length: n }, (_, i) => at + i * step);
  }

  count(axis) { return axis === 0 ? this.nx : axis === 1 ? this.ny : this.nz; }

  // Fractional position along one axis: [index below, weight of the next], null outside.
  locate(axis, mm) {
    if (axis === 2) return locateIn(this.z, mm);
    const n = this.count(axis), step = axis === 0 ? this.dx : this.dy;
    const local = mm - (axis === 0 ? this.x0 : this.y0), last = (n - 1) * step;
    if (!(local >= -EDGE_MM && local <= last + EDGE_MM)) return null;
    const f = Math.min(Math.max(local, 0), last) / step;
    const i = Math.min(Math.floor(f), Math.max(n - 2, 0));
    return [i, f - i];
  }

  nearest(axis, mm) {
    if (axis !== 2) {
      const step = axis === 0 ? this.dx : this.dy;
      return clamp(Math.round((mm - (axis === 0 ? this.x0 : this.y0)) / step), 0, this.count(axis) - 1);
    }
    let best = 0;
    for (let k = 1; k < this.nz; k++) if (Math.abs(this.z[k] - mm) < Math.abs(this.z[best] - mm)) best = k;
    return best;
  }

  leastGap(axis) { // between neighboring voxel centres, mm
    if (axis !== 2) return axis === 0 ? this.dx : this.dy;
    let gap = Infinity;
    for (let k = 1; k < this.nz; k++) gap = Math.min(gap, this.z[k] - this.z[k - 1]);
    return gap;
  }

  // Outer edges of the voxels along one axis, [low, high] in mm.
  edges(axis) {
    const p = this.positions(axis), n = p.length;
    if (axis !== 2) { const h = (axis === 0 ? this.dx : this.dy) / 2; return [p[0] - h, p[n - 1] + h]; }
    const first = n > 1 ? p[1] - p[0] : this.gap, last = n > 1 ? p[n - 1] - p[n - 2] : this.gap;
    return [p[0] - first / 2, p[n - 1] + last / 2];
  }
}

function clamp(value, low, high) { return value < low ? low : value > high ? high : value; }

function locateIn(positions, mm) {
  const n = positions.length;
  if (!(mm >= positions[0] - EDGE_MM && mm <= positions[n - 1] + EDGE_MM)) return null;
  if (n === 1) return [0, 0];
  let low = 0, high = n - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (positions[middle] <= mm) low = middle; else high = middle;
  }
  return [low, clamp((mm - positions[low]) / (positions[low + 1] - positions[low]), 0, 1)];
}

class Volume3 {
  constructor(info, z, data) {
    this.grid = new Grid3(info, z);
    this.data = data;
    this.slope = info.slope ?? 1;
    this.intercept = info.intercept ?? 0;
    this.missing = info.missing;
  }

  // Trilinear, null outside the hull of the voxel centres: the same rule as sample_at in Python.
  valueAt(x, y, z) {
    const g = this.grid, fx = g.locate(0, x), fy = g.locate(1, y), fz = g.locate(2, z);
    if (!fx || !fy || !fz) return null;
    const { nx, ny, nz } = g, d = this.data;
    const sx = fx[0] + 1 < nx ? 1 : 0, sy = fy[0] + 1 < ny ? nx : 0, sz = fz[0] + 1 < nz ? nx * ny : 0;
    const o = (fz[0] * ny + fy[0]) * nx + fx[0];
    let total = 0;
    for (let corner = 0; corner < 8; corner++) {
      const a = corner & 1, b = (corner >> 1) & 1, c = corner >> 2;
      const weight = (a ? fx[1] : 1 - fx[1]) * (b ? fy[1] : 1 - fy[1]) * (c ? fz[1] : 1 - fz[1]);
      if (weight === 0) continue;
      const stored = d[o + a * sx + b * sy + c * sz];
      if (stored === this.missing) return null;
      total += weight * stored;
    }
    return total * this.slope + this.intercept;
  }
}

class SceneData {
  constructor(bytes) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (new TextDecoder().decode(bytes.subarray(0, 8)) !== MAGIC) throw new Error("not a viewer blob");
    const headerLength = view.getUint32(8, true);
    this.height = view.getUint32(12, true) || 640;
    this.header = JSON.parse(new TextDecoder().decode(bytes.subarray(16, 16 + headerLength)));
    this.id = this.header.id;
    this.start = 16 + headerLength;
    this.total = this.start + this.header.body_bytes;
    this.buffer = new ArrayBuffer(this.total);
    this.bytes = new Uint8Array(this.buffer);
    this.bytes.set(bytes);
    this.missingBytes = this.total - bytes.byteLength;
    this.version = 0; // grows whenever there is more to be seen
    this.applied = new Set();
    const h = this.header;
    this.image = new Volume3(h.image, this.array("ct_z"), this.array("ct"));
    this.doses = {};
    this.doseMissing = {};
    for (const name of Object.keys(h.doses)) {
      this.doses[name] = new Volume3(h.doses[name], this.array(name + "_z"), this.array(name));
      this.doseMissing[name] = this.lateBytes(name, bytes.byteLength);
    }
    this.points = this.array("points_xy");
    this.polygonStarts = this.array("polygon_starts");
    this.slabStarts = this.array("slab_starts");
    this.slabEdges = this.array("slab_edges");
    this.imageMissing = this.lateBytes("ct", bytes.byteLength);
    this.overviewMissing = h.overview_step ? this.lateBytes("ct_overview", bytes.byteLength) : Infinity;
    const [z, y, x] = h.focus_zyx;
    this.first = [[x, this.array("first_x")], [y, this.array("first_y")], [z, this.array("first_z")]]; // by axis
    this.image.data.set(this.first[2][1], z * h.image.nx * h.image.ny);
  }

  array(name) {
    const e = this.header.arrays[name];
    return new ARRAY_TYPES[e.dtype](this.buffer, this.start + e.offset, e.length);
  }

  range(name) {
    const e = this.header.arrays[name], from = this.start + e.offset;
    return [from, from + e.length * ARRAY_TYPES[e.dtype].BYTES_PER_ELEMENT];
  }

  lateBytes(name, received) { const [a, b] = this.range(name); return Math.max(0, b - Math.max(a, received)); }

  get complete() { return this.missingBytes === 0; }

  get milestone() { return `${this.imageReady}/${this.overviewMissing === 0}/${Object.values(this.doseMissing).map((n) => n === 0)}`; }

  get imageReady() { return this.imageMissing === 0; }

  // Image voxels of a plane: in the whole image, or in the plane that came with the head; null before either.
  planeOf(axis, index) {
    const { nx, ny } = this.image.grid, [first, plane] = this.first[axis], whole = this.imageReady || this.overviewMissing === 0;
    if (!this.imageReady && index === first) return { data: plane, start: 0, step: 1, row: axis === 1 ? nx : axis === 0 ? ny : nx };
    if (!whole) return null;
    if (axis === 2) return { data: this.image.data, start: index * nx * ny, step: 1, row: nx };
    return { data: this.image.data, start: axis === 1 ? index * nx : index, step: axis === 1 ? 1 : nx, row: nx * ny };
  }

  // As the engine reads it; until the image is there only where the first plane says it exactly, else null.
  imageAt(x, y, z) {
    const { grid } = this.image;
    return this.imageReady || Math.abs(z - grid.z[this.first[2][0]]) < 1e-9 ? this.image.valueAt(x, y, z) : null;
  }

  doseReady(name) { return !!this.doses[name] && this.doseMissing[name] === 0; }

  fillFromOverview(step) {
    const { nx, ny, nz } = this.image.grid, ct = this.image.data, small = this.array("ct_overview");
    const sx = Math.ceil(nx / step), sy = Math.ceil(ny / step);
    for (let z = 0; z < nz; z++) {
      for (let y = 0; y < ny; y += step) {
        const from = (z * sy + y / step) * sx, to = (z * ny + y) * nx;
        for (let x = 0, i = from; x < nx; i++) {
          const value = small[i], end = Math.min(x + step, nx);
          for (; x < end; x++) ct[to + x] = value;
        }
        const rows = Math.min(step, ny - y);
        for (let r = 1; r < rows; r++) ct.copyWithin(to + r * nx, to, to + nx);
      }
    }
    const [z, plane] = this.first[2];
    ct.set(plane, z * nx * ny);
  }

  // Take the voxels of an earlier scene with the same image: they need not travel again.
  takeImage(earlier) {
    this.image.data.set(earlier.image.data);
    if (this.missingBytes) {
      this.kept = this.start + this.header.overview_byte; // from here on nothing is awaited
      this.missingBytes -= this.total - this.kept;
      this.imageMissing = 0;
    }
    this.version++;
  }

  // Copy one late part into place; false when it is not ours or already here.
  apply(part) {
    if (part.id !== this.id || this.applied.has(part.offset)) return false;
    if (this.kept && part.offset >= this.kept) return false;
    this.applied.add(part.offset);
    this.bytes.set(part.bytes, part.offset);
    const end = part.offset + part.bytes.length;
    this.missingBytes -= part.bytes.length;
    const arrived = (name) => { const [a, b] = this.range(name); return Math.max(0, Math.min(end, b) - Math.max(part.offset, a)); };
    for (const name of Object.keys(this.doses)) this.doseMissing[name] -= arrived(name);
    const untouched = this.imageMissing;
    this.imageMissing -= arrived("ct");
    if (this.header.overview_step) this.takeOverview(arrived("ct_overview"), untouched);
    const { milestone } = this;
    if (milestone !== this.reachedBefore) { this.reachedBefore = milestone; this.version++; }
    return true;
  }

  // The whole overview fills the image, where no voxels came before it.
  takeOverview(bytes, imageMissing) {
    if (!bytes) return;
    this.overviewMissing -= bytes;
    const [from, to] = this.range("ct");
    if (this.overviewMissing === 0 && imageMissing === to - from) this.fillFromOverview(this.header.overview_step);
  }
}
