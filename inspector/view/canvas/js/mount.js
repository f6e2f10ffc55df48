import { GraphCanvas } from "./canvas.js";

/** @typedef {import("./settings.js").Data} Data */
/** @typedef {import("./outbox.js").Send} Send */

/** @type {WeakMap<HTMLElement, GraphCanvas>} */
const CANVASES = new WeakMap();

/**
 * Streamlit calls this again whenever data or theme change: one canvas per mounted element.
 *
 * @param {{ data: Data, parentElement: HTMLElement, setStateValue: Send, setTriggerValue: Send }} component
 * @returns {() => void}
 */
export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  let canvas = CANVASES.get(parentElement);
  if (!canvas?.isMounted) {
    canvas?.unmount();
    canvas = new GraphCanvas(parentElement);
    CANVASES.set(parentElement, canvas);
  }
  canvas.outbox.connect(setStateValue, setTriggerValue);
  canvas.update(data);
  const mounted = canvas;
  return () => {
    mounted.unmount();
    CANVASES.delete(parentElement);
  };
}
