"""The models that this browser session opened, the last one first.

They are in the session's own state, so that no user sees what another one opened.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from inspector.ui.session import state

_KEY = "recent_models"
LIMIT = 5
"""Most models of the list."""


@dataclass(frozen=True)
class RecentModel:
    """A model that was opened.

    Attributes:
        ref: How an address names it; see `open_model.Extras`.
        bytes: Size of all files, None for an unknown one.
        part: Which of several models of an archive or a folder; see `ModelKey.part`.
    """

    ref: tuple[str, str]
    name: str
    format: str
    bytes: int | None
    part: str = ""


def remember(model: state.OpenModel) -> None:
    """Put a model at the head of the list; one that no address names is not listed."""
    if not model.ref[0]:
        return
    size = model.facts["bytes"].get("total")
    entry = RecentModel(model.ref, model.name, model.facts["format"], size, model.source.part)
    others = [other for other in models() if (other.ref, other.part) != (entry.ref, entry.part)]
    st.session_state[_KEY] = [entry, *others][:LIMIT]


def models() -> list[RecentModel]:
    """The models of the list, the last one first."""
    listed: list[RecentModel] = st.session_state.get(_KEY, [])
    return listed
