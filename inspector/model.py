"""Model: what a reader makes of a file, whatever its format. Nothing here runs the model."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inspector import signatures, wire_columns
from inspector.checkpoint import Checkpoint, Variable
from inspector.errors import CorruptModel, UnsupportedModel
from inspector.graph import Graph
from inspector.layers import Layers
from inspector.protos import MetaGraphDef, NodeDef, SignatureDef, TensorProto
from inspector.wire import GraphBytes

if TYPE_CHECKING:  # its classes come from LiteRT, which other formats do not wait for
    from inspector.tflite_graph import LiteGraph

__all__ = ["Asset", "LazyGraph", "Model", "Variable"]

_SINGLE = 1_000
"""Nodes that are parsed one by one; when more are asked for, all are."""


@dataclass(frozen=True)
class Asset:
    """A file the graph reads when its tables are initialised, and the tensor that names it."""

    name: str
    tensor: str
    path: Path | None


class LazyGraph(Graph):
    """The graph of a file: its columns are read when somebody looks into it, its nodes when needed.

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
            found = None if self._source.outline is not None else _read_columns(self._source)
            self._places = None if found is None else found.places
            if found is not None:
                self._columns, self.library = found.columns, found.library
                self.versions = found.versions
                return getattr(self, name)
        proto = self._source.parse()
        self.nodes = tuple(proto.node)
        if "library" not in self.__dict__:
            self.library, self.versions = proto.library, proto.versions
            self._columns = self._places = None
        return getattr(self, name)

    def get(self, name: str) -> NodeDef | None:
        """The node of this name, or None."""
        if "nodes" in self.__dict__ or self._places is None or len(self._single) == _SINGLE:
            return super().get(name)
        node = self._single.get(name)
        if node is None and (number := self.columns().index.get(name)) is not None:
            start, stop = (int(places[number]) for places in self._places)
            node = NodeDef.FromString(self._source.raw()[start:stop])
            self._single[name] = node
        return node

    def __len__(self) -> int:
        return len(self.nodes if self._columns is None else self._columns)


def _read_columns(source: GraphBytes) -> wire_columns.Read | None:
    source.check()
    found = wire_columns.read(source.raw())
    if found is not None:
        source.check_count(len(found.columns), found.library)
    return found


@dataclass
class Model:
    """One openable model: graph, signatures, variables, files.

    Attributes:
        format: As in the JSON of ``describe``: ``SavedModel``, ``GraphDef`` and so on.
        name: The file's or folder's name; never a path of the server.
        path: Where it was read from; None for a model that is a result.
        graph: The main graph of the chosen MetaGraphDef.
        served: What `freeze.serving_graph` made already, by signature key.
        source: Where a file's graph has long values: the bytes it is read from. See `outline`.
        lite: Of a TFLite model, what its nodes stand for; `graph` is there to be looked at.
        tag_sets: All tag-sets of the file; `tag_set` is the chosen one.
        signatures: Signature key to SignatureDef.
        signature: The key that somebody chose; it is meant where no other is named. See `key`.
        producer: The TensorFlow version that wrote it, e.g. ``1.10.0``; empty where unknown.
        variables: What the checkpoint holds, by name.
        files: Relative path and bytes of each file of the model.
        checkpoint: Reads the variables' values; None where there are none.
        bytes: Bytes of ``graph``, ``variables``, ``assets``, and ``total``.
        meta_graph: The chosen MetaGraphDef without its ``graph_def`` and ``object_graph_def``.
        init_op: Node to run once before the first run (tables), or None.
        warnings: One sentence each, on what is wrong with the model.
        notes: One sentence each, on what was done to a model that is a result.
        layers: Of a Keras file, whose graph is one of layers: what else it tells. Such a graph
            is there to be looked at; what runs is made by `backend.keras_models`.
        unpacked: Keeps the files of an archive for as long as this Model is in use.
    """

    format: str
    name: str
    graph: Graph
    path: Path | None = None
    tag_sets: list[list[str]] = field(default_factory=list)
    tag_set: list[str] = field(default_factory=list)
    signatures: dict[str, SignatureDef] = field(default_factory=dict)
    signature: str | None = None
    producer: str = ""
    variables: list[Variable] = field(default_factory=list)
    assets: list[Asset] = field(default_factory=list)
    files: list[tuple[str, int]] = field(default_factory=list)
    bytes: dict[str, int] = field(default_factory=dict)
    meta_graph: MetaGraphDef | None = None
    checkpoint: Checkpoint | None = None
    init_op: str | None = None
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    source: GraphBytes | None = None
    layers: Layers | None = None
    lite: LiteGraph | None = field(default=None, repr=False, compare=False)
    unpacked: object | None = field(default=None, repr=False, compare=False)
    # Worked out from the rest when asked; not an argument, so that `replace` starts them anew.
    served: dict[str, Graph] = field(default_factory=dict, init=False, repr=False, compare=False)
    _outline: Graph | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def outline(self) -> Graph:
        """The main graph to look at and not to compute with: long values may be left out.

        It costs little even for a file of gigabytes. All nodes, attributes, shapes and functions
        are there; the value of a Const may be a mark that does not decode. `value` reads it.
        """
        if self._outline is None:
            slim = None if self.source is None else self.source.outline
            self._outline = self.graph if slim is None else LazyGraph(slim)
        return self._outline

    def key(self, asked: str | None = None) -> str | None:
        """The signature key that is meant: as asked, as chosen, else the likeliest; see `choose`.

        Raises: UnknownSignature.
        """
        wanted = self.signature if asked is None else asked
        return signatures.choose(self.signatures, wanted, self.name)

    def value(self, node: NodeDef) -> TensorProto:
        """The ``value`` of a Const of `graph` or `outline`, whole.

        Raises: CorruptModel; UnsupportedModel for a TFLite type that is not unpacked.
        """
        if "value" not in node.attr:
            raise CorruptModel(self.name, node.name, "a constant without a value")
        if self.lite is not None:
            return self.lite.value(node)
        return node.attr["value"].tensor if self.source is None else self.source.value(node)

    def check_tensorflow(self) -> None:
        """Raises: UnsupportedModel for a model whose graph is not of TensorFlow's ops."""
        if self.lite is not None:
            why = "it is frozen already, and nothing makes a graph of TensorFlow's ops of it that "
            why += "could be transformed or written in another format"
            raise UnsupportedModel(self.name, self.format, why)
