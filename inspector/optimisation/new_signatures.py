"""The signatures of a transformed model: inputs and outputs keep the keys they had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from inspector.graph.graph import Graph, node_name, tensor_name
from inspector.graph.protos import SignatureDef
from inspector.model import signatures
from inspector.model.model import Model


def new_signatures(
    graph: Graph,
    feeds: Sequence[str],
    fetches: Sequence[str],
    frozen: Model,
    model: Model,
    keys: Sequence[str],
) -> dict[str, SignatureDef]:
    """The signatures by their old keys; one of ``serving_default`` for a model without any.

    Args:
        feeds, fetches: Of all signatures together, by node or tensor name.
        keys: Keys of the model's signatures that are kept, the main one first.
    """
    outputs = signatures.divide(fetches, {key: model.signatures[key] for key in keys})
    return {
        key: _signature(graph, feeds, names, [frozen, model], key)
        for key, names in (outputs or {signatures.DEFAULT: list(fetches)}).items()
    }


def renamed(
    new: Mapping[str, SignatureDef], model: Model, outputs: Sequence[str] | None
) -> dict[str, SignatureDef]:
    """The signatures by the keys that they get.

    The main one keeps its old key so that existing clients work. It is also ``serving_default``,
    which clients of TensorFlow Serving that name no key get, unless the model has another signature
    of that key.

    Args:
        outputs: Those that the caller chose, if any: a main signature with others than its own is
            ``serving_default`` alone.
    """
    (main, signature), *others = new.items()
    has_all_outputs = main in model.signatures and set(signature.outputs) == set(
        model.signatures[main].outputs
    )
    keys = [main]
    if main not in model.signatures or not (outputs is None or has_all_outputs):
        keys = [signatures.DEFAULT] if signatures.DEFAULT not in dict(others) else [main]
    elif signatures.DEFAULT not in model.signatures:
        keys.append(signatures.DEFAULT)
    return {**dict.fromkeys(keys, signature), **dict(others)}


def _signature(
    graph: Graph,
    feeds: Sequence[str],
    fetches: Sequence[str],
    models: Sequence[Model],
    key: str | None,
) -> SignatureDef:
    """One signature, with those inputs that its outputs need."""
    old_ones = [
        model.signatures[name] for model in models for name in _by_rank(model.signatures, key)
    ]
    fed_nodes = [node_name(name) for name in feeds]
    needed = graph.ancestors(map(node_name, fetches), fed_nodes)
    pruned = graph.with_nodes(node for node in graph if node.name in needed)
    signature = signatures.for_outputs(pruned, fetches, old_ones)
    named = {info.name for info in signature.inputs.values()}
    # What another signature feeds may be upstream of what this one feeds.
    still = pruned.ancestors(map(node_name, fetches), map(node_name, named))
    fed_here = [name for name in map(tensor_name, feeds) if node_name(name) in still]
    for name in fed_here:  # a fed node that is no Placeholder
        node = pruned.get(node_name(name))
        optional = node is not None and node.op == "PlaceholderWithDefault"
        info = None if optional or name in named else signatures.tensor_info(pruned, name)
        if info is not None and node is not None:
            signature.inputs[node.name].CopyFrom(info)
    return signature


def _by_rank(by_key: Mapping[str, SignatureDef], key: str | None) -> list[str]:
    """Keys of serving signatures, the chosen one first."""
    chosen = signatures.choose(by_key, key if key in by_key else None)
    return sorted(signatures.serving_keys(by_key), key=lambda name: (name != chosen, name))
