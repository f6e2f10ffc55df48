"""Prepares a frozen graph for TensorFlow's converter to TFLite.

What the converter can do itself, such as folding constants and batch norms, is left to it; a graph
that was transformed before gets the same operators. Only what it cannot do is done here: nodes for
debugging have no operator, tables must be filled from constants of the graph, and an input must be
a Placeholder.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from inspector.errors import UnsupportedModel
from inspector.formats import graphdef
from inspector.graph import tensors
from inspector.graph.graph import Graph, data_inputs, node_name, tensor_name
from inspector.graph.op_sets import VARIABLES
from inspector.graph.protos import FunctionDefLibrary, NodeDef, SignatureDef
from inspector.graph.tensors import INT64, STRING, Shape
from inspector.model.model import Model
from inspector.model.signatures import serving_keys, tensors_by_key, tensors_of
from inspector.optimisation import check_feeds, feeds
from inspector.optimisation.tflite.tensor_arrays import with_lists
from inspector.passes import pipeline

TRANSFORMS = "strip_unused_nodes remove_training_nodes"

_LOWERED = "_lower_using_switch_merge"
_RESOURCE_OPS = {
    "InitializeTable",
    "LookupTableExport",
    "LookupTableFind",
    "LookupTableImport",
    "LookupTableSize",
}
"""Ops on a table of TensorFlow 1 that have a second version with the same attributes."""
_STATIC = {(STRING, INT64), (INT64, STRING)}
"""Dtypes of the keys and values of the tables that LiteRT has an operator for."""


@dataclass(frozen=True)
class Ends:
    """The tensors of a signature, by the names that a TFLite file gives them.

    Attributes:
        key: The signature's key.
        inputs, outputs: Name to tensor name, in the order of the names; a sparse or ragged tensor
            is its parts.
    """

    key: str
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]

    @classmethod
    def of(cls, key: str, signature: SignatureDef) -> Ends:
        """The tensors of this signature; one that is a part of an input is no input of its own."""
        inputs, outputs = (
            {name: tensor_name(text) for name, text in tensors_by_key(infos).items()}
            for infos in (signature.inputs, signature.outputs)
        )
        parts = {
            tensor_name(text)
            for info in signature.inputs.values()
            if not info.name
            for text in tensors_of(info)
        }
        again = {name for name, info in signature.inputs.items() if tensor_name(info.name) in parts}
        return cls(key, {name: inputs[name] for name in inputs if name not in again}, outputs)


def prepared(model: Model) -> Model:
    """The model as the converter takes it; every signature is in it once, under its first key.

    Args:
        model: Frozen, and with a signature.
    Raises: UnsupportedModel where it has no signature; MissingFile for the file of a table.
    """
    by_key = _distinct(model)
    if not by_key:
        raise UnsupportedModel(model.name, "TFLite", "it has no signature: name its outputs")
    graph, _notes = graphdef.self_contained(model)
    graph = _with_calls(_with_resources(graph))
    ends = [Ends.of(key, signature) for key, signature in by_key.items()]
    init = [] if model.init_op is None else [model.init_op]
    inputs = dict.fromkeys(name for end in ends for name in end.inputs.values())
    outputs = dict.fromkeys(name for end in ends for name in end.outputs.values())
    graph = with_lists(graph, outputs)
    result = pipeline.run(graph, tuple(inputs), (*outputs, *init), TRANSFORMS)
    graph = _with_ranks(_without_defaults(result.graph), inputs, outputs)
    return replace(model, graph=graph, assets=[], signatures=by_key, path=None)


def has_state(model: Model) -> bool:
    """Whether something must run before the first run, or a variable stayed."""
    graph = model.graph
    bodies = (function.node_def for function in graph.library.function)
    return model.init_op is not None or any(
        node.op in VARIABLES for nodes in (graph.nodes, *bodies) for node in nodes
    )


def _distinct(model: Model) -> dict[str, SignatureDef]:
    """The signatures, without those that another one equals."""
    by_key: dict[str, SignatureDef] = {}
    for key in serving_keys(model.signatures):
        if model.signatures[key] not in by_key.values():
            by_key[key] = model.signatures[key]
    return by_key


def _with_resources(graph: Graph) -> Graph:
    """The graph with the tables of TensorFlow 1 as resources, and filled as the converter knows.

    Its own ops for such a table (``HashTable``, ``LookupTableFind``) hand on a ref, and it takes
    only a table that `LookupTableImportV2` fills for one whose entries never change.
    """
    readers = {name: graph.consumers(name) for name in _names_of(graph, "HashTable")}
    old = {
        name
        for name, nodes in readers.items()
        if all(graph.node(reader).op in _RESOURCE_OPS for reader in nodes)
    }
    return graph.with_nodes(_with_resource(node, graph, old) for node in graph)


def _names_of(graph: Graph, op: str) -> list[str]:
    return [node.name for node in graph if node.op == op]


def _with_resource(node: NodeDef, graph: Graph, old: set[str]) -> NodeDef:
    """The node as an op on a resource, where its table is one of `old`; a fill as an import."""
    inputs = data_inputs(node)
    op, table = node.op, graph.get(node_name(inputs[0])) if inputs else None
    if node.name in old or (op in _RESOURCE_OPS and table is not None and table.name in old):
        op = f"{op}V2"
    dtypes = tuple(node.attr[key].type for key in ("Tkey", "Tval") if key in node.attr)
    is_fill = op == "InitializeTableV2" and dtypes in _STATIC
    if is_fill and table is not None and table.op in ("HashTable", "HashTableV2"):
        fill = NodeDef(name=node.name, op="LookupTableImportV2", input=node.input)
        for key, dtype in zip(("Tin", "Tout"), dtypes, strict=True):
            fill.attr[key].type = dtype
        return fill
    if op == node.op:
        return node
    changed = _copy(node)
    changed.op = op
    changed.attr.pop("_output_shapes", None)  # of the ref
    return changed


def _with_calls(graph: Graph) -> Graph:
    """The graph without the mark by which TensorFlow makes plain nodes of loops and branches.

    The converter takes these better as they are than it puts them together again.
    """
    library = FunctionDefLibrary()
    library.CopyFrom(graph.library)
    for function in library.function:
        for node in function.node_def:
            node.attr.pop(_LOWERED, None)
    nodes = [node if _LOWERED not in node.attr else _unmarked(node) for node in graph]
    return Graph(nodes, library, graph.versions)


def _unmarked(node: NodeDef) -> NodeDef:
    changed = _copy(node)
    del changed.attr[_LOWERED]
    return changed


def _copy(node: NodeDef) -> NodeDef:
    copy = NodeDef()
    copy.CopyFrom(node)
    return copy


def _without_defaults(graph: Graph) -> Graph:
    """The graph with an input that no signature feeds as the value it has without a feed.

    The values of a MutableDenseHashTable hide their shape behind such a node, which stays.
    """
    return graph.with_nodes(
        _without_default(node)
        if node.op == "PlaceholderWithDefault" and not _fills_table(graph, node)
        else node
        for node in graph
    )


def _fills_table(graph: Graph, node: NodeDef) -> bool:
    readers = graph.consumers(node.name)
    return any(graph.node(name).op == "LookupTableImportV2" for name in readers)


def _without_default(node: NodeDef) -> NodeDef:
    default = NodeDef(name=node.name, op="Identity", input=node.input, device=node.device)
    default.attr["T"].type = node.attr["dtype"].type
    return default


def _with_ranks(graph: Graph, inputs: Iterable[str], outputs: Iterable[str]) -> Graph:
    """The graph with the rank that its readers need for an input of unknown rank, else a vector.

    TFLite has no unknown rank: the converter makes a scalar of it.
    """
    open_inputs = {
        node.name
        for node in map(graph.get, map(node_name, inputs))
        if node is not None and node.op == "Placeholder" and _shape(node) is None
    }
    if not open_inputs:
        return graph
    slots = check_feeds.slots_to_feed(graph, (), outputs)
    shapes = {node_name(slot.key): feeds.likely_shape(slot) for slot in slots.values()}
    return graph.with_nodes(
        _with_shape(node, shapes.get(node.name)) if node.name in open_inputs else node
        for node in graph
    )


def _shape(node: NodeDef) -> Shape | None:
    return tensors.shape_of(node.attr["shape"].shape) if "shape" in node.attr else None


def _with_shape(node: NodeDef, shape: Shape | None) -> NodeDef:
    if shape is None:
        return node
    changed = _copy(node)
    changed.attr["shape"].shape.CopyFrom(tensors.make_shape(shape))
    changed.attr.pop("_output_shapes", None)
    return changed
