// Copies the name beside a button of `copy_button.box`; one listener for the whole page.

/** @param {string} text */
async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Browsers offer no clipboard to pages served by another machine without https.
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

/** @param {MouseEvent} event */
async function pressed(event) {
  const button = /** @type {Element} */ (event.target).closest?.(".name button");
  if (!button) return;
  await copy(button.previousElementSibling?.textContent ?? "");
  button.classList.add("done");
  setTimeout(() => button.classList.remove("done"), 1500);
}

/** @param {{ parentElement: HTMLElement & { listening?: boolean } }} component */
export default function ({ parentElement }) {
  if (parentElement.listening) return undefined;
  parentElement.listening = true;
  document.addEventListener("click", pressed);
  return () => document.removeEventListener("click", pressed);
}
