"""Keeps the list of recent models in the browser, so that a reload does not lose it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import streamlit as st

from inspector.ui.session import recent

_module = st.components.v2.component(
    "inspector_recent_store",
    html="<span></span>",
    js=(Path(__file__).parent / "recent_store.js").read_text(encoding="utf-8"),
)


def keep(listed: bool) -> None:
    """Store the session's list; once per page.

    Args:
        listed: The page shows the list, so the session takes over what the browser has. That runs
            the page again, and no other page waits for it.
    """
    with st.container(key="recent_store", height=1, border=False):
        component = _module(
            key="recent_store_module",
            data={
                "key": f"inspector.recent{_user()}",
                "models": recent.to_store(),
                "listed": listed,
            },
            default={"stored": ""},
            on_stored_change=_nothing,
        )
    recent.add_stored(component.stored)


def _user() -> str:
    """Of somebody who is signed in a list of their own, without their name."""
    name = str(st.user.get("sub") or st.user.get("email") or "")
    return f".{hashlib.sha256(name.encode()).hexdigest()[:16]}" if name else ""


def _nothing() -> None:
    """Streamlit reruns the page, which is all that is needed."""
