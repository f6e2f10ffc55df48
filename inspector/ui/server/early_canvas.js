// The first picture of a Graph page, drawn before Streamlit has loaded. Part of one module with the
// canvas (inspector/ui/server/early_pictures.py).

/** @typedef {Record<"light" | "dark", Record<string, string>>} Themes */

/** Milliseconds after which a picture that no canvas has taken over goes. */
const LONGEST = 30000;
const HOST = "early-picture";
const ERROR = '.stMain [data-testid="stAlertContentError"], .stMain [data-testid="stException"]';
/** Where the page will have its canvas: inspector/ui/screens/graph.css and shell.py have the sizes. */
const PLACE = `
#${HOST} { position: fixed; z-index: 1; left: 0; right: 0; top: 53px; bottom: 0; }
:root[data-drawer="open"] #${HOST} { right: var(--drawer-width, 300px); }
@media (min-width: 769px) { #${HOST} { left: 256px; } }
@media (max-width: 899px) { :root[data-drawer="open"] #${HOST} { right: 0; } }
`;

/** @returns {"light" | "dark"} The theme that Streamlit will show: widgets/theme_switch.js sets it. */
function themeOfPage() {
  let stored = "";
  try {
    stored = localStorage.getItem(`stActiveTheme-${location.pathname}-v2`) ?? "";
  } catch {
    // a browser without storage has the theme of its system
  }
  if (stored === '"Light"' || stored === '"Dark"') return stored === '"Dark"' ? "dark" : "light";
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/** Streamlit declares its font when it has loaded; the page's HTML names the file. */
function loadFont() {
  const link = /** @type {HTMLLinkElement | null} */ (document.querySelector("link[rel=preload][as=font]"));
  if (!link) return;
  const font = new FontFace("Source Sans", `url("${link.href}")`, { weight: "200 900" });
  document.fonts.add(font);
  font.load().catch(() => document.fonts.delete(font));
}

/**
 * @param {string} css
 * @param {string} html The elements that the canvas fills.
 * @param {Record<string, string>} colours
 * @param {string} scheme
 */
function hostOf(css, html, colours, scheme) {
  const host = document.createElement("div"), root = host.attachShadow({ mode: "open" });
  const place = document.createElement("style"), style = document.createElement("style");
  host.id = HOST;
  for (const [name, value] of Object.entries(colours)) host.style.setProperty(name, value);
  host.style.setProperty("--st-font", '"Source Sans", sans-serif');
  host.style.colorScheme = scheme;
  host.style.background = colours["--st-background-color"] ?? "Canvas";
  place.textContent = PLACE;
  style.textContent = css;
  root.append(style, ...new DOMParser().parseFromString(html, "text/html").body.childNodes);
  document.head.append(place);
  document.body.append(host);
  return { host, root, place };
}

/**
 * @param {(component: object) => { canvas: object, unmount: () => void }} mount
 * @param {string} css
 * @param {string} html
 * @param {Themes} themes
 */
export async function showEarly(mount, css, html, themes) {
  const script = document.getElementById("early-canvas"), path = location.pathname;
  const answer = await fetch(script?.dataset.picture ?? "");
  if (answer.status !== 200) return;
  const data = await answer.json(), page = /** @type {any} */ (globalThis);
  if (location.pathname !== path || page.inspectorHasCanvas) return; // Streamlit was faster
  const theme = themeOfPage();
  loadFont();
  const { host, root, place } = hostOf(css, html, themes[theme], theme);
  const unmount = mount({ data, parentElement: root, setStateValue: null, setTriggerValue: null });
  const began = performance.now();
  const remove = () => {
    clearInterval(timer);
    host.remove();
    place.remove();
    delete page.inspectorEarly;
  };
  // The page may go elsewhere, or show an error in place of the picture.
  const timer = setInterval(() => {
    const isLate = performance.now() - began > LONGEST;
    if (location.pathname === path && !isLate && !document.querySelector(ERROR)) return;
    unmount();
    remove();
  }, 100);
  page.inspectorEarly.taken = remove;
}
