"""Passes that only remove or reorder nodes, without computing values."""

from __future__ import annotations

import hashlib
from typing import Annotated

import numpy as np

from inspector.graph import opdefs
from inspector.graph.branches.dead_branches import without_dead_branches
from inspector.graph.branches.predicates import PURE
from inspector.graph.edit import GraphEdit
from inspector.graph.graph import Input, data_inputs, node_name
from inspector.graph.op_sets import BRANCHES, NEXT_ITERATIONS, PLACEHOLDERS, SWITCHES
from inspector.graph.protos import NodeDef
from inspector.passes.base import Arg, PassContext, graph_pass
from inspector.passes.rewrite.bodies import InFunctions, also_in_functions
from inspector.passes.rewrite.bypass import Bypass
from inspector.passes.rewrite.constants import tensor_of
from inspector.passes.rewrite.node_list import adopt

_MAX_ROUNDS = 10
"""Iterations over a graph with loops: merging behind a back edge may make more nodes equal."""


@graph_pass(effect="unchecked", source="graph_transforms/remove_nodes.cc")
@also_in_functions
def remove_nodes(
    edit: GraphEdit,
    ctx: PassContext,
    *,
    op: Annotated[
        tuple[str, ...],
        Arg('Op types to remove, e.g. Identity; "A|B" for several, "*" for all.', "Identity"),
    ],
    max_inputs: Annotated[
        int, Arg("Remove nodes with up to this many data inputs; the first one is used.", bits=32)
    ] = 1,
    functions: InFunctions = False,
) -> None:
    """Remove nodes of these op types; their consumers read the node's first data input instead.

    Feeds and fetches stay. Control inputs of a removed node move to its consumers. Skipped, where
    the tool breaks the graph: nodes with a consumer of another output than the first, nodes that
    change the dtype, control flow of loops and branches.
    """
    for alternatives in op:
        ops = set(alternatives.split("|"))
        for count in range(1, min(max_inputs, len(edit)) + 1):
            nodes = [
                node
                for node in edit.nodes()
                if (node.op in ops or "*" in ops) and len(data_inputs(node)) == count
            ]
            Bypass(edit, ctx, nodes).run()


@graph_pass(effect="exact", source="graph_transforms/sort_by_execution_order.cc")
def sort_by_execution_order(edit: GraphEdit, ctx: PassContext) -> None:
    """Sort the nodes topologically; only the back edges of loops point the other way.

    A graph that is already in such an order does not change.
    """
    edit.reorder([node.name for node in edit.graph.sorted()])


@graph_pass(
    effect="exact",
    source="graph_transforms/fold_constants_lib.cc",
    after="`fold_constants`, which makes more nodes equal.",
)
def merge_duplicate_nodes(edit: GraphEdit, ctx: PassContext) -> None:
    """Merge nodes that compute the same: equal op, inputs, device and attributes.

    Feeds, fetches, stateful nodes and Placeholders are never merged. Constants are compared by
    their encoding, as in the tool. Skipped, where the tool refuses the graph: nodes of ops that
    TensorFlow does not have, which may have state.
    """
    _Merge(edit, ctx).run()


class _Merge:
    """Merges equal nodes in topological order, so that equal inputs are merged first.

    Attributes:
        keepers: Per number of a node or of a missing name, the node that stands for it, itself at
            first.
        merged: The numbers of the nodes that another one replaces, in the order of merging.
    """

    def __init__(self, edit: GraphEdit, ctx: PassContext) -> None:
        self.edit = edit
        self.nodes = edit.graph.nodes
        self.columns = edit.graph.columns()
        self.stays = ctx.boundary | edit.hidden
        self.keepers = list(range(len(self.nodes) + len(self.columns.missing)))
        self.merged: list[int] = []

    def run(self) -> None:
        start = self.columns.start.tolist()
        constants: list[int] = []
        rest: list[int] = []
        for number in self._candidates():
            is_value = start[number] == start[number + 1] and self.nodes[number].op == "Const"
            (constants if is_value else rest).append(number)
        self._constants(constants)
        # A loop's Merge reads a node downstream of it: repeat if that node was merged.
        for _ in range(_MAX_ROUNDS):
            before = len(self.merged)
            self._expressions(rest)
            merged = self.merged[before:]
            if not any(self.columns.op_of(number) in NEXT_ITERATIONS for number in merged):
                break
        self._rewrite()

    def _candidates(self) -> list[int]:
        """The nodes that may be merged, in topological order."""
        graph, columns = self.edit.graph, self.columns
        order = range(len(graph)) if graph.is_sorted() else graph.numbers_in_order()
        whys = [self._why_not(op) for op in columns.ops]
        chosen: list[int] = []
        for number, op in zip(order, columns.op[np.asarray(order, np.int64)].tolist(), strict=True):
            why = whys[op]
            if why is None:
                if columns.names[number] not in self.stays:
                    chosen.append(number)
            elif why and columns.names[number] not in self.stays:
                self.edit.skip(columns.names[number], why)
        return chosen

    def _why_not(self, op: str) -> str | None:
        """Why nodes of an op are never merged, empty where that needs no word; None if they are."""
        if op in PLACEHOLDERS:
            return ""
        if opdefs.get(op) is not None:
            return "" if opdefs.is_stateful(op) else None
        is_call = opdefs.get(op, self.edit.library) is not None
        return f"{'calls a function' if is_call else opdefs.unknown(op)}, which may have state"

    def _merge(self, number: int, keeper: int) -> None:
        self.keepers[number] = keeper
        self.merged.append(number)

    def _constants(self, numbers: list[int]) -> None:
        """Group by more and more of the content, so that few weights are hashed completely."""
        groups: list[list[int]] = [numbers]
        for key in (_shape_key, _start_key, _full_key):
            finer: list[list[int]] = []
            for group in groups:
                by_key: dict[object, list[int]] = {}
                for number in group:
                    by_key.setdefault(key(self.nodes[number]), []).append(number)
                finer += [same for same in by_key.values() if len(same) > 1]
            groups = finer
        for group in groups:
            for number in group[1:]:
                self._merge(number, group[0])

    def _expressions(self, numbers: list[int]) -> None:
        columns, keepers = self.columns, self.keepers
        for number in self.merged:  # what replaced a node may have been replaced since
            while keepers[keepers[number]] != keepers[number]:
                keepers[number] = keepers[keepers[number]]
        ops, start = columns.op.tolist(), columns.start.tolist()
        sources, ports = columns.source.tolist(), columns.port.tolist()
        first: dict[tuple[int, ...], int] = {}
        full: dict[tuple[object, ...], int] = {}
        for number in numbers:
            if keepers[number] != number:
                continue
            own = slice(start[number], start[number + 1])
            key = (ops[number], *[keepers[source] for source in sources[own]], *ports[own])
            other = first.setdefault(key, number)
            if other == number:
                continue
            # Rarely reached: attributes are serialized only for nodes that are otherwise equal.
            full.setdefault((other, *_attributes(self.nodes[other])), other)
            keeper = full.setdefault((other, *_attributes(self.nodes[number])), number)
            if keeper != number:
                self._merge(number, keeper)

    def _rewrite(self) -> None:
        table: dict[Input, Input] = {}
        names = self.columns.names
        for number in self.merged:
            name, keeper = names[number], self._keeper(number)
            for reader, port in self.columns.reads(number):
                table[Input(name, port, port < 0)] = Input(keeper, port, port < 0)
                self.edit.explain(names[reader], "reads the one that is kept", name)
        for number in self.merged:
            name, keeper = names[number], self._keeper(number)
            self.edit.explain(name, "computes the same as another", keeper)
            self.edit.remove(name, keeper)
        self.edit.rewire(table)

    def _keeper(self, number: int) -> str:
        while self.keepers[number] != number:
            number = self.keepers[number]
        return self.columns.names[number]


def _shape_key(node: NodeDef) -> object:
    tensor = tensor_of(node)
    shape = tuple(dim.size for dim in tensor.tensor_shape.dim)
    return node.device, tensor.dtype, shape, len(node.attr)


def _start_key(node: NodeDef) -> object:
    return tensor_of(node).tensor_content[:256]


def _full_key(node: NodeDef) -> object:
    digest = hashlib.blake2b()
    for key, data in _attributes(node)[1:]:
        digest.update(f"{key}:{len(data)}:".encode() + data)
    return digest.digest()


def _attributes(node: NodeDef) -> list[tuple[str, bytes]]:
    """Attributes by their name, each serialised, after the device."""
    return [
        ("", node.device.encode()),
        *sorted(
            (key, value.SerializeToString(deterministic=True)) for key, value in node.attr.items()
        ),
    ]


@graph_pass(effect="exact", source="inspector")
def remove_dead_branches(edit: GraphEdit, ctx: PassContext) -> None:
    """Remove the branches that a constant decides, with what only they need.

    A Switch, RefSwitch, If or Case whose predicate is computed from constants alone takes one
    branch: the others are removed, consumers of the Merge read what runs, the body of an If or Case
    is inlined as ``name/node``. Predicates are followed through Identity, Cast, comparisons and
    logic, and into functions as their arguments: such a function gets a copy, ``f_decided``. Loops
    stay, and so does everything upstream of an input.
    """
    pruned = without_dead_branches(edit.graph, ctx.outputs, ctx.inputs)
    for name, why in pruned.stays.items():
        edit.skip(name, why)
    if pruned.graph is edit.graph:
        _explain_undecided(edit)
        return

    def explain(old: NodeDef | None, new: NodeDef | None) -> None:
        node = new if old is None else old
        assert node is not None
        default = "a node of the branch that runs" if old is None else "reads past a branch"
        edit.explain(node.name, pruned.why.get(node.name) or default)

    adopt(edit, pruned.graph.nodes, explain)
    edit.library = pruned.graph.library


def _explain_undecided(edit: GraphEdit) -> None:
    """Record the inputs that decide branches: with a fixed value these could be removed."""
    decides: dict[str, int] = {}
    for node in edit.nodes(tuple(SWITCHES | BRANCHES)):
        inputs = data_inputs(node)
        predicate = inputs[0] if node.op in BRANCHES and inputs else inputs[-1] if inputs else ""
        source, passed = edit.get(node_name(predicate)), set[str]()
        while source is not None and source.op in PURE and source.name not in passed:
            passed.add(source.name)
            source = edit.get(node_name(source.input[0])) if source.input else None
        if source is not None and source.op in PLACEHOLDERS:
            decides[source.name] = decides.get(source.name, 0) + 1
    for name, count in decides.items():
        what = "a branch" if count == 1 else f"{count} branches"
        edit.skip(name, f"decides {what} and is no constant: --set {name}=... makes it one")
