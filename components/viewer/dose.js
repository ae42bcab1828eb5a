// dose.js - the dose on a plane: its own grid, trilinear in millimetres, wash and isodose lines.

const WASH = [ // low to high; the same order as the isodose colours
  [0, [40, 60, 200]], [0.2, [40, 130, 255]], [0.4, [30, 200, 190]], [0.55, [60, 210, 80]],
  [0.72, [250, 220, 60]], [0.87, [255, 140, 30]], [1, [235, 40, 50]],
];
const DIVERGING = [[0, [60, 110, 255]], [0.5, [245, 245, 245]], [1, [255, 70, 60]]];
const HEAT = [[0, [30, 10, 60]], [0.25, [110, 25, 110]], [0.5, [200, 60, 75]], [0.75, [250, 150, 40]], [1, [255, 245, 160]]];
const LIMIT = [[0, [20, 110, 90]], [0.495, [90, 220, 150]], [0.505, [255, 190, 60]], [1, [235, 40, 50]]]; // the limit is the middle
const ASKED_COLOR = "#ffffff";
const LEVEL_COLORS = ["#ff4fd8", "#ff3b3b", "#ff9a1f", "#ffe04a", "#4fe06a", "#39c8ff", "#7d8cff", "#c79bff", "#ffffff", "#b0b8c0"];

function colorTable(stops) {
  const table = new Uint32Array(256);
  for (let i = 0; i < 256; i++) {
    const t = i / 255;
    let k = 1;
    while (k < stops.length - 1 && t > stops[k][0]) k++;
    const [t0, a] = stops[k - 1], [t1, b] = stops[k], w = (t - t0) / (t1 - t0);
    const c = a.map((v, j) => Math.round(v + (b[j] - v) * w));
    table[i] = (255 << 24) | (c[2] << 16) | (c[1] << 8) | c[0];
  }
  return table;
}
const PET_COLORS = [[0, [0, 0, 0]], [0.35, [150, 20, 10]], [0.65, [245, 120, 10]], [0.85, [255, 220, 60]], [1, [255, 255, 255]]];
const PET_FROM = 0.1; // below this share of the top nothing is laid over the CT
const MAP_COLORS = Object.fromEntries(Object.entries({ wash: WASH, heat: HEAT, diverging: DIVERGING, limit: LIMIT })
  .map(([name, colors]) => [name, { colors, table: colorTable(colors) }]));
const PET_TABLE = colorTable(PET_COLORS);

// Red shades above zero, blue ones below; `share` is that of the outermost line.
function signedColor(share) {
  const shades = share > 0 ? ["#ffb0a0", "#ff7a66", "#ff3b3b"] : ["#a9c8ff", "#6fa0ff", "#3b78ff"];
  return shades[clamp(Math.round(3 * Math.abs(share)) - 1, 0, 2)];
}

// Evenly spaced positions over a grid's own voxel centres, `times` as fine as they are.
function nodesOf(grid, axis, times) {
  const p = grid.positions(axis), n = p.length;
  if (n === 1) return Float64Array.of(p[0]);
  const count = Math.min(Math.round((p[n - 1] - p[0]) / (grid.leastGap(axis) / times)), 1024) + 1, step = (p[n - 1] - p[0]) / (count - 1);
  return Float64Array.from({ length: count }, (_, i) => p[0] + i * step);
}

function tableFor(grid, axis, nodes) {
  const index = new Int32Array(nodes.length), weight = new Float32Array(nodes.length);
  nodes.forEach((mm, i) => {
    const at = grid.locate(axis, mm);
    index[i] = at ? at[0] : -1;
    weight[i] = at ? at[1] : 0;
  });
  return { index, weight };
}

// Reads one dose volume on planes of fixed x, y or z, at fixed in-plane nodes (separable tables).
class DosePlanes {
  constructor(volume, nodes) {
    this.volume = volume;
    this.nodes = nodes;
    this.kept = [];
    this.tables = nodes.map((list, axis) => tableFor(volume.grid, axis, list));
  }

  scratch(which, length) {
    if (!(this.kept[which]?.length >= length)) this.kept[which] = new Float32Array(length);
    return this.kept[which];
  }

  // Gy at the nodes of the plane `axis = mm` as [v][u], NaN without dose; null when the grid misses it.
  field(axis, mm) {
    const { grid: g, data, slope, intercept, missing } = this.volume;
    const at = g.locate(axis, mm);
    if (!at) return null;
    const [ua, va] = axis === 2 ? [0, 1] : axis === 1 ? [0, 2] : [1, 2];
    const strides = [1, g.nx, g.nx * g.ny];
    const nu = g.count(ua), nv = g.count(va), su = strides[ua], sv = strides[va];
    const here = at[0] * strides[axis], w1 = at[1], next = w1 > 0 ? strides[axis] : 0;
    const native = this.scratch(0, nu * nv);
    for (let v = 0; v < nv; v++) {
      for (let u = 0, i = here + v * sv, o = v * nu; u < nu; u++, i += su, o++) {
        const a = data[i], b = next ? data[i + next] : a;
        native[o] = a === missing || b === missing ? NaN : (a + (b - a) * w1) * slope + intercept;
      }
    }
    const tu = this.tables[ua], tv = this.tables[va], mu = tu.index.length, mv = tv.index.length;
    const wide = this.scratch(1, mu * nv);
    for (let v = 0; v < nv; v++) {
      const row = v * nu;
      for (let u = 0, o = v * mu; u < mu; u++, o++) {
        const i = tu.index[u], w = tu.weight[u];
        wide[o] = i < 0 ? NaN : w === 0 ? native[row + i] : native[row + i] * (1 - w) + native[row + i + 1] * w;
      }
    }
    const out = new Float32Array(mu * mv);
    for (let v = 0; v < mv; v++) {
      const i = tv.index[v], w = tv.weight[v], o = v * mu;
      if (i < 0) { out.fill(NaN, o, o + mu); continue; }
      const a = i * mu, b = w > 0 ? a + mu : a;
      for (let u = 0; u < mu; u++) out[o + u] = wide[a + u] * (1 - w) + wide[b + u] * w;
    }
    return { values: out, nu: mu, nv: mv, us: this.nodes[ua], vs: this.nodes[va] };
  }
}

// Where the colours of a PET end at first: SUV 10, else the highest value.
function petTop({ unit, max }) { return unit.includes("SUV") ? Math.min(10, max) : max; }

function subtract(a, b) {
  if (!a || !b) return null;
  const values = new Float32Array(a.values.length);
  for (let i = 0; i < values.length; i++) values[i] = a.values[i] - b.values[i];
  return { ...a, values };
}

// Colours into a Uint32 pixel buffer; `flip` puts growing v upwards.
function paintWash(field, pixels, { table, low, high, threshold, both, flip }) {
  const { values, nu, nv } = field, scale = 255 / (high - low);
  for (let v = 0; v < nv; v++) {
    let o = (flip ? nv - 1 - v : v) * nu;
    for (let i = v * nu, end = i + nu; i < end; i++, o++) {
      const value = values[i], size = both && value < 0 ? -value : value;
      if (!(size >= threshold)) { pixels[o] = 0; continue; }
      const t = (value - low) * scale;
      pixels[o] = table[t < 0 ? 0 : t > 255 ? 255 : t | 0];
    }
  }
}
