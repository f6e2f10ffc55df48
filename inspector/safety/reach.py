"""Which nodes a run executes, and which of them are refused because the model is untrusted.

Only reachable nodes count: those upstream of the fetches, those that fill tables or restore
variables, and every function that the runtime may run for any of them. Feeding a tensor stops only
that tensor from being computed: TensorFlow still runs the node for its other outputs and for its
control outputs. A model may read its own assets and its own checkpoint: from the tensors that the
loader feeds with their paths.

Source: tensorflow/core/graph/subgraph.cc, FeedInputs.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from inspector.errors import BlockedOp
from inspector.graph import op_safety
from inspector.graph.columns import CONTROL, Columns, Mask
from inspector.graph.graph import Graph, data_inputs, split_input
from inspector.graph.op_safety import OWN, UNKNOWN, Ruling
from inspector.graph.op_sets import BRANCHES, CALLS, REQUIRED_PLACEHOLDERS, RESTORES, TABLE_FILES
from inspector.graph.protos import FunctionDef, GraphDef, NodeDef
from inspector.model.resources import identity
from inspector.safety.function_index import FunctionIndex

Tensor = tuple[str, int]
"""Name of a node and port of its output."""

# Ops that read a file, and which of their inputs is its path.
_READERS = {**dict.fromkeys(TABLE_FILES, 1), **dict.fromkeys(RESTORES, 0)}
# Ops that pass their inputs, from this one on, to a function once and in this order. Other ops may
# pass something else: a loop the results of its body, a data set its elements.
_FIRST_ARGUMENT = {**dict.fromkeys(CALLS, 0), **dict.fromkeys(BRANCHES, 1)}
_HOPS = 32
_HARMLESS = {"AssignVariableOp", "ReadVariableOp", "VarIsInitializedOp"}


@dataclass(frozen=True)
class Site:
    """A node that runs and is refused or warned of.

    Attributes:
        function: The library function whose body contains it; empty for the graph itself.
    """

    node: str
    op: str
    function: str
    ruling: Ruling


@dataclass(frozen=True)
class _Part:
    """Nodes that run together.

    Attributes:
        named: The nodes by name.
        own: Tensors that hold the path of one of the model's own files.
        fed: Tensors that the caller feeds, possibly with any path.
        function: The library function whose body this is; empty for the graph.
    """

    nodes: Iterable[NodeDef]
    named: Mapping[str, NodeDef] | Graph
    own: frozenset[Tensor]
    fed: frozenset[Tensor]
    function: str


def sites(
    graph: Graph | GraphDef,
    fetches: Iterable[str] | None = None,
    *,
    feeds: Iterable[str] = (),
    once: Iterable[str] = (),
    own_files: Collection[str] = (),
) -> list[Site]:
    """The nodes that a run reaches and that are refused or warned of, each once.

    Args:
        graph: The values of its constants are not needed.
        fetches: Names of tensors, or of nodes; all nodes when None.
        feeds: Names of tensors.
        once: Names of nodes that run when the model is loaded: restore variables, fill tables.
        own_files: Names of the tensors that the loader feeds with paths of its own: the assets,
            and the prefix of the checkpoint.
    """
    if not isinstance(graph, Graph):
        graph = Graph.of(graph)
    return list(dict.fromkeys(_Walk(graph, own_files).sites(fetches, feeds, once)))


def blocked_ops(
    graph: Graph | GraphDef,
    fetches: Iterable[str] | None = None,
    *,
    feeds: Iterable[str] = (),
    once: Iterable[str] = (),
    own_files: Collection[str] = (),
) -> list[tuple[str, str]]:
    """The ops that a run would reach and that are refused, and why, by name; see `sites`."""
    run_sites = sites(graph, fetches, feeds=feeds, once=once, own_files=own_files)
    blocked = {
        (site.op, site.ruling.why) for site in run_sites if site.ruling.severity == op_safety.BLOCK
    }
    return sorted(blocked)


def refuse(name: str, blocked: Sequence[tuple[str, str]]) -> None:
    """Raise BlockedOp if there are any."""
    if blocked:
        raise BlockedOp(name, blocked[0][0], op_safety.refusal(blocked))


class _Walk:
    """Walks upstream from the fetches, and into the functions that the nodes run."""

    def __init__(self, graph: Graph, own_files: Collection[str]) -> None:
        self._graph = graph
        own = frozenset(_tensor(name) for name in own_files)
        self._own = own | _read_from_own(graph, own)

    @cached_property
    def _functions(self) -> FunctionIndex:
        return FunctionIndex(self._graph.library, self._graph.columns().kinds)

    def sites(
        self, fetches: Iterable[str] | None, feeds: Iterable[str], once: Iterable[str]
    ) -> Iterator[Site]:
        graph = self._graph
        chosen = notable(graph, self._functions)
        if not chosen.any():
            return
        nothing: frozenset[Tensor] = frozenset()
        todo = [
            _Part(nodes_at(graph, _running(graph, names, fed) & chosen), graph, self._own, fed, "")
            for names, fed in ((fetches, frozenset(map(_tensor, feeds))), (once, nothing))
        ]
        visited: set[tuple[str, tuple[bool, ...]]] = set()
        while todo:
            part = todo.pop()
            for node in part.nodes:
                names = self._functions.named_by(node)
                ruling = self._judge(node, part, names)
                if ruling is not None:
                    yield Site(node.name, node.op, part.function, ruling)
                if names:
                    todo += self._called(node, part, names, visited)

    def _judge(self, node: NodeDef, part: _Part, names: set[str]) -> Ruling | None:
        if node.op in names and op_safety.class_of(node.op) is UNKNOWN:
            return None  # a call by name
        decision = op_safety.ruling(node)
        if decision.verdict == OWN:
            paths = data_inputs(node)[_READERS[node.op] :][:1]
            return None if paths and _is_own(paths[0], part) else decision
        return decision if decision.severity else None

    def _called(
        self,
        node: NodeDef,
        part: _Part,
        names: set[str],
        visited: set[tuple[str, tuple[bool, ...]]],
    ) -> Iterator[_Part]:
        """The bodies that a node runs, each once per combination of own-file arguments."""
        first = 0 if node.op in names else _FIRST_ARGUMENT.get(node.op)
        args = [] if first is None else data_inputs(node)[first:]
        own = tuple(_is_own(text, part) for text in args)
        for name in names:
            for other in self._functions.with_others(name):
                if (other, own) in visited:
                    continue
                visited.add((other, own))
                for body in self._functions.bodies[other]:
                    named = {inner.name: inner for inner in body.node_def}
                    yield _Part(body.node_def, named, _own_args(body, own), frozenset(), other)


def _own_args(function: FunctionDef, own: Sequence[bool]) -> frozenset[Tensor]:
    """The arguments that hold the path of an own file; none if an argument is a list."""
    args = function.signature.input_arg
    if any(arg.number_attr or arg.type_list_attr for arg in args):
        return frozenset()
    return frozenset((arg.name, 0) for arg in itertools.compress(args, own))


def _running(graph: Graph, names: Iterable[str] | None, fed: Iterable[Tensor]) -> Mask:
    """Per node, whether it runs when these names are fetched."""
    columns = graph.columns()
    everything = np.ones(len(columns), np.bool_)
    if names is None:
        return everything
    walls = {(columns.index.get(name, -1), port) for name, port in fed}
    starts: list[int] = []
    for text in names:
        name, port, _control = split_input(text)
        number = columns.index.get(name)
        if number is None:
            continue
        is_wall = (number, port) in walls
        if not is_wall or (":" not in text and columns.op_of(number) not in REQUIRED_PLACEHOLDERS):
            starts.append(number)
    if starts and columns.repeat:  # no graph that TensorFlow takes
        return everything
    return np.frombuffer(_behind(columns, starts, _walled(columns, walls)), np.bool_)


def notable(graph: Graph, functions: FunctionIndex | None = None) -> Mask:
    """Per node, whether it is refused or warned of, or names one of the functions.

    Decided once per distinct op and attributes, so that the nodes of a file need not be parsed.
    """
    columns = graph.columns()
    kinds = np.fromiter(
        (
            bool(op_safety.ruling(node).severity or (functions and functions.named_by(node)))
            for node in columns.kinds
        ),
        np.bool_,
        len(columns.kinds),
    )
    return kinds[columns.kind] if len(kinds) else np.zeros(len(columns), np.bool_)


def nodes_at(graph: Graph, chosen: Mask) -> Iterator[NodeDef]:
    """The nodes whose flag in `chosen` is set, in the graph's order."""
    columns = graph.columns()
    if columns.repeat:
        yield from itertools.compress(graph.nodes, chosen)
        return
    for number in np.flatnonzero(chosen).tolist():
        yield graph.node(columns.names[number])


def _walled(columns: Columns, walls: Collection[tuple[int, int]]) -> Mask:
    """Per edge, whether its tensor is fed; a control input on a fed placeholder counts as fed."""
    control_edges = {
        (number, CONTROL)
        for number, port in walls
        if number >= 0 and port == 0 and columns.op_of(number) in REQUIRED_PLACEHOLDERS
    }
    width = int(columns.port.max(initial=0)) + 2
    keys = columns.source.astype(np.int64) * width + columns.port + 1
    fed = [
        number * width + port + 1 for number, port in {*walls, *control_edges} if port + 1 < width
    ]
    return np.isin(keys, np.array(fed, np.int64))


def _behind(columns: Columns, starts: Iterable[int], walled: Mask) -> bytearray:
    """Per node, 1 for the starts and for all nodes upstream that no walled edge cuts off."""
    count = len(columns)
    reached = bytearray(count)
    todo = list(starts)
    for number in todo:
        reached[number] = 1
    first, source = columns.start.tolist(), columns.source.tolist()
    fed: list[bool] = walled.tolist()
    while todo:
        node = todo.pop()
        for edge in range(first[node], first[node + 1]):
            at = source[edge]
            if at < count and not reached[at] and not fed[edge]:
                reached[at] = 1
                todo.append(at)
    return reached


def _tensor(text: str) -> Tensor:
    name, port, _control = split_input(text)
    return name, port


def _read_from_own(graph: Graph, own: frozenset[Tensor]) -> set[Tensor]:
    """Tensors read from a variable that holds the path of an asset, as in TensorFlow 2.

    Only if the path is assigned once and nothing else can reach the variable: no function receives
    it, no other node has its shared name, and no body has a variable of unknown shared name.
    """
    if not own:
        return set()
    bodies = [node for function in graph.library.function for node in function.node_def]
    if any(_has_hidden_name(node) for node in bodies):
        return set()
    columns = graph.columns()
    if columns.where(("_VarHandlesOp",)):
        return set()
    handles = nodes_at(graph, columns.of_ops(("VarHandleOp",)))
    inner = (node for node in bodies if node.op == "VarHandleOp")
    holders = Counter(map(identity, itertools.chain(handles, inner)))
    reads: set[Tensor] = set()
    for node in nodes_at(graph, columns.of_ops(("AssignVariableOp",))):
        if len(data_inputs(node)) != 2:
            continue
        handle, value = map(_tensor, data_inputs(node))
        holder = graph.get(handle[0])
        if value not in own or holder is None or holders[identity(holder)] != 1:
            continue
        readers = [graph.node(name) for name in graph.consumers(holder.name)]
        ops = Counter(reader.op for reader in readers)
        if ops["AssignVariableOp"] == 1 and set(ops) <= _HARMLESS:
            reads.update((reader.name, 0) for reader in readers if reader.op == "ReadVariableOp")
    return reads


def _has_hidden_name(node: NodeDef) -> bool:
    """True for a variable's handle in a body without a shared name of its own."""
    if node.op == "_VarHandlesOp":
        return True
    if node.op != "VarHandleOp":
        return False
    return "shared_name" not in node.attr or not node.attr["shared_name"].s


def _is_own(text: str, part: _Part) -> bool:
    """True if an input is a path that the loader feeds, directly or through a few Identity ops."""
    for _ in range(_HOPS):
        tensor = _tensor(text) if not part.function else _body_tensor(text)
        if tensor in part.own:
            return True
        node = None if tensor in part.fed else part.named.get(tensor[0])
        if node is None or node.op != "Identity" or not node.input:
            return False
        text = node.input[0]
    return False


def _body_tensor(text: str) -> Tensor:
    """A tensor from its text in a body: an argument's name, or ``node:output:index``."""
    name, _, rest = text.partition(":")
    port = rest.rpartition(":")[2]
    return name, int(port) if port.isascii() and port.isdigit() and len(port) < 8 else 0
