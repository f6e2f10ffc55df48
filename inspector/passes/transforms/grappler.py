"""Grappler, TensorFlow's own graph optimiser, as transforms: all at once, or one by one.

A session applies Grappler before every first run; here the result is written into the file, and
the step is recorded and checked like any other. It needs TensorFlow, which runs in a worker.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any

import numpy as np

from inspector.errors import (
    BadParameter,
    InspectorError,
    JobCancelled,
    JobTimeout,
    TransformFailed,
    WorkerUnavailable,
)
from inspector.graph import opdefs, tensors
from inspector.graph.edit import GraphEdit
from inspector.graph.graph import Graph, data_inputs, node_name
from inspector.graph.op_sets import PLACEHOLDERS, REQUIRED_PLACEHOLDERS
from inspector.graph.protos import NodeDef
from inspector.passes.base import Arg, Effect, Grappler, Pass, PassContext, graph_pass
from inspector.passes.rewrite.constants import tensor_of
from inspector.passes.rewrite.hidden_nodes import hide_unknown
from inspector.passes.rewrite.node_list import adopt

FUSED = "_Fused"
_SOURCE = "core/grappler/optimizers/meta_optimizer.cc"

OPTIMIZERS: dict[str, tuple[Effect, str]] = {
    "pruning": (
        "exact",
        "Removes nodes that no output needs, and nodes that only pass a value on.",
    ),
    "function": ("rounding", "Inlines function calls."),
    "common_subgraph_elimination": ("exact", "Merges nodes that compute the same."),
    "debug_stripper": ("exact", "Removes assertions, numerical checks and prints."),
    "constfold": ("rounding", "Folds constants, and simplifies arithmetic with constants."),
    "shape": ("rounding", "Simplifies arithmetic on shapes."),
    "arithmetic": ("rounding", "Rewrites arithmetic to fewer or cheaper operations."),
    "dependency": ("exact", "Removes unnecessary control inputs and nodes."),
    "loop": ("rounding", "Moves loop-invariant nodes out of loops."),
    "layout": ("rounding", "Chooses the data format that suits the device."),
    "remap": ("rounding", "Fuses a convolution or matrix product with the ops after it."),
    "auto_mixed_precision_onednn_bfloat16": (
        "lossy",
        "Computes in bfloat16 where Grappler considers it safe.",
    ),
}
"""Grappler's name of an optimiser to its effect and what it does; Grappler ignores unknown names.

Missing are those that need a GPU or several devices, and ``auto_mixed_precision_cpu``, which only
casts to float16 and back on a CPU.
"""

_AFTER = {"remap": "All other transforms: nothing else knows the fused ops."}

DEFAULT = ("constfold", "shape", "arithmetic", "dependency")


@graph_pass(effect="rounding", source=_SOURCE, needs_kernels=True)
def grappler(
    edit: GraphEdit,
    ctx: PassContext,
    *,
    optimizers: Annotated[
        tuple[str, ...],
        Arg(
            "Names of optimisers, separated by commas or given one by one.",
            example="constfold",
            choices=tuple(OPTIMIZERS),
            commas=True,
        ),
    ] = DEFAULT,
) -> None:
    """Run TensorFlow's own graph optimiser.

    Grappler runs the optimisers in its own order, twice. Feeds and fetches keep their names.
    Internal attributes and default attributes that it adds are removed again, so that an older
    TensorFlow can still load the graph if it has the ops. Skipped: nodes of ops that TensorFlow
    does not have; the rest is optimised around them.

    Fused ops (``_FusedConv2D`` and the like, which ``remap`` creates) are private to a version of
    TensorFlow: the result runs in the installed one only, TensorFlow Lite does not convert it, and
    a session creates the same ops itself, so they bring no speed.
    """
    _run(edit, ctx, "grappler", optimizers)


def _single(optimizer: str, effect: Effect, sentence: str) -> Pass:
    def run(edit: GraphEdit, ctx: PassContext) -> None:
        _run(edit, ctx, run.__name__, (optimizer,))

    run.__name__ = f"grappler_{optimizer}"
    run.__doc__ = f"{sentence}\n\n" + inspect.cleandoc(
        f"""One of Grappler's optimisers: short for ``grappler(optimizers={optimizer})``, which
        describes how every result is cleaned up."""
    )
    wrap: Callable[[Any], Pass] = graph_pass(
        effect=effect, source=_SOURCE, needs_kernels=True, after=_AFTER.get(optimizer, "")
    )
    return wrap(run)


SINGLE: tuple[Pass, ...] = tuple(
    _single(name, effect, sentence) for name, (effect, sentence) in OPTIMIZERS.items()
)
"""Each optimiser as a separate transform."""


def tidied(before: Graph, after: Graph, device: str) -> Graph:
    """Remove what Grappler adds to a graph: devices, default and internal attributes.

    Args:
        device: The device that was set on nodes without one.
    """
    return Graph((_tidied(before, node, device) for node in after), after.library, after.versions)


def _tidied(before: Graph, node: NodeDef, device: str) -> NodeDef:
    old = before.get(node.name)
    clean = NodeDef()
    clean.CopyFrom(node)
    if clean.device == device and (old is None or not old.device):
        clean.device = ""
    if old is None or not old.HasField("experimental_type"):
        clean.ClearField("experimental_type")
    old_keys = set(old.attr) if old is not None else set()
    usual = opdefs.defaults(node.op)
    for key in list(clean.attr):
        noted = key.startswith("_") or (key in usual and clean.attr[key] == usual[key])
        unknown = (
            key == "shape"
            and node.op in REQUIRED_PLACEHOLDERS
            and clean.attr[key].shape.unknown_rank
        )
        if key not in old_keys and (noted or unknown):
            del clean.attr[key]
    if old is not None and old.op == node.op and "_output_shapes" in old.attr:
        clean.attr["_output_shapes"].CopyFrom(old.attr["_output_shapes"])
    if old is not None and _holds_the_same(old, clean):
        clean.attr["value"].CopyFrom(old.attr["value"])
    return old if old is not None and clean == old else clean


def _holds_the_same(old: NodeDef, new: NodeDef) -> bool:
    """True for two Const of equal value in different encodings, as Grappler writes them."""
    if not old.op == new.op == "Const" or tensor_of(old) == tensor_of(new):
        return False
    if tensor_of(old).dtype != tensor_of(new).dtype:
        return False
    if tensor_of(old).tensor_shape != tensor_of(new).tensor_shape:
        return False
    try:
        a, b = (tensors.to_numpy(tensor_of(node), where=node.name) for node in (old, new))
    except InspectorError:
        return False
    if a.size and not any((*a.strides, *b.strides)):
        first = (0,) * a.ndim
        a, b = a[first], b[first]  # one value each, repeated: the shape may be huge
    return bool(np.all((a == b) | ((a != a) & (b != b))))


def _run(edit: GraphEdit, ctx: PassContext, name: str, optimizers: tuple[str, ...]) -> None:
    if not len(edit):
        return
    if not optimizers:
        raise BadParameter(name, "optimizers", f"name at least one of {', '.join(OPTIMIZERS)}")
    if ctx.grappler is None:
        raise TransformFailed(
            name, "TensorFlow", "is not available, and this transform runs its graph optimiser"
        )
    graph = edit.current()
    inputs, outputs = _boundary(graph, ctx, name)
    try:
        after = _optimised(edit, graph, ctx.grappler, (inputs, outputs), optimizers)
    except (JobCancelled, JobTimeout, WorkerUnavailable, TransformFailed):
        raise
    except InspectorError as err:
        raise TransformFailed(name, ", ".join(optimizers), err.why) from err
    for text in outputs:
        if text not in after:
            raise TransformFailed(name, f"output '{text}'", "was lost by Grappler")
    _take_over(edit, after, f"Grappler: {', '.join(optimizers)}")
    fused = sorted({node.op for node in after if node.op.startswith(FUSED)})
    if fused:
        ctx.warnings.append(f"{', '.join(fused)}: only the TensorFlow installed here loads this")


def _optimised(
    edit: GraphEdit,
    graph: Graph,
    optimise: Grappler,
    boundary: tuple[list[str], list[str]],
    optimizers: tuple[str, ...],
) -> Graph:
    """The optimised graph; nodes of ops that TensorFlow does not have are left alone."""
    inputs, outputs = boundary
    hidden = hide_unknown(graph)
    if hidden is None:
        return optimise(graph, inputs, outputs, optimizers)
    for node in hidden.nodes:
        edit.skip(node, f"{opdefs.unknown(node.op)} and stays as it is")
    fed = list(dict.fromkeys([*inputs, *hidden.inputs]))
    fetched = [*dict.fromkeys([*outputs, *hidden.outputs])]
    return hidden.restored(optimise(hidden.graph, fed, fetched, optimizers))


def _boundary(graph: Graph, ctx: PassContext, transform: str) -> tuple[list[str], list[str]]:
    """The Placeholders that are fed and the nodes that are fetched: what Grappler must keep.

    Raises: UnknownNode; TransformFailed for a feed that is no Placeholder, and without outputs.
    """
    for text in (*ctx.inputs, *ctx.outputs):
        graph.node(node_name(text), transform)
    ops = {text: graph.node(node_name(text)).op for text in ctx.inputs}
    for text, op in ops.items():
        if op not in PLACEHOLDERS:
            why = "is fed but no Placeholder: strip_unused_nodes turns it into one"
            raise TransformFailed(transform, f"input '{text}'", why)
    inputs = [node_name(text) for text in ctx.inputs if ops[text] in REQUIRED_PLACEHOLDERS]
    outputs = [node_name(text) for text in ctx.outputs]
    if not outputs:
        reason = "name at least one: Grappler removes all other nodes"
        raise TransformFailed(transform, "outputs", reason)
    return inputs, outputs


def _take_over(edit: GraphEdit, after: Graph, rule: str) -> None:
    """Replace nodes and library of the edit by those of another graph."""

    def explain(old: NodeDef | None, new: NodeDef | None) -> None:
        node = new or old
        assert node is not None
        inputs = () if new is None else data_inputs(new)
        edit.explain(node.name, rule, *map(node_name, inputs[:4]))

    adopt(edit, after.nodes, explain)
    functions = {function.signature.name for function in edit.library.function}
    if any(function.signature.name not in functions for function in after.library.function):
        edit.library = after.library
