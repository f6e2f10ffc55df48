"""The FakeQuant part of quantize_nodes: hoists FakeQuant nodes, then converts them."""

from __future__ import annotations

from inspector.graph import opdefs
from inspector.graph.edit import GraphEdit
from inspector.graph.editing.references import with_controls
from inspector.graph.graph import control_inputs, data_inputs
from inspector.graph.protos import NodeDef
from inspector.passes.base import PassContext
from inspector.passes.rewrite.pattern import ANY, in_order, match, op, producer, used_elsewhere
from inspector.passes.rewrite.quantized_ops import QINT32, QUINT8, dequantize, outputs

_COMMUTES = frozenset(("Identity", "MaxPool", "Relu", "Relu6", "Snapshot", "Squeeze"))
"""Ops of one input that select or clip values, and so commute with rounding."""
DEPTHS = (3, 2, 1)
"""Lengths of the chains over which a FakeQuant is hoisted, in this order, as in the tool."""
_PATTERN = op("FakeQuantWithMinMaxVars", ANY, op("Const", label="min"), op("Const", label="max"))
OPS = ("FakeQuantWithMinMaxVars",)


def hoist(edit: GraphEdit, ctx: PassContext, depth: int) -> None:
    """Move each FakeQuant in front of a chain of `depth` nodes with one input each.

    Later rounds move it further: over six nodes in all. Differs from the tool, which allows any op
    of one input: the range of a Softmax's output is not that of its input.
    """
    for fake in in_order(edit, OPS):
        chain = _chain(edit, ctx, fake, depth)
        if chain is not None:
            _hoist(edit, fake, chain)


def _chain(edit: GraphEdit, ctx: PassContext, fake: NodeDef, depth: int) -> list[NodeDef] | None:
    """The nodes before the FakeQuant, nearest first."""
    if match(edit, fake, _PATTERN) is None or fake.name in ctx.feeds:
        return None
    chain: list[NodeDef] = []
    reader = fake
    for _ in range(depth):
        node = producer(edit, data_inputs(reader)[0])
        if node is None or node.op not in _COMMUTES or len(data_inputs(node)) != 1:
            return None
        if used_elsewhere(edit, ctx, node, reader):
            return None
        chain.append(node)
        reader = node
    return chain if producer(edit, data_inputs(reader)[0]) is not None else None


def _hoist(edit: GraphEdit, fake: NodeDef, chain: list[NodeDef]) -> None:
    name, last, first = fake.name, chain[0], chain[-1]
    hoisted = NodeDef()
    hoisted.CopyFrom(fake)
    hoisted.name = edit.unique(f"{name}_hoisted")
    hoisted.input[0] = data_inputs(first)[0]
    edit.add(hoisted, before=name)
    edit.explain(hoisted.name, "moved in front of what picks or cuts off values", name)
    edit.set_inputs(first.name, [hoisted.name, *control_inputs(first)])
    renamed = NodeDef()
    renamed.CopyFrom(edit[last.name])
    renamed.name = name
    edit.replace(renamed)
    edit.explain(name, "what the FakeQuant was behind", last.name)
    edit.remove(last.name, name)


def convert(edit: GraphEdit, ctx: PassContext) -> None:
    """Turn each 8-bit FakeQuant with constant range into QuantizeV2, Requantize, Dequantize."""
    for fake in in_order(edit, OPS):
        if match(edit, fake, _PATTERN) is None or fake.name in ctx.feeds:
            continue
        bits, narrow = opdefs.attr(fake, "num_bits"), opdefs.attr(fake, "narrow_range")
        if (bits is not None and bits.i != 8) or (narrow is not None and narrow.b):
            edit.skip(fake, "is no FakeQuant of the full 8 bits")
            continue
        data, low, high = data_inputs(fake)
        quantize = NodeDef(name=edit.unique(f"{fake.name}_eightbit/quantize"), op="QuantizeV2")
        quantize.input[:] = with_controls([data, low, high], control_inputs(fake), quantize.name)
        quantize.attr["T"].type = QINT32
        quantize.attr["mode"].s = b"MIN_FIRST"
        edit.add(quantize, before=fake.name)
        requantize = NodeDef(name=edit.unique(f"{fake.name}_eightbit/requantize"), op="Requantize")
        requantize.input[:] = [*outputs(quantize.name), low, high]
        requantize.attr["Tinput"].type = QINT32
        requantize.attr["out_type"].type = QUINT8
        edit.add(requantize, before=fake.name)
        edit.replace(dequantize(fake.name, outputs(requantize.name)))
        for node in (quantize, requantize, fake):
            edit.explain(node.name, "a FakeQuant in 8 bits", fake.name)
