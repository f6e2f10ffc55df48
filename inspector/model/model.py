"""Model: what a reader makes of a file, whatever its format. Nothing here runs the model.

`Model` itself is a graph of TensorFlow's ops. Other formats derive from it and answer the same
questions for their own nodes: `formats.keras.layer_model`, `formats.tflite.lite_model`. Callers ask
the model and do not test which of them it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Self

from inspector import text
from inspector.errors import CorruptModel, InspectorError
from inspector.graph import opdefs, tensors, validate
from inspector.graph.graph import Graph
from inspector.graph.protos import (
    MetaGraphDef,
    NodeDef,
    OpDef,
    SignatureDef,
    TensorProto,
)
from inspector.graph.tensors import Shape
from inspector.graph.wire import GraphBytes
from inspector.model import graph_facts, signatures
from inspector.model.checkpoint import Checkpoint, Variable
from inspector.model.code_use import CodeUse
from inspector.model.graph_facts import GraphFacts
from inspector.model.lazy_graph import LazyGraph

if TYPE_CHECKING:  # imported by the methods that need them: describing a model does not
    from inspector.graph.unfold import Unfolded
    from inspector.model.operation import Operation

_SAYS_NOTHING = frozenset(("model", "saved_model", "export", "1"))
"""What many models are called."""

__all__ = ["Asset", "Model", "Runtime", "Variable", "check_model"]


class Runtime(Enum):
    """What runs a model."""

    TENSORFLOW = "TensorFlow"
    KERAS = "Keras"
    """Keras builds a graph of TensorFlow's ops from the file first: `backend.keras_models`."""
    LITERT = "LiteRT"


@dataclass(frozen=True)
class Asset:
    """A file the graph reads when its tables are initialised, and the tensor that names it."""

    name: str
    tensor: str
    path: Path | None


@dataclass(eq=False, repr=False)
class Model:
    """One openable model: graph, signatures, variables, files.

    Nothing changes a Model, so a copy of it is the Model itself. Two are equal only if they are the
    same object; `diff` compares contents. It holds open files and is not pickled.

    Attributes:
        runs_with: What runs it.
        holds_ops: True where the nodes of `graph` are TensorFlow's ops. Otherwise the graph is only
            for display: its nodes are layers of Keras or operators of TFLite.
        format: As in the JSON of ``describe``: ``SavedModel``, ``GraphDef`` and so on.
        name: The file's or folder's name; never a path of the server.
        path: Where it was read from; None for a model that is a result.
        root: The folder, or the unpacked archive, that it was found in; None for a file.
        graph: The main graph of the chosen MetaGraphDef.
        served: Graphs that `serving.serving_graph` built, by signature key.
        source: Where a file's graph has long values: the bytes it is read from. See `outline`.
        tag_sets: All tag-sets of the file; `tag_set` is the chosen one.
        signatures: Signature key to SignatureDef.
        signature: The key that the user chose; used where a call names no other. See `key`.
        producer: The TensorFlow version that wrote it, e.g. ``1.10.0``; empty where unknown.
        variables: What the checkpoint holds, by name.
        files: Relative path and bytes of each file of the model.
        objects: The bytes of its ``object_graph_def``, as `object_graph` reads them; None without.
        checkpoint: Reads the variables' values; None where there are none.
        bytes: Bytes of ``graph``, ``variables``, ``assets``, and ``total``.
        meta_graph: The chosen MetaGraphDef without its ``graph_def`` and ``object_graph_def``.
        init_op: Node to run once before the first run (tables), or None.
        warnings: One sentence each, on what is wrong with the model.
        notes: One sentence each, on what was done to a model that is a result.
        no_values: Without a checkpoint: why variables have no values, as a clause for an error.
        variable_keys: Name of a variable's node to its key in the checkpoint, where the graph does
            not tell; see `callables`.
        is_isolated: A worker read it: this process reads none of its files.
        unpacked: Keeps the files of an archive for as long as this Model is in use.
    """

    runs_with: ClassVar[Runtime] = Runtime.TENSORFLOW
    holds_ops: ClassVar[bool] = True

    format: str
    name: str
    graph: Graph
    path: Path | None = None
    root: Path | None = None
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
    objects: memoryview | None = field(default=None, repr=False)
    checkpoint: Checkpoint | None = None
    init_op: str | None = None
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    source: GraphBytes | None = None
    no_values: str = "the graph came without a checkpoint"
    variable_keys: dict[str, str] = field(default_factory=dict, repr=False)
    is_isolated: bool = False
    unpacked: object | None = field(default=None, repr=False, compare=False)
    # Computed from the rest on demand; not an argument, so that `replace` starts them anew.
    served: dict[str, Graph] = field(default_factory=dict, init=False, repr=False, compare=False)
    _outline: Graph | None = field(default=None, init=False, repr=False, compare=False)

    def __repr__(self) -> str:
        try:
            facts = self.graph_facts()
            nodes = f"{facts.nodes:,} {'nodes' if self.holds_ops else 'operators'}"
        except InspectorError as err:
            nodes = f"unreadable: {text.shorten(str(err), 100)}"
        total = self.bytes.get("total")
        sized = "" if total is None else f", {text.rounded_size(total)}"
        return f"<{type(self).__name__} {text.shorten(self.title)}: {self.format}, {nodes}{sized}>"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        why = "a Model holds open files and is not pickled: pass its path and open it there"
        raise TypeError(why)

    @property
    def title(self) -> str:
        """The name, with that of its parent folder where the name says nothing."""
        if self.path is None or self.name not in _SAYS_NOTHING:
            return self.name
        parent = self.path.absolute().parent.name
        return f"{parent}/{self.name}" if parent else self.name

    @property
    def outline(self) -> Graph:
        """The main graph to look at and not to compute with: long values may be left out.

        It costs little even for a file of gigabytes. All nodes, attributes, shapes and functions
        are there; the value of a Const may be a mark that does not decode. `value` reads it.
        """
        if self._outline is None:
            outline = None if self.source is None else self.source.outline
            self._outline = self.graph if outline is None else LazyGraph(outline)
        return self._outline

    @property
    def custom_ops(self) -> Sequence[OpDef]:
        """The OpDefs that came with the file: they define custom ops."""
        if self.meta_graph is None:
            return ()
        ops: Sequence[OpDef] = self.meta_graph.meta_info_def.stripped_op_list.op
        return ops

    @property
    def has_more_than_file(self) -> bool:
        """True where the graph has nodes that the file at `path` lacks: what runs is the graph."""
        return bool(self.variable_keys) or (self.objects is not None and self.source is None)

    def key(self, requested: str | None = None) -> str | None:
        """The signature key to use: as requested, as chosen, else the likeliest; see `choose`.

        Raises: UnknownSignature.
        """
        key = self.signature if requested is None else requested
        return signatures.choose(self.signatures, key, self.name)

    def value(self, node: NodeDef) -> TensorProto:
        """The ``value`` of a Const of `graph` or `outline`, whole.

        Raises: CorruptModel; UnsupportedModel for a TFLite type that is not unpacked.
        """
        if "value" not in node.attr:
            raise CorruptModel(self.name, node.name, "a constant without a value")
        return node.attr["value"].tensor if self.source is None else self.source.value(node)

    def check_tensorflow(self) -> None:
        """Raises: UnsupportedModel for a model that cannot be frozen, transformed or written."""

    # Figures

    def problems(self) -> list[str]:
        """One sentence each on what is wrong in the graph and the signatures."""
        graph = self.outline
        return [*validate.problems(graph), *signatures.problems(self.signatures, graph)]

    def graph_facts(self) -> GraphFacts:
        """Nodes by op, feeds and softmax nodes of the main graph."""
        return graph_facts.graph_facts(self.outline)

    def op_counts(self, graph: Graph) -> dict[str, int]:
        """Op to number of nodes of `graph`, which is `outline` or a graph made of it."""
        return graph.op_counts()

    def function_ops(self) -> tuple[int, Counter[str]]:
        """How many functions there are, and the ops of their bodies, each body counted once."""
        functions = self.outline.library.function
        return len(functions), Counter(node.op for item in functions for node in item.node_def)

    def parameters(self, serving: Graph) -> int:
        """The number of parameters; `serving` is the graph of `serving.serving_graph`."""
        return graph_facts.parameters(self.variables, serving)

    def flagged_ops(self, counts: Mapping[str, int]) -> list[dict[str, Any]]:
        """Ops that are refused or warned of, as in the JSON of ``describe``.

        Args:
            counts: Ops of the main graph and of all functions.
        """
        return graph_facts.flagged_ops(self.outline, counts)

    def format_facts(self) -> dict[str, Any]:
        """Entries of the JSON of ``describe`` for this format alone, or in place of the usual."""
        return {}

    # Inputs, outputs and code

    def ends(self) -> tuple[list[str], list[str]]:
        """Tensors that the chosen signature feeds and fetches, by key; none without a signature."""
        key = self.key()
        if key is None:
            return [], []
        signature = self.signatures[key]
        inputs = [signature.inputs[name].name for name in sorted(signature.inputs)]
        return inputs, signatures.output_tensors(signature)

    def listed_outputs(self) -> list[str]:
        """Outputs that the file lists beside its signatures."""
        return []

    def entries(self) -> list[str]:
        """Names of the ways to run a model that holds no ops of TensorFlow."""
        return []

    def code_uses(self) -> Iterator[CodeUse]:
        """Code that a model without TensorFlow's ops would run; of ops `safety` decides."""
        yield from ()

    # Nodes

    def operations(self, function: str | None = None) -> Iterator[Operation]:
        """The operations with their tensors.

        Args:
            function: Only those in its body; the empty string: the main graph. Without it: the main
                graph, then the body of each function.
        Raises: UnknownNode for a function that there is not.
        """
        from inspector.model import operation

        return operation.of_ops(self.outline, function, self._variable_shapes(), self.custom_ops)

    def unfolded(self, graph: Graph) -> Unfolded:
        """The graph with the bodies of functions beside it; `graph` is of `serving_graph`."""
        from inspector.graph.unfold import unfold

        return unfold(graph, self.custom_ops)

    def shapes(self, graph: Graph) -> Mapping[str, Sequence[Shape | None]]:
        """Node name of an unfolded graph to the shape of each output."""
        from inspector.graph.shapes.infer import infer

        return infer(graph, self._variable_shapes())

    def declared_dtypes(self) -> Mapping[str, list[str]] | None:
        """Node name to the dtype of each output; None where the ops determine them."""
        return None

    def output_dtypes(self, node: NodeDef, name: str, graph: Graph) -> Sequence[str]:
        """The dtypes of the outputs of a node of this name, of the same kind as `node`."""
        enums = opdefs.output_dtypes(node, graph.library) or []
        return [tensors.dtype_name(enum) for enum in enums]

    def node_sizes(
        self, graph: Graph, shapes: Mapping[str, Sequence[Shape | None]]
    ) -> dict[str, tuple[int, int]]:
        """Elements and bytes of each Const, variable or layer that holds weights, by node name."""
        from inspector.model.node_sizes import node_sizes

        return node_sizes(graph, shapes)

    def is_constant(self, node: NodeDef) -> bool:
        """True for a node with a value that `value` reads."""
        return bool(node.op == "Const")

    def attributes(self, node: NodeDef) -> list[str]:
        """Names of the node's attributes that are displayed, sorted."""
        return sorted(node.attr)

    def node_facts(self, name: str, limit: int) -> dict[str, Any]:
        """What the file tells of a node beside its attributes, with at most `limit` rows."""
        return {}

    def _variable_shapes(self) -> dict[str, Shape | None]:
        return {variable.name: variable.shape for variable in self.variables}


def check_model(value: object, call: str) -> None:
    """Raises: TypeError for what is no Model, with what gives one."""
    if not isinstance(value, Model):
        kind = type(value).__name__
        raise TypeError(
            f"{call} takes a Model, not {kind}: open_model(path) and from_graph_def(graph_def) "
            "give one, and .model of what optimise returns"
        )
