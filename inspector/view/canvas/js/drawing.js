/** @typedef {import("./viewport.js").Viewport} Viewport */
/** @typedef {import("./graph.js").LaidOutGraph} LaidOutGraph */
/** @typedef {import("./graph.js").Box} Box */
/** @typedef {import("./graph.js").Cluster} Cluster */
/** @typedef {import("./graph.js").Edge} Edge */
/** @typedef {{ element: SVGElement, x0: number, y0: number, x1: number, y1: number, shown: boolean }} Part */

const SVG = "http://www.w3.org/2000/svg";
/** Scales: from NEAR edges have labels; below MID second lines, below FAR all texts are hidden. */
const NEAR = 0.87, MID = 0.5, FAR = 0.24;
/** Pixels of the band of a fused activation. */
const BAND = 16;
/** Pixels of a digit in the second line of a box. */
const CHARACTER = 6;
const LAYERS = ["clusters", "edges", "titles", "labels", "nodes", "rings"];
const HIDDEN_FROM_SCREEN_READERS = ["edges", "titles", "labels", "rings"];
/** Marks that become CSS classes of a box, and the signs on the badges of some. */
const CLASS_MARKS = ["added", "removed", "changed", "renamed", "refused", "dim", "hit"];
/** @type {Record<string, string>} */
const SIGNS = { added: "+", removed: "−", changed: "≠", renamed: "↦", refused: "!" };

/**
 * A figure with its share in brackets, or the figure alone where the box is too narrow for both.
 *
 * @param {string} text
 * @param {number} width
 */
function fitting(text, width) {
  return text.length * CHARACTER + 8 <= width ? text : text.split(" (")[0];
}

/**
 * Create an element. Text is set by textContent only, so names from a model are never markup.
 *
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 * @param {Element} parent
 * @param {string} [text]
 * @returns {SVGElement}
 */
export function svgElement(tag, attributes, parent, text) {
  const element = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  if (text !== undefined) element.textContent = text;
  parent.append(element);
  return /** @type {SVGElement} */ (element);
}

/** One laid out graph as SVG elements; a new graph gets a new drawing. */
export class Drawing {
  #graph;
  #picture;
  #root;
  /** @type {Record<string, SVGElement>} */
  #layers = {};
  /** @type {Part[]} Elements with their bounds; those far outside of the stage are hidden. */
  #parts = [];
  /** @type {Map<string, SVGElement[]>} */
  #byName = new Map();
  /** @type {SVGElement[]} */
  #boxes = [];
  /** @type {(SVGElement | undefined)[]} Undefined for an edge without a path. */
  #edges = [];
  /** @type {[SVGElement, string][]} Elements that are highlighted, each with its class. */
  #lit = [];

  /**
   * @param {SVGElement} picture Emptied first.
   * @param {LaidOutGraph} graph
   */
  constructor(picture, graph) {
    this.#graph = graph;
    this.#picture = picture;
    picture.replaceChildren();
    this.#root = svgElement("g", { class: "view" }, picture);
    for (const name of LAYERS) this.#layers[name] = svgElement("g", { class: name }, this.#root);
    for (const name of HIDDEN_FROM_SCREEN_READERS) {
      this.#layers[name].setAttribute("aria-hidden", "true");
    }
    graph.clusters.forEach((cluster, index) => this.#drawCluster(cluster, index));
    this.#edges = graph.edges.map((edge) => this.#drawEdge(edge));
    this.#boxes = graph.nodes.map((node, index) => this.#drawBox(node, index));
    for (const [edge, x, y] of graph.labels) {
      svgElement("text", { class: "edge-label beside", x, y }, this.#layers.labels, graph.edges[edge].t);
    }
  }

  /**
   * @param {string} name
   * @param {SVGElement} element
   */
  #register(name, element) {
    const elements = this.#byName.get(name);
    if (elements) elements.push(element);
    else this.#byName.set(name, [element]);
  }

  /**
   * @param {Cluster} cluster
   * @param {number} index
   */
  #drawCluster(cluster, index) {
    const { x, y, w, h } = cluster;
    const frame = svgElement("g", {
      class: "cluster" + (cluster.ours ? " ours" : ""), "data-cluster": index, role: "img",
      "aria-label": `open scope ${cluster.title}${cluster.same ? `, structure ${cluster.same}` : ""}`,
    }, this.#layers.clusters);
    svgElement("rect", { x, y, width: w, height: h, rx: 10 }, frame);
    // In a layer above the edges, which may cross titles.
    const title = svgElement("g", { class: "cluster-title", "data-cluster": index }, this.#layers.titles);
    svgElement("text", { class: "sign", x: x + 12, y: y + 19 }, title, "−");
    svgElement("text", { x: x + 25, y: y + 19 }, title, cluster.title);
    if (cluster.same) svgElement("text", { class: "same", x: x + w - 17, y: y + 19 }, title, cluster.same);
    this.#register(cluster.name, frame);
    for (const element of [frame, title]) {
      this.#parts.push({ element, x0: x, y0: y, x1: x + w, y1: y + h, shown: true });
    }
  }

  /**
   * @param {Edge} edge
   * @returns {SVGElement | undefined}
   */
  #drawEdge({ n, back, p }) {
    const length = p.length;
    if (length < 4) return undefined;
    const kind = n ? (back ? " back" : "") : " control";
    const element = svgElement("g", { class: `edge${kind}` }, this.#layers.edges);
    let d = `M${p[0]} ${p[1]}`;
    for (let k = 2; k < length - 2; k += 6) d += `C${p.slice(k, k + 6).join(" ")}`;
    const width = Math.min(4, 1.2 + Math.log(Math.max(1, n)));
    svgElement("path", { class: "run", d, "stroke-width": width.toFixed(1) }, element);
    const [ex, ey, tx, ty] = p.slice(-4); // end of the line, tip of the arrow
    const head = Math.hypot(tx - ex, ty - ey) || 1, half = 2.4 + width / 2;
    const ax = ((ty - ey) / head) * half, ay = (-(tx - ex) / head) * half;
    svgElement("path", {
      class: "tip", d: `M${ex + ax} ${ey + ay}L${tx} ${ty}L${ex - ax} ${ey - ay}Z`,
    }, element);
    const part = { element, x0: Infinity, y0: Infinity, x1: -Infinity, y1: -Infinity, shown: true };
    for (let k = 0; k < length; k += 2) {
      part.x0 = Math.min(part.x0, p[k]);
      part.x1 = Math.max(part.x1, p[k]);
      part.y0 = Math.min(part.y0, p[k + 1]);
      part.y1 = Math.max(part.y1, p[k + 1]);
    }
    this.#parts.push(part);
    return element;
  }

  /** @param {Box} node */
  #classesOf(node) {
    const flags = /** @type {const} */ (["scope", "ours", "feed", "fetch", "stub"]);
    return ["node", `k${node.kind}`, ...flags.filter((flag) => node[flag])];
  }

  /**
   * @param {Box} node
   * @param {number} index
   * @returns {SVGElement}
   */
  #drawBox(node, index) {
    const { x, y, w, h } = node, rx = node.stub || node.feed ? h / 2 : 7;
    const element = svgElement("g", {
      class: this.#classesOf(node).join(" "), "data-node": index, id: `n${index}`, role: "img",
      transform: `translate(${x} ${y})`,
    }, this.#layers.nodes);
    if (node.scope) svgElement("rect", { class: "card", x: 4, y: 4, width: w, height: h, rx }, element);
    svgElement("rect", { class: "box", width: w, height: h, rx }, element);
    const middle = w / 2 + (node.scope ? -5 : 0);
    svgElement("text", { class: "title", x: middle, y: node.stub ? h / 2 + 3.5 : 16 }, element, node.title);
    if (!node.stub) svgElement("text", { class: "sub", x: middle, y: 30.5 }, element, node.sub);
    if (node.band) this.#drawBand(node, element);
    if (node.scope) svgElement("text", { class: "sign", x: w - 15, y: 17 }, element, "+");
    if (node.same) svgElement("text", { class: "same", x: w - 11, y: 31 }, element, node.same);
    this.#register(node.name, element);
    this.#parts.push({ element, x0: x - 8, y0: y - 10, x1: x + w + 4, y1: y + h + 4, shown: true });
    return element;
  }

  /**
   * Draw the activation that is fused into an op along the lower edge of its box.
   *
   * @param {Box} node
   * @param {SVGElement} element
   */
  #drawBand({ w, h, band }, element) {
    const r = 6.4, top = h - BAND;
    const d = `M.6 ${top}H${w - 0.6}V${h - r - 0.6}a${r} ${r} 0 0 1 ${-r} ${r}H${r + 0.6}a${r} ${r} 0 0 1 ${-r} ${-r}Z`;
    svgElement("path", { class: "band", d }, element);
    svgElement("text", { class: "sub", x: w / 2, y: h - 4.5 }, element, band);
  }

  /**
   * @param {Record<string, string[]>} marks Name to marks: classes (added, removed, changed,
   *   renamed, refused, dim, hit) and badges (output, input, float).
   * @param {string} hide Boxes with this mark are hidden but keep their place; "" for none.
   * @param {(node: Box) => string} describe Text for a screen reader.
   */
  showMarks(marks, hide, describe) {
    this.#graph.nodes.forEach((node, index) => {
      const own = marks[node.name] || [], element = this.#boxes[index];
      const classes = own.filter((mark) => CLASS_MARKS.includes(mark));
      if (hide && own.includes(hide)) classes.push("gone");
      element.setAttribute("class", [...this.#classesOf(node), ...classes].join(" "));
      element.setAttribute("aria-label", describe(node));
      for (const badge of element.querySelectorAll(".badge")) badge.remove();
      if (!node.stub) this.#drawBadges(element, node, own, SIGNS[classes[0]]);
    });
    this.#graph.edges.forEach((edge, index) => {
      const ends = [edge.a, edge.b].flatMap((place) => marks[this.#graph.nodes[place].name] || []);
      const element = this.#edges[index];
      element?.classList.toggle("dim", ends.includes("dim"));
      element?.classList.toggle("gone", hide !== "" && ends.includes(hide));
    });
  }

  /**
   * @param {SVGElement} element
   * @param {Box} node
   * @param {string[]} marks
   * @param {string | undefined} sign
   */
  #drawBadges(element, node, marks, sign) {
    /** @type {[string, boolean][]} Text, and whether the user picked it. */
    const badges = [];
    for (const mark of ["output", "input", "float"]) if (marks.includes(mark)) badges.push([mark, true]);
    if (node.fetch && !marks.includes("output")) badges.push(["output", false]);
    if (node.feed && !marks.includes("input")) badges.push(["input", false]);
    if (sign) badges.push([sign, false]);
    let x = -7; // from the left: the upper right corner has the sign of a scope
    for (const [text, picked] of badges) {
      const width = text.length < 2 ? 17 : 11 + text.length * 6.4;
      const badge = svgElement("g", { class: "badge" + (picked ? " picked" : "") }, element);
      svgElement("rect", { x, y: -13, width, height: 17, rx: 8.5 }, badge);
      svgElement("text", { x: x + width / 2, y: -0.5 }, badge, text);
      x += width + 2;
    }
  }

  /** @param {Set<string>} names */
  showSelection(names) {
    for (const element of this.#picture.querySelectorAll(".selected")) element.classList.remove("selected");
    for (const name of names) {
      for (const element of this.#byName.get(name) || []) element.classList.add("selected");
    }
  }

  /**
   * Colour boxes by a figure, in proportion to its square root, and write it on them.
   *
   * @param {import("./settings.js").Heat | null} heat
   */
  showHeat(heat) {
    this.#picture.classList.toggle("heated", heat !== null);
    this.#graph.nodes.forEach((node, index) => {
      const [strength, text] = heat?.[node.name] ?? [0, ""], box = this.#boxes[index];
      box.style.setProperty("--heat", `${Math.round(60 * Math.sqrt(strength))}%`);
      const line = box.querySelector(".sub");
      if (line) line.textContent = text ? fitting(text, node.w) : node.sub;
    });
  }

  /**
   * Highlight the producers and consumers of a box, and label its edges.
   *
   * @param {number | null} place
   */
  light(place) {
    const { nodes, edges, ins, outs } = this.#graph;
    for (const [element, name] of this.#lit) element.classList.remove(name);
    this.#lit = [];
    for (const label of this.#layers.rings.querySelectorAll(".edge-label")) label.remove();
    if (place === null || !nodes[place]) return;
    const ends = /** @type {const} */ ([[ins[place], "into", "a"], [outs[place], "from", "b"]]);
    for (const [indices, name, end] of ends) {
      for (const index of indices) {
        for (const element of [this.#edges[index], this.#boxes[edges[index][end]]]) {
          element?.classList.add(name);
          if (element) this.#lit.push([element, name]);
        }
        if (indices.length < 12) this.#drawLabel(edges[index]);
      }
    }
  }

  /** @param {Edge} edge */
  #drawLabel({ t, p }) {
    if (!t || p.length < 8) return;
    const k = 2 * Math.floor(p.length / 4);
    svgElement("text", { class: "edge-label", x: p[k], y: p[k + 1] + 3 }, this.#layers.rings, t);
  }

  /**
   * Draw the ring of the keyboard's focus around a box.
   *
   * @param {number | null} place
   */
  showFocus(place) {
    for (const ring of this.#layers.rings.querySelectorAll(".ring")) ring.remove();
    const node = place === null ? undefined : this.#graph.nodes[place];
    if (!node) {
      this.#picture.removeAttribute("aria-activedescendant");
      return;
    }
    const pad = 5, { x, y, w, h } = node;
    svgElement("rect", {
      class: "ring", x: x - pad, y: y - pad, width: w + 2 * pad, height: h + 2 * pad, rx: 10,
    }, this.#layers.rings);
    this.#picture.setAttribute("aria-activedescendant", `n${place}`);
  }

  /**
   * Move and scale the drawing, hide elements far outside of the stage and texts too small to read.
   *
   * @param {Viewport} view
   */
  moveTo({ x, y, z, width, height }) {
    this.#root.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)}) scale(${z.toFixed(4)})`);
    const spare = 0.25;
    const x0 = (-spare * width - x) / z, x1 = ((1 + spare) * width - x) / z;
    const y0 = (-spare * height - y) / z, y1 = ((1 + spare) * height - y) / z;
    for (const part of this.#parts) {
      const shown = part.x1 >= x0 && part.x0 <= x1 && part.y1 >= y0 && part.y0 <= y1;
      if (shown !== part.shown) {
        part.shown = shown;
        part.element.style.display = shown ? "" : "none";
      }
    }
    // Hysteresis, so that a zoom near a limit does not restyle everything at every step.
    const { classList } = this.#picture;
    const below = (/** @type {string} */ name, /** @type {number} */ limit) =>
      z < (classList.contains(name) ? limit * 1.08 : limit);
    this.#toggle("mid", below("mid", MID));
    this.#toggle("far", below("far", FAR));
    this.#toggle("near", z >= NEAR);
  }

  /**
   * @param {string} name
   * @param {boolean} on
   */
  #toggle(name, on) {
    const { classList } = this.#picture;
    if (classList.contains(name) !== on) classList.toggle(name, on);
  }
}
