"""A browser for the server's folders, limited to the allowed roots."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from inspector.errors import InspectorError
from inspector.ui.session import open_model, server_paths, state
from inspector.ui.session.server_paths import Entry
from inspector.ui.widgets import text

FOLDER = "browsed_folder"
HEIGHT = 330
"""Pixels of the list, which scrolls."""


def folder() -> Path | None:
    """The current folder: a root, or a folder below one that the user has entered."""
    roots = server_paths.roots()
    chosen: Path | None = st.session_state.get(FOLDER)
    if chosen is not None and any(chosen.is_relative_to(root) for root in roots):
        return chosen
    return roots[0] if roots else None


def browser() -> Path | None:
    """The path to the current folder as buttons, then its entries.

    Returns: The model that was clicked.
    """
    opened_folder = folder()
    if opened_folder is None:
        return None
    _breadcrumbs(opened_folder)
    try:
        listed = server_paths.listing(opened_folder)
    except InspectorError as err:
        state.error(err)
        return None
    entries = [entry for entry in listed if not open_model.is_private(opened_folder / entry.name)]
    clicked = None
    with st.container(border=True, height=HEIGHT, gap=None, key="browser"):
        if not entries:
            st.caption("This folder is empty.")
        for number, entry in enumerate(entries):
            if _row(opened_folder, entry, number):
                clicked = opened_folder / entry.name
    if len(listed) == server_paths.MAX_LISTED:
        st.caption(
            f"The first {server_paths.MAX_LISTED} entries are listed. Type the path of others."
        )
    return clicked


def _breadcrumbs(place: Path) -> None:
    """A button for each other root, and for each folder from the root to this one."""
    roots = server_paths.roots()
    root = next(root for root in roots if place.is_relative_to(root))
    below = place.relative_to(root).parts
    folders = [root.joinpath(*below[:count]) for count in range(len(below) + 1)]
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
        for number, other in enumerate(roots):
            if other != root:
                _folder_button(other, f"go_root_{number}", ":material/home_storage:")
        for depth, parent in enumerate(folders):
            icon = ":material/home_storage:" if parent == root else ":material/chevron_right:"
            _folder_button(parent, f"go_{depth}", icon)


def _folder_button(place: Path, key: str, icon: str) -> None:
    # A key becomes a CSS class in the browser, so it must not hold a path of the server.
    st.button(
        text.escape(place.name or "/", 40),
        key=key,
        icon=icon,
        type="tertiary",
        on_click=_enter,
        args=(place,),
    )


def _row(place: Path, entry: Entry, number: int) -> bool:
    """One entry. Returns: Whether it is a model that was clicked."""
    path = place / entry.name
    row = st.container(horizontal=True, gap="small", vertical_alignment="center", wrap=False)
    name = text.escape(entry.name, 80)
    if entry.is_folder:
        icon = ":material/folder:"
        row.button(
            name, key=f"in_{number}", icon=icon, type="tertiary", on_click=_enter, args=(path,)
        )
    elif not entry.model:
        row.caption(f":material/draft: {name} · {text.size(entry.bytes)}")
    if not entry.model:
        return False
    icon = ":material/arrow_forward:" if entry.is_folder else ":material/deployed_code:"
    label = f"Open {name}" if entry.is_folder else f"{name} · {text.size(entry.bytes)}"
    return row.button(label, key=f"browse_{number}", type="tertiary", icon=icon)


def _enter(place: Path) -> None:
    st.session_state[FOLDER] = place
