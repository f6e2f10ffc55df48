"""The frame of every page: the table of pages, and the sidebar with the model and its outputs."""

from __future__ import annotations

from typing import NamedTuple

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from inspector import locations
from inspector.ui import address, copying, picks, state, text


class PageEntry(NamedTuple):
    """One page of the app."""

    file: str
    title: str
    icon: str
    what: str


PAGES = (
    PageEntry("open", "Open", "folder_open", "a sample, an upload, or a path"),
    PageEntry("overview", "Overview", "dashboard", "figures, signatures, sizes"),
    PageEntry("operations", "Operations", "table_rows", "every operation and its tensors"),
    PageEntry("graph", "Graph", "account_tree", "the picture; pick outputs"),
    PageEntry("optimise", "Optimise", "compress", "freeze and transform"),
    PageEntry("compare", "Compare", "compare_arrows", "before and after, downloads"),
    PageEntry("predict", "Predict", "play_arrow", "do the predictions still agree"),
)


PICTURE = "Graph"

# Streamlit's theme has no setting for these: room for the picture, and code boxes that fit a row.
_STYLE = """
.stMainBlockContainer { padding-left: 2.5rem; padding-right: 2.5rem; }
.st-key-pipeline_text textarea, [class*="st-key-typed_"] textarea {
  font-family: "Source Code Pro", monospace; font-size: 0.85rem; line-height: 1.6;
}
[data-testid="stSidebarUserContent"] { padding-top: 0.75rem; }
[data-testid="stSidebarUserContent"] p, .stMetric p { overflow-wrap: anywhere; }
"""


def configure() -> StreamlitPage:
    """Set the page up, draw the sidebar, and give the chosen page to run."""
    st.set_page_config(
        page_title="Inspector",
        # A drawing goes along in the page; pixels the browser fetched again after every click.
        page_icon=str(locations.assets() / "icon.svg"),
        layout="wide",
        initial_sidebar_state="expanded",
    )
    st.logo(str(locations.assets() / "icon.svg"), size="large")
    st.html(f"<style>{_STYLE}{copying.STYLE}</style>")
    copying.listen()
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
    """The open model and the chosen outputs, always in sight; a link opens its model first."""
    address.follow()
    model = state.model()
    if model is not None and page.title != PICTURE:  # which says more of what is seen
        address.write(model)
    with st.sidebar:
        if model is None:
            st.caption("No model is open.")
            return
        with st.container(border=True, key="sidebar_model"):
            row = st.container(
                horizontal=True,
                horizontal_alignment="distribute",
                vertical_alignment="top",
                wrap=False,
                gap="small",
            )
            row.markdown(f"**{text.escape(model.name, 80)}**")
            row.button(
                "",
                key="close_model",
                type="tertiary",
                icon=":material/close:",
                help="Close the model",
                on_click=address.close,
            )
            total = text.size(model.facts["bytes"].get("total"))
            line = [model.facts["format"], total, text.count(model.drawn["nodes"], "operation")]
            if model.tag_set:
                line.append("tag-set " + text.escape(", ".join(model.tag_set)))
            st.caption(" · ".join(line))
        _outputs(model)


def _outputs(model: state.OpenModel) -> None:
    with st.container(border=True, key="sidebar_outputs"):
        chosen = state.outputs()
        st.markdown(f"**Outputs** · {len(chosen) or 'none'} chosen")
        picks.rows("drop_output")
        suggested = [
            item for item in model.facts["suggested_outputs"] if item["name"] not in chosen
        ]
        if chosen or not suggested:
            return
        st.caption("Pick nodes in the graph, or take what is suggested.")
        copying.box(suggested[0]["name"])
        st.caption(text.escape(suggested[0]["why"]))
        st.button(
            "Use it",
            key="use_suggested",
            icon=":material/check:",
            width="stretch",
            on_click=state.add_output,
            args=(suggested[0]["name"],),
        )
