// Where one looks: S.v is the place and size of the picture on the stage, in pixels.

function clampZoom(z) {
  return Math.min(ZOOM[1], Math.max(ZOOM[0], z));
}

function zoomAt(S, sx, sy, factor) {
  const z = clampZoom(S.v.z * factor), k = z / S.v.z;
  S.v = { x: sx - (sx - S.v.x) * k, y: sy - (sy - S.v.y) * k, z };
  stretch(S);
  queue(S);
}

// While one zooms, the picture that was drawn last is stretched: drawing hundreds of boxes anew
// takes longer than a frame, most of it for the texts, which Chromium shapes anew at every size.
// It is drawn again at rest, and when it would be blurred or bare. The sheet is stretched, not the
// picture itself: with that, too, the texts would be shaped anew.
function stretch(S) {
  clearTimeout(S.stretching);
  S.stretching = setTimeout(() => {
    S.stretching = 0;
    queue(S);
  }, REST);
}

// Whether the drawn picture could be stretched to S.v.
function stretched(S) {
  const { x, y, z } = S.v, { drawn } = S, k = drawn ? z / drawn.z : 0;
  const can = S.stretching && k > STRETCH[0] && k < STRETCH[1] && drawn.view === S.view;
  const move = can && `translate(${x - drawn.x * k}px, ${y - drawn.y * k}px) scale(${k})`;
  S.sheet.style.transform = move || "";
  if (!can) S.drawn = { x, y, z, view: S.view };
  return can;
}

// The other canvases of a group, such as before and after, look at the same place.
function together(S) {
  for (const other of GROUPS.get(S.group) || []) {
    if (other === S || !other.graph || !other.root.isConnected) continue;
    const { x, y, z } = other.v;
    if (x === S.v.x && y === S.v.y && z === S.v.z) continue;
    other.v = { ...S.v };
    if (S.stretching) stretch(other);
    paint(other);
  }
}

function fitAll(S) {
  const pad = 22, { w, h } = S.graph;
  const room = S.width - TOOLS;
  const z = Math.min((room - 2 * pad) / Math.max(w, 1), (S.height - CRUMBS - pad) / Math.max(h, 1), 1.1);
  S.v = { z: clampZoom(z), x: 0, y: 0 };
  S.v.x = (room - w * S.v.z) / 2;
  S.v.y = CRUMBS + (S.height - CRUMBS - pad - h * S.v.z) / 2;
  queue(S);
}

// As wide as the stage, from the top, at a size one can read.
function fitWidth(S, most = 1) {
  const pad = 22, room = S.width - TOOLS, { w, nodes } = S.graph;
  const z = Math.min(most, Math.max(READABLE, (room - 2 * pad) / Math.max(w, 1)));
  const top = nodes.filter((node) => node.y < 40);
  const at = top.length ? top.reduce((sum, node) => sum + node.x + node.w / 2, 0) / top.length : w / 2;
  // Columns are read from the left.
  const x = w * z <= room - pad ? (room - w * z) / 2 : S.graph.columns ? pad : room / 2 - at * z;
  S.v = { z, x, y: CRUMBS };
  queue(S);
}

function home(S) {
  if (!S.width) return;
  fitAll(S);
  if (S.v.z < READABLE) fitWidth(S, 0.82);
}

// Where a box is on the screen, for `anchored`.
function spot(S, item) {
  return { name: item.name, sx: (item.x + item.w / 2) * S.v.z + S.v.x, sy: item.y * S.v.z + S.v.y };
}

// What can stay where it is in the next picture: what is selected, else what is in the middle.
function placed(S, graph, next) {
  const names = new Set([...next.nodes, ...next.clusters].map((item) => item.name));
  const middle = (item) => Math.hypot(
    (item.x + item.w / 2) * S.v.z + S.v.x - S.width / 2, (item.y + item.h / 2) * S.v.z + S.v.y - S.height / 2);
  let best = null, least = Infinity;
  for (const item of [...graph.nodes, ...graph.clusters]) {
    if (item.stub || !names.has(item.name)) continue;
    const far = S.selected.has(item.name) ? -1 : middle(item);
    if (far < least) [best, least] = [item, far];
  }
  return best && spot(S, best);
}

// The scope that was opened or closed stays where it was on the screen.
function anchored(S, anchor) {
  if (!anchor) return false;
  const { name, sx, sy } = anchor;
  const found = S.graph.clusters.find((item) => item.name === name)
    || S.graph.nodes.find((item) => item.name === name && !item.stub);
  if (!found) return false;
  S.v.x = sx - (found.x + found.w / 2) * S.v.z;
  S.v.y = sy - found.y * S.v.z;
  return true;
}

function bring(S, name) {
  const found = S.graph.nodes.find((node) => node.name === name && !node.stub)
    || S.graph.clusters.find((item) => item.name === name);
  if (!found || !S.width) return;
  if (S.v.z < READABLE) S.v.z = READABLE + 0.2;
  const { z } = S.v, sx = found.x * z + S.v.x, sy = found.y * z + S.v.y, pad = 40;
  if (sx < pad || sy < pad || sx + found.w * z > S.width - pad || sy + found.h * z > S.height - pad) {
    S.v.x = S.width / 2 - (found.x + found.w / 2) * z;
    S.v.y = S.height / 2 - (found.y + Math.min(found.h, S.height / z) / 2) * z;
  }
  queue(S);
}
