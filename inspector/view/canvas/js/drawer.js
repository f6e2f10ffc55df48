/** Pixels: least and largest width of the drawer, the first width, and a step by key. */
const LIMITS = [240, 720], FIRST = 300, STEP = 24;
/** @type {{ width: number }} Global: the width holds for every canvas of the tab. */
const DRAWER = (/** @type {any} */ (globalThis).inspectorDrawer ??= { width: FIRST });
const ROOT = document.documentElement;

/**
 * The details at the right of the canvas, a part of the page. The page's style reads two signs on
 * the root element: `data-drawer`, "open" or "closed", and `--drawer-width`.
 */
export class Drawer {
  #handle;
  #button;
  #changed;
  #isUsed = false;
  #timer = 0;
  #content = "";

  /**
   * @param {HTMLElement} handle Dragged to resize the drawer.
   * @param {HTMLElement} button Toggles the drawer.
   * @param {() => void} changed Called after the drawer opened, closed or changed its width.
   */
  constructor(handle, button, changed) {
    this.#handle = handle;
    this.#button = button;
    this.#changed = changed;
  }

  /** @param {AbortSignal} signal Removes the listeners. */
  listen(signal) {
    const handle = this.#handle;
    handle.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      handle.setPointerCapture(event.pointerId);
    }, { signal });
    handle.addEventListener("pointermove", (event) => {
      if (event.buttons) this.#resize(innerWidth - event.clientX);
    }, { signal });
    handle.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: STEP, ArrowRight: -STEP }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      this.#resize(DRAWER.width + step);
    }, { signal });
    document.addEventListener("click", (event) => {
      const target = /** @type {Element | null} */ (event.composedPath()[0]);
      if (target?.closest?.("[class*='st-key-close_drawer'] button")) this.close();
    }, { signal });
  }

  /**
   * @param {boolean} isUsed Whether the page has a drawer.
   * @param {string} content What it shows beside a selection; it opens once for each.
   */
  use(isUsed, content) {
    if (isUsed !== this.#isUsed) {
      this.#isUsed = isUsed;
      this.#button.hidden = !isUsed;
      this.#show(false);
    }
    if (content && content !== this.#content) this.open();
    this.#content = content;
  }

  get isOpen() {
    return ROOT.dataset.drawer === "open";
  }

  /**
   * Open with a selection, close without one.
   *
   * @param {boolean} isSelected
   * @param {number} delay Milliseconds until it opens.
   */
  follow(isSelected, delay) {
    if (isSelected) this.open(delay);
    else this.close();
  }

  /** @param {number} [delay] */
  open(delay = 0) {
    clearTimeout(this.#timer);
    if (!this.#isUsed || this.isOpen) return;
    if (delay) this.#timer = setTimeout(() => this.#show(true), delay);
    else this.#show(true);
  }

  close() {
    clearTimeout(this.#timer);
    if (this.#isUsed && this.isOpen) this.#show(false);
  }

  toggle() {
    if (this.isOpen) this.close();
    else this.open();
  }

  /** Take the signs off the root element. */
  remove() {
    clearTimeout(this.#timer);
    if (!this.#isUsed) return;
    delete ROOT.dataset.drawer;
    ROOT.style.removeProperty("--drawer-width");
  }

  /** @param {boolean} isOpen */
  #show(isOpen) {
    ROOT.dataset.drawer = isOpen ? "open" : "closed";
    this.#button.setAttribute("aria-pressed", String(isOpen));
    this.#handle.hidden = !isOpen;
    this.#resize(DRAWER.width);
  }

  /** @param {number} width */
  #resize(width) {
    const most = Math.min(LIMITS[1], innerWidth / 2);
    DRAWER.width = Math.round(Math.max(LIMITS[0], Math.min(most, width)));
    ROOT.style.setProperty("--drawer-width", `${DRAWER.width}px`);
    this.#handle.setAttribute("aria-valuenow", String(DRAWER.width));
    this.#handle.setAttribute("aria-valuemin", String(LIMITS[0]));
    this.#handle.setAttribute("aria-valuemax", String(LIMITS[1]));
    this.#changed();
  }
}
