/** @typedef {{ get: (key: string) => any, send: (message: object) => void, on: (event: string, handler: () => void) => void, off: (event: string, handler: () => void) => void }} Model */

/** The colours of JupyterLab, or of Visual Studio Code, as the canvas's style sheet names them. */
const THEME = {
  "--st-text-color": "var(--jp-ui-font-color1, var(--vscode-editor-foreground, #1f2430))",
  "--st-background-color": "var(--jp-layout-color0, var(--vscode-editor-background, #ffffff))",
  "--st-primary-color": "var(--jp-brand-color1, #2457c5)",
  "--st-font": "'Source Sans 3', 'Source Sans Pro', 'Segoe UI', 'Helvetica Neue', Arial, 'Liberation Sans', sans-serif",
};

/**
 * Parse HTML without running anything in it.
 *
 * @param {string} text
 * @returns {ChildNode[]}
 */
function elementsOf(text) {
  return [...new DOMParser().parseFromString(text, "text/html").body.childNodes];
}

/**
 * The widget of anywidget.
 *
 * @param {(component: object) => () => void} mountCanvas The function of js/mount.js.
 * @param {string} css
 * @param {string} html The elements that the canvas fills.
 */
export function notebookWidget(mountCanvas, css, html) {
  /**
   * anywidget calls this for each output that shows the widget.
   *
   * @param {{ model: Model, el: HTMLElement }} view
   * @returns {() => void} Called when the output goes.
   */
  function render({ model, el }) {
    const host = document.createElement("div");
    host.dataset.lmSuppressShortcuts = "true"; // keys on the canvas are no shortcuts of JupyterLab
    for (const [name, value] of Object.entries(THEME)) host.style.setProperty(name, value);
    // In a shadow root, so that the style sheets of notebook and canvas leave each other alone.
    const root = host.attachShadow({ mode: "open" });
    const style = new CSSStyleSheet();
    style.replaceSync(css);
    root.adoptedStyleSheets = [style];
    root.append(...elementsOf(model.get("summary")), ...elementsOf(html));
    el.append(host);
    const send = (/** @type {string} */ name, /** @type {unknown} */ value) => model.send({ name, value });
    const show = () => mountCanvas({
      data: model.get("data"), parentElement: root, setStateValue: send, setTriggerValue: send,
    });
    const unmount = show();
    model.on("change:data", show);
    return () => {
      model.off("change:data", show);
      unmount();
    };
  }
  return { render };
}
