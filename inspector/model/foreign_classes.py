"""Graphs from and to messages of other classes, such as those of an imported TensorFlow.

Inspector's messages are in a pool of their own, so a GraphDef of TensorFlow is of another class.
Node by node: a message that is serialised as a whole copies its weights more often.
"""

from __future__ import annotations

from typing import Any, TypeVar

from inspector.graph.graph import Graph
from inspector.graph.protos import (
    FunctionDefLibrary,
    GraphDef,
    Message,
    NodeDef,
    SignatureDef,
    VersionDef,
    parse,
)

_Message = TypeVar("_Message", bound=Message)

_FULL_NAMES = {"GraphDef": "tensorflow.GraphDef", "SignatureDef": "tensorflow.SignatureDef"}


def graph_of(proto: Any) -> Graph:
    """The graph of a GraphDef of any class; one of Inspector's own is not copied.

    Raises: TypeError for anything else; CorruptModel.
    """
    if isinstance(proto, GraphDef):
        return Graph.of(proto)
    _check(proto, "GraphDef")

    def convert(kind: type[_Message], message: Message) -> _Message:
        return parse(kind, message.SerializeToString(), "graph_def", "GraphDef")

    nodes = [convert(NodeDef, node) for node in proto.node]
    library = convert(FunctionDefLibrary, proto.library)
    return Graph(nodes, library, convert(VersionDef, proto.versions))


def graph_def_of(graph: Graph, kind: type[Any]) -> Any:
    """The GraphDef of a graph, of this class."""
    if kind is GraphDef:
        return graph.to_proto()
    proto = kind()
    for node in graph.nodes:
        proto.node.add().MergeFromString(node.SerializeToString())
    if graph.library.ByteSize():
        proto.library.MergeFromString(graph.library.SerializeToString())
    if graph.versions.ByteSize():
        proto.versions.MergeFromString(graph.versions.SerializeToString())
    return proto


def signature_of(proto: Any) -> SignatureDef:
    """A SignatureDef of any class. Raises: TypeError for anything else; CorruptModel."""
    if isinstance(proto, SignatureDef):
        return proto
    _check(proto, "SignatureDef")
    return parse(SignatureDef, proto.SerializeToString(), "signatures", "SignatureDef")


def _check(proto: Any, name: str) -> None:
    descriptor = getattr(proto, "DESCRIPTOR", None)
    if getattr(descriptor, "full_name", None) != _FULL_NAMES[name]:
        raise TypeError(f"a {name} is needed, not {type(proto).__name__}")
