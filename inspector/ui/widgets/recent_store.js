// Keeps the list of recent models in the browser's storage.

const MOST = 5;

/** @typedef {{ ref: [string, string], part: string }} Recent A model, as inspector/ui/session/recent.py has it. */

/**
 * @param {string} key
 * @returns {Recent[]} What was stored; nothing where the storage is closed or holds something else.
 */
function read(key) {
  try {
    const stored = JSON.parse(localStorage.getItem(key) ?? "[]");
    return Array.isArray(stored) ? stored.filter((model) => Array.isArray(model?.ref)) : [];
  } catch {
    return [];
  }
}

/** @param {Recent} model */
const nameOf = (model) => JSON.stringify([model.ref, model.part]);

/** @param {{ data: { key: string, models: Recent[], listed: boolean }, setStateValue: (name: string, value: string) => void }} component */
export default function ({ data, setStateValue }) {
  const own = new Set(data.models.map(nameOf));
  const others = read(data.key).filter((model) => !own.has(nameOf(model)));
  const models = JSON.stringify([...data.models, ...others].slice(0, MOST));
  try {
    localStorage.setItem(data.key, models);
  } catch {
    return; // A browser without storage lists what this session opened.
  }
  if (!data.listed) return;
  // Once in a window: afterwards the session knows them.
  if (document.documentElement.dataset.recent === data.key) return;
  document.documentElement.dataset.recent = data.key;
  if (others.length) setStateValue("stored", models);
}
