"""The radiotherapy viewer: `scene` packs a case into bytes, `viewer` shows them in the browser."""
