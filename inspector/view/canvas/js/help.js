/** Keys or gesture, effect, and the action that the page must handle for the line to be listed. */
const GESTURES = /** @type {[keys: string, effect: string, action?: string][]} */ ([
  ["↑ ↓ ← →", "Move along the edges, or to the nearest box"],
  ["Home End", "First and last box"],
  ["Enter", "Select; with Ctrl or Shift one more"],
  ["Space", "Add to the selection, or remove from it"],
  ["Esc", "Clear the selection"],
  ["E", "Open the scope, or close the enclosing one"],
  ["> <", "Open, or close, one level of scopes"],
  ["H", "The first picture"],
  [", .", "Back and forward", "back"],
  ["O", "Use the selection as output, or remove it", "output"],
  ["I", "Use the selection as input: the graph is cut there", "input"],
  ["T", "Trace: upstream, downstream, both, or between several boxes", "trace"],
  ["/", "Search; Enter goes from match to match", "find"],
  ["+ -", "Zoom"],
  ["F 0", "Fit all, fit the width"],
  ["Shift + arrows", "Move the picture"],
  ["S", "Full screen; Esc leaves it"],
  ["M", "Show or hide the minimap"],
  ["D", "Show or hide the details", "details"],
  ["?", "This list; Esc closes it"],
  ["Click", "Select; with Ctrl or Shift several"],
  ["Double click", "Open or close a scope"],
  ["Drag", "Move the picture, or the frame in the minimap"],
  ["Wheel, pinch", "Zoom; hold Ctrl where the page scrolls and the picture has no focus"],
]);

/** The list of keys and gestures, over the stage. */
export class Help {
  #dialog;
  #button;

  /**
   * @param {HTMLElement} dialog
   * @param {HTMLElement} button Its `aria-expanded` says whether the list is open.
   */
  constructor(dialog, button) {
    this.#dialog = dialog;
    this.#button = button;
  }

  /**
   * @param {AbortSignal} signal Removes the listener.
   * @param {() => void} leave Called for a key that closes the list.
   */
  listen(signal, leave) {
    this.#dialog.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" && event.key !== "?") return;
      event.stopPropagation();
      leave();
    }, { signal });
  }

  get isOpen() {
    return !this.#dialog.hidden;
  }

  close() {
    this.#dialog.hidden = true;
    this.#button.setAttribute("aria-expanded", "false");
  }

  /** @param {(action: string) => boolean} handles Whether the page handles an action. */
  open(handles) {
    this.#dialog.hidden = false;
    this.#button.setAttribute("aria-expanded", "true");
    const list = document.createElement("dl");
    for (const [keys, effect, action] of GESTURES) {
      if (action && !handles(action)) continue;
      const term = document.createElement("dt"), description = document.createElement("dd");
      term.textContent = keys;
      description.textContent = effect;
      list.append(term, description);
    }
    this.#dialog.replaceChildren(list);
    this.#dialog.focus({ preventScroll: true });
  }
}
