"""The edit session of a pass: copy-on-write changes to a Graph, and the record of them.

Nodes of the graph given in are never written to. `mutable` copies a node the first time a pass
wants to change it; a node that a pass makes is its own. Who reads a node is kept up to date with
every change, so that looking it up costs nothing however large the graph is. Where many nodes go
at once, `rewire` follows all of them in one sweep.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import chain

from inspector.errors import InvalidGraph
from inspector.graph.editing.readers import Readers
from inspector.graph.editing.references import (
    COLOCATE,
    place_of,
    renamed_constraint,
    renamed_input,
    with_controls,
)
from inspector.graph.graph import Graph, Input, node_name, split_input
from inspector.graph.protos import FunctionDefLibrary, NodeDef
from inspector.printing.short_record import ShortRecord


@dataclass(frozen=True, repr=False)
class Change(ShortRecord):
    """What a pass did to one node.

    Attributes:
        name, op: The node and its op.
        kind: ``added``, ``removed`` or ``changed``.
        rule: What the pass did it for.
        sources: Nodes of the graph before that it was made of.
    """

    name: str
    kind: str
    op: str
    rule: str = ""
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, repr=False)
class Skip(ShortRecord):
    """A node that a pass considered and left unchanged.

    Attributes:
        name: The node.
        why: The reason.
    """

    name: str
    why: str


class GraphEdit:
    """One session of changes to a graph; `finish` gives the new graph.

    Args:
        hidden: Nodes that `nodes` passes over: what lies upstream of an input.
    Raises: InvalidGraph where two nodes of the graph have one name.
    """

    def __init__(self, graph: Graph, hidden: Set[str] = frozenset()) -> None:
        self.graph = graph
        self.hidden = hidden
        self.library: FunctionDefLibrary = graph.library
        self._before: dict[str, NodeDef] = {node.name: node for node in graph.nodes}
        if len(self._before) != len(graph.nodes):
            name = _repeated(graph)
            raise InvalidGraph("graph", f"node '{name}'", "two nodes have this name")
        self._nodes = dict(self._before)
        self._owned: dict[str, None] = {}
        self._front: dict[str, list[str]] = {}
        self._appended: list[str] = []
        self._order: list[str] | None = None
        self._read_by: Readers | None = None
        self._why: dict[str, tuple[str, tuple[str, ...]]] = {}
        self._moved: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self.skipped: list[Skip] = []
        self.elsewhere: list[Change] = []

    def __contains__(self, name: str) -> bool:
        return name in self._nodes

    def __getitem__(self, name: str) -> NodeDef:
        return self._nodes[name]

    def __len__(self) -> int:
        return len(self._nodes)

    def get(self, name: str) -> NodeDef | None:
        """The node of this name as it is now, or None."""
        return self._nodes.get(name)

    def nodes(self, op: tuple[str, ...] | str | None = None) -> Iterator[NodeDef]:
        """The nodes there are now, in graph order, new ones last; only of these ops where given.

        The list is taken at the call; nodes removed meanwhile are passed over.
        """
        ops = (op,) if isinstance(op, str) else op
        for name in list(self._nodes):
            node = self._nodes.get(name)
            if node is not None and (ops is None or node.op in ops) and name not in self.hidden:
                yield node

    def current(self) -> Graph:
        """The nodes there are now as a graph to look things up in; their places are not final."""
        if not self._owned and len(self._nodes) == len(self._before):
            return self.graph  # with the columns that it may have already
        return self.graph.with_nodes(self._nodes.values())

    def readers(self, name: str) -> list[NodeDef]:
        """The nodes that read this one now, by data or control."""
        return [self._nodes[reader] for reader in self._readers().of(name)]

    def reads(self, name: str) -> Mapping[str, Sequence[int]]:
        """The readers of this node now, with the output ports they read; -1 for a control input."""
        return self._readers().of(name)

    def mutable(self, name: str) -> NodeDef:
        """The node, safe to write to, except for its inputs: use `set_inputs` for these."""
        if name not in self._owned:
            copy = NodeDef()
            copy.CopyFrom(self._nodes[name])
            self._nodes[name] = copy
            self._owned[name] = None
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
        self._owned[node.name] = None
        self._read(node)
        if before is None:
            self._appended.append(node.name)
        else:
            self._front.setdefault(before, []).append(node.name)
        return node

    def replace(self, node: NodeDef) -> NodeDef:
        """Put this node in the place of the one that has its name."""
        self._unread(self._nodes[node.name])
        self._nodes[node.name] = node
        self._owned[node.name] = None
        self._read(node)
        return node

    def remove(self, name: str, successor: str | None = None) -> None:
        """Take a node out; who still reads it dangles, so redirect its readers first.

        Args:
            successor: The node that stands for it where others are to share its device.
        """
        self._unread(self._nodes.pop(name))
        self._owned.pop(name, None)
        if successor is not None:
            self._moved[name] = successor

    def redirect(self, old: str, new: str) -> None:
        """All readers of tensor `old` (``name`` or ``name:port``) read tensor `new` instead."""
        source, target = split_input(old), str(split_input(new))
        for reader in self.readers(source.name):
            inputs = [target if split_input(text) == source else text for text in reader.input]
            self.set_inputs(reader.name, inputs)

    def rewire(
        self, tensors: Mapping[Input, Input], waits: Mapping[str, tuple[str, ...]] | None = None
    ) -> None:
        """Replace input strings all over the graph, in one sweep.

        Args:
            tensors: What to read (a tensor or a control) instead of what. Not followed further:
                the targets must be final.
            waits: Node name to control inputs (``^node``) that its readers get, too.
        """
        waits = waits or {}
        touched = {source.name for source in tensors} | set(waits)
        if not touched:
            return
        names = self._readers_of_any(touched)
        if 16 * len(names) > len(self._nodes):
            self._read_by = None  # so many changes are followed when somebody asks next
        for name in [name for name in self._nodes if name in names]:
            inputs: list[str] = []
            extra: list[str] = []
            for text in self._nodes[name].input:
                source = split_input(text)
                inputs.append(str(tensors[source]) if source in tensors else text)
                extra += waits.get(source.name, ())
            self.set_inputs(name, with_controls(inputs, extra, name))

    def unique(self, name: str) -> str:
        """The name, or with the first ``_1``, ``_2`` ... that makes it free."""
        free, count = name, self._counts.get(name, 0)
        while free in self._nodes or free in self._before:
            count += 1
            free = f"{name}_{count}"
        self._counts[name] = count
        return free

    def explain(self, name: str, rule: str, *sources: str) -> None:
        """Record the rule that added, removed or changed a node, and the nodes it came from."""
        self._why[name] = (rule, sources)

    def explain_as(self, other: GraphEdit) -> None:
        """Record why another edit added, removed or changed the nodes that it did."""
        for name, why in other._why.items():
            old, new = other._before.get(name), other._nodes.get(name)
            if old is not new and old != new and why[0]:
                self._why[name] = why

    def skip(self, node: NodeDef | str, why: str) -> None:
        """Record that a pass considered a node and left it unchanged."""
        self.skipped.append(Skip(node if isinstance(node, str) else node.name, why))

    def take(self, nodes: dict[str, NodeDef], moved: Mapping[str, str]) -> None:
        """Make these the nodes, by name and in this order; new ones are the edit's own.

        `moved` is the successor of nodes that go, as in `remove`.
        """
        self._moved.update(moved)
        owned = {name: None for name in self._owned if name in nodes}
        owned.update((name, None) for name in nodes if nodes[name] is not self._nodes.get(name))
        self._nodes, self._owned, self._order, self._read_by = nodes, owned, list(nodes), None

    def reorder(self, names: list[str]) -> None:
        """Give the nodes this order; every node must be named once."""
        self._order = names

    def rename(self, table: Mapping[str, str]) -> None:
        """Give nodes other names; inputs and colocations follow. The last thing a pass does.

        Args:
            table: Old name to new. Names may be swapped; no other node may have a new one.
        """
        order = self._order if self._order is not None else self._final_order()
        nodes: dict[str, NodeDef] = {}
        owned: dict[str, None] = {}
        for name in order:
            new = table.get(name, name)
            if new != name or self._refers(self._nodes[name], table):
                node = self.mutable(name)
                node.name = new
                node.input[:] = [renamed_input(text, table) for text in node.input]
                if "_class" in node.attr:
                    places = node.attr["_class"].list.s
                    places[:] = [renamed_constraint(text, table) for text in places]
                if new != name:
                    self.explain(name, "has another name now", new)
                    self.explain(new, "has this name now", name)
                else:
                    self.explain(name, "follows what it reads")
            if name in self._owned:
                owned[new] = None
            nodes[new] = self._nodes[name]
        self._nodes, self._owned, self._order, self._read_by = nodes, owned, list(nodes), None

    def finish(self) -> Graph:
        """The graph as it is now; the graph given in, where nothing was changed."""
        self._colocate()
        order = self._order if self._order is not None else self._final_order()
        nodes = [self._nodes[name] for name in order]
        same = len(nodes) == len(self.graph.nodes) and all(
            new is old for new, old in zip(nodes, self.graph.nodes, strict=True)
        )
        if self.library is not self.graph.library:
            return Graph(nodes, self.library, self.graph.versions)
        return self.graph if same else self.graph.with_nodes(nodes)

    def changes(self) -> list[Change]:
        """What differs from the graph given in, in the order of the names' first place."""
        changes = []
        for name, node in self._before.items():
            now = self._nodes.get(name)
            if now is None:
                changes.append(Change(name, "removed", node.op, *self._why.get(name, ())))
            elif now is not node and now != node:
                changes.append(Change(name, "changed", now.op, *self._why.get(name, ())))
        for name in self._owned:
            if name not in self._before:
                op = self._nodes[name].op
                changes.append(Change(name, "added", op, *self._why.get(name, ())))
        return changes + self.elsewhere

    def _colocate(self) -> None:
        """Constraints to share a device with a node that is gone name its successor, or go too.

        TensorFlow does not import a graph with ``loc:@`` and a name that it does not have.
        """
        gone = self._before.keys() - self._nodes.keys()
        if not gone:
            return
        for name, node in list(self._nodes.items()):
            if "_class" not in node.attr:
                continue
            places = list(node.attr["_class"].list.s)
            if not any(place_of(text) in gone for text in places):
                continue
            constraints: dict[bytes, None] = {}
            for text in places:
                target: str | None = place_of(text)
                passed: set[str] = set()
                while target in gone and target not in passed:
                    passed.add(target)
                    target = self._moved.get(target)
                if target is not None and target in self._nodes and target != name:
                    constraints[COLOCATE + target.encode()] = None
                elif not text.startswith(COLOCATE):
                    constraints[text] = None
            copy = self.mutable(name)
            copy.attr["_class"].list.s[:] = list(constraints)
            if not constraints:
                del copy.attr["_class"]

    def _refers(self, node: NodeDef, table: Mapping[str, str]) -> bool:
        if any(node_name(text) in table for text in node.input):
            return True
        places = node.attr["_class"].list.s if "_class" in node.attr else ()
        return any(place_of(text) in table for text in places)

    def _final_order(self) -> list[str]:
        if not self._front:
            places = dict.fromkeys(chain(self._before, self._appended))
            return [name for name in places if name in self._nodes]
        front = {name: list(names) for name, names in self._front.items()}
        order: dict[str, None] = {}
        todo = [*reversed(self._appended), *reversed(self._before)]
        while todo:
            name = todo.pop()
            if waiting := front.pop(name, None):
                todo.append(name)
                todo += reversed(waiting)
            elif name in self._nodes:
                order[name] = None
        return list(order)

    def _readers_of_any(self, sources: Set[str]) -> set[str]:
        if self._read_by is None and 16 * len(sources) > len(self._nodes):
            return {
                name
                for name, node in self._nodes.items()
                if not sources.isdisjoint(map(node_name, node.input))
            }
        readers = self._readers()
        return {reader for source in sources for reader in readers.of(source)}

    def _readers(self) -> Readers:
        if self._read_by is None:
            self._read_by = Readers(self.graph.columns())
            nodes = self._nodes
            changed = [
                (old, new)
                for name, old in self._before.items()
                if (new := nodes.get(name)) is not old
                if new is None or new.input != old.input
            ]
            for old, _ in changed:
                self._read_by.remove(old)
            for _, new in changed:
                if new is not None:
                    self._read_by.add(new)
            for name in self._owned:
                if name not in self._before:
                    self._read_by.add(nodes[name])
        return self._read_by

    def _read(self, node: NodeDef) -> None:
        if self._read_by is not None:
            self._read_by.add(node)

    def _unread(self, node: NodeDef) -> None:
        if self._read_by is not None:
            self._read_by.remove(node)


def _repeated(graph: Graph) -> str:
    names: set[str] = set()
    for node in graph.nodes:
        if node.name in names:
            return str(node.name)
        names.add(node.name)
    return ""
