"""What a caller of a model relies on, kept while transforms run: its inputs and its assets.

A transform knows feeds and fetches only. It would compute ahead from the path of an asset, which
the loader puts in, and it would take out an Identity that a signature feeds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from inspector import opdefs, shapes, signatures
from inspector.graph import Graph, node_name, split_input
from inspector.model import Asset
from inspector.protos import NodeDef, SignatureDef, TensorInfo
from inspector.tensors import REF, STRING, Shape, make_shape

_FED = ("Placeholder", "PlaceholderV2", "PlaceholderWithDefault")


def cut_at_inputs(
    graph: Graph, signature: SignatureDef, fetches: Sequence[str], keep: Iterable[str] = ()
) -> Graph:
    """The graph with a Placeholder for each input of the signature that is computed in it.

    Such a signature feeds in the middle of the graph, after the parsing of tf.Examples, say. What
    only the feed's old value needed goes. An input stays where another of its outputs is read.
    """
    needed = graph.ancestors(map(node_name, fetches))
    cut: dict[str, NodeDef] = {}
    for text in _tensors(signature):
        name, port, _ = split_input(text)
        node = graph.get(name)
        if name in needed and node is not None and node.op not in _FED and port == 0:
            dtypes = opdefs.output_dtypes(node, graph.library)
            if dtypes is not None and len(dtypes) == 1:
                cut[name] = _placeholder(name, dtypes[0] % REF, None)
    if not cut:
        return graph
    known = shapes.infer(graph)
    for name, made in cut.items():
        made.attr["shape"].shape.CopyFrom(make_shape((known.get(name) or [None])[0]))
    nodes = graph.with_nodes(cut.get(node.name, node) for node in graph)
    wanted = nodes.ancestors([*map(node_name, fetches), *keep])
    return nodes.with_nodes(node for node in nodes if node.name in wanted)


def hold_assets(
    graph: Graph, assets: Iterable[Asset], fetches: Iterable[str]
) -> tuple[Graph, dict[str, NodeDef]]:
    """Placeholders for the paths of assets that fetches need; the nodes they stand for, by name.

    The names are to be fed while transforms run, and `release` puts the nodes back.
    """
    named = (graph.get(node_name(asset.tensor)) for asset in assets)
    # TensorFlow 1 has a constant there, TensorFlow 2 a placeholder.
    ops = ("Const", *signatures.PLACEHOLDERS)
    held = {node.name: node for node in named if node is not None and node.op in ops}
    if held:
        needed = graph.ancestors(map(node_name, fetches))
        held = {name: node for name, node in held.items() if name in needed}
    if not held:
        return graph, held
    return _exchanged(graph, {name: _placeholder(name, STRING, []) for name in held}), held


def release(graph: Graph, held: dict[str, NodeDef]) -> Graph:
    """The graph with the nodes that `hold_assets` took out of it."""
    return _exchanged(graph, held) if held else graph


def with_unread_inputs(graph: Graph, signature: SignatureDef, old: SignatureDef) -> Graph:
    """The graph and the new signature with those inputs of the old one that no output reads.

    Whoever calls the model feeds them still.
    """
    more: list[NodeDef] = []
    for key in sorted(old.inputs):
        info: TensorInfo = old.inputs[key]
        name, port, _ = split_input(info.name)
        plain = info.WhichOneof("encoding") == "name" and info.dtype and port == 0 and name
        if plain and key not in signature.inputs and name not in graph:
            shape = None if info.tensor_shape.unknown_rank else info.tensor_shape
            made = _placeholder(name, info.dtype, None)
            if shape is not None:
                made.attr["shape"].shape.CopyFrom(shape)
            more.append(made)
            signature.inputs[key].CopyFrom(info)
    return graph.with_nodes([*graph, *more]) if more else graph


def _tensors(signature: SignatureDef) -> Iterable[str]:
    return (
        text for key in signature.inputs for text in signatures.tensors_of(signature.inputs[key])
    )


def _placeholder(name: str, dtype: int, shape: Shape | None) -> NodeDef:
    made = NodeDef(name=name, op="Placeholder")
    made.attr["dtype"].type = dtype
    made.attr["shape"].shape.CopyFrom(make_shape(shape))
    return made


def _exchanged(graph: Graph, nodes: dict[str, NodeDef]) -> Graph:
    return graph.with_nodes(nodes.get(node.name, node) for node in graph)
