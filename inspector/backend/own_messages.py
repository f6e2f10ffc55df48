"""Messages of TensorFlow's own classes."""

from __future__ import annotations

from inspector import extras
from inspector.graph.graph import Graph
from inspector.graph.protos import GraphDef
from inspector.model import foreign_classes


def graph_def(graph: Graph) -> GraphDef:
    """A graph as the GraphDef that TensorFlow's functions take. Raises: MissingPackage."""
    with extras.needed("run"):
        from tensorflow.core.framework import graph_pb2

    proto: GraphDef = foreign_classes.graph_def_of(graph, graph_pb2.GraphDef)
    return proto
