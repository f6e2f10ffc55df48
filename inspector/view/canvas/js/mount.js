import { GraphCanvas } from "./canvas.js";

/** @typedef {import("./settings.js").Data} Data */
/** @typedef {import("./outbox.js").Send} Send */

/** @type {WeakMap<HTMLElement, GraphCanvas>} */
const CANVASES = new WeakMap();

/** @typedef {{ canvas: GraphCanvas, taken: () => void }} Early A canvas from before its page had loaded. */
/** @type {{ inspectorEarly?: Early, inspectorHasCanvas?: boolean }} */
const PAGE = globalThis;

/**
 * The canvas that the page showed early, in the place of the elements for a new one.
 *
 * @param {HTMLElement} parent
 * @param {Data} data
 * @returns {GraphCanvas | undefined}
 */
function takeEarly(parent, data) {
  const early = PAGE.inspectorEarly;
  if (!data.fills || !early) return undefined;
  early.canvas.moveTo(parent);
  early.taken();
  return early.canvas;
}

/**
 * Streamlit calls this again whenever data or theme change: one canvas per mounted element.
 *
 * @param {{ data: Data, parentElement: HTMLElement, setStateValue: Send | null, setTriggerValue: Send | null }} component
 *   Without functions, a picture that is shown early: what is done on it waits for them.
 * @returns {() => void}
 */
export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  let canvas = CANVASES.get(parentElement);
  if (!canvas?.isMounted) {
    canvas?.unmount();
    canvas = takeEarly(parentElement, data) ?? new GraphCanvas(parentElement);
    CANVASES.set(parentElement, canvas);
  }
  if (setStateValue && setTriggerValue) {
    canvas.outbox.connect(setStateValue, setTriggerValue);
    PAGE.inspectorHasCanvas ||= data.fills;
  } else PAGE.inspectorEarly = { canvas, taken: () => {} };
  canvas.update(data);
  const mounted = canvas;
  return () => {
    mounted.unmount();
    CANVASES.delete(parentElement);
  };
}
