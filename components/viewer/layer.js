// layer.js - values laid over the image of a pane in colour: a dose, a PET.

const FINE_FROM_PX = 2.5;

// Their field on the pane's plane, and its picture.
class Layer {
  constructor() {
    this.canvas = document.createElement("canvas");
    this.clear();
  }

  clear() { this.fieldKey = this.washKey = ""; this.field = null; }

  // `source` gives a field of values for a pane's plane; see Overlays.doseSource.
  load(source, pane, mm) {
    const times = source ? this.fineness(source.grid, pane) : 1, key = source ? `${source.key}/${mm}/${times}` : "none";
    if (this.fieldKey === key) return;
    this.fieldKey = key;
    this.washKey = "";
    this.field = source ? source.read(pane.axis, mm, times) : null;
  }

  // Nodes a voxel: between voxels that are a few pixels apart there is something to see.
  fineness(grid, pane) {
    return Math.min(grid.leastGap(pane.ua), grid.leastGap(pane.va)) * pane.project().s > FINE_FROM_PX ? 2 : 1;
  }

  draw(pane, paint, opacity) {
    const { field } = this, { under: ctx, flip } = pane;
    if (!field || field.nu < 2 || field.nv < 2) return;
    this.paint(paint, flip);
    const { toX, toY } = pane.project(), { us, vs, nu, nv } = field;
    const u0 = us[0], u1 = us[nu - 1], top = flip ? vs[nv - 1] : vs[0], bottom = flip ? vs[0] : vs[nv - 1];
    const x = toX(u0), y = toY(top), w = toX(u1) - x, h = toY(bottom) - y;
    const halfX = w / (nu - 1) / 2, halfY = h / (nv - 1) / 2; // a pixel is centred on its node
    ctx.save();
    ctx.beginPath();
    ctx.rect(x, y, w, h); // nothing outside the grid
    ctx.clip();
    ctx.globalAlpha = opacity;
    ctx.drawImage(this.canvas, x - halfX, y - halfY, w + 2 * halfX, h + 2 * halfY);
    ctx.restore();
  }

  paint(paint, flip) {
    const { field, canvas } = this, key = `${this.fieldKey}/${paint.low}/${paint.high}/${paint.threshold}`;
    if (this.washKey === key) return;
    this.washKey = key;
    if (canvas.width !== field.nu || canvas.height !== field.nv || !this.pixels) {
      canvas.width = field.nu;
      canvas.height = field.nv;
      this.ctx = canvas.getContext("2d");
      this.pixels = this.ctx.createImageData(field.nu, field.nv);
      this.pixels32 = new Uint32Array(this.pixels.data.buffer);
    }
    paintWash(field, this.pixels32, { ...paint, flip });
    this.ctx.putImageData(this.pixels, 0, 0);
  }
}
