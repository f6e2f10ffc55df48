"""Inputs with a fixed value: each becomes a Const and leaves the signatures.

``phase_train=false`` makes a graph for prediction of one for training. The branches that this
decides go (`graph.branches.dead_branches`) before freezing looks which variables are needed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from inspector.errors import BadFeed, did_you_mean
from inspector.graph import opdefs, tensors
from inspector.graph.graph import Graph, node_name, split_input, tensor_name
from inspector.graph.op_sets import PLACEHOLDERS
from inspector.graph.protos import DTypeEnum, NodeDef, SignatureDef
from inspector.graph.tensors import Array, Shape
from inspector.model import signatures
from inspector.model.model import Model
from inspector.optimisation import feeds
from inspector.optimisation.feeds import Slot
from inspector.text import plain
from inspector.text import shape as shape_text

_FIRST_WITH_SCALARS = 24
"""GraphDefs of an older producer say of every Placeholder that it is a scalar."""
_SHOWN, _LONGEST = 8, 60
_EXAMPLES = {"bool": "false", "string": "predict"}


@dataclass(frozen=True)
class _Input:
    """An input that can be fixed: the node that becomes a Const, and what it takes."""

    node: str
    dtype: DTypeEnum
    shape: Shape | None

    def slot(self, name: str) -> Slot:
        return Slot(name, tensors.dtype_name(self.dtype), self.shape)


def fix_inputs(model: Model, values: Mapping[str, Any], signature: str | None = None) -> Model:
    """The model with a Const for each of these inputs; the model itself where there are none.

    Args:
        values: Key of a signature, node or tensor name to a value: an array, a number, nested
            lists, or text. Text for an input that is no string is JSON: ``false``, ``0.5``,
            ``[1, 2]``; for one of strings JSON where it starts with a bracket, else the string.
        signature: Its keys come before names of nodes; by default the model's own choice.
    Raises: BadFeed (unknown name, or a value of another dtype or shape), UnknownSignature,
        UnsupportedModel (TFLite).
    """
    if not values:
        return model
    model.check_tensorflow()
    key = model.key(signature)
    constants: dict[str, NodeDef] = {}
    for name, value in values.items():
        entry = _find(model, name, key)
        if entry.node in constants:
            raise BadFeed("set", _quoted(name), "the input is set twice")
        array = array_of(value, entry.slot(name))
        const = NodeDef(name=entry.node, op="Const", device=model.graph.node(entry.node).device)
        const.attr["dtype"].type = entry.dtype
        const.attr["value"].tensor.CopyFrom(tensors.from_numpy(array, entry.dtype))
        constants[entry.node] = const
    nodes = [constants.get(node.name, node) for node in model.graph]
    return replace(
        model,
        graph=model.graph.with_nodes(nodes),
        source=None,
        signatures={
            other: _without(model.signatures[other], constants) for other in model.signatures
        },
    )


def array_of(value: Any, slot: Slot) -> Array:
    """A value, or its text, as the array that an input takes; see `fix_inputs`.

    Raises: BadFeed, which says what would be right.
    """
    try:
        return feeds.fit(_parsed(value, slot) if isinstance(value, str) else value, slot)
    except BadFeed as err:
        shape = "any shape" if slot.shape is None else f"shape {shape_text(slot.shape)}"
        needs = f"the input is {slot.dtype} of {shape}, e.g. {plain(slot.key)}={example(slot)}"
        raise BadFeed("set", _quoted(slot.key), f"{err.why}; {needs}") from err


def example(slot: Slot) -> str:
    """A value that fits, as it would be typed; lists of at most two elements."""
    item = _EXAMPLES.get(slot.dtype, "0.5" if "float" in slot.dtype else "1")
    sizes = slot.shape or []
    text = f'"{item}"' if sizes and slot.dtype == "string" else item
    for size in reversed(sizes):
        count = 1 if size is None else min(size, 2)
        more = ", .." if size is not None and size > 2 else ""
        text = f"[{', '.join([text] * count)}{more}]"
        if len(text) >= _LONGEST:  # it doubles with every dimension
            return f"[{item}, ..]"
    return text


def remaining(
    names: Iterable[str], model: Model, values: Collection[str], signature: str | None = None
) -> list[str]:
    """The names of feeds (keys, nodes or tensors) of `model` that these values do not fix."""
    key = model.key(signature)
    fixed = {_find(model, name, key).node for name in values}
    entries = {name: _lookup(model, name, key) for name in names}
    return [name for name, entry in entries.items() if entry is None or entry.node not in fixed]


def _find(model: Model, name: str, key: str | None) -> _Input:
    """Raises: BadFeed for a name that is no input."""
    entry = _lookup(model, name, key)
    if entry is not None:
        return entry
    names = _names(model, key)
    node = model.graph.get(node_name(name))
    reason = "no input of this name"
    if node is not None and node.op in PLACEHOLDERS:
        reason = f"'{plain(node.name)}' has one output only"
    elif node is not None:
        reason = f"it is a node of op {node.op}, not an input"
    listed = ", ".join(f"'{plain(item)}'" for item in names[:_SHOWN])
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    reason += f"; inputs are {listed}{more}" if names else "; the model has no inputs"
    raise BadFeed("set", _quoted(name), reason + did_you_mean(name, names))


def _lookup(model: Model, name: str, key: str | None) -> _Input | None:
    """The input of this name: a key of the chosen signature, a node, a key of another one."""
    chosen = [] if key is None else [model.signatures[key]]
    for signature in chosen:
        if name in signature.inputs:
            return _of_tensor(model.graph, signature.inputs[name].name)
    others = [model.signatures[other] for other in signatures.serving_keys(model.signatures)]
    fed = {tensor_name(info.name) for signature in others for info in signature.inputs.values()}
    node = model.graph.get(node_name(name))
    if node is not None and (node.op in PLACEHOLDERS or tensor_name(name) in fed):
        return _of_tensor(model.graph, name)
    for signature in others:
        if name in signature.inputs:
            return _of_tensor(model.graph, signature.inputs[name].name)
    return None


def _of_tensor(graph: Graph, name: str) -> _Input | None:
    """The input behind a tensor name; None for one of several outputs, or without a dtype."""
    source = split_input(name)
    node = graph.get(source.name)
    dtypes = None if node is None else opdefs.output_dtypes(node, graph.library)
    if node is None or source.port or not dtypes or len(dtypes) != 1:
        return None
    shape = None
    if node.op in PLACEHOLDERS and "shape" in node.attr:
        shape = tensors.shape_of(node.attr["shape"].shape)
        is_old = graph.versions.producer < _FIRST_WITH_SCALARS
        shape = None if shape == [] and is_old and node.op == "Placeholder" else shape
    return _Input(node.name, tensors.base_dtype(dtypes[0]), shape)


def _names(model: Model, key: str | None) -> list[str]:
    """The inputs to choose from: keys of the signature, then placeholders without a key."""
    infos = {} if key is None else dict(model.signatures[key].inputs)
    keyed = {node_name(info.name) for info in infos.values()}
    others = keyed | {node_name(asset.tensor) for asset in model.assets}
    if model.meta_graph is not None:
        file = node_name(model.meta_graph.saver_def.filename_tensor_name)
        others |= model.graph.ancestors([file])  # the path of a checkpoint is no input
    nodes = (node.name for node in model.graph if node.op in PLACEHOLDERS)
    return [*sorted(infos), *(name for name in nodes if name not in others)]


def _parsed(text: str, slot: Slot) -> Any:
    if slot.dtype == "string" and not text.lstrip().startswith("["):
        return text
    word = text.strip()
    if slot.dtype == "bool" and word.lower() in ("true", "false"):
        return word.lower() == "true"
    try:
        value = json.loads(text, parse_float=_finite)
    except (ValueError, RecursionError) as err:
        raise BadFeed("set", slot.key, f"'{plain(text[:60])}' is not a JSON value") from err
    if isinstance(value, dict) or value is None:
        raise BadFeed("set", slot.key, f"'{plain(text[:60])}' is neither a number nor a list")
    return value


def _finite(text: str) -> float:
    """A number as JSON writes it. Raises: ValueError where it becomes infinite."""
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text} is too large")
    return value


def _without(signature: SignatureDef, nodes: Collection[str]) -> SignatureDef:
    """The signature without the inputs that these nodes gave."""
    copy = SignatureDef()
    copy.CopyFrom(signature)
    for key in list(copy.inputs):
        if any(node_name(name) in nodes for name in signatures.tensors_of(copy.inputs[key])):
            del copy.inputs[key]
    return copy


def _quoted(name: str) -> str:
    return f"input '{plain(name)}'"
