"""SignatureDefs: which one is meant, the tensors it names, and new ones for chosen outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from inspector import opdefs
from inspector.errors import UnknownSignature, did_you_mean
from inspector.graph import Graph, Names, split_input, tensor_name
from inspector.protos import NodeDef, SignatureDef, TensorInfo
from inspector.tensors import make_shape

DEFAULT = "serving_default"
PREDICT = "tensorflow/serving/predict"
PLACEHOLDERS = ("Placeholder", "PlaceholderV2")

_RAGGED = 3  # TypeSpecProto.RAGGED_TENSOR_SPEC
_SHOWN = 120


def serving_keys(signatures: Mapping[str, SignatureDef]) -> list[str]:
    """The keys of signatures that are there to be called: not the init op's and the like."""
    return [
        key
        for key, signature in signatures.items()
        if not (key.startswith("__saved_model_") and not signature.inputs)
    ]


def choose(
    signatures: Mapping[str, SignatureDef], key: str | None, what: str = "model"
) -> str | None:
    """The signature key that is meant: as asked, else ``serving_default``, the only one, the best.

    None where there is no signature and none was asked for. Raises: UnknownSignature.
    """
    keys = serving_keys(signatures)
    if key is not None:
        if key in signatures:
            return key
        known = f"it has {', '.join(repr(item) for item in keys)}" if keys else "it has none"
        raise UnknownSignature(what, f"signature '{key}'", known + did_you_mean(key, keys))
    if DEFAULT in keys or not keys:
        return DEFAULT if keys else None
    # The more outputs, the less is left out; a predict signature takes tensors and not examples.
    return max(
        keys,
        key=lambda item: (
            signatures[item].method_name == PREDICT,
            len(signatures[item].outputs),
            item == "predict",
        ),
    )


def parts_of(info: TensorInfo) -> dict[str, str]:
    """What a TensorInfo is made of: the part's name to its tensor's, ``""`` for a plain tensor.

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


def problems(found: Mapping[str, SignatureDef], graph: Graph) -> list[str]:
    """A sentence where a signature names a tensor that the graph does not have; else nothing."""
    lost = [
        (key, name)
        for key in sorted(found)
        for group in (found[key].inputs, found[key].outputs)
        for slot in sorted(group)
        for name in tensors_of(group[slot])
        if split_input(name).name not in graph
    ]
    if not lost:
        return []
    key, name = lost[0]
    more = f" (and {len(lost) - 1:,} more like it)" if len(lost) > 1 else ""
    told = f"The signature '{key[:_SHOWN]}' names '{name[:_SHOWN]}', which is not in the graph"
    return [f"{told}{more}."]


def for_outputs(
    graph: Graph, outputs: Sequence[str], known: Sequence[SignatureDef] = ()
) -> SignatureDef:
    """A signature with these output tensors, and the inputs that the graph still has.

    Args:
        graph: Already pruned to what the outputs need.
        known: Signatures whose keys are used where they name the tensor; the first one counts
            most. Other keys are the last part of the node's name.
    """
    signature = SignatureDef(method_name=PREDICT)
    left = dict.fromkeys(tensor_name(name) for name in outputs)
    for old in known:
        for key in sorted(old.outputs):
            names = [tensor_name(name) for name in tensors_of(old.outputs[key])]
            if names and key not in signature.outputs and all(name in left for name in names):
                signature.outputs[key].CopyFrom(old.outputs[key])
                for name in names:
                    del left[name]
    keys = Names(signature.outputs)
    for name in left:
        info = tensor_info(graph, name)
        if info is not None:
            signature.outputs[keys.free(_stem(name))].CopyFrom(info)
    # Not what only the init op reads: the path of an asset is no input.
    needed = graph.ancestors(split_input(name).name for name in outputs)
    named: set[str] = set()
    for old in known[:1]:
        for key in sorted(old.inputs):
            names = [split_input(name).name for name in tensors_of(old.inputs[key])]
            if any(name in needed for name in names):
                signature.inputs[key].CopyFrom(old.inputs[key])
                named.update(names)
    # Nor what is only behind an input that is fed in the middle of the graph.
    needed = graph.ancestors((split_input(name).name for name in outputs), named) - named
    fed = {node.name for node in graph if node.op in PLACEHOLDERS and node.name in needed}
    keys = Names(signature.inputs)
    for node in graph:
        info = tensor_info(graph, node.name) if node.name in fed else None
        if info is not None:
            signature.inputs[keys.free(_stem(node.name))].CopyFrom(info)
    if known and set(signature.outputs) == set(known[0].outputs):
        signature.method_name = known[0].method_name or PREDICT
    return signature


def tensor_info(graph: Graph, name: str) -> TensorInfo | None:
    """Name, dtype and what the node says of the shape; None where the tensor has no dtype."""
    node_name, port, _ = split_input(name)
    node = graph.get(node_name)
    dtypes = None if node is None else opdefs.output_dtypes(node, graph.library)
    if node is None or (dtypes is not None and port >= len(dtypes)):
        return None
    info = TensorInfo(name=f"{node_name}:{port}")
    info.dtype = dtypes[port] % 100 if dtypes else 0
    info.tensor_shape.CopyFrom(_shape(node, port))
    return info


def _shape(node: NodeDef, port: int) -> object:
    if node.op in (*PLACEHOLDERS, "PlaceholderWithDefault") and "shape" in node.attr:
        return node.attr["shape"].shape
    if node.op == "Const" and "value" in node.attr:
        return node.attr["value"].tensor.tensor_shape
    shapes = node.attr["_output_shapes"].list.shape if "_output_shapes" in node.attr else ()
    return shapes[port] if port < len(shapes) else make_shape(None)


def _stem(name: str) -> str:
    """The key that a tensor gets where it is free: the last part of the node's name."""
    node, port, _ = split_input(name)
    return node.rsplit("/", maxsplit=1)[-1] + (f"_{port}" if port else "")
