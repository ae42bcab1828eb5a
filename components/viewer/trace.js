// trace.js - outlines in millimetres to paths of device pixels, without the corners that nobody can see.

const THIN_PX = 0.15; // no left out corner is farther than this from the line drawn, in device pixels

// Takes corners one after the other and hands on those that matter: a corner is left out while all since
// the last one handed on lie within THIN_PX of a ray from there.
class Thinner {
  begin(ctx, x, y) {
    this.ctx = ctx;
    ctx.moveTo(x, y);
    this.anchor(x, y);
  }

  anchor(x, y) {
    this.ax = this.px = x; // a: last corner handed on; p: last corner taken
    this.ay = this.py = y;
    this.far = 0; // of p from a
    this.open = false; // whether l and r hold the limits of the ray
  }

  take(x, y) {
    let dx = x - this.ax, dy = y - this.ay, far = Math.sqrt(dx * dx + dy * dy);
    if (this.open && (far < this.far || this.lx * dy - this.ly * dx > 0 || this.rx * dy - this.ry * dx < 0)) {
      this.ctx.lineTo(this.px, this.py);
      this.anchor(this.px, this.py);
      dx = x - this.ax;
      dy = y - this.ay;
      far = Math.sqrt(dx * dx + dy * dy);
    }
    this.px = x;
    this.py = y;
    this.far = far;
    if (far <= THIN_PX) return;
    const k = THIN_PX / far, lx = dx - k * dy, ly = dy + k * dx, rx = dx + k * dy, ry = dy - k * dx;
    if (!this.open || this.lx * ly - this.ly * lx < 0) { this.lx = lx; this.ly = ly; }
    if (!this.open || this.rx * ry - this.ry * rx > 0) { this.rx = rx; this.ry = ry; }
    this.open = true;
  }

  end(closed) {
    this.ctx.lineTo(this.px, this.py);
    if (closed) this.ctx.closePath();
  }
}
const THINNER = new Thinner();

// Polygons of a structure on an axial plane into the current path; false when there are none.
function traceAxial(ctx, structure, z, { toX, toY }) {
  const points = structure.scene.points, found = structure.polygonsAt(z);
  for (const [first, last] of found) {
    THINNER.begin(ctx, toX(points[2 * first]), toY(points[2 * first + 1]));
    for (let i = first + 1; i < last; i++) THINNER.take(toX(points[2 * i]), toY(points[2 * i + 1]));
    THINNER.end(true);
  }
  return found.length > 0;
}

// Flat polylines [u, v, ...] into the current path; those that end where they start are closed.
function traceLines(ctx, lines, { toX, toY }) {
  for (const line of lines) {
    const n = line.length, closed = line[0] === line[n - 2] && line[1] === line[n - 1];
    THINNER.begin(ctx, toX(line[0]), toY(line[1]));
    for (let i = 2; i < (closed ? n - 2 : n); i += 2) THINNER.take(toX(line[i]), toY(line[i + 1]));
    THINNER.end(closed);
  }
}
