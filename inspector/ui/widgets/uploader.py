"""The uploader of a page: a component that posts files to `uploads.PATH`."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import streamlit as st

from inspector import settings
from inspector.jobs.store.workspace import ModelKey
from inspector.ui.server import uploads
from inspector.ui.session import inbox

HERE = Path(__file__).parent

_mount = st.components.v2.component(
    "inspector_sending",
    html=(HERE / "uploader.html").read_text(encoding="utf-8"),
    css=(HERE / "uploader.css").read_text(encoding="utf-8"),
    js=(HERE / "uploader.js").read_text(encoding="utf-8"),
)


def uploader(
    key: str, *, folder: bool, limit: int | None = None, whole_page: bool = False
) -> ModelKey | None:
    """An upload field for one file, or for the files of one folder.

    Args:
        limit: Most bytes to send, where `INSPECTOR_UPLOAD_SIZE` allows more.
        whole_page: Take what is dropped anywhere on the page, a folder too.
    Returns: The model that arrived, until `inbox.take` or until the user removes it.
    """
    box = inbox.inbox(key)
    if box.model is None:
        box.lease = None  # only in the next run: until then the page takes a lease of its own
    held = None if box.model is None else {"name": box.model.name, "bytes": box.model.bytes}
    with st.container(key=key):
        _mount(
            key=f"{key}_sender",
            data={
                "path": uploads.PATH,
                "token": box.token,
                "folder": folder,
                "wholePage": whole_page,
                "limit": min(settings.UPLOAD_SIZE(), limit or settings.UPLOAD_SIZE()),
                "advice": ": open it by its path" if limit is None else "",
                "held": held,
            },
            on_sent_change=_nothing,
            on_removed_change=partial(_remove, key),
        )
    return box.model


def _remove(key: str) -> None:
    inbox.take(key)


def _nothing() -> None:
    """Streamlit reruns the page, which is all that is needed."""
