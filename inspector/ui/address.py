"""The address bar: a link, or a reload, shows the same model and the same picture again.

An address names the model (a sample, a path below the allowed folders, what was uploaded by the
hash of its content) and what is seen of it. What it says comes from whoever made the link: paths
are held against the allowed folders as if typed, names are looked up, and nothing is run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from inspector.errors import InspectorError
from inspector.ui import opening, running, seen, state
from inspector.view import links

REFS = ("sample", "model", "path", "start")
_FOLLOWED, _PENDING = "link_followed", "link_pending"


def follow() -> None:
    """Open the model that the address names, once in a session that has none; then its view.

    While the model opens the page shows that and ends.
    """
    if not st.session_state.get(_FOLLOWED):
        st.session_state[_FOLLOWED] = True
        _begin()
    pending: dict[str, list[str]] | None = st.session_state.get(_PENDING)
    if pending is None:
        return
    if (answer := running.finished(opening.SLOT)) is not None:
        del st.session_state[_PENDING]
        opening.adopt(answer)
        model = state.model()
        if model is not None:
            seen.from_address(model, pending)
        return
    if running.failed(opening.SLOT):
        del st.session_state[_PENDING]
    running.show(opening.SLOT)


def write(model: state.OpenModel, view: Mapping[str, list[str]] | None = None) -> None:
    """Put the model, and what is seen of it, into the address."""
    kind, which = model.ref
    params: dict[str, Any] = {kind: which} if kind else {}
    if len(model.facts["tag_sets"]) > 1:
        params["tags"] = list(model.tag_set)
    if model.signature is not None and len(model.facts["signatures"]) > 1:
        params["signature"] = model.signature
    params |= view or {}
    now = {key: st.query_params.get_all(key) for key in st.query_params}
    if now != {key: value if isinstance(value, list) else [value] for key, value in params.items()}:
        st.query_params.from_dict(params)


def close() -> None:
    """Close the model, and let the address name none."""
    st.query_params.clear()
    opening.close()


def _begin() -> None:
    named = next((kind for kind in REFS if kind in st.query_params), None)
    if named is None or state.model() is not None or "opening" in st.session_state:
        return
    meant = {
        "tag_set": st.query_params.get_all("tags") or None,
        "signature": st.query_params.get("signature"),
    }
    st.session_state["started"] = True  # the link goes before what the command line named
    try:
        opening.open_ref(named, st.query_params[named], meant)
    except InspectorError as err:
        state.error(err)
        return
    st.session_state[_PENDING] = {key: st.query_params.get_all(key) for key in links.KEYS}
