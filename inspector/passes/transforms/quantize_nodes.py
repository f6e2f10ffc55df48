"""quantize_nodes: replaces float ops by 8-bit ops between QuantizeV2 and Dequantize.

Then it removes Dequantize and QuantizeV2 between two 8-bit ops, so that values stay in 8 bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Annotated

from inspector.errors import BadParameter
from inspector.graph import opdefs, tensors
from inspector.graph.edit import GraphEdit
from inspector.graph.graph import Input, control_inputs, data_inputs, named_copy, split_input
from inspector.graph.op_sets import ENTERS
from inspector.graph.protos import DTypeEnum, NodeDef
from inspector.graph.shapes import infer
from inspector.passes.base import Arg, PassContext, graph_pass
from inspector.passes.rewrite.channels import Skipped
from inspector.passes.rewrite.constants import constant
from inspector.passes.rewrite.node_list import adopt
from inspector.passes.rewrite.pattern import ANY, in_order, match, op, producer
from inspector.passes.rewrite.quantized_ops import QINT32, QUANTIZED, QUINT8, check
from inspector.passes.transforms import fake_quants
from inspector.passes.transforms.cleanup import merge_duplicate_nodes
from inspector.passes.transforms.fake_quants import dequantize, ports

_NAME = "quantize_nodes"


def _typed(op: str, key: str, dtype: DTypeEnum) -> NodeDef:
    """A node without name and inputs, and with one dtype: what those that are added are like."""
    node = NodeDef(op=op)
    node.attr[key].type = dtype
    return node


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
_AGAIN = op("QuantizeV2", op("Dequantize", label="dequantize"), op("Min"), op("Max"))


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
    rounds += [
        lambda work: _Quantize(work, ctx, fallback, ignore_op).run(),
        lambda work: _merge_requantizes(work, ctx),
        lambda work: merge_duplicate_nodes.function(work, ctx),
        lambda work: _stay_in_bytes(work, ctx),
    ]
    cleaning = rounds[-3:]
    graph = edit.graph
    for work_on in rounds:
        if work_on is cleaning[0] and graph is edit.graph:
            return  # nothing was quantized, so there is nothing to clean up
        ctx.check_cancelled(_NAME)
        work = GraphEdit(graph, edit.hidden)
        work_on(work)
        after = work.finish()
        edit.skipped += work.skipped
        edit.explain_as(work)
        graph = after
    adopt(edit, graph.nodes)


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


class _Quantize:
    """The main round: quantizes each node that has an 8-bit form, independently."""

    def __init__(
        self,
        edit: GraphEdit,
        ctx: PassContext,
        fallback: tuple[float, float] | None,
        ignored: tuple[str, ...],
    ) -> None:
        self.edit, self.ctx, self.fallback = edit, ctx, fallback
        self.ops = QUANTIZED.keys() - set(ignored)
        self.loops = any(node.op in ENTERS for node in edit.graph.nodes)
        self.shapes = infer.Inferred(edit.graph)

    def run(self) -> None:
        for node in in_order(self.edit, self.ops):
            if node.op == "Reshape" and "_eightbit/" in node.name:
                continue  # created here to compute a range
            try:
                if node.name in self.ctx.feeds:
                    raise Skipped("is a feed")
                operands = data_inputs(node) if node.op in ("Add", "Mul") else []
                check(node, [self.shapes.of(text) for text in operands])
            except Skipped as skipped:
                self.edit.skip(node, str(skipped))
            else:
                self._one(node)

    def _one(self, node: NodeDef) -> None:
        edit, form, name = self.edit, QUANTIZED[node.op], node.name
        values: list[str] = []
        ranges: list[list[str]] = []
        quantized: dict[str, list[str]] = {}
        for index, text in enumerate(data_inputs(node)):
            if index in form.plain:
                values.append(text)
                continue
            source = str(split_input(text))
            if source not in quantized:
                quantized[source] = ports(self._quantized_input(name, source))
            values.append(quantized[source][0])
            ranges.append(quantized[source][1:])
        order = ranges if form.pairs else [[low for low, _ in ranges], [high for _, high in ranges]]
        inputs = [*values, *(text for part in order for text in part), *control_inputs(node)]
        eightbit = NodeDef(op=form.op)
        for key in form.types:
            eightbit.attr[key].type = QUINT8
        if form.output:
            eightbit.attr[form.output].type = QINT32
        for key in form.copied:
            if key in node.attr:
                eightbit.attr[key].CopyFrom(node.attr[key])
        computed = self._add(eightbit, f"{name}/eightbit", inputs, name)
        result = ports(self._requantized(name, computed) if form.output else computed)
        edit.replace(dequantize(name, result))
        edit.explain(name, "computed in 8 bits", computed)

    def _quantized_input(self, name: str, text: str) -> str:
        """Quantize one float input with its own range; the name of the QuantizeV2."""
        source = split_input(text)
        own = source.name if source.port == 0 else f"{source.name}__port__{source.port}"
        prefix, controls = f"{name}_eightbit/{own}", [f"^{source.name}"]
        dims = self._add(_DIMS, f"{prefix}/reshape_dims", controls, name)
        axes = self._add(_AXES, f"{prefix}/reduction_dims", controls, name)
        flat = self._add(_FLAT, f"{prefix}/reshape", [text, dims], name)
        low = self._add(_MIN, f"{prefix}/min", [flat, axes], name)
        high = self._add(_MAX, f"{prefix}/max", [flat, axes], name)
        return self._add(_QUANTIZE, f"{prefix}/quantize", [text, low, high], name)

    def _requantized(self, name: str, eightbit: str) -> str:
        """The name of a Requantize to 8 bits, with the fallback range or a computed one."""
        if self.fallback is None:
            measured = self._add(_RANGE, f"{eightbit}/requant_range", ports(eightbit), name)
            bounds = ports(measured)[:2]
        else:
            controls = [f"^{eightbit}"] if self.loops else []
            bounds = [
                self._add(constant("", value), f"{eightbit}/fallback_{part}", controls, name)
                for part, value in zip(("min", "max"), self.fallback, strict=True)
            ]
        inputs = [*ports(eightbit), *bounds]
        return self._add(_REQUANTIZE, f"{eightbit}/requantize", inputs, name)

    def _add(self, like: NodeDef, name: str, inputs: list[str], before: str) -> str:
        """Add a node like this one in front of another; the name that it gets."""
        node = named_copy(like, self.edit.unique(name), inputs)
        self.edit.add(node, before=before)
        free = str(node.name)
        self.edit.explain(free, "8-bit arithmetic", before)
        return free


def _merge_requantizes(edit: GraphEdit, ctx: PassContext) -> None:
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
            (data_inputs(node)[:3], ports(quantize.name)),
            (data_inputs(quantize)[1:], bounds),
            (data_inputs(middle), ports(first.name)),
            (texts[3:], ports(range_node.name)[:2]),
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


def _stay_in_bytes(edit: GraphEdit, ctx: PassContext) -> None:
    """Connect consumers of a Dequantize followed by QuantizeV2 to the 8-bit values."""
    rewired: dict[Input, Input] = {}
    for node in in_order(edit, ("QuantizeV2",)):
        matched = match(edit, node, _AGAIN)
        if matched is None or node.name in ctx.boundary:
            continue
        source = matched["dequantize"]
        if _settings(node) != _settings(source) or len(data_inputs(source)) != 3:
            continue
        if not _is_own_range(edit, node, source):
            edit.skip(node, "its range is not that of the values it reads")
            continue
        for port, text in enumerate(data_inputs(source)):
            target = split_input(text)
            rewired[Input(node.name, port, False)] = rewired.get(target, target)
        for reader in edit.reads(node.name):
            edit.explain(reader, "reads the bytes as they are", source.name)
    edit.rewire(rewired)


def _settings(node: NodeDef) -> tuple[int, bytes]:
    dtype, mode = opdefs.attr(node, "T"), opdefs.attr(node, "mode")
    return 0 if dtype is None else dtype.type, b"" if mode is None else mode.s


def _is_own_range(edit: GraphEdit, quantize: NodeDef, source: NodeDef) -> bool:
    """True if min and max are those of the tensor that is quantized."""
    for text in data_inputs(quantize)[1:]:
        node = producer(edit, text)
        flat = producer(edit, data_inputs(node)[0]) if node is not None else None
        if flat is None or flat.op != "Reshape":
            return False
        if producer(edit, data_inputs(flat)[0]) is not source:
            return False
    return True
