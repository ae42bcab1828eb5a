// focus.js - hands a place that Python wants shown to the viewer of its scene (see viewer.py).
"use strict";

export default function ({ data }) {
  if (!data?.id) return;
  if (!globalThis.__abscopeFocus) globalThis.__abscopeFocus = { wanted: null, done: new Set(), listeners: new Set() };
  const hub = globalThis.__abscopeFocus;
  hub.wanted = data;
  for (const listener of hub.listeners) listener();
}
