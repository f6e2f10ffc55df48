// A tour of three steps for who is here for the first time; see guide.py.

/** @typedef {{ page: string, title: string, text: string, next: string }} Step */
/** @typedef {{ page: string, hasModel: boolean, steps: Step[] }} Data */

/** Key of the browser's storage: the number of the step that is next, or DONE. */
const KEY = "inspector-tour", DONE = "done";
/** Key of the tab's storage: the card takes the focus, because its button was just used. */
const FOCUS = "inspector-tour-focus";

/**
 * Read or write a storage; a browser that keeps nothing is offered the tour again.
 *
 * @param {() => string | null | void} access
 */
function quietly(access) {
  try {
    return access() ?? null;
  } catch {
    return null;
  }
}

/**
 * @param {Data} data
 * @returns {number} The step to show, or -1.
 */
function stepOf({ page, hasModel, steps }) {
  const stored = quietly(() => localStorage.getItem(KEY));
  if (stored === DONE) return -1;
  if (page === steps[0].page) return hasModel ? -1 : 0;
  const step = Number(stored);
  if (!hasModel || !(step >= 1 && step < steps.length)) return -1; // the tour was not started
  const here = steps.findIndex((one) => one.page === page);
  return Math.max(step, here);
}

/** @param {number | string} step */
function store(step) {
  quietly(() => localStorage.setItem(KEY, String(step)));
}

/**
 * @param {string} text
 * @param {string} name
 * @param {() => void} pressed
 */
function button(text, name, pressed) {
  const element = document.createElement("button");
  Object.assign(element, { type: "button", textContent: text, className: name });
  element.addEventListener("click", pressed);
  return element;
}

/** @param {{ data: Data, parentElement: HTMLElement, setTriggerValue: (name: string, value: unknown) => void }} component */
export default function ({ data, parentElement, setTriggerValue }) {
  const card = /** @type {HTMLElement} */ (parentElement.querySelector(".guide"));
  const number = stepOf(data), step = data.steps[number];
  card.hidden = number < 0;
  const shown = `${data.page} ${number}`;
  if (!step || card.dataset.shown === shown) return; // a run of the page leaves the focus alone
  const isNew = card.dataset.shown === undefined;
  card.dataset.shown = shown;
  card.dataset.page = data.page;
  card.classList.toggle("inline", number === 0);
  const end = () => {
    store(DONE);
    card.hidden = true;
  };
  const advance = () => {
    const isLast = number === data.steps.length - 1, isHere = step.page === data.page;
    if (isLast && isHere) return end();
    store(isHere ? number + 1 : number);
    quietly(() => sessionStorage.setItem(FOCUS, "1"));
    setTriggerValue("go", isHere ? data.steps[number + 1].page : step.page);
  };
  const title = document.createElement("strong"), text = document.createElement("p");
  title.textContent = `${number + 1} of ${data.steps.length}: ${step.title}`;
  text.textContent = step.text;
  const buttons = document.createElement("div");
  const label = step.page === data.page ? step.next : "Continue";
  buttons.append(button(label, "next", advance), button("Skip the tour", "skip", end));
  card.replaceChildren(title, text, buttons);
  if (isNew) card.addEventListener("keydown", (event) => event.key === "Escape" && end());
  if (quietly(() => sessionStorage.getItem(FOCUS))) {
    quietly(() => sessionStorage.removeItem(FOCUS));
    card.focus();
  }
}
