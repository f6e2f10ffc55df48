"""Puts 8-bit ops in the place of float ops, each with its own QuantizeV2 and Dequantize."""

from __future__ import annotations

from collections.abc import Sequence

from inspector.graph import tensors
from inspector.graph.columns import CONTROL, Columns, Edge
from inspector.graph.edit import GraphEdit
from inspector.graph.op_sets import ENTERS
from inspector.graph.protos import DTypeEnum, NodeDef
from inspector.graph.shapes import infer
from inspector.graph.tensors import Shape
from inspector.passes.base import PassContext
from inspector.passes.rewrite.channels import Skipped
from inspector.passes.rewrite.constants import constant
from inspector.passes.rewrite.quantized_ops import (
    QINT32,
    QUANTIZED,
    QUINT8,
    Quantized,
    check,
    dequantize,
)
from inspector.passes.rewrite.sketch import Sketch, in_rows, ports


def _typed(op: str, key: str, dtype: DTypeEnum) -> NodeDef:
    """A node without name and inputs, and with one dtype: what those that are added are like."""
    node = NodeDef(op=op)
    node.attr[key].type = dtype
    return node


_DIMS = constant("", [-1], tensors.INT32)
_AXES = constant("", [0], tensors.INT32)
_FLAT = _typed("Reshape", "T", tensors.FLOAT)
_MIN, _MAX = _typed("Min", "T", tensors.FLOAT), _typed("Max", "T", tensors.FLOAT)
for _bound in (_MIN, _MAX):
    _bound.attr["keep_dims"].b = False
_QUANTIZE = _typed("QuantizeV2", "T", QUINT8)
_QUANTIZE.attr["mode"].s = b"MIN_FIRST"
_RANGE = _typed("RequantizationRange", "Tinput", QINT32)
_REQUANTIZE = _typed("Requantize", "Tinput", QINT32)
_REQUANTIZE.attr["out_type"].type = QUINT8


class Quantize:
    """The main round: quantizes each node that has an 8-bit form, independently."""

    edit: GraphEdit
    ctx: PassContext
    sketch: Sketch
    ops: set[str]
    columns: Columns
    alike: list[int]
    kinds: Sequence[NodeDef]
    waits: bool
    shapes: infer.Inferred
    dims: int
    axes: int
    flat: int
    low: int
    high: int
    quantize: int
    dequantize: int
    bounds: list[int]
    range: int
    requantize: int

    def __init__(
        self,
        edit: GraphEdit,
        ctx: PassContext,
        sketch: Sketch,
        fallback: tuple[float, float] | None,
        ignored: tuple[str, ...],
    ) -> None:
        self.edit, self.ctx, self.sketch = edit, ctx, sketch
        self.ops = QUANTIZED.keys() - set(ignored)
        self.columns = sketch.columns
        self.alike, self.kinds = self.columns.alike
        self.waits = any(op in ENTERS for op in self.columns.ops)
        self.shapes = infer.Inferred(sketch.graph)
        self.whys: dict[tuple[object, ...], str] = {}
        self.eightbits: dict[int, int] = {}
        self.dims, self.axes, self.flat, self.low, self.high, self.quantize, self.dequantize = map(
            sketch.template, (_DIMS, _AXES, _FLAT, _MIN, _MAX, _QUANTIZE, dequantize("", []))
        )
        self.bounds = [sketch.template(constant("", value)) for value in fallback or ()]
        self.range, self.requantize = map(sketch.template, (_RANGE, _REQUANTIZE))

    def run(self) -> None:
        """Quantize all nodes that can be."""
        columns = self.columns
        for number in in_rows(columns, columns.of_ops(self.ops)):
            name, op = columns.names[number], columns.op_of(number)
            if name in self.edit.hidden:
                continue
            if op == "Reshape" and "_eightbit/" in name:
                continue  # created here to compute a range
            why = "is a feed" if name in self.ctx.feeds else self._why_not(number, op)
            if why:
                self.edit.skip(name, why)
            else:
                self._one(number, QUANTIZED[op])

    def _why_not(self, number: int, op: str) -> str:
        """Why a node stays in float; worked out once for nodes that are alike."""
        columns = self.columns
        data = columns.data_edges(number)
        shapes: list[Shape | None] = []
        if op in ("Add", "Mul"):
            shapes = [self.shapes.output(columns.name(source), port) for source, port in data]
        kind = self.alike[number]
        key = (kind, len(data), *[None if shape is None else tuple(shape) for shape in shapes])
        if key not in self.whys:
            try:
                check(self.kinds[kind], len(data), shapes)
                self.whys[key] = ""
            except Skipped as skipped:
                self.whys[key] = str(skipped)
        return self.whys[key]

    def _one(self, number: int, form: Quantized) -> None:
        sketch, columns = self.sketch, self.columns
        name = columns.names[number]
        values: list[Edge] = []
        ranges: list[list[Edge]] = []
        quantized: dict[Edge, list[Edge]] = {}
        data = columns.data_edges(number)
        for index, source in enumerate(data):
            if index in form.plain:
                values.append(source)
                continue
            if source not in quantized:
                quantized[source] = ports(self._quantized_input(number, source))
            values.append(quantized[source][0])
            ranges.append(quantized[source][1:])
        order = ranges if form.pairs else [[low for low, _ in ranges], [high for _, high in ranges]]
        inputs = [*values, *(edge for part in order for edge in part)]
        inputs += [edge for edge in columns.edges(number) if edge[1] == CONTROL]
        computed = self._add(self._eightbit(number, form), f"{name}/eightbit", inputs, number)
        if form.plain and columns.spelled:
            texts = [text for text in columns.texts(number) if text[:1] != "^"]
            for index in form.plain:
                sketch.spell(index, texts[index])
        result = self._requantized(number, computed) if form.output else computed
        sketch.put(number, self.dequantize, ports(result))
        self.edit.explain(name, "computed in 8 bits", sketch.name(computed))

    def _eightbit(self, number: int, form: Quantized) -> int:
        """The kind of the 8-bit node: the same for nodes that are alike."""
        kind = self.alike[number]
        if kind not in self.eightbits:
            eightbit, node = NodeDef(op=form.op), self.kinds[kind]
            for key in form.types:
                eightbit.attr[key].type = QUINT8
            if form.output:
                eightbit.attr[form.output].type = QINT32
            for key in form.copied:
                if key in node.attr:
                    eightbit.attr[key].CopyFrom(node.attr[key])
            self.eightbits[kind] = self.sketch.template(eightbit)
        return self.eightbits[kind]

    def _quantized_input(self, number: int, edge: Edge) -> int:
        """Quantize one float input with its own range; the QuantizeV2."""
        source, port = edge
        name = self.sketch.name(source)
        own = name if port == 0 else f"{name}__port__{port}"
        prefix, controls = f"{self.columns.names[number]}_eightbit/{own}", [(source, CONTROL)]
        dims = self._add(self.dims, f"{prefix}/reshape_dims", controls, number)
        axes = (self._add(self.axes, f"{prefix}/reduction_dims", controls, number), 0)
        flat = (self._add(self.flat, f"{prefix}/reshape", [edge, (dims, 0)], number), 0)
        low = self._add(self.low, f"{prefix}/min", [flat, axes], number)
        high = self._add(self.high, f"{prefix}/max", [flat, axes], number)
        inputs = [edge, (low, 0), (high, 0)]
        return self._add(self.quantize, f"{prefix}/quantize", inputs, number)

    def _requantized(self, number: int, eightbit: int) -> int:
        """A Requantize to 8 bits, with the fallback range or a computed one."""
        name = self.sketch.name(eightbit)
        if not self.bounds:
            own = self._add(self.range, f"{name}/requant_range", ports(eightbit), number)
            bounds = ports(own)[:2]
        else:
            controls = [(eightbit, CONTROL)] if self.waits else []
            bounds = [
                (self._add(kind, f"{name}/fallback_{part}", controls, number), 0)
                for part, kind in zip(("min", "max"), self.bounds, strict=True)
            ]
        inputs = [*ports(eightbit), *bounds]
        return self._add(self.requantize, f"{name}/requantize", inputs, number)

    def _add(self, kind: int, name: str, inputs: list[Edge], before: int) -> int:
        """Add a node in front of another one."""
        number = self.sketch.add(kind, name, inputs, before)
        self.edit.explain(self.sketch.name(number), "8-bit arithmetic", self.columns.names[before])
        return number
