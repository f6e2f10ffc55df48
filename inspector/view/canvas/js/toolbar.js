import { svgElement } from "./drawing.js";

/** @type {Record<string, string>} Paths of 16 by 16 pixels. */
const ICONS = {
  in: "M8 3v10M3 8h10", out: "M3 8h10", fit: "M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4",
  back: "M13 8H3M7 4L3 8l4 4", forward: "M3 8h10M9 4l4 4-4 4",
  deeper: "M8 2v4M5 4l3-3 3 3M8 14v-4M5 12l3 3 3-3M3 8h10", shallower: "M8 1v4M5 3l3 3 3-3M8 15v-4M5 13l3-3 3 3",
  first: "M2 8l6-6 6 6M4 7v7h8V7", multi: "M3 3h7v7H3zM6 13h7V6", full: "M9 7l5-5M10 2h4v4M7 9l-5 5M6 14H2v-4",
  map: "M2 3h12v10H2zM8 8h5v4H8z", details: "M2 3h12v10H2zM10 3v10",
  help: "M5.5 6a2.5 2.5 0 1 1 3.5 2.2c-.7.4-1 .8-1 1.6M8 13v.01",
};

/** The buttons above the picture; `data-do` names the action of each. */
export class Toolbar {
  /** @type {Map<string, HTMLButtonElement>} */
  #buttons = new Map();

  /** @param {HTMLElement} root */
  constructor(root) {
    for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (root.querySelectorAll(".tools [data-do]"))) {
      const action = button.dataset.do ?? "";
      this.#buttons.set(action, button);
      const icon = svgElement("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, button);
      svgElement("path", { d: ICONS[action] }, icon);
    }
  }

  /**
   * @param {string} action
   * @returns {HTMLButtonElement}
   */
  button(action) {
    const button = this.#buttons.get(action);
    if (!button) throw new Error(`no button for ${action}`);
    return button;
  }

  /**
   * @param {string[]} without Actions that the page does not handle.
   * @param {string[]} can The possible ones of back and forward.
   */
  update(without, can) {
    for (const [action, button] of this.#buttons) {
      if (action !== "details") button.hidden = without.includes(action);
    }
    for (const step of ["back", "forward"]) this.button(step).disabled = !can.includes(step);
  }

  /**
   * @param {string} action
   * @param {boolean} on
   */
  press(action, on) {
    this.button(action).setAttribute("aria-pressed", String(on));
  }
}
