// The keyboard on the canvas: every gesture of the mouse has a key, and arrows walk the edges.

const TRACES = ["", "up", "down", "both"];

function key(S, event) {
  if (event.altKey || !S.graph?.nodes.length) return;
  const { nodes, clusters } = S.graph, node = nodes[S.focus];
  const handlers = {
    ArrowDown: () => walk(S, 0, 1), ArrowUp: () => walk(S, 0, -1),
    ArrowRight: () => walk(S, 1, 0), ArrowLeft: () => walk(S, -1, 0),
    Home: () => focusOn(S, 0), End: () => focusOn(S, nodes.length - 1),
    Enter: () => node && select(S, node.name, event.ctrlKey || event.shiftKey),
    " ": () => node && select(S, node.name, true),
    Escape: () => select(S, null, false),
    "+": () => tool(S, "in"), "=": () => tool(S, "in"), "-": () => tool(S, "out"),
    f: () => fitAll(S), 0: () => fitWidth(S),
    e: () => {
      // A closed scope opens; from a node, the scope around it closes.
      const chosen = clusters.find((item) => S.selected.has(item.name));
      open(S, node?.scope ? { node } : { cluster: node ? clusters[node.parent] : chosen });
    },
    o: () => node && !node.scope && act(S, "output", node),
    i: () => node && !node.scope && act(S, "input", node),
    t: () => {
      S.trace = TRACES[(TRACES.indexOf(S.trace) + 1) % TRACES.length];
      act(S, "trace", { name: S.trace });
    },
    ",": () => act(S, "back", { name: "" }), ".": () => act(S, "forward", { name: "" }),
    ">": () => act(S, "deeper", { name: "" }), "<": () => act(S, "shallower", { name: "" }),
  };
  const plain = !event.ctrlKey && !event.metaKey;
  const handler = handlers[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!handler || !(plain || event.key === "Enter")) return;
  event.preventDefault();
  event.stopPropagation();
  S.picture.classList.add("keys");
  handler();
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
