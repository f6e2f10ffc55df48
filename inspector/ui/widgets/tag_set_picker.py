"""Select boxes for the tag-set and the signature, which choose the graph of a model.

The choice holds for all pages: the model is opened again with it, and the user returns to the same
page with the chosen outputs that still exist.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from inspector.ui.session import open_model, state
from inspector.ui.widgets import text

T = TypeVar("T")

_NONE = ""
"""The choice of no signature, as long as none of the functions was chosen."""


def tag_set_and_signature(
    model: state.OpenModel, page: str, bar: DeltaGenerator | None = None
) -> None:
    """The select boxes with more than one option.

    Args:
        page: The page to return to.
        bar: A row of controls to draw them in, without visible labels.
    """
    tag_sets = model.facts["tag_sets"]
    keys = signature_keys(model)
    if len(tag_sets) < 2 and len(keys) < 2:
        return
    row = (bar or st).container(horizontal=True, key="graph_choice")
    choice = dict(model.graph_choice)
    tag_set = _pick(
        row,
        "Tag-set",
        f"tag_set_{model.key}",
        tag_sets,
        model.tag_set,
        lambda tags: ", ".join(tags) or "(no tags)",
        "Each MetaGraphDef of a SavedModel has its own graph and its own signatures.",
        bar is not None,
    )
    if tag_set is not None:
        choice = {"tag_set": tag_set, "signature": None}
    signature = _pick(
        row,
        "Signature",
        f"signature_{model.key}",
        keys,
        model.signature or _NONE,
        lambda key: text.shorten(key, 60) or "none",
        "Sets the inputs and outputs, and which graph is drawn, frozen and run.",
        bar is not None,
    )
    if signature is not None:
        choice["signature"] = signature
    if choice != model.graph_choice:
        open_model.reopen(model, choice, page)
        st.switch_page("pages/open.py")


def part(model: state.OpenModel) -> None:
    """A select box of the models of the same folder or archive, where there are several."""
    listed, opened = model.contents["parts"], model.contents["part"]
    kinds = {item["kind"] for item in listed}
    picked = _pick(
        st.container(horizontal=True, key="part_choice"),
        "Checkpoint" if kinds == {"Checkpoint"} else "Model",
        f"part_{model.key}",
        listed,
        next((item for item in listed if item["name"] == opened), None),
        lambda item: _label(item, listed),
        "The folder or archive holds several. Each has an address of its own.",
        is_in_bar=False,
    )
    if picked is not None:
        open_model.switch_part(model, picked["name"])
        st.switch_page("pages/open.py")


def _label(item: dict[str, Any], listed: list[dict[str, Any]]) -> str:
    place = f"{listed.index(item) + 1} of {len(listed)}"
    details = f"{item['kind']}, {text.size(item['bytes'])}"
    return f"{text.shorten(item['name'], 60)} ({place}: {details})"


def signature_keys(model: state.OpenModel) -> list[str]:
    """The keys of the signatures that can be called; of a model without, its functions."""
    keys = [
        key
        for key, signature in model.facts["signatures"].items()
        if signature["inputs"] or not key.startswith("__saved_model_")
    ]
    functions = [item["name"] for item in model.facts.get("callables", ()) if not item["problem"]]
    if not functions:
        return keys
    return list(dict.fromkeys([*([] if model.signature else [_NONE]), *functions, *keys]))


def _pick(
    row: DeltaGenerator,
    label: str,
    key: str,
    choices: list[T],
    chosen: T | None,
    label_of: Callable[[T], str],
    help: str,
    is_in_bar: bool,
) -> T | None:
    """A select box where there are several. Returns: The new choice, None for an unchanged one."""
    if len(choices) < 2:
        return None
    at = choices.index(chosen) if chosen in choices else 0
    picked = row.selectbox(
        label,
        range(len(choices)),
        index=at,
        key=key,
        format_func=lambda number: label_of(choices[number]),
        help=None if is_in_bar else help,
        label_visibility="collapsed" if is_in_bar else "visible",
        width=230 if is_in_bar else 320,
    )
    return None if picked == at else choices[picked]
