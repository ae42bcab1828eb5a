// viewer.js - the viewer's state, its redraw and its traffic with Python. Last of the files.

const NOTIFY_AFTER_MS = 150, ASK_AGAIN_MS = 6000, MOST_ASKS = 3;

class Viewer extends Overlays {
  constructor(parent) {
    super();
    this.parent = parent;
    this.drawTimes = [];
    this.drawCount = 0;
    this.look = 0; // grows with every change but of the place
    this.width = 0;
    this.mode = "three";
    this.isodose = null; // a line that Python asks for
    this.hover = null;
    this.seed = null;
    this.picking = false;
    this.fill = false;
    this.lines = true;
    this.dose = { wash: true, lines: true, opacity: 0.4, source: "dose_a", threshold: {}, unit: "Gy", text: {} };
    this.pet = { show: true, opacity: 0.5, top: 0 };
    this.panes = [new Pane(2), new Pane(1), new Pane(0)];
    this.panes.push(new Pane(2, "compare", this.panes[0]));
    this.sides = ["", ""]; // headings shown left and right, empty for all
    this.styles = new Map(); // what a person chose for a structure, over scenes
    this.solo = null;
    buildUi(this);
    this.editor = new Editor(this);
    buildEditor(this.editor);
    this.root.__abscope = hooksOf(this);
    this.root.dataset.mountMs = String(Math.round(performance.now()));
    partsHub().listeners.add((this.onPart = (part) => this.receive(part)));
    wishHub().listeners.add((this.onWish = () => takeWish(this)));
    this.observer = new ResizeObserver(() => this.fitCanvases());
    this.panes.forEach((pane) => this.observer.observe(pane.holder));
    this.observer.observe(this.root);
  }

  update({ data, setStateValue, setTriggerValue }) {
    this.setStateValue = setStateValue;
    this.setTriggerValue = setTriggerValue;
    const height = new DataView(data.buffer, data.byteOffset, 16).getUint32(12, true) || 640;
    this.root.style.setProperty("--abv-height", `${height}px`);
    const scene = sceneId(data) === this.scene?.id ? null : new SceneData(data);
    if (scene) this.show(scene);
  }

  show(scene) {
    const before = this.scene, sameImage = before && before.header.image.id === scene.header.image.id;
    const hidden = new Set((this.structures ?? []).filter((s) => !s.visible && s.slabs).map((s) => s.key));
    if (sameImage && before.complete) scene.takeImage(before);
    this.scene = scene;
    this.asks = 0;
    this.structures = scene.header.structures.map((entry, i) => new Structure(scene, entry, i));
    for (const s of this.structures) {
      if (hidden.has(s.key)) s.visible = false;
      s.style = this.styles.get(s.key) ?? {};
    }
    if (!this.structures.some((s) => s.kin === this.solo)) this.solo = null;
    this.fields = {};
    this.differenceGy = null;
    this.panes.forEach((pane) => { pane.attach(scene); if (!sameImage) pane.resetView(); });
    if (!sameImage) {
      const [z, y, x] = scene.header.focus_zyx;
      this.index = [x, y, z];
      this.seed = null;
    }
    this.startWindow(before, sameImage);
    if (scene.doses.pet && !this.pet.top) this.pet.top = petTop(scene.header.doses.pet);
    this.startDose();
    for (const part of partsHub().parts.values()) scene.apply(part);
    takeWish(this);
    this.root.removeAttribute("data-full");
    buildPanels(this);
    this.editor.attach();
    fillEditor(this.editor);
    this.resizeCanvases();
    cancelAnimationFrame(this.frame); // asked for above; one picture is enough
    this.frame = 0;
    this.look++;
    this.draw();
    this.watchParts();
  }

  receive(part) {
    const { scene } = this, before = scene?.version;
    if (!scene?.apply(part)) return;
    this.watchParts();
    if (scene.version !== before) this.requestDraw();
  }

  // Ask Python again when parts that it believes we have never arrive (this element was rebuilt).
  watchParts() {
    clearTimeout(this.askTimer);
    const { scene } = this;
    showProgress(this);
    if (scene.complete) {
      if (!this.root.hasAttribute("data-full")) this.root.setAttribute("data-full", String(Math.round(performance.now())));
      return;
    }
    this.askTimer = setTimeout(() => {
      if (this.asks++ >= MOST_ASKS) return;
      this.report(true);
      this.watchParts();
    }, ASK_AGAIN_MS);
  }

  get mm() {
    const g = this.scene.image.grid, [x, y, z] = this.index;
    return [g.x0 + x * g.dx, g.y0 + y * g.dy, g.z[z]];
  }

  // A window stays while images of the same unit follow each other (HU, SUV); else the first preset.
  startWindow(before, sameImage) {
    const { image, presets } = this.scene.header, old = before?.header.image;
    const keep = this.width && (sameImage || (old && image.shared_window && old.unit === image.unit));
    const { width, level } = keep ? this : presets[image.first_preset];
    this.setWindow(width, level);
  }

  setWindow(width, level) {
    const { image } = this.scene.header, { step } = image, round = (v) => Number((Math.round(v / step) * step).toPrecision(12));
    this.width = clamp(round(width), step, image.most_width);
    this.level = clamp(round(level), image.lowest_level, image.highest_level);
    this.lut = windowTable(this.width, this.level, image);
    this.lutVersion = `${this.width}/${this.level}`;
    showWindow(this);
    this.requestDraw();
  }

  goto(mm) {
    const g = this.scene.image.grid;
    this.index = [0, 1, 2].map((axis) => g.nearest(axis, mm[axis]));
    this.requestMove();
  }

  scroll(axis, planes) {
    const n = this.scene.image.grid.count(axis), to = clamp(this.index[axis] + planes, 0, n - 1);
    if (to === this.index[axis]) return;
    this.index[axis] = to;
    this.requestMove();
  }

  requestDraw() { this.look++; this.requestMove(); }

  requestMove() { // a pane whose plane stays is not drawn again, only its crosshair and pencil
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => { this.frame = 0; this.draw(); });
  }

  fitCanvases() { if (this.resizeCanvases()) this.draw(); }

  resizeCanvases() {
    const ratio = globalThis.devicePixelRatio || 1;
    let changed = false;
    for (const pane of this.panes) {
      const box = pane.holder.getBoundingClientRect();
      if (box.width && box.height) changed = pane.resize(box.width, box.height, ratio) || changed;
    }
    return changed;
  }

  shownPanes() {
    const [axial, coronal, sagittal, compare] = this.panes;
    if (this.editor.stroke) return this.mode === "compare" ? [axial, compare] : [axial]; // the others follow its end
    return { axial: [axial], compare: [axial, compare] }[this.mode] ?? [axial, coronal, sagittal];
  }

  isShown(s) { return s.slabs > 0 && (this.solo === null ? s.visible : s.kin === this.solo); }

  structuresOn(pane) {
    const side = this.mode === "compare" ? this.sides[SIDES.findIndex((s) => s.pane === pane.id)] : "";
    return this.structures.filter((s) => this.isShown(s) && (!side || s.group === side));
  }

  setSolo(kin) { this.solo = kin; markSolo(this); this.requestDraw(); }

  restyle(structure, change) {
    structure.style = { ...structure.style, ...change };
    this.styles.set(structure.key, structure.style);
    this.requestDraw();
  }

  draw() {
    if (!this.scene || !this.panes[0].ratio) return;
    const started = performance.now(), at = this.mm, { inverted, gap } = this.scene.header.image, laid = this.overlays();
    this.root.classList.toggle("abv-split", this.splitsDose);
    for (const pane of this.shownPanes()) {
      const mm = at[pane.axis];
      pane.keepUnder(`${this.look}/${mm}`, inverted, () => this.drawPlane(pane, mm, laid));
      pane.drawCrosshair(at);
      this.editor.draw(pane);
      pane.drawSeed(this.seed, mm, gap / 2 + 0.01);
    }
    showPlaces(this);
    this.drawCount++;
    this.drawTimes.push(performance.now() - started);
    if (this.drawTimes.length > 1000) this.drawTimes.shift();
    if (!this.root.dataset.ready) {
      this.root.dataset.ready = "1";
      this.root.dataset.firstPictureMs = String(Math.round(performance.now()));
    }
  }

  overlays() { // what lies over the image on every pane
    const hasDose = !!this.scene.doses.dose_a, { lines, wash: washed } = this.dose;
    const levels = hasDose ? this.isodoseLevels().filter((level) => lines || level.asked) : [];
    return { levels, wash: hasDose && washed ? this.washPaint() : null, pet: this.petSource() };
  }

  drawPlane(pane, mm, { levels, wash, pet }) {
    pane.drawImage(this.index[pane.axis], this.lut, this.lutVersion);
    pane.pet.load(pet, pane, mm);
    if (pet) pane.pet.draw(pane, this.petPaint(), this.pet.opacity);
    pane.dose.load(this.doseSource(pane), pane, mm);
    if (wash) pane.dose.draw(pane, wash, this.dose.opacity);
    pane.drawStructures(this.structuresOn(pane), mm, this);
    pane.drawIsodose(levels);
  }

  // Tell Python where the crosshair is: after a release, never while something moves.
  notify() {
    clearTimeout(this.notifyTimer);
    this.notifyTimer = setTimeout(() => this.report(false), NOTIFY_AFTER_MS);
  }

  report(asking) {
    const mm = this.mm.map((v) => Math.round(v * 1000) / 1000), { scene } = this;
    const have = scene.complete ? { scene: scene.id, image: scene.header.image.id } : null;
    const text = JSON.stringify([mm, have]);
    if (!asking && text === this.reported) return;
    this.reported = text;
    this.setStateValue("crosshair", { mm, have });
  }

  pick(mm) {
    this.seed = mm;
    this.setPicking(false);
    this.goto(mm);
    this.setTriggerValue("seed", { mm: mm.map((v) => Math.round(v * 1000) / 1000) });
  }

  setPicking(on) {
    this.picking = on;
    this.root.classList.toggle("abv-picking", on);
    this.pickButton.setAttribute("aria-pressed", String(on));
  }

  setMode(mode) {
    this.mode = mode;
    this.root.dataset.mode = mode;
    this.fitCanvases();
    this.requestDraw();
  }

  resetView() { this.panes.forEach((pane) => pane.resetView()); this.requestDraw(); }

  dispose() {
    clearTimeout(this.askTimer);
    clearTimeout(this.notifyTimer);
    cancelAnimationFrame(this.frame);
    partsHub().listeners.delete(this.onPart);
    wishHub().listeners.delete(this.onWish);
    this.editor.dispose();
    this.observer.disconnect();
    this.root.remove();
    delete this.parent.__abscopeViewer;
  }
}

function sceneId(bytes) {
  const length = new DataView(bytes.buffer, bytes.byteOffset, 16).getUint32(8, true);
  const header = new TextDecoder().decode(bytes.subarray(16, 16 + length));
  return JSON.parse(header).id;
}

export default function (component) {
  const { parentElement, data } = component;
  if (!data) return undefined; // came ahead, so that this module is there when the scene is
  if (!parentElement.__abscopeViewer) parentElement.__abscopeViewer = new Viewer(parentElement);
  const viewer = parentElement.__abscopeViewer;
  viewer.update(component);
  return () => viewer.dispose();
}
