"""The chosen outputs as rows, each with a button that takes it back."""

from __future__ import annotations

import streamlit as st

from inspector.ui import state


def rows(key: str) -> None:
    """A row for each chosen output.

    Args:
        key: What the keys of the buttons begin with; a page and the sidebar may both show them.
    """
    for index, name in enumerate(state.outputs()):
        row = st.container(horizontal=True, vertical_alignment="center", wrap=False, gap="small")
        row.code(name, language=None, wrap_lines=True)
        row.button(
            "",
            key=f"{key}_{index}",
            icon=":material/close:",
            type="tertiary",
            help="Not an output",
            on_click=state.remove_output,
            args=(name,),
        )
