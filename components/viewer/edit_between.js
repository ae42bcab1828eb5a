// edit_between.js - cross-sections between two edited planes, by their signed distances.
// The rules are those of abscope/core/interpolate.py, for any share of the way and not half only.

const ACROSS = 110, ACROSS_SMALLEST = 10, MOST_ACROSS = 360, AROUND = 3;
const COARSE_MM = 0.03; // sides this straight are one side: distances cost time by the side

// Outlines at shares (0 to 1) of the way between two planes' polygons; both have an inside.
function between(from, to, shares) {
  const [a, b] = [from, to].map((polygons) => polygons.map((p) => thinned(p, COARSE_MM)));
  const areas = [maskOf(a, frameOf([...a, ...b])), maskOf(b, frameOf([...a, ...b]))];
  const overlap = areas[0].inside.some((v, i) => v && areas[1].inside[i]);
  const one = areas.every((m) => islands(m.inside, m.frame).count === 1);
  const shift = one && overlap ? [0, 1].map((axis) => centre(areas[1])[axis] - centre(areas[0])[axis]) : [0, 0];
  const moved = shift.some((v) => Math.abs(v) > 1e-9);
  let fixed = null;
  return shares.map((t) => {
    if (moved || !fixed) {
      const first = slid(a, t * shift[0], t * shift[1]), second = slid(b, (t - 1) * shift[0], (t - 1) * shift[1]);
      const frame = frameOf([...first, ...second]);
      fixed = [signedOf(first, frame), signedOf(second, frame)];
    }
    return zeroLines(blend(fixed[0], fixed[1], t), fixed[0].frame).map((p) => thinned(p));
  });
}

function frameOf(polygons) {
  const [xl, xh, yl, yh] = bounds(polygons), across = Math.max(xh - xl, yh - yl);
  const smallest = Math.min(...polygons.map((p) => { const [a, b, c, d] = bounds([p]); return Math.max(b - a, d - c); }));
  let pixel = Math.min(across / ACROSS, smallest / ACROSS_SMALLEST, 2);
  pixel = Math.max(pixel, across / MOST_ACROSS, 0.05);
  return {
    x0: xl - AROUND * pixel, y0: yl - AROUND * pixel, pixel,
    nx: Math.ceil((xh - xl) / pixel) + 2 * AROUND + 1, ny: Math.ceil((yh - yl) / pixel) + 2 * AROUND + 1,
  };
}

function maskOf(polygons, frame) {
  const { nx, ny, x0, y0, pixel } = frame, inside = new Uint8Array(nx * ny);
  for (let j = 0; j < ny; j++) {
    const cuts = crossings(polygons, y0 + j * pixel);
    for (let i = 0, c = 0; i < nx; i++) {
      while (c < cuts.length && cuts[c][0] <= x0 + i * pixel) c++;
      inside[j * nx + i] = c & 1;
    }
  }
  return { inside, frame };
}

// Distance of every pixel to the outline, positive inside (mm).
function signedOf(polygons, frame) {
  const { nx, ny, x0, y0, pixel } = frame, mask = maskOf(polygons, frame), field = new Float32Array(nx * ny);
  const sides = polygons.flatMap((p) => Array.from({ length: p.length / 2 }, (_, i) => {
    const b = (2 * i + 2) % p.length;
    return [p[2 * i], p[2 * i + 1], p[b], p[b + 1]];
  }));
  const flat = Float64Array.from(sides.flat());
  for (let j = 0, o = 0; j < ny; j++) {
    for (let i = 0; i < nx; i++, o++) {
      const x = x0 + i * pixel, y = y0 + j * pixel;
      let least = Infinity;
      for (let s = 0; s < flat.length; s += 4) {
        const ax = flat[s], ay = flat[s + 1], dx = flat[s + 2] - ax, dy = flat[s + 3] - ay, square = dx * dx + dy * dy;
        let t = square ? ((x - ax) * dx + (y - ay) * dy) / square : 0;
        t = t < 0 ? 0 : t > 1 ? 1 : t;
        const u = x - ax - t * dx, v = y - ay - t * dy, d = u * u + v * v;
        if (d < least) least = d;
      }
      field[o] = (mask.inside[o] ? 1 : -1) * Math.sqrt(least);
    }
  }
  return { field, inside: mask.inside, frame };
}

// The weighted mean; an island or hole that the other plane lacks shrinks by its share of the way.
function blend(first, second, t) {
  const n = first.field.length, { frame } = first;
  let out = Float32Array.from({ length: n }, (_, i) => (1 - t) * first.field[i] + t * second.field[i]);
  for (const [own, other, share] of [[first, second, t], [second, first, 1 - t]]) {
    out = withLone(out, own.field, own.inside, other.inside, share, frame, 1);
    const notOwn = own.inside.map((v) => 1 - v), notOther = other.inside.map((v) => 1 - v);
    out = withLone(out, own.field, notOwn, notOther, share, frame, -1);
  }
  return out;
}

function withLone(out, field, inside, insideOther, share, frame, sign) {
  const { labels, count } = islands(inside, frame), met = new Uint8Array(count + 1), deepest = new Float64Array(count + 1);
  for (let i = 0; i < labels.length; i++) {
    const l = labels[i];
    if (!l) continue;
    if (insideOther[i]) met[l] = 1;
    deepest[l] = Math.max(deepest[l], sign * field[i]);
  }
  if (met.every((v, l) => l === 0 || v)) return out;
  const { nx, ny } = frame;
  for (let j = 1; j < ny - 1; j++) {
    for (let i = 1; i < nx - 1; i++) {
      let l = 0;
      for (let q = -1; q <= 1; q++) for (let p = -1; p <= 1; p++) l = Math.max(l, labels[(j + q) * nx + i + p]);
      if (!l || met[l]) continue;
      const o = j * nx + i;
      out[o] = sign * Math.max(sign * out[o], sign * field[o] - share * deepest[l]);
    }
  }
  return out;
}

function islands(inside, { nx }) { // four neighbours
  const labels = new Int32Array(inside.length), stack = [];
  let count = 0;
  for (let start = 0; start < inside.length; start++) {
    if (!inside[start] || labels[start]) continue;
    labels[start] = ++count;
    stack.push(start);
    while (stack.length) {
      const o = stack.pop(), i = o % nx;
      for (const q of [i ? o - 1 : -1, i + 1 < nx ? o + 1 : -1, o - nx, o + nx]) {
        if (q >= 0 && q < inside.length && inside[q] && !labels[q]) { labels[q] = count; stack.push(q); }
      }
    }
  }
  return { labels, count };
}

function centre({ inside, frame }) {
  let n = 0, x = 0, y = 0;
  inside.forEach((v, o) => { if (v) { n++; x += o % frame.nx; y += Math.floor(o / frame.nx); } });
  return [frame.x0 + (x / n) * frame.pixel, frame.y0 + (y / n) * frame.pixel];
}

function slid(polygons, dx, dy) { return polygons.map((p) => p.map((v, i) => v + (i & 1 ? dy : dx))); }

function zeroLines(values, { nx, ny, x0, y0, pixel }) {
  const half = pixel / 2, box = [x0 - half, x0 + (nx - 0.5) * pixel, y0 - half, y0 + (ny - 0.5) * pixel];
  return OutlineField.of(box, nx, ny, values).outlines();
}
