"""The Open page: the samples, and forms for a file, a folder, a path of the server and a URL."""

from __future__ import annotations

from typing import NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from inspector import settings
from inspector.formats import table
from inspector.ui.screens import server_browser
from inspector.ui.session import job_status, open_model, state
from inspector.ui.widgets import text, uploader

_COLUMNS = 3


class UploadForm(NamedTuple):
    """A tab with an uploader; its widgets' keys are ``upload_{what}`` and ``open_{what}``."""

    what: str
    caption: str


UPLOADS = (
    UploadForm(
        "file",
        f"{table.file_caption()} The content decides what it is, not the suffix.",
    ),
    UploadForm(
        "folder",
        table.folder_caption(),
    ),
)


def receive() -> None:
    """Adopt a model that has been opened and go to its page; open what a fetch job has fetched."""
    if (answer := job_status.finished(open_model.SLOT)) is not None:
        page = open_model.adopt(answer)
        if page is not None:
            open_model.go_to(page)
    if (answer := job_status.finished(open_model.FETCH)) is not None:
        open_model.attempt(open_model.open_fetched, answer)


def samples() -> None:
    """A card with an Open button for each sample."""
    entries = open_model.samples()
    cells = [cell for _ in entries[::_COLUMNS] for cell in st.columns(_COLUMNS)]
    for cell, sample in zip(cells, entries, strict=False):
        with cell.container(border=True, height="stretch", key=f"card_{sample['id']}"):
            st.markdown(f"**{text.escape(sample['title'])}**")
            st.caption(f"{sample['format']} · {text.size(sample.get('bytes'))}")
            st.write(sample["shows"])
            st.space("stretch")
            if st.button("Open", key=f"sample_{sample['id']}", icon=":material/folder_open:"):
                open_model.attempt(open_model.open_sample, sample)


def own_model() -> None:
    """Tabs for the user's own model; the one for a URL where the operator allows some."""
    titles = ["A file", "A folder", "A path on the server"]
    tabs = st.tabs([*titles, "A URL"] if settings.URLS() else titles)
    for form, tab in zip(UPLOADS, tabs[:2], strict=True):
        with tab:
            _upload(form)
    with tabs[2]:
        _path()
    for tab in tabs[3:]:
        _url(tab)


def _upload(form: UploadForm) -> None:
    st.caption(form.caption)
    key = f"upload_{form.what}"
    model = uploader.uploader(key, folder=form.what == "folder")
    if model is not None and st.button(
        f"Open the {form.what}", key=f"open_{form.what}", type="primary"
    ):
        open_model.attempt(open_model.open_upload, key)


def _path() -> None:
    st.caption("Below the folders that the operator allowed; by default where the app was started.")
    typed = st.text_input("Path", key="open_path_text", placeholder="export/my_model")
    if typed and st.button("Open the path", key="open_path", type="primary"):
        open_model.attempt(open_model.open_path, typed)
    if (clicked := server_browser.browser()) is not None:
        open_model.attempt(open_model.open_path, str(clicked))


def _url(tab: DeltaGenerator) -> None:
    tab.caption(f"Below {text.escape(', '.join(settings.URLS()), 300)}")
    url = tab.text_input("URL", key="open_url_text", placeholder=settings.URLS()[0])
    if url and tab.button("Fetch and open", key="open_url", type="primary"):
        open_model.attempt(open_model.open_url, url)


def link_back() -> None:
    """A link to the model that is open, if any."""
    model = state.model()
    if model is not None:
        st.page_link(
            "pages/overview.py",
            label=f"Back to {text.escape(model.name, 40)}",
            icon=":material/undo:",
        )
