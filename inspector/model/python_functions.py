"""The functions of a TensorFlow 2 SavedModel by their Python names, each with the calls it was
traced for: what ``saved_model_cli show --all`` lists as concrete functions.

Source: tensorflow/core/protobuf/saved_object_graph.proto, struct.proto; for the names of arguments
python/saved_model/function_deserialization.py, which reads the FullArgSpec.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from inspector.errors import InspectorError
from inspector.graph import tensors
from inspector.graph.protos import SavedObjectGraph
from inspector.graph.tensors import Shape
from inspector.model import object_graph
from inspector.model.model import Model

MOST_TRACES = 2_000
MOST_ARGUMENTS = 20_000
"""Of all functions together: a damaged file may repeat one structure without end."""
_MOST_DEPTH = 8

_SPECS = ("tensor_spec_value", "bounded_tensor_spec_value")
_PLAIN = ("bool_value", "int64_value", "float64_value", "string_value")
_LISTS = ("tuple_value", "list_value")


@dataclass(frozen=True)
class Argument:
    """One argument of a trace: a tensor, a value, or several of them.

    Attributes:
        name: Of the parameter, or of the tensor where the function states no parameters.
        dtype, shape: Of a tensor; None otherwise.
        tensor: The name of the tensor, which may differ from that of the parameter.
        value: Of a Python value: bool, number, text or None; another type by its name.
        items: The parts of a list, tuple or dict, by place or key.
    """

    name: str
    dtype: str | None = None
    shape: Shape | None = None
    tensor: str = ""
    value: bool | int | float | str | None = None
    items: tuple[Argument, ...] | None = None

    def to_dict(self) -> dict[str, Any]:
        """As in the JSON of ``describe``: a tensor, ``items``, or a ``value``."""
        if self.items is not None:
            return {"name": self.name, "items": [item.to_dict() for item in self.items]}
        if self.dtype is not None:
            kind = {"dtype": self.dtype, "shape": self.shape, "tensor": self.tensor}
            return {"name": self.name, **kind}
        return {"name": self.name, "value": self.value}


@dataclass(frozen=True)
class Trace:
    """One concrete function: its name in the function library, and the arguments it is for."""

    function: str
    arguments: list[Argument] = field(default_factory=list)
    keywords: list[Argument] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """As in the JSON of ``describe``."""
        return {
            "function": self.function,
            "arguments": [item.to_dict() for item in self.arguments],
            "keywords": [item.to_dict() for item in self.keywords],
        }


@dataclass(frozen=True)
class PythonFunction:
    """A function that is an attribute of the saved object, with its traces."""

    name: str
    traces: list[Trace]

    def to_dict(self) -> dict[str, Any]:
        """As in the JSON of ``describe``."""
        return {"name": self.name, "traces": [item.to_dict() for item in self.traces]}


def python_functions(model: Model) -> list[PythonFunction]:
    """The functions of the saved object by name; none where its objects cannot be read."""
    try:
        objects = object_graph.read(model)
    except InspectorError:
        return []
    if objects is None or not objects.nodes:
        return []
    reader = _Reader(objects)
    functions = []
    for child in sorted(objects.nodes[0].children, key=lambda item: item.local_name):
        if not 0 <= child.node_id < len(objects.nodes):
            continue
        names, parameters = _of_node(objects.nodes[child.node_id])
        if names is not None:
            traces = [reader.trace(name, parameters) for name in sorted(names)]
            functions.append(PythonFunction(child.local_name, [item for item in traces if item]))
    return functions


def _of_node(node: Any) -> tuple[list[str] | None, list[str]]:
    """The concrete functions of an object, None for no function; and the names of parameters."""
    kind = node.WhichOneof("kind")
    if kind == "function":
        return list(node.function.concrete_functions), _parameters(node.function.function_spec)
    if kind == "bare_concrete_function":
        bare = node.bare_concrete_function
        return [bare.concrete_function_name], list(bare.argument_keywords)
    return None, []


def _parameters(spec: Any) -> list[str]:
    """Names of the parameters by place, without ``self``."""
    for pair in spec.fullargspec.named_tuple_value.values:
        if pair.key == "args":
            names = [item.string_value for item in pair.value.list_value.values]
            return names[1:] if spec.is_method else names
    return []


class _Reader:
    def __init__(self, objects: SavedObjectGraph) -> None:
        self._concrete = objects.concrete_functions
        self._traces = self._arguments = 0

    def trace(self, function: str, parameters: list[str]) -> Trace | None:
        """The trace of a concrete function; None past the limit, or where it is not there."""
        self._traces += 1
        if self._traces > MOST_TRACES or function not in self._concrete:
            return None
        signature = self._concrete[function].canonicalized_input_signature
        parts = list(signature.tuple_value.values)
        arguments = list(parts[0].tuple_value.values) if parts else []
        keywords = dict(parts[1].dict_value.fields) if len(parts) > 1 else {}
        names = [*parameters, *[""] * len(arguments)]
        return Trace(
            function,
            list(self._listed(zip(names, arguments, strict=False), 0)),
            list(self._listed(sorted(keywords.items()), 0)),
        )

    def _listed(self, pairs: Any, depth: int) -> Iterator[Argument]:
        for name, value in pairs:
            self._arguments += 1
            if self._arguments > MOST_ARGUMENTS:
                return
            yield self._argument(name, value, depth)

    def _argument(self, name: str, item: Any, depth: int) -> Argument:
        kind = item.WhichOneof("kind")
        if kind in _SPECS:
            spec = getattr(item, kind)
            shape = tensors.shape_of(spec.shape)
            return Argument(name or spec.name, tensors.dtype_name(spec.dtype), shape, spec.name)
        if kind in _PLAIN:
            return Argument(name, value=getattr(item, kind))
        if kind in (None, "none_value"):
            return Argument(name)
        if depth < _MOST_DEPTH:
            if kind in _LISTS:
                parts = [(str(at), part) for at, part in enumerate(getattr(item, kind).values)]
                return Argument(name, items=tuple(self._listed(parts, depth + 1)))
            if kind == "dict_value":
                parts = sorted(item.dict_value.fields.items())
                return Argument(name, items=tuple(self._listed(parts, depth + 1)))
            if kind == "named_tuple_value":
                parts = [(pair.key, pair.value) for pair in item.named_tuple_value.values]
                return Argument(name, items=tuple(self._listed(parts, depth + 1)))
        return Argument(name, value=kind.removesuffix("_value"))
