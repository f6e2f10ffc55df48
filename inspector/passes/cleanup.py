"""Passes that only take nodes out, or put them in another order: no value is computed anew."""

from __future__ import annotations

import hashlib
from typing import Annotated

from inspector import opdefs, tensors
from inspector.edit import GraphEdit
from inspector.errors import TransformFailed
from inspector.graph import (
    BACK_EDGES,
    MERGES,
    Input,
    control_inputs,
    data_inputs,
    node_name,
    split_input,
)
from inspector.passes.base import Arg, PassContext, graph_pass
from inspector.passes.constants import tensor_of
from inspector.protos import NodeDef

_SWITCHES = frozenset({"Switch", "RefSwitch", "_SwitchN"})
_FRAMES = frozenset({"Enter", "RefEnter", "Exit", "RefExit"})
_CONTROL_FLOW = _SWITCHES | MERGES | BACK_EDGES | _FRAMES | {"LoopCond"}
_PLACEHOLDERS = frozenset({"Placeholder", "PlaceholderV2", "PlaceholderWithDefault"})
_MOST_WAITS = 100
"""Control inputs that a removed node may leave to each of its readers."""
_MOST_ROUNDS = 10
"""Looks at a graph with loops: what merges behind a back edge may make more nodes equal."""


@graph_pass(effect="unchecked", source="graph_transforms/remove_nodes.cc")
def remove_nodes(
    edit: GraphEdit,
    ctx: PassContext,
    *,
    op: Annotated[
        tuple[str, ...],
        Arg('Op types to take out, e.g. Identity; "A|B" for several, "*" for all.', "Identity"),
    ],
    max_inputs: Annotated[
        int, Arg("Nodes of up to this many data inputs; their readers read the first.", bits=32)
    ] = 1,
) -> None:
    """Take out nodes of these op types; their readers read the node's first data input instead.

    Feeds and fetches stay. What the node waited for through control inputs, its readers wait for.
    Left alone, where the tool breaks the graph: nodes read at another output than the first, nodes
    that change the dtype, nodes that hold a branch or loop together.
    """
    for wanted in op:
        ops = set(wanted.split("|"))
        for count in range(1, min(max_inputs, len(edit)) + 1):
            nodes = [
                node
                for node in edit.nodes()
                if (node.op in ops or "*" in ops) and len(data_inputs(node)) == count
            ]
            _Bypass(edit, ctx, nodes).run()


class _Bypass:
    """Takes a set of nodes out in one sweep, however long the chains they form."""

    def __init__(self, edit: GraphEdit, ctx: PassContext, nodes: list[NodeDef]) -> None:
        self.edit = edit
        self.boundary = ctx.boundary
        self.todo: dict[str, NodeDef] = {}
        self.source: dict[str, Input] = {}
        self.waits: dict[str, tuple[str, ...]] = {}
        for node in nodes:
            if node.name in ctx.boundary:
                edit.skip(node, "is a feed or a fetch")
            elif why := self._why_not(node):
                edit.skip(node, why)
            else:
                self.todo[node.name] = node

    def run(self) -> None:
        for name in list(self.todo):
            self._decide(name)
        gone = {name: self.edit[name] for name in self.source}
        table: dict[Input, Input] = {}
        for name, source in self.source.items():
            table[Input(name, 0, False)] = source
            table[Input(name, -1, True)] = Input(source.name, -1, True)
            self.edit.explain(name, "its readers read its input", str(source))
            self.edit.remove(name, source.name)
        # A control input may itself be on a removed node: whoever waits, waits for its source.
        waits = {name: self._final_waits(found) for name, found in self.waits.items() if found}
        for name in gone:
            for reader in self.edit.reads(name):
                self.edit.explain(reader, "reads past what was removed", name)
        self.edit.rewire(table, waits)
        for node in gone.values():
            for text in data_inputs(node)[1:]:
                self._drop_unread(node_name(text))

    def _why_not(self, node: NodeDef) -> str:
        if node.op in _CONTROL_FLOW:
            return "is part of a branch or a loop"
        reads = self.edit.reads(node.name).values()
        others = {port for ports in reads for port in ports if port > 0}
        if others:
            return f"is read at output {min(others)}, and only output 0 passes its input on"
        taken, given = opdefs.input_dtypes(node), opdefs.output_dtypes(node)
        if taken and given and taken[0] % tensors.REF != given[0] % tensors.REF:
            names = tensors.dtype_name(taken[0]), tensors.dtype_name(given[0])
            return f"turns {names[0]} into {names[1]}, which its readers need"
        return ""

    def _decide(self, name: str) -> None:
        """Settle a node and, before it, the chain of candidates that it reads."""
        chain: list[str] = []
        seen: set[str] = set()
        while name in self.todo and name not in seen:
            seen.add(name)
            chain.append(name)
            name = node_name(data_inputs(self.todo[name])[0])
        for current in reversed(chain):
            self._settle(current, self.todo.pop(current))

    def _settle(self, name: str, node: NodeDef) -> None:
        source = split_input(data_inputs(node)[0])
        waits = tuple(control_inputs(node))
        if source.name in self.source:
            waits = tuple(dict.fromkeys(self.waits[source.name] + waits))
            source = self.source[source.name]
        readers = self.edit.readers(name)
        origin = self.edit.get(source.name)
        if source.name == name:
            self.edit.skip(name, "reads itself through a loop")
        elif waits and any(reader.op in MERGES for reader in readers):
            self.edit.skip(name, "has a control input that says which branch it belongs to")
        elif (
            origin is not None
            and origin.op in _SWITCHES
            and any(-1 in ports for ports in self.edit.reads(name).values())
        ):
            self.edit.skip(name, "others wait for it to know which branch is taken")
        elif len(waits) > _MOST_WAITS:
            self.edit.skip(name, f"waits for {len(waits)} nodes, too many to hand to each reader")
        else:
            self.source[name] = source
            self.waits[name] = waits

    def _final_waits(self, waits: tuple[str, ...]) -> tuple[str, ...]:
        found: dict[str, None] = {}
        seen: set[str] = set()
        todo = list(reversed(waits))
        while todo:
            text = todo.pop()
            name = text[1:]
            if name in seen:
                continue
            seen.add(name)
            if name in self.source:
                found["^" + self.source[name].name] = None
                todo += reversed(self.waits[name])
            else:
                found[text] = None
        return tuple(found)

    def _drop_unread(self, name: str) -> None:
        node = self.edit.get(name)
        if node is None or name in self.boundary or node.op in _PLACEHOLDERS:
            return
        if not self.edit.reads(name) and not opdefs.is_stateful(node.op):
            self.edit.explain(name, "nobody reads it any more")
            self.edit.remove(name)


@graph_pass(effect="exact", source="graph_transforms/sort_by_execution_order.cc")
def sort_by_execution_order(edit: GraphEdit, ctx: PassContext) -> None:
    """Put every node after the nodes it reads; a loop's back edge is the only exception.

    A graph that is in such an order already stays as it is.
    """
    edit.reorder([node.name for node in edit.graph.sorted()])


@graph_pass(effect="exact", source="graph_transforms/fold_constants_lib.cc")
def merge_duplicate_nodes(edit: GraphEdit, ctx: PassContext) -> None:
    """Keep one of several nodes that compute the same: equal op, inputs, device and attributes.

    Feeds, fetches, stateful nodes and Placeholders are never merged. Constants are compared as
    they are encoded, as the tool does.
    """
    _Merge(edit, ctx).run()


class _Merge:
    """Finds equal nodes in execution order, so that equal inputs are one by the time they count."""

    def __init__(self, edit: GraphEdit, ctx: PassContext) -> None:
        self.edit = edit
        self.boundary = ctx.boundary
        self.kept: dict[str, str] = {}

    def run(self) -> None:
        nodes = [node for node in self.edit.graph.sorted() if self._may_merge(node)]
        self._constants([node for node in nodes if node.op == "Const" and not node.input])
        rest = [node for node in nodes if node.op != "Const" or node.input]
        # What a loop's Merge reads comes after it: look again when something there was merged.
        for _ in range(_MOST_ROUNDS):
            before = len(self.kept)
            self._expressions(rest)
            merged = list(self.kept)[before:]
            if not any(self.edit[name].op in BACK_EDGES for name in merged):
                break
        self._rewrite()

    def _may_merge(self, node: NodeDef) -> bool:
        if node.name in self.boundary or node.op in _PLACEHOLDERS:
            return False
        if opdefs.get(node.op) is not None:
            return not opdefs.is_stateful(node.op)
        if opdefs.get(node.op, self.edit.library) is None:
            reason = f"Op type not registered '{node.op}': it may have state"
            raise TransformFailed("merge_duplicate_nodes", node.name, reason)
        self.edit.skip(node, "calls a function, which may have state")
        return False

    def _constants(self, nodes: list[NodeDef]) -> None:
        """Group by ever more of the content, so that few weights are read to their end."""
        groups: list[list[NodeDef]] = [nodes]
        for key in (_shape_key, _start_key, _full_key):
            finer: list[list[NodeDef]] = []
            for group in groups:
                found: dict[object, list[NodeDef]] = {}
                for node in group:
                    found.setdefault(key(node), []).append(node)
                finer += [nodes for nodes in found.values() if len(nodes) > 1]
            groups = finer
        for group in groups:
            for node in group[1:]:
                self.kept[node.name] = group[0].name

    def _expressions(self, nodes: list[NodeDef]) -> None:
        first: dict[tuple[object, ...], NodeDef] = {}
        full: dict[tuple[object, ...], str] = {}
        for node in nodes:
            if node.name in self.kept:
                continue
            sources = map(split_input, node.input)
            inputs = tuple(str(item._replace(name=self._keeper(item.name))) for item in sources)
            key = (node.op, node.device, inputs)
            other: NodeDef = first.setdefault(key, node)
            if other is node:
                continue
            # Most nodes never come here: attributes are only written out for likely twins.
            full.setdefault((*key, _attributes(other)), other.name)
            keeper = full.setdefault((*key, _attributes(node)), node.name)
            if keeper != node.name:
                self.kept[node.name] = keeper

    def _keeper(self, name: str) -> str:
        while name in self.kept:
            name = self.kept[name]
        return name

    def _rewrite(self) -> None:
        table: dict[Input, Input] = {}
        for name in self.kept:
            keeper = self._keeper(name)
            for reader, ports in self.edit.reads(name).items():
                for port in ports:
                    table[Input(name, port, port < 0)] = Input(keeper, port, port < 0)
                self.edit.explain(reader, "reads the one that is kept", name)
            self.edit.explain(name, "computes the same as another", keeper)
            self.edit.remove(name, keeper)
        self.edit.rewire(table)


def _shape_key(node: NodeDef) -> object:
    tensor = tensor_of(node)
    shape = tuple(dim.size for dim in tensor.tensor_shape.dim)
    return node.device, tensor.dtype, shape, len(node.attr)


def _start_key(node: NodeDef) -> object:
    return tensor_of(node).tensor_content[:256]


def _full_key(node: NodeDef) -> object:
    digest = hashlib.blake2b()
    for key, data in _attributes(node):
        digest.update(f"{key}:{len(data)}:".encode() + data)
    return digest.digest()


def _attributes(node: NodeDef) -> tuple[tuple[str, bytes], ...]:
    return tuple(
        sorted(
            (key, value.SerializeToString(deterministic=True)) for key, value in node.attr.items()
        )
    )
