"""What the overview shows of a model on the disk: files as a tree, assets, shards, fingerprint."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from inspector import contents
from inspector.ui import shown, state, text

_STEP = "\u2003"
"""How far a folder's content stands to the right of it: a table cuts plain blanks."""


def section(model: state.OpenModel) -> None:
    """Files and sizes, assets, fingerprint; nothing where the model is one file."""
    held = model.contents
    if held["files"]:
        st.subheader("Files")
        left, right = st.columns([3, 2], gap="medium")
        with left:
            tree(held["files"])
        with right:
            assets(held["assets"])
            fingerprint(held["fingerprint"])


def tree(files: list[dict[str, Any]]) -> None:
    """Folders with what is in them, each with its bytes and its share of all."""
    total = sum(file["bytes"] for file in files)
    rows = [
        {
            "name": _STEP * row["depth"] + row["name"] + ("/" if row["is_folder"] else ""),
            "size": text.size(row["bytes"]),
            "share": 100 * row["bytes"] / total if total else 0.0,
            "files": row["files"],
        }
        for row in contents.tree(files)
    ]
    share = st.column_config.ProgressColumn(min_value=0, max_value=100, format="%.1f %%")
    shown.table(rows, key="files", rows_shown=12, right=("size",), columns={"share": share})


def assets(found: list[dict[str, Any]]) -> None:
    """The files that the graph reads when it starts, and the tensors that name them."""
    st.caption("Assets: files that the graph reads when its tables are filled")
    if not found:
        st.caption("None.")
        return
    rows = [
        {
            "asset": row["name"],
            "size": "missing" if row["bytes"] is None else text.size(row["bytes"]),
            "named by": row["tensor"],
        }
        for row in found
    ]
    shown.table(pd.DataFrame(rows), key="assets", rows_shown=6, right=("size",))


def fingerprint(found: list[dict[str, str]]) -> None:
    """The numbers that tell one SavedModel from another."""
    if found:
        st.caption("Fingerprint: what has the same number in two models is the same")
        shown.table(pd.DataFrame(found), key="fingerprint")
