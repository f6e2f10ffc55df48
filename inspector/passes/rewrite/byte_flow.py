"""Takes out what turns bytes into floats and back between two 8-bit ops."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from inspector.graph import opdefs
from inspector.graph.columns import Columns, Edge, Ints
from inspector.graph.edit import GraphEdit
from inspector.graph.editing.column_edits import last_read, redirected
from inspector.graph.graph import control_inputs, data_inputs, split_input
from inspector.graph.protos import NodeDef
from inspector.passes.base import PassContext
from inspector.passes.rewrite.pattern import ANY, in_order, match, op, producer
from inspector.passes.rewrite.quantized_ops import outputs
from inspector.passes.rewrite.sketch import Sketch, in_rows

_FOLLOWED = op(
    "Requantize",
    op(
        "QuantizeV2",
        op("Dequantize", op("Requantize", label="first"), ANY, ANY, label="dequantize"),
        op("Const"),
        op("Const"),
        label="quantize",
    ),
    ANY,
    ANY,
    op("Const"),
    op("Const"),
)


def follow_each_other(sketch: Sketch) -> bool:
    """Whether a Requantize reads a QuantizeV2, as a FakeQuant in 8 bits does."""
    columns = sketch.columns
    is_quantize = np.append(
        columns.of_ops(("QuantizeV2",)), np.zeros(len(columns.missing), np.bool_)
    )
    edges = is_quantize[columns.source] & columns.of_ops(("Requantize",))[columns.reader]
    return bool(edges.any())


def merge_requantizes(edit: GraphEdit, ctx: PassContext) -> None:
    """Merge two consecutive Requantize if the range of the second is constant."""
    for node in in_order(edit, ("Requantize",)):
        matched = match(edit, node, _FOLLOWED)
        if matched is None:
            continue
        first, middle, quantize = matched["first"], matched["dequantize"], matched["quantize"]
        texts = data_inputs(first)
        range_node = producer(edit, texts[3]) if len(texts) == 5 else None
        if range_node is None or range_node.op != "RequantizationRange":
            continue
        chain = [node, quantize, middle, first, range_node]
        if any(_read_outside(edit, ctx, own, chain) for own in chain[1:]):
            continue
        if any(control_inputs(own) for own in chain[1:]):
            continue
        bounds = data_inputs(node)[3:]
        straight = (
            (data_inputs(node)[:3], outputs(quantize.name)),
            (data_inputs(quantize)[1:], bounds),
            (data_inputs(middle), outputs(first.name)),
            (texts[3:], outputs(range_node.name)[:2]),
        )
        if any(list(map(split_input, a)) != list(map(split_input, b)) for a, b in straight):
            continue
        edit.set_inputs(node.name, [*texts[:3], *bounds, *control_inputs(node)])
        edit.explain(node.name, "requantized once, in the constant range", first.name)
        for own in chain[1:]:
            edit.explain(own.name, "one requantization is enough", node.name)
            edit.remove(own.name, node.name)


def _read_outside(edit: GraphEdit, ctx: PassContext, node: NodeDef, chain: list[NodeDef]) -> bool:
    names = {own.name for own in chain}
    return node.name in ctx.boundary or any(name not in names for name in edit.reads(node.name))


def stay_in_bytes(edit: GraphEdit, ctx: PassContext, sketch: Sketch) -> None:
    """Connect consumers of a Dequantize followed by QuantizeV2 to the 8-bit values."""
    columns = sketch.columns
    names = columns.names
    rewired: dict[Edge, Edge] = {}
    sources: dict[int, str] = {}
    for number in in_rows(columns, columns.of_ops(("QuantizeV2",))):
        source = _dequantized(columns, number)
        if source is None or names[number] in ctx.boundary or names[number] in edit.hidden:
            continue
        data = columns.data_edges(source)
        if len(data) != 3 or not _have_one_form(columns, number, source):
            continue
        if not _is_own_range(columns, number, source):
            edit.skip(names[number], "its range is not that of the values it reads")
            continue
        for port, target in enumerate(data):
            rewired[number, port] = rewired.get(target, target)
        sources[number] = names[source]
    if not rewired:
        return
    last = last_read(columns, list(sources))
    sketch.columns, edits = redirected(columns, *_leads(columns, rewired), last >= 0)
    for number in np.flatnonzero(edits).tolist():
        edit.explain(names[number], "reads the bytes as they are", sources[int(last[number])])


def _leads(columns: Columns, rewired: Mapping[Edge, Edge]) -> tuple[Ints, Ints]:
    """Per edge, what it reads where these outputs, of the first three, are replaced."""
    targets = np.full((len(columns) + len(columns.missing), 3, 2), -1, np.int32)
    for (number, port), target in rewired.items():
        targets[number, port] = target
    sources, ports = columns.source.copy(), columns.port.copy()
    edges = np.flatnonzero((ports >= 0) & (ports < 3))
    edges = edges[targets[sources[edges], ports[edges], 0] >= 0]
    sources[edges], ports[edges] = targets[sources[edges], ports[edges]].T
    return sources, ports


def _dequantized(columns: Columns, quantize: int) -> int | None:
    """The Dequantize that a QuantizeV2 with a computed range reads."""
    sources = [_producer(columns, edge) for edge in columns.data_edges(quantize)]
    if [columns.op_of(at) for at in sources if at is not None] != ["Dequantize", "Min", "Max"]:
        return None
    return sources[0] if len(sources) == 3 else None


def _producer(columns: Columns, edge: Edge) -> int | None:
    """The node whose output 0 an edge carries."""
    source, port = edge
    return source if port == 0 and source < len(columns) else None


def _is_own_range(columns: Columns, quantize: int, source: int) -> bool:
    """True if min and max are those of the tensor that is quantized."""
    for bound, _ in columns.data_edges(quantize)[1:]:
        flat = _first(columns, bound)
        if flat is None or columns.op_of(flat) != "Reshape" or _first(columns, flat) != source:
            return False
    return True


def _first(columns: Columns, number: int) -> int | None:
    """The node whose output 0 is the first data input of another one."""
    data = columns.data_edges(number)
    return _producer(columns, data[0]) if data else None


def _have_one_form(columns: Columns, quantize: int, source: int) -> bool:
    """Whether two nodes have bytes of one kind."""
    form, other = (columns.kinds[int(columns.kind[at])] for at in (quantize, source))
    return _settings(form) == _settings(other)


def _settings(node: NodeDef) -> tuple[int, bytes]:
    dtype, mode = opdefs.attr(node, "T"), opdefs.attr(node, "mode")
    return 0 if dtype is None else dtype.type, b"" if mode is None else mode.s
