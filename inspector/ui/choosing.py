"""Which graph of the files is meant: the choice of the tag-set and of the signature.

Both are one choice for all pages: the model is opened anew with them, and whoever chose comes back
to the page they were on, with the outputs that are still there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from inspector.ui import opening, state, text

T = TypeVar("T")


def tag_set_and_signature(model: state.OpenModel, page: str) -> None:
    """The choices, where there are any.

    Args:
        page: The page they stand on.
    """
    tag_sets = model.facts["tag_sets"]
    keys = signature_keys(model)
    if len(tag_sets) < 2 and len(keys) < 2:
        return
    row = st.container(horizontal=True, key="meant")
    meant = dict(model.meant)
    tag_set = _pick(
        row,
        "Tag-set",
        f"tag_set_{model.key}",
        tag_sets,
        model.tag_set,
        lambda tags: ", ".join(tags) or "(no tags)",
        "Each MetaGraphDef of a SavedModel has its own graph and its own signatures.",
    )
    if tag_set is not None:
        meant = {"tag_set": tag_set, "signature": None}
    signature = _pick(
        row,
        "Signature",
        f"signature_{model.key}",
        keys,
        model.signature,
        lambda key: text.shorten(key, 60),
        "What is fed and fetched, and whose graph is drawn, frozen and run.",
    )
    if signature is not None:
        meant["signature"] = signature
    if meant != model.meant:
        opening.reopen(model, meant, page)
        st.switch_page("pages/open.py")


def signature_keys(model: state.OpenModel) -> list[str]:
    """The keys that can be called, those of training last."""
    return [
        key
        for key, found in model.facts["signatures"].items()
        if found["inputs"] or not key.startswith("__saved_model_")
    ]


def _pick(
    row: DeltaGenerator,
    label: str,
    key: str,
    choices: list[T],
    chosen: T | None,
    shown: Callable[[T], str],
    help: str,
) -> T | None:
    """The choice where there are several; what was picked in place of the chosen one, if it was."""
    if len(choices) < 2:
        return None
    at = choices.index(chosen) if chosen in choices else 0
    picked = row.selectbox(
        label,
        range(len(choices)),
        index=at,
        key=key,
        format_func=lambda number: shown(choices[number]),
        help=help,
        width=320,
    )
    return None if picked == at else choices[picked]
