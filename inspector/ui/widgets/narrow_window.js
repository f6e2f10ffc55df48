// In a narrow window the sidebar lies over the page: it starts closed there, and closes after a
// page was chosen. Streamlit does the first below 768 pixels only, and the second not at all.

const NARROW = "(max-width: 1023px)";

function closeSidebar() {
  const isClosed = document.querySelector('[data-testid="stExpandSidebarButton"]') !== null;
  const button = document.querySelector('[data-testid="stSidebarCollapseButton"] button');
  if (matchMedia(NARROW).matches && !isClosed && button instanceof HTMLElement) button.click();
}

/** @param {MouseEvent} event */
function clicked(event) {
  const target = /** @type {Element} */ (event.target);
  if (target.closest?.('[data-testid="stSidebarNav"] a, [data-testid="stSidebar"] .stPageLink a')) closeSidebar();
}

/** @param {{ parentElement: HTMLElement & { listening?: boolean } }} component */
export default function ({ parentElement }) {
  if (parentElement.listening) return undefined;
  parentElement.listening = true;
  // Once in a window: somebody may open the sidebar before this module is there again.
  if (!document.documentElement.dataset.narrowWindow) closeSidebar();
  document.documentElement.dataset.narrowWindow = "listens";
  const narrow = matchMedia(NARROW);
  document.addEventListener("click", clicked);
  narrow.addEventListener("change", closeSidebar);
  return () => {
    document.removeEventListener("click", clicked);
    narrow.removeEventListener("change", closeSidebar);
  };
}
