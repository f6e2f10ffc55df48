"""The Open page: forms for a file, folder, server path and URL; recent models; the samples."""

from __future__ import annotations

import re
from typing import NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from inspector import settings
from inspector.formats import table
from inspector.ui.server import model_links
from inspector.ui.server.model_links import ModelLink
from inspector.ui.session import job_status, open_model, recent, state
from inspector.ui.widgets import guide, server_browser, text, uploader

_TITLE_END = re.compile(r"[:(]")
"""Where the short name of a sample's title ends."""


class UploadForm(NamedTuple):
    """A tab with an uploader, whose key is ``upload_{what}``."""

    what: str
    caption: str


UPLOADS = (
    UploadForm(
        "file",
        f"{table.file_caption()} The format is detected from the content.".replace("`", ""),
    ),
    UploadForm(
        "folder",
        table.folder_caption().replace("`", ""),
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


def choose_part() -> None:
    """Where a folder or an archive holds several models: a button for each, with kind and size.

    One alone, in a folder of its own, is opened.
    """
    listed = job_status.parts(open_model.SLOT)
    if len(listed) == 1:
        open_model.attempt(open_model.open_part, listed[0]["name"])
    if not listed:
        return
    st.header("Which model?")
    with st.container(border=True, height="content", gap="xsmall", key="parts"):
        for number, part in enumerate(listed):
            row = st.container(horizontal=True, vertical_alignment="center", gap="small")
            if row.button(
                text.escape(f"Open {text.shorten(part['name'], 60)}"),
                key=f"part_{number}",
                icon=":material/deployed_code:",
            ):
                open_model.attempt(open_model.open_part, part["name"])
            row.caption(f"{part['kind']} · {text.size(part['bytes'])}")


def offer_tour() -> None:
    """A card that offers a tour of three steps with the first sample."""
    if guide.show(guide.START, state.model() is not None):
        open_model.attempt(open_model.open_sample, model_links.samples()[0])


def samples() -> None:
    """A row of cards, one per sample, each with a button that opens it."""
    entries = model_links.samples()
    for cell, sample in zip(st.columns(len(entries)), entries, strict=True):
        title, rest = _split(sample["title"])
        with cell.container(border=True, height="stretch", key=f"card_{sample['id']}"):
            clicked = st.button(
                text.escape(f"Open {title}"),
                key=f"sample_{sample['id']}",
                width="stretch",
            )
            kind = f"{sample['format']} · {text.size(sample.get('bytes'))}"
            st.caption(f"**{text.escape(rest)}** · {kind}")
            st.caption(text.escape(sample["shows"], 500))
        if clicked:
            open_model.attempt(open_model.open_sample, sample)


def _split(title: str) -> tuple[str, str]:
    """A title's short name, and what it adds after a colon or in brackets."""
    name = _TITLE_END.split(title, maxsplit=1)[0]
    rest = title[len(name) :].strip(" :()")
    return name.strip(), rest[:1].upper() + rest[1:]


def recent_models() -> None:
    """A button for each model that this session opened; for the open one a link to its page."""
    entries = recent.models()
    if not entries:
        return
    st.header("Recent")
    current = state.model()
    row = st.container(horizontal=True, gap="small", key="recent")
    if current is not None:
        row.page_link(
            "pages/overview.py",
            label=f"Back to {text.escape(current.name, 40)}",
            icon=":material/undo:",
        )
    for number, entry in enumerate(entries):
        if current is not None and (entry.ref, entry.part) == (current.ref, current.source.part):
            continue
        size = text.size(entry.bytes)
        name = _split(entry.name)[0] if entry.ref[0] == "sample" else text.shorten(entry.name, 40)
        if row.button(
            text.escape(f"Open {name} ({entry.format}, {size})"),
            key=f"recent_{number}",
            icon=":material/history:",
        ):
            open_model.attempt(open_model.open_ref, ModelLink(*entry.ref, entry.part, {}))


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
    key = f"upload_{form.what}"
    is_folder = form.what == "folder"
    if uploader.uploader(key, folder=is_folder, whole_page=not is_folder) is not None:
        open_model.attempt(open_model.open_upload, key)
    st.caption(form.caption)


def _path() -> None:
    st.caption("Only folders enabled by the administrator are listed.")
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
