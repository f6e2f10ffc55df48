"""Constants that reach a branch or loop as arguments decide branches within its functions.

    If(p, x, false) { then: .. If(arg 1) .. }   ->   If(p, x, false) { then_decided: .. }

A function gets a copy for the constants of one call, in which they stand for the arguments; the
copy is kept where a branch goes by that. An argument of a loop is a constant of its functions where
the body returns it unchanged. Signatures do not change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set

from inspector.graph.branches.branch_growth import Growth
from inspector.graph.branches.predicates import COPIES, Predicates
from inspector.graph.edit import GraphEdit
from inspector.graph.functions import Body, Library, to_function
from inspector.graph.graph import Graph, Names, data_inputs, split_input
from inspector.graph.inline import MAX_NODES
from inspector.graph.op_sets import BRANCHES, WHILES
from inspector.graph.protos import FunctionDef, FunctionDefLibrary, NameAttrList, NodeDef
from inspector.graph.tensors import Array, enum_of, from_numpy

Prune = Callable[[Graph, list[str], list[str], "Nesting"], Graph]
"""Removes decided branches from a graph with these fetches and feeds."""
_Constants = Mapping[int, Array]

_MAX_DEPTH = 32
"""Functions within functions that are copied, at most."""
_COPY = 100
"""What a copy costs besides its nodes, in nodes that may still be looked at."""


class Nesting:
    """The functions of a graph, and their copies for constants at all levels of nesting.

    A function gets one copy for the same constants, wherever it is called: functions that call one
    another twice each would otherwise be copied without end.

    Attributes:
        library: The functions without the copies.
        growth: Of their calls.
    """

    def __init__(self, graph: Graph) -> None:
        self.library: Library = Library(graph.library)
        self.growth: Growth = Growth(self.library)
        self._graph = graph
        self._names = Names(self.library.functions)
        self._copies: dict[object, str] = {}
        self._added: list[FunctionDef] = []
        self._active: set[str] = set()
        self._budget = MAX_NODES

    def complete(self, graph: Graph) -> Graph:
        """The graph with the copies in its library."""
        if not self._added:
            return graph
        library = FunctionDefLibrary()
        library.CopyFrom(graph.library)
        library.function.extend(self._added)
        return Graph(graph.nodes, library, graph.versions)

    def copy(self, name: str, constants: _Constants, prune: Prune) -> str:
        """The name of the copy for these constants; the function's own where nothing goes."""
        function = self.library.functions.get(name)
        if function is None or not constants or function.signature.attr:
            return name
        values = ((index, item.dtype.name, item.tobytes()) for index, item in constants.items())
        key = (name, *values)
        if key not in self._copies:
            if name in self._active or len(self._active) >= _MAX_DEPTH:
                return name
            if self._budget < len(function.node_def) + _COPY:
                return name
            self._budget -= len(function.node_def) + _COPY
            self._active.add(name)
            self._copies[key] = self._copied(name, constants, prune)
            self._active.discard(name)
        return self._copies[key]

    def _copied(self, name: str, constants: _Constants, prune: Prune) -> str:
        body = self.library.body(name)
        if max(constants) >= len(body.args):
            return name
        before = self._with_constants(body, constants)
        feeds = [_source(text) for text in body.args]
        after = prune(before, [*body.results, *body.controls], feeds, self)
        if after is before:
            return name
        new = self._names.free(f"{name}_decided")
        nodes = tuple(node for node in after if node.name not in feeds)
        decided = Body(new, body.args, nodes, body.results, body.controls, body.proto)
        self._added.append(to_function(decided, self.library.signatures))
        return new

    def _with_constants(self, body: Body, constants: _Constants) -> Graph:
        """The body as a graph of its own, in which constants stand for some arguments."""
        names = Names([*(node.name for node in body.nodes), *map(_source, body.args)])
        replaced: dict[str, str] = {}
        own: list[NodeDef] = []
        for index, value in constants.items():
            const = NodeDef(name=names.free(f"{_source(body.args[index])}_value"), op="Const")
            const.attr["dtype"].type = enum_of(value)
            const.attr["value"].tensor.CopyFrom(from_numpy(value))
            own.append(const)
            replaced[body.args[index]] = const.name
        for node in body.nodes:
            copied = NodeDef()
            copied.CopyFrom(node)
            copied.input[:] = [replaced.get(text, text) for text in node.input]
            own.append(copied)
        feeds = dict.fromkeys(map(_source, body.args))
        stubs = [NodeDef(name=feed, op="Placeholder") for feed in feeds]
        return Graph([*stubs, *own], self._graph.library, self._graph.versions)


def decide(graph: Graph, skip: Set[str], prune: Prune, nesting: Nesting) -> Graph:
    """The graph with calls of functions in which the constants of these calls decide branches.

    Args:
        skip: Nodes to leave alone.
    Returns: The same object where nothing is decided.
    """
    if not graph.library.function:
        return graph
    edit = GraphEdit(graph)
    predicates = Predicates(edit)
    for node in list(edit.nodes(tuple(BRANCHES | WHILES))):
        if node.name in skip:
            continue
        constants = _constants(node, predicates, nesting.library)
        names = {func.name: nesting.copy(func.name, constants, prune) for func in _functions(node)}
        if any(name != new for name, new in names.items()):
            for func in _functions(edit.mutable(node.name)):
                func.name = names[func.name]
            edit.explain(node.name, "constants decide branches within its functions")
    return edit.finish()


def _constants(node: NodeDef, predicates: Predicates, library: Library) -> dict[int, Array]:
    """Index of each argument of the functions that is a constant, to its value."""
    inputs = data_inputs(node)[1 if node.op in BRANCHES else 0 :]
    values = {index: predicates.value(text) for index, text in enumerate(inputs)}
    constants = {
        index: value for index, value in values.items() if value is not None and value.dtype != "O"
    }
    if constants and node.op in WHILES:
        name = node.attr["body"].func.name if "body" in node.attr else ""
        if name not in library.functions:
            return {}
        body = library.body(name)
        constants = {index: value for index, value in constants.items() if _returns(body, index)}
    return constants


def _returns(body: Body, index: int) -> bool:
    """True where the body of a loop returns this argument as it is."""
    if index >= min(len(body.args), len(body.results)):
        return False
    nodes = {node.name: node for node in body.nodes}
    text, passed = body.results[index], set[str]()
    while text != body.args[index]:
        node = nodes.get(split_input(text).name)
        if node is None or node.op not in COPIES - {"Squeeze"} or node.name in passed:
            return False
        passed.add(node.name)
        text = data_inputs(node)[0] if data_inputs(node) else ""
    return True


def _functions(node: NodeDef) -> Iterator[NameAttrList]:
    """The functions that an If, Case or While runs."""
    for key in ("then_branch", "else_branch", "cond", "body"):
        if key in node.attr:
            yield node.attr[key].func
    if "branches" in node.attr:
        yield from node.attr["branches"].list.func


def _source(text: str) -> str:
    return split_input(text).name
