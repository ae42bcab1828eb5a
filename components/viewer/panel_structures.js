// panel_structures.js - the legend: show, solo, color, line and fill of each structure.

const LINE_WORDS = [["solid", "Solid"], ["dashed", "Dashed"], ["dotted", "Dotted"], ["none", "None"]];
const FILL_WORDS = [["", "As all"], ["yes", "Filled"], ["no", "Not filled"]];

function structuresPanel(viewer) {
  const panel = el("section", { class: "abv-panel abv-structures", "aria-label": "Structures" });
  if (!viewer.structures.length) { panel.hidden = true; return panel; }
  const rows = viewer.structures.map((s, i) => structureRow(viewer, s, i));
  const all = (on) => {
    viewer.structures.forEach((s, i) => { if (s.slabs) { s.visible = on; rows[i].box.checked = on; } });
    viewer.setSolo(null);
  };
  viewer.soloButtons = rows.map((row) => row.solo);
  viewer.soloNote = el("p", { class: "abv-solo-note", role: "status", hidden: true });
  panel.append(el("div", { class: "abv-head" }, el("h3", {}, "Structures"),
    button("All", () => all(true), { class: "abv-small" }), button("None", () => all(false), { class: "abv-small" })));
  panel.append(el("div", { class: "abv-row" },
    check("Lines", viewer.lines, (on) => { viewer.lines = on; viewer.requestDraw(); }, { "data-lines": true }),
    check("Fill", viewer.fill, (on) => { viewer.fill = on; viewer.requestDraw(); }, { "data-fill": true })), viewer.soloNote);
  const list = el("div", { class: "abv-list" });
  let group = null;
  viewer.structures.forEach((s, i) => {
    if (s.group !== group) {
      group = s.group;
      list.append(el("h4", {}, group, el("span", {}, s.dashed ? "dashed" : "solid")));
    }
    list.append(rows[i].item, rows[i].style);
  });
  panel.append(list);
  const { convention } = viewer.scene.header;
  if (convention || new Set(viewer.structures.map((s) => s.dashed)).size > 1) {
    panel.append(el("p", { class: "abv-convention", "data-convention": true }, convention || "Solid: drawn by people. Dashed: drawn by an engine."));
  }
  markSolo(viewer);
  return panel;
}

function structureRow(viewer, s, i) {
  const box = el("input", { type: "checkbox", "data-structure": i, disabled: !s.slabs,
    onchange: (event) => { s.visible = event.target.checked; viewer.requestDraw(); } });
  box.checked = s.visible;
  const style = el("div", { class: "abv-style", "data-style": i, hidden: true });
  const mark = el("span", { class: "abv-swatch" }), open = () => {
    style.hidden = !style.hidden;
    swatch.setAttribute("aria-expanded", String(!style.hidden));
    if (style.hidden) return;
    style.replaceChildren(...styleControls(viewer, s, i, () => paintSwatch(mark, s)));
    style.scrollIntoView({ block: "nearest" });
  };
  const swatch = button(mark, open, { class: "abv-look", "data-look": i, "aria-expanded": "false", disabled: !s.slabs,
    title: "Color, line and fill", "aria-label": `Color, line and fill of ${s.name}` });
  paintSwatch(mark, s);
  const label = el("label", { title: s.slabs ? s.name : `${s.name}: no closed contour` }, box, el("span", { class: "abv-text" }, s.name));
  const solo = button(soloIcon(), () => viewer.setSolo(viewer.solo === s.kin ? null : s.kin), {
    class: "abv-go", "data-solo": i, title: "Only this structure, in every set", "aria-label": `Show only ${s.name}`, "aria-pressed": "false", disabled: !s.slabs });
  const go = button(targetIcon(), () => { viewer.goto(s.centre()); viewer.notify(); }, {
    class: "abv-go", title: "Go to this structure", "aria-label": `Go to ${s.name}`, disabled: !s.slabs });
  const doubt = s.low || s.reason ? [button(s.low ? "low" : "note", open, { class: "abv-doubt", "data-doubt": i, title: doubtText(s), "aria-label": `${s.name}: ${doubtText(s)}` })] : [];
  return { box, solo, style, item: el("div", { class: "abv-item" }, swatch, label, ...doubt, solo, go) };
}

function doubtText(s) {
  const number = s.confidence === null ? "" : ` ${s.confidence.toFixed(2)}`;
  return `${s.low ? "Low confidence" : "Confidence"}${number}${s.reason ? `: ${s.reason}` : "."}`;
}

function paintSwatch(mark, s) {
  mark.style.setProperty("--abv-color", s.css);
  mark.style.setProperty("--abv-line", s.line);
  mark.classList.toggle("abv-filled", s.fill === true);
}

function styleControls(viewer, s, i, repaint) {
  const change = (what, value) => { viewer.restyle(s, { [what]: value }); repaint(); };
  const color = el("input", { type: "color", "data-color": i, "aria-label": `Color of ${s.name}`, oninput: (event) => change("color", event.target.value) });
  color.value = s.hex;
  const line = select(LINE_WORDS, s.line, (value) => change("line", value), { "data-line": i, "aria-label": `Line of ${s.name}` });
  const fill = select(FILL_WORDS, s.fill === null ? "" : s.fill ? "yes" : "no", (value) => change("fill", value ? value === "yes" : null),
    { "data-fill-of": i, "aria-label": `Fill of ${s.name}` });
  const controls = [el("label", {}, "Color", color), el("label", {}, "Line", line), el("label", {}, "Fill", fill)];
  if (s.confidence !== null || s.reason) controls.push(el("p", { class: "abv-reason" }, doubtText(s)));
  return controls;
}

function markSolo(viewer) {
  if (!viewer.soloNote) return;
  const alone = viewer.structures.filter((s) => viewer.solo === s.kin);
  viewer.structures.forEach((s, i) => viewer.soloButtons[i].setAttribute("aria-pressed", String(viewer.solo === s.kin)));
  viewer.soloNote.hidden = !alone.length;
  viewer.soloNote.replaceChildren(...(alone.length ? [`Only ${alone[0].name} is shown. `, button("Show the others", () => viewer.setSolo(null), { class: "abv-small", "data-solo-off": true })] : []));
}

function icon(...shapes) {
  const svg = (tag, attributes) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  };
  const made = svg("svg", { viewBox: "0 0 16 16", width: 14, height: 14, "aria-hidden": "true", fill: "none", stroke: "currentColor", "stroke-width": 1.4 });
  made.append(...shapes.map(([tag, attributes]) => svg(tag, attributes)));
  return made;
}

function targetIcon() { return icon(["circle", { cx: 8, cy: 8, r: 4.2 }], ["path", { d: "M8 0.8v5M8 10.2v5M0.8 8h5M10.2 8h5" }]); }

function soloIcon() { // an eye
  return icon(["path", { d: "M1 8c2-3.4 4.3-5 7-5s5 1.6 7 5c-2 3.4-4.3 5-7 5s-5-1.6-7-5z" }], ["circle", { cx: 8, cy: 8, r: 2.1 }]);
}
