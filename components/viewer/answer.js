// answer.js - hands Python's answer to a saved edit to the viewer (see edit_draft.js), each one once.
"use strict";

export default function ({ data }) {
  const hub = globalThis.__abscopeDrafts;
  if (!hub || !data?.id || hub.answers.has(data.id)) return;
  hub.answers.set(data.id, data); // for an editor that is built later, too
  for (const listener of hub.listeners) listener(data);
}
