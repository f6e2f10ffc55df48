"""The chosen outputs and inputs as rows, each with a button that removes it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from inspector.ui.session import state
from inspector.ui.widgets import copy_button


def rows(key: str) -> None:
    """A row for each chosen output, then for each chosen input.

    Args:
        key: Prefix of the keys of the buttons, since a page and the sidebar may both show them.
    """
    for index, name in enumerate(state.outputs()):
        _row(f"{key}_{index}", name, "Remove this output", state.remove_output)
    if state.inputs():
        st.caption("Inputs: the graph is cut here")
    for index, name in enumerate(state.inputs()):
        _row(f"{key}_input_{index}", name, "Remove this input", state.remove_input)


def _row(key: str, name: str, tooltip: str, drop: Callable[[str], None]) -> None:
    row = st.container(
        horizontal=True,
        vertical_alignment="center",
        wrap=False,
        gap="small",
        key=f"named_icon_{key}",
    )
    copy_button.box(name, row)
    row.button(
        tooltip,
        key=key,
        icon=":material/close:",
        type="tertiary",
        help=tooltip,
        on_click=drop,
        args=(name,),
    )
