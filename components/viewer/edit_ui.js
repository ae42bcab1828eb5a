// edit_ui.js - the toolbar of the edit mode. Names from files go through textContent only.

function buildEditor(editor) {
  const { viewer } = editor;
  editor.toggle = button("Edit contours", () => editor.setOn(!editor.on), {
    "data-edit": true, "aria-pressed": "false", title: "Draw on the axial plane; what you save is a new version" });
  editor.list = el("select", { "aria-label": "Structure to edit", "data-edit-structure": true, onchange: (event) => editor.choose(event.target.value) });
  editor.name = el("select", { "aria-label": "Name of the new structure (TG-263)", "data-edit-name": true,
    onchange: (event) => { editor.newName = event.target.value; editor.tell(""); } });
  editor.toolButtons = TOOLS.map(([tool, label, key, title]) => button(label, () => editor.setTool(tool), {
    "data-tool": tool, title: `${title} (key ${key})` }));
  editor.sizeField = el("input", { type: "number", min: LEAST_BRUSH_MM, max: MOST_BRUSH_MM, step: 1, "aria-label": "Brush diameter in millimeters",
    "data-brush": true, onchange: (event) => editor.setSize(Number(event.target.value) || editor.size) });
  const act = (name, label, title, run) => (editor[name] = button(label, run, { [`data-${name.toLowerCase()}`]: true, title }));
  editor.confirm = el("span", { class: "abv-confirm", hidden: true, role: "alertdialog", "aria-label": "Discard the edits?" });
  editor.note = el("span", { class: "abv-edit-note", role: "status", "data-edit-note": true });
  editor.tools = el("div", { class: "abv-bar abv-edit", role: "group", "aria-label": "Edit contours", hidden: true },
    editor.list, editor.name, el("div", { class: "abv-seg", role: "group", "aria-label": "Tool" }, ...editor.toolButtons),
    el("label", { class: "abv-check", title: "Diameter of brush and eraser (keys [ and ]; with Shift by 10 mm)" }, "Size", editor.sizeField, "mm"),
    act("undoButton", "Undo", "Undo the last step (Ctrl Z)", () => editor.undo()),
    act("redoButton", "Redo", "Redo (Ctrl Shift Z)", () => editor.redo()),
    act("copyUp", "Copy from above", "Take over the contour of the next slice towards the head", () => editor.copy(1)),
    act("copyDown", "Copy from below", "Take over the contour of the next slice towards the feet", () => editor.copy(-1)),
    act("clearSlice", "Delete slice", "Remove the contour from this slice (Delete key)", () => editor.clear()),
    act("fillBetween", "Interpolate", "Fill the slices between those you have drawn on, by shape (key I). Contours that lie between are replaced", () => editor.interpolate()),
    act("saveButton", "Save version", "Store a new version with your name and the time; the set you started from stays as it is", () => editor.save()),
    act("dropButton", "Discard", "Throw the unsaved edits of this structure away", () => askDiscard(editor)),
    editor.confirm, editor.note);
  editor.tools.addEventListener("keydown", (event) => keysOfToolbar(viewer, event));
  viewer.pickButton.before(editor.toggle);
  viewer.root.firstChild.after(editor.tools);
  showEditor(editor);
}

// After a press on a tool the keys go on working as on the pane; those of buttons and fields stay theirs.
function keysOfToolbar(viewer, event) {
  if (event.target.tagName !== "BUTTON" || viewer.editor.confirm.contains(event.target) || [" ", "Enter", "Tab", "Escape"].includes(event.key)) return;
  pressKey(viewer, viewer.panes[0], event);
}

// Lists depend on the scene.
function fillEditor(editor) {
  const { offer } = editor, groups = new Map();
  for (const [key, name, group] of editor.choices()) {
    if (!groups.has(group)) groups.set(group, el("optgroup", { label: group }));
    groups.get(group).append(el("option", { value: key }, name));
  }
  editor.list.replaceChildren(el("option", { value: "" }, "Structure \u2026"), ...groups.values());
  editor.name.replaceChildren(el("option", { value: "" }, "Name \u2026"), ...(offer?.names ?? []).map((n) => el("option", { value: n }, n)));
  editor.toggle.hidden = !offer;
  editor.toggle.disabled = !!offer?.refused;
  if (offer?.refused) editor.toggle.title = offer.refused;
  showEditor(editor);
}

function showEditor(editor) {
  if (!editor.tools) return;
  const { draft, on, ready } = editor, n = draft?.planes.size ?? 0, sending = !!draft?.sending;
  editor.toggle.setAttribute("aria-pressed", String(on));
  editor.viewer.root.classList.toggle("abv-editing", on && ready && editor.tool !== "cross");
  editor.tools.hidden = !on;
  editor.list.value = editor.chosen;
  editor.list.disabled = sending;
  editor.name.hidden = !editor.isNew;
  editor.name.value = editor.newName ?? "";
  editor.toolButtons.forEach((b) => { b.disabled = !ready; b.setAttribute("aria-pressed", String(b.dataset.tool === editor.tool)); });
  editor.sizeField.value = String(editor.size);
  editor.undoButton.disabled = !ready || !draft?.done.length;
  editor.redoButton.disabled = !ready || !draft?.undone.length;
  for (const b of [editor.copyUp, editor.copyDown, editor.clearSlice]) b.disabled = !ready;
  editor.fillBetween.disabled = !ready || n < 2;
  editor.saveButton.disabled = editor.dropButton.disabled = !n || sending;
  editor.saveButton.classList.toggle("abv-primary", n > 0);
  if (!n) editor.confirm.hidden = true;
  const unsaved = n ? `${n} ${n === 1 ? "slice" : "slices"} edited, not saved.` : "";
  const hint = editor.chosen ? startedFrom(editor) : "Choose a structure to edit.";
  editor.note.textContent = editor.says || unsaved || hint;
  editor.note.classList.toggle("abv-wrong", !!editor.wrong && !!editor.says);
}

// Names are the same in several sets: say which one this is.
function startedFrom(editor) {
  const group = editor.choices().find(([key]) => key === editor.chosen)?.[2] ?? "";
  return `${editor.isNew ? "New structure" : editor.structure?.name ?? ""} \u00b7 ${group}. Draw on the axial plane.`;
}

function askDiscard(editor) {
  const n = editor.draft?.planes.size ?? 0, close = () => { editor.confirm.hidden = true; editor.dropButton.focus(); };
  const yes = button("Discard", () => { close(); editor.discard(); }, { "data-discard": true });
  editor.confirm.replaceChildren(`Discard the edits on ${n} ${n === 1 ? "slice" : "slices"}?`, yes, button("Keep drawing", close, { "data-keep": true }));
  editor.confirm.hidden = false;
  yes.focus();
}
