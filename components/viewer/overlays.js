// overlays.js - what the viewer reads from its grids: values at a point, dose and PET on a plane, levels.

class Overlays {
  // Image value, Gy and SUV at a point: exactly what the engine's sample_at would say (null outside the grids).
  valueAt(x, y, z) {
    const { doses } = this.scene, read = (name) => (this.scene.doseReady(name) ? doses[name].valueAt(x, y, z) : null);
    const a = read("dose_a"), b = read("dose_b");
    const difference = a === null || b === null ? null : a - b;
    const map = read("map"), gy = this.dose.source === "difference" ? difference : this.dose.source === "dose_b" ? b : a;
    const image = this.scene.imageAt(x, y, z), { unit } = this.scene.header.image;
    return { image, hu: unit === "HU" ? image : null, gy, gy_a: a, gy_b: b, map, pet: read("pet") };
  }

  // Whether the two axial panes show a plan each.
  get splitsDose() { return this.mode === "compare" && !!this.scene.doses.dose_b && ["dose_a", "dose_b"].includes(this.dose.source); }

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

  // How the dose, the difference or the map is shown. `both` is for signed values; percent goes with a plan's Gy only.
  doseLook() {
    const { doses, prescribed_gy: rx } = this.scene.header, { source } = this.dose;
    if (source === "map") {
      const { title, unit, low, high, digits, colors, show_from: from } = doses.map;
      return { title, unit, low, high, digits, ends: Math.max(digits - 1, 0), both: low < 0, from, least: 0, ...MAP_COLORS[colors] };
    }
    if (source === "difference") {
      const d = this.differenceScale();
      return { title: "\u0394", unit: "Gy", low: -d, high: d, digits: 2, ends: 1, both: true, from: d * 0.1, least: 1e-6, ...MAP_COLORS.diverging };
    }
    const high = Math.max(rx ? rx * 1.07 : 0, rx ? 0 : doses[source].max) || 1;
    return { title: "", unit: "Gy", low: 0, high, digits: 2, ends: high < 5 ? 1 : 0, both: false, from: 0, least: 1e-6, rx, ...MAP_COLORS.wash };
  }

  washPaint() {
    const { low, high, both, table, least } = this.doseLook();
    return { low, high, both, table, threshold: Math.max(this.threshold(), least) };
  }

  // Both plans share a threshold and levels.
  get doseKind() { return this.dose.source === "difference" || this.dose.source === "map" ? this.dose.source : "dose"; }

  threshold() { return this.dose.threshold[this.doseKind] ?? this.doseLook().from; }

  // What the lines are typed in: per cent or Gy for a plan, the map's own unit for a map.
  get levelsKey() { return this.dose.source === "map" ? "map" : this.dose.unit; }

  isodoseLevels() {
    const own = this.ownLevels(), { isodose } = this;
    if (!isodose || this.doseKind !== (isodose.of === "map" ? "map" : "dose")) return own;
    const label = `${this.levelLabel(isodose.value)}${isodose.name ? `  ${isodose.name}` : ""}`;
    return [...own, { gy: isodose.value, label, color: ASKED_COLOR, asked: true }]; // drawn last, over the others
  }

  ownLevels() {
    const { rx, both } = this.doseLook(), { source, unit, text } = this.dose;
    if (source === "difference") {
      const step = niceStep(this.differenceScale() / 3);
      return [3, 2, 1, -1, -2, -3].map((n) => ({ gy: n * step, label: this.levelLabel(n * step), color: signedColor(n / 3) }));
    }
    const numbers = (text[this.levelsKey] ?? "").split(/[,;\s]+/).filter(Boolean).map((v) => Number(v.replace("\u2212", "-")))
      .filter((v) => Number.isFinite(v) && (both ? v !== 0 : v > 0));
    const most = Math.max(...numbers.map(Math.abs));
    return [...new Set(numbers)].sort((a, b) => b - a).slice(0, LEVEL_COLORS.length).map((v, i) => {
      const gy = this.levelsKey === "%" ? (v * rx) / 100 : v;
      const label = this.levelsKey === "%" ? `${trim(v, 1)} %  ${trim(gy, 1)} Gy` : this.levelLabel(v);
      return { gy, label, color: both ? signedColor(v / most) : LEVEL_COLORS[i] };
    });
  }

  levelLabel(value) {
    const { unit, digits, both, rx } = this.doseLook(), size = trim(Math.abs(value), digits);
    const sign = value < 0 ? "\u2212" : both ? "+" : "";
    return `${sign}${size} ${unit}`.trim() + (rx && this.dose.unit === "%" ? ` (${trim((100 * value) / rx, 1)} %)` : "");
  }

  // Keep what a person chose where the new scene has it too; a map that is new is what is shown.
  startDose() {
    const { header, doses } = this.scene, { dose } = this, { map } = header.doses;
    const fresh = JSON.stringify([header.levels, header.doses.dose_a?.max]);
    if (this.levelsOf !== fresh) { this.levelsOf = fresh; this.startLevels(); }
    const freshMap = map ? JSON.stringify([map.title, map.unit, map.high, map.levels]) : "";
    if (map && this.mapOf !== freshMap) {
      dose.source = "map";
      dose.text.map = map.levels.map((v) => trim(v, map.digits)).join(", ");
      delete dose.threshold.map;
    }
    this.mapOf = freshMap;
    if (!doses[dose.source === "difference" ? "dose_b" : dose.source]) dose.source = "dose_a";
    if (this.isodose && !doses[this.isodose.of]) this.isodose = null;
  }

  startLevels() {
    const { header } = this.scene, levels = header.levels;
    if (!levels) return;
    const rx = header.prescribed_gy, top = header.doses.dose_a.max;
    this.dose.unit = levels.unit;
    const gy = levels.values.map((v) => (levels.unit === "%" ? (v * rx) / 100 : v));
    this.dose.text = { ...this.dose.text, [levels.unit]: levels.values.join(", ") };
    if (levels.unit === "%") this.dose.text.Gy = gy.map((v) => trim(v, 1)).join(", ");
    this.dose.threshold = { dose: Math.min((rx || top) * 0.2, top * 0.5) };
  }
}
