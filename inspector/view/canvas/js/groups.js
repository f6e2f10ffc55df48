/** @typedef {import("./canvas.js").GraphCanvas} GraphCanvas */

/** @type {Map<GraphCanvas, string>} Global, since each canvas may load its own copy of the script. */
const GROUPS = (/** @type {any} */ (globalThis).inspectorCanvasGroups ??= new Map());

/**
 * @param {GraphCanvas} canvas
 * @param {string} group The canvases of a group show the same part; "" for none.
 */
export function join(canvas, group) {
  if (group) GROUPS.set(canvas, group);
}

/** @param {GraphCanvas} canvas */
export function leave(canvas) {
  GROUPS.delete(canvas);
}

/**
 * @param {GraphCanvas} canvas
 * @returns {GraphCanvas[]} The others of its group.
 */
export function others(canvas) {
  const group = GROUPS.get(canvas);
  if (!group) return [];
  return [...GROUPS].filter(([other, name]) => name === group && other !== canvas).map(([other]) => other);
}
