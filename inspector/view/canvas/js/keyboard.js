/** @typedef {import("./graph.js").Box} Box */
/** @typedef {import("./canvas.js").GraphCanvas} GraphCanvas */

const TRACES = ["", "up", "down", "both"];
/** Pixels per step. */
const PAN = 80;

/** @param {Box} node */
function centre(node) {
  return [node.x + node.w / 2, node.y + node.h / 2];
}

/** Keys on the canvas: one for every gesture of the mouse, and arrows that follow edges. */
export class Keyboard {
  #canvas;

  /** @param {GraphCanvas} canvas */
  constructor(canvas) {
    this.#canvas = canvas;
  }

  /** @param {AbortSignal} signal Removes the listeners. */
  listen(signal) {
    this.#canvas.picture.addEventListener("keydown", (event) => this.handle(event), { signal });
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      const { settings, outbox } = this.#canvas, box = settings.searchBox;
      if (box && event.target === box && box.value.trim()) outbox.act("find", box.value);
    }, { signal });
  }

  /** @param {KeyboardEvent} event */
  handle(event) {
    const canvas = this.#canvas, { graph, view } = canvas;
    if (event.altKey || !graph?.nodes.length) return;
    const node = canvas.focusedNode ?? graph.node(canvas.lastSelected);
    const arrow = (/** @type {number} */ dx, /** @type {number} */ dy) =>
      event.shiftKey ? view.pan(-PAN * dx, -PAN * dy) : this.#walk(dx, dy);
    /** @type {Record<string, () => void>} */
    const handlers = {
      ArrowDown: () => arrow(0, 1), ArrowUp: () => arrow(0, -1),
      ArrowRight: () => arrow(1, 0), ArrowLeft: () => arrow(-1, 0),
      Home: () => canvas.focusOn(0), End: () => canvas.focusOn(graph.nodes.length - 1),
      Enter: () => node && canvas.select(node.name, event.ctrlKey || event.shiftKey),
      " ": () => node && canvas.select(node.name, true),
      Escape: () => canvas.isFull ? canvas.use("full") : canvas.select(null, false),
      "+": () => canvas.use("in"), "=": () => canvas.use("in"), "-": () => canvas.use("out"),
      f: () => view.fitAll(graph), 0: () => view.fitWidth(graph),
      e: () => this.#openOrClose(node),
      o: () => this.#pick("output", node), i: () => this.#pick("input", node),
      t: () => this.#trace(),
      ",": () => canvas.request("back"), ".": () => canvas.request("forward"),
      ">": () => canvas.request("deeper"), "<": () => canvas.request("shallower"),
      h: () => canvas.settings.handles("first") && canvas.use("first"), m: () => canvas.use("map"), d: () => canvas.use("details"), s: () => canvas.use("full"), "?": () => canvas.use("help"),
      "/": () => canvas.settings.searchBox?.focus(),
    };
    const plain = !event.ctrlKey && !event.metaKey;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (!Object.hasOwn(handlers, key) || !(plain || key === "Enter")) return;
    event.preventDefault();
    event.stopPropagation();
    canvas.picture.classList.add("keys");
    handlers[key]();
  }

  /**
   * Open a closed scope; from a node, close the scope around it.
   *
   * @param {Box | undefined} node
   */
  #openOrClose(node) {
    const { graph, lastSelected } = this.#canvas;
    if (!graph) return;
    if (node?.scope) this.#canvas.open({ node });
    else this.#canvas.open({ cluster: node ? graph.clusters[node.parent] : graph.cluster(lastSelected) });
  }

  /** Switch to the next kind of trace. */
  #trace() {
    const canvas = this.#canvas;
    if (!canvas.settings.handles("trace")) return;
    const traces = canvas.selected.size > 1 ? [...TRACES, "between"] : TRACES;
    canvas.trace = traces[(traces.indexOf(canvas.trace) + 1) % traces.length];
    canvas.outbox.act("trace", canvas.trace);
  }

  /**
   * Pick all selected nodes, or the focused box if it is not among them.
   *
   * @param {"output" | "input"} mark
   * @param {Box | undefined} node
   */
  #pick(mark, node) {
    const canvas = this.#canvas, { selected } = canvas, { marks } = canvas.settings;
    if (!canvas.settings.handles(mark)) return;
    const scopes = new Set(canvas.graph?.nodes.filter((item) => item.scope).map((item) => item.name));
    /** @type {string[]} */
    let names = [];
    if (selected.size > 1 && (!node || selected.has(node.name))) names = [...selected];
    else if (node && !node.scope) names = [node.name];
    names = names.filter((name) => !scopes.has(name));
    const unmarked = names.filter((name) => !(marks[name] || []).includes(mark));
    for (const name of unmarked.length ? unmarked : names) canvas.outbox.act(mark, name);
  }

  /**
   * Move the focus: down and up along edges, to the nearest box of several; else to the nearest box.
   *
   * @param {number} dx
   * @param {number} dy
   */
  #walk(dx, dy) {
    const canvas = this.#canvas, { graph, focus, selected } = canvas;
    if (!graph) return;
    if (focus === null || !graph.nodes[focus]) {
      canvas.focusOn(Math.max(0, graph.nodes.findIndex((node) => selected.has(node.name))));
      return;
    }
    const { nodes, edges, ins, outs } = graph;
    const [x, y] = centre(nodes[focus]);
    /** @type {number[]} */
    let along = [];
    if (dy > 0) along = outs[focus].map((index) => edges[index].b);
    else if (dy < 0) along = ins[focus].map((index) => edges[index].a);
    /** @type {number | null} */
    let best = null;
    let least = Infinity;
    for (const place of along.length ? along : nodes.keys()) {
      if (place === focus) continue;
      const [nx, ny] = centre(nodes[place]), ahead = (nx - x) * dx + (ny - y) * dy;
      if (!along.length && ahead <= 2) continue;
      const aside = Math.abs((nx - x) * dy) + Math.abs((ny - y) * dx);
      const cost = along.length ? Math.abs(nx - x) : ahead + 3 * aside;
      if (cost < least) [best, least] = [place, cost];
    }
    if (best !== null) canvas.focusOn(best);
  }
}
