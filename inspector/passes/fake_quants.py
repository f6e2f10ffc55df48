"""The FakeQuant part of quantize_nodes: hoisted, then turned into quantize and requantize."""

from __future__ import annotations

from inspector import opdefs
from inspector.edit import GraphEdit, with_controls
from inspector.graph import control_inputs, data_inputs
from inspector.passes.base import PassContext
from inspector.passes.pattern import ANY, in_order, match, op, producer, used_elsewhere
from inspector.passes.quantized_ops import QINT32, QUINT8
from inspector.protos import NodeDef

_COMMUTES = frozenset(("Identity", "MaxPool", "Relu", "Relu6", "Snapshot", "Squeeze"))
"""Ops of one input that pick or cut off values: rounding may as well come before them."""
DEPTHS = (3, 2, 1)
"""Lengths of the chains that a FakeQuant jumps over, one after the other, as in the tool."""
_PATTERN = op("FakeQuantWithMinMaxVars", ANY, op("Const", label="min"), op("Const", label="max"))
_FAKE = ("FakeQuantWithMinMaxVars",)


def hoist(edit: GraphEdit, ctx: PassContext, depth: int) -> None:
    """Move each FakeQuant in front of a chain of so many nodes of one input.

    Those that an earlier round moved are moved on: over six nodes in all. Differs from the tool,
    which takes any op of one input: the range of a Softmax's output is not that of its input.
    """
    for fake in in_order(edit, _FAKE):
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
    taking = NodeDef()
    taking.CopyFrom(edit[last.name])
    taking.name = name
    edit.replace(taking)
    edit.explain(name, "what the FakeQuant was behind", last.name)
    edit.remove(last.name, name)


def convert(edit: GraphEdit, ctx: PassContext) -> None:
    """A FakeQuant of 8 bits with a constant range becomes QuantizeV2, Requantize, Dequantize."""
    for fake in in_order(edit, _FAKE):
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
        again = NodeDef(name=edit.unique(f"{fake.name}_eightbit/requantize"), op="Requantize")
        again.input[:] = [*ports(quantize.name), low, high]
        again.attr["Tinput"].type = QINT32
        again.attr["out_type"].type = QUINT8
        edit.add(again, before=fake.name)
        edit.replace(dequantize(fake.name, ports(again.name)))
        for made in (quantize, again, fake):
            edit.explain(made.name, "a FakeQuant in 8 bits", fake.name)


def ports(name: str) -> list[str]:
    """The three outputs of a quantized op: values, min, max."""
    return [name, f"{name}:1", f"{name}:2"]


def dequantize(name: str, inputs: list[str]) -> NodeDef:
    """A node that makes floats of 8-bit values."""
    made = NodeDef(name=name, op="Dequantize", input=inputs)
    made.attr["T"].type = QUINT8
    made.attr["mode"].s = b"MIN_FIRST"
    return made
