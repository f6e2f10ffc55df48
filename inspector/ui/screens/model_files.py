"""A model's files on the Overview: the tree with sizes, assets, fingerprint."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from inspector.analysis import contents
from inspector.ui.session import state
from inspector.ui.widgets import tables, text

_STEP = "\u2003"
"""Indents the content of a folder: an em space, as tables strip plain spaces."""


def section(model: state.OpenModel) -> None:
    """Files with sizes, assets, fingerprint; nothing for a model that is one file."""
    contents_facts = model.contents
    if contents_facts["files"]:
        st.header("Files")
        files_column, details_column = st.columns([3, 2], gap="medium")
        with files_column:
            tree(contents_facts["files"])
        with details_column:
            assets(contents_facts["assets"])
            fingerprint(contents_facts["fingerprint"])


def tree(files: list[dict[str, Any]]) -> None:
    """Folders and files, each with its bytes and its share of the total."""
    total = sum(file["bytes"] for file in files)
    rows = [
        {
            "Name": _STEP * row["depth"] + row["name"] + ("/" if row["is_folder"] else ""),
            "Size": text.size(row["bytes"]),
            "Share": 100 * row["bytes"] / total if total else 0.0,
            "Files": row["files"],
        }
        for row in contents.tree(files)
    ]
    share = st.column_config.ProgressColumn(min_value=0, max_value=100, format="%.1f %%")
    tables.table(rows, key="files", rows_shown=12, right=("Size",), columns={"Share": share})


def assets(entries: list[dict[str, Any]]) -> None:
    """The files that the init op reads, and the tensors that hold their names."""
    st.caption("Assets: files that the graph reads to fill its tables")
    if not entries:
        st.caption("None.")
        return
    rows = [
        {
            "Asset": row["name"],
            "Size": "missing" if row["bytes"] is None else text.size(row["bytes"]),
            "Named by": row["tensor"],
        }
        for row in entries
    ]
    tables.table(pd.DataFrame(rows), key="assets", rows_shown=6, right=("Size",))


def fingerprint(rows: list[dict[str, str]]) -> None:
    """The hashes in a SavedModel's fingerprint.pb."""
    if rows:
        st.caption("Fingerprint (equal values mean identical parts)")
        tables.table(pd.DataFrame(rows), key="fingerprint")
