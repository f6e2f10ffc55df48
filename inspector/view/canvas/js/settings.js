/** @typedef {import("./graph.js").LaidOutGraph} LaidOutGraph */
/** @typedef {import("./graph.js").Box} Box */
/** @typedef {import("./graph.js").Cluster} Cluster */
/** @typedef {[label: string, color: string]} Kind */
/** @typedef {Record<string, [strength: number, text: string]>} Heat */

/**
 * What inspector/ui/canvas/component.py sends.
 *
 * @typedef {object} Data
 * @property {string} rev Changes with the graph.
 * @property {string} graph Packed by inspector/view/export/packed.py.
 * @property {Kind[]} kinds
 * @property {Record<string, string[]>} [marks] Name of a box to its marks.
 * @property {Heat} [heat] Name of a box to its strength, 0 to 1, and its text.
 * @property {string} [trace] The kind of trace: up, down, both, between.
 * @property {string[]} [can] The possible ones of back and forward.
 * @property {string} [hide] A mark; boxes with it are hidden.
 * @property {string} [group] Canvases of one group show the same part.
 * @property {string} [search] Key of the page's search field.
 * @property {string[]} [without] Actions that the page does not handle.
 * @property {number} [height] Pixels of the stage.
 * @property {boolean} [fills] The canvas has the rest of the window, and a drawer for the details.
 * @property {string} [opens] What the details show beside a selection: the drawer opens for it once.
 * @property {[number: number, names: string[]]} [select] A selection that the page made.
 * @property {number} [done] Number of the last action that the page has handled.
 */

/** @type {Record<string, string>} Texts of marks for a screen reader. */
const MARK_TEXTS = {
  added: "added", removed: "removed", changed: "changed", renamed: "renamed", hit: "found", dim: "dimmed",
  refused: "has no operator in TFLite", float: "stays float",
};

/** The display options of the page, and the actions that it handles. */
export class Settings {
  /** @param {Data} data */
  constructor({ kinds, marks = {}, heat, hide = "", search = "", without = [], fills = false }) {
    this.kinds = kinds;
    this.marks = marks;
    this.heat = heat || null;
    this.hide = hide;
    this.search = search;
    this.without = without;
    this.fills = fills;
  }

  /**
   * @param {string} action
   * @returns {boolean} Whether the page handles it.
   */
  handles(action) {
    return action === "find" ? this.search !== "" : !this.without.includes(action);
  }

  /** @returns {HTMLInputElement | null} The page's search field, which is not part of the canvas. */
  get searchBox() {
    return this.search ? document.querySelector(`.st-key-${CSS.escape(this.search)} input`) : null;
  }

  /**
   * @param {Box | Cluster} item
   * @returns {(string | undefined)[]} The texts after the name in the status line.
   */
  detailsOf(item) {
    const node = "kind" in item ? item : undefined;
    return [node?.sub, node?.band, node && this.kinds[node.kind]?.[0], this.heat?.[item.name]?.[1]];
  }

  /**
   * @param {LaidOutGraph} graph
   * @param {Box} node
   * @returns {string} The text of a box for a screen reader.
   */
  describe(graph, node) {
    const place = graph.nodes.indexOf(node), marks = node.stub ? [] : this.marks[node.name] || [];
    const kind = node.stub ? "link to " : node.scope ? "closed scope " : "";
    return [
      kind + node.title, node.sub, node.band && `fused ${node.band}`, this.kinds[node.kind]?.[0], node.same && `structure ${node.same}`,
      !node.stub && `reads from ${graph.ins[place].length}, read by ${graph.outs[place].length}`,
      node.feed && "input", node.fetch && "output",
      marks.includes("output") && "picked as output", marks.includes("input") && "picked as input",
      ...marks.map((mark) => MARK_TEXTS[mark]), this.heat?.[node.name]?.[1],
    ].filter(Boolean).join(", ");
  }
}
