"""The table of pages, and what surrounds every page: style and sidebar."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from inspector import locations
from inspector.ui.screens import linked_state
from inspector.ui.server import sign_in
from inspector.ui.session import address, availability, results, state
from inspector.ui.widgets import (
    address_bar,
    copy_button,
    guide,
    interface,
    narrow_window,
    output_picker,
    recent_store,
    server_browser,
    text,
    theme_switch,
)
from inspector.ui.widgets.reordering import dragged_rows


class PageEntry(NamedTuple):
    """One page of the app: the file ``pages/{file}.py``.

    Attributes:
        icon: A name of Material Symbols.
    """

    file: str
    title: str
    icon: str


PAGES = (
    PageEntry("open", "Open", "folder_open"),
    PageEntry("overview", "Overview", "dashboard"),
    PageEntry("operations", "Operations", "table_rows"),
    PageEntry("graph", "Graph", "account_tree"),
    PageEntry("search", "Search", "travel_explore"),
    PageEntry("optimise", "Optimise", "compress"),
    PageEntry("compare", "Compare", "compare_arrows"),
    PageEntry("predict", "Predict", "play_arrow"),
)
"""Every page, in the order of the navigation; the first is the start page."""

# For these Streamlit's theme has no setting: narrow margins, and small code in the pipeline's text.
_SIDEBAR_PX = 256
_STYLE = """
.stMainBlockContainer { padding: 1.25rem clamp(1rem, 3vw, 2.5rem) 4rem; }
[data-testid="stAppViewContainer"]:has([data-testid="stExpandSidebarButton"])
  .stMainBlockContainer { padding-top: 3.25rem; }
/* The header holds the button that opens the sidebar, and lies over the page's first line. */
[data-testid="stHeader"] { background: transparent; pointer-events: none; }
[data-testid="stHeader"] button { pointer-events: auto; }
[data-testid="stSidebarCollapseButton"] { visibility: visible !important; }
/* Streamlit's own captions have a contrast of 4.2, and fade the badges in them as well. */
[data-testid="stCaptionContainer"] {
  color: color-mix(in srgb, currentColor 80%, transparent); opacity: 1; }
/* The primary colour is dark enough for white text on it, and so too dark for text on dark. */
button[data-selected="true"] p, [data-testid="stSliderThumbValue"] p {
  color: light-dark(#2457c5, #86adff);
}
/* The label of a button that shows its icon only. */
:is(.st-key-close_model, .st-key-close_drawer, .st-key-export, .st-key-bar_help,
  .st-key-transform_adder, [class*="st-key-step_"], [class*="st-key-named_icon_"])
  button [data-testid="stMarkdownContainer"] {
  position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
}
[data-testid="stLayoutWrapper"]:has(
  > :is(.st-key-copying, .st-key-dragging, .st-key-narrow_window, .st-key-address_bar,
    .st-key-recent_store)) {
  position: absolute; width: 1px; opacity: 0;
}
[data-testid="stLayoutWrapper"]:has(> .st-key-guide_card) { position: absolute; width: 1px; }
.st-key-pipeline_text textarea, [class*="st-key-typed_"] textarea {
  font-family: "Source Code Pro", monospace; font-size: 0.85rem; line-height: 1.6;
}
@media (max-width: 600px) {
  .stButtonGroup > [role="radiogroup"] { flex-wrap: wrap; overflow: visible; mask-image: none; }
}
[data-testid="stSidebarUserContent"] { padding-top: 0.75rem; }
:is(.st-key-sidebar_model, .st-key-sidebar_outputs) { padding: 0.75rem; gap: 0.6rem; }
/* Where a transform's call has no room beside its buttons, they go below it. */
[class*="st-key-step_"] [data-testid="stElementContainer"]:has(> .stHtml .name) {
  flex: 1 1 12rem; min-width: 12rem; }
.model_name { margin: 0; font-weight: 600; }
.st-key-close_model button { min-height: 1.75rem; }
[data-testid="stSidebar"] .name code { padding: 0.3rem 0 0.3rem 0.4rem; font-size: 0.78rem; }
[data-testid="stSidebar"] .name button { margin: 0.1rem; }
[data-testid="stSidebarUserContent"] p, .stMetric p { overflow-wrap: anywhere; }
"""


def configure() -> StreamlitPage:
    """Configure Streamlit and the navigation. Returns: The page to run."""
    st.set_page_config(
        page_title="Inspector",
        # An SVG is inlined; the browser fetches a PNG again after every click.
        page_icon=str(locations.assets() / "icon.svg"),
        layout="wide",
        initial_sidebar_state=_SIDEBAR_PX,
    )
    st.logo(str(locations.assets() / "icon.svg"), size="large")
    parts = (copy_button, address_bar, server_browser, dragged_rows)
    styles = (_STYLE, *(part.STYLE for part in parts))
    st.html(f"<style>{''.join(styles)}</style>")
    copy_button.listen()
    narrow_window.listen()
    address_bar.listen()
    pages = [
        st.Page(
            f"pages/{entry.file}.py",
            title=entry.title,
            icon=f":material/{entry.icon}:",
            default=entry is PAGES[0],
        )
        for entry in PAGES
    ]
    return st.navigation(pages)


def sidebar(page: StreamlitPage) -> None:
    """The open model and the chosen outputs; first opens the model that the address names."""
    file = _file_of(page)
    restore = partial(linked_state.restore, page=file)
    address.follow(restore, on_open_page=file == PAGES[0].file)
    results.receive()
    write_address(page)
    recent_store.keep(listed=file == PAGES[0].file)  # with the model that was just opened
    model = state.model()
    titles = [page.title, *([text.shorten(model.name, 60)] if model else []), "Inspector"]
    st.set_page_config(page_title=" · ".join(titles))
    with st.sidebar:
        theme_switch.show(["", *(entry.file for entry in PAGES[1:])])
        sign_in.sidebar()
        if model is None:
            st.caption("No model is open.")
            _reopen()
        else:
            _open_model(model)
    if problem := linked_state.problem():
        state.error(problem)


def _open_model(model: state.OpenModel) -> None:
    """What the sidebar shows of the open model."""
    if marks := availability.navigation_style(model):
        st.html(f"<style>{marks}</style>")
    with st.container(border=True, key="sidebar_model"):
        row = st.container(
            horizontal=True,
            horizontal_alignment="distribute",
            vertical_alignment="center",
            wrap=False,
            gap="small",
        )
        name = copy_button.breakable(text.shorten(model.name, 80))
        row.html(f'<p class="model_name">{name}</p>')
        row.button(
            "Close the model",
            key="close_model",
            type="tertiary",
            icon=":material/close:",
            on_click=_close,
        )
        total = text.size(model.facts["bytes"].get("total"))
        nodes, variables = model.drawn["nodes"], len(model.facts["variable_list"])
        drawn = "layer" if "keras" in model.facts else "operation"
        contents = text.count(nodes or variables, drawn if nodes else "variable")
        line = [model.facts["format"], total, contents]
        if model.tag_set:
            line.append("tag-set " + text.escape(", ".join(model.tag_set)))
        st.caption(" · ".join(line))
        address_bar.copy_link(st.container())
    if "optimise" not in availability.reasons(model):
        _outputs(model)


def tour(page: StreamlitPage) -> None:
    """The step of the tour for beginners, where one goes on; the Open page shows its own."""
    file = _file_of(page)
    if file != guide.START and (target := guide.show(file, state.model() is not None)):
        st.switch_page(f"pages/{target}.py")


def write_address(page: StreamlitPage) -> None:
    """Write what the page shows into the address: before it is drawn, and after it."""
    if (model := state.model()) is not None:
        linked_state.write(model, _file_of(page))


def _file_of(page: StreamlitPage) -> str:
    return next(entry.file for entry in PAGES if entry.title == page.title)


def _close() -> None:
    address.close()
    st.toast(
        f"Closed {text.escape(address.closed_model(), 60)}. *Undo* is in the sidebar.",
        icon=":material/undo:",
    )


def _reopen() -> None:
    if name := address.closed_model():
        st.caption(f"Closed: {text.escape(name, 80)}")
        st.button(
            "Undo",
            key="reopen_closed",
            icon=":material/undo:",
            width="stretch",
            on_click=address.reopen_closed,
        )


def _outputs(model: state.OpenModel) -> None:
    with st.container(border=True, key="sidebar_outputs"):
        chosen = state.outputs()
        st.markdown(f"**Outputs** · {len(chosen) or 'none'} selected")
        output_picker.rows("drop_output")
        suggested = [
            item for item in model.facts["suggested_outputs"] if item["name"] not in chosen
        ]
        if chosen or not suggested:
            return
        st.caption("Select nodes in the graph, or use the suggested output.")
        name = suggested[0]["name"]
        if label := interface.output_labels(model.facts).get(name):
            st.markdown(f"**{text.escape(label, 80)}**")
        copy_button.box(name)
        st.caption(text.escape(text.reason(suggested[0])))
        st.button(
            "Use this output",
            key="use_suggested",
            icon=":material/check:",
            width="stretch",
            on_click=state.add_output,
            args=(name,),
        )
