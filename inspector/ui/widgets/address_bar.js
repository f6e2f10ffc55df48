// Keeps the browser's history to pages, and copies the address of the page.

/** Replaces the entry of the history while the page stays the same. */
function replaceOnSamePage() {
  const push = history.pushState.bind(history);
  history.pushState = (state, unused, url) => {
    const target = new URL(url ?? location.href, location.href);
    if (target.pathname === location.pathname) history.replaceState(state, unused, url);
    else push(state, unused, url);
  };
}

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
  const button = /** @type {Element} */ (event.target).closest?.(".copy-link");
  if (!button) return;
  await copy(location.href);
  button.textContent = "Link copied";
  setTimeout(() => { button.textContent = "Copy link"; }, 1500);
}

export default function () {
  // The module is mounted again on every page, and its effects last as long as the window.
  if (document.documentElement.dataset.addressBar) return;
  document.documentElement.dataset.addressBar = "on";
  replaceOnSamePage();
  document.addEventListener("click", pressed);
}
