/** @typedef {import("./graph.js").Box} Box */
/** @typedef {import("./graph.js").Cluster} Cluster */
/** @typedef {import("./canvas.js").GraphCanvas} GraphCanvas */
/** @typedef {{ place?: number, node?: Box, cluster?: Cluster }} Target The item under the pointer. */

/** Pixels that a pressed pointer moves before a drag starts. */
const DRAG = 4;

/** Mouse, touch and pen on the picture: hover, click, drag, pinch and wheel. */
export class Pointer {
  #canvas;
  /** @type {Map<number, [number, number]>} The last place of each pressed pointer. */
  #down = new Map();
  /** @type {{ at: [number, number], moved: boolean, target: Target, pinched: boolean } | null} */
  #pressed = null;

  /** @param {GraphCanvas} canvas */
  constructor(canvas) {
    this.#canvas = canvas;
  }

  /** @param {AbortSignal} signal Removes the listeners. */
  listen(signal) {
    const { picture } = this.#canvas;
    picture.addEventListener("pointerdown", (event) => this.#press(event), { signal });
    picture.addEventListener("pointermove", (event) => this.#move(event), { signal });
    picture.addEventListener("pointerup", (event) => this.#release(event), { signal });
    picture.addEventListener("pointercancel", (event) => this.#release(event), { signal });
    picture.addEventListener("pointerover", (event) => this.#enter(event), { signal });
    picture.addEventListener("pointerleave", () => this.#leave(), { signal });
    picture.addEventListener("dblclick", (event) => this.#doubleClick(event), { signal });
    picture.addEventListener("wheel", (event) => this.#wheel(event), { signal, passive: false });
    // Before a click on a link: a selection that is sent while the page changes names the page that
    // was left, and Streamlit goes back to it with nothing on it.
    document.addEventListener("pointerdown", (event) => {
      if (!event.composedPath().includes(picture)) this.#canvas.outbox.flush();
    }, { signal, capture: true });
  }

  /**
   * @param {Event} event
   * @returns {Target}
   */
  #targetOf(event) {
    const { graph } = this.#canvas;
    const element = /** @type {Element | null} */ (event.target)?.closest?.("[data-node],[data-cluster]");
    if (!graph || !element) return {};
    const { node, cluster } = /** @type {SVGElement} */ (element).dataset;
    if (node === undefined) return { cluster: graph.clusters[Number(cluster)] };
    const place = Number(node);
    return place < graph.nodes.length ? { place, node: graph.nodes[place] } : {};
  }

  /** @param {PointerEvent} event */
  #press(event) {
    if (event.button !== 0) return;
    const canvas = this.#canvas, at = canvas.view.pointOf(event);
    canvas.focusByMouse();
    this.#down.set(event.pointerId, at);
    this.#pressed = { at, moved: false, target: this.#targetOf(event), pinched: this.#down.size > 1 };
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const { view, picture } = this.#canvas;
    const before = this.#down.get(event.pointerId), pressed = this.#pressed;
    if (!before || !pressed) return;
    const now = view.pointOf(event);
    const other = [...this.#down].find(([id]) => id !== event.pointerId)?.[1];
    if (this.#down.size === 2 && other) {
      const factor = Math.hypot(now[0] - other[0], now[1] - other[1])
        / (Math.hypot(before[0] - other[0], before[1] - other[1]) || 1);
      view.zoomAt((now[0] + other[0]) / 2, (now[1] + other[1]) / 2, factor);
      view.pan((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
      pressed.moved = true;
    } else {
      if (!pressed.moved) {
        if (Math.hypot(now[0] - pressed.at[0], now[1] - pressed.at[1]) < DRAG) return;
        pressed.moved = true;
        picture.setPointerCapture(event.pointerId);
        picture.classList.add("dragging");
      }
      view.pan(now[0] - before[0], now[1] - before[1]);
    }
    this.#down.set(event.pointerId, now);
  }

  /** @param {PointerEvent} event */
  #release(event) {
    const canvas = this.#canvas;
    if (!this.#down.delete(event.pointerId)) return;
    canvas.picture.classList.remove("dragging");
    if (this.#down.size) return;
    const pressed = this.#pressed;
    this.#pressed = null;
    if (event.type !== "pointerup" || !pressed || pressed.moved || pressed.pinched) return;
    const { node, place, cluster } = pressed.target, item = node || cluster;
    const add = event.ctrlKey || event.metaKey || event.shiftKey || canvas.multi;
    canvas.noteClick();
    canvas.setFocus(place ?? null);
    if (item) canvas.select(item.name, add);
    else if (!add) canvas.select(null, false);
    canvas.showStatus(item);
  }

  /** @param {MouseEvent} event */
  #doubleClick(event) {
    event.preventDefault();
    this.#canvas.forgetClick();
    this.#canvas.open(this.#targetOf(event));
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    if (!this.#canvas.takesWheel(event)) return;
    event.preventDefault();
    const { view } = this.#canvas;
    const unit = event.deltaMode === 1 ? 18 : event.deltaMode === 2 ? 300 : 1; // lines, pages, pixels
    const speed = event.ctrlKey ? 0.01 : 0.0016; // ctrl: a pinch on a touchpad
    const delta = Math.max(-300, Math.min(300, event.deltaY * unit));
    view.zoomAt(...view.pointOf(event), Math.exp(-delta * speed));
  }

  /** @param {PointerEvent} event */
  #enter(event) {
    const canvas = this.#canvas;
    if (this.#pressed?.moved || !canvas.graph) return;
    const { node, place, cluster } = this.#targetOf(event);
    canvas.drawing?.light(place ?? null);
    canvas.showStatus(node || cluster);
  }

  #leave() {
    this.#canvas.drawing?.light(null);
    this.#canvas.showStatus(undefined);
  }
}
