// panel_dose.js - the controls and legends of dose and PET.

function dosePanel(viewer) {
  const { dose, scene } = viewer, { rx: percentOf, colors, low, high, unit, both, digits, ends } = viewer.doseLook(), redraw = () => viewer.requestDraw();
  const panel = el("section", { class: "abv-panel abv-dose", "aria-label": "Dose" });
  const rebuild = () => refreshDosePanel(viewer), rx = scene.header.prescribed_gy;
  panel.append(el("div", { class: "abv-head" }, el("h3", {}, "Dose")));
  const sources = doseSources(scene);
  if (sources.length > 1) {
    panel.append(el("div", { class: "abv-seg", role: "group", "aria-label": "Which dose" }, ...sources.map(([id, label]) =>
      button(label, () => { dose.source = id; rebuild(); }, { "data-source": id, "aria-pressed": String(dose.source === id) }))));
  }
  panel.append(el("div", { class: "abv-row" },
    check("Color wash", dose.wash, (on) => { dose.wash = on; redraw(); }, { "data-wash": true }),
    check(dose.source === "map" ? "Lines" : "Isodose", dose.lines, (on) => { dose.lines = on; redraw(); }, { "data-isodose": true })));
  panel.append(slider("Opacity", { min: 0, max: 100, step: 5, value: dose.opacity * 100, name: "opacity",
    show: (v) => `${Math.round(v)} %`, change: (v) => { dose.opacity = v / 100; redraw(); } }));
  const percent = (v) => (percentOf ? ` (${Math.round((100 * v) / percentOf)} %)` : "");
  panel.append(slider(both ? "Show from \u00b1" : "Show from", { min: 0, max: high, step: high / 200, value: viewer.threshold(), name: "threshold",
    show: (v) => `${trim(v, dose.source === "map" ? digits : high < 5 ? 2 : 1)} ${unit}`.trim() + percent(v),
    change: (v) => { dose.threshold[viewer.doseKind] = v; redraw(); } }));
  panel.append(colorBar(colors, low, high, unit, ends));
  const legend = el("div", { class: "abv-legend", "data-legend": true }), fill = () => fillLegend(viewer, legend);
  if (dose.source !== "difference") panel.append(levelsRow(viewer, () => { fill(); redraw(); }, rebuild));
  fill();
  panel.append(legend);
  if (percentOf) panel.append(el("p", { class: "abv-rx" }, `Prescription ${trim(rx, 2)} Gy = 100 %`));
  return panel;
}

function refreshDosePanel(viewer) {
  viewer.side.querySelector(".abv-dose")?.replaceWith(dosePanel(viewer));
  viewer.requestDraw();
}

function doseSources({ doses, header }) {
  const named = doses.dose_b ? [["dose_a", "Plan A"], ["dose_b", "Plan B"], ["difference", "A \u2212 B"]] : [["dose_a", "Dose"]];
  return doses.map ? [...named, ["map", header.doses.map.title]] : named;
}

// The line that Python asks for comes first; the person can put it away.
function fillLegend(viewer, legend) {
  const levels = viewer.isodoseLevels(), asked = levels.filter((level) => level.asked);
  legend.replaceChildren(...[...asked, ...levels.filter((level) => !level.asked)].map((level) => {
    const swatch = el("span", { class: "abv-swatch" });
    swatch.style.setProperty("--abv-color", level.color);
    if (!level.asked) return el("span", { class: "abv-level" }, swatch, level.label);
    const away = button("Hide", () => { viewer.isodose = null; refreshDosePanel(viewer); }, { class: "abv-small", "data-asked-off": true, "aria-label": "Hide this line" });
    return el("span", { class: "abv-level abv-asked", "data-asked": true }, swatch, el("span", { class: "abv-text" }, level.label), away);
  }));
}

function levelsRow(viewer, changed, rebuild) {
  const { dose, scene, levelsKey } = viewer, isMap = dose.source === "map";
  const field = el("input", { type: "text", inputmode: "decimal", "aria-label": isMap ? "Values of the lines" : "Isodose levels", "data-levels": true, spellcheck: "false",
    onchange: (event) => { dose.text[levelsKey] = event.target.value; changed(); } });
  field.value = dose.text[levelsKey] ?? "";
  if (isMap) return el("div", { class: "abv-row abv-levels" }, field, el("span", {}, viewer.doseLook().unit));
  const unit = el("select", { "aria-label": "Unit of the isodose levels", "data-unit": true, onchange: (event) => { dose.unit = event.target.value; rebuild(); } },
    ...(scene.header.prescribed_gy ? ["%", "Gy"] : ["Gy"]).map((u) => el("option", { value: u }, u)));
  unit.value = dose.unit;
  return el("div", { class: "abv-row abv-levels" }, field, unit);
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

function colorBar(colors, low, high, unit, digits = high < 5 ? 1 : 0) {
  const stops = colors.map(([t, c]) => `rgb(${c.join(",")}) ${100 * t}%`);
  const bar = el("span", { class: "abv-ramp" });
  bar.style.background = `linear-gradient(to right, ${stops.join(", ")})`;
  return el("div", { class: "abv-bar-scale" }, el("span", {}, low ? `\u2212${trim(-low, digits)}` : "0"), bar, el("span", {}, `${trim(high, digits)} ${unit}`.trim()));
}
