/** @typedef {import("./graph.js").LaidOutGraph} LaidOutGraph */
/** @typedef {{ name: string, x: number, y: number, w: number, h: number }} Item A box or a cluster. */
/** @typedef {{ name: string, sx: number, sy: number }} Anchor Where an item is on the screen. */

/** Pixels around a picture that fits, and around an item that is brought into view. */
const PAD = 16;
const ZOOM_LIMITS = [0.04, 4], READABLE = 0.62, WHOLE = 0.5;
/** The smallest text of a picture has 11.5 pixels; at this scale it has 10. */
const LEGIBLE = 10 / 11.5;
/** Milliseconds after the last step of a zoom until the picture is redrawn. */
const REST = 120;
/** Between these factors the last drawing is stretched instead of redrawn. */
const STRETCH_LIMITS = [0.7, 1.6];

/** @param {number} z */
function clampZoom(z) {
  return Math.min(ZOOM_LIMITS[1], Math.max(ZOOM_LIMITS[0], z));
}

/**
 * @param {number} start
 * @param {number} length
 * @param {number} room
 * @returns {number} The shortest move after which start to start + length is inside of 0 to room.
 */
function moveInto(start, length, room) {
  if (start < PAD || length > room - 2 * PAD) return PAD - start;
  return Math.min(0, room - PAD - start - length);
}

/** Place and scale of the picture on the stage: screen = graph * z + (x, y), in pixels. */
export class Viewport {
  x = 0;
  y = 0;
  z = 1;
  width = 0;
  height = 0;
  /** The fit that the user has not moved away from: "home", "all", or "". */
  fitted = "";
  #stage;
  #sheet;
  #moved;
  #restTimer = 0;
  /** @type {{ x: number, y: number, z: number, drawing: object } | null} */
  #drawn = null;

  /**
   * @param {HTMLElement} stage
   * @param {HTMLElement} sheet Holds the picture; this is what is stretched during a zoom.
   * @param {() => void} moved Called after each change of place or scale.
   */
  constructor(stage, sheet, moved) {
    this.#stage = stage;
    this.#sheet = sheet;
    this.#moved = moved;
  }

  measure() {
    this.width = this.#stage.clientWidth;
    this.height = this.#stage.clientHeight;
  }

  stop() {
    clearTimeout(this.#restTimer);
  }

  /**
   * @param {{ clientX: number, clientY: number }} event
   * @returns {[number, number]} Pixels from the upper left corner of the stage.
   */
  pointOf(event) {
    const box = this.#stage.getBoundingClientRect(); // the picture itself may be stretched
    return [
      event.clientX - box.left - this.#stage.clientLeft,
      event.clientY - box.top - this.#stage.clientTop,
    ];
  }

  /**
   * @param {number} dx
   * @param {number} dy
   */
  pan(dx, dy) {
    if (dx || dy) this.fitted = "";
    this.x += dx;
    this.y += dy;
    this.#moved();
  }

  /**
   * @param {number} sx The point that stays where it is, in pixels of the stage.
   * @param {number} sy
   * @param {number} factor
   */
  zoomAt(sx, sy, factor) {
    const z = clampZoom(this.z * factor), k = z / this.z;
    this.fitted = "";
    this.x = sx - (sx - this.x) * k;
    this.y = sy - (sy - this.y) * k;
    this.z = z;
    this.#stretch();
    this.#moved();
  }

  /** @param {number} factor */
  zoomAtCentre(factor) {
    this.zoomAt(this.width / 2, this.height / 2, factor);
  }

  /** Whether the last step of a zoom was less than `REST` ago. */
  get isZooming() {
    return this.#restTimer !== 0;
  }

  /**
   * Start a zoom step, during which the last drawing is stretched: a redraw of hundreds of boxes
   * takes longer than a frame, mostly because Chromium shapes texts again at every size. The picture
   * is redrawn at rest, and when stretching would blur it or leave parts of the stage empty. The
   * sheet is stretched and not the picture, which would shape the texts as well.
   */
  #stretch() {
    clearTimeout(this.#restTimer);
    this.#restTimer = setTimeout(() => {
      this.#restTimer = 0;
      this.#moved();
    }, REST);
  }

  /**
   * Stretch the last drawing to the present place and scale.
   *
   * @param {object} drawing
   * @returns {boolean} False if the drawing must be redrawn, without stretching.
   */
  stretchSheet(drawing) {
    const { x, y, z } = this, drawn = this.#drawn;
    const k = drawn ? z / drawn.z : 0;
    const can = drawn !== null && this.isZooming && drawn.drawing === drawing
      && k > STRETCH_LIMITS[0] && k < STRETCH_LIMITS[1];
    this.#sheet.style.transform = can
      ? `translate(${x - drawn.x * k}px, ${y - drawn.y * k}px) scale(${k})` : "";
    if (!can) this.#drawn = { x, y, z, drawing };
    return can;
  }

  /**
   * Copy place and scale of another viewport, which may belong to another copy of this script.
   *
   * @param {Viewport} other
   * @returns {boolean} False if nothing changed.
   */
  follow(other) {
    if (this.x === other.x && this.y === other.y && this.z === other.z) return false;
    this.x = other.x;
    this.y = other.y;
    this.z = other.z;
    this.fitted = "";
    if (other.isZooming) this.#stretch();
    return true;
  }

  /** @param {LaidOutGraph} graph */
  fitAll({ w, h }) {
    this.z = clampZoom(Math.min(this.#scaleToFit(w, h), 1.1));
    this.x = (this.width - w * this.z) / 2;
    this.y = (this.height - h * this.z) / 2;
    this.fitted = "all";
    this.#moved();
  }

  /**
   * Fit the width and start at the top, at a readable scale.
   *
   * @param {LaidOutGraph} graph
   * @param {number} most Largest scale.
   * @param {number} least Smallest scale.
   */
  fitWidth({ w, nodes, columns }, most = 1, least = READABLE) {
    const room = this.width;
    const z = Math.min(most, Math.max(least, (room - 2 * PAD) / Math.max(w, 1)));
    const top = nodes.filter((node) => node.y < 40);
    const centre = top.length
      ? top.reduce((sum, node) => sum + node.x + node.w / 2, 0) / top.length : w / 2;
    this.z = z;
    if (w * z <= room - PAD) this.x = (room - w * z) / 2;
    else if (columns) this.x = PAD; // columns are read from the left
    else this.x = Math.min(PAD, Math.max(room - PAD - w * z, room / 2 - centre * z));
    this.y = PAD;
    this.fitted = "";
    this.#moved();
  }

  /**
   * The first view of a graph: all of it, or its beginning where all of it could not be read. A
   * window that is too small for the picture shows the beginning at the size that can be read best.
   *
   * @param {LaidOutGraph} graph
   * @param {boolean} fills Whether the canvas has the window; a smaller one shows smaller texts.
   */
  home(graph, fills) {
    if (!this.width) return;
    this.fitAll(graph);
    if (this.z < READABLE) this.fitWidth(graph, Math.max(0.82, LEGIBLE), fills ? LEGIBLE : READABLE);
    this.fitted = "home";
  }

  /**
   * @param {LaidOutGraph} graph
   * @returns {boolean} Whether all of it can be read at once.
   */
  isLegible(graph) {
    return this.#scaleToFit(graph.w, graph.h) >= LEGIBLE;
  }

  /**
   * @param {number} w
   * @param {number} h
   * @returns {number} The scale at which something of this size fits the stage.
   */
  #scaleToFit(w, h) {
    const wide = (this.width - 2 * PAD) / Math.max(w, 1), high = (this.height - 2 * PAD) / Math.max(h, 1);
    return Math.min(wide, high);
  }

  /**
   * @param {Item} item
   * @returns {Anchor}
   */
  anchorOf(item) {
    return {
      name: item.name,
      sx: (item.x + item.w / 2) * this.z + this.x,
      sy: item.y * this.z + this.y,
    };
  }

  /**
   * The item to keep in place in the next graph: a selected one, else the nearest to the centre.
   *
   * @param {LaidOutGraph} before
   * @param {LaidOutGraph} next
   * @param {Set<string>} selected
   * @returns {Anchor | null}
   */
  anchorBetween(before, next, selected) {
    const names = new Set([...next.nodes, ...next.clusters].map((item) => item.name));
    /** @type {Item | null} */
    let best = null;
    let least = Infinity;
    for (const item of [...before.nodes, ...before.clusters]) {
      if (("stub" in item && item.stub) || !names.has(item.name)) continue;
      const distance = selected.has(item.name) ? -1 : Math.hypot(
        (item.x + item.w / 2) * this.z + this.x - this.width / 2,
        (item.y + item.h / 2) * this.z + this.y - this.height / 2,
      );
      if (distance < least) [best, least] = [item, distance];
    }
    return best && this.anchorOf(best);
  }

  /**
   * Move the picture so that the anchor's item is at the anchor's place.
   *
   * @param {LaidOutGraph} graph
   * @param {Anchor | null} anchor
   * @returns {boolean} False if the graph has no such item.
   */
  moveTo(graph, anchor) {
    const item = anchor && (graph.cluster(anchor.name) || graph.node(anchor.name));
    if (!anchor || !item) return false;
    this.fitted = "";
    this.x = anchor.sx - (item.x + item.w / 2) * this.z;
    this.y = anchor.sy - item.y * this.z;
    return true;
  }

  /**
   * Centre an item that is not wholly on the stage, at a readable scale.
   *
   * @param {Item | undefined} item
   */
  bring(item) {
    if (!item || !this.width) return;
    if (this.z < READABLE) {
      this.z = READABLE + 0.2;
      this.fitted = "";
    }
    const { z } = this, sx = item.x * z + this.x, sy = item.y * z + this.y, pad = 40;
    const right = sx + item.w * z, bottom = sy + item.h * z;
    if (sx < pad || sy < pad || right > this.width - pad || bottom > this.height - pad) {
      this.x = this.width / 2 - (item.x + item.w / 2) * z;
      this.y = this.height / 2 - (item.y + Math.min(item.h, this.height / z) / 2) * z;
      this.fitted = "";
    }
    this.#moved();
  }

  /**
   * Keep the anchors' item in place in the next graph; a scope that was opened is shown as a whole.
   *
   * @param {LaidOutGraph} graph
   * @param {(Anchor | null)[]} anchors The scope that was opened or closed, and what to keep else.
   * @returns {boolean} False if the graph has neither.
   */
  place(graph, anchors) {
    const anchor = anchors.find((one) => this.moveTo(graph, one));
    const opened = anchor && anchor === anchors[0] && graph.cluster(anchor.name);
    if (opened) this.showWhole(opened);
    return Boolean(anchor);
  }

  /**
   * Move as little as needed for a box or an open scope to be in view.
   *
   * @param {LaidOutGraph} graph
   * @param {string | undefined} name
   */
  keepInView(graph, name) {
    const node = graph.node(name), cluster = graph.cluster(name);
    if (node) this.reveal(node);
    else if (cluster) this.showWhole(cluster);
  }

  /**
   * Bring a scope that was opened into view as a whole, at a smaller scale where it is large; of
   * one that is too large even so, the beginning.
   *
   * @param {Item} item
   */
  showWhole(item) {
    const z = Math.min(this.z, Math.max(WHOLE, this.#scaleToFit(item.w, item.h)));
    const sx = (item.x + item.w / 2) * this.z + this.x, sy = item.y * this.z + this.y;
    if (z < this.z) {
      this.x = sx - (item.x + item.w / 2) * z;
      this.y = sy - item.y * z;
      this.z = z;
      this.fitted = "";
    }
    const [dx, dy] = [
      moveInto(item.x * z + this.x, item.w * z, this.width), moveInto(item.y * z + this.y, item.h * z, this.height),
    ];
    this.pan(dx, dy);
  }

  /**
   * Move as little as needed for a box to be wholly on the stage.
   *
   * @param {Item} item
   */
  reveal(item) {
    const { z } = this, pad = 30, sx = item.x * z + this.x, sy = item.y * z + this.y;
    this.pan(
      Math.max(0, pad - sx) - Math.max(0, sx + item.w * z - this.width + pad),
      Math.max(0, pad - sy) - Math.max(0, sy + item.h * z - this.height + pad),
    );
  }
}
