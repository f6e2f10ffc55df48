/** @typedef {import("./viewport.js").Viewport} Viewport */
/** @typedef {import("./graph.js").LaidOutGraph} LaidOutGraph */
/** @typedef {import("./settings.js").Kind} Kind */

/** @type {{ isWanted: boolean }} Global: who closes the map does not want it on the next page. */
const MAP = (/** @type {any} */ (globalThis).inspectorOverview ??= { isWanted: true });
/** Pixels between the map and the edges of the stage, and around the boxes that it may not cover. */
const GAP = 10, ROOM = 6;
/** Corners of the stage in the order of preference: right or left, bottom or top. */
const CORNERS = [[1, 1], [0, 1], [1, 0], [0, 0]];

/** The small map of the whole graph, in a corner of the stage where it covers nothing. */
export class Overview {
  #frame;
  #changed;
  #map;
  #corner = 0;
  #stage;
  /** @type {{ scale: number, left: number, top: number } | null} */
  #fit = null;

  /**
   * @param {HTMLElement} frame The map and the button that closes it.
   * @param {HTMLElement} stage Its colours are used.
   * @param {() => void} changed Called after the map was closed or wanted again.
   */
  constructor(frame, stage, changed) {
    this.#changed = changed;
    this.#frame = frame;
    this.#map = /** @type {HTMLCanvasElement} */ (frame.querySelector(".map"));
    this.#stage = stage;
  }

  /**
   * @param {Viewport} view Moved by clicks on the map.
   * @param {AbortSignal} signal Removes the listeners.
   * @param {() => void} pressed Called first.
   */
  listen(view, signal, pressed) {
    this.#map.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      pressed();
      this.#map.setPointerCapture(event.pointerId); // so that a drag can leave the map
      this.#jump(event, view);
    }, { signal });
    this.#map.addEventListener("pointermove", (event) => this.#jump(event, view), { signal });
  }

  get isWanted() {
    return MAP.isWanted;
  }

  /** @returns {boolean} Whether the map is wanted now. */
  toggle() {
    MAP.isWanted = !MAP.isWanted;
    this.#changed();
    return MAP.isWanted;
  }

  /**
   * Place the map in a corner where nothing of the picture is.
   *
   * @param {LaidOutGraph} graph
   * @param {Viewport} view
   * @returns {boolean} False if there is no such corner.
   */
  #place(graph, { x, y, z, width, height }) {
    const w = this.#map.width + 2, h = this.#map.height + 2;
    for (const corner of [this.#corner, ...CORNERS.keys()]) {
      const [right, bottom] = CORNERS[corner];
      const left = right ? width - w - GAP : GAP, top = bottom ? height - h - GAP : GAP;
      const x0 = (left - ROOM - x) / z, y0 = (top - ROOM - y) / z;
      if (!graph.isEmptyIn(x0, y0, x0 + (w + 2 * ROOM) / z, y0 + (h + 2 * ROOM) / z)) continue;
      this.#corner = corner;
      this.#frame.style.transform = `translate(${left}px, ${top}px)`;
      return true;
    }
    return false;
  }

  /**
   * @param {LaidOutGraph} graph
   * @param {Viewport} view
   * @param {Kind[]} kinds
   */
  draw(graph, view, kinds) {
    const map = this.#map, { x, y, z, width, height } = view;
    const isWhole = graph.w * z <= width && graph.h * z <= height;
    const isShown = MAP.isWanted && !isWhole && graph.nodes.length > 0 && this.#place(graph, view);
    this.#frame.hidden = !isShown;
    const pen = map.getContext("2d");
    if (!isShown || !pen) return;
    const scale = Math.min((map.width - 12) / graph.w, (map.height - 12) / graph.h);
    const left = (map.width - graph.w * scale) / 2, top = (map.height - graph.h * scale) / 2;
    this.#fit = { scale, left, top };
    const style = getComputedStyle(this.#stage), ink = style.color;
    pen.clearRect(0, 0, map.width, map.height);
    pen.globalAlpha = 0.1;
    pen.fillStyle = ink;
    for (const item of graph.clusters) {
      pen.fillRect(left + item.x * scale, top + item.y * scale, item.w * scale, item.h * scale);
    }
    pen.globalAlpha = 0.85;
    for (const node of graph.nodes) {
      pen.fillStyle = kinds[node.kind][1];
      const w = Math.max(1.5, node.w * scale), h = Math.max(1.5, node.h * scale);
      pen.fillRect(left + node.x * scale, top + node.y * scale, w, h);
    }
    pen.globalAlpha = 1;
    pen.strokeStyle = style.getPropertyValue("--accent") || ink;
    pen.lineWidth = 1.6;
    const x0 = Math.max(1, left - (x / z) * scale), y0 = Math.max(1, top - (y / z) * scale);
    const x1 = Math.min(map.width - 1, left + ((width - x) / z) * scale);
    const y1 = Math.min(map.height - 1, top + ((height - y) / z) * scale);
    pen.strokeRect(x0, y0, Math.max(3, x1 - x0), Math.max(3, y1 - y0));
  }

  /**
   * Centre the view on a point of the map.
   *
   * @param {PointerEvent} event
   * @param {Viewport} view
   */
  #jump(event, view) {
    if (!event.buttons || !this.#fit) return;
    const box = this.#map.getBoundingClientRect(), { scale, left, top } = this.#fit;
    view.pan(
      view.width / 2 - ((event.clientX - box.left - left) / scale) * view.z - view.x,
      view.height / 2 - ((event.clientY - box.top - top) / scale) * view.z - view.y,
    );
  }
}
