// planes.js - one pane: the image on its plane, what lies over it, and millimetres to pixels.
// Image, dose and structures are drawn on a canvas of their own, `under`, which stays as long as they
// do; crosshair, seed and what is being edited go over a copy of it.

const AXIS_NAMES = ["Sagittal", "Coronal", "Axial"];
const DASHES = { solid: [], dashed: [6, 4], dotted: [1.5, 3], thin: [3, 2.5] }; // CSS pixels
const AXIS_LETTERS = ["x", "y", "z"];

class Pane {
  // `axis` is the one the plane is perpendicular to: 2 axial, 1 coronal, 0 sagittal.
  // A pane with a `twin` shares its zoom and pan.
  constructor(axis, id = AXIS_NAMES[axis].toLowerCase(), twin = null) {
    this.axis = axis;
    this.id = id;
    this.view = twin ? twin.view : { zoom: 1, pan: [0, 0] }; // pan in mm
    [this.ua, this.va] = axis === 2 ? [0, 1] : axis === 1 ? [0, 2] : [1, 2];
    this.flip = axis !== 2; // head upwards
    this.name = AXIS_NAMES[axis];
    this.canvas = document.createElement("canvas");
    this.ctx = this.canvas.getContext("2d", { alpha: false });
    this.under = document.createElement("canvas").getContext("2d", { alpha: false });
    this.raster = document.createElement("canvas");
    this.dose = new Layer();
    this.pet = new Layer();
    this.keys = {};
    this.painted = 0; // times that image, dose and structures were drawn
  }

  get zoom() { return this.view.zoom; }
  set zoom(value) { this.view.zoom = value; }
  get pan() { return this.view.pan; }
  set pan(value) { this.view.pan = value; }

  attach(scene) {
    this.scene = scene;
    const g = scene.image.grid;
    this.extent = [g.edges(this.ua), g.edges(this.va)];
    this.underKey = "";
    this.lines = { key: "", levels: [] }; // isodose lines of the plane
    this.rows = this.axis === 2 || g.even ? null : evenRows(g);
    this.raster.width = g.count(this.ua);
    this.raster.height = this.axis === 2 ? g.ny : this.rows ? this.rows.length : g.nz;
    this.rasterCtx = this.raster.getContext("2d");
    this.pixels = this.rasterCtx.createImageData(this.raster.width, this.raster.height);
    this.pixels32 = new Uint32Array(this.pixels.data.buffer);
    this.keys = {};
    this.dose.clear();
    this.pet.clear();
  }

  get field() { return this.dose.field; } // of the dose: where its isodose lines are drawn

  resetView() { this.zoom = 1; this.pan = [0, 0]; }

  resize(width, height, ratio) {
    const w = Math.max(1, Math.round(width * ratio)), h = Math.max(1, Math.round(height * ratio));
    this.ratio = ratio;
    if (this.canvas.width === w && this.canvas.height === h) return false;
    for (const canvas of [this.canvas, this.under.canvas]) { canvas.width = w; canvas.height = h; }
    this.underKey = "";
    return true;
  }

  // Draw image, dose and structures where they are not the same as last time; `key` says all they
  // depend on but zoom and pan.
  keepUnder(key, inverted, paint) {
    const { canvas } = this.under, whole = `${key}/${this.zoom}/${this.pan}`;
    if (this.underKey !== whole) {
      this.underKey = whole;
      this.painted++;
      this.under.fillStyle = inverted ? "#fff" : "#000";
      this.under.fillRect(0, 0, canvas.width, canvas.height);
      paint();
    }
    this.ctx.drawImage(canvas, 0, 0);
  }

  // Millimetres to device pixels and back.
  project() {
    const [[u0, u1], [v0, v1]] = this.extent, w = this.canvas.width, h = this.canvas.height;
    const fit = Math.min(w / (u1 - u0), h / (v1 - v0)) * 0.985;
    const s = fit * this.zoom, cu = (u0 + u1) / 2 + this.pan[0], cv = (v0 + v1) / 2 + this.pan[1];
    const sign = this.flip ? -1 : 1;
    return {
      s, toX: (u) => (u - cu) * s + w / 2, toY: (v) => sign * (v - cv) * s + h / 2,
      fromX: (x) => (x - w / 2) / s + cu, fromY: (y) => (sign * (y - h / 2)) / s + cv,
    };
  }

  // The patient position under a point in CSS pixels of the canvas.
  pointAt(cssX, cssY, at) {
    const p = this.project(), mm = at.slice();
    mm[this.ua] = p.fromX(cssX * this.ratio);
    mm[this.va] = p.fromY(cssY * this.ratio);
    return mm;
  }

  sees(mm) { // whether a position lies within the canvas, zoomed and panned as it is
    const p = this.project(), x = p.toX(mm[this.ua]), y = p.toY(mm[this.va]);
    return x >= 0 && y >= 0 && x <= this.canvas.width && y <= this.canvas.height;
  }

  centreOn(mm) {
    const [[u0, u1], [v0, v1]] = this.extent;
    this.pan = [mm[this.ua] - (u0 + u1) / 2, mm[this.va] - (v0 + v1) / 2];
  }

  drawImage(index, lut, lutVersion) {
    const key = `${index}/${lutVersion}/${this.scene.version}`;
    if (this.keys.image !== key) {
      this.keys.image = key;
      this.fillPixels(this.scene.planeOf(this.axis, index), lut);
      this.rasterCtx.putImageData(this.pixels, 0, 0);
    }
    const { toX, toY } = this.project(), [[u0, u1], [v0, v1]] = this.extent, ctx = this.under;
    const top = this.flip ? v1 : v0, bottom = this.flip ? v0 : v1;
    ctx.imageSmoothingEnabled = true;
    ctx.drawImage(this.raster, toX(u0), toY(top), toX(u1) - toX(u0), toY(bottom) - toY(top));
  }

  fillPixels(plane, lut) {
    const { nx, ny, nz } = this.scene.image.grid, out = this.pixels32;
    if (!plane) { out.fill(lut[this.scene.image.missing + 32768]); return; } // still on its way
    const { data: ct, start, step, row } = plane;
    if (this.axis === 2) {
      for (let i = 0, o = start; i < nx * ny; i++, o++) out[i] = lut[ct[o] + 32768];
      return;
    }
    const n = this.axis === 1 ? nx : ny;
    if (!this.rows) {
      for (let k = 0; k < nz; k++) {
        let o = (nz - 1 - k) * n;
        for (let i = 0, from = k * row + start; i < n; i++, from += step, o++) out[o] = lut[ct[from] + 32768];
      }
      return;
    }
    this.rows.forEach(([k, w], line) => { // uneven planes: straight lines between neighbours
      const a = k * row + start, b = w > 0 ? a + row : a;
      for (let i = 0, o = line * n, f = 0; i < n; i++, o++, f += step) {
        out[o] = lut[Math.round(ct[a + f] + (ct[b + f] - ct[a + f]) * w) + 32768];
      }
    });
  }

  drawIsodose(levels) {
    const { field, lines, under: ctx } = this, key = `${this.dose.fieldKey}/${levels.map((l) => l.gy)}`;
    if (!field || !levels.length || field.nu < 2 || field.nv < 2) return;
    if (lines.key !== key) this.lines = { key, levels: isolines(field, levels.map((l) => l.gy)) };
    const project = this.project();
    ctx.lineCap = "butt";
    ctx.lineJoin = "round";
    levels.forEach((level, l) => {
      ctx.beginPath();
      traceLines(ctx, this.lines.levels[l], project);
      if (level.asked) { ctx.strokeStyle = "#000"; ctx.lineWidth = 4.2 * this.ratio; ctx.stroke(); }
      ctx.strokeStyle = level.color;
      ctx.lineWidth = (level.asked ? 2.4 : 1.3) * this.ratio;
      ctx.stroke();
    });
  }

  drawStructures(structures, mm, { fill, lines, solo }) {
    const { under: ctx, ratio } = this, project = this.project();
    ctx.lineJoin = this.axis === 2 ? "round" : "miter"; // sections have right angles only
    for (const structure of structures) {
      const filled = structure.fill ?? fill, lined = lines && structure.line !== "none";
      if (!filled && !lined) continue;
      ctx.beginPath();
      if (this.axis === 2) traceAxial(ctx, structure, mm, project);
      else traceLines(ctx, structure.section(this.axis, mm), project);
      ctx.fillStyle = ctx.strokeStyle = structure.css;
      if (filled) { ctx.globalAlpha = 0.22; ctx.fill("evenodd"); ctx.globalAlpha = 1; }
      if (lined) {
        ctx.setLineDash(DASHES[structure.thin ? "thin" : structure.line].map((v) => v * ratio));
        ctx.lineWidth = (structure.thin ? 1 : solo ? 2.3 : 1.5) * ratio;
        ctx.stroke();
      }
    }
    ctx.setLineDash([]);
  }

  drawCrosshair(at) {
    const { ctx, ratio } = this, { toX, toY } = this.project(), w = this.canvas.width, h = this.canvas.height;
    const x = Math.round(toX(at[this.ua])) + 0.5, y = Math.round(toY(at[this.va])) + 0.5, gap = 7 * ratio;
    ctx.strokeStyle = "rgba(255, 214, 90, 0.75)";
    ctx.lineWidth = Math.max(1, Math.round(ratio));
    ctx.beginPath();
    ctx.moveTo(x, 0); ctx.lineTo(x, y - gap); ctx.moveTo(x, y + gap); ctx.lineTo(x, h);
    ctx.moveTo(0, y); ctx.lineTo(x - gap, y); ctx.moveTo(x + gap, y); ctx.lineTo(w, y);
    ctx.stroke();
  }

  drawSeed(seed, planeMm, tolerance) {
    if (!seed || Math.abs(seed[this.axis] - planeMm) > tolerance) return;
    const { ctx, ratio } = this, { toX, toY } = this.project();
    ctx.beginPath();
    ctx.arc(toX(seed[this.ua]), toY(seed[this.va]), 5 * ratio, 0, 2 * Math.PI);
    ctx.lineWidth = 2 * ratio;
    ctx.strokeStyle = "#000";
    ctx.stroke();
    ctx.lineWidth = 1.2 * ratio;
    ctx.strokeStyle = "#7dff9b";
    ctx.stroke();
  }
}

// Rows of an upright pane for uneven planes: [plane below, weight of the next], head first.
function evenRows(grid) {
  const [low, high] = grid.edges(2), z = grid.z;
  const n = Math.min(Math.max(Math.round((high - low) / grid.leastGap(2)), 1), 1024), step = (high - low) / n;
  return Array.from({ length: n }, (_, row) => {
    const mm = clamp(high - (row + 0.5) * step, z[0], z[z.length - 1]);
    return locateIn(z, mm);
  });
}

// Grey for each stored value (from -32768 on); `image` is the header of the image.
function windowTable(width, level, { slope, intercept, missing, inverted }) {
  const lut = new Uint32Array(65536), low = (level - width / 2 - intercept) / slope, scale = (255 * slope) / width;
  for (let i = 0; i < 65536; i++) {
    const t = (i - 32768 - low) * scale, up = t <= 0 ? 0 : t >= 255 ? 255 : t | 0, grey = inverted ? 255 - up : up;
    lut[i] = (255 << 24) | (grey << 16) | (grey << 8) | grey;
  }
  lut[missing + 32768] = inverted ? 0xffffffff : 255 << 24;
  return lut;
}
