"""The models that were opened in this browser, the last one first.

They are in the session's own state and in the browser (`widgets.recent_store`), so that no user
sees what another one opened. What the browser has stored is untrusted, like an address.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

import streamlit as st

from inspector.ui.session import state

_KEY, _ADDED = "recent_models", "recent_models_added"
_KINDS = ("sample", "model", "path")
_MAX_STORED, _MAX_TEXT = 20_000, 1000
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


def to_store() -> list[dict[str, Any]]:
    """The list as JSON for the browser, without the model of the command line."""
    return [asdict(entry) for entry in models() if entry.ref[0] in _KINDS]


def add_stored(stored: str) -> None:
    """Append the models of `to_store` that another session of the browser opened."""
    if not stored or stored == st.session_state.get(_ADDED):
        return
    st.session_state[_ADDED] = stored
    present = {(entry.ref, entry.part) for entry in models()}
    others = [entry for entry in _parse(stored) if (entry.ref, entry.part) not in present]
    st.session_state[_KEY] = [*models(), *others][:LIMIT]


def _parse(stored: str) -> list[RecentModel]:
    """The entries of a stored list; none of what has another form."""
    entries = []
    try:
        rows = json.loads(stored[:_MAX_STORED])
        for row in rows[:LIMIT]:
            kind, ref_id = row["ref"]
            size = row["bytes"] if isinstance(row["bytes"], int) else None
            texts = [str(row[key])[:_MAX_TEXT] for key in ("name", "format", "part")]
            if kind in _KINDS and isinstance(ref_id, str):
                name, format, part = texts
                entries.append(RecentModel((kind, ref_id[:_MAX_TEXT]), name, format, size, part))
    except (ValueError, TypeError, LookupError, RecursionError):
        return []
    return entries


def models() -> list[RecentModel]:
    """The models of the list, the last one first."""
    listed: list[RecentModel] = st.session_state.get(_KEY, [])
    return listed
