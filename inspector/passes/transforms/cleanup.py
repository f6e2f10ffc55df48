"""Passes that only remove or reorder nodes, without computing values."""

from __future__ import annotations

import hashlib
from typing import Annotated

from inspector.graph import opdefs
from inspector.graph.branches.dead_branches import without_dead_branches
from inspector.graph.branches.predicates import PURE
from inspector.graph.edit import GraphEdit
from inspector.graph.graph import Input, data_inputs, node_name, split_input
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
        keepers: Name of each merged node to the node that replaces it.
    """

    def __init__(self, edit: GraphEdit, ctx: PassContext) -> None:
        self.edit = edit
        self.boundary = ctx.boundary
        self.keepers: dict[str, str] = {}

    def run(self) -> None:
        nodes = [node for node in self.edit.graph.sorted() if self._may_merge(node)]
        self._constants([node for node in nodes if node.op == "Const" and not node.input])
        rest = [node for node in nodes if node.op != "Const" or node.input]
        # A loop's Merge reads a node downstream of it: repeat if that node was merged.
        for _ in range(_MAX_ROUNDS):
            before = len(self.keepers)
            self._expressions(rest)
            merged = list(self.keepers)[before:]
            if not any(self.edit[name].op in NEXT_ITERATIONS for name in merged):
                break
        self._rewrite()

    def _may_merge(self, node: NodeDef) -> bool:
        if node.name in self.boundary or node.op in PLACEHOLDERS or node.name in self.edit.hidden:
            return False
        if opdefs.get(node.op) is not None:
            return not opdefs.is_stateful(node.op)
        is_call = opdefs.get(node.op, self.edit.library) is not None
        what = "calls a function" if is_call else opdefs.unknown(node.op)
        self.edit.skip(node, f"{what}, which may have state")
        return False

    def _constants(self, nodes: list[NodeDef]) -> None:
        """Group by more and more of the content, so that few weights are hashed completely."""
        groups: list[list[NodeDef]] = [nodes]
        for key in (_shape_key, _start_key, _full_key):
            finer: list[list[NodeDef]] = []
            for group in groups:
                by_key: dict[object, list[NodeDef]] = {}
                for node in group:
                    by_key.setdefault(key(node), []).append(node)
                finer += [nodes for nodes in by_key.values() if len(nodes) > 1]
            groups = finer
        for group in groups:
            for node in group[1:]:
                self.keepers[node.name] = group[0].name

    def _expressions(self, nodes: list[NodeDef]) -> None:
        first: dict[tuple[object, ...], NodeDef] = {}
        full: dict[tuple[object, ...], str] = {}
        for node in nodes:
            if node.name in self.keepers:
                continue
            key = (node.op, node.device, tuple(map(self._merged_input, node.input)))
            other: NodeDef = first.setdefault(key, node)
            if other is node:
                continue
            # Rarely reached: attributes are serialized only for nodes that are otherwise equal.
            full.setdefault((*key, _attributes(other)), other.name)
            keeper = full.setdefault((*key, _attributes(node)), node.name)
            if keeper != node.name:
                self.keepers[node.name] = keeper

    def _merged_input(self, text: str) -> str:
        name = node_name(text)
        if name in self.keepers:
            return str(split_input(text)._replace(name=self._keeper(name)))
        return text.removesuffix(":0")

    def _keeper(self, name: str) -> str:
        while name in self.keepers:
            name = self.keepers[name]
        return name

    def _rewrite(self) -> None:
        table: dict[Input, Input] = {}
        for name in self.keepers:
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
