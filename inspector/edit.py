"""The edit session of a pass: copy-on-write changes to a Graph, and the record of them.

Nodes of the graph given in are never written to. `mutable` copies a node the first time a pass
wants to change it; a node that a pass makes is its own. Readers are kept up to date with every
change, so that looking them up costs nothing however large the graph is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from inspector.graph import Graph, node_name, split_input
from inspector.protos import NodeDef


@dataclass(frozen=True)
class Change:
    """What a pass did to one node: ``added``, ``removed`` or ``changed``, and by which rule."""

    name: str
    kind: str
    op: str
    rule: str = ""
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Skip:
    """A node that a pass looked at and left alone, with the reason."""

    name: str
    why: str


class GraphEdit:
    """One session of changes to a graph; `finish` gives the new graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.library = graph.library
        self._nodes: dict[str, NodeDef] = {node.name: node for node in graph.nodes}
        self._owned: set[str] = set()
        self._inserted: dict[str, list[str]] = {}
        self._appended: list[str] = []
        self._order: list[str] | None = None
        self._readers: dict[str, dict[str, None]] = {}
        for node in graph.nodes:
            self._read(node)
        self._why: dict[str, tuple[str, tuple[str, ...]]] = {}
        self.skipped: list[Skip] = []

    def __contains__(self, name: str) -> bool:
        return name in self._nodes

    def __getitem__(self, name: str) -> NodeDef:
        return self._nodes[name]

    def get(self, name: str) -> NodeDef | None:
        """The node of this name as it is now, or None."""
        return self._nodes.get(name)

    def nodes(self, op: tuple[str, ...] | str | None = None) -> Iterator[NodeDef]:
        """The nodes there are now, in graph order; only of these ops where given.

        The list is taken at the call; nodes removed meanwhile are passed over.
        """
        wanted = (op,) if isinstance(op, str) else op
        for name in list(self._nodes):
            node = self._nodes.get(name)
            if node is not None and (wanted is None or node.op in wanted):
                yield node

    def readers(self, name: str) -> list[NodeDef]:
        """The nodes that read this one now, by data or control."""
        return [self._nodes[reader] for reader in self._readers.get(name, ())]

    def uses(self, name: str) -> list[tuple[NodeDef, int]]:
        """Every place an output or the control of this node is used: reader, index of its input."""
        found = []
        for reader in self.readers(name):
            for index, text in enumerate(reader.input):
                if node_name(text) == name:
                    found.append((reader, index))
        return found

    def mutable(self, name: str) -> NodeDef:
        """The node, safe to write to, except for its inputs: use `set_inputs` for these."""
        if name not in self._owned:
            copy = NodeDef()
            copy.CopyFrom(self._nodes[name])
            self._nodes[name] = copy
            self._owned.add(name)
        return self._nodes[name]

    def set_inputs(self, name: str, inputs: list[str]) -> None:
        """Give a node these input strings."""
        if list(self._nodes[name].input) == inputs:
            return
        node = self.mutable(name)
        self._unread(node)
        node.input[:] = inputs
        self._read(node)

    def add(self, node: NodeDef, *, before: str | None = None) -> NodeDef:
        """Take in a new node, placed before another one or at the end. Its name must be free."""
        if node.name in self._nodes:
            raise ValueError(f"node {node.name!r} is there already")
        self._nodes[node.name] = node
        self._owned.add(node.name)
        self._read(node)
        if before is None:
            self._appended.append(node.name)
        else:
            self._inserted.setdefault(before, []).append(node.name)
        return node

    def replace(self, node: NodeDef) -> NodeDef:
        """Put this node in the place of the one that has its name."""
        self._unread(self._nodes[node.name])
        self._nodes[node.name] = node
        self._owned.add(node.name)
        self._read(node)
        return node

    def remove(self, name: str) -> None:
        """Take a node out; who still reads it dangles, so redirect its readers first."""
        self._unread(self._nodes.pop(name))
        self._owned.discard(name)

    def redirect(self, old: str, new: str) -> None:
        """All readers of tensor `old` (``name`` or ``name:port``) read tensor `new` instead."""
        wanted, target = split_input(old), str(split_input(new))
        for reader in self.readers(wanted.name):
            inputs = [target if split_input(text) == wanted else text for text in reader.input]
            self.set_inputs(reader.name, inputs)

    def redirect_control(self, old: str, new: str | None) -> None:
        """All control readers of node `old` wait for `new` instead, or for nothing."""
        for reader in self.readers(old):
            if f"^{old}" not in reader.input:
                continue
            inputs = [text for text in reader.input if text != f"^{old}"]
            if new is not None and f"^{new}" not in inputs:
                inputs.append(f"^{new}")
            self.set_inputs(reader.name, inputs)

    def unique(self, name: str) -> str:
        """This name, or with the first ``_1``, ``_2`` ... that makes it free."""
        free, count = name, 0
        while free in self._nodes:
            count += 1
            free = f"{name}_{count}"
        return free

    def explain(self, name: str, rule: str, *sources: str) -> None:
        """Say by which rule a node was added, removed or changed, and from which nodes it came."""
        self._why[name] = (rule, sources)

    def skip(self, node: NodeDef | str, why: str) -> None:
        """Say that a node was looked at and left alone."""
        self.skipped.append(Skip(node if isinstance(node, str) else node.name, why))

    def reorder(self, names: list[str]) -> None:
        """Give the nodes this order; every node must be named once."""
        self._order = names

    def finish(self) -> Graph:
        """The graph as it is now."""
        order = self._order if self._order is not None else self._final_order()
        return self.graph.with_nodes(self._nodes[name] for name in order)

    def changes(self) -> list[Change]:
        """What differs from the graph given in, in the order of the names' first place."""
        before = {node.name: node for node in self.graph.nodes}
        found = []
        for name, node in before.items():
            now = self._nodes.get(name)
            if now is None:
                found.append(Change(name, "removed", node.op, *self._why.get(name, ())))
            elif now is not node and now != node:
                found.append(Change(name, "changed", now.op, *self._why.get(name, ())))
        for name, node in self._nodes.items():
            if name not in before:
                found.append(Change(name, "added", node.op, *self._why.get(name, ())))
        return found

    def _final_order(self) -> list[str]:
        order: list[str] = []
        placed: set[str] = set()
        todo = [*self._appended[::-1], *(node.name for node in reversed(self.graph.nodes))]
        while todo:
            name = todo.pop()
            waiting = self._inserted.get(name)
            if waiting and name not in placed:
                placed.add(name)
                todo.append(name)
                todo += reversed(waiting)
                continue
            if name in self._nodes and (name not in placed or waiting):
                placed.add(name)
                order.append(name)
        return list(dict.fromkeys(order))

    def _read(self, node: NodeDef) -> None:
        for text in node.input:
            self._readers.setdefault(node_name(text), {})[node.name] = None

    def _unread(self, node: NodeDef) -> None:
        for text in node.input:
            self._readers.get(node_name(text), {}).pop(node.name, None)
