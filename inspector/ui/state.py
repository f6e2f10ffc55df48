"""What a browser session holds: the open model, the chosen outputs, the last result.

Everything lives in `st.session_state` under the keys below, and only here are they written.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from inspector.graph import node_name
from inspector.jobs.workspace import ModelKey
from inspector.ui import text
from inspector.view.hierarchy import Hierarchy
from inspector.view.summary import Summary

MODEL, OUTPUTS, INPUTS, RESULT = "model", "outputs", "inputs", "result"
VIEW = "view_state"
MADE_OF_IT = ("view_history", "compare_view", "prediction", "checked")
"""Where pages keep what belongs to the open model."""


@dataclass
class OpenModel:
    """The open model, as the job summed it up; the web process knows no more of it.

    Attributes:
        key: Hash of the content, the tag-set and the signature, part of every cache key.
        source: Where a job finds the files.
        signature: The key of the signature that is drawn, fed and fetched, or None.
        facts: The JSON of ``describe``.
        contents: Files, assets and fingerprint; see `contents.of`.
        columns: The table of all operations as JSON; `operations` reads it when it is wanted.
        summary: The node table that the picture is made from.
        feeds: Rows to feed that came with a sample.
        transforms: The list that a sample was made to show.
        ref: How an address names it; see `opening.Extras`.
    """

    key: str
    name: str
    source: ModelKey
    tag_set: list[str]
    signature: str | None
    facts: dict[str, Any]
    contents: dict[str, Any]
    columns: bytes
    summary: Summary
    hierarchy: Hierarchy
    feeds: Path | None = None
    transforms: str | None = None
    ref: tuple[str, str] = ("", "")

    @cached_property
    def operations(self) -> pd.DataFrame:
        """One row per operation: name, op, function, device, inputs, outputs."""
        return pd.DataFrame(json.loads(self.columns))

    @property
    def meant(self) -> dict[str, Any]:
        """What tells a job which graph of the files is meant; part of its arguments."""
        return {"tag_set": self.tag_set, "signature": self.signature}

    @property
    def drawn(self) -> dict[str, Any]:
        """The figures of the graph that is drawn: the serving function's of a TF 2 model."""
        return drawn(self.facts)


@dataclass
class Optimised:
    """What an optimise job left: its answer, its files, and before and after as one picture."""

    value: dict[str, Any]
    folder: Path
    both: Hierarchy
    outputs: list[str] = field(default_factory=list)


def drawn(facts: dict[str, Any]) -> dict[str, Any]:
    """Of the JSON of ``describe``, the figures of what is drawn and transformed."""
    found: dict[str, Any] = facts.get("serving") or facts
    return found


def model() -> OpenModel | None:
    """The open model, if any."""
    found: OpenModel | None = st.session_state.get(MODEL)
    return found


def require_model() -> OpenModel:
    """The open model; without one the page says where to get it, and ends here."""
    found = model()
    if found is None:
        st.info("No model is open yet.", icon=":material/folder_open:")
        st.page_link("pages/open.py", label="Open a model", icon=":material/arrow_forward:")
        st.stop()
    return found


def set_model(opened: OpenModel) -> None:
    """Take in a newly opened model; what belonged to the one before goes.

    Of the same files with another tag-set or signature, the chosen outputs that it has too stay.
    """
    before, chosen = model(), outputs()
    close_model()
    st.session_state[MODEL] = opened
    is_same = before is not None and before.source == opened.source
    names = set(opened.operations["name"]) if is_same and chosen else set()
    set_outputs([name for name in chosen if node_name(name) in names])


def close_model() -> None:
    """Forget the model and all that was made of it."""
    for key in (
        MODEL,
        OUTPUTS,
        INPUTS,
        RESULT,
        VIEW,
        "view_history",
        "compare_view",
        "prediction",
        "checked",
        "variable_shown",
    ):
        st.session_state.pop(key, None)


def result() -> Optimised | None:
    """The last optimised graph of the open model, if any."""
    found: Optimised | None = st.session_state.get(RESULT)
    return found


def outputs() -> list[str]:
    """The chosen outputs, node or tensor names, in the order of choosing."""
    return _chosen(OUTPUTS)


def set_outputs(names: list[str]) -> None:
    """Choose these outputs and no others."""
    _choose(OUTPUTS, names)


def add_output(name: str) -> None:
    """Choose one more output."""
    _choose(OUTPUTS, [*outputs(), name])


def remove_output(name: str) -> None:
    """Take a chosen output back."""
    _choose(OUTPUTS, [chosen for chosen in outputs() if chosen != name])


def inputs() -> list[str]:
    """The chosen inputs: nodes at which the graph is cut, in the order of choosing."""
    return _chosen(INPUTS)


def set_inputs(names: list[str]) -> None:
    """Choose these inputs and no others."""
    _choose(INPUTS, names)


def add_input(name: str) -> None:
    """Choose one more input."""
    _choose(INPUTS, [*inputs(), name])


def remove_input(name: str) -> None:
    """Take a chosen input back."""
    _choose(INPUTS, [chosen for chosen in inputs() if chosen != name])


def _chosen(key: str) -> list[str]:
    chosen: list[str] = st.session_state.setdefault(key, [])
    return chosen


def _choose(key: str, names: list[str]) -> None:
    st.session_state[key] = list(dict.fromkeys(name.strip() for name in names if name.strip()))


def error(message: object) -> None:
    """Show an error as it stands: the names in it are data, not Markdown."""
    st.error(text.escape(str(message), 700), icon=":material/error:")
