// wishes.js - what Python asks of a viewer that is open: to go to a place, to show an isodose line.

// Where both sides meet (wish.js). A place is gone to once, also by a viewer that is built again later.
function wishHub() {
  if (!globalThis.__abscopeWish) globalThis.__abscopeWish = { wanted: null, done: new Set(), listeners: new Set() };
  return globalThis.__abscopeWish;
}

function takeWish(viewer) {
  const { wanted } = wishHub();
  if (!wanted || wanted.scene !== viewer.scene?.id) return;
  if (wanted.focus) takeFocus(viewer, wanted.focus);
  takeIsodose(viewer, wanted.isodose);
}

// Window, zoom and pan stay.
function takeFocus(viewer, { id, mm }) {
  const { done } = wishHub();
  if (done.has(id)) return;
  done.add(id);
  viewer.goto(mm);
  for (const pane of viewer.shownPanes()) if (pane.ratio && !pane.sees(viewer.mm)) pane.centreOn(viewer.mm);
  viewer.stage.scrollIntoView({ block: "nearest" });
  viewer.notify();
}

// A line asked for anew brings its dose with it; one that stays leaves the person's choice alone.
function takeIsodose(viewer, wanted) {
  const text = JSON.stringify(wanted);
  if (text === viewer.isodoseText) return;
  viewer.isodoseText = text;
  viewer.isodose = wanted && viewer.scene.doses[wanted.of] ? wanted : null;
  if (viewer.isodose) viewer.dose.source = wanted.of;
  refreshDosePanel(viewer);
}
