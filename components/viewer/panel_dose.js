// panel_dose.js - the controls and legends of dose and PET.

function dosePanel(viewer) {
  const { dose, scene } = viewer, rx = scene.header.prescribed_gy, redraw = () => viewer.requestDraw();
  const panel = el("section", { class: "abv-panel abv-dose", "aria-label": "Dose" });
  const rebuild = () => { panel.replaceWith(dosePanel(viewer)); redraw(); };
  panel.append(el("div", { class: "abv-head" }, el("h3", {}, "Dose")));
  if (scene.doses.dose_b) {
    const options = [["dose_a", "Plan A"], ["dose_b", "Plan B"], ["difference", "A \u2212 B"]];
    panel.append(el("div", { class: "abv-seg", role: "group", "aria-label": "Which dose" }, ...options.map(([id, label]) =>
      button(label, () => { dose.source = id; rebuild(); }, { "data-source": id, "aria-pressed": String(dose.source === id) }))));
  }
  panel.append(el("div", { class: "abv-row" },
    check("Color wash", dose.wash, (on) => { dose.wash = on; redraw(); }, { "data-wash": true }),
    check("Isodose", dose.lines, (on) => { dose.lines = on; redraw(); }, { "data-isodose": true })));
  const [low, high] = viewer.doseScale(), difference = dose.source === "difference";
  panel.append(slider("Opacity", { min: 0, max: 100, step: 5, value: dose.opacity * 100, name: "opacity",
    show: (v) => `${Math.round(v)} %`, change: (v) => { dose.opacity = v / 100; redraw(); } }));
  const percent = (v) => (rx && !difference ? ` (${Math.round((100 * v) / rx)} %)` : "");
  panel.append(slider(difference ? "Show from \u00b1" : "Show from", { min: 0, max: high, step: high / 200, value: viewer.threshold(), name: "threshold",
    show: (v) => `${trim(v, high < 5 ? 2 : 1)} Gy${percent(v)}`,
    change: (v) => { dose.threshold[difference ? "difference" : "dose"] = v; redraw(); } }));
  panel.append(colorBar(difference ? DIVERGING : WASH, low, high, "Gy"));
  const legend = el("div", { class: "abv-legend", "data-legend": true });
  const fillLegend = () => legend.replaceChildren(...viewer.isodoseLevels().map((l) => {
    const swatch = el("span", { class: "abv-swatch" });
    swatch.style.setProperty("--abv-color", l.color);
    return el("span", { class: "abv-level" }, swatch, l.label);
  }));
  if (!difference) {
    const field = el("input", { type: "text", inputmode: "decimal", "aria-label": "Isodose levels", "data-levels": true, spellcheck: "false",
      onchange: (event) => { dose.text[dose.unit] = event.target.value; fillLegend(); redraw(); } });
    field.value = dose.text[dose.unit] ?? "";
    const unit = el("select", { "aria-label": "Unit of the isodose levels", "data-unit": true, onchange: (event) => { dose.unit = event.target.value; rebuild(); } },
      ...(rx ? ["%", "Gy"] : ["Gy"]).map((u) => el("option", { value: u }, u)));
    unit.value = dose.unit;
    panel.append(el("div", { class: "abv-row abv-levels" }, field, unit));
  }
  fillLegend();
  panel.append(legend);
  if (rx) panel.append(el("p", { class: "abv-rx" }, `Prescription ${trim(rx, 2)} Gy = 100 %`));
  return panel;
}

function petPanel(viewer) {
  const { pet, scene } = viewer, { unit, max } = scene.header.doses.pet, redraw = () => viewer.requestDraw();
  const panel = el("section", { class: "abv-panel abv-pet", "aria-label": "PET" });
  const scaleBar = el("div", {}), drawScale = () => scaleBar.replaceChildren(colorBar(PET_COLORS, 0, pet.top, unit));
  panel.append(el("div", { class: "abv-head" }, el("h3", {}, "PET")),
    el("div", { class: "abv-row" }, check("Show", pet.show, (on) => { pet.show = on; redraw(); }, { "data-pet": true })),
    slider("Opacity", { min: 0, max: 100, step: 5, value: pet.opacity * 100, name: "pet-opacity",
      show: (v) => `${Math.round(v)} %`, change: (v) => { pet.opacity = v / 100; redraw(); } }),
    slider("Colors up to", { min: max / 100, max, step: max / 200, value: pet.top, name: "pet-top",
      show: (v) => `${trim(v, v < 100 ? 1 : 0)} ${unit}`, change: (v) => { pet.top = v; drawScale(); redraw(); } }), scaleBar);
  drawScale();
  return panel;
}

function colorBar(colors, low, high, unit) {
  const stops = colors.map(([t, c]) => `rgb(${c.join(",")}) ${100 * t}%`);
  const bar = el("span", { class: "abv-ramp" });
  bar.style.background = `linear-gradient(to right, ${stops.join(", ")})`;
  return el("div", { class: "abv-bar-scale" }, el("span", {}, signed(low, Math.abs(low) < 5 && low ? 1 : 0)), bar, el("span", {}, `${trim(high, high < 5 ? 1 : 0)} ${unit}`));
}
