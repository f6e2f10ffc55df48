"""A browser for the server's folders, limited to the allowed roots.

A click on a row enters the folder, or opens the model; a folder that is a model has a second button
to look inside.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from inspector.errors import InspectorError
from inspector.ui.server import model_links, server_paths
from inspector.ui.server.server_paths import Entry
from inspector.ui.session import state
from inspector.ui.widgets import text

FOLDER, ROOT = "browsed_folder", "browsed_root"
STYLE = """
.st-key-browser button, .st-key-browser button > * { justify-content: flex-start; width: 100%; }
"""
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

    Returns: The file or the model's folder that was clicked.
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
    entries = [entry for entry in listed if not model_links.is_private(opened_folder / entry.name)]
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
    """A select box of the roots, where there are several; a button for each folder down to here."""
    roots = server_paths.roots()
    root = next(root for root in roots if place.is_relative_to(root))
    below = place.relative_to(root).parts
    folders = [root.joinpath(*below[:count]) for count in range(len(below) + 1)]
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
        if len(roots) > 1:
            st.session_state[ROOT] = roots.index(root)
            st.selectbox(
                "Start folder",
                range(len(roots)),
                key=ROOT,
                on_change=_enter_root,
                label_visibility="collapsed",
                format_func=lambda number: _name_of(roots[number]),
                width=220,
            )
        for depth, parent in enumerate(folders):
            icon = ":material/home_storage:" if parent == root else ":material/chevron_right:"
            _folder_button(parent, f"go_{depth}", icon)


def _folder_button(place: Path, key: str, icon: str) -> None:
    # A key becomes a CSS class in the browser, so it must not hold a path of the server.
    st.button(
        text.escape(_name_of(place), 40),
        key=key,
        icon=icon,
        type="tertiary",
        on_click=_enter,
        args=(place,),
    )


def _name_of(place: Path) -> str:
    return text.shorten(place.name or "/", 40)


def _row(place: Path, entry: Entry, number: int) -> bool:
    """One entry. Returns: Whether it is to be opened."""
    row = st.container(horizontal=True, gap="small", vertical_alignment="center", wrap=False)
    name = text.escape(entry.name, 80)
    enter: dict[str, Any] = {"on_click": _enter, "args": (place / entry.name,), "type": "tertiary"}
    if entry.is_folder and not entry.model:
        icon = ":material/folder:"
        row.button(name, key=f"in_{number}", icon=icon, width="stretch", **enter)
        return False
    icon = ":material/deployed_code:" if entry.model else ":material/draft:"
    label = f"{name} · model" if entry.is_folder else f"{name} · {text.size(entry.bytes)}"
    clicked = row.button(label, key=f"browse_{number}", type="tertiary", icon=icon, width="stretch")
    if entry.is_folder:
        row.button("Look inside", key=f"in_{number}", icon=":material/folder_open:", **enter)
    return clicked


def _enter_root() -> None:
    _enter(server_paths.roots()[st.session_state[ROOT]])


def _enter(place: Path) -> None:
    st.session_state[FOLDER] = place
