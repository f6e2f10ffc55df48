"""What to know before a model is run, of what its outputs depend on and no other part of it.

Batch norms in training mode, variables that a run assigns, variables that no signature reads.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from inspector.analysis.dependencies import without_calls
from inspector.analysis.inference_part import NOT_INFERENCE
from inspector.graph import opdefs, tensors
from inspector.graph.columns import Columns
from inspector.graph.control_flow import inside
from inspector.graph.functions import reachable
from inspector.graph.graph import Graph, node_name
from inspector.graph.op_safety import BLOCK, WARN
from inspector.graph.op_sets import ASSIGNS, PLACEHOLDERS, VARIABLES
from inspector.graph.protos import NodeDef
from inspector.graph.tensors import BOOL
from inspector.model import signatures
from inspector.model.model import Model
from inspector.model.serving import fetched_nodes
from inspector.text import some

_FUSED = ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")
_CHANGES = ASSIGNS | {
    "AssignAdd", "AssignSub", "AssignAddVariableOp", "AssignSubVariableOp",
    "ScatterAdd", "ScatterSub", "ScatterUpdate", "ScatterNdUpdate",
    "ResourceScatterAdd", "ResourceScatterSub", "ResourceScatterUpdate",
}  # fmt: skip
_TO_RSQRT = {"Squeeze", "Identity", "Add", "AddV2", "Reshape", "Maximum", "Cast"}
_MOST_STEPS = 8
_MOST_AXES = 8
_COPY = re.compile(r"(?:/replica)?_\d+$")
_UNNAMED = "Variable"
_NAMES = "{names}"


class Reach:
    """The part of a model's main graph, its calls inlined, that some outputs depend on.

    Args:
        outputs: ``name`` or ``name:k``.
    """

    def __init__(self, model: Model, outputs: Sequence[str]) -> None:
        roots = [node_name(name) for name in outputs]
        self.graph: Graph = without_calls(model, roots)
        self.columns: Columns = self.graph.columns()
        index = self.columns.index
        self.needed: bytearray = self.columns.needed(index[name] for name in roots if name in index)

    def of_ops(self, ops: Iterable[str]) -> list[int]:
        """The nodes of these ops that the outputs depend on."""
        return [at for at in self.columns.where(ops) if self.needed[at]]

    def ops(self) -> Counter[str]:
        """The ops that the outputs depend on; of a function that a loop or branch runs, too."""
        columns = self.columns
        reached = np.frombuffer(self.needed, np.bool_)
        numbers = np.bincount(columns.op[reached], minlength=len(columns.ops)).tolist()
        counts = +Counter(dict(zip(columns.ops, numbers, strict=True)))
        if self.graph.library.function:
            kinds = np.unique(columns.kind[reached]).tolist()
            bodies = reachable(self.graph.library, [columns.kinds[kind] for kind in kinds])
            for function in bodies.function:
                counts.update(node.op for node in function.node_def)
        return counts


def of(model: Model, reach: Reach) -> list[dict[str, Any]]:
    """Rows as those of `op_safety.flagged`: ``op``, ``count``, ``why``, ``severity``."""
    used = [*_batch_norms(reach), *_assigns(reach)]
    rows = [{**row, "in_prediction": row["count"]} for row in used]
    return [*rows, *({**row, "in_prediction": 0} for row in _unread_variables(model))]


def reached(flagged: Iterable[dict[str, Any]], ops: Counter[str]) -> list[dict[str, Any]]:
    """The rows of refused ops, and of the others those of `ops`, with their number there.

    ``in_prediction`` counts those of a row that the outputs depend on.
    """
    rows = []
    for row in flagged:
        needed = min(row["count"], ops[row["op"]])
        if row["severity"] == BLOCK:
            rows.append({**row, "in_prediction": needed})
        elif needed:
            rows.append({**row, "count": needed, "in_prediction": needed})
    return rows


def _rows(columns: Columns, nodes: Iterable[int], why: str) -> list[dict[str, Any]]:
    """A row for each op; ``{names}`` in the reason stands for the first nodes of the op."""
    by_op: dict[str, list[str]] = {}
    for at in nodes:
        by_op.setdefault(columns.op_of(at), []).append(f"'{columns.names[at]}'")
    return [
        {"op": op, "count": len(names), "why": why.replace(_NAMES, some(names)), "severity": WARN}
        for op, names in sorted(by_op.items())
    ]


def training_inputs(columns: Columns, starts: Iterable[int]) -> list[str]:
    """The names of boolean placeholders that nodes depend on, in the graph's order."""
    needed = columns.needed(starts)
    names = []
    for at in columns.where(PLACEHOLDERS):
        dtype = opdefs.attr(columns.kinds[columns.kind[at]], "dtype")
        if needed[at] and dtype is not None and dtype.type == BOOL:
            names.append(columns.names[at])
    return names


def fixing(columns: Columns, starts: Iterable[int]) -> str:
    """How to fix the input that switches training on, as a clause."""
    names = training_inputs(columns, starts)
    chosen = f"--set {names[0]}=false" if names else "--set NAME=false"
    return f"freeze from the checkpoint with the training input fixed ({chosen})"


def _remedy(columns: Columns, starts: list[int]) -> str:
    """How to get a graph for prediction, as a clause."""
    can_be_fixed = bool(training_inputs(columns, starts))
    other = f", or {fixing(columns, starts)}" if can_be_fixed else ""
    return f"export the model for inference (training=False){other}"


def _batch_norms(reach: Reach) -> list[dict[str, Any]]:
    """Batch norms that normalise by the batch, whatever is fed."""
    columns = reach.columns
    candidates = reach.of_ops((*_FUSED, "SquaredDifference"))
    nodes = [at for at in candidates if _is_training(columns, at) or _is_variance(columns, at)]
    if not nodes:
        return []
    # In a branch of TensorFlow 1 it depends on what is fed.
    is_inside = inside(columns)
    nodes = [at for at in nodes if not is_inside[at]]
    why = (
        f"normalises by the batch that is fed ({_NAMES}): a batch norm in training mode, so a "
        f"row's result depends on the rows beside it; {_remedy(columns, nodes)}"
    )
    return _rows(columns, nodes, why)


def _is_training(columns: Columns, at: int) -> bool:
    """Whether a fused batch norm is in training mode; not for the layer norms that Keras builds."""
    training = opdefs.attr(columns.kinds[columns.kind[at]], "is_training")
    if columns.op_of(at) not in _FUSED or training is None or not training.b:
        return False
    # Keras normalises layers with it too, each row as a channel and with a scale of ones.
    scale = columns.data(at)[1:2]
    return not (scale and scale[0] < len(columns) and columns.op_of(scale[0]) == "Fill")


def _is_variance(columns: Columns, at: int) -> bool:
    """Whether a squared difference from the mean over the batch becomes a divisor."""
    read = columns.data(at) if columns.op_of(at) == "SquaredDifference" else []
    means = [source for source in read if _is_mean_of(columns, source, read)]
    if not means:
        return False
    todo = [reader for reader in columns.readers(at) if _is_over_batch(columns, reader)]
    for _ in range(_MOST_STEPS):
        todo = [reader for node in todo for reader in columns.readers(node)]
        if any(columns.op_of(node) == "Rsqrt" for node in todo):
            return True
        todo = [node for node in todo if columns.op_of(node) in _TO_RSQRT][:_MOST_STEPS]
    return False


def _is_mean_of(columns: Columns, at: int, read: list[int]) -> bool:
    if at < len(columns) and columns.op_of(at) == "StopGradient":
        at = next(iter(columns.data(at)), len(columns))
    return at < len(columns) and _is_over_batch(columns, at) and columns.data(at)[0] in read


def _is_over_batch(columns: Columns, at: int) -> bool:
    """Whether a node is a mean over axis 0, and maybe over others."""
    read = columns.data(at) if columns.op_of(at) == "Mean" else []
    if len(read) != 2 or read[1] >= len(columns):
        return False
    axes: NodeDef = columns.kinds[columns.kind[read[1]]]
    if axes.op != "Const" or "value" not in axes.attr:
        return False
    value = axes.attr["value"].tensor
    if not 0 < tensors.elements(value) <= _MOST_AXES:
        return False
    return 0 in tensors.to_numpy(value).reshape(-1).tolist()


def _assigns(reach: Reach) -> list[dict[str, Any]]:
    """Nodes that assign a variable when the outputs are computed."""
    columns = reach.columns
    if VARIABLES.isdisjoint(columns.ops):  # of constants `compatibility` speaks
        return []
    nodes = reach.of_ops(_CHANGES)
    why = (
        f"assigns a variable ({_NAMES}), which the outputs depend on: a run changes the model, and "
        f"a frozen graph keeps the variable. If that belongs to training, {_remedy(columns, nodes)}"
    )
    return _rows(columns, nodes, why)


def _unread_variables(model: Model) -> list[dict[str, Any]]:
    """Variables that no signature reads, without those of optimisers and counters."""
    keys = signatures.serving_keys(model.signatures)
    if not keys:
        return []
    graph = model.outline
    columns = graph.columns()
    roots = {name for key in keys for name in fetched_nodes(model.signatures[key], graph)}
    needed = columns.needed(columns.index[name] for name in roots)
    weights = {at: _stem(columns, at) for at in columns.where(VARIABLES) if _is_weight(columns, at)}
    read = {stem for at, stem in weights.items() if needed[at]}
    if not read:
        return []
    # Optimisers of Keras 3 give their variables no names.
    covered = read if _UNNAMED in read else read | {_UNNAMED}
    unread = [at for at, stem in weights.items() if stem not in covered]
    why = f"is read by no signature ({_NAMES}), so it is not in a frozen graph"
    return _rows(columns, unread, why)


def _stem(columns: Columns, at: int) -> str:
    """The name of a variable, one for all its copies: Keras 3 and replicas number them."""
    return _COPY.sub("", columns.names[at])


def _is_weight(columns: Columns, at: int) -> bool:
    node = columns.kinds[columns.kind[at]]
    dtype, shape = opdefs.attr(node, "dtype"), opdefs.attr(node, "shape")
    if dtype is None or not tensors.dtype_name(dtype.type).startswith(("float", "bfloat")):
        return False
    dims = None if shape is None else tensors.shape_of(shape.shape)
    return dims != [] and NOT_INFERENCE.search(columns.names[at]) is None
