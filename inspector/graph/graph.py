"""A graph as data: an index over NodeDefs, the tool's execution order, and a validator.

Nodes of a `Graph` are shared and never written to; `inspector.graph.edit.GraphEdit` copies a node
before it changes it. So a pipeline of passes holds the weights once.

Source: tensorflow/core/framework/graph.proto, node_def.proto; the order is that of
tensorflow/tools/graph_transforms/transform_utils.cc, SortByExecutionOrder.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from operator import is_

from inspector.errors import InvalidGraph, UnknownNode, did_you_mean
from inspector.graph import topology, varint
from inspector.graph.columns import Columns, of_nodes
from inspector.graph.names import Input, node_name, split_input, tensor_name
from inspector.graph.protos import FunctionDefLibrary, GraphDef, Message, NodeDef, VersionDef

__all__ = [
    "Graph",
    "Input",
    "Names",
    "control_inputs",
    "data_inputs",
    "field_size",
    "node_name",
    "split_input",
    "tensor_name",
    "validate",
    "with_inputs",
]


def data_inputs(node: NodeDef) -> list[str]:
    """The input strings of a node without its control inputs."""
    return [text for text in node.input if not text.startswith("^")]


def control_inputs(node: NodeDef) -> list[str]:
    """The control inputs of a node, each still with its ``^``."""
    return [text for text in node.input if text.startswith("^")]


def field_size(message: Message) -> int:
    """Bytes of a message as a field of another one: its tag and length included."""
    size: int = message.ByteSize()
    return size + 1 + (max(size.bit_length(), 1) + 6) // 7


def with_inputs(node: NodeDef, inputs: Iterable[str]) -> NodeDef:
    """A copy of a node with these input strings; the node itself where it has them already."""
    listed = list(inputs)
    if listed == list(node.input):
        return node
    copy = NodeDef()
    copy.CopyFrom(node)
    copy.input[:] = listed
    return copy


def named_copy(node: NodeDef, name: str, inputs: Iterable[str]) -> NodeDef:
    """A node like this one with another name and other inputs.

    Where many nodes are alike, a copy takes a third of the time of writing their attributes.
    """
    copy = NodeDef()
    copy.CopyFrom(node)
    copy.name = name
    copy.input[:] = inputs
    return copy


class Names:
    """Names that are taken, and free ones made from them."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)
        self._counts: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._taken)

    def free(self, name: str) -> str:
        """The name, or with the first ``_1``, ``_2`` ... that makes it free; it is taken then."""
        free, count = name, self._counts.get(name, 0)
        while free in self._taken:
            count += 1
            free = f"{name}_{count}"
        self._counts[name] = count
        self._taken.add(free)
        return free


class Graph:
    """NodeDefs with their function library and versions, and lookups built when first asked.

    Where names repeat (an invalid graph), lookups give the first node of the name.
    """

    def __init__(
        self,
        nodes: Iterable[NodeDef],
        library: FunctionDefLibrary | None = None,
        versions: VersionDef | None = None,
    ) -> None:
        self.nodes: Sequence[NodeDef] = tuple(nodes)
        self.library: FunctionDefLibrary = library if library is not None else FunctionDefLibrary()
        self.versions: VersionDef = versions if versions is not None else VersionDef()
        self._by_name: dict[str, NodeDef] | None = None
        self._columns: Columns | None = None
        self._sorted: Sequence[NodeDef] | None = None

    @classmethod
    def of(cls, proto: GraphDef) -> Graph:
        """Index a GraphDef without copying it; the caller must not change it any more."""
        return cls(proto.node, proto.library, proto.versions)

    def to_bytes(self) -> bytes:
        """The serialised GraphDef. Node by node: five times as fast as the message's own way,
        which moves the weights each time its buffer grows.
        """
        return b"".join(self.parts())

    def parts(self, *, deterministic: bool = False) -> Iterator[bytes]:
        """The serialised GraphDef in pieces, so that a file of it needs no second copy in memory.

        Args:
            deterministic: Entries of maps in the order of their keys.
        """
        fields = ((b"\x0a", self.nodes), (b"\x12", (self.library,)), (b"\x22", (self.versions,)))
        for tag, messages in fields:
            for message in messages:
                data = message.SerializeToString(deterministic=deterministic)
                if data or tag == b"\x0a":
                    yield tag + varint.encode(len(data))
                    yield data

    def to_proto(self) -> GraphDef:
        """A GraphDef of its own: nodes, library and versions are copied."""
        proto = GraphDef()
        proto.node.extend(self.nodes)
        if self.library.function or self.library.gradient:
            proto.library.CopyFrom(self.library)
        if self.versions.ByteSize():
            proto.versions.CopyFrom(self.versions)
        return proto

    def with_nodes(self, nodes: Iterable[NodeDef]) -> Graph:
        """A graph of these nodes, with this one's library and versions.

        It is this graph where they are its own nodes in its order: the columns stay.
        """
        listed = tuple(nodes)
        if len(listed) == len(self) and all(map(is_, listed, self.nodes)):
            return self
        return Graph(listed, self.library, self.versions)

    def with_library(self, library: FunctionDefLibrary) -> Graph:
        """The same nodes with another library; the graph itself where it has this one."""
        return self if library is self.library else Graph(self.nodes, library, self.versions)

    def byte_size(self) -> int:
        """Bytes of the serialised GraphDef, without serialising it."""
        total = sum(field_size(node) for node in self.nodes)
        return total + sum(
            field_size(part) for part in (self.library, self.versions) if part.ByteSize()
        )

    def __len__(self) -> int:
        return len(self.nodes)

    def __iter__(self) -> Iterator[NodeDef]:
        return iter(self.nodes)

    def __contains__(self, name: str) -> bool:
        return name in self._names()

    def get(self, name: str) -> NodeDef | None:
        """The node of this name, or None."""
        return self._index().get(name)

    def node(self, name: str, what: str = "graph") -> NodeDef:
        """The node of this name. Raises: UnknownNode, with close matches."""
        node = self.get(name)
        if node is None:
            reason = "no node of this name" + did_you_mean(name, self._names())
            raise UnknownNode(what, name, reason)
        return node

    def columns(self) -> Columns:
        """The nodes as columns of numbers, made when first asked."""
        if self._columns is None:
            self._columns = of_nodes(self.nodes)
        return self._columns

    def op_counts(self) -> dict[str, int]:
        """Nodes per op, most frequent first, then by name."""
        counts: Mapping[str, int] = (
            Counter(node.op for node in self.nodes)
            if self._columns is None
            else self._columns.counts()
        )
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    def consumers(self, name: str) -> list[str]:
        """Names of the nodes that read this one, by data or control, each once."""
        columns = self.columns()
        number = columns.number(name)
        return [] if number is None else [columns.names[at] for at in columns.readers(number)]

    def ancestors(self, names: Iterable[str], stop: Iterable[str] = ()) -> set[str]:
        """The named nodes and all they need, by data and control; not past the nodes in `stop`."""
        columns = self.columns()
        index = columns.index
        ends = [index[name] for name in names if name in index]
        return columns.picked(columns.needed(ends, [index[name] for name in stop if name in index]))

    def descendants(self, names: Iterable[str], stop: Iterable[str] = ()) -> set[str]:
        """The named nodes and all that need them, by data and control; not past those in `stop`."""
        columns, named = self.columns(), set(names)
        starts, walls = (
            [number for number in map(columns.number, some) if number is not None]
            for some in (named, stop)
        )
        return named | columns.picked(columns.behind(starts, walls))

    def sorted(self) -> Sequence[NodeDef]:
        """The nodes as they stand where every node comes after what it reads, else `order`."""
        if self._sorted is None:
            self._sorted = self.nodes if self.is_sorted() else self.order()
        return self._sorted

    def is_sorted(self) -> bool:
        """Whether every node comes after what it reads, but for what a loop brings back."""
        return topology.is_sorted(self.columns())

    def order(self) -> list[NodeDef]:
        """The nodes in the tool's execution order: deterministic, the last source first.

        Raises: InvalidGraph for an input that refers to no node, and for a cycle outside loops.
        """
        nodes = self.nodes
        return [nodes[number] for number in self.numbers_in_order()]

    def numbers_in_order(self) -> list[int]:
        """`order` as numbers of nodes."""
        return topology.numbers_in_order(self.columns())

    def _names(self) -> Collection[str]:
        return self._index() if self._columns is None else self._columns.index

    def _index(self) -> dict[str, NodeDef]:
        if self._by_name is None:
            self._by_name = {}
            for node in self.nodes:
                self._by_name.setdefault(node.name, node)
        return self._by_name


def validate(graph: Graph, what: str = "graph") -> None:
    """Check what every graph must keep: unique names, and inputs that exist.

    Raises: InvalidGraph, naming the first node at fault.
    """
    names: set[str] = set()
    for node in graph.nodes:
        if not node.name:
            raise InvalidGraph(what, f"a {node.op} node", "a node must have a name")
        if node.name in names:
            raise InvalidGraph(what, f"node '{node.name}'", "two nodes have this name")
        names.add(node.name)
    for node in graph.nodes:
        for text in node.input:
            if node_name(text) not in names:
                reason = f"reads '{text}', and there is no such node"
                raise InvalidGraph(what, f"node '{node.name}'", reason)
