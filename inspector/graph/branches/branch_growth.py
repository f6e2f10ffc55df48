"""How large a graph becomes when the branches that constants decide are inlined."""

from __future__ import annotations

from collections.abc import Iterable

from inspector.errors import LimitExceeded
from inspector.graph.branches.predicates import Predicates
from inspector.graph.edit import GraphEdit
from inspector.graph.functions import Library
from inspector.graph.graph import Graph, data_inputs, node_name
from inspector.graph.inline import MAX_NODES
from inspector.graph.op_sets import BRANCHES, CASES, IFS
from inspector.graph.protos import AttrValue, NodeDef
from inspector.graph.tensors import Array


class Growth:
    """Counts what calls become before they are inlined: a few functions can make any number.

    A decided branch of a function is inlined one level at a time. Functions whose two branches
    call one another double at each level, and the last levels take nearly all time and memory.
    """

    def __init__(self, library: Library) -> None:
        self._library = library
        self._callees: dict[str, list[str]] = {}
        self._sizes: dict[str, int] = {}

    def refuse(self, calls: Iterable[NodeDef]) -> None:
        """Raises: LimitExceeded where inlining these calls makes too many nodes in the end."""
        names = (self._library.called(node) for node in calls)
        if sum(self._size(name) for name in names if name is not None) > MAX_NODES:
            reason = f"inlining its calls and decided branches makes more than {MAX_NODES} nodes"
            raise LimitExceeded("graph", "functions", reason)

    def _size(self, name: str) -> int:
        stack, active = [name], set[str]()
        while stack:
            current = stack[-1]
            if current in self._sizes:
                stack.pop()
                continue
            callees = self._inlined_by(current)
            active.add(current)
            missing = [
                other
                for other in dict.fromkeys(callees)
                if other not in self._sizes and other not in active
            ]
            stack += missing
            if not missing:
                inner = sum(self._sizes.get(other, 0) for other in callees)
                self._sizes[current] = len(self._library.functions[current].node_def) + inner
                active.discard(current)
        return self._sizes[name]

    def _inlined_by(self, name: str) -> list[str]:
        """The functions that are inlined with the body of this one, as often as they are."""
        if name not in self._callees:
            self._callees[name] = list(self._find(name))
        return self._callees[name]

    def _find(self, name: str) -> Iterable[str]:
        body = self._library.body(name)
        graph = Graph(body.nodes)
        predicates = Predicates(GraphEdit(graph))
        needed = graph.ancestors(map(node_name, [*body.results, *body.controls]))
        for node in graph:
            if node.name not in needed:
                continue
            function = self._library.called(node)
            inputs = data_inputs(node)
            if function is None and node.op in BRANCHES and inputs:
                value = predicates.value(inputs[0])
                if value is not None and (node.op in IFS or value.dtype.kind in "iu"):
                    function = branch_of(node, value).func.name
            if function in self._library.functions:
                yield function


def branch_of(node: NodeDef, value: Array) -> AttrValue:
    """The function that an If or Case runs for this value, without a name where it has none."""
    if node.op not in CASES:
        key = "then_branch" if bool(value.item()) else "else_branch"
        return node.attr[key] if key in node.attr else AttrValue()
    functions = node.attr["branches"].list.func if "branches" in node.attr else ()
    if not functions:
        return AttrValue()
    at = int(value)
    return AttrValue(func=functions[at if 0 <= at < len(functions) else -1])
