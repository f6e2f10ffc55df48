"""quantize_nodes: replaces float ops by 8-bit ops between QuantizeV2 and Dequantize.

Then it removes Dequantize and QuantizeV2 between two 8-bit ops, so that values stay in 8 bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Annotated

from inspector.errors import BadParameter
from inspector.graph import tensors
from inspector.graph.edit import GraphEdit
from inspector.graph.graph import Graph
from inspector.passes.base import Arg, PassContext, graph_pass
from inspector.passes.rewrite.byte_flow import follow_each_other, merge_requantizes, stay_in_bytes
from inspector.passes.rewrite.constants import constant
from inspector.passes.rewrite.duplicates import Duplicates
from inspector.passes.rewrite.node_list import adopt
from inspector.passes.rewrite.quantized_ops import QUINT8, dequantize
from inspector.passes.rewrite.quantizing import Quantize
from inspector.passes.rewrite.sketch import Sketch
from inspector.passes.transforms import fake_quants

_NAME = "quantize_nodes"


@graph_pass(
    effect="lossy",
    source="graph_transforms/quantize_nodes.cc",
    after="All folding, then `quantize_weights`.",
)
def quantize_nodes(
    edit: GraphEdit,
    ctx: PassContext,
    *,
    input_min: Annotated[
        str, Arg("Smallest value of the inputs, which then become quint8; needs input_max.")
    ] = "",
    input_max: Annotated[str, Arg("Largest value of the inputs; needs input_min.")] = "",
    fallback_min: Annotated[
        str, Arg("Smallest value between ops, instead of computing it; needs fallback_max.")
    ] = "",
    fallback_max: Annotated[str, Arg("Largest value between ops; needs fallback_min.")] = "",
    ignore_op: Annotated[tuple[str, ...], Arg("Op types that stay in float.")] = (),
) -> None:
    """Replace ops that have an 8-bit kernel; predictions change by a few percent.

    These are Add, AvgPool, BiasAdd, Concat, Conv2D, MatMul, MaxPool, Mul, Relu, Relu6, Reshape and
    ResizeBilinear, and FakeQuant with a constant range. Run quantize_weights before and
    strip_unused_nodes after it. Seldom faster today. Skipped: dilations, NCHW, half-pixel centers,
    explicit padding, dtypes other than float32.
    """
    fed = _range("input", input_min, input_max)
    fallback = _range("fallback", fallback_min, fallback_max)
    rounds: list[Callable[[GraphEdit], None]] = []
    if fed is not None:
        rounds.append(lambda work: _feed_bytes(work, ctx, fed))
    if any(node.op in fake_quants.OPS for node in edit.graph):
        rounds += [partial(fake_quants.hoist, ctx=ctx, depth=n) for n in fake_quants.DEPTHS]
        rounds.append(lambda work: fake_quants.convert(work, ctx))
    graph = edit.graph
    for work_on in rounds:
        graph = _round(edit, graph, ctx, work_on)
    ctx.check_cancelled(_NAME)
    sketch = Sketch(graph)
    Quantize(edit, ctx, sketch, fallback, ignore_op).run()
    if not sketch.changed and graph is edit.graph:
        return  # nothing was quantized, so there is nothing to clean up
    sketch.settle()
    if follow_each_other(sketch):
        graph = graph.with_nodes(sketch.nodes())
        sketch = Sketch(_round(edit, graph, ctx, lambda work: merge_requantizes(work, ctx)))
    ctx.check_cancelled(_NAME)
    moved = _merge_equal(edit, ctx, sketch)
    ctx.check_cancelled(_NAME)
    stay_in_bytes(edit, ctx, sketch)
    adopt(edit, sketch.nodes(), moved=moved)


def _round(
    edit: GraphEdit, graph: Graph, ctx: PassContext, work_on: Callable[[GraphEdit], None]
) -> Graph:
    """The graph after one round on its own edit; what it did is recorded in that of the pass."""
    ctx.check_cancelled(_NAME)
    work = GraphEdit(graph, edit.hidden)
    work_on(work)
    after = work.finish()
    edit.skipped += work.skipped
    edit.explain_as(work)
    return after


def _range(what: str, low: str, high: str) -> tuple[float, float] | None:
    if not low and not high:
        return None
    if not low or not high:
        reason = f"You must pass both {what}_min and {what}_max into quantize_nodes"
        raise BadParameter(_NAME, f"{what}_min", reason)
    values = []
    for key, text in ((f"{what}_min", low), (f"{what}_max", high)):
        try:
            values.append(float(text))
        except ValueError:
            values.append(math.nan)
        if not math.isfinite(values[-1]):
            reason = f"Couldn't interpret the {key} argument as a float number:{text}"
            reason += " (expected one like -1.5)"
            raise BadParameter(_NAME, key, reason)
    return values[0], values[1]


def _feed_bytes(edit: GraphEdit, ctx: PassContext, fed: tuple[float, float]) -> None:
    """Turn float32 Placeholders into quint8 ones, with a Dequantize for their consumers."""
    for node in edit.nodes("Placeholder"):
        if "dtype" not in node.attr or node.attr["dtype"].type != tensors.FLOAT:
            edit.skip(node, "is no placeholder for float32")
            continue
        if node.name in ctx.fetches:
            edit.skip(node, "is a fetch")
            continue
        names = []
        for part, value in zip(("min", "max"), fed, strict=True):
            name = edit.unique(f"{node.name}_eightbit/{part}")
            edit.add(constant(name, value), before=node.name)
            names.append(name)
        name = edit.unique(f"{node.name}_eightbit/dequantize")
        edit.redirect(node.name, name)
        edit.add(dequantize(name, [node.name, *names]), before=None)
        edit.mutable(node.name).attr["dtype"].type = QUINT8
        for added in (*names, name, node.name):
            edit.explain(added, "fed in 8 bits", node.name)


def _merge_equal(edit: GraphEdit, ctx: PassContext, sketch: Sketch) -> dict[str, str]:
    """Merge nodes that compute the same; the name of each that goes to the one that stays."""
    names = sketch.columns.names
    equal = Duplicates(sketch.columns, edit.library, ctx.boundary | edit.hidden)
    equal.explain(edit)
    sketch.columns = equal.without()
    return {names[number]: names[keeper] for number, keeper in equal.moved()}
