import { Drawer } from "./drawer.js";
import { Drawing } from "./drawing.js";
import { Frame } from "./frame.js";
import { LaidOutGraph } from "./graph.js";
import { join, leave, others } from "./groups.js";
import { Help } from "./help.js";
import { Keyboard } from "./keyboard.js";
import { Outbox } from "./outbox.js";
import { Overview } from "./overview.js";
import { Panels, printable } from "./panels.js";
import { Pointer } from "./pointer.js";
import { Settings } from "./settings.js";
import { Toolbar } from "./toolbar.js";
import { Viewport } from "./viewport.js";

/** @typedef {import("./graph.js").Box} Box */
/** @typedef {import("./graph.js").Cluster} Cluster */
/** @typedef {import("./settings.js").Data} Data */
/** @typedef {import("./pointer.js").Target} Target */
/** @typedef {import("./viewport.js").Anchor} Anchor */
/** @typedef {import("./outbox.js").Send} Send */

/** Milliseconds between the clicks of a double click. */
const DOUBLE = 350;

/** One mounted canvas: its state, its parts, and its messages to Python. */
export class GraphCanvas {
  /** @type {LaidOutGraph | null} */
  graph = null;
  /** @type {Drawing | null} */
  drawing = null;
  /** @type {Set<string>} */
  selected = new Set();
  /** @type {number | null} Index of the box that has the keyboard's focus. */
  focus = null;
  /** Whether a click adds to the selection. */
  multi = false;
  trace = "";
  settings = new Settings({ rev: "", graph: "", kinds: [] });
  outbox = new Outbox(() => this.selected);

  #root;
  #frame;
  #panels;
  #help;
  #toolbar;
  #overview;
  #drawer;
  #isDrawerMoving = false;
  #listeners = new AbortController();
  #revision = "";
  /** @type {number | null} Number of the last selection that came from the page. */
  #pageSelection = null;
  /** @type {Anchor | null} The scope that opens or closes, which keeps its place. */
  #anchor = null;
  #clickTime = 0;
  #updateTimer = 0;
  #isQueued = false;
  #isPressing = false;

  /** @param {HTMLElement} parent */
  constructor(parent) {
    const root = /** @type {HTMLElement} */ (parent.querySelector(".inspector-canvas"));
    const find = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (root.querySelector(selector));
    const stage = find(".stage");
    this.#root = root;
    this.#frame = new Frame(root, stage);
    this.picture = /** @type {SVGSVGElement} */ (root.querySelector(".picture"));
    this.view = new Viewport(stage, find(".sheet"), () => this.queue());
    this.#panels = new Panels(find);
    this.#toolbar = new Toolbar(root);
    this.#help = new Help(find(".help"), this.#toolbar.button("help"));
    this.#overview = new Overview(find(".overview"), stage, () => this.queue());
    this.#drawer = new Drawer(find(".edge-handle"), this.#toolbar.button("details"), () => {
      this.#isDrawerMoving = true;
    });
    this.#listen(find(".crumbs"));
    this.#frame.follow(() => this.#resize());
    this.view.measure();
  }

  /** @param {HTMLElement} parent Where the canvas goes on, in place of the elements for a new one. */
  moveTo(parent) {
    this.#frame.moveTo(parent);
    this.#resize();
  }

  get isMounted() {
    return this.#root.isConnected;
  }

  unmount() {
    leave(this);
    if (this.isFull) this.#frame.toggleFull();
    this.#drawer.remove();
    this.#listeners.abort();
    this.#frame.stop();
    this.view.stop();
    this.outbox.stop();
    clearTimeout(this.#updateTimer);
  }

  /** @param {HTMLElement} crumbs */
  #listen(crumbs) {
    const { signal } = this.#listeners, { picture } = this, keyboard = new Keyboard(this);
    new Pointer(this).listen(signal);
    this.#overview.listen(this.view, signal, () => this.focusByMouse());
    this.#help.listen(signal, () => this.#closeHelp());
    this.#drawer.listen(signal);
    keyboard.listen(signal);
    picture.addEventListener("focus", () => picture.classList.toggle("keys", !this.#isPressing), { signal });
    crumbs.addEventListener("click", (event) => this.#followCrumb(event), { signal });
    this.#root.addEventListener("click", (event) => {
      const button = /** @type {Element} */ (event.target).closest("[data-do]");
      if (button) this.use(/** @type {HTMLElement} */ (button).dataset.do ?? "");
    }, { signal });
    this.#frame.listen(signal, () => {
      this.#toolbar.press("full", this.isFull);
      if (this.graph) this.view.home(this.graph, this.#frame.fills); // in the new size too
    });
  }

  #resize() {
    const { view, graph } = this, before = view.width, high = view.height;
    this.#frame.fit();
    view.measure();
    if (view.width === before && view.height === high) return;
    const isByDrawer = this.#isDrawerMoving && view.width !== before;
    this.#isDrawerMoving = false;
    if (graph && view.width && (!before || (view.fitted === "home" && (!isByDrawer || view.isLegible(graph))))) {
      view.home(graph, this.#frame.fills);
      view.keepInView(graph, this.lastSelected);
    }
    else if (graph && isByDrawer) view.keepInView(graph, this.lastSelected);
    else if (before && view.width) view.x += (view.width - before) / 2;
    this.queue();
  }

  // -- From Python ---------------------------------------------------------------------------

  /** @param {Data} data */
  update(data) {
    clearTimeout(this.#updateTimer);
    const wait = this.#clickTime + DOUBLE - performance.now();
    const isNewGraph = this.#revision !== data.rev || !this.graph;
    if (this.graph && isNewGraph && wait > 0) {
      // The second click of a double click must hit the box that the first one hit.
      this.#updateTimer = setTimeout(() => this.update(data), wait);
      return;
    }
    this.#readSettings(data);
    const before = this.graph;
    const anchor = isNewGraph ? this.#replaceGraph(data) : null;
    const graph = /** @type {LaidOutGraph} */ (this.graph);
    const isPageSelection = data.select !== undefined && data.select[0] !== this.#pageSelection;
    if (data.select && isPageSelection) this.#takeSelection(graph, ...data.select);
    const jumpTo = isPageSelection ? this.lastSelected : undefined;
    const { marks, hide, heat, kinds } = this.settings;
    this.drawing?.showMarks(marks, hide, (node) => this.settings.describe(graph, node));
    this.drawing?.showSelection(this.selected);
    this.drawing?.showHeat(heat);
    this.#panels.showLegend(graph, kinds, heat);
    this.#frame.fit();
    this.view.measure();
    // Who has not moved the picture still sees all of it.
    const isHome = this.view.fitted === "home" && !this.#anchor;
    const anchors = before && !isHome ? [this.#anchor, anchor] : [];
    const isPlaced = !isNewGraph || this.view.place(graph, anchors) || (before && jumpTo !== undefined);
    if (!isPlaced) this.view.home(graph, this.#frame.fills);
    if (isNewGraph || isPageSelection) this.#showFocus();
    this.#showCrumbs();
    if (this.outbox.isEmpty) this.#anchor = null;
    if (jumpTo !== undefined) this.view.bring(graph.node(jumpTo) || graph.cluster(jumpTo));
    this.paint();
  }

  /** @param {Data} data */
  #readSettings(data) {
    this.settings = new Settings(data);
    this.#frame.update(this.settings.fills, data.height);
    this.#drawer.use(this.settings.fills, data.opens || "");
    this.#toolbar.press("map", this.#overview.isWanted);
    this.outbox.drop(data.done || 0);
    this.#toolbar.update(this.settings.without, data.can || []);
    join(this, data.group || "");
    if (this.outbox.isEmpty) this.trace = data.trace || ""; // else the user pressed a key since
  }

  /**
   * @param {Data} data
   * @returns {Anchor | null} The item that keeps its place on the screen.
   */
  #replaceGraph(data) {
    const before = this.graph, focused = this.focusedNode?.name;
    const graph = new LaidOutGraph(data.graph);
    const anchor = before && this.view.anchorBetween(before, graph, this.selected);
    this.#revision = data.rev;
    this.graph = graph;
    this.drawing = new Drawing(this.picture, graph);
    this.#panels.showEmpty(!graph.nodes.length);
    const focus = focused === undefined ? -1 : graph.indexOf(focused);
    this.focus = focus < 0 ? null : focus;
    if (before) this.#panels.announce(`${graph.nodes.length} boxes, ${graph.clusters.length} open scopes`);
    return anchor;
  }

  /**
   * Adopt a selection that the page made, such as a search hit.
   *
   * @param {LaidOutGraph} graph
   * @param {number} number
   * @param {string[]} names
   */
  #takeSelection(graph, number, names) {
    this.#pageSelection = number;
    this.outbox.stop(); // a click that waits to be sent is older
    this.selected = new Set(names);
    this.#drawer.follow(names.length > 0, 0);
    const focus = graph.indexOf(names.at(-1));
    this.focus = focus < 0 ? null : focus;
  }

  // -- Actions -------------------------------------------------------------------------------

  /**
   * @param {string | null} name
   * @param {boolean} add Toggle this name in the selection; else select it alone.
   */
  select(name, add) {
    if (!add) this.selected = new Set(name === null ? [] : [name]);
    else if (name !== null && !this.selected.delete(name)) this.selected.add(name);
    this.drawing?.showSelection(this.selected);
    this.#showCrumbs();
    this.#announceSelection(name);
    // The second click of a double click must hit the box that the first one hit.
    this.#drawer.follow(this.selected.size > 0, DOUBLE);
    this.outbox.selectionChanged();
  }

  /** @param {string | null} name */
  #announceSelection(name) {
    const node = this.graph?.node(name);
    const text = this.graph && node ? this.settings.describe(this.graph, node) : printable(name ?? "Nothing");
    const isSelected = name === null || this.selected.has(name);
    this.#panels.announce(`${text}${name === null ? " " : ", "}${isSelected ? "" : "not "}selected`);
  }

  /** @param {string} action Sent to the page without a target, if the page handles it. */
  request(action) {
    if (this.settings.handles(action)) this.outbox.act(action, "");
  }

  /**
   * Open a closed scope, or close an open one.
   *
   * @param {Target} target
   */
  open({ node, cluster }) {
    const item = node?.scope && !node.stub ? node : cluster;
    if (!item) return;
    this.#anchor = this.view.anchorOf(item);
    this.outbox.act(item === cluster ? "collapse" : "expand", item.name);
  }

  // -- On the canvas alone -------------------------------------------------------------------

  /** @returns {Box | undefined} */
  get focusedNode() {
    return this.focus === null ? undefined : this.graph?.nodes[this.focus];
  }

  /** @returns {string | undefined} */
  get lastSelected() {
    return [...this.selected].at(-1);
  }

  get isFull() {
    return this.#frame.isFull;
  }

  /**
   * @param {WheelEvent} event
   * @returns {boolean} Whether it zooms, and does not scroll the page.
   */
  takesWheel(event) {
    return this.#frame.takesWheel(event);
  }

  /** A click may be the first of a double click. */
  noteClick() {
    this.#clickTime = performance.now();
  }

  forgetClick() {
    this.#clickTime = 0;
  }

  /** @param {number | null} place */
  setFocus(place) {
    this.focus = place;
    this.#showFocus();
  }

  /**
   * Move the keyboard's focus to a box and scroll it into view.
   *
   * @param {number} place
   */
  focusOn(place) {
    const node = /** @type {LaidOutGraph} */ (this.graph).nodes[place];
    this.setFocus(place);
    this.drawing?.light(place);
    this.showStatus(node);
    this.view.reveal(node);
  }

  /** Focus the picture without a focus ring. */
  focusByMouse() {
    this.#isPressing = true;
    this.picture.focus({ preventScroll: true });
    this.#isPressing = false;
    this.picture.classList.remove("keys");
  }

  /** @param {Box | Cluster | undefined} item */
  showStatus(item) {
    this.#panels.showStatus(item, item ? this.settings.detailsOf(item) : []);
  }

  /** @param {string} action Of a toolbar button. */
  use(action) {
    if (action === "in") this.view.zoomAtCentre(1.3);
    else if (action === "out") this.view.zoomAtCentre(1 / 1.3);
    else if (action === "fit") this.view.fitAll(/** @type {LaidOutGraph} */ (this.graph));
    else if (action === "multi") this.#toolbar.press("multi", (this.multi = !this.multi));
    else if (action === "help" && this.#help.isOpen) this.#closeHelp();
    else if (action === "help") this.#help.open((gesture) => this.settings.handles(gesture));
    else if (action === "map") this.#toolbar.press("map", this.#overview.toggle());
    else if (action === "details") this.#drawer.toggle();
    else if (action === "full") this.#frame.toggleFull();
    else {
      if (action === "first" && this.graph) this.view.home(this.graph, this.#frame.fills);
      this.outbox.act(action, "");
    }
  }

  #closeHelp() {
    this.#help.close();
    this.picture.focus({ preventScroll: true });
  }

  /** @param {Event} event */
  #followCrumb(event) {
    const { graph } = this, crumb = /** @type {Element} */ (event.target).closest("[data-crumb]");
    const place = crumb && /** @type {HTMLElement} */ (crumb).dataset.crumb;
    if (!graph || !place) return;
    const cluster = graph.clusters[Number(place)];
    this.setFocus(null);
    this.select(cluster ? cluster.name : null, false);
    if (cluster) this.view.bring(graph.node(cluster.name) || cluster);
    else this.view.home(graph, this.#frame.fills);
    // The crumbs were replaced.
    (this.#panels.crumb(place) || this.picture).focus({ preventScroll: true });
  }

  #showFocus() {
    this.drawing?.showFocus(this.focus);
    this.#showCrumbs();
    if (this.graph && this.focusedNode) {
      this.#panels.announce(this.settings.describe(this.graph, this.focusedNode));
    }
  }

  #showCrumbs() {
    if (this.graph) this.#panels.showCrumbs(this.graph, this.focusedNode?.name ?? this.lastSelected);
  }

  /** Paint in the next frame. */
  queue() {
    if (this.#isQueued) return;
    this.#isQueued = true;
    requestAnimationFrame(() => this.paint());
  }

  paint() {
    this.#isQueued = false;
    const { graph, drawing, view } = this;
    if (!graph || !drawing) return;
    if (!view.stretchSheet(drawing)) drawing.moveTo(view);
    this.#overview.draw(graph, view, this.settings.kinds);
    // The other canvases of a group, such as before and after, show the same part.
    for (const other of others(this)) {
      if (other.graph && other.isMounted && other.view.follow(view)) other.paint();
    }
  }
}
