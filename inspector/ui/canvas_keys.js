// The keyboard on the canvas: every gesture of the mouse has a key, and arrows walk the edges.

const TRACES = ["", "up", "down", "both"], PAN = 80;
// What the list of keys says; the third is what the page must hear of, see `without`.
const HELP = [
  ["↑ ↓ ← →", "Walk along the edges, else to the next box"],
  ["Home End", "First and last box"],
  ["Enter", "Select; with Ctrl or Shift one more"],
  ["Space", "Add to the selection, or take away"],
  ["Esc", "Select nothing"],
  ["E", "Open a scope, or close the one around"],
  ["> <", "Open, or close, one level of scopes"],
  ["H", "The first picture"],
  [", .", "Back and forward", "back"],
  ["O", "Use what is selected as output, or no more", "output"],
  ["I", "Use it as input: the graph is cut there", "input"],
  ["T", "Trace: what it needs, what needs it, both, between several", "trace"],
  ["/", "Search; there Enter goes from hit to hit", "find"],
  ["+ -", "Zoom"],
  ["F 0", "Fit all, fit the width"],
  ["Shift + arrows", "Move the picture"],
  ["S", "Full screen"],
  ["?", "This list; Esc closes it"],
  ["Click", "Select; with Ctrl or Shift several"],
  ["Double click", "Open or close a scope"],
  ["Drag", "Move the picture, or the frame in the overview"],
  ["Wheel, pinch", "Zoom"],
];

function key(S, event) {
  if (event.altKey || !S.graph?.nodes.length) return;
  const { nodes, clusters } = S.graph, chosen = [...S.selected].at(-1);
  const node = nodes[S.focus] ?? nodes.find((item) => item.name === chosen && !item.stub);
  const arrow = (dx, dy) => event.shiftKey ? pan(S, -PAN * dx, -PAN * dy) : walk(S, dx, dy);
  const heard = (what, name) => !S.without.includes(what) && act(S, what, { name });
  const handlers = {
    ArrowDown: () => arrow(0, 1), ArrowUp: () => arrow(0, -1),
    ArrowRight: () => arrow(1, 0), ArrowLeft: () => arrow(-1, 0),
    Home: () => focusOn(S, 0), End: () => focusOn(S, nodes.length - 1),
    Enter: () => node && select(S, node.name, event.ctrlKey || event.shiftKey),
    " ": () => node && select(S, node.name, true),
    Escape: () => select(S, null, false),
    "+": () => tool(S, "in"), "=": () => tool(S, "in"), "-": () => tool(S, "out"),
    f: () => fitAll(S), 0: () => fitWidth(S),
    e: () => {
      // A closed scope opens; from a node, the scope around it closes.
      const cluster = clusters.find((item) => item.name === chosen);
      open(S, node?.scope ? { node } : { cluster: node ? clusters[node.parent] : cluster });
    },
    o: () => pick(S, "output", node), i: () => pick(S, "input", node),
    t: () => {
      if (S.without.includes("trace")) return;
      const traces = S.selected.size > 1 ? [...TRACES, "between"] : TRACES;
      S.trace = traces[(traces.indexOf(S.trace) + 1) % traces.length];
      act(S, "trace", { name: S.trace });
    },
    ",": () => heard("back", ""), ".": () => heard("forward", ""),
    ">": () => heard("deeper", ""), "<": () => heard("shallower", ""),
    h: () => heard("first", ""), s: () => tool(S, "full"), "?": () => tool(S, "help"),
    "/": () => searchBox(S)?.focus(),
  };
  const plain = !event.ctrlKey && !event.metaKey;
  const handler = handlers[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!handler || !(plain || event.key === "Enter")) return;
  event.preventDefault();
  event.stopPropagation();
  S.picture.classList.add("keys");
  handler();
}

// All that are selected, or the box in focus where it is none of them.
function pick(S, what, node) {
  if (S.without.includes(what)) return;
  const several = S.selected.size > 1 && (!node || S.selected.has(node.name));
  const names = (several ? [...S.selected] : node && !node.scope ? [node.name] : [])
    .filter((name) => !S.graph.nodes.some((item) => item.scope && item.name === name));
  const open = names.filter((name) => !(S.marks[name] || []).includes(what));
  for (const name of open.length ? open : names) act(S, what, { name });
}

function pan(S, dx, dy) {
  S.v.x += dx;
  S.v.y += dy;
  queue(S);
}

// The page's search field, which is no part of the canvas.
function searchBox(S) {
  return S.search ? document.querySelector(`.st-key-${CSS.escape(S.search)} input`) : null;
}

function showHelp(S, shown) {
  S.help.hidden = !shown;
  S.root.querySelector("[data-do=help]").setAttribute("aria-expanded", String(shown));
  if (!shown) {
    S.picture.focus({ preventScroll: true });
    return;
  }
  const list = document.createElement("dl");
  for (const [keys, what, doing] of HELP) {
    if (doing && (doing === "find" ? !S.search : S.without.includes(doing))) continue;
    list.append(...[["dt", keys], ["dd", what]].map(([tag, text]) =>
      Object.assign(document.createElement(tag), { textContent: text })));
  }
  S.help.replaceChildren(list);
  S.help.focus({ preventScroll: true });
}

function focusOn(S, place) {
  S.focus = place;
  S.focusName = S.graph.nodes[place].name;
  drawFocus(S);
  light(S, place);
  tell(S, S.graph.nodes[place]);
  const node = S.graph.nodes[place], { z } = S.v, pad = 30;
  const x = node.x * z + S.v.x, y = node.y * z + S.v.y;
  S.v.x += Math.max(0, pad - x) - Math.max(0, x + node.w * z - S.width + pad);
  S.v.y += Math.max(0, pad - y) - Math.max(0, y + node.h * z - S.height + pad);
  queue(S);
}

// Down and up go along edges, to the nearest where there are several; else to the nearest box.
function walk(S, dx, dy) {
  const { nodes, edges } = S.graph, from = nodes[S.focus];
  if (!from) {
    const chosen = nodes.findIndex((node) => S.selected.has(node.name));
    focusOn(S, Math.max(0, chosen));
    return;
  }
  const middle = (node) => [node.x + node.w / 2, node.y + node.h / 2], [x, y] = middle(from);
  const along = dy > 0 ? S.outs[S.focus].map((i) => edges[i].b) : dy < 0 ? S.ins[S.focus].map((i) => edges[i].a) : [];
  let best = null, least = Infinity;
  const places = along.length ? along : nodes.keys();
  for (const place of places) {
    if (place === S.focus) continue;
    const [nx, ny] = middle(nodes[place]), ahead = (nx - x) * dx + (ny - y) * dy;
    if (!along.length && ahead <= 2) continue;
    const cost = along.length ? Math.abs(nx - x) : ahead + 3 * Math.abs((nx - x) * dy) + 3 * Math.abs((ny - y) * dx);
    if (cost < least) [best, least] = [place, cost];
  }
  if (best !== null) focusOn(S, best);
}
