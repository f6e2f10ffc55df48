// Drags the rows of a list of Streamlit's containers by their handles. Rows are moved by transforms,
// so that Streamlit's own order stays until the page is drawn anew.

/** @typedef {{ row: HTMLElement, top: number, height: number }} Place */
/** @typedef {{ rows: Place[], from: number, to: number, startY: number, pointer: number, scrolled: number }} Drag */

/** @param {string} prefix The class of a row, up to its number. */
function rowsOf(prefix) {
  const rows = [...document.querySelectorAll(`[class*="${prefix}"]`)];
  return rows.filter((row) => numberOf(row, prefix) !== null);
}

/**
 * @param {Element} row
 * @param {string} prefix
 */
function numberOf(row, prefix) {
  for (const name of row.classList) {
    const rest = name.startsWith(prefix) ? name.slice(prefix.length) : "";
    if (/^\d+$/.test(rest)) return Number(rest);
  }
  return null;
}

/** @param {Drag} drag */
function step(drag) {
  return drag.rows.length > 1 ? drag.rows[1].top - drag.rows[0].top - drag.rows[0].height : 0;
}

/**
 * @param {Drag} drag
 * @param {number} moved Pixels that the held row is below its place.
 */
function show(drag, moved) {
  const held = drag.rows[drag.from];
  const top = held.top + moved;
  // A row gives way where the edge that comes first has passed its middle.
  drag.to = drag.rows.filter(
    (other, place) => place !== drag.from && other.top + other.height / 2 < (place > drag.from ? top + held.height : top),
  ).length;
  const room = held.height + step(drag);
  drag.rows.forEach(({ row }, place) => {
    let by = 0;
    if (place === drag.from) by = moved;
    else if (place > drag.from && place <= drag.to) by = -room;
    else if (place < drag.from && place >= drag.to) by = room;
    row.style.transform = by ? `translateY(${by}px)` : "";
  });
}

/** @param {Drag} drag */
function release(drag) {
  for (const { row } of drag.rows) row.style.transform = "";
  const held = drag.rows[drag.from].row;
  delete held.dataset.dragged;
  held.style.removeProperty("--dragged-background");
}

/** @param {{ data: { prefix: string }, setTriggerValue: (name: string, value: unknown) => void, parentElement: HTMLElement & { listening?: boolean } }} component */
export default function ({ data, setTriggerValue, parentElement }) {
  if (parentElement.listening) return undefined;
  parentElement.listening = true;
  const prefix = `st-key-${data.prefix}`;
  const main = document.querySelector('[data-testid="stMain"]');
  /** @type {Drag | null} */
  let drag = null;

  const scrolled = () => main?.scrollTop ?? 0;

  /** @param {PointerEvent} event */
  function pressed(event) {
    const handle = /** @type {Element} */ (event.target).closest?.(".drag_handle");
    const held = handle?.closest(`[class*="${prefix}"]`);
    if (!held || event.button || drag) return;
    event.preventDefault();
    const rows = rowsOf(prefix).map((row) => {
      const { top, height } = row.getBoundingClientRect();
      return { row: /** @type {HTMLElement} */ (row), top, height };
    });
    const from = rows.findIndex(({ row }) => row === held);
    if (from < 0) return;
    drag = { rows, from, to: from, startY: event.clientY, pointer: event.pointerId, scrolled: scrolled() };
    const app = document.querySelector('[data-testid="stApp"]');
    rows[from].row.style.setProperty("--dragged-background", app ? getComputedStyle(app).backgroundColor : "");
    rows[from].row.dataset.dragged = "";
  }

  /** @param {PointerEvent} event */
  function moved(event) {
    if (!drag || event.pointerId !== drag.pointer) return;
    if (main && event.clientY > innerHeight - 40) main.scrollTop += 12;
    if (main && event.clientY < 40) main.scrollTop -= 12;
    show(drag, event.clientY - drag.startY + scrolled() - drag.scrolled);
  }

  /** @param {boolean} counts */
  function end(counts) {
    if (!drag) return;
    const { rows, from, to } = drag;
    release(drag);
    drag = null;
    if (counts && to !== from) setTriggerValue("dropped", [numberOf(rows[from].row, prefix), to]);
  }

  /** @param {PointerEvent} event */
  const lifted = (event) => event.pointerId === drag?.pointer && end(true);
  const cancelled = () => end(false);
  /** @param {KeyboardEvent} event */
  const typed = (event) => event.key === "Escape" && end(false);

  document.addEventListener("pointerdown", pressed);
  document.addEventListener("pointermove", moved);
  document.addEventListener("pointerup", lifted);
  document.addEventListener("pointercancel", cancelled);
  document.addEventListener("keydown", typed);
  return () => {
    cancelled();
    document.removeEventListener("pointerdown", pressed);
    document.removeEventListener("pointermove", moved);
    document.removeEventListener("pointerup", lifted);
    document.removeEventListener("pointercancel", cancelled);
    document.removeEventListener("keydown", typed);
  };
}
