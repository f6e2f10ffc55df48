"""The graph of a file, read in steps: its columns when it is looked into, its nodes when needed."""

from __future__ import annotations

from typing import Any

from inspector.graph import columns_reader
from inspector.graph.graph import Graph
from inspector.graph.protos import FunctionDefLibrary, NodeDef, VersionDef, from_buffer
from inspector.graph.wire import GraphBytes

_SINGLE = 1_000
"""Nodes that are parsed one by one; when more are asked for, all are."""


class LazyGraph(Graph):
    """A graph whose columns and nodes are read from `source` on first use.

    Where it has long values, or only parsing tells what it is, all of it is parsed at once.
    """

    def __init__(self, source: GraphBytes) -> None:
        self._source = source
        self._by_name = None
        self._sorted = None
        self._single: dict[str, NodeDef] = {}

    def __getattr__(self, name: str) -> Any:
        # Python comes here for what is not there yet: the fields that Graph's own __init__ sets.
        if name not in ("nodes", "library", "versions", "_columns", "_places"):
            raise AttributeError(name)
        if "_places" not in self.__dict__ and name != "nodes":
            outline = None if self._source.outline is not None else _read_columns(self._source)
            self._places = None if outline is None else outline.places
            if outline is not None:
                self._columns, self.library = outline.columns, outline.library
                self.versions = outline.versions
                return getattr(self, name)
        proto = self._source.parse()
        self.nodes: tuple[NodeDef, ...] = tuple(proto.node)
        if "library" not in self.__dict__:
            self.library: FunctionDefLibrary = proto.library
            self.versions: VersionDef = proto.versions
            self._columns = self._places = None
        return getattr(self, name)

    def get(self, name: str) -> NodeDef | None:
        """The node of this name, or None."""
        if "nodes" in self.__dict__ or self._places is None or len(self._single) == _SINGLE:
            return super().get(name)
        node = self._single.get(name)
        if node is None and (number := self.columns().index.get(name)) is not None:
            start, stop = (int(places[number]) for places in self._places)
            node = from_buffer(NodeDef, self._source.raw()[start:stop])
            self._single[name] = node
        return node

    def __len__(self) -> int:
        return len(self.nodes if self._columns is None else self._columns)


def _read_columns(source: GraphBytes) -> columns_reader.Read | None:
    outline = columns_reader.read(source.raw(), source.what)
    if outline is not None:
        source.check_count(len(outline.columns), outline.library)
    return outline
