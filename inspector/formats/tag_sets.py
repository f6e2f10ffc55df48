"""The MetaGraphDefs of a SavedModel with several tag-sets, and signatures as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from inspector import formats
from inspector.errors import InspectorError
from inspector.graph import tensors
from inspector.graph.protos import SignatureDef, TensorInfo
from inspector.model.model import Model
from inspector.model.signatures import parts_of

MOST = 20
"""MetaGraphDefs that are looked into; each reads the file again."""


@dataclass(frozen=True)
class MetaGraphFacts:
    """One MetaGraphDef.

    Attributes:
        tag_set: Its tags.
        signatures: Signature key to SignatureDef.
        ops: The ops of its graph and functions, sorted.
    """

    tag_set: list[str]
    signatures: dict[str, SignatureDef]
    ops: list[str]

    def to_dict(self) -> dict[str, Any]:
        """As in the JSON of ``describe``."""
        by_key = {key: signature_dict(self.signatures[key]) for key in sorted(self.signatures)}
        return {"tag_set": self.tag_set, "signatures": by_key, "ops": self.ops}


def meta_graphs(model: Model) -> list[MetaGraphFacts]:
    """What each tag-set of a file holds; none where there is one only."""
    if len(model.tag_sets) < 2 or model.path is None or model.is_isolated:
        return []
    facts = []
    for tags in model.tag_sets[:MOST]:
        try:
            other = model if tags == model.tag_set else formats.open_model(model.path, tags)
            ops = {*other.op_counts(other.outline), *other.function_ops()[1]}
        except InspectorError:
            continue  # `describe` names it among the tag-sets
        facts.append(MetaGraphFacts(tags, dict(other.signatures), sorted(ops)))
    return facts


def signature_dict(signature: SignatureDef) -> dict[str, Any]:
    """One SignatureDef as in the JSON of ``describe``, its tensors by key."""
    return {
        "method_name": signature.method_name,
        "inputs": {
            key: tensor_info_dict(signature.inputs[key]) for key in sorted(signature.inputs)
        },
        "outputs": {
            key: tensor_info_dict(signature.outputs[key]) for key in sorted(signature.outputs)
        },
    }


def tensor_info_dict(info: TensorInfo) -> dict[str, Any]:
    """Name, dtype and shape of a TensorInfo.

    A sparse or composite one has the name of its first part, the values, and ``parts``: part's
    name to tensor name. The dtype is None for what is no tensor: the init op of TensorFlow 2
    stands in a signature.
    """
    parts = parts_of(info)
    tensor = {
        "name": next(iter(parts.values()), ""),
        "dtype": tensors.dtype_name(info.dtype) if info.dtype else None,
        "shape": tensors.shape_of(info.tensor_shape),
    }
    return tensor if "" in parts or not parts else {**tensor, "parts": parts}
