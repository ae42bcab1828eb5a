// ui.js - toolbar, panes, panels and status line. Names from files go through textContent only.

const HELP = [
  ["Wheel, \u2191 \u2193", "next or previous plane"], ["Page up, Page down", "ten planes"], ["Home, End", "first, last plane"],
  ["Left drag", "move the crosshair"], ["Right or Shift drag", "window (across) and level (up, down)"],
  ["Ctrl wheel, pinch, + \u2212", "zoom"], ["Middle, Alt or two-finger drag", "pan"], ["Double click, 0", "reset zoom and pan"], ["1 2 3 4", "window presets"],
  ["Enter", "report the crosshair, or pick it as seed"],
];

function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "class") node.className = value;
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, String(value));
  }
  node.append(...children); // strings become text nodes
  return node;
}

function trim(value, digits) { return String(Number(value.toFixed(digits))); }
function signed(value, digits = 1) { return value.toFixed(digits).replace(/^-(0(\.0+)?)$/, "$1").replace("-", "\u2212"); }

function niceStep(value) {
  const power = 10 ** Math.floor(Math.log10(value)), lead = value / power;
  return (lead >= 5 ? 5 : lead >= 2 ? 2 : 1) * power;
}

function button(label, onclick, attributes = {}) {
  return el("button", { type: "button", onclick, ...attributes }, label);
}

function buildUi(viewer) {
  viewer.root = el("div", { class: "abv", "data-mode": "three", role: "group", "aria-label": "Radiotherapy image viewer" });
  viewer.parent.append(viewer.root);
  viewer.modeButtons = [["three", "Three planes"], ["axial", "Axial only"], ["compare", "Side by side"]].map(([mode, label]) =>
    button(label, () => { viewer.setMode(mode); markMode(viewer); }, { "data-mode-button": mode, "aria-pressed": String(mode === "three") }));
  viewer.presetBox = el("div", { class: "abv-seg", role: "group", "aria-label": "Window presets" });
  viewer.windowText = el("span", { class: "abv-wl", title: "Window width and level" });
  viewer.pickButton = button("Pick seed", () => viewer.setPicking(!viewer.picking), {
    "aria-pressed": "false", title: "Then click in the image to hand a point to the page (Esc cancels)", "data-pick": true });
  const rows = HELP.map(([keys, what]) => el("div", {}, el("dt", {}, keys), el("dd", {}, what)));
  const bar = el("div", { class: "abv-bar" },
    el("div", { class: "abv-seg", role: "group", "aria-label": "Layout" }, ...viewer.modeButtons), viewer.presetBox, viewer.windowText,
    el("div", { class: "abv-tools" }, viewer.pickButton, button("Reset view", () => viewer.resetView(), { "data-reset": true }),
      el("details", { class: "abv-help" }, el("summary", { title: "Mouse and keys" }, "Keys"), el("dl", {}, ...rows))));
  for (const pane of viewer.panes) buildPane(viewer, pane);
  viewer.stage = el("div", { class: "abv-stage" }, ...viewer.panes.map((pane) => pane.holder));
  viewer.side = el("div", { class: "abv-side" });
  viewer.cursorText = el("span", { class: "abv-cursor", "data-readout": true });
  viewer.noteText = el("span", { class: "abv-note" });
  viewer.progressText = el("span", { class: "abv-progress", role: "status" });
  viewer.status = el("div", { class: "abv-status" }, viewer.cursorText, viewer.noteText, viewer.progressText);
  viewer.root.append(bar, el("div", { class: "abv-main" }, el("div", { class: "abv-view" }, viewer.stage, viewer.status), viewer.side));
}

function buildPane(viewer, pane) {
  const name = pane.id;
  pane.canvas.tabIndex = 0;
  pane.canvas.setAttribute("role", "img");
  pane.place = el("span", { class: "abv-place" });
  pane.window = el("span", { class: "abv-window" });
  pane.sides = ["top", "right", "bottom", "left"].map((side) => el("span", { class: `abv-letter abv-${side}` }));
  pane.holder = el("div", { class: `abv-pane abv-${name}`, "data-pane": name }, pane.canvas,
    el("span", { class: "abv-name" }, pane.name), pane.place, pane.window, ...pane.sides);
  listen(viewer, pane);
  listenTouch(viewer, pane);
}

function markMode(viewer) {
  for (const b of viewer.modeButtons) b.setAttribute("aria-pressed", String(b.dataset.modeButton === viewer.mode));
}

function showWindow(viewer) {
  const { step, digits } = viewer.scene.header.image, shown = Math.min(digits, step < 1 ? 1 : 0), near = (a, b) => Math.abs(Number(a) - b) < step / 2;
  viewer.windowText.textContent = `W ${viewer.width.toFixed(shown)}  L ${signed(viewer.level, shown)}`;
  for (const pane of viewer.panes) pane.window.textContent = viewer.windowText.textContent;
  for (const b of viewer.presetBox.children) {
    b.setAttribute("aria-pressed", String(near(b.dataset.width, viewer.width) && near(b.dataset.level, viewer.level)));
  }
}

// Everything that depends on the scene: presets, letters, structures, dose controls, notes.
function buildPanels(viewer) {
  const { header } = viewer.scene;
  viewer.presetBox.replaceChildren(...header.presets.map((p) => button(p.name, () => viewer.setWindow(p.width, p.level), {
    "data-width": p.width, "data-level": p.level, title: `Width ${trim(p.width, 4)}, level ${trim(p.level, 4)} ${header.image.unit}`.trim() })));
  showWindow(viewer);
  for (const pane of viewer.panes) {
    const u = header.letters[AXIS_LETTERS[pane.ua]], v = header.letters[AXIS_LETTERS[pane.va]];
    const letters = [pane.flip ? v[1] : v[0], u[1], pane.flip ? v[0] : v[1], u[0]];
    pane.sides.forEach((span, i) => { span.textContent = letters[i]; });
  }
  viewer.noteText.textContent = header.notes.join(" ");
  buildSides(viewer);
  viewer.side.replaceChildren(structuresPanel(viewer));
  if (viewer.scene.doses.dose_a) viewer.side.append(dosePanel(viewer));
  if (viewer.scene.doses.pet) viewer.side.append(petPanel(viewer));
  viewer.side.hidden = !viewer.structures.length && !Object.keys(viewer.scene.doses).length;
}

function select(options, value, change, attributes = {}) {
  const node = el("select", { onchange: (event) => change(event.target.value), ...attributes },
    ...options.map(([key, text]) => el("option", { value: key }, text)));
  node.value = value;
  return node;
}

function check(text, on, change, attributes = {}) {
  const box = el("input", { type: "checkbox", onchange: (event) => change(event.target.checked), ...attributes });
  box.checked = on;
  return el("label", { class: "abv-check" }, box, text);
}

function slider(text, { min, max, step, value, show, change, name }) {
  const out = el("output", {}, show(value));
  const range = el("input", { type: "range", min, max, step, "aria-label": text, [`data-${name}`]: true,
    oninput: (event) => { const v = Number(event.target.value); out.textContent = show(v); change(v); } });
  range.value = String(value);
  return el("label", { class: "abv-slider" }, el("span", {}, text, out), range);
}

// Where each pane is, and what lies under the pointer (or the crosshair).
function showPlaces(viewer) {
  const at = viewer.mm, { grid } = viewer.scene.image;
  for (const pane of viewer.shownPanes()) {
    const n = grid.count(pane.axis), number = viewer.index[pane.axis] + 1, letter = AXIS_LETTERS[pane.axis];
    pane.place.textContent = `${letter} ${signed(at[pane.axis])} mm   ${number} / ${n}`;
  }
  showReadout(viewer);
  clearTimeout(viewer.labelTimer); // screen readers: once it rests
  viewer.labelTimer = setTimeout(() => describe(viewer), 300);
}

function showReadout(viewer) {
  const mm = viewer.hover ?? viewer.mm, { image, gy, gy_a, gy_b, map, pet } = viewer.valueAt(...mm);
  const parts = [`${viewer.hover ? "Cursor" : "Crosshair"}  x ${signed(mm[0])}  y ${signed(mm[1])}  z ${signed(mm[2])} mm`,
    image === null ? (viewer.scene.imageReady ? "outside the image" : "image loading") : imageText(viewer.scene.header.image, image)];
  if (viewer.splitsDose) parts.push(sideDose(viewer, 0, gy_a), sideDose(viewer, 1, gy_b));
  else if (viewer.scene.doses.dose_a) parts.push(doseLoading(viewer) ? "dose loading" : gy === null ? "no dose here" : doseText(viewer, gy));
  if (viewer.dose.source === "map") parts.splice(2, 0, mapText(viewer, map));
  if (viewer.scene.doses.pet) parts.push(!viewer.scene.doseReady("pet") ? "PET loading" : pet === null ? "no PET here" : petText(viewer.scene.header.doses.pet, pet));
  viewer.cursorText.textContent = parts.join("   \u00b7   ");
}

// A grid that has not arrived says nothing about the dose at a place.
function doseLoading({ scene, dose }) {
  return (dose.source === "difference" ? ["dose_a", "dose_b"] : [dose.source]).some((name) => !scene.doseReady(name));
}

function imageText({ unit, digits }, value) { return `${signed(value, digits)} ${unit}`.trim(); }
function petText({ unit }, value) { return `${signed(value, unit.includes("SUV") ? 2 : 0)} ${unit}`; }

function doseText(viewer, gy) {
  const rx = viewer.scene.header.prescribed_gy;
  if (viewer.dose.source === "difference") return `\u0394 ${gy > 0 ? "+" : ""}${signed(gy, 2)} Gy`;
  return `${signed(gy, 2)} Gy${rx ? ` (${signed((100 * gy) / rx)} %)` : ""}`;
}

function mapText({ scene }, value) {
  const { title, unit, digits, low } = scene.header.doses.map;
  if (!scene.doseReady("map")) return `${title} loading`;
  if (value === null) return `${title}: no value here`;
  return `${title} ${value > 0 && low < 0 ? "+" : ""}${signed(value, digits)} ${unit}`.trim();
}

function describe(viewer) {
  const { scene, dose } = viewer, shown = viewer.structures.filter((s) => viewer.isShown(s)).map((s) => s.name);
  const { image, gy, map } = viewer.valueAt(...viewer.mm), mapped = dose.source === "map" ? `, ${mapText(viewer, map)}` : "", { unit } = scene.header.image;
  for (const pane of viewer.panes) {
    const at = viewer.mm[pane.axis].toFixed(1), number = viewer.index[pane.axis] + 1, count = scene.image.grid.count(pane.axis);
    const says = [`${pane.name} plane at ${AXIS_LETTERS[pane.axis]} ${at} mm, ${number} of ${count}.`,
      `Window ${viewer.width}, level ${viewer.level} ${unit}`.trim() + ".", image === null ? "" : `Crosshair ${imageText(scene.header.image, image)}${mapped}${gy === null ? "" : `, ${gy.toFixed(2)} Gy`}.`,
      shown.length ? `Structures shown: ${shown.slice(0, 12).join(", ")}${shown.length > 12 ? ` and ${shown.length - 12} more` : ""}.` : "No structures shown."];
    if (scene.doses.dose_a) says.push(dose.wash || dose.lines ? `Dose shown as ${[dose.wash && "color wash", dose.lines && "isodose lines"].filter(Boolean).join(" and ")}.` : "Dose hidden.");
    pane.canvas.setAttribute("aria-label", says.filter(Boolean).join(" "));
  }
}

function showProgress(viewer) {
  const { scene } = viewer;
  viewer.progressText.textContent = scene.complete ? "" : `loading full resolution, ${Math.floor(100 * (1 - scene.missingBytes / scene.total))} %`;
}
