"""Keeps a model's interface while transforms run: the inputs of its signature and its assets.

Transforms see feeds and fetches only. Without this, they would fold the path of an asset, which the
loader fills in, and remove an Identity that a signature feeds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from inspector.graph import opdefs
from inspector.graph.graph import Graph, node_name, split_input
from inspector.graph.op_sets import PLACEHOLDERS, REQUIRED_PLACEHOLDERS
from inspector.graph.protos import DTypeEnum, NodeDef, SignatureDef, TensorInfo
from inspector.graph.shapes import infer
from inspector.graph.tensors import STRING, Shape, base_dtype, make_shape
from inspector.model import signature_choice, signatures
from inspector.model.model import Asset

_MOST_VISITS = 10_000_000
"""Nodes looked at while signatures that feed in the middle of the graph are checked, about."""


def cut_at_inputs(
    graph: Graph, signature: SignatureDef, fetches: Sequence[str], keep: Iterable[str] = ()
) -> Graph:
    """The graph with a Placeholder for each input of the signature that is computed in it.

    Such a signature feeds in the middle of the graph, for example after tf.Examples are parsed.
    Nodes that only the replaced value needed are removed.

    Args:
        fetches: Node or tensor names; inputs that they do not need stay as they are.
        keep: Further nodes that stay.
    """
    needed = graph.ancestors(map(node_name, fetches))
    cut: dict[str, NodeDef] = {}
    for text in _tensors(signature):
        name, port, _ = split_input(text)
        node = graph.get(name)
        if name in needed and node is not None and node.op not in PLACEHOLDERS and port == 0:
            dtypes = opdefs.output_dtypes(node, graph.library)
            if dtypes is not None and len(dtypes) == 1:
                cut[name] = _placeholder(name, base_dtype(dtypes[0]), None)
    if not cut:
        return graph
    shapes = infer.infer(graph)
    for name, placeholder in cut.items():
        placeholder.attr["shape"].shape.CopyFrom(make_shape((shapes.get(name) or [None])[0]))
    replaced = _exchanged(graph, cut)
    needed = replaced.ancestors([*map(node_name, fetches), *keep])
    return replaced.with_nodes(node for node in replaced if node.name in needed)


def cut_at_all(
    graph: Graph,
    by_key: Mapping[str, SignatureDef],
    fetches: Sequence[str],
    keep: Iterable[str] = (),
) -> tuple[Graph, dict[str, str]]:
    """The graph cut at the inputs of several signatures, see `cut_at_inputs`.

    Returns: The graph, and the signatures that it is not cut for, with the reason: what one of them
        feeds another one computes. The first signature is never among them.
    """
    whole, keep = graph, list(keep)
    done: dict[str, SignatureDef] = {}
    broken: dict[str, str] = {}
    visits = 0
    for key, signature in by_key.items():
        cut = cut_at_inputs(graph, signature, fetches, keep)
        checked = {key: signature}
        if cut is not graph:
            checked |= done
            visits += len(checked) * len(whole)
        if visits > _MOST_VISITS:
            broken[key] = "too many signatures feed in the middle of the graph"
            continue
        unmet = signature_choice.unmet(cut, checked, whole) if done and cut is not whole else []
        if unmet:
            other = next((name for name in unmet if name != key), None)
            broken[key] = (
                "it needs what another signature feeds"
                if other is None
                else f"it feeds what the signature '{other}' computes"
            )
            continue
        graph, done[key] = cut, signature
    return graph, broken


def hold_assets(
    graph: Graph, assets: Iterable[Asset], fetches: Iterable[str]
) -> tuple[Graph, dict[str, NodeDef]]:
    """Put placeholders in place of the nodes with the paths of assets that the fetches need.

    Returns: The graph, and the replaced nodes by name. The placeholders are fed while transforms
        run; `release` puts the nodes back.
    """
    named = (graph.get(node_name(asset.tensor)) for asset in assets)
    # TensorFlow 1 has a constant there, TensorFlow 2 a placeholder.
    ops = ("Const", *REQUIRED_PLACEHOLDERS)
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


def without_unread(
    graph: Graph, inputs: Sequence[str], fetches: Iterable[str]
) -> tuple[Graph, tuple[str, ...]]:
    """The graph without the inputs that no node reads any more, and the inputs that are left."""
    ends = set(map(node_name, fetches))
    unread = {
        name
        for name in map(node_name, inputs)
        if name not in ends and name in graph and not graph.consumers(name)
    }
    unread = {name for name in unread if graph.node(name).op in REQUIRED_PLACEHOLDERS}
    if not unread:
        return graph, tuple(inputs)
    left_over = tuple(name for name in inputs if node_name(name) not in unread)
    return graph.with_nodes(node for node in graph if node.name not in unread), left_over


def with_unread_inputs(graph: Graph, signature: SignatureDef, old: SignatureDef) -> Graph:
    """Keep the inputs of the old signature that no output reads: existing clients feed them.

    Adds them to `signature` and returns the graph with a Placeholder for each.
    """
    more: list[NodeDef] = []
    for key in sorted(old.inputs):
        info: TensorInfo = old.inputs[key]
        name, port, _ = split_input(info.name)
        plain = info.WhichOneof("encoding") == "name" and info.dtype and port == 0 and name
        if plain and key not in signature.inputs and name not in graph:
            shape = None if info.tensor_shape.unknown_rank else info.tensor_shape
            placeholder = _placeholder(name, info.dtype, None)
            if shape is not None:
                placeholder.attr["shape"].shape.CopyFrom(shape)
            more.append(placeholder)
            signature.inputs[key].CopyFrom(info)
    return graph.with_nodes([*graph, *more]) if more else graph


def with_new_shapes(signature: SignatureDef, before: Graph, after: Graph) -> None:
    """Give a signature the shapes of the placeholders that transforms gave other shapes.

    What the outputs get by that is inferred; a shape that is not known then is unknown.
    """
    changed = False
    for info in signature.inputs.values():
        old, new = (graph.get(node_name(info.name)) for graph in (before, after))
        if old is None or new is None or "shape" not in new.attr or new.op not in PLACEHOLDERS:
            continue
        was, now = (
            make_shape(None) if "shape" not in node.attr else node.attr["shape"].shape
            for node in (old, new)
        )
        if old.op in PLACEHOLDERS and was != now:
            info.tensor_shape.CopyFrom(now)
            changed = True
    if changed:
        inferred = infer.Inferred(after)
        for info in signature.outputs.values():
            if info.WhichOneof("encoding") == "name":
                info.tensor_shape.CopyFrom(make_shape(inferred.of(info.name)))


def _tensors(signature: SignatureDef) -> Iterable[str]:
    return (
        text for key in signature.inputs for text in signatures.tensors_of(signature.inputs[key])
    )


def _placeholder(name: str, dtype: DTypeEnum, shape: Shape | None) -> NodeDef:
    node = NodeDef(name=name, op="Placeholder")
    node.attr["dtype"].type = dtype
    node.attr["shape"].shape.CopyFrom(make_shape(shape))
    return node


def _exchanged(graph: Graph, nodes: dict[str, NodeDef]) -> Graph:
    return graph.with_nodes(nodes.get(node.name, node) for node in graph)
