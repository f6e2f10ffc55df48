"""A tour of three steps for who is here for the first time: open, pick an output, make it smaller.

The Open page offers it, while no model is open, to a browser that has neither finished nor skipped
it; who does not start it sees it nowhere else. The browser keeps how far it went.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

STEPS = (
    {
        "page": "open",
        "title": "Open a model",
        "text": "Drop a file anywhere on this page, or start with the sample Iris classifier.",
        "next": "Start with the sample",
    },
    {
        "page": "graph",
        "title": "Pick an output",
        "text": "Double-click a scope to open it, click a box for its details. "
        "Then press “Use this output” in the sidebar, or “Use as output” in the details.",
        "next": "Next: optimise",
    },
    {
        "page": "optimise",
        "title": "Make it smaller",
        "text": "Choose a preset and press “Run”. Compare then shows size, predictions and speed "
        "before and after, and has the report.",
        "next": "Done",
    },
)
START = STEPS[0]["page"]
_HERE = Path(__file__).parent
_card = st.components.v2.component(
    "inspector_guide",
    html='<section class="guide" aria-label="First steps" tabindex="-1" hidden></section>',
    css=_HERE.joinpath("guide.css").read_text(encoding="utf-8"),
    js=_HERE.joinpath("guide.js").read_text(encoding="utf-8"),
)


def show(page: str, has_model: bool) -> str:
    """Show the step of the tour, where it goes on.

    Args:
        page: The page, as `STEPS` names it.
        has_model: Whether a model is open.
    Returns: The page to go to, or nothing; from the Open page, with the sample.
    """
    with st.container(key="guide_place" if page == START else "guide_card"):
        state = _card(
            key=f"guide_{page}",
            data={"page": page, "hasModel": has_model, "steps": list(STEPS)},
            on_go_change=lambda: None,
        )
    target = getattr(state, "go", None)
    return target if target in [step["page"] for step in STEPS] else ""
