// part.js - delivers one late part of a scene to the viewer that shows it (see blob.py).
"use strict";

export default function ({ data, parentElement }) {
  if (!globalThis.__abscopeParts) globalThis.__abscopeParts = { parts: new Map(), listeners: new Set() };
  const hub = globalThis.__abscopeParts;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const id = Array.from(data.subarray(0, 16), (b) => b.toString(16).padStart(2, "0")).join("");
  hub.parts.set(parentElement, { id, offset: view.getUint32(16, true), bytes: data.subarray(24) });
  for (const listener of hub.listeners) listener(hub.parts.get(parentElement));
  return () => hub.parts.delete(parentElement);
}
