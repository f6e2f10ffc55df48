"""Grappler, TensorFlow's own graph optimiser, as transforms: all at once, or one by one.

What it does in every session before the first run is done once here, is written into the file, and
is recorded and checked like any other step. The work needs TensorFlow and is asked of a worker.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any

import numpy as np

from inspector import opdefs, tensors
from inspector.edit import GraphEdit
from inspector.errors import BadParameter, InspectorError, JobCancelled, TransformFailed
from inspector.graph import Graph, node_name
from inspector.passes.base import Arg, Effect, Pass, PassContext, graph_pass
from inspector.passes.constants import tensor_of
from inspector.protos import NodeDef

PLACEHOLDERS = ("Placeholder", "PlaceholderV2")
FUSED = "_Fused"
_SOURCE = "core/grappler/optimizers/meta_optimizer.cc"

OPTIMIZERS: dict[str, tuple[Effect, str]] = {
    "pruning": ("exact", "Takes out what no output needs, and nodes that only pass a value on."),
    "function": ("rounding", "Puts the bodies of functions in the place of their calls."),
    "common_subgraph_elimination": ("exact", "Merges nodes that compute the same."),
    "debug_stripper": ("exact", "Turns assertions, checks of numbers and prints into nothing."),
    "constfold": ("rounding", "Computes what is constant, and simplifies with what is known."),
    "shape": ("rounding", "Simplifies arithmetic on shapes."),
    "arithmetic": ("rounding", "Rewrites arithmetic to fewer or cheaper operations."),
    "dependency": ("exact", "Takes out control inputs and nodes that order nothing."),
    "loop": ("rounding", "Moves out of loops what is the same each time round."),
    "layout": ("rounding", "Chooses the order of dimensions that suits the device."),
    "remap": ("rounding", "Fuses a convolution or product with what follows it."),
    "auto_mixed_precision_onednn_bfloat16": (
        "lossy",
        "Computes in bfloat16 where that is thought safe.",
    ),
}
"""Grappler's name to what it promises and does. It ignores names that it does not know.

Not here: what needs a GPU or several devices, and ``auto_mixed_precision_cpu``, which on a
processor only casts to float16 and back.
"""

DEFAULT = ("constfold", "shape", "arithmetic", "dependency")


@graph_pass(effect="rounding", source=_SOURCE, needs_kernels=True)
def grappler(
    edit: GraphEdit,
    ctx: PassContext,
    *,
    optimizers: Annotated[
        tuple[str, ...],
        Arg(
            "Names of optimisers, with commas between or one by one.",
            example="constfold",
            choices=tuple(OPTIMIZERS),
            commas=True,
        ),
    ] = DEFAULT,
) -> None:
    """Run TensorFlow's own graph optimiser.

    It runs the optimisers in its own order, twice. Feeds and fetches keep their names, attributes
    that it notes for itself and defaults that it writes out are taken away again, so that an
    older TensorFlow can still read what it has the ops for.

    Fused ops (``_FusedConv2D`` and the like, which ``remap`` makes) are private to a version of
    TensorFlow: the result runs in the one that is installed here, TensorFlow Lite does not convert
    it, and a session makes the same ops itself, so they bring no speed.
    """
    _run(edit, ctx, "grappler", optimizers)


def _single(optimizer: str, effect: Effect, sentence: str) -> Pass:
    def run(edit: GraphEdit, ctx: PassContext) -> None:
        _run(edit, ctx, run.__name__, (optimizer,))

    run.__name__ = f"grappler_{optimizer}"
    run.__doc__ = f"{sentence}\n\n" + inspect.cleandoc(
        f"""One of Grappler's optimisers: short for ``grappler(optimizers={optimizer})``. What
        that transform does to every result holds here, too."""
    )
    wrap: Callable[[Any], Pass] = graph_pass(effect=effect, source=_SOURCE, needs_kernels=True)
    return wrap(run)


SINGLE: tuple[Pass, ...] = tuple(
    _single(name, effect, sentence) for name, (effect, sentence) in OPTIMIZERS.items()
)
"""Each optimiser as a transform of its own."""


def tidied(before: Graph, after: Graph, device: str) -> Graph:
    """A graph without what Grappler notes in it: devices, defaults, attributes for itself.

    Args:
        device: The device string that was put on nodes which had none.
    """
    return Graph((_tidied(before, node, device) for node in after), after.library, after.versions)


def _tidied(before: Graph, node: NodeDef, device: str) -> NodeDef:
    old = before.get(node.name)
    made = NodeDef()
    made.CopyFrom(node)
    if made.device == device and (old is None or not old.device):
        made.device = ""
    if old is None or not old.HasField("experimental_type"):
        made.ClearField("experimental_type")
    kept = set(old.attr) if old is not None else set()
    usual = opdefs.defaults(node.op)
    for key in list(made.attr):
        noted = key.startswith("_") or (key in usual and made.attr[key] == usual[key])
        unknown = key == "shape" and node.op in PLACEHOLDERS and made.attr[key].shape.unknown_rank
        if key not in kept and (noted or unknown):
            del made.attr[key]
    if old is not None and old.op == node.op and "_output_shapes" in old.attr:
        made.attr["_output_shapes"].CopyFrom(old.attr["_output_shapes"])
    if old is not None and _holds_the_same(old, made):
        made.attr["value"].CopyFrom(old.attr["value"])
    return old if old is not None and made == old else made


def _holds_the_same(old: NodeDef, made: NodeDef) -> bool:
    """True for two Const of equal value: Grappler writes repeated values and zeros shorter."""
    if not old.op == made.op == "Const" or tensor_of(old) == tensor_of(made):
        return False
    if tensor_of(old).dtype != tensor_of(made).dtype:
        return False
    if tensor_of(old).tensor_shape != tensor_of(made).tensor_shape:
        return False
    try:
        a, b = (tensors.to_numpy(tensor_of(node), where=node.name) for node in (old, made))
    except InspectorError:
        return False
    if a.size and not any((*a.strides, *b.strides)):
        first = (0,) * a.ndim
        a, b = a[first], b[first]  # one value each, however many the shape claims
    return bool(np.all((a == b) | ((a != a) & (b != b))))


def _run(edit: GraphEdit, ctx: PassContext, name: str, optimizers: tuple[str, ...]) -> None:
    if not len(edit):
        return
    if not optimizers:
        raise BadParameter(name, "optimizers", f"name at least one of {', '.join(OPTIMIZERS)}")
    if ctx.grappler is None:
        raise TransformFailed(name, "TensorFlow", "is not at hand, and this transform is its own")
    graph = edit.current()
    for text in (*ctx.inputs, *ctx.outputs):
        graph.node(node_name(text), name)
    inputs = [node for node in map(node_name, ctx.inputs) if edit[node].op in PLACEHOLDERS]
    for text in ctx.inputs:
        if edit[node_name(text)].op not in (*PLACEHOLDERS, "PlaceholderWithDefault"):
            why = "is fed and no Placeholder: strip_unused_nodes makes it one"
            raise TransformFailed(name, f"input '{text}'", why)
    outputs = [node_name(text) for text in ctx.outputs]
    if not outputs:
        raise TransformFailed(name, "outputs", "none are named, and nothing else would be kept")
    try:
        after = ctx.grappler(graph, inputs, outputs, optimizers)
    except (JobCancelled, TransformFailed):
        raise
    except InspectorError as err:
        raise TransformFailed(name, ", ".join(optimizers), err.why) from err
    for text in outputs:
        if text not in after:
            raise TransformFailed(name, f"output '{text}'", "was lost by Grappler")
    _take_over(edit, after, f"Grappler: {', '.join(optimizers)}")
    fused = sorted({node.op for node in after if node.op.startswith(FUSED)})
    if fused:
        told = f"{', '.join(fused)}: only the TensorFlow installed here loads this"
        ctx.warnings.append(told)


def _take_over(edit: GraphEdit, after: Graph, rule: str) -> None:
    """Make the edit's nodes those of another graph."""
    names = {node.name: None for node in after}
    changed = False
    for node in list(edit.nodes()):
        if node.name not in names:
            edit.explain(node.name, rule)
            edit.remove(node.name)
            changed = True
    for node in after:
        old = edit.get(node.name)
        if old is None:
            edit.add(node)
        elif old is not node and old != node:
            edit.replace(node)
        else:
            continue
        changed = True
        came_from = [node_name(text) for text in node.input if not text.startswith("^")]
        edit.explain(node.name, rule, *came_from[:4])
    if changed:
        edit.reorder(list(names))
    known = {function.signature.name for function in edit.library.function}
    if any(function.signature.name not in known for function in after.library.function):
        edit.library = after.library
