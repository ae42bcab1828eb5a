// edit.js - the edit mode: brush, eraser, areas, interpolation, undo and redo on the axial plane.

const EDIT_COLOR = "#3dffd0", LEAST_BRUSH_MM = 2, MOST_BRUSH_MM = 80, ANSWER_WITHIN_MS = 60000;
const TOOLS = [
  ["cross", "Crosshair", "V", "Move the crosshair as usual"],
  ["brush", "Brush", "B", "Paint with a round brush"],
  ["erase", "Eraser", "E", "Take away with a round brush"],
  ["add", "Add area", "P", "Draw a line around what to add: drag, or click corners and press Enter"],
  ["cut", "Cut area", "X", "Draw a line around what to take away: drag, or click corners and press Enter"],
];

class Editor {
  constructor(viewer) {
    this.viewer = viewer;
    this.on = false;
    this.tool = "brush";
    this.size = 12; // diameter, mm
    this.chosen = ""; // key of the structure in the list
    this.path = []; // corners of an area being drawn, flat x and y
    this.live = null; // field of the plane that was drawn on last
    this.says = "";
    draftsHub().listeners.add((this.onAnswer = (answer) => this.answered(answer)));
    document.addEventListener("click", (this.onLeave = (event) => this.leaving(event)), true);
  }

  dispose() {
    const { on, tool, size, newName, says, wrong, chosen, wanted } = this;
    if (on && !this.goes) draftsHub().left = { series: this.offer?.series, state: { on, tool, size, newName, says, wrong, chosen, wanted } };
    draftsHub().listeners.delete(this.onAnswer);
    document.removeEventListener("click", this.onLeave, true);
  }

  // ------------------------------------------------------------------------------ what is edited
  get offer() { return this.viewer.scene?.header.edit ?? null; }
  get grid() { return this.viewer.scene.image.grid; }
  get plane() { return this.viewer.index[2]; }
  get ready() { return this.on && !!this.chosen && !this.draft?.sending; }
  get structure() { return this.viewer.structures.find((s) => s.ref && s.ref === this.chosen) ?? null; }
  get draft() { return draftsHub().drafts.get(this.draftKey) ?? null; }
  get draftKey() { return `${this.offer?.series}/${this.chosen}`; }

  attach() { // a new scene: the draft stays, the field of the old one goes
    this.live = null;
    this.path = [];
    this.takeOver();
    if (!this.offer || this.offer.refused) this.on = false;
    const known = this.choices().map(([key]) => key);
    if (this.wanted && known.includes(this.wanted)) { this.chosen = this.wanted; this.wanted = null; }
    if (!known.includes(this.chosen)) this.chosen = "";
    const unsaved = known.find((key) => draftsHub().drafts.get(`${this.offer?.series}/${key}`)?.planes.size);
    if (!this.chosen && unsaved) this.chosen = unsaved;
    const late = this.draft?.sending && draftsHub().answers.get(this.draft.sending);
    if (late) this.answered(late);
  }

  // Streamlit may build the viewer anew, as when a version joins the page: go on where the one before
  // it was, unless the person left the page.
  takeOver() {
    const { left } = draftsHub();
    if (!left || left.series !== this.offer?.series) return;
    draftsHub().left = null;
    Object.assign(this, left.state);
  }

  choices() { // [key, name, group]
    if (!this.offer || this.offer.refused) return [];
    const drawn = this.viewer.structures.filter((s) => s.ref).map((s) => [s.ref, s.name, s.group]);
    return [...drawn, ...this.offer.sets.map(([uid, name]) => [`${uid}:new`, "New structure \u2026", name])];
  }

  get isNew() { return this.chosen.endsWith(":new"); }

  ownDraft() { // made at the first change
    const hub = draftsHub();
    if (!hub.drafts.has(this.draftKey)) {
      const at = this.chosen.lastIndexOf(":"), number = this.isNew ? null : Number(this.chosen.slice(at + 1));
      hub.drafts.set(this.draftKey, new Draft({
        series: this.offer.series, set: this.chosen.slice(0, at), number, name: this.isNew ? this.newName ?? "" : "",
        version: this.offer.version }));
    }
    return this.draft;
  }

  polygonsAt(k) {
    const edited = this.draft?.planes.get(k);
    if (edited) return edited.polygons;
    const { structure } = this, { points } = this.viewer.scene;
    if (!structure) return [];
    return structure.polygonsAt(this.grid.z[k]).map(([a, b]) => Float64Array.from(points.subarray(2 * a, 2 * b)));
  }

  fieldAt(k) {
    const polygons = this.polygonsAt(k);
    if (this.live?.k === k && this.live.of === (this.draft?.planes.get(k) ?? null) && this.live.key === this.draftKey) return this.live;
    const [x, y] = [this.grid.edges(0), this.grid.edges(1)], reach = bounds(polygons) ?? [x[0], x[1], y[0], y[1]], whole = this.offer.extent;
    const box = [Math.max(whole[0], Math.min(x[0], reach[0])), Math.min(whole[1], Math.max(x[1], reach[1])),
      Math.max(whole[2], Math.min(y[0], reach[2])), Math.min(whole[3], Math.max(y[1], reach[3]))];
    this.live = { k, key: this.draftKey, of: this.draft?.planes.get(k) ?? null, field: OutlineField.drawn(box, Math.min(this.grid.dx, this.grid.dy), polygons) };
    return this.live;
  }

  // ------------------------------------------------------------------------------------- drawing
  // Said when somebody tries to draw on an upright pane.
  elsewhere(pane) {
    if (this.ready && pane.axis !== 2 && this.tool !== "cross") this.tell("Contours are drawn on the axial plane; on this one the crosshair moves.");
  }

  // Whether a press of the left button on this pane draws.
  wants(pane) { return this.ready && pane.axis === 2 && this.tool !== "cross"; }

  press([x, y]) {
    if (this.tool === "brush" || this.tool === "erase") {
      this.stroke = { x, y, k: this.plane };
      this.paint(x, y);
    } else if (!this.strayed()) {
      this.dragged = false;
      this.pathPlane = this.plane;
      this.path.push(x, y);
    }
    this.viewer.requestDraw();
  }

  // A line stays on the slice on which it was begun: from another one, go back there first.
  strayed() {
    if (!this.path.length || this.pathPlane === this.plane) return false;
    this.viewer.goto([...this.viewer.mm.slice(0, 2), this.grid.z[this.pathPlane]]);
    this.tell("Back on the slice where this line was begun: go on, or press Esc to drop it.");
    return true;
  }

  move([x, y]) {
    if (this.stroke) this.paint(x, y);
    else if (this.path.length && this.pathPlane === this.plane) {
      const n = this.path.length, far = Math.hypot(x - this.path[n - 2], y - this.path[n - 1]);
      if (far < 0.3) return;
      this.dragged ||= far > 2;
      if (this.dragged) this.path.push(x, y);
    }
    this.viewer.requestDraw();
  }

  release() {
    if (this.stroke) this.endStroke();
    else if (this.dragged) { this.dragged = false; this.closeArea(); }
  }

  paint(x, y) {
    const { stroke } = this, live = this.fieldAt(stroke.k);
    const changed = live.field.stroke(stroke.x, stroke.y, x, y, this.size / 2, this.tool === "brush");
    stroke.changed ||= changed;
    live.now = null;
    Object.assign(stroke, { x, y });
  }

  endStroke() {
    const { k, changed } = this.stroke;
    this.stroke = null;
    if (changed) this.keep(k);
    else this.viewer.requestDraw();
  }

  closeArea() {
    if (this.strayed()) return;
    const path = Float64Array.from(this.path), k = this.plane;
    this.path = [];
    if (path.length >= 6 && Math.abs(areaOf(path)) > SPECK_MM2) {
      this.fieldAt(k).field.combine([path], this.tool === "add", true);
      this.keep(k);
    }
    this.viewer.requestDraw();
  }

  // Make what the field of a plane shows one step of the draft.
  keep(k) {
    const { live } = this, polygons = live.field.outlines().map((p) => thinned(p)), before = this.polygonsAt(k);
    if (polygons.length || before.length) this.change([[k, { polygons, own: true }]]);
    live.now = null;
    live.of = this.draft?.planes.get(k) ?? null;
  }

  change(changes) {
    this.ownDraft().apply(changes);
    this.tell("");
  }

  dab() { const [x, y] = this.viewer.mm; if (this.tool === "brush" || this.tool === "erase") { this.press([x, y]); this.release(); } }

  // -------------------------------------------------------------------------------- whole slices
  undo() { this.step(this.draft?.undo()); }
  redo() { this.step(this.draft?.redo()); }

  step(done) {
    if (!done) return;
    if (!done.some((change) => change.k === this.plane)) this.viewer.goto([...this.viewer.mm.slice(0, 2), this.grid.z[done[0].k]]);
    this.tell("");
  }

  copy(from) {
    const k = this.plane + from, found = k >= 0 && k < this.grid.nz ? this.polygonsAt(k) : [];
    if (!found.length) return this.tell("There is no contour on that neighboring slice.");
    this.change([[this.plane, { polygons: found.map((p) => p.slice()), own: true }]]);
  }

  clear() {
    if (!this.polygonsAt(this.plane).length) return this.tell("There is no contour on this slice.");
    this.change([[this.plane, { polygons: [], own: true }]]);
  }

  interpolate() {
    const found = this.draft?.interpolated(this.grid.z) ?? [];
    if (!found.length) return this.tell("Draw on two slices with at least one slice between them first.");
    this.change(found);
    this.tell(`${found.length} ${found.length === 1 ? "slice" : "slices"} interpolated.`);
  }

  // ------------------------------------------------------------------------------ save and leave
  save() {
    const { draft } = this;
    if (!draft?.planes.size || draft.sending) return;
    if (draft.number === null) draft.name = this.newName ?? "";
    if (draft.number === null && !draft.name) return this.tell("Choose a name for the new structure first.", true);
    draft.sending = Array.from(crypto.getRandomValues(new Uint8Array(8)), (b) => b.toString(16).padStart(2, "0")).join("");
    this.viewer.setTriggerValue("edit", draft.message(this.grid.z));
    this.tell("Saving \u2026");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (draft.sending) { draft.sending = ""; this.tell("No answer from the server. Your drawing is kept: save again.", true); }
    }, ANSWER_WITHIN_MS);
  }

  answered({ id, ok, text, version, ref }) {
    const hub = draftsHub(), [key, draft] = [...hub.drafts].find(([, d]) => d.sending === id) ?? [];
    if (!draft) return;
    draft.sending = "";
    if (version) draft.version = version;
    if (ok) {
      hub.drafts.delete(key);
      this.wanted = ref;
      this.newName = "";
      this.live = null;
      this.attach();
    }
    this.tell(text, !ok);
  }

  discard() {
    draftsHub().drafts.delete(this.draftKey);
    this.path = [];
    this.live = null;
    this.tell("The edits were discarded.");
  }

  leaving(event) {
    const link = event.composedPath().find((node) => node.tagName === "A" && node.href);
    const unsaved = unsavedDrafts().filter((draft) => draft.series === this.offer?.series); // of this page, said once
    this.goes = !!link && link.target !== "_blank" && !event.ctrlKey && !event.metaKey;
    if (!this.goes || !unsaved.length) return;
    const slices = unsaved.reduce((n, draft) => n + draft.planes.size, 0);
    const text = `Edited contours on ${slices} ${slices === 1 ? "slice" : "slices"} are not saved. They stay in this browser tab until it is closed or reloaded. Leave this page?`;
    if (!confirm(text)) { this.goes = false; event.preventDefault(); event.stopImmediatePropagation(); }
  }

  tell(text, wrong = false) {
    this.says = text;
    this.wrong = wrong;
    this.viewer.requestDraw();
    showEditor(this);
  }

  // -------------------------------------------------------------------------------- keys, screen
  key(event) { // true when it was ours
    if (!this.on) return false;
    const { key } = event, held = event.ctrlKey || event.metaKey;
    if (held && key.toLowerCase() === "z") { if (event.shiftKey) this.redo(); else this.undo(); return true; }
    if (held && key.toLowerCase() === "y") { this.redo(); return true; }
    if (held || event.altKey || !this.ready) return false;
    const tool = TOOLS.find(([, , letter]) => letter.toLowerCase() === key.toLowerCase()), open = this.path.length > 0;
    const act = tool ? () => this.setTool(tool[0]) : {
      "[": () => this.setSize(this.size - 1), "]": () => this.setSize(this.size + 1), "{": () => this.setSize(this.size - 10), "}": () => this.setSize(this.size + 10),
      " ": () => this.dab(), i: () => this.interpolate(), Delete: () => this.clear(),
      ...(open && { Enter: () => this.closeArea(), Escape: () => this.dropArea(), Backspace: () => { this.path.splice(-2); this.viewer.requestDraw(); } }),
    }[key];
    if (!act) return false;
    act();
    return true;
  }

  dropArea() { this.path = []; this.dragged = false; this.viewer.requestDraw(); }

  setTool(tool) { this.dropArea(); this.tool = tool; this.tell(""); }
  setSize(mm) { this.size = clamp(Math.round(mm), LEAST_BRUSH_MM, MOST_BRUSH_MM); this.tell(this.says, this.wrong); }
  setOn(on) { this.on = on; this.dropArea(); if (on) this.attach(); this.tell(""); }
  choose(key) { this.chosen = key; this.live = null; this.dropArea(); const s = this.structure; if (s && !this.polygonsAt(this.plane).length) this.viewer.goto(s.centre()); this.tell(""); }

  shown(k) { // outlines to draw on a plane, null for none
    if (this.stroke?.k === k && this.live) return (this.live.now ??= this.live.field.outlines());
    return this.on ? this.polygonsAt(k) : this.draft?.planes.get(k)?.polygons ?? null;
  }

  draw(pane) {
    if (!this.offer || !this.chosen) return;
    if (pane.axis !== 2) return this.drawSection(pane);
    const { ctx, ratio } = pane, { toX, toY, s } = pane.project(), polygons = this.shown(this.plane);
    if (polygons?.length) {
      ctx.beginPath();
      for (const p of polygons) {
        for (let i = 0; i < p.length; i += 2) ctx[i ? "lineTo" : "moveTo"](toX(p[i]), toY(p[i + 1]));
        ctx.closePath();
      }
      ctx.fillStyle = EDIT_COLOR;
      ctx.globalAlpha = 0.13;
      ctx.fill("evenodd");
      ctx.globalAlpha = 1;
      doubleLine(ctx, ratio);
    }
    if (this.path.length && this.pathPlane === this.plane) {
      const at = this.viewer.hover;
      ctx.beginPath();
      for (let i = 0; i < this.path.length; i += 2) ctx[i ? "lineTo" : "moveTo"](toX(this.path[i]), toY(this.path[i + 1]));
      if (at && !this.dragged) ctx.lineTo(toX(at[0]), toY(at[1]));
      ctx.setLineDash([5 * ratio, 3 * ratio]);
      doubleLine(ctx, ratio);
      ctx.setLineDash([]);
    }
    this.drawBrush(pane, toX, toY, s);
  }

  drawBrush(pane, toX, toY, s) {
    const { hover } = this.viewer;
    if (!hover || !this.wants(pane) || !(this.tool === "brush" || this.tool === "erase")) return;
    pane.ctx.beginPath();
    pane.ctx.arc(toX(hover[0]), toY(hover[1]), (this.size / 2) * s, 0, 2 * Math.PI);
    if (this.tool === "erase") pane.ctx.setLineDash([4 * pane.ratio, 3 * pane.ratio]);
    doubleLine(pane.ctx, pane.ratio);
    pane.ctx.setLineDash([]);
  }

  // Edited planes as bars on the upright panes.
  drawSection(pane) {
    const { draft } = this, at = this.viewer.mm[pane.axis], { toX, toY } = pane.project(), { z } = this.grid;
    if (!draft) return;
    pane.ctx.fillStyle = EDIT_COLOR;
    pane.ctx.globalAlpha = 0.45;
    for (const [k, { polygons }] of draft.planes) {
      const flipped = pane.axis === 0 ? polygons.map((p) => p.map((_, i) => p[i ^ 1])) : polygons, cuts = crossings(flipped, at);
      const low = k ? (z[k - 1] + z[k]) / 2 : z[k] - this.grid.gap / 2, high = k + 1 < z.length ? (z[k] + z[k + 1]) / 2 : z[k] + this.grid.gap / 2;
      for (let i = 0; i + 1 < cuts.length; i += 2) pane.ctx.fillRect(toX(cuts[i][0]), toY(high), toX(cuts[i + 1][0]) - toX(cuts[i][0]), toY(low) - toY(high));
    }
    pane.ctx.globalAlpha = 1;
  }
}

function doubleLine(ctx, ratio) { // readable on black and on white
  ctx.lineJoin = "round";
  ctx.strokeStyle = "rgba(0, 0, 0, 0.75)";
  ctx.lineWidth = 3.6 * ratio;
  ctx.stroke();
  ctx.strokeStyle = EDIT_COLOR;
  ctx.lineWidth = 1.7 * ratio;
  ctx.stroke();
}
