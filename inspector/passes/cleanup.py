"""Passes that only take nodes out, or put them in another order: no value is computed anew."""

from __future__ import annotations

import hashlib
from typing import Annotated

from inspector import opdefs
from inspector.edit import GraphEdit
from inspector.errors import TransformFailed
from inspector.graph import BACK_EDGES, Input, data_inputs, node_name, split_input
from inspector.passes.base import Arg, PassContext, graph_pass
from inspector.passes.bodies import InFunctions, also_in_functions
from inspector.passes.bypass import Bypass
from inspector.passes.constants import tensor_of
from inspector.passes.pattern import PLACEHOLDERS
from inspector.protos import NodeDef

_MOST_ROUNDS = 10
"""Looks at a graph with loops: what merges behind a back edge may make more nodes equal."""


@graph_pass(effect="unchecked", source="graph_transforms/remove_nodes.cc")
@also_in_functions
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
    functions: InFunctions = False,
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
            Bypass(edit, ctx, nodes).run()


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
        if node.name in self.boundary or node.op in PLACEHOLDERS:
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
            key = (node.op, node.device, tuple(map(self._kept_input, node.input)))
            other: NodeDef = first.setdefault(key, node)
            if other is node:
                continue
            # Most nodes never come here: attributes are only written out for likely twins.
            full.setdefault((*key, _attributes(other)), other.name)
            keeper = full.setdefault((*key, _attributes(node)), node.name)
            if keeper != node.name:
                self.kept[node.name] = keeper

    def _kept_input(self, text: str) -> str:
        name = node_name(text)
        if name in self.kept:
            return str(split_input(text)._replace(name=self._keeper(name)))
        return text.removesuffix(":0")

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
