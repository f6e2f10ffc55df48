"""Model: what a reader makes of a file, whatever its format. Nothing here runs the model."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from inspector.graph import Graph
from inspector.protos import MetaGraphDef, SignatureDef
from inspector.tensors import Shape

if TYPE_CHECKING:
    from inspector.checkpoint import Checkpoint


@dataclass(frozen=True)
class Variable:
    """One tensor of the checkpoint; its value is not read. `bytes` is what it takes on disk."""

    name: str
    dtype: str
    shape: Shape | None
    bytes: int


@dataclass(frozen=True)
class Asset:
    """A file the graph reads when its tables are initialised, and the tensor that names it."""

    name: str
    tensor: str
    path: Path | None


@dataclass
class Model:
    """One openable model: graph, signatures, variables, files.

    Attributes:
        format: As in the JSON of ``describe``: ``SavedModel``, ``GraphDef`` and so on.
        name: The file's or folder's name; never a path of the server.
        path: Where it was read from; None for a model that is a result.
        graph: The main graph of the chosen MetaGraphDef.
        tag_sets: All tag-sets of the file; `tag_set` is the chosen one.
        signatures: Signature key to SignatureDef.
        producer: The TensorFlow version that wrote it, e.g. ``1.10.0``; empty where unknown.
        variables: What the checkpoint holds, by name.
        files: Relative path and bytes of each file of the model.
        checkpoint: Reads the variables' values; None where there are none.
        init_op: Node to run once before the first run (tables), or None.
        warnings: One sentence each.
    """

    format: str
    name: str
    graph: Graph
    path: Path | None = None
    tag_sets: list[list[str]] = field(default_factory=list)
    tag_set: list[str] = field(default_factory=list)
    signatures: dict[str, SignatureDef] = field(default_factory=dict)
    producer: str = ""
    variables: list[Variable] = field(default_factory=list)
    assets: list[Asset] = field(default_factory=list)
    files: list[tuple[str, int]] = field(default_factory=list)
    bytes: dict[str, int] = field(default_factory=dict)
    meta_graph: MetaGraphDef | None = None
    checkpoint: Checkpoint | None = None
    init_op: str | None = None
    warnings: list[str] = field(default_factory=list)
