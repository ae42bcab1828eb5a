// wish.js - hands the place and the isodose line that Python wants to the viewer of its scene (see viewer.py).
"use strict";

export default function ({ data }) {
  if (!data?.scene) return;
  if (!globalThis.__abscopeWish) globalThis.__abscopeWish = { wanted: null, done: new Set(), listeners: new Set() };
  const hub = globalThis.__abscopeWish;
  hub.wanted = data;
  for (const listener of hub.listeners) listener();
}
