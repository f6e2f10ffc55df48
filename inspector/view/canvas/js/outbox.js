/** @typedef {(name: string, value: unknown) => void} Send A function of Streamlit's. */
/** @typedef {{ n: number, do: string, name: string }} Act One action, numbered in order. */

/** Milliseconds from a selection until Python gets it. */
const DEBOUNCE = 120;

/** What the canvas sends to Python: selections as state, actions as triggers. */
export class Outbox {
  /** @type {Act[]} Actions that Python has not handled yet. */
  #acts = [];
  #number = Date.now();
  #timer = 0;
  /** @type {Send | null} Null before there is anybody to send to. */
  #setState = null;
  /** @type {Send | null} */
  #setTrigger = null;
  #hasSelection = false;
  #selected;

  /** @param {() => Iterable<string>} selected Returns the names that are selected now. */
  constructor(selected) {
    this.#selected = selected;
  }

  /**
   * Send to these from now on, and soon what has waited for them.
   *
   * @param {Send} setState
   * @param {Send} setTrigger
   */
  connect(setState, setTrigger) {
    const isFirst = !this.#setState;
    this.#setState = setState;
    this.#setTrigger = setTrigger;
    if (isFirst) setTimeout(() => this.#sendWaiting());
  }

  #sendWaiting() {
    if (this.#hasSelection) this.#sendSelection();
    if (this.#acts.length) this.#setTrigger?.("act", { acts: this.#acts });
  }

  get isEmpty() {
    return !this.#acts.length;
  }

  /** @param {number} number Of the last action that Python has handled. */
  drop(number) {
    this.#acts = this.#acts.filter((act) => act.n > number);
  }

  /** Send the selection soon. */
  selectionChanged() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#sendSelection(), DEBOUNCE);
  }

  /** Drop the selection that waits to be sent. */
  stop() {
    clearTimeout(this.#timer);
    this.#timer = 0;
  }

  /** Send the selection that waits, if one does. */
  flush() {
    if (this.#timer) this.#sendSelection();
  }

  #sendSelection() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#hasSelection = !this.#setState;
    // The number makes Streamlit report a selection that equals an older one.
    this.#setState?.("selected", { n: ++this.#number, names: [...this.#selected()] });
  }

  /**
   * @param {string} action
   * @param {string} name
   */
  act(action, name) {
    this.flush(); // with the action in one message, so that the page runs once
    // All unhandled actions: of two triggers in one run of the page only the last one arrives.
    this.#acts.push({ n: ++this.#number, do: action, name });
    this.#setTrigger?.("act", { acts: this.#acts });
  }
}
