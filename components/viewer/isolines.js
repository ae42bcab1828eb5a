// isolines.js - isodose lines by marching squares, joined into polylines.

// For each kind of cell (bit 1: corner u0 v0 reaches the level, 2: u1 v0, 4: u1 v1, 8: u0 v1) the sides
// between which lines run, in pairs [from, to], with the higher dose on one and the same hand, so that a
// line which leaves a cell enters its neighbor. Sides: 0 at v0, 1 at u1, 2 at v1, 3 at u0.
const SIDES_OF = [[], [3, 0], [0, 1], [3, 1], [1, 2], [3, 0, 1, 2], [0, 2], [3, 2], [2, 3], [2, 0], [0, 1, 2, 3], [2, 1], [1, 3], [1, 0], [0, 3], []];
const JOINED = { 5: [1, 0, 3, 2], 10: [0, 3, 2, 1] }; // two corners across that belong together
const NO_DOSE_CODE = 255;
let nextSide = new Int32Array(0), hasBefore = new Uint8Array(0), reached = new Uint8Array(0); // scratch, kept clean

// Lines of a field for each level: flat [u, v, u, v, ...] in millimetres; a closed one ends where it starts.
function isolines(field, levels) {
  const order = [...new Set(levels)].sort((a, b) => a - b), links = order.map(() => []);
  if (!order.length) return [];
  const n = field.nu * field.nv;
  if (reached.length < n) { reached = new Uint8Array(n); nextSide = new Int32Array(2 * n).fill(-1); hasBefore = new Uint8Array(2 * n); }
  countReached(field, order);
  findLinks(field, order, links);
  const made = links.map((pairs, l) => joinLinks(field, order[l], pairs));
  return levels.map((level) => made[order.indexOf(level)]);
}

// How many of the levels each node reaches: most cells are left at a glance at their four corners.
function countReached({ values, nu, nv }, order) {
  const most = order.length;
  for (let i = 0, k = 0; i < nu * nv; i++) {
    const value = values[i];
    if (value !== value) { reached[i] = NO_DOSE_CODE; continue; }
    while (k < most && value >= order[k]) k++; // neighbors have like doses
    while (k > 0 && value < order[k - 1]) k--;
    reached[i] = k;
  }
}

function findLinks({ values, nu, nv }, order, links) {
  const n = nu * nv, side = new Int32Array(4);
  for (let v = 0; v + 1 < nv; v++) {
    for (let u = 0, i = v * nu; u + 1 < nu; u++, i++) {
      const a = reached[i], b = reached[i + 1], c = reached[i + nu + 1], d = reached[i + nu];
      if (a === b && b === c && c === d) continue;
      if (a === NO_DOSE_CODE || b === NO_DOSE_CODE || c === NO_DOSE_CODE || d === NO_DOSE_CODE) continue;
      side[0] = i; // sides along u by their first node, sides along v after those
      side[1] = n + i + 1;
      side[2] = i + nu;
      side[3] = n + i;
      const high = Math.max(a, b, c, d);
      for (let l = Math.min(a, b, c, d); l < high; l++) {
        const kind = (a > l ? 1 : 0) | (b > l ? 2 : 0) | (c > l ? 4 : 0) | (d > l ? 8 : 0);
        const middle = JOINED[kind] && (values[i] + values[i + 1] + values[i + nu + 1] + values[i + nu]) / 4 >= order[l];
        const pairs = middle ? JOINED[kind] : SIDES_OF[kind];
        for (let p = 0; p < pairs.length; p += 2) links[l].push(side[pairs[p]], side[pairs[p + 1]]);
      }
    }
  }
}

function joinLinks(field, level, pairs) {
  for (let p = 0; p < pairs.length; p += 2) { nextSide[pairs[p]] = pairs[p + 1]; hasBefore[pairs[p + 1]] = 1; }
  const lines = [];
  for (const closed of [false, true]) { // first those that end at the edge of the dose
    for (let p = 0; p < pairs.length; p += 2) {
      const start = pairs[p];
      if (nextSide[start] < 0 || (!closed && hasBefore[start])) continue;
      const line = [];
      let at = start;
      while (at >= 0) {
        addCrossing(field, level, at, line);
        const next = nextSide[at];
        nextSide[at] = -1;
        at = next;
      }
      lines.push(line);
    }
  }
  for (let p = 1; p < pairs.length; p += 2) hasBefore[pairs[p]] = 0;
  return lines;
}

function addCrossing({ values, nu, nv, us, vs }, level, side, line) {
  const n = nu * nv, along = side < n, i = along ? side : side - n, j = along ? i + 1 : i + nu;
  const u = i % nu, v = (i - u) / nu, share = (level - values[i]) / (values[j] - values[i]);
  if (along) line.push(us[u] + share * (us[u + 1] - us[u]), vs[v]);
  else line.push(us[u], vs[v] + share * (vs[v + 1] - vs[v]));
}
