"""Which pages have nothing to offer for a kind of model, and why: one table for all links to them.

The navigation marks these pages and gives the reason, the sidebar offers nothing that leads there,
and the page itself gives the reason and ends.
"""

from __future__ import annotations

import json

import streamlit as st

from inspector.ui.session import state
from inspector.ui.session.page_end import end_page

_NO_GRAPH_PAGES = ("operations", "graph", "search", "optimise", "compare", "predict")


def reasons(model: state.OpenModel) -> dict[str, str]:
    """The file of each page that cannot be used with the model, to the reason as a sentence."""
    if not model.drawn["nodes"]:
        why = f"This {_noun(model)} holds weights and no graph. Open the model that it belongs to."
        return dict.fromkeys(_NO_GRAPH_PAGES, why)
    return {}


def require(model: state.OpenModel, page: str) -> None:
    """End a page that cannot be used with the model, with the reason."""
    if why := reasons(model).get(page):
        st.info(why, icon=":material/block:")
        end_page()


def navigation_style(model: state.OpenModel) -> str:
    """A style sheet that marks pages in the navigation, each with its reason below its title."""
    rules = []
    for page, why in reasons(model).items():
        entry = f'[data-testid="stSidebarNavLink"][href$="/{page}"]'
        short = json.dumps(why.partition(". ")[0].rstrip("."))
        rules.append(
            f"{entry} {{ pointer-events: none; flex-wrap: wrap; height: auto; }} "
            f"{entry} > * {{ opacity: 0.5; }} "
            f"{entry}::after {{ content: {short}; flex-basis: 100%; font-size: 0.75rem; "
            "line-height: 1.3; white-space: normal; padding-left: 1.75rem; }"
        )
    return " ".join(rules)


def _noun(model: state.OpenModel) -> str:
    name: str = model.facts["format"]
    return {"Checkpoint": "checkpoint", "Keras": "Keras file"}.get(name, name)
