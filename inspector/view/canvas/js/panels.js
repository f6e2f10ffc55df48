/** @typedef {import("./graph.js").LaidOutGraph} LaidOutGraph */
/** @typedef {import("./graph.js").Box} Box */
/** @typedef {import("./graph.js").Cluster} Cluster */
/** @typedef {import("./settings.js").Heat} Heat */
/** @typedef {import("./settings.js").Kind} Kind */

/**
 * A name as one visible line: control and bidirectional characters are replaced.
 *
 * @param {string} name
 */
export function printable(name) {
  const text = name.replace(/\/$/, "").slice(0, 400);
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "\ufffd");
}

/** The texts around the picture: crumbs, legend, status line, announcements for screen readers. */
export class Panels {
  #crumbs;
  #legend;
  #status;
  #live;
  #empty;
  #path = "";

  /** @param {(selector: string) => HTMLElement} find */
  constructor(find) {
    this.#crumbs = find(".crumbs");
    this.#legend = find(".legend");
    this.#status = find(".status");
    this.#live = find(".live");
    this.#empty = find(".empty");
  }

  /** @param {string} text */
  announce(text) {
    this.#live.textContent = text;
  }

  /** @param {boolean} empty */
  showEmpty(empty) {
    this.#empty.hidden = !empty;
  }

  /**
   * Show the scopes around a box or an open scope, down to itself.
   *
   * @param {LaidOutGraph} graph
   * @param {string | undefined} name
   */
  showCrumbs(graph, name) {
    const node = graph.node(name);
    /** @type {[text: string, cluster: number | null, name: string][]} */
    const path = [];
    let place = node ? node.parent : graph.clusters.findIndex((cluster) => cluster.name === name);
    while (place >= 0) {
      const cluster = graph.clusters[place];
      path.unshift([cluster.title, place, cluster.name]);
      place = cluster.parent;
    }
    if (node) path.push([node.title, null, node.name]);
    if (path.length) path.unshift(["All", -1, ""]);
    const serialised = JSON.stringify(path);
    if (serialised === this.#path) return; // keeps the focus of a crumb
    this.#path = serialised;
    this.#crumbs.replaceChildren(...path.map(([text, cluster, full]) => {
      const crumb = document.createElement(cluster === null ? "span" : "button");
      crumb.textContent = text;
      crumb.title = printable(full);
      if (cluster !== null) Object.assign(crumb, { type: "button" }).dataset.crumb = String(cluster);
      return crumb;
    }));
  }

  /**
   * @param {string} place
   * @returns {HTMLElement | null} The crumb of a cluster, by index.
   */
  crumb(place) {
    return this.#crumbs.querySelector(`[data-crumb="${place}"]`);
  }

  /**
   * @param {LaidOutGraph} graph
   * @param {Kind[]} kinds
   * @param {Heat | null} heat
   */
  showLegend({ nodes, edges, clusters }, kinds, heat) {
    this.#legend.replaceChildren();
    if (heat) {
      const most = Object.values(heat).find(([strength]) => strength === 1);
      this.#addEntry("heat", most ? `none to the most: ${most[1]}` : "no box has any");
    } else {
      const present = [...new Set(nodes.map((node) => node.kind))].sort((a, b) => a - b);
      for (const kind of present) this.#addEntry(`k${kind}`, kinds[kind][0]);
    }
    if (nodes.some((node) => node.scope)) this.#addEntry("scope", "Closed scope (double-click opens)");
    if (nodes.some((node) => node.same)) this.#addEntry("letter", "Same letter: same structure");
    if ([...nodes, ...clusters].some((item) => item.ours)) this.#addEntry("ours", "Grouped by Inspector");
    if (edges.some((edge) => !edge.n)) this.#addEntry("control", "Control input");
    if (edges.some((edge) => edge.back)) this.#addEntry("back", "Next turn of a loop");
  }

  /**
   * @param {string} swatchClass
   * @param {string} text
   */
  #addEntry(swatchClass, text) {
    const entry = document.createElement("span"), swatch = document.createElement("i");
    entry.setAttribute("role", "listitem");
    swatch.className = swatchClass;
    if (swatchClass === "letter") swatch.textContent = "A";
    entry.append(swatch, text);
    this.#legend.append(entry);
  }

  /**
   * @param {Box | Cluster | undefined} item The item under the pointer or the focus.
   * @param {(string | undefined)[]} details
   */
  showStatus(item, details) {
    this.#status.replaceChildren();
    if (!item) return;
    const name = document.createElement("bdi"); // isolates the text direction of the name
    name.textContent = item.ours ? item.title : printable(item.name);
    this.#status.append(name, ...details.filter(Boolean).map((text) => `  ·  ${text}`));
  }
}
