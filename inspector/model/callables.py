"""The functions of a TensorFlow 2 SavedModel that Python calls, such as ``__call__``.

They are traced functions of the object graph, named by the attributes that lead to them. The main
graph does not call them; `with_callable` adds a call and a signature for it.

Source: tensorflow/core/protobuf/saved_object_graph.proto, struct.proto;
python/saved_model/load.py.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from inspector.errors import FreezeError, InspectorError, UnknownSignature, did_you_mean
from inspector.graph import tensors
from inspector.graph.graph import Graph, Names, node_name
from inspector.graph.protos import FunctionDef, NodeDef, SavedObjectGraph, SignatureDef
from inspector.graph.tensors import RESOURCE, Shape
from inspector.model import object_graph, signatures
from inspector.model.graph_facts import Tensor
from inspector.model.model import Model

MAX_DEPTH, MAX_CALLABLES = 8, 1_000
MAX_TENSORS = 50_000
"""Inputs and outputs of all functions that are listed: many may be traces of one long body."""
MAX_KEY = 500
"""Characters of a name or of a key: what is below it repeats them."""

_EXPORT = "export it with tf.saved_model.save(..., signatures=...)"
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.\-/]+")
_NESTED = ("tuple_value", "list_value", "dict_value", "named_tuple_value")


@dataclass(frozen=True)
class Callable:
    """One traced function.

    Attributes:
        name: The attributes that lead to it, with dots; a further trace has its number in brackets.
        function: Its name in the function library; empty where it was never traced.
        inputs, outputs: Its tensors by key; what it captures is not among the inputs.
        captures: Numbers of the objects that it captures.
        problem: Why it cannot be frozen, as a clause; empty where it can.
    """

    name: str
    function: str
    inputs: list[Tensor] = field(default_factory=list)
    outputs: list[Tensor] = field(default_factory=list)
    captures: tuple[int, ...] = ()
    problem: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As in the JSON of ``describe``."""
        return {
            "name": self.name,
            "inputs": [item.to_dict() for item in self.inputs],
            "outputs": [item.to_dict() for item in self.outputs],
            "problem": self.problem,
        }


def callables(model: Model) -> list[Callable]:
    """The functions for users, by depth and name; none where the objects cannot be read."""
    try:
        objects = object_graph.read(model)
    except InspectorError:
        return []
    if objects is None:
        return []
    bodies = {item.signature.name: item for item in model.outline.library.function}
    available = _available(model, objects)
    listed: list[Callable] = []
    tensors_listed = 0
    for name, function in _traces(objects):
        if len(listed) == MAX_CALLABLES or tensors_listed > MAX_TENSORS:
            break
        if function:
            listed.append(_callable(name, function, objects, bodies, available))
        else:
            reason = "it was not traced before the model was saved"
            listed.append(Callable(name, "", problem=reason))
        tensors_listed += len(listed[-1].inputs) + len(listed[-1].outputs)
    return listed


def name_a_function(model: Model) -> str:
    """The reason for an error where a model has no signature and functions to choose from."""
    names = [repr(item.name) for item in callables(model) if not item.problem]
    if not names:
        return ""
    listed = ", ".join(names[:3])
    return f"the model has no signature: name one of its functions with --signature, e.g. {listed}"


def with_callables(model: Model, requested: str | Sequence[str] | None) -> Model:
    """The model with a signature for each requested key that is the name of a callable.

    Raises: UnknownSignature, with the names that there are; FreezeError for one without a trace or
        with captures that the main graph does not hold.
    """
    names = [requested] if isinstance(requested, str) else list(requested or ())
    missing = [name for name in dict.fromkeys(names) if name not in model.signatures]
    if not missing or model.objects is None:
        return model
    by_name = {item.name: item for item in callables(model)}
    for name in missing:
        if name not in by_name:
            keys = [*signatures.serving_keys(model.signatures), *by_name]
            listed = f"it has {', '.join(map(repr, keys[:8]))}" if keys else "it has none"
            reason = listed + did_you_mean(name, keys)
            raise UnknownSignature(model.name, f"signature '{name}'", reason)
        if by_name[name].problem:
            reason = f"{by_name[name].problem}; {_EXPORT}"
            raise FreezeError(model.name, f"function '{name}'", reason)
        model = _with_callable(model, by_name[name])
    return model


def _traces(objects: SavedObjectGraph) -> Iterator[tuple[str, str]]:
    """The name of each trace of each public function, and its function's; empty for no trace."""
    for name, functions in _functions(objects):
        if not functions:
            yield name, ""
        for number, function in enumerate(functions):
            yield f"{name}[{number}]" if number else name, function


def _functions(objects: SavedObjectGraph) -> Iterator[tuple[str, list[str]]]:
    """The name of each public function, and its traces."""
    if not objects.nodes:
        return
    visited = {0}
    level: list[tuple[str, int]] = [("", 0)]
    for _ in range(MAX_DEPTH):
        deeper: list[tuple[str, int]] = []
        for path, number in level:
            for child in sorted(objects.nodes[number].children, key=lambda item: item.local_name):
                name, to = child.local_name, child.node_id
                is_private = name.startswith("_") and name != "__call__"
                if (
                    is_private
                    or len(path) + len(name) > MAX_KEY
                    or not 0 <= to < len(objects.nodes)
                    or to in visited
                ):
                    continue
                if not path and name == "signatures":
                    continue
                visited.add(to)
                full = f"{path}.{name}" if path else name
                node = objects.nodes[to]
                kind = node.WhichOneof("kind")
                if kind == "function":
                    yield full, list(node.function.concrete_functions)
                elif kind == "bare_concrete_function":
                    yield full, [node.bare_concrete_function.concrete_function_name]
                else:
                    deeper.append((full, to))
        level = deeper


def _callable(
    name: str,
    function: str,
    objects: SavedObjectGraph,
    bodies: Mapping[str, FunctionDef],
    available: Container[int],
) -> Callable:
    body = bodies.get(function)
    if body is None or function not in objects.concrete_functions:
        return Callable(name, function, problem="the function library lacks its body")
    concrete = objects.concrete_functions[function]
    captures = tuple(concrete.bound_inputs)
    arguments = list(body.signature.input_arg)
    count = len(arguments) - len(captures)
    if count < 0:
        return Callable(name, function, problem="it captures more than it takes")
    keys = Names()
    inputs = [
        Tensor(
            keys.free(_input_key(body, number)),
            tensors.dtype_name(arguments[number].type),
            _input_shape(body, number),
        )
        for number in range(count)
    ]
    results = list(body.signature.output_arg)
    leaves = list(islice(_leaves(concrete.output_signature, ""), len(results) + 1))
    if len(leaves) != len(results):
        leaves = [(str(number), None) for number in range(len(results))]
    keys = Names()
    outputs = [
        Tensor(keys.free(_output_key(path)), tensors.dtype_name(result.type), shape)
        for result, (path, shape) in zip(results, leaves, strict=True)
    ]
    problem = ""
    if any(argument.type == RESOURCE for argument in arguments[:count]):
        problem = "it takes a resource as an argument"
    elif any(number not in available for number in captures):
        problem = "it captures an object that the main graph does not hold"
    return Callable(name, function, inputs, outputs, captures, problem)


def _available(model: Model, objects: SavedObjectGraph) -> set[int]:
    """Numbers of the objects that a new call can be given."""
    constants = {
        number
        for number, node in enumerate(objects.nodes)
        if node.WhichOneof("kind") == "constant"
        and node_name(node.constant.operation) in model.outline
    }
    try:
        keys = object_graph.variable_keys(model, objects)
    except InspectorError:
        keys = {}
    variables = {
        number for number in keys if objects.nodes[number].WhichOneof("kind") == "variable"
    }
    return constants | variables | set(object_graph.captured_tensors(model, objects))


def _input_key(body: FunctionDef, number: int) -> str:
    attributes = body.arg_attr[number].attr if number in body.arg_attr else {}
    user_name = "_user_specified_name"
    text = attributes[user_name].s.decode(errors="replace") if user_name in attributes else ""
    return text or body.signature.input_arg[number].name


def _input_shape(body: FunctionDef, number: int) -> Shape | None:
    attributes = body.arg_attr[number].attr if number in body.arg_attr else {}
    for key in ("_output_shapes", "shape"):
        if key in attributes:
            shapes = attributes[key].list.shape
            return tensors.shape_of(shapes[0] if shapes else attributes[key].shape)
    return None


def _output_key(path: str) -> str:
    return f"output_{path or 0}" if not path or path[0].isdigit() else path


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Shape | None]]:
    """The tensors of a StructuredValue in the order of results: path of keys, and shape."""
    stack: list[tuple[Any, str]] = [(value, path)]
    while stack:
        item, place = stack.pop()
        kind = item.WhichOneof("kind")
        if kind in ("tensor_spec_value", "bounded_tensor_spec_value"):
            yield place, tensors.shape_of(getattr(item, kind).shape)
        elif kind in _NESTED:
            parts = _parts(item, kind)
            stack += [
                (part, (f"{place}_{key}" if place else key)[:MAX_KEY])
                for key, part in reversed(parts)
            ]
        elif kind not in (None, "none_value"):
            yield place, None


def _parts(item: Any, kind: str) -> list[tuple[str, Any]]:
    nested = getattr(item, kind)
    if kind == "dict_value":
        return [(key, nested.fields[key]) for key in sorted(nested.fields)]
    if kind == "named_tuple_value":
        return [(pair.key, pair.value) for pair in nested.values]
    return [(str(number), part) for number, part in enumerate(nested.values)]


def _with_callable(model: Model, item: Callable) -> Model:
    """The model with a call of this function, a signature of its name, and handles for both."""
    objects = object_graph.read(model)
    assert objects is not None
    handles = object_graph.captured_tensors(model, objects)
    keys = object_graph.variable_keys(model, objects)
    names = Names(node.name for node in model.graph)
    stem = _node_name(item.name, "call")
    signature = SignatureDef(method_name=signatures.PREDICT)
    new: list[NodeDef] = []
    variable_keys = dict(model.variable_keys)
    call = NodeDef(name=names.free(stem), op="StatefulPartitionedCall")
    call.attr["f"].func.name = item.function
    for tensor in item.inputs:
        name = names.free(f"{stem}_{_node_name(tensor.name, 'x')}")
        node = NodeDef(name=name, op="Placeholder")
        node.attr["dtype"].type = tensors.dtype_enum(tensor.dtype)
        node.attr["shape"].shape.CopyFrom(tensors.make_shape(tensor.shape))
        new.append(node)
        call.input.append(node.name)
        call.attr["Tin"].list.type.append(node.attr["dtype"].type)
        _describe(signature.inputs[tensor.name], f"{node.name}:0", tensor)
    for number in item.captures:
        text = handles.get(number)
        if text is None:
            text, handle = _capture(objects, number, names)
            if handle is not None:
                new.append(handle)
                variable_keys[handle.name] = keys[number]
        call.input.append(text)
    body = next(f for f in model.outline.library.function if f.signature.name == item.function)
    captured = list(body.signature.input_arg)[len(item.inputs) :]
    call.attr["Tin"].list.type.extend(argument.type for argument in captured)
    call.attr["Tout"].list.type.extend(result.type for result in body.signature.output_arg)
    for port, tensor in enumerate(item.outputs):
        _describe(signature.outputs[tensor.name], f"{call.name}:{port}", tensor)
    graph = Graph([*model.graph, *new, call], model.graph.library, model.graph.versions)
    by_key = {**model.signatures, item.name: signature}
    return replace(model, graph=graph, source=None, signatures=by_key, variable_keys=variable_keys)


def _capture(objects: SavedObjectGraph, number: int, names: Names) -> tuple[str, NodeDef | None]:
    """The tensor of a captured variable or constant, and the new handle of a variable."""
    saved = objects.nodes[number]
    if saved.WhichOneof("kind") == "constant":
        return node_name(saved.constant.operation), None
    name = names.free(_node_name(saved.variable.name, "variable"))
    node = NodeDef(name=name, op="VarHandleOp")
    node.attr["dtype"].type = saved.variable.dtype
    node.attr["shape"].shape.CopyFrom(saved.variable.shape)
    node.attr["shared_name"].s = node.name.encode()
    return str(node.name), node


def _node_name(text: str, default: str) -> str:
    """The text as TensorFlow allows it for a node."""
    return _NOT_IN_NAMES.sub("_", text).strip("_./") or default


def _describe(info: Any, name: str, tensor: Tensor) -> None:
    info.name = name
    info.dtype = tensors.dtype_enum(tensor.dtype)
    info.tensor_shape.CopyFrom(tensors.make_shape(tensor.shape))
