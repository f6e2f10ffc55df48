// The switch between the system's theme, light and dark.

const THEMES = ["System", "Light", "Dark"];

/** Streamlit keeps the theme by path, and reads it when a page is loaded. */
const keyOf = (/** @type {string} */ path) => `stActiveTheme-${path}-v2`;

/** @returns {string} The theme of this page; that of the system where none is stored. */
function current() {
  try {
    const stored = JSON.parse(localStorage.getItem(keyOf(location.pathname)) ?? "null");
    return THEMES.includes(stored) ? stored : THEMES[0];
  } catch {
    return THEMES[0];
  }
}

/**
 * @param {string} theme
 * @param {string[]} pages Their paths below that of the app.
 */
function choose(theme, pages) {
  const page = pages.find((name) => name && location.pathname.endsWith(`/${name}`)) ?? "";
  const base = location.pathname.slice(0, location.pathname.length - page.length);
  try {
    for (const name of pages) localStorage.setItem(keyOf(base + name), JSON.stringify(theme));
  } catch {
    return; // A browser without storage keeps the theme of its system.
  }
  location.reload();
}

/** @param {{ data: { pages: string[] }, parentElement: HTMLElement }} component */
export default function ({ data, parentElement }) {
  const now = current();
  for (const button of parentElement.querySelectorAll("button")) {
    const theme = button.dataset.theme ?? THEMES[0];
    button.setAttribute("aria-pressed", String(theme === now));
    if (button.dataset.listens) continue;
    button.dataset.listens = "true";
    button.addEventListener("click", () => theme !== current() && choose(theme, data.pages));
  }
}
