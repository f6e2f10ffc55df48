"""Warnings about a model that TensorFlow refuses or has deprecated, and what to do.

That a graph only saves and restores is one of them; `saving` finds it, since outputs and the safety
scan depend on it too.
"""

from __future__ import annotations

from collections.abc import Mapping

from inspector.analysis.cautions import fixing
from inspector.analysis.saving import only_saves
from inspector.formats.checkpoint.v1 import TensorSlices
from inspector.formats.releases import CONSUMER
from inspector.graph import opdefs, tensors
from inspector.graph.columns import CONTROL, Columns
from inspector.graph.protos import OpDef
from inspector.graph.tensors import REF, RESOURCE
from inspector.model import signatures
from inspector.model.callables import callables
from inspector.model.model import Model
from inspector.text import count, some

_READS = {"ReadVariableOp", "ResourceGather", "ResourceGatherNd", "VariableShape"}

NOTHING = (
    "The model has no signature, and its graph only saves and restores variables: nothing in it "
    "can be frozen or run. Its functions are called from Python alone; export it again with "
    "tf.saved_model.save(..., signatures=...)."
)
_FUNCTIONS = (
    "The model has no signature, and its graph only saves and restores variables. Its functions "
    "can be frozen by name, e.g. --signature '{}'; to serve it, export it again with "
    "tf.saved_model.save(..., signatures=...)."
)


def of(model: Model, op_counts: Mapping[str, int]) -> list[str]:
    """The warnings, one sentence each.

    Args:
        op_counts: Ops of the main graph and of all functions.
    """
    sentences = []
    if not signatures.serving_keys(model.signatures) and only_saves(model.outline, model.init_op):
        functions = [item.name for item in callables(model) if not item.problem]
        sentences.append(_FUNCTIONS.format(functions[0]) if functions else NOTHING)
    if isinstance(model.checkpoint, TensorSlices):
        sentences.append(
            "The checkpoint is of the first format (V1), which TensorFlow still reads but has "
            "deprecated: save it again, or freeze the model, to keep it readable."
        )
    if unsuitable := _unsuitable_sources(model.outline.columns()):
        sentences.append(unsuitable)
    versions = model.outline.versions
    producer = versions.producer
    if versions.min_consumer > CONSUMER or CONSUMER in versions.bad_consumers:
        reason = f"it needs a reader of version {versions.min_consumer} or later"
        if versions.min_consumer <= CONSUMER:
            reason = "it lists readers of this version as bad"
        sentences.append(
            f"TensorFlow {opdefs.RELEASE}, of version {CONSUMER}, refuses to load this graph: "
            f"{reason}."
        )
    for op in sorted(op_counts):
        declared = opdefs.get(op)
        if declared is None or not declared.HasField("deprecation"):
            continue
        removed = declared.deprecation.version
        if producer >= removed:
            sentences.append(
                f"TensorFlow refuses to load this graph: it says to be of version {producer}, and "
                f"the op {op} was removed at version {removed} ({declared.deprecation.explanation})"
                ": its nodes have to be replaced."
            )
    return sentences


def _unsuitable_sources(columns: Columns) -> str:
    """A sentence on nodes that need a variable and read a value: TensorFlow refuses the graph.

    A graph that was frozen with its training part has them: its variables are constants now.
    """
    places: dict[str, list[tuple[int, bool]]] = {}
    for op in columns.ops:
        declared = opdefs.get(op)
        if declared is not None and (positions := _variable_inputs(declared)):
            places[op] = positions
    if not places:
        return ""
    start, port = columns.start.tolist(), columns.port.tolist()
    nodes = []
    for at in columns.where(places):
        sources = columns.sources(at)
        for place, by_ref in places[columns.op_of(at)]:
            if place < len(sources) and sources[place] < len(columns):
                source_port = port[start[at] + place]
                if not _is_variable(columns, sources[place], source_port, by_ref):
                    nodes.append(at)
                    break
    if not nodes:
        return ""
    ops = some(sorted({columns.op_of(at) for at in nodes}))
    names = some([f"'{columns.names[at]}'" for at in nodes])
    verb = "reads a constant" if len(nodes) == 1 else "read constants"
    remedy = "Its variables became constants, and what reads them did not: freeze the model again"
    if not _READS.issuperset(columns.op_of(at) for at in nodes):
        remedy = f"It was frozen with nodes that assign: {fixing(columns, nodes)}"
    return (
        f"TensorFlow refuses to load this graph: {count(len(nodes), 'node')} ({ops}: {names}) "
        f"{verb} where a variable is needed. {remedy}."
    )


def _variable_inputs(declared: OpDef) -> list[tuple[int, bool]]:
    """Positions of the inputs that need a variable, and whether it is one of TensorFlow 1."""
    if any(item.number_attr or item.type_list_attr for item in declared.input_arg):
        return []
    return [
        (place, item.is_ref)
        for place, item in enumerate(declared.input_arg)
        if item.is_ref or item.type == RESOURCE
    ]


def _is_variable(columns: Columns, source: int, port: int, by_ref: bool) -> bool:
    """Whether an output is a ref or a resource; also where its dtype is not known."""
    dtypes = opdefs.output_dtypes(columns.kinds[columns.kind[source]])
    if dtypes is None or port == CONTROL or port >= len(dtypes):
        return True
    return dtypes[port] >= REF if by_ref else tensors.base_dtype(dtypes[port]) == RESOURCE
