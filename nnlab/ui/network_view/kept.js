/* What a visitor has changed and pinned, over a reload of the page: the switch of the theme needs one. */

const KEY = "nnlab-film";

/** Keep what the view of a film shows; nothing where nothing is changed or pinned. */
export function keep(storage, { film, edits, pinned, frame }) {
  if (edits.length || pinned) storage.setItem(KEY, JSON.stringify({ id: film.id, edits, pinned, frame }));
}

/** What was kept of this film, once. */
export function restored(storage, { id }) {
  const kept = JSON.parse(storage.getItem(KEY));
  if (kept?.id !== id) return null;
  storage.removeItem(KEY);
  return { edits: kept.edits, pinned: kept.pinned, frame: kept.frame };
}
