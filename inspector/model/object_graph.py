"""The objects of a TensorFlow 2 SavedModel, and the checkpoint keys of the variables they capture.

A function of the object graph takes what it captures as its last arguments, and the main graph
passes a handle for each. Where an object shares its variable with another one, as each weight of
Keras 3 does, the main graph has a handle for both, and its restore op sets only one of them. The
key is then the one that the checkpoint's own object graph gives for the captured object.

Source: tensorflow/core/protobuf/saved_object_graph.proto, trackable_object_graph.proto;
python/saved_model/load.py; python/saved_model/save.py, map_resources.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from inspector.errors import InspectorError
from inspector.graph.graph import data_inputs, node_name
from inspector.graph.op_sets import CALLS, VARIABLES
from inspector.graph.protos import NodeDef, SavedObjectGraph, TrackableObjectGraph, parse
from inspector.model.checkpoint import OBJECT_GRAPH

if TYPE_CHECKING:
    from inspector.model.model import Model

_VALUE = "VARIABLE_VALUE"
_HOPS = 32
_STEPS = 5_000_000
"""Children that are looked at; damaged objects may lead to each other without end."""


def read(model: Model) -> SavedObjectGraph | None:
    """The objects of a SavedModel; None where there are none.

    Raises: CorruptModel, LimitExceeded.
    """
    if model.objects is None:
        return None
    return parse(SavedObjectGraph, model.objects, model.name, "object graph")


def captured_keys(model: Model) -> dict[str, str]:
    """Variable's node in the main graph to checkpoint key, for all that functions capture.

    Empty where the model or its checkpoint holds no objects, or they cannot be read.
    """
    try:
        objects = read(model)
        keys = {} if objects is None else variable_keys(model, objects)
    except InspectorError:
        return {}
    if objects is None or not keys:
        return {}
    handles: dict[str, str] = {}
    for call in _calls(model):
        for text, number in _captures(objects, call):
            handle = _handle(model, text) if number in keys else None
            if handle is not None:
                handles[handle] = keys[number]
    return handles


def captured_tensors(model: Model, objects: SavedObjectGraph) -> dict[int, str]:
    """Number of an object to the tensor that the main graph passes where a function captures it."""
    return {number: text for call in _calls(model) for text, number in _captures(objects, call)}


def variable_keys(model: Model, objects: SavedObjectGraph) -> dict[int, str]:
    """Number of an object to the checkpoint key of its variable.

    Raises: CorruptModel, LimitExceeded, MissingVariables.
    """
    checkpoint = model.checkpoint
    if checkpoint is None or OBJECT_GRAPH not in checkpoint or not objects.nodes:
        return {}
    data = checkpoint.read(OBJECT_GRAPH).ravel()
    if not len(data) or not isinstance(data[0], bytes):
        return {}
    stored = parse(TrackableObjectGraph, data[0], model.name, "checkpoint")
    keys: dict[int, str] = {}
    pairs = dict.fromkeys([(0, 0)] if stored.nodes else [])
    todo = list(pairs)
    steps = 0
    while todo and steps < _STEPS:
        number, other = todo.pop()
        if not (0 <= number < len(objects.nodes) and 0 <= other < len(stored.nodes)):
            continue
        attributes = stored.nodes[other].attributes
        steps += len(objects.nodes[number].children) + len(stored.nodes[other].children)
        steps += len(attributes)
        for attribute in attributes:
            if attribute.name == _VALUE:
                keys.setdefault(number, attribute.checkpoint_key)
        children = {child.local_name: child.node_id for child in stored.nodes[other].children}
        for child in objects.nodes[number].children:
            pair = (child.node_id, children.get(child.local_name, -1))
            if pair[1] >= 0 and pair not in pairs:
                pairs[pair] = None
                todo.append(pair)
    return keys


def _calls(model: Model) -> Iterator[NodeDef]:
    graph = model.outline
    columns = graph.columns()
    for number in columns.where(CALLS):
        node = graph.get(columns.names[number])
        if node is not None:
            yield node


def _captures(objects: SavedObjectGraph, call: NodeDef) -> Iterator[tuple[str, int]]:
    """The tensors that a call passes for what its function captures, and their objects."""
    name = call.attr["f"].func.name if "f" in call.attr else ""
    if name not in objects.concrete_functions:
        return
    numbers = objects.concrete_functions[name].bound_inputs
    inputs = data_inputs(call)
    if not numbers or len(numbers) > len(inputs):
        return
    yield from zip(inputs[-len(numbers) :], numbers, strict=True)


def _handle(model: Model, text: str) -> str | None:
    """The variable's node behind an input, past Identity ops."""
    for _ in range(_HOPS):
        node = model.outline.get(node_name(text))
        if node is None:
            return None
        if node.op in VARIABLES:
            return str(node.name)
        inputs = data_inputs(node)
        if node.op != "Identity" or not inputs:
            return None
        text = inputs[0]
    return None
