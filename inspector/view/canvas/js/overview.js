/** @typedef {import("./viewport.js").Viewport} Viewport */
/** @typedef {import("./graph.js").LaidOutGraph} LaidOutGraph */
/** @typedef {import("./settings.js").Kind} Kind */

/** The small map of the whole graph in the corner of the stage. */
export class Overview {
  #map;
  #stage;
  /** @type {{ scale: number, left: number, top: number } | null} */
  #fit = null;

  /**
   * @param {HTMLCanvasElement} map
   * @param {HTMLElement} stage Its colours are used.
   */
  constructor(map, stage) {
    this.#map = map;
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

  /**
   * @param {LaidOutGraph} graph
   * @param {Viewport} view
   * @param {Kind[]} kinds
   */
  draw(graph, view, kinds) {
    const map = this.#map, { x, y, z, width, height } = view;
    map.hidden = (graph.w * z <= width && graph.h * z <= height) || !graph.nodes.length;
    const pen = map.getContext("2d");
    if (map.hidden || !pen) return;
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
