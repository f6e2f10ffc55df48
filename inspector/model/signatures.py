"""SignatureDefs: which one a call uses, the tensors it names, and new ones for chosen outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from inspector.errors import UnknownSignature, did_you_mean
from inspector.graph import opdefs
from inspector.graph.graph import Graph, Names, split_input, tensor_name
from inspector.graph.op_sets import PLACEHOLDERS, REQUIRED_PLACEHOLDERS
from inspector.graph.protos import NodeDef, SignatureDef, TensorInfo, TensorShapeProto
from inspector.graph.supplied import supplied_placeholders
from inspector.graph.tensors import INVALID, base_dtype, make_shape

DEFAULT = "serving_default"
PREDICT = "tensorflow/serving/predict"

_RAGGED = 3  # TypeSpecProto.RAGGED_TENSOR_SPEC
_SHOWN = 120


def serving_keys(signatures: Mapping[str, SignatureDef]) -> list[str]:
    """The keys of signatures for users, without those of the init op and the like."""
    return [
        key
        for key, signature in signatures.items()
        if not (key.startswith("__saved_model_") and not signature.inputs)
    ]


def choose(
    signatures: Mapping[str, SignatureDef], key: str | None, what: str = "model"
) -> str | None:
    """The signature key that a call uses: the one it names, else the first of `ranked`.

    None where there is no signature and none is named. Raises: UnknownSignature.
    """
    if key is None:
        return next(iter(ranked(signatures)), None)
    if key in signatures:
        return key
    keys = serving_keys(signatures)
    listed = f"it has {', '.join(repr(item) for item in keys)}" if keys else "it has none"
    raise UnknownSignature(what, f"signature '{key}'", listed + did_you_mean(key, keys))


def ranked(signatures: Mapping[str, SignatureDef]) -> list[str]:
    """The keys of `serving_keys`, the likeliest first: ``serving_default``, then the best.

    A predict signature takes tensors and not examples; one of more outputs leaves out less.
    """
    return sorted(
        serving_keys(signatures),
        key=lambda key: (
            key != DEFAULT,
            signatures[key].method_name != PREDICT,
            -len(signatures[key].outputs),
            key != "predict",
        ),
    )


def of_feeds(
    signatures: Mapping[str, SignatureDef],
    feeds: Set[str],
    fetches: Sequence[str] | None,
    *,
    by_tensor: bool = True,
) -> str | None:
    """The signature key that a run uses where none is named; None where no signature fits.

    The first of `ranked` that has the fetches among its outputs and exactly the feeds for its
    inputs; else one that has more inputs than are fed.

    Args:
        feeds, fetches: Keys of signatures or names of tensors. Without fetches any outputs do.
        by_tensor: Without fetches, also accept the names of all of its input tensors as feeds.
    """
    keys = ranked(signatures)
    inputs = {key: set(tensors_by_key(signatures[key].inputs)) for key in keys}
    fitting = [key for key in keys if feeds <= inputs[key]]
    exact = [key for key in fitting if feeds == inputs[key]]
    for key in (*exact, *fitting):
        if set(fetches or ()) <= set(tensors_by_key(signatures[key].outputs)):
            return key
    if fetches is not None:
        return fitting[0] if feeds and fitting else None
    tensors = {tensor_name(key) for key in feeds}
    for key in keys if by_tensor else ():
        if tensors == set(tensors_by_key(signatures[key].inputs).values()):
            return key
    return None


def parts_of(info: TensorInfo) -> dict[str, str]:
    """The tensors of a TensorInfo: name of the part to tensor name, ``""`` for a plain tensor.

    A sparse tensor has ``values``, ``indices`` and ``dense_shape``; a ragged one of two dimensions
    ``values`` and ``row_splits``; the parts of any other composite are numbered from ``0``.
    """
    kind = info.WhichOneof("encoding")
    if kind == "coo_sparse":
        sparse = info.coo_sparse
        return {
            "values": sparse.values_tensor_name,
            "indices": sparse.indices_tensor_name,
            "dense_shape": sparse.dense_shape_tensor_name,
        }
    if kind != "composite_tensor":
        return {"": info.name} if info.name else {}
    components = list(info.composite_tensor.components)
    is_ragged = info.composite_tensor.type_spec.type_spec_class == _RAGGED and len(components) == 2
    names = ("values", "row_splits") if is_ragged else map(str, range(len(components)))
    return {
        f"{name}/{part}" if part else name: tensor
        for name, component in zip(names, components, strict=True)
        for part, tensor in parts_of(component).items()
    }


def tensors_of(info: TensorInfo) -> list[str]:
    """The names of the tensors behind a TensorInfo: one, or the parts of a sparse or composite."""
    return list(parts_of(info).values())


def tensors_by_key(infos: Mapping[str, TensorInfo]) -> dict[str, str]:
    """Key to tensor name, in the order of the keys; of a composite ``key/part`` for each part."""
    return {
        f"{key}/{part}" if part else key: name
        for key in sorted(infos)
        for part, name in parts_of(infos[key]).items()
    }


def output_tensors(signature: SignatureDef) -> list[str]:
    """All tensors of a signature's outputs, by key, each once."""
    names = (
        tensor_name(name)
        for key in sorted(signature.outputs)
        for name in tensors_of(signature.outputs[key])
    )
    return list(dict.fromkeys(names))


def divide(outputs: Sequence[str], by_key: Mapping[str, SignatureDef]) -> dict[str, list[str]]:
    """The outputs of each signature; of the first one also those that no other has."""
    own = {key: output_tensors(by_key[key]) for key in by_key}
    if len(own) < 2:
        return {key: list(outputs) for key in own}
    tensors = {tensor_name(name): name for name in outputs}
    others = {name for names in list(own.values())[1:] for name in names}
    main = next(iter(own))
    own[main] = [
        name for tensor, name in tensors.items() if tensor in own[main] or tensor not in others
    ]
    return own


def problems(signatures: Mapping[str, SignatureDef], graph: Graph) -> list[str]:
    """A sentence where a signature names a tensor that the graph does not have; else nothing."""
    missing = [
        (key, name)
        for key in sorted(signatures)
        for group in (signatures[key].inputs, signatures[key].outputs)
        for slot in sorted(group)
        for name in tensors_of(group[slot])
        if split_input(name).name not in graph
    ]
    if not missing:
        return []
    key, name = missing[0]
    more = f" (and {len(missing) - 1:,} more like it)" if len(missing) > 1 else ""
    sentence = f"The signature '{key[:_SHOWN]}' names '{name[:_SHOWN]}', which is not in the graph"
    return [f"{sentence}{more}."]


def for_outputs(
    graph: Graph, outputs: Sequence[str], earlier: Sequence[SignatureDef] = ()
) -> SignatureDef:
    """A signature with these output tensors, and the inputs that the graph still has.

    Args:
        graph: Already pruned to what the outputs need.
        earlier: Signatures whose keys are used where they name the tensor; the first one counts
            most. Other keys are the last part of the node's name.
    """
    signature = SignatureDef(method_name=PREDICT)
    _add_outputs(signature, graph, outputs, earlier)
    _add_inputs(signature, graph, outputs, earlier[:1])
    if earlier and set(signature.outputs) == set(earlier[0].outputs):
        signature.method_name = earlier[0].method_name or PREDICT
    return signature


def _add_outputs(
    signature: SignatureDef, graph: Graph, outputs: Sequence[str], earlier: Sequence[SignatureDef]
) -> None:
    unnamed = dict.fromkeys(tensor_name(name) for name in outputs)
    for old in earlier:
        if not unnamed:
            break
        for key in sorted(old.outputs):
            names = [tensor_name(name) for name in tensors_of(old.outputs[key])]
            if names and key not in signature.outputs and all(name in unnamed for name in names):
                signature.outputs[key].CopyFrom(old.outputs[key])
                for name in names:
                    del unnamed[name]
    keys = Names(signature.outputs)
    for name in unnamed:
        info = tensor_info(graph, name)
        if info is not None:
            signature.outputs[keys.free(_stem(name))].CopyFrom(info)


def _add_inputs(
    signature: SignatureDef, graph: Graph, outputs: Sequence[str], earlier: Sequence[SignatureDef]
) -> None:
    # Not what only the init op reads: the path of an asset is no input.
    needed = graph.ancestors(split_input(name).name for name in outputs)
    named: set[str] = set()
    for old in earlier:
        for key in sorted(old.inputs):
            names = [split_input(name).name for name in tensors_of(old.inputs[key])]
            if any(name in needed for name in names):
                signature.inputs[key].CopyFrom(old.inputs[key])
                named.update(names)
    # Nor what is only upstream of an input that is fed in the middle of the graph.
    needed = graph.ancestors((split_input(name).name for name in outputs), named) - named
    fed = {node.name for node in graph if node.op in REQUIRED_PLACEHOLDERS and node.name in needed}
    fed |= supplied_placeholders(graph) & needed
    keys = Names(signature.inputs)
    for node in graph:
        info = tensor_info(graph, node.name) if node.name in fed else None
        if info is not None:
            signature.inputs[keys.free(_stem(node.name))].CopyFrom(info)


def tensor_info(graph: Graph, name: str) -> TensorInfo | None:
    """Name, dtype and the shape that the node states; None where the tensor has no dtype."""
    node_name, port, _ = split_input(name)
    node = graph.get(node_name)
    dtypes = None if node is None else opdefs.output_dtypes(node, graph.library)
    if node is None or (dtypes is not None and port >= len(dtypes)):
        return None
    info = TensorInfo(name=f"{node_name}:{port}")
    info.dtype = base_dtype(dtypes[port]) if dtypes else INVALID
    info.tensor_shape.CopyFrom(_shape(node, port))
    return info


def _shape(node: NodeDef, port: int) -> TensorShapeProto:
    if node.op in PLACEHOLDERS and "shape" in node.attr:
        return node.attr["shape"].shape
    if node.op == "Const" and "value" in node.attr:
        return node.attr["value"].tensor.tensor_shape
    shapes = node.attr["_output_shapes"].list.shape if "_output_shapes" in node.attr else ()
    return shapes[port] if port < len(shapes) else make_shape(None)


def _stem(name: str) -> str:
    """The preferred key of a tensor: the last part of the node's name."""
    node, port, _ = split_input(name)
    return node.rsplit("/", maxsplit=1)[-1] + (f"_{port}" if port else "")
