/**
 * A box of the picture: a node, a closed scope, or a stub: a link to a box elsewhere.
 *
 * @typedef {object} Box
 * @property {string} name Full name in the model: data, never markup.
 * @property {string} title First line of the box.
 * @property {string} sub Second line of the box.
 * @property {string} same Letter of the structure that it shares with other scopes, or "".
 * @property {string} band The activation that is fused into the op, or "".
 * @property {number} kind Index into the kinds that Python sends.
 * @property {number} x
 * @property {number} y
 * @property {number} w
 * @property {number} h
 * @property {number} parent Index of the open scope around it, or -1.
 * @property {boolean} [scope] A closed scope.
 * @property {boolean} [ours] A group that Inspector made, not a scope of the model.
 * @property {boolean} [feed] An input of the graph.
 * @property {boolean} [fetch] An output of the graph.
 * @property {boolean} [stub]
 */

/**
 * An open scope, drawn as a frame around its boxes.
 *
 * @typedef {object} Cluster
 * @property {string} name
 * @property {string} title
 * @property {string} [same]
 * @property {boolean} [ours]
 * @property {number} x
 * @property {number} y
 * @property {number} w
 * @property {number} h
 * @property {number} parent
 */

/**
 * An edge between two boxes.
 *
 * @typedef {object} Edge
 * @property {number} a Index of the producer.
 * @property {number} b Index of the consumer.
 * @property {number} n Number of tensors; 0 for a control input.
 * @property {string} t Label: shapes.
 * @property {number} back 1 for the next iteration of a loop.
 * @property {number[]} p Bézier points as x, y, x, y, ...; the last two points are the arrow head.
 */

/** Bits of the flags of a box, in the order of inspector/view/export/packed.py. */
const FLAGS = /** @type {const} */ (["scope", "ours", "feed", "fetch", "stub"]);

/** Points per Bézier curve at which `LaidOutGraph.isEmptyIn` looks for an edge. */
const SAMPLES = 6;
/** Pixels above an open scope's upper edge that its title takes. */
const TITLE = 26;

/** A laid out graph, parsed from the text that inspector/view/export/packed.py writes. */
export class LaidOutGraph {
  /** @type {number[] | null} Points on the edges as x, y, x, y, ... */
  #points = null;

  /** @param {string} packed */
  constructor(packed) {
    const { texts, nodes, clusters, edges, labels, w, h, columns } = JSON.parse(packed);
    const name = nameReader();
    this.w = /** @type {number} */ (w);
    this.h = /** @type {number} */ (h);
    this.columns = Boolean(columns);
    /** @type {[edge: number, x: number, y: number][]} Where edges have room for their labels. */
    this.labels = labels;
    /** @type {Box[]} */
    this.nodes = nodes.map((/** @type {any[]} */ row) => unpackBox(row, texts, name));
    /** @type {Cluster[]} */
    this.clusters = clusters;
    for (const cluster of clusters) cluster.name = name(cluster.name[0], cluster.name[1]);
    /** @type {Edge[]} */
    this.edges = edges.map((/** @type {any[]} */ row) => unpackEdge(row, texts));
    /** @type {number[][]} Per box, the indices of the edges that end there. */
    this.ins = this.nodes.map(() => []);
    /** @type {number[][]} Per box, the indices of the edges that start there. */
    this.outs = this.nodes.map(() => []);
    this.edges.forEach((edge, index) => {
      this.outs[edge.a].push(index);
      this.ins[edge.b].push(index);
    });
  }

  /**
   * @param {string | null | undefined} name
   * @returns {number} Index of the box of this name that is no stub, or -1.
   */
  indexOf(name) {
    return this.nodes.findIndex((node) => node.name === name && !node.stub);
  }

  /**
   * @param {string | null | undefined} name
   * @returns {Box | undefined} The box of this name that is no stub.
   */
  node(name) {
    return this.nodes[this.indexOf(name)];
  }

  /**
   * @param {string | null | undefined} name
   * @returns {Cluster | undefined}
   */
  cluster(name) {
    return this.clusters.find((cluster) => cluster.name === name);
  }

  /**
   * Whether a rectangle holds no box, no title of an open scope and no edge.
   *
   * @param {number} x0
   * @param {number} y0
   * @param {number} x1
   * @param {number} y1
   */
  isEmptyIn(x0, y0, x1, y1) {
    for (const { x, y, w, h } of this.nodes) {
      if (x < x1 && x + w > x0 && y - 11 < y1 && y + h > y0) return false; // 11: the badges
    }
    for (const { x, y, w } of this.clusters) {
      if (x < x1 && x + w > x0 && y < y1 && y + TITLE > y0) return false;
    }
    const points = (this.#points ??= this.edges.flatMap(({ p }) => pointsOf(p)));
    for (let k = 0; k < points.length; k += 2) {
      if (points[k] > x0 && points[k] < x1 && points[k + 1] > y0 && points[k + 1] < y1) return false;
    }
    return true;
  }
}

/**
 * @param {number[]} p Points of an edge.
 * @returns {number[]} Points on its curves.
 */
function pointsOf(p) {
  const points = p.slice(0, 2);
  for (let k = 0; k + 7 < p.length; k += 6) {
    for (let step = 1; step <= SAMPLES; step++) {
      const t = step / SAMPLES, s = 1 - t;
      for (const axis of [k, k + 1]) {
        points.push(s * s * s * p[axis] + 3 * s * s * t * p[axis + 2]
          + 3 * s * t * t * p[axis + 4] + t * t * t * p[axis + 6]);
      }
    }
  }
  return points;
}

/**
 * Names are written as the number of leading characters shared with the name before, and the rest.
 *
 * @returns {(shared: number, rest: string) => string}
 */
function nameReader() {
  /** @type {string[]} */
  let before = [];
  return (shared, rest) => {
    before = [...before.slice(0, shared), ...rest]; // by code points, like Python's strings
    return before.join("");
  };
}

/**
 * @param {any[]} row
 * @param {string[]} texts
 * @param {(shared: number, rest: string) => string} name
 * @returns {Box}
 */
function unpackBox([shared, rest, title, sub, same, band, kind, x, y, w, h, parent, flags], texts, name) {
  /** @type {Box} */
  const box = {
    name: name(shared, rest), title: texts[title], sub: texts[sub], same: texts[same], band: texts[band],
    kind, x, y, w, h, parent,
  };
  FLAGS.forEach((flag, bit) => {
    if (flags & (1 << bit)) box[flag] = true;
  });
  return box;
}

/**
 * @param {any[]} row
 * @param {string[]} texts
 * @returns {Edge}
 */
function unpackEdge([a, b, n, label, back, ...p], texts) {
  for (let i = 2; i < p.length; i++) p[i] += p[i - 2]; // points are differences
  return { a, b, n, t: texts[label], back, p };
}
