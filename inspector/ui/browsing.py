"""A small browser for the server's folders: what lies below the roots, and nothing else."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from inspector import server_paths
from inspector.errors import InspectorError
from inspector.server_paths import Entry
from inspector.ui import state, text

FOLDER = "browsed_folder"
HEIGHT = 330
"""Pixels of the list; what does not fit is scrolled to."""


def folder() -> Path | None:
    """The folder that is shown: a root, or where the user has gone below it."""
    roots = server_paths.roots()
    shown: Path | None = st.session_state.get(FOLDER)
    if shown is not None and any(shown.is_relative_to(root) for root in roots):
        return shown
    return roots[0] if roots else None


def browser() -> Path | None:
    """The way to the folder, then its entries; gives the model that was clicked, if one was."""
    place = folder()
    if place is None:
        return None
    _way(place)
    try:
        found = server_paths.listing(place)
    except InspectorError as err:
        state.error(err)
        return None
    clicked = None
    with st.container(border=True, height=HEIGHT, gap=None, key="browser"):
        if not found:
            st.caption("Nothing is in here.")
        for number, entry in enumerate(found):
            if _row(place, entry, number):
                clicked = place / entry.name
    if len(found) == server_paths.MAX_LISTED:
        st.caption(f"The first {server_paths.MAX_LISTED} entries; type the path of another.")
    return clicked


def _way(place: Path) -> None:
    """The roots, and each folder between one of them and this one, as buttons."""
    roots = server_paths.roots()
    root = next(root for root in roots if place.is_relative_to(root))
    below = place.relative_to(root).parts
    way = [root.joinpath(*below[:count]) for count in range(len(below) + 1)]
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
        for other in roots:
            if other != root:
                _step(other, ":material/home_storage:")
        for part in way:
            _step(part, ":material/home_storage:" if part == root else ":material/chevron_right:")


def _step(place: Path, icon: str) -> None:
    st.button(
        text.escape(place.name or "/", 40),
        key=f"go_{place}",
        icon=icon,
        type="tertiary",
        on_click=_go,
        args=(place,),
    )


def _row(place: Path, entry: Entry, number: int) -> bool:
    """One entry; True if it was clicked to be opened."""
    path = place / entry.name
    row = st.container(horizontal=True, gap="small", vertical_alignment="center", wrap=False)
    name = text.escape(entry.name, 80)
    if entry.is_folder:
        icon = ":material/folder:"
        row.button(name, key=f"in_{number}", icon=icon, type="tertiary", on_click=_go, args=(path,))
    else:
        icon = ":material/deployed_code:" if entry.model else ":material/draft:"
        row.caption(f"{icon} {name} · {text.size(entry.bytes)}")
    if not entry.model:
        return False
    key, icon = f"browse_{number}", ":material/arrow_forward:"
    return row.button("Open", key=key, type="tertiary", icon=icon)


def _go(place: Path) -> None:
    st.session_state[FOLDER] = place
