/** Least pixels of a stage that takes the rest of the window. */
const LEAST_HEIGHT = 280;

/**
 * @param {Element} element
 * @returns {Element | null} Its parent, out of a shadow root too.
 */
function parentOf(element) {
  const root = element.getRootNode();
  return element.parentElement ?? (root instanceof ShadowRoot ? root.host : null);
}

/** The place of the canvas in the page: its height, the full screen, and whom the wheel belongs to. */
export class Frame {
  /** Whether the canvas has the rest of the window below its upper edge. */
  fills = false;
  #root;
  #stage;
  /** @type {ResizeObserver | null} */
  #resizes = null;

  /**
   * @param {HTMLElement} root
   * @param {HTMLElement} stage
   */
  constructor(root, stage) {
    this.#root = root;
    this.#stage = stage;
  }

  /**
   * @param {AbortSignal} signal Removes the listeners.
   * @param {() => void} changed Called after the full screen was entered or left.
   */
  listen(signal, changed) {
    document.addEventListener("fullscreenchange", changed, { signal });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.isFull) this.toggleFull();
    }, { signal });
  }

  /**
   * @param {boolean} fills
   * @param {number | undefined} height Pixels of the stage, if it does not fill.
   */
  update(fills, height) {
    this.fills = fills;
    this.#root.classList.toggle("fills", fills);
    if (height) this.#setHeight(height);
  }

  /** @param {() => void} changed Called when what decides the size of the stage has another size. */
  follow(changed) {
    this.#resizes = new ResizeObserver(changed);
    this.#observe();
  }

  stop() {
    this.#resizes?.disconnect();
  }

  /** What lies above the stage counts too. */
  #observe() {
    const scroller = scrollersOf(this.#root)[0];
    // The scroller too: a window that only becomes higher changes nothing inside of it.
    const surroundings = [this.#stage, document.body, ...(scroller ? [scroller, ...scroller.children] : [])];
    for (const element of surroundings) this.#resizes?.observe(element);
  }

  /** @param {HTMLElement} parent It has the elements of a new canvas, which this one replaces. */
  moveTo(parent) {
    const owner = /** @type {ShadowRoot | Document} */ (this.#root.getRootNode());
    const focused = /** @type {HTMLElement | null} */ (owner.activeElement);
    this.stop();
    parent.querySelector(".inspector-canvas")?.replaceWith(this.#root);
    if (focused && this.#root.contains(focused)) focused.focus({ preventScroll: true });
    this.#observe();
  }

  /** @param {number} height */
  #setHeight(height) {
    this.#root.style.setProperty("--stage-height", `${height}px`);
  }

  /** Give the stage what the window has left. */
  fit() {
    const root = this.#root, stage = this.#stage;
    if (!this.fills || !root.isConnected) return;
    const scroller = scrollersOf(root)[0] ?? document.documentElement;
    const top = root.getBoundingClientRect().top + scroller.scrollTop;
    // Not offsetHeight, which is rounded: the page would scroll by a pixel.
    const around = root.getBoundingClientRect().height - stage.getBoundingClientRect().height;
    const rest = innerHeight - top - around;
    this.#setHeight(Math.max(LEAST_HEIGHT, Math.floor(rest)));
  }

  /** A canvas that fills the window takes the whole page along, with search and details. */
  get #fullElement() {
    return this.fills ? document.documentElement : this.#root;
  }

  get isFull() {
    // The document returns the shadow host, the shadow root the element itself.
    const owner = this.fills ? document : this.#root.getRootNode();
    return /** @type {ShadowRoot | Document} */ (owner).fullscreenElement === this.#fullElement;
  }

  toggleFull() {
    if (this.isFull) document.exitFullscreen();
    else this.#fullElement.requestFullscreen?.();
  }

  /**
   * Whether the wheel zooms: with Ctrl, and without where it would not scroll the page or where the
   * picture has the focus.
   *
   * @param {WheelEvent} event
   */
  takesWheel(event) {
    const root = /** @type {ShadowRoot | Document} */ (this.#root.getRootNode());
    if (event.ctrlKey || event.metaKey || this.isFull) return true;
    if (root.activeElement?.classList.contains("picture") && this.#root.contains(root.activeElement)) return true;
    const boxes = [...scrollersOf(this.#root), document.documentElement];
    return boxes.every((box) => box.scrollHeight <= box.clientHeight + 1);
  }
}

/**
 * @param {Element} element
 * @returns {Element[]} The elements around it that can scroll, the nearest first.
 */
function scrollersOf(element) {
  const scrollers = [];
  for (let box = parentOf(element); box; box = parentOf(box)) {
    if (/auto|scroll/.test(getComputedStyle(box).overflowY)) scrollers.push(box);
  }
  return scrollers;
}
