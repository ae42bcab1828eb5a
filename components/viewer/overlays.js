// overlays.js - what the viewer reads from its grids: values at a point, dose and PET on a plane, levels.

class Overlays {
  // Image value, Gy and SUV at a point: exactly what the engine's sample_at would say (null outside the grids).
  valueAt(x, y, z) {
    const { doses } = this.scene, read = (name) => (this.scene.doseReady(name) ? doses[name].valueAt(x, y, z) : null);
    const a = read("dose_a"), b = read("dose_b");
    const difference = a === null || b === null ? null : a - b;
    const gy = this.dose.source === "difference" ? difference : this.dose.source === "dose_b" ? b : a;
    const image = this.scene.image.valueAt(x, y, z), { unit } = this.scene.header.image;
    return { image, hu: unit === "HU" ? image : null, gy, gy_a: a, gy_b: b, pet: read("pet") };
  }

  // Whether the two axial panes show a plan each.
  get splitsDose() { return this.mode === "compare" && !!this.scene.doses.dose_b && this.dose.source !== "difference"; }

  // The dose of one pane; side by side, two plans have a pane each.
  doseSource(pane) {
    const { scene } = this, side = this.splitsDose ? SIDES.find((s) => s.pane === pane.id) : null;
    const source = side ? side.dose : this.dose.source, names = source === "difference" ? ["dose_a", "dose_b"] : [source];
    if (!scene.doses.dose_a || !names.every((n) => scene.doseReady(n))) return null;
    return this.sourceOf(source, scene.doses[names[0]].grid);
  }

  sourceOf(name, grid) {
    return { key: `${this.scene.id}/${name}`, grid, read: (axis, mm, times) => this.readField(name, grid, axis, mm, times) };
  }

  readField(source, grid, axis, mm, times) {
    const of = (name) => {
      const key = `${this.scene.id}/${name}/${source}/${times}`;
      this.fields[key] ??= new DosePlanes(this.scene.doses[name], [0, 1, 2].map((a) => nodesOf(grid, a, times)));
      return this.fields[key].field(axis, mm);
    };
    return source === "difference" ? subtract(of("dose_a"), of("dose_b")) : of(source);
  }

  petSource() {
    if (!this.pet.show || !this.scene.doseReady("pet")) return null;
    return this.sourceOf("pet", this.scene.doses.pet.grid);
  }

  petPaint() { return { low: 0, high: this.pet.top, both: false, table: PET_TABLE, threshold: this.pet.top * PET_FROM }; }

  // Largest |A - B| at a sample of voxels, for the scale of the difference display.
  differenceScale() {
    if (this.differenceGy === null && this.scene.doseReady("dose_a") && this.scene.doseReady("dose_b")) {
      const { dose_a: a, dose_b: b } = this.scene.doses, g = a.grid;
      let most = 0;
      for (let k = 0; k < g.nz; k += 3) for (let j = 0; j < g.ny; j += 3) for (let i = 0; i < g.nx; i += 3) {
        const x = g.x0 + i * g.dx, y = g.y0 + j * g.dy, va = a.valueAt(x, y, g.z[k]), vb = b.valueAt(x, y, g.z[k]);
        if (va !== null && vb !== null) most = Math.max(most, Math.abs(va - vb));
      }
      this.differenceGy = Math.max(most, 0.01);
    }
    return this.differenceGy ?? 1;
  }

  doseScale() {
    if (this.dose.source === "difference") { const d = this.differenceScale(); return [-d, d]; }
    const { doses, prescribed_gy: rx } = this.scene.header;
    return [0, Math.max(rx ? rx * 1.07 : 0, rx ? 0 : doses[this.dose.source].max) || 1];
  }

  threshold() {
    if (this.dose.source !== "difference") return this.dose.threshold.dose ?? 0;
    return this.dose.threshold.difference ?? this.differenceScale() * 0.1;
  }

  isodoseLevels() {
    const rx = this.scene.header.prescribed_gy;
    if (this.dose.source === "difference") {
      const step = niceStep(this.differenceScale() / 3);
      return [3, 2, 1, -1, -2, -3].map((n) => ({
        gy: n * step, label: `${n > 0 ? "+" : "\u2212"}${trim(Math.abs(n) * step, 2)} Gy`,
        color: n > 0 ? ["#ffb0a0", "#ff7a66", "#ff3b3b"][n - 1] : ["#a9c8ff", "#6fa0ff", "#3b78ff"][-n - 1],
      }));
    }
    const { unit, text } = this.dose;
    const numbers = (text[unit] ?? "").split(/[,;\s]+/).map(Number).filter((v) => Number.isFinite(v) && v > 0);
    return [...new Set(numbers)].sort((a, b) => b - a).slice(0, LEVEL_COLORS.length).map((v, i) => {
      const gy = unit === "%" ? (v * rx) / 100 : v;
      return { gy, label: unit === "%" ? `${trim(v, 1)} %  ${trim(gy, 1)} Gy` : `${trim(v, 2)} Gy`, color: LEVEL_COLORS[i] };
    });
  }

  startLevels() {
    const { header } = this.scene, levels = header.levels;
    if (!levels) return;
    const rx = header.prescribed_gy, top = header.doses.dose_a.max;
    this.dose.unit = levels.unit;
    const gy = levels.values.map((v) => (levels.unit === "%" ? (v * rx) / 100 : v));
    this.dose.text = { [levels.unit]: levels.values.join(", ") };
    if (levels.unit === "%") this.dose.text.Gy = gy.map((v) => trim(v, 1)).join(", ");
    this.dose.threshold = { dose: Math.min((rx || top) * 0.2, top * 0.5) };
  }
}
