"""Which inputs of a model each of some tensors depends on.

Outputs of a call and of an IdentityN are told apart: output 1 depends on what gives output 1.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from heapq import heappop, heappush

from inspector.errors import InspectorError
from inspector.graph.columns import CONTROL, Columns
from inspector.graph.graph import Graph, split_input
from inspector.graph.inline import inline
from inspector.graph.op_sets import CALLS
from inspector.model.model import Model
from inspector.model.serving import fetched_nodes, serving_graph


def sources_of(model: Model, names: Sequence[str], ops: Collection[str]) -> list[list[str]]:
    """Per tensor, the nodes of some ops that it depends on, sorted.

    Of a model that holds no ops of TensorFlow: the inputs of the model that it depends on.

    Args:
        names: ``name`` or ``name:k`` of the main graph; one that does not exist depends on nothing.
    """
    graph = without_calls(model, [split_input(name).name for name in names])
    columns = graph.columns()
    if model.holds_ops:
        sources = columns.where(ops)
    else:
        listed = (split_input(item.name).name for item in model.graph_facts().placeholders)
        sources = [columns.index[name] for name in listed if name in columns.index]
    reading = _sources_behind(columns, names, sources, controls=graph is model.outline)
    if graph is model.outline or all(reading):
        return reading
    # What comes through state, a stack or a variable, is tied to its writer by control alone.
    waiting = _sources_behind(columns, names, sources, controls=True)
    return [read or waited for read, waited in zip(reading, waiting, strict=True)]


def without_calls(model: Model, roots: Iterable[str]) -> Graph:
    """The graph with the calls inlined that the roots need; as it is where that fails."""
    graph = model.outline
    functions = {function.signature.name for function in graph.library.function}
    if not model.holds_ops or not functions or (CALLS | functions).isdisjoint(graph.columns().ops):
        return graph
    roots = [name for name in dict.fromkeys(roots) if name in graph]
    try:
        key = model.key()
        if key is not None and set(roots) <= set(fetched_nodes(model.signatures[key], graph)):
            served = serving_graph(model)
            if served is not graph:
                return served
        return inline(graph, roots, ops=model.custom_ops)
    except InspectorError:
        return graph


def _sources_behind(
    columns: Columns, names: Sequence[str], sources: Iterable[int], *, controls: bool
) -> list[list[str]]:
    bits = _targets_behind(columns, names, controls=controls)
    behind: dict[int, set[str]] = {}
    for at in sources:
        if targets := bits.get(at, 0):
            behind.setdefault(targets, set()).add(columns.names[at])
    # Targets that depend on the same sources share one list: there may be 100,000 sources.
    lists: dict[tuple[int, ...], list[str]] = {}
    listed: list[list[str]] = []
    for number in range(len(names)):
        key = tuple(targets for targets in behind if targets >> number & 1)
        if key not in lists:
            lists[key] = sorted(set().union(*(behind[targets] for targets in key)))
        listed.append(lists[key])
    return listed


def _in_one_pass(columns: Columns, names: Sequence[str], *, controls: bool) -> dict[int, int]:
    """`_targets_behind` where every node comes after what it reads."""
    bits = [0] * len(columns)
    for number, name in enumerate(names):
        node = columns.index.get(split_input(name).name)
        if node is not None:
            bits[node] |= 1 << number
    followed = columns.source < len(columns)
    if not controls:
        followed &= columns.port != CONTROL
    sources, readers = columns.source[followed], columns.reader[followed]
    for source, reader in zip(sources[::-1].tolist(), readers[::-1].tolist(), strict=True):
        if bits[reader]:
            bits[source] |= bits[reader]
    return {node: targets for node, targets in enumerate(bits) if targets}


def _targets_behind(columns: Columns, names: Sequence[str], *, controls: bool) -> dict[int, int]:
    """Node to the targets that depend on it or are it, one bit per target.

    A node is visited after its readers where the graph is sorted, so once; in any other order again
    for each target that arrives later.

    Args:
        controls: Follow control inputs too. A function of TensorFlow 2 has each output wait for all
            that keeps state in its body, so there they tell nothing.
    """
    if columns.forward and not columns.repeat and "IdentityN" not in columns.ops:
        return _in_one_pass(columns, names, controls=controls)
    apart = columns.of_ops(("IdentityN",)).tolist()
    start, ports = columns.start.tolist(), columns.port.tolist()
    bits: dict[int, int] = {}
    of_port: dict[tuple[int, int], int] = {}
    todo: list[int] = []

    def add(node: int, port: int, more: int) -> None:
        before = bits.get(node, 0)
        is_new = more & ~before != 0
        if apart[node] and port != CONTROL:
            of_this = of_port.get((node, port), 0)
            of_port[node, port] = of_this | more
            is_new |= more & ~of_this != 0
        if is_new:
            bits[node] = before | more
            heappush(todo, -node)

    for number, name in enumerate(names):
        target = split_input(name)
        if target.name in columns.index:
            add(columns.index[target.name], target.port, 1 << number)
    while todo:
        node = -heappop(todo)
        while todo and todo[0] == -node:
            heappop(todo)
        for place, source in enumerate(columns.sources(node)):
            port = ports[start[node] + place]
            if port == CONTROL and (apart[node] or not controls):
                continue
            more = of_port.get((node, place), 0) if apart[node] else bits[node]
            if more and source < len(apart):
                add(source, port, more)
    return bits
