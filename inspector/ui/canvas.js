// The graph canvas: gestures and what they tell Python. Drawing is in canvas_draw.js, where one looks
// in canvas_view.js, keys in canvas_keys.js; all stand before this file in one module. Streamlit calls
// the default export again whenever data or theme change; one state per mounted element, listeners
// attached once.

const TOOLS = 50, CRUMBS = 44; // pixels at the right and at the top that buttons cover
const DEBOUNCE = 120, DOUBLE = 350, DRAG = 4, ZOOM = [0.04, 4], READABLE = 0.62, REST = 120, STRETCH = [0.7, 1.6];
const STATES = new WeakMap();
const GROUPS = (globalThis.inspectorCanvasGroups ??= new Map()); // each canvas may load its own module
const ICONS = {
  in: "M8 3v10M3 8h10", out: "M3 8h10", fit: "M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4",
  back: "M13 8H3M7 4L3 8l4 4", forward: "M3 8h10M9 4l4 4-4 4",
  deeper: "M8 2v4M5 4l3-3 3 3M8 14v-4M5 12l3 3 3-3M3 8h10", shallower: "M8 1v4M5 3l3 3 3-3M8 15v-4M5 13l3-3 3 3",
  first: "M2 8l6-6 6 6M4 7v7h8V7", multi: "M3 3h7v7H3zM6 13h7V6", full: "M9 7l5-5M10 2h4v4M7 9l-5 5M6 14H2v-4",
  help: "M5.5 6a2.5 2.5 0 1 1 3.5 2.2c-.7.4-1 .8-1 1.6M8 13v.01",
};

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  let S = STATES.get(parentElement);
  if (!S || !S.root.isConnected) {
    S?.stop.abort();
    S = mount(parentElement);
    STATES.set(parentElement, S);
  }
  S.setState = setStateValue;
  S.trigger = setTriggerValue;
  update(S, data);
  return () => {
    GROUPS.get(S.group)?.delete(S);
    S.stop.abort();
    S.watch.disconnect();
    clearTimeout(S.timer);
    clearTimeout(S.late);
    STATES.delete(parentElement);
  };
}

function mount(parent) {
  const root = parent.querySelector(".inspector-canvas"), $ = (name) => root.querySelector(name);
  const S = {
    root, stage: $(".stage"), sheet: $(".sheet"), picture: $(".picture"), map: $(".map"), legend: $(".legend"),
    status: $(".status"), live: $(".live"), crumbs: $(".crumbs"), empty: $(".empty"), help: $(".help"), stop: new AbortController(),
    v: { x: 0, y: 0, z: 1 }, selected: new Set(), marks: {}, focus: null, multi: false, without: [],
    pointers: new Map(), acts: [], clicked: 0, number: Date.now(), width: 0, height: 0,
  };
  for (const button of root.querySelectorAll("[data-do]")) {
    const icon = make("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, button);
    make("path", { d: ICONS[button.dataset.do] }, icon);
  }
  listen(S);
  S.watch = new ResizeObserver(() => {
    const was = S.width;
    measure(S);
    if (S.graph && !was && S.width) home(S);
    else if (was && S.width) S.v.x += (S.width - was) / 2;
    queue(S);
  });
  S.watch.observe(S.stage);
  measure(S);
  return S;
}

function measure(S) {
  S.width = S.stage.clientWidth;
  S.height = S.stage.clientHeight;
}

function update(S, data) {
  clearTimeout(S.late);
  const wait = S.clicked + DOUBLE - performance.now();
  if (S.graph && S.rev !== data.rev && wait > 0) {
    // The second click of a double click must find the box that the first one hit.
    S.late = setTimeout(() => update(S, data), wait);
    return;
  }
  S.acts = S.acts.filter((item) => item.n > (data.done || 0));
  if (data.height) S.root.style.setProperty("--stage-height", `${data.height}px`);
  S.kinds = data.kinds;
  S.marks = data.marks || {};
  S.heat = data.heat || null;
  S.hide = data.hide || "";
  S.search = data.search || "";
  S.without = data.without || [];
  for (const button of S.root.querySelectorAll("[data-do]")) button.hidden = S.without.includes(button.dataset.do);
  if (data.group && !S.group) {
    S.group = data.group;
    GROUPS.set(S.group, (GROUPS.get(S.group) || new Set()).add(S));
  }
  if (!S.acts.length) S.trace = data.trace || ""; // else a key was pressed since
  for (const step of ["back", "forward"])
    S.root.querySelector(`[data-do=${step}]`).disabled = !(data.can || []).includes(step);
  const before = S.graph, fresh = S.rev !== data.rev;
  let stays = null;
  if (fresh) {
    S.rev = data.rev;
    S.graph = unpack(data.graph);
    const name = S.focus === null ? null : S.focusName;
    stays = before && placed(S, before, S.graph);
    draw(S);
    S.focus = name === null ? null : S.graph.nodes.findIndex((node) => node.name === name && !node.stub);
    if (S.focus === -1) S.focus = null;
    if (before) say(S, `${S.graph.nodes.length} boxes, ${S.graph.clusters.length} open scopes`);
  }
  const chosen = data.select && data.select[0] !== S.told;
  let jumped = false;
  if (chosen) {
    // Python chose: a search hit, a link. A click that waits to be sent is older than that.
    S.told = data.select[0];
    clearTimeout(S.timer);
    S.selected = new Set(data.select[1]);
    jumped = data.select[1].length > 0;
    const last = data.select[1].at(-1), at = S.graph.nodes.findIndex((node) => node.name === last && !node.stub);
    [S.focus, S.focusName] = at < 0 ? [null, undefined] : [at, last];
  }
  drawMarks(S);
  drawHeat(S);
  drawLegend(S);
  measure(S);
  if (fresh) {
    if (!before || !(anchored(S, S.anchor) || anchored(S, stays) || jumped)) home(S);
  }
  if (fresh || chosen) drawFocus(S);
  drawCrumbs(S);
  if (!S.acts.length) S.anchor = null;
  if (jumped) bring(S, [...S.selected].at(-1));
  paint(S);
}

// -- What one does ---------------------------------------------------------------------------

function select(S, name, add) {
  if (add) {
    if (!S.selected.delete(name)) S.selected.add(name);
  } else {
    S.selected = new Set(name === null ? [] : [name]);
  }
  drawSelection(S);
  drawCrumbs(S);
  const item = S.graph.nodes.find((node) => node.name === name && !node.stub);
  const what = item ? spoken(S, item) : name === null ? "" : shown(name);
  say(S, what ? `${what}, ${S.selected.has(name) ? "selected" : "not selected"}` : "Nothing selected");
  clearTimeout(S.timer);
  S.timer = setTimeout(() => send(S), DEBOUNCE);
}

function send(S) {
  clearTimeout(S.timer);
  S.timer = null;
  // The number makes a choice that repeats an older one arrive as a change.
  S.setState("selected", { n: ++S.number, names: [...S.selected] });
}

function act(S, what, item) {
  if (S.timer) send(S); // in one message with what follows, so one run of the page
  if (what === "expand" || what === "collapse") {
    S.anchor = spot(S, item);
  }
  // All that Python has not answered yet: of two triggers in one run of the page the last one wins.
  S.acts.push({ n: ++S.number, do: what, name: item.name });
  S.trigger("act", { acts: S.acts });
}

function open(S, target) {
  if (target.node?.scope && !target.node.stub) act(S, "expand", target.node);
  else if (target.cluster) act(S, "collapse", target.cluster);
}

function targetOf(S, event) {
  const at = event.target.closest?.("[data-node],[data-cluster]");
  if (!at) return {};
  if (at.dataset.node !== undefined) {
    const place = Number(at.dataset.node);
    return { place, node: S.graph.nodes[place] };
  }
  return { cluster: S.graph.clusters[Number(at.dataset.cluster)] };
}

function tell(S, item) {
  S.status.replaceChildren();
  if (!item) return;
  const name = document.createElement("bdi"); // whichever way a name is written, the rest stays
  name.textContent = item.ours ? item.title : shown(item.name);
  const more = [item.sub, S.kinds[item.kind]?.[0], S.heat?.[item.name]?.[1]].filter(Boolean);
  S.status.append(name, ...more.map((text) => "  ·  " + text));
}

// Keys go to the picture after a click; a mouse needs no focus ring.
function focusByMouse(S) {
  S.pressing = true;
  S.picture.focus({ preventScroll: true });
  S.pressing = false;
  S.picture.classList.remove("keys");
}

function listen(S) {
  const { signal } = S.stop, { picture } = S;
  const on = (element, name, handler, options) => element.addEventListener(name, handler, { signal, ...options });
  const point = (event) => {
    const box = S.stage.getBoundingClientRect(); // the picture may be stretched
    return [event.clientX - box.left - S.stage.clientLeft, event.clientY - box.top - S.stage.clientTop];
  };

  on(picture, "pointerdown", (event) => {
    if (event.button !== 0) return;
    focusByMouse(S);
    S.pointers.set(event.pointerId, point(event));
    S.pressed = { at: point(event), moved: false, target: targetOf(S, event), pinched: S.pointers.size > 1 };
  });
  on(picture, "pointermove", (event) => {
    const before = S.pointers.get(event.pointerId);
    if (!before) return;
    const now = point(event);
    if (S.pointers.size === 2) {
      const [other] = [...S.pointers].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
      const factor = Math.hypot(now[0] - other[0], now[1] - other[1])
        / (Math.hypot(before[0] - other[0], before[1] - other[1]) || 1);
      zoomAt(S, (now[0] + other[0]) / 2, (now[1] + other[1]) / 2, factor);
      S.v.x += (now[0] - before[0]) / 2;
      S.v.y += (now[1] - before[1]) / 2;
      S.pressed.moved = true;
    } else if (S.pressed) {
      const [x, y] = S.pressed.at;
      if (!S.pressed.moved && Math.hypot(now[0] - x, now[1] - y) < DRAG) return;
      if (!S.pressed.moved) {
        S.pressed.moved = true;
        picture.setPointerCapture(event.pointerId);
        picture.classList.add("dragging");
      }
      S.v.x += now[0] - before[0];
      S.v.y += now[1] - before[1];
      queue(S);
    }
    S.pointers.set(event.pointerId, now);
  });
  const release = (event) => {
    if (!S.pointers.delete(event.pointerId)) return;
    picture.classList.remove("dragging");
    const pressed = S.pressed;
    if (S.pointers.size) return;
    S.pressed = null;
    if (event.type !== "pointerup" || !pressed || pressed.moved || pressed.pinched) return;
    const { node, place, cluster } = pressed.target;
    S.clicked = performance.now();
    const add = event.ctrlKey || event.metaKey || event.shiftKey || S.multi;
    S.focus = node ? place : null;
    S.focusName = node?.name;
    drawFocus(S);
    if (node || cluster) select(S, (node || cluster).name, add);
    else if (!add) select(S, null, false);
    tell(S, node || cluster);
  };
  on(picture, "pointerup", release);
  on(picture, "pointercancel", release);
  on(picture, "dblclick", (event) => {
    event.preventDefault();
    S.clicked = 0;
    open(S, targetOf(S, event));
  });
  on(picture, "wheel", (event) => {
    event.preventDefault();
    const step = event.deltaMode === 1 ? 18 : event.deltaMode === 2 ? 300 : 1;
    const speed = event.ctrlKey ? 0.01 : 0.0016; // ctrl: a pinch on a touchpad
    zoomAt(S, ...point(event), Math.exp(-Math.max(-300, Math.min(300, event.deltaY * step)) * speed));
  }, { passive: false });
  on(picture, "pointerover", (event) => {
    if (S.pressed?.moved || !S.graph) return;
    const { node, place, cluster } = targetOf(S, event);
    light(S, node ? place : null);
    tell(S, node || cluster);
  });
  on(picture, "pointerleave", () => {
    if (S.graph) light(S, null);
    tell(S, null);
  });
  on(picture, "keydown", (event) => key(S, event));
  on(picture, "focus", () => picture.classList.toggle("keys", !S.pressing));
  on(S.crumbs, "click", (event) => {
    const place = event.target.closest("[data-crumb]")?.dataset.crumb;
    if (place === undefined) return;
    const cluster = S.graph.clusters[place];
    S.focus = null;
    drawFocus(S);
    select(S, cluster ? cluster.name : null, false);
    if (cluster) bring(S, cluster.name); else home(S);
    // The crumbs are made anew: who came by keyboard goes on from the same place.
    (S.crumbs.querySelector(`[data-crumb="${place}"]`) || S.picture).focus({ preventScroll: true });
  });
  on(S.root, "click", (event) => {
    const what = event.target.closest("[data-do]")?.dataset.do;
    if (what) tool(S, what, event.target.closest("[data-do]"));
  });
  on(S.help, "keydown", (event) => {
    if (event.key !== "Escape" && event.key !== "?") return;
    event.stopPropagation();
    showHelp(S, false);
  });
  on(S.root, "fullscreenchange", () => {
    S.root.querySelector("[data-do=full]").setAttribute("aria-pressed", String(isFull(S)));
  });
  on(document, "keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || !S.search || event.target !== searchBox(S)) return;
    const { value } = event.target;
    if (value.trim()) act(S, "find", { name: value });
  });
  const jump = (event) => {
    if (!event.buttons || !S.mapScale) return;
    const box = S.map.getBoundingClientRect(), { scale, left, top } = S.mapScale;
    S.v.x = S.width / 2 - ((event.clientX - box.left - left) / scale) * S.v.z;
    S.v.y = S.height / 2 - ((event.clientY - box.top - top) / scale) * S.v.z;
    queue(S);
  };
  on(S.map, "pointerdown", (event) => {
    event.preventDefault();
    focusByMouse(S);
    S.map.setPointerCapture(event.pointerId); // so that a drag may leave the overview
    jump(event);
  });
  on(S.map, "pointermove", jump);
}

function tool(S, what, button) {
  if (what === "in" || what === "out") zoomAt(S, S.width / 2, S.height / 2, what === "in" ? 1.3 : 1 / 1.3);
  else if (what === "fit") fitAll(S);
  else if (what === "multi") button.setAttribute("aria-pressed", String((S.multi = !S.multi)));
  else if (what === "help") showHelp(S, S.help.hidden);
  else if (what !== "full") act(S, what, { name: "" });
  else if (isFull(S)) document.exitFullscreen();
  else S.root.requestFullscreen?.();
}

function isFull(S) {
  return S.root.getRootNode().fullscreenElement === S.root; // the document's names the host around
}
