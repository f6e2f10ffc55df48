"""Which graph of the files is meant: the choice of the tag-set and of the signature.

Both are one choice for all pages: the model is opened anew with them, and whoever chose comes back
to the page they were on, with the outputs that are still there.
"""

from __future__ import annotations

import streamlit as st

from inspector.ui import opening, state, text


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
    if len(tag_sets) > 1:
        at = tag_sets.index(model.tag_set) if model.tag_set in tag_sets else 0
        picked = row.selectbox(
            "Tag-set",
            range(len(tag_sets)),
            index=at,
            key=f"tag_set_{model.key}",
            format_func=lambda number: ", ".join(tag_sets[number]) or "(no tags)",
            help="Each MetaGraphDef of a SavedModel has its own graph and its own signatures.",
            width=320,
        )
        if picked != at:
            meant = {"tag_set": tag_sets[picked], "signature": None}
    if len(keys) > 1:
        at = keys.index(model.signature) if model.signature in keys else 0
        picked = row.selectbox(
            "Signature",
            range(len(keys)),
            index=at,
            key=f"signature_{model.key}",
            format_func=lambda number: text.shorten(keys[number], 60),
            help="What is fed and fetched, and whose graph is drawn, frozen and run.",
            width=320,
        )
        if picked != at:
            meant["signature"] = keys[picked]
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
