"""Which placeholders with a default have to be fed all the same."""

from __future__ import annotations

import re

from inspector.errors import InspectorError
from inspector.graph import tensors
from inspector.graph.graph import Graph
from inspector.graph.op_sets import SPARSE_READERS

SUPPLIERS = re.compile(r".*Dequeue.*|IteratorGetNext.*|ReaderRead.*|DatasetToSingleElement")
"""Ops that take examples out of a queue, a reader or a data set."""

_OPTIONAL = ("PlaceholderWithDefault",)
_MOST_READERS, _MOST_SIZES = 100, 64


def supplied_placeholders(graph: Graph) -> set[str]:
    """The placeholders whose default does not do in a run: inputs of the model.

    A default that is taken out of a queue or data set stands for the training data; a frozen graph
    cannot start the queue. The default of the shape of a sparse tensor says -1 for open sizes, and
    kernels end the process on it.
    """
    columns = graph.columns()
    optional = columns.where(_OPTIONAL)
    if not optional:
        return set()
    suppliers = columns.where(filter(SUPPLIERS.fullmatch, columns.ops))
    behind = columns.behind(suppliers, optional)
    supplied = {columns.names[at] for at in optional if behind[at]}
    return supplied | {columns.names[at] for at in optional if _is_open_shape(graph, at)}


def _is_open_shape(graph: Graph, at: int) -> bool:
    """Whether a placeholder is the shape of a sparse tensor, with an open size by default."""
    columns = graph.columns()
    readers = columns.readers(at)[:_MOST_READERS]
    if not any(
        columns.op_of(reader) in SPARSE_READERS
        and at in columns.data(reader)[SPARSE_READERS[columns.op_of(reader)][1] :][:1]
        for reader in readers
    ):
        return False
    sources = columns.data(at)
    default = (
        graph.get(columns.names[sources[0]]) if sources and sources[0] < len(columns) else None
    )
    if default is None or default.op != "Const":
        return False
    value = default.attr["value"].tensor
    if value.dtype != tensors.INT64 or tensors.elements(value) > _MOST_SIZES:
        return False
    try:
        return bool((tensors.to_numpy(value) < 0).any())
    except InspectorError:
        return False
