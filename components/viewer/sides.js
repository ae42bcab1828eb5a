// sides.js - two axial panes of one slice side by side: a set of structures, and of two plans one, each.

const SIDES = [{ pane: "axial", dose: "dose_a", plan: "Plan A" }, { pane: "compare", dose: "dose_b", plan: "Plan B" }];

function headings(viewer) { return [...new Set(viewer.structures.filter((s) => s.slabs).map((s) => s.group))]; }

function canCompare(viewer) { return headings(viewer).length > 1 || !!viewer.scene.doses.dose_b; }

// Sets that are still there stay on their side; at first the first two, or all on both of two plans.
function startSides(viewer) {
  const found = headings(viewer), kept = viewer.sides.some(Boolean) && viewer.sides.every((s) => !s || found.includes(s));
  if (!kept) viewer.sides = found.length > 1 && !viewer.scene.doses.dose_b ? found.slice(0, 2) : ["", ""];
}

function buildSides(viewer) {
  startSides(viewer);
  const found = headings(viewer), options = [["", "All structures"], ...found.map((name) => [name, name])];
  SIDES.forEach((side, i) => {
    const { holder } = viewer.panes.find((pane) => pane.id === side.pane), bar = el("div", { class: "abv-of-side" });
    if (found.length > 1) {
      bar.append(select(options, viewer.sides[i], (value) => { viewer.sides[i] = value; viewer.requestDraw(); },
        { "data-side": i, "aria-label": `Structures on the ${i ? "right" : "left"}` }));
    }
    if (viewer.scene.doses.dose_b) bar.append(el("span", { class: "abv-plan" }, side.plan));
    holder.querySelector(".abv-of-side")?.remove();
    holder.append(bar);
  });
  const mode = viewer.modeButtons.find((b) => b.dataset.modeButton === "compare");
  mode.disabled = !canCompare(viewer);
  mode.title = mode.disabled ? "Needs two sets of structures or two plans" : "The same slice twice, a set of structures (or a plan) each";
  if (mode.disabled && viewer.mode === "compare") { viewer.setMode("three"); markMode(viewer); }
}

// The dose of one side under the cursor.
function sideDose({ scene }, i, gy) {
  const { plan, dose } = SIDES[i];
  return `${plan} ${!scene.doseReady(dose) ? "loading" : gy === null ? "no dose here" : `${signed(gy, 2)} Gy`}`;
}
