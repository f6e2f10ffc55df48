"""remove_training_nodes: removes dropout, checks, assertions and summaries.

Mul(x / keep, Floor(random + keep)), Mul(x * s, Cast(random >= rate)),
Select(random >= rate, x * s, 0)            ->  x
Identity, StopGradient, CheckNumerics ...   ->  their input
Assert, summaries, PrintV2                  ->  removed, with the control inputs on them
"""

from __future__ import annotations

import re
from typing import Annotated

from inspector.graph import opdefs
from inspector.graph.control_flow import names_inside
from inspector.graph.edit import GraphEdit
from inspector.graph.functions import function_names
from inspector.graph.graph import Input, control_inputs, data_inputs, node_name, split_input
from inspector.graph.op_sets import IFS
from inspector.graph.protos import NodeDef
from inspector.passes.base import Arg, PassContext, graph_pass
from inspector.passes.rewrite.bypass import Bypass
from inspector.passes.rewrite.pattern import drop_chain, producer

_HAND_ON = (
    "Identity",
    "StopGradient",
    "PreventGradient",
    "CheckNumerics",
    "CheckNumericsV2",
    "Print",
)
_WATCHERS = re.compile(r"Assert|PrintV2|\w*Summary\w*")
_WRITERS = frozenset(("SummaryWriter", "CreateSummaryFileWriter", "CreateSummaryDbWriter"))
_RANDOM = re.compile(r"RandomUniform|StatelessRandomUniform(V2)?|StatefulUniform")
_ARITHMETIC = frozenset(("Add", "AddV2", "Mul", "Sub", "Identity"))
_MAX_STEPS = 12
"""Nodes between a dropout mask and its random numbers, at most."""


@graph_pass(effect="exact", source="inspector")
def remove_training_nodes(
    edit: GraphEdit,
    ctx: PassContext,
    *,
    dropout: Annotated[
        bool, Arg("Replace dropout that draws random numbers by its input, as in prediction.")
    ] = True,
) -> None:
    """Remove nodes for training and debugging: dropout, checks, assertions, summaries.

    Identity, IdentityN, StopGradient, PreventGradient, CheckNumerics and Print are replaced by
    their inputs; Assert, PrintV2 and summaries are removed with the control inputs on them. Inputs
    and outputs stay, and nodes that tie others to a loop or branch.
    """
    if dropout:
        _drop_dropout(edit, ctx)
    _Watchers(edit, ctx).run()
    _bypass_several(edit, ctx)
    Bypass(edit, ctx, [node for node in edit.nodes(_HAND_ON) if data_inputs(node)]).run()


def _drop_dropout(edit: GraphEdit, ctx: PassContext) -> None:
    drew = 0
    for node in edit.nodes(("Mul", "Select", "SelectV2")):
        source = _dropout_source(edit, node)
        if source is None or node.name in ctx.feeds:
            continue
        identity = NodeDef(name=node.name, op="Identity", device=node.device)
        identity.input.extend([source, *control_inputs(node)])
        dtype = opdefs.attr(node, "T")
        if dtype is not None:
            identity.attr["T"].CopyFrom(dtype)
        edit.replace(identity)
        edit.explain(node.name, "dropout hands its input on in prediction", source)
        sources = [node_name(text) for text in data_inputs(node)]
        drop_chain(edit, ctx, sources, "dropout draws no numbers in prediction")
        drew += 1
    if drew:
        nodes = "1 dropout" if drew == 1 else f"{drew} dropouts"
        ctx.warnings.append(f"{nodes} drew random numbers; from here on none are drawn")


def _dropout_source(edit: GraphEdit, node: NodeDef) -> str | None:
    """The data input of a dropout that ends in this node; None for any other node."""
    inputs = data_inputs(node)
    pairs: tuple[tuple[str, str], ...] = ()
    if node.op == "Mul" and len(inputs) == 2:
        pairs = ((inputs[0], inputs[1]), (inputs[1], inputs[0]))
    elif len(inputs) == 3:
        pairs = ((inputs[1], inputs[0]),)
    for scaled, mask in pairs:
        source = producer(edit, scaled)
        if source is None or not _is_mask(edit, mask, node.op):
            continue
        parts = data_inputs(source)
        if source.op not in ("Mul", "RealDiv", "Div") or len(parts) != 2:
            continue
        first = producer(edit, parts[0])
        is_factor = source.op == "Mul" and first is not None and first.op == "Const"
        return parts[1] if is_factor else parts[0]
    return None


def _is_mask(edit: GraphEdit, text: str, reader: str) -> bool:
    node = producer(edit, text)
    if node is None:
        return False
    inputs = data_inputs(node)
    if reader == "Mul" and node.op in ("Cast", "Floor") and inputs:
        if node.op == "Floor":
            return _is_random(edit, inputs[0])
        node = producer(edit, inputs[0])
        inputs = data_inputs(node) if node is not None else []
    compares = node is not None and node.op in ("GreaterEqual", "Greater", "Less", "LessEqual")
    return compares and any(_is_random(edit, text) for text in inputs)


def _is_random(edit: GraphEdit, text: str) -> bool:
    """True for uniform random numbers, also after additions and products."""
    todo, steps = [text], 0
    while todo and steps < _MAX_STEPS:
        node = producer(edit, todo.pop())
        steps += 1
        if node is not None and _RANDOM.fullmatch(node.op):
            return True
        if node is not None and node.op in _ARITHMETIC:
            todo += data_inputs(node)
    return False


class _Watchers:
    """Removes assertions and summaries, and control inputs on them and on nodes only they need."""

    def __init__(self, edit: GraphEdit, ctx: PassContext) -> None:
        self.edit, self.ctx = edit, ctx
        self.in_control_flow = names_inside(edit.graph)
        self.bodies = {item.signature.name: item.node_def for item in edit.library.function}

    def run(self) -> None:
        """Remove the nodes, and the control inputs on them."""
        gone = self._removable()
        if not gone:
            return
        sources = [node_name(text) for name in gone for text in self.edit[name].input]
        behind = self.edit.current().descendants(gone) - set(gone)
        for name in gone:
            self._forget(name)
            self.edit.explain(name, "serves no prediction")
            self.edit.remove(name)
        self._forget_pure(behind)
        drop_chain(self.edit, self.ctx, sources, "only what served no prediction read it")

    def _removable(self) -> list[str]:
        """Names of the watchers that no other node needs, and of Identity nodes after them."""
        candidates: dict[str, None] = {}
        todo = [node.name for node in self.edit.nodes() if self._watches(node)]
        while todo:
            name = todo.pop()
            if name not in candidates:
                candidates[name] = None
                todo += [node.name for node in self.edit.readers(name) if node.op == "Identity"]
        removable = dict(candidates)
        unchecked = list(candidates)
        while unchecked:
            name = unchecked.pop()
            why = self._why_not(name, removable) if name in removable else ""
            if why:
                del removable[name]
                if self._watches(self.edit[name]):
                    self.edit.skip(name, why)
                unchecked += [node_name(text) for text in self.edit[name].input]
        return [name for name in candidates if name in removable]

    def _watches(self, node: NodeDef) -> bool:
        if node.op in IFS:
            return self._only_asserts(node)
        return _WATCHERS.fullmatch(node.op) is not None and node.op not in _WRITERS

    def _only_asserts(self, node: NodeDef) -> bool:
        """True for a branch whose bodies have no stateful ops but Assert."""
        inner = [item for name in function_names(node) for item in self.bodies.get(name, ())]
        stateful = [item for item in inner if opdefs.is_stateful(item.op)]
        plain = all(opdefs.get(item.op) is not None for item in inner)
        return plain and bool(stateful) and all(item.op == "Assert" for item in stateful)

    def _why_not(self, name: str, removable: dict[str, None]) -> str:
        if name in self.ctx.boundary:
            return "is a feed or a fetch"
        for reader, ports in self.edit.reads(name).items():
            if max(ports) >= 0 and reader not in removable:
                return f"is read by '{reader}'"
            if reader not in removable and self._is_tied(reader):
                return f"says which loop or branch '{reader}' belongs to"
        return ""

    def _is_tied(self, reader: str) -> bool:
        return reader in self.in_control_flow and not data_inputs(self.edit[reader])

    def _forget(self, name: str) -> None:
        """Remove control inputs on this node, unless they tie a node to a loop or branch."""
        for reader in list(self.edit.reads(name)):
            if not self._is_tied(reader):
                inputs = [text for text in self.edit[reader].input if text != f"^{name}"]
                if len(inputs) < len(self.edit[reader].input):
                    self.edit.set_inputs(reader, inputs)
                    self.edit.explain(reader, "waits no longer for what served no prediction")

    def _forget_pure(self, names: set[str]) -> None:
        """Remove control inputs on those of these nodes that have no side effects upstream."""
        impure: set[str] = set()
        earlier: set[str] = set()
        order = list(self.edit.current().sorted())
        for node in order:
            earlier.add(node.name)
            sources = [node_name(text) for text in node.input]
            unknown = opdefs.get(node.op) is None or opdefs.is_stateful(node.op)
            if unknown or any(item in impure or item not in earlier for item in sources):
                impure.add(node.name)
        pure = [node.name for node in order if node.name in names and node.name not in impure]
        for name in pure:
            self._forget(name)
        drop_chain(self.edit, self.ctx, pure, "only what served no prediction waited for it")


def _bypass_several(edit: GraphEdit, ctx: PassContext) -> None:
    """Remove IdentityN nodes: consumers of an output read the input of the same number."""
    table: dict[Input, Input] = {}
    gone: dict[str, NodeDef] = {}
    for node in edit.current().sorted():
        if node.op != "IdentityN" or node.name in ctx.boundary or control_inputs(node):
            continue
        reads = edit.reads(node.name)
        sources = [split_input(text) for text in node.input]
        ports = [port for reader_ports in reads.values() for port in reader_ports]
        if min(ports, default=0) < 0 or max(ports, default=0) >= len(sources):
            edit.skip(node, "others wait for it")
            continue
        for port, source in enumerate(sources):
            table[Input(node.name, port, False)] = table.get(source, source)
        gone[node.name] = node
    for name, node in gone.items():
        for reader in edit.reads(name):
            edit.explain(reader, "reads past what was removed", name)
        edit.explain(name, "its readers read its inputs", *node.input)
        edit.remove(name, node_name(node.input[0]) if node.input else None)
    edit.rewire(table)
    for node in gone.values():
        drop_chain(edit, ctx, list(map(node_name, node.input)), "nobody reads it any more")
