"""What a browser session holds: the open model, the chosen outputs, the last result.

Everything is in `st.session_state` under the keys below, which only this module writes.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import streamlit as st

from inspector.errors import CorruptModel
from inspector.graph.graph import node_name
from inspector.jobs.result_files import FROZEN, OPTIMISED, TFLITE
from inspector.jobs.store.entries import Lease
from inspector.jobs.store.workspace import ModelKey
from inspector.optimisation.optimise_options import OptimiseJson
from inspector.ui.session.page_end import end_page
from inspector.ui.widgets import text
from inspector.view.table.node_table import NodeTable
from inspector.view.table.operation_table import OperationTable
from inspector.view.tree.hierarchy import Hierarchy

MODEL, OUTPUTS, INPUTS, RESULT = "model", "outputs", "inputs", "result"
VIEW = "view_state"
OF_MODEL = "of_model:"
"""The keys of pages for what belongs to the open model begin with this: closing it drops them."""
COMPARE_VIEW = OF_MODEL + "compare_view"
"""The view of the picture on the Compare page, which a new result resets."""
LOST_RESULT = OF_MODEL + "lost_result"
"""True where an address led to a result that is not in the workspace any more."""


@dataclass
class OpenModel:
    """The open model as a job described it; the web process does not read its files.

    Attributes:
        key: Hash of the content, the tag-set and the signature, part of every cache key.
        source: The files, for a job.
        signature: The key of the signature that is drawn, fed and fetched, or None.
        facts: The JSON of ``describe``; under ``scan`` that of ``inspector scan``.
        contents: Files, assets and fingerprint; see `contents.of`.
        beside: What `operations` lists and `summary` does not hold, as JSON.
        summary: The node table that the picture is made from.
        feeds: Rows to feed that came with a sample.
        transforms: The list of transforms that a sample demonstrates.
        ref: How an address names it; see `open_model.Extras`.
        lease: Protects its files in the workspace while this object exists.
    """

    key: str
    name: str
    source: ModelKey
    tag_set: list[str]
    signature: str | None
    facts: dict[str, Any]
    contents: dict[str, Any]
    beside: bytes
    summary: NodeTable
    hierarchy: Hierarchy
    feeds: Path | None = None
    transforms: str | None = None
    ref: tuple[str, str] = ("", "")
    lease: Lease | None = field(default=None, repr=False)

    @cached_property
    def operations(self) -> OperationTable:
        """All operations, those of function bodies too.

        Raises: CorruptModel for a malformed answer of a worker.
        """
        return OperationTable(self.summary, self.beside)

    def names(self) -> set[str]:
        """The names of all operations; none for a malformed answer of a worker."""
        with contextlib.suppress(CorruptModel):
            return self.operations.names()
        return set()

    @property
    def graph_choice(self) -> dict[str, Any]:
        """The arguments of a job that choose the graph among those of the files."""
        return {"tag_set": self.tag_set, "signature": self.signature}

    @property
    def drawn(self) -> dict[str, Any]:
        """The figures of the drawn graph: for a TF 2 model those of the serving function."""
        return drawn(self.facts)


@dataclass
class Optimised:
    """The result of an optimise job: answer, files, and before and after as one hierarchy."""

    value: dict[str, Any]
    folder: Path
    both: Hierarchy
    outputs: list[str] = field(default_factory=list)
    lease: Lease | None = field(default=None, repr=False)
    """Protects its files in the workspace while this object exists."""
    options: OptimiseJson | None = None
    """What was asked of the job."""
    link: str = ""
    """The id under which an address finds it, see `result_links`; empty without one."""
    measured: dict[str, str] = field(default_factory=dict)
    """What was measured of it, e.g. ``compare``, to the id under which an address finds it."""
    is_linked: bool = False
    """An address led to it: nothing may be computed for it until the user asks."""

    @property
    def lite(self) -> dict[str, Any] | None:
        """What only a TFLite model has, see `lite_types.LiteResultJson`; None for another."""
        return self.value.get("lite")

    @property
    def graphs(self) -> dict[str, str]:
        """The graphs that are run beside the model as opened: name to file of the folder."""
        optimised = OPTIMISED if self.lite is None else TFLITE
        files = {"frozen": FROZEN, "optimised": optimised}
        return {name: file for name, file in files.items() if (self.folder / file).exists()}


def drawn(facts: dict[str, Any]) -> dict[str, Any]:
    """The figures of the graph that is drawn and transformed, from the JSON of ``describe``."""
    figures: dict[str, Any] = facts.get("serving") or facts
    return figures


def model() -> OpenModel | None:
    """The open model, if any."""
    opened: OpenModel | None = st.session_state.get(MODEL)
    return opened


def require_model() -> OpenModel:
    """The open model; without one the page links to Open and ends."""
    opened = model()
    if opened is None:
        st.info("No model is open yet.", icon=":material/folder_open:")
        st.page_link("pages/open.py", label="Open a model", icon=":material/arrow_forward:")
        end_page()
    return opened


def set_model(opened: OpenModel) -> None:
    """Replace the open model, and forget what belonged to the one before.

    For the same files with another tag-set or signature, chosen outputs that exist there are kept.
    """
    before, chosen = model(), outputs()
    close_model()
    st.session_state[MODEL] = opened
    if chosen and before is not None and before.source == opened.source:
        names = opened.names()
        set_outputs([name for name in chosen if node_name(name) in names])


def close_model() -> None:
    """Forget the model and everything that belongs to it."""
    pages = [key for key in map(str, st.session_state) if key.startswith(OF_MODEL)]
    for key in (MODEL, OUTPUTS, INPUTS, RESULT, VIEW, *pages):
        st.session_state.pop(key, None)


def result() -> Optimised | None:
    """The last optimised graph of the open model, if any."""
    optimised: Optimised | None = st.session_state.get(RESULT)
    return optimised


def outputs() -> list[str]:
    """The chosen outputs, node or tensor names, in the order of selection."""
    return _chosen(OUTPUTS)


def set_outputs(names: list[str]) -> None:
    """Choose these outputs and no others."""
    _choose(OUTPUTS, names)


def add_output(name: str) -> None:
    """Choose one more output."""
    _choose(OUTPUTS, [*outputs(), name])


def remove_output(name: str) -> None:
    """Remove a chosen output."""
    _choose(OUTPUTS, [chosen for chosen in outputs() if chosen != name])


def inputs() -> list[str]:
    """The chosen inputs: nodes at which the graph is cut, in the order of selection."""
    return _chosen(INPUTS)


def set_inputs(names: list[str]) -> None:
    """Choose these inputs and no others."""
    _choose(INPUTS, names)


def remove_input(name: str) -> None:
    """Remove a chosen input."""
    _choose(INPUTS, [chosen for chosen in inputs() if chosen != name])


def _chosen(key: str) -> list[str]:
    chosen: list[str] = st.session_state.setdefault(key, [])
    return chosen


def _choose(key: str, names: list[str]) -> None:
    st.session_state[key] = list(dict.fromkeys(name.strip() for name in names if name.strip()))


def error(message: object) -> None:
    """Show an error unchanged: names in it are data, not Markdown."""
    st.error(text.escape(str(message), 700), icon=":material/error:")
