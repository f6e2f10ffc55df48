// Drawing: a laid out graph as SVG elements. Text enters by textContent only; nothing is parsed.

const SVG = "http://www.w3.org/2000/svg";
const NEAR = 1.35, MID = 0.5, FAR = 0.24;

function make(tag, attributes, parent, text) {
  const element = document.createElementNS(SVG, tag);
  for (const key in attributes) element.setAttribute(key, attributes[key]);
  if (text !== undefined) element.textContent = text;
  if (parent) parent.appendChild(element);
  return element;
}

// A name as one line of what can be seen: control characters and turns of direction are shown as such.
function shown(name) {
  const text = name.replace(/\/$/, "").slice(0, 400);
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "\ufffd");
}

function say(S, text) {
  S.live.textContent = text;
}

// Builds everything for a new graph; called once per revision.
function draw(S) {
  const { nodes, edges, clusters } = S.graph;
  S.picture.replaceChildren();
  S.view = make("g", { class: "view" }, S.picture);
  const layers = {};
  for (const name of ["clusters", "edges", "titles", "labels", "nodes", "rings"])
    layers[name] = make("g", { class: name }, S.view);
  for (const name of ["edges", "titles", "labels", "rings"]) layers[name].setAttribute("aria-hidden", "true");
  S.layers = layers;
  S.items = [];       // what culling shows and hides
  S.byName = new Map();
  S.ins = nodes.map(() => []);
  S.outs = nodes.map(() => []);
  clusters.forEach((cluster, i) => drawCluster(S, cluster, i));
  edges.forEach((edge, i) => drawEdge(S, edge, i));
  nodes.forEach((node, i) => drawNode(S, node, i));
  S.labelled = false;
  S.lit = [];
  S.empty.hidden = nodes.length > 0;
}

function keep(S, element, x0, y0, x1, y1) {
  S.items.push({ element, x0, y0, x1, y1, shown: true });
}

function named(S, name, element) {
  const found = S.byName.get(name);
  if (found) found.push(element); else S.byName.set(name, [element]);
}

function drawCluster(S, cluster, i) {
  const g = make("g", { class: "cluster" + (cluster.ours ? " ours" : ""), "data-cluster": i, role: "img" }, S.layers.clusters);
  const times = cluster.same ? `, structure ${cluster.same}` : "";
  g.setAttribute("aria-label", `open scope ${cluster.title}${times}`);
  make("rect", { x: cluster.x, y: cluster.y, width: cluster.w, height: cluster.h, rx: 10 }, g);
  // Titles stand above the edges that run through them.
  const title = make("g", { class: "cluster-title", "data-cluster": i }, S.layers.titles);
  make("text", { class: "sign", x: cluster.x + 12, y: cluster.y + 19 }, title, "−");
  make("text", { x: cluster.x + 25, y: cluster.y + 19 }, title, cluster.title);
  if (cluster.same) make("text", { class: "same", x: cluster.x + cluster.w - 17, y: cluster.y + 19 }, title, cluster.same);
  named(S, cluster.name, g);
  for (const element of [g, title])
    keep(S, element, cluster.x, cluster.y, cluster.x + cluster.w, cluster.y + cluster.h);
}

function drawEdge(S, edge, i) {
  S.outs[edge.a].push(i);
  S.ins[edge.b].push(i);
  const p = edge.p || [];
  if (p.length < 4) return;
  const g = make("g", { class: "edge" + (edge.n ? edge.back ? " back" : "" : " control") }, S.layers.edges);
  const n = p.length, ex = p[n - 4], ey = p[n - 3], tx = p[n - 2], ty = p[n - 1];
  let d = `M${p[0]} ${p[1]}`;
  for (let k = 2; k < n - 2; k += 6) d += `C${p.slice(k, k + 6).join(" ")}`;
  const width = Math.min(4, 1.2 + Math.log(Math.max(1, edge.n)));
  make("path", { class: "run", d, "stroke-width": width.toFixed(1) }, g);
  const length = Math.hypot(tx - ex, ty - ey) || 1, half = 2.4 + width / 2;
  const ax = (ty - ey) / length * half, ay = -(tx - ex) / length * half;
  make("path", { class: "tip", d: `M${ex + ax} ${ey + ay}L${tx} ${ty}L${ex - ax} ${ey - ay}Z` }, g);
  edge.element = g;
  let x0 = Infinity, y0 = Infinity, x1 = -Infinity, y1 = -Infinity;
  for (let k = 0; k < n; k += 2) {
    x0 = Math.min(x0, p[k]); x1 = Math.max(x1, p[k]);
    y0 = Math.min(y0, p[k + 1]); y1 = Math.max(y1, p[k + 1]);
  }
  keep(S, g, x0, y0, x1, y1);
}

function drawNode(S, node, i) {
  const { w, h } = node, round = node.stub || node.feed ? h / 2 : 7;
  let names = `node k${node.kind}`;
  for (const flag of ["scope", "ours", "feed", "fetch", "stub"]) if (node[flag]) names += " " + flag;
  const g = make("g", {
    class: names, "data-node": i, id: `n${i}`, role: "img", transform: `translate(${node.x} ${node.y})`,
  }, S.layers.nodes);
  if (node.scope) make("rect", { class: "card", x: 4, y: 4, width: w, height: h, rx: round }, g);
  make("rect", { class: "box", width: w, height: h, rx: round }, g);
  const shift = node.scope ? -5 : 0;
  make("text", { class: "title", x: w / 2 + shift, y: node.stub ? h / 2 + 3.5 : 16 }, g, node.title);
  if (!node.stub) make("text", { class: "sub", x: w / 2 + shift, y: 30.5 }, g, node.sub);
  if (node.scope) make("text", { class: "sign", x: w - 15, y: 17 }, g, "+");
  if (node.same) make("text", { class: "same", x: w - 11, y: 31 }, g, node.same);
  node.element = g;
  node.classes = names;
  named(S, node.name, g);
  keep(S, g, node.x - 8, node.y - 10, node.x + w + 4, node.y + h + 4);
}

function spoken(S, node) {
  const what = node.stub ? "link to " : node.scope ? "closed scope " : "";
  const place = S.graph.nodes.indexOf(node), marks = node.stub ? [] : S.marks[node.name] || [];
  const picked = (mark) => marks.includes(mark) && `picked as ${mark}`;
  const more = [
    node.sub, S.kinds[node.kind]?.[0], node.same && `structure ${node.same}`,
    !node.stub && `reads from ${S.ins[place].length}, read by ${S.outs[place].length}`,
    node.feed && "input", node.fetch && "output", picked("output"), picked("input"),
    ...marks.map((mark) => MARKS[mark]), S.heat?.[node.name]?.[1],
  ];
  return [what + node.title, ...more].filter(Boolean).join(", ");
}

// What is said of a mark; a sign in a badge says the first three to the eye.
const MARKS = { added: "added", removed: "removed", changed: "changed", hit: "found", dim: "dimmed" };

// Marks by name: classes (added, removed, changed, dim) and badges (output, input).
function drawMarks(S) {
  for (const node of S.graph.nodes) {
    const marks = S.marks[node.name] || [];
    const plain = marks.filter((mark) => /^(added|removed|changed|dim|hit)$/.test(mark));
    if (S.hide && marks.includes(S.hide)) plain.push("gone");
    node.element.setAttribute("class", [node.classes, ...plain].join(" "));
    node.element.setAttribute("aria-label", spoken(S, node));
    for (const old of node.element.querySelectorAll(".badge")) old.remove();
    if (node.stub) continue;
    const badges = ["output", "input"].filter((mark) => marks.includes(mark)).map((mark) => [mark, true]);
    if (node.fetch && !marks.includes("output")) badges.push(["output", false]);
    if (node.feed && !marks.includes("input")) badges.push(["input", false]);
    const sign = { added: "+", removed: "−", changed: "≠" }[plain[0]];
    if (sign) badges.push([sign, false]);
    let left = -7; // the upper right corner has the sign of a scope
    for (const [text, picked] of badges) {
      const width = text.length < 2 ? 16 : 9 + text.length * 5.4;
      const g = make("g", { class: "badge" + (picked ? " picked" : "") }, node.element);
      make("rect", { x: left, y: -11, width, height: 15, rx: 7.5 }, g);
      make("text", { x: left + width / 2, y: 0 }, g, text);
      left += width + 2;
    }
  }
  for (const edge of S.graph.edges) {
    const has = (place, mark) => (S.marks[S.graph.nodes[place].name] || []).includes(mark);
    for (const [name, mark] of [["dim", "dim"], ["gone", S.hide]])
      edge.element?.classList.toggle(name, mark !== "" && (has(edge.a, mark) || has(edge.b, mark)));
  }
  drawSelection(S);
}

function drawSelection(S) {
  for (const element of S.picture.querySelectorAll(".selected")) element.classList.remove("selected");
  for (const name of S.selected)
    for (const element of S.byName.get(name) || []) element.classList.add("selected");
}

// The scopes around the box in focus, else around what was selected last, down to itself.
function drawCrumbs(S) {
  const { nodes, clusters } = S.graph, name = nodes[S.focus]?.name ?? [...S.selected].at(-1);
  const node = nodes.find((item) => item.name === name && !item.stub);
  const around = [];
  let place = node ? node.parent : clusters.findIndex((item) => item.name === name);
  for (; place >= 0; place = clusters[place].parent) around.unshift(place);
  const path = around.map((at) => [clusters[at].title, at, clusters[at].name]);
  if (node) path.push([node.title, null, node.name]);
  if (path.length) path.unshift(["All", -1, ""]);
  const now = JSON.stringify(path);
  if (now === S.path) return; // a crumb in focus must not be made anew
  S.path = now;
  S.crumbs.replaceChildren(...path.map(([text, at, full]) => {
    const crumb = document.createElement(at === null ? "span" : "button");
    crumb.textContent = text;
    crumb.title = shown(full);
    if (at !== null) Object.assign(crumb, { type: "button" }).dataset.crumb = at;
    return crumb;
  }));
}

// A figure laid over the boxes: the stronger, the more of its colour.
function drawHeat(S) {
  S.picture.classList.toggle("heated", S.heat !== null);
  for (const node of S.graph.nodes) {
    const strength = S.heat ? (S.heat[node.name] || [0])[0] : 0;
    node.element.style.setProperty("--heat", `${Math.round(60 * Math.sqrt(strength))}%`);
  }
}

// Hover: what it reads green, what reads it orange, with shapes. Only the few elements concerned.
function light(S, place) {
  for (const [element, name] of S.lit) element.classList.remove(name);
  S.lit = [];
  for (const label of S.layers.rings.querySelectorAll(".edge-label")) label.remove();
  if (place === null || !S.graph.nodes[place]) return;
  const one = (element, name) => {
    if (!element) return;
    element.classList.add(name);
    S.lit.push([element, name]);
  };
  for (const [list, name, end] of [[S.ins[place], "into", "a"], [S.outs[place], "from", "b"]])
    for (const i of list) {
      const edge = S.graph.edges[i];
      one(edge.element, name);
      one(S.graph.nodes[edge[end]].element, name);
      if (list.length < 12) edgeLabel(edge, S.layers.rings);
    }
}

function edgeLabel(edge, layer) {
  const p = edge.p || [];
  if (!edge.t || p.length < 8) return;
  const k = 2 * Math.floor(p.length / 4);
  make("text", { class: "edge-label", x: p[k], y: p[k + 1] + 3 }, layer, edge.t);
}

function drawFocus(S) {
  for (const ring of S.layers.rings.querySelectorAll(".ring")) ring.remove();
  const node = S.graph.nodes[S.focus];
  drawCrumbs(S);
  if (!node) {
    S.picture.removeAttribute("aria-activedescendant");
    return;
  }
  const pad = 5;
  make("rect", {
    class: "ring", x: node.x - pad, y: node.y - pad, width: node.w + 2 * pad, height: node.h + 2 * pad, rx: 10,
  }, S.layers.rings);
  S.picture.setAttribute("aria-activedescendant", `n${S.focus}`);
  say(S, spoken(S, node));
}

// Brings the picture to S.v.
function paint(S) {
  S.queued = false;
  if (!S.graph) return;
  if (!stretched(S)) redraw(S);
  drawMap(S);
  if (S.group) together(S);
}

// Moves what is drawn, hides what is far outside, and drops text too small to read.
function redraw(S) {
  const { x, y, z } = S.v, width = S.width, height = S.height;
  S.view.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)}) scale(${z.toFixed(4)})`);
  const spare = 0.25, x0 = (-spare * width - x) / z, x1 = ((1 + spare) * width - x) / z;
  const y0 = (-spare * height - y) / z, y1 = ((1 + spare) * height - y) / z;
  for (const item of S.items) {
    const shown = item.x1 >= x0 && item.x0 <= x1 && item.y1 >= y0 && item.y0 <= y1;
    if (shown !== item.shown) {
      item.shown = shown;
      item.element.style.display = shown ? "" : "none";
    }
  }
  // Hysteresis: a zoom that stays near a limit must not restyle everything at every step.
  for (const [name, limit] of [["mid", MID], ["far", FAR]]) {
    const is = S.picture.classList.contains(name);
    const now = is ? z < limit * 1.08 : z < limit;
    if (is !== now) S.picture.classList.toggle(name, now);
  }
  const near = z >= NEAR;
  if (near && !S.labelled) {
    S.labelled = true;
    for (const edge of S.graph.edges) edgeLabel(edge, S.layers.labels);
  }
  if (S.picture.classList.contains("near") !== near) S.picture.classList.toggle("near", near);
}

function queue(S) {
  if (S.queued) return;
  S.queued = true;
  requestAnimationFrame(() => paint(S));
}

function drawMap(S) {
  const { graph, map, v } = S;
  const whole = graph.w * v.z <= S.width && graph.h * v.z <= S.height;
  map.hidden = whole || !graph.nodes.length;
  if (map.hidden) return;
  const scale = Math.min((map.width - 12) / graph.w, (map.height - 12) / graph.h);
  const left = (map.width - graph.w * scale) / 2, top = (map.height - graph.h * scale) / 2;
  S.mapScale = { scale, left, top };
  const style = getComputedStyle(S.stage), pen = map.getContext("2d");
  const ink = style.color;
  pen.clearRect(0, 0, map.width, map.height);
  pen.globalAlpha = 0.1;
  pen.fillStyle = ink;
  for (const c of graph.clusters) pen.fillRect(left + c.x * scale, top + c.y * scale, c.w * scale, c.h * scale);
  pen.globalAlpha = 0.85;
  for (const node of graph.nodes) {
    pen.fillStyle = S.kinds[node.kind][1];
    pen.fillRect(left + node.x * scale, top + node.y * scale, Math.max(1.5, node.w * scale), Math.max(1.5, node.h * scale));
  }
  pen.globalAlpha = 1;
  pen.strokeStyle = style.getPropertyValue("--accent") || ink;
  pen.lineWidth = 1.6;
  const x0 = Math.max(1, left - (v.x / v.z) * scale), y0 = Math.max(1, top - (v.y / v.z) * scale);
  const x1 = Math.min(map.width - 1, left + ((S.width - v.x) / v.z) * scale);
  const y1 = Math.min(map.height - 1, top + ((S.height - v.y) / v.z) * scale);
  pen.strokeRect(x0, y0, Math.max(3, x1 - x0), Math.max(3, y1 - y0));
}

function drawLegend(S) {
  const { nodes, edges, clusters } = S.graph;
  S.legend.replaceChildren();
  const entry = (name, text) => {
    const span = document.createElement("span"), swatch = document.createElement("i");
    span.setAttribute("role", "listitem");
    swatch.className = name;
    if (name === "letter") swatch.textContent = "A";
    span.append(swatch, text);
    S.legend.append(span);
  };
  if (S.heat) {
    const most = Object.values(S.heat).find(([strength]) => strength === 1);
    entry("heat", most ? `none to the most: ${most[1]}` : "no box has any");
  } else for (const kind of [...new Set(nodes.map((node) => node.kind))].sort((a, b) => a - b))
    entry(`k${kind}`, S.kinds[kind][0]);
  if (nodes.some((node) => node.scope)) entry("scope", "Closed scope: double click opens");
  if (nodes.some((node) => node.same)) entry("letter", "Same letter: same structure inside");
  if ([...nodes, ...clusters].some((item) => item.ours)) entry("ours", "Grouped by Inspector");
  if (edges.some((edge) => !edge.n)) entry("control", "Control input");
  if (edges.some((edge) => edge.back)) entry("back", "Next turn of a loop");
}
