"""The inboxes of a session, one per uploader of its pages."""

from __future__ import annotations

import streamlit as st

from inspector.jobs.store.workspace import ModelKey
from inspector.ui.server import uploads


def inbox(key: str) -> uploads.Inbox:
    """The session's inbox for one uploader."""
    name = f"inbox:{key}"
    if name not in st.session_state:
        st.session_state[name] = uploads.Inbox()
    box: uploads.Inbox = st.session_state[name]
    return box


def take(key: str) -> ModelKey | None:
    """Remove the model that arrived from the inbox and return it."""
    box = inbox(key)
    model, box.model = box.model, None
    return model
