"""A columnar graph: names, ops, kinds and edges (in CSR form) as arrays, without NodeDefs.

Reading a field of a message is slow: each access creates the string or looks the attribute up.
Code that visits all nodes of a graph uses these columns instead. Nodes of one kind have the same
op, device and attributes, so that what depends on these alone is computed once per kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, compress, pairwise

import numpy as np
import numpy.typing as npt

from inspector.graph.names import Input, split_input
from inspector.graph.protos import NodeDef

Ints = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]

CONTROL = -1
"""The port of an edge that carries no tensor."""
_LARGEST = 512
"""Bytes of attributes that are compared; more are seldom alike and cost memory as keys."""
_ELEMENTS = 64
"""Elements of a constant that is compared."""


Edge = tuple[int, int]
"""The number of the node that is read, and which of its outputs, or `CONTROL`."""


@dataclass
class Columns:
    """Columns over the nodes of a graph, in its order, and over its edges, by their reader.

    A node is its number. Where names repeat (an invalid graph), a name stands for the first node
    that has it. A name that is read and that no node has gets a number past those of the nodes.

    Attributes:
        op: Per node, its op as a number into `ops`.
        kind: Per node, its kind as a number into `kinds`.
        kinds: One node of each kind: its name and inputs are those of some node, or left out.
        start: The edges into node ``i`` are those from ``start[i]`` to ``start[i + 1]``.
        source: Per edge, the node that is read.
        port: Per edge, which of its outputs, or `CONTROL`.
        missing: Names that are read and that no node has.
        spelled: Edge to its input string where that says more than it must: ``a:0``.
        each: True where `kinds` are the nodes: equal ones are kinds of their own, see `alike`.
    """

    names: list[str]
    ops: list[str]
    op: Ints
    kinds: Sequence[NodeDef]
    kind: Ints
    start: Ints
    source: Ints
    port: Ints
    missing: list[str]
    index: Mapping[str, int]
    spelled: Mapping[int, str]
    each: bool = False

    def __len__(self) -> int:
        return len(self.names)

    @property
    def repeat(self) -> bool:
        """True where two nodes share a name."""
        return len(self.index) < len(self.names)

    def number(self, name: str) -> int | None:
        """The number of a name, also of one that is only read; None where it is nowhere."""
        number = self.index.get(name)
        return self._missing.get(name) if number is None else number

    def name(self, number: int) -> str:
        """The name of a number."""
        count = len(self.names)
        return self.names[number] if number < count else self.missing[number - count]

    def op_of(self, node: int) -> str:
        """The op of a node."""
        return self.ops[int(self.op[node])]

    def sources(self, node: int) -> list[int]:
        """The nodes that one reads, by data and control, in the order of its inputs."""
        return self._sources[self._start[node] : self._start[node + 1]]

    def data(self, node: int) -> list[int]:
        """The nodes whose tensors one reads, in the order of its inputs."""
        return [source for source, _ in self.data_edges(node)]

    def edges(self, node: int) -> list[Edge]:
        """The edges into a node, by data and control, in the order of its inputs."""
        start, stop = self._start[node], self._start[node + 1]
        return list(zip(self._sources[start:stop], self._ports[start:stop], strict=True))

    def data_edges(self, node: int) -> list[Edge]:
        """The edges into a node that carry tensors, in the order of its inputs."""
        return [edge for edge in self.edges(node) if edge[1] != CONTROL]

    def texts(self, node: int) -> list[str]:
        """The input strings of a node."""
        return [self.text(edge) for edge in range(self._start[node], self._start[node + 1])]

    def text(self, edge: int) -> str:
        """The input string of an edge."""
        port = int(self.port[edge])
        own = str(Input(self.name(int(self.source[edge])), port, port == CONTROL))
        return self.spelled.get(edge, own)

    def inputs(self) -> list[list[str]]:
        """The input strings of each node, as they were."""
        names = [*self.names, *self.missing]
        texts = [names[source] for source in self._sources]
        for edge in np.flatnonzero(self.port).tolist():
            port = int(self.port[edge])
            texts[edge] = "^" + texts[edge] if port == CONTROL else f"{texts[edge]}:{port}"
        for edge, text in self.spelled.items():
            texts[edge] = text
        return [texts[start:stop] for start, stop in pairwise(self._start)]

    def readers(self, number: int) -> list[int]:
        """The nodes that read this one, by data or control, each once, in the graph's order."""
        start, readers, _ = self._readers
        return list(dict.fromkeys(readers[start[number] : start[number + 1]]))

    def reads(self, number: int) -> Iterable[tuple[int, int]]:
        """The reader and the port of each edge from this node, by reader and in input order."""
        start, readers, ports = self._readers
        own = slice(start[number], start[number + 1])
        return zip(readers[own], ports[own], strict=True)

    @cached_property
    def reader(self) -> Ints:
        """Per edge, the node that reads."""
        return np.repeat(np.arange(len(self), dtype=np.int32), np.diff(self.start))

    @cached_property
    def first(self) -> Ints:
        """Per node, the first one of its name: itself, but where names repeat."""
        if not self.repeat:
            return np.arange(len(self), dtype=np.int32)
        return np.fromiter(map(self.index.__getitem__, self.names), np.int32, len(self))

    @cached_property
    def forward(self) -> bool:
        """True where every node comes after all that it reads."""
        return bool(np.all(self.source < self.reader))

    def of_ops(self, ops: Iterable[str]) -> Mask:
        """Per node, whether its op is one of these."""
        chosen = set(ops)
        return self._among(np.fromiter((op in chosen for op in self.ops), np.bool_, len(self.ops)))

    def where(self, ops: Iterable[str]) -> list[int]:
        """The nodes of these ops, by the first of each name."""
        return list(self.first[self.of_ops(ops)].tolist())

    def _among(self, ops: Mask) -> Mask:
        return ops[self.op] if len(self.ops) else np.zeros(len(self), np.bool_)

    def counts(self) -> dict[str, int]:
        """Nodes per op, in the order in which the ops come first."""
        nodes = np.bincount(self.op, minlength=len(self.ops)).tolist()
        return dict(zip(self.ops, nodes, strict=True))

    def behind(self, starts: Iterable[int], stop: Iterable[int] = ()) -> bytearray:
        """Per number, 1 for these nodes and all that depend on them; not past those in `stop`."""
        total = len(self) + len(self.missing)
        flags, walls = bytearray(total), bytearray(total)
        todo = list(starts)
        for number in todo:
            flags[number] = 1
        for number in stop:
            walls[number] = 1
        if not todo:
            return flags
        if self.forward and not self.repeat:
            for source, reader in zip(self._sources, self._reader, strict=True):
                if flags[source] and not walls[source]:
                    flags[reader] = 1
            return flags
        while todo:
            number = todo.pop()
            for reader in () if walls[number] else self.readers(number):
                if not flags[reader]:
                    flags[reader] = 1
                    todo.append(reader)
        return flags

    def needed(self, ends: Iterable[int], stop: Iterable[int] = ()) -> bytearray:
        """Per node, 1 for these and for all they depend on; not past those in `stop`."""
        count = len(self)
        flags, walls = bytearray(count), bytearray(count)
        todo = list(ends)
        for number in todo:
            flags[number] = 1
        for number in stop:
            walls[number] = 1
        if not todo:
            return flags
        if self.forward and not self.repeat:
            edges = zip(reversed(self._sources), reversed(self._reader), strict=True)
            for source, reader in edges:
                if flags[reader] and not walls[reader]:
                    flags[source] = 1
            return flags
        while todo:
            node = todo.pop()
            if walls[node]:
                continue
            for source in self.sources(node):
                if source < count and not flags[source]:
                    flags[source] = 1
                    todo.append(source)
        return flags

    def picked(self, flags: bytearray | Mask) -> set[str]:
        """The names of the nodes that have a flag."""
        return set(compress(self.names, flags))

    def forget_lists(self) -> None:
        """Free the lists that walks over the graph make; the next walk makes them again."""
        for name in ("_start", "_sources", "_ports", "_reader", "_readers", "reader"):
            self.__dict__.pop(name, None)

    @cached_property
    def alike(self) -> tuple[list[int], Sequence[NodeDef]]:
        """The kind of each node, and one node of each; nearly all equal nodes are of one kind."""
        if not self.each:
            return self.kind.tolist(), self.kinds
        texts = list(chain.from_iterable(self.inputs()))
        return alike(self.kinds, self.names, texts, self._start)

    @cached_property
    def _missing(self) -> dict[str, int]:
        return {name: len(self) + number for number, name in enumerate(self.missing)}

    @cached_property
    def _start(self) -> list[int]:
        return list(self.start.tolist())

    @cached_property
    def _sources(self) -> list[int]:
        return list(self.source.tolist())

    @cached_property
    def _ports(self) -> list[int]:
        return list(self.port.tolist())

    @cached_property
    def _reader(self) -> list[int]:
        return list(self.reader.tolist())

    @cached_property
    def _readers(self) -> tuple[list[int], list[int], list[int]]:
        """Where the edges from each number start; the readers and ports of all, by number."""
        total = len(self) + len(self.missing)
        start = np.concatenate([[0], np.cumsum(np.bincount(self.source, minlength=total))])
        order = np.argsort(self.source, kind="stable")
        readers = self.first[self.reader[order]]
        return start.tolist(), readers.tolist(), self.port[order].tolist()


def of_nodes(nodes: Sequence[NodeDef]) -> Columns:
    """The columns of NodeDefs; each node is a kind of its own."""
    names: list[str] = []
    op: list[int] = []
    ops: dict[str, int] = {}
    texts: list[str] = []
    start = [0]
    for node in nodes:
        names.append(node.name)
        op.append(ops.setdefault(node.op, len(ops)))
        texts += node.input
        start.append(len(texts))
    index = dict(zip(names, range(len(names)), strict=True))
    if len(index) < len(names):
        index = {}
        for number, name in enumerate(names):
            index.setdefault(name, number)
    source = np.fromiter((index.get(text, -1) for text in texts), np.int32, len(texts))
    unresolved = np.flatnonzero(source < 0) if are_plain(names) else np.arange(len(texts))
    port, missing, spelled = look_up(
        source, {edge: texts[edge] for edge in unresolved.tolist()}, index, names
    )
    return Columns(
        names,
        list(ops),
        np.array(op, np.int32),
        nodes,
        np.arange(len(names), dtype=np.int32),
        np.array(start, np.int32),
        source,
        port,
        missing,
        index,
        spelled,
        each=True,
    )


def alike(
    nodes: Sequence[NodeDef], names: Sequence[str], texts: Sequence[str], start: Sequence[int]
) -> tuple[list[int], list[NodeDef]]:
    """The kind of each node, and the first node of each kind, from their serialised form.

    Fields are serialised in the order of their numbers: name, op and inputs come first, so that
    the rest of the bytes, with the op, says what two nodes have in common.

    Args:
        texts: The input strings of all nodes.
        start: Where those of each node start in `texts`; and where the last one's end.
    """
    inputs = np.concatenate([[0], np.cumsum(_field_sizes(texts))])[np.asarray(start, np.int64)]
    # An empty name or op is not serialised; an empty input is.
    is_named = np.fromiter(map(bool, names), np.bool_, len(names))
    heads = (_field_sizes(names) * is_named + np.diff(inputs)).tolist()
    ops: dict[str, int] = {}
    kinds: dict[object, int] = {}
    kind: list[int] = []
    first_nodes: list[NodeDef] = []
    for number, node in enumerate(nodes):
        op = node.op
        if op not in ops:
            ops[op] = int(_field_sizes([op])[0]) if op else 0
        key: object = number
        if op != "Const" or _is_small(node):
            data = node.SerializeToString(deterministic=True)
            head = heads[number] + ops[op]
            if len(data) - head <= _LARGEST:
                key = (op, data[head:])
        place = kinds.setdefault(key, len(first_nodes))
        if place == len(first_nodes):
            first_nodes.append(node)
        kind.append(place)
    return kind, first_nodes


def _is_small(node: NodeDef) -> bool:
    count = 1
    for dim in node.attr["value"].tensor.tensor_shape.dim if "value" in node.attr else ():
        count *= dim.size
    return 0 <= count <= _ELEMENTS


def _field_sizes(texts: Sequence[str]) -> npt.NDArray[np.int64]:
    """Bytes that each text takes as a field of a message, with its tag and length."""
    size = np.fromiter(map(len, map(str.encode, texts)), np.int64, len(texts))
    length = 1 + sum((size >= 1 << bits).astype(np.int64) for bits in (7, 14, 21, 28))
    return size + length + 1


def are_plain(names: Iterable[str]) -> bool:
    """False where a name may also be read as the tensor of another node, or as a control input."""
    joined = "\n".join(names)
    return ":" not in joined and "^" not in joined


def look_up(
    source: Ints, texts: Mapping[int, str], index: Mapping[str, int], names: Sequence[str]
) -> tuple[Ints, list[str], dict[int, str]]:
    """The port of each edge, the names that no node has, and what is spelled in another way.

    Args:
        source: Per edge, the node; written to, for the edges that have a text.
        texts: Input strings, by their edge; of all edges that are not a node's name.
    """
    missing: dict[str, int] = {}
    spelled: dict[int, str] = {}
    numbers: list[int] = []
    ports: list[int] = []
    for edge, text in texts.items():
        name, number_of_port, control = split_input(text)
        ports.append(number_of_port)
        if not control and not _is_short(text, name, number_of_port):
            spelled[edge] = text
        number = index.get(name)
        if number is None:
            number = len(names) + missing.setdefault(name, len(missing))
        numbers.append(number)
    port = np.zeros(len(source), np.int32)
    edges = np.fromiter(texts, np.int64, len(texts))
    source[edges], port[edges] = numbers, ports
    return port, list(missing), spelled


def _is_short(text: str, name: str, port: int) -> bool:
    """Whether a tensor's name says no more than it must: ``a:1``, not ``a:0`` or ``a:01``."""
    return text[len(name) + 1] != "0" if port else len(text) == len(name)
