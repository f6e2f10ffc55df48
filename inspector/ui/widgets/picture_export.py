"""Download buttons for a picture: what is seen or all of it, with a background or without."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import streamlit as st

from inspector.ui.widgets import text
from inspector.view.export import render
from inspector.view.layout.layout import Picture, picture_of
from inspector.view.tree.hierarchy import Hierarchy

Marks = Mapping[str, Sequence[str]]


def buttons(
    tree: Hierarchy,
    picture: Picture,
    name: str,
    key: str,
    marks_of: Callable[[Sequence[str]], Marks] | None = None,
) -> None:
    """A button per format; a file is drawn when its button is clicked.

    Args:
        name: Of the model.
        key: What the keys of the widgets begin with.
        marks_of: The marks of boxes with these names.
    """
    is_whole = st.radio(
        "Scopes",
        [False, True],
        key=f"{key}_whole",
        format_func=lambda is_all: "All scopes expanded" if is_all else "Current view",
        horizontal=True,
        label_visibility="collapsed",
    )
    theme = st.radio(
        "Background",
        ["light", "dark", "none"],
        key=f"{key}_background",
        format_func=str.capitalize,
        horizontal=True,
    )

    def render_file(format: str) -> bytes:
        target = picture
        if is_whole:
            target = picture_of(tree, frozenset(tree.index))
        marks = marks_of([box.name for box in target.visible.boxes]) if marks_of else None
        light = "light" if theme == "none" else theme
        return render.draw(target, format, theme=light, background=theme != "none", marks=marks)

    row = st.container(horizontal=True, gap="small")
    for format in render.FORMATS:
        row.download_button(
            format.upper(),
            data=partial(render_file, format),
            file_name=f"{text.file_stem(name)}.{format}",
            key=f"{key}_{format}",
            on_click="ignore",
        )
