"""A Keras config as a graph of layers with their inputs. Nothing is built.

Layers inside a nested model are named ``inner/dense``; the nested model itself is a scope and no
layer. A layer that is called several times is one node with the inputs of all its calls.

Source: the `get_config` of Sequential and Functional in Keras 2.0 to 2.15 and in Keras 3.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from inspector.errors import CorruptModel, LimitExceeded
from inspector.graph.tensors import Shape

MAX_BYTES = 32 << 20
"""Longest config that is read; that of a network of a thousand layers has one MiB."""

MAX_NESTED = 64
"""Most models inside one another."""

MAX_RANK = 64

SEQUENTIAL, FUNCTIONAL = "Sequential", "Functional"
INPUT = "InputLayer"

Ref = tuple[str, int]
Config = Mapping[str, Any]


@dataclass
class Layer:
    """One layer: its name with scopes, its class, its config and its inputs.

    Attributes:
        calls: Per call, (layer, output) of each input tensor.
    """

    name: str
    kind: str
    config: Config
    calls: list[list[Ref]] = field(default_factory=list)

    @property
    def trainable(self) -> bool:
        """Whether training changes its weights at all."""
        return self.config.get("trainable") is not False


@dataclass
class Architecture:
    """The layers of a model.

    Attributes:
        output_names: Per output, the layer or nested model of the main model that it comes from.
        kind: ``Sequential``, ``Functional``, or the class of a model of the author's own, of which
            no layers are known.
        scopes: Names of the nested models to their outputs; the model itself is ``""``.
        members: Scope, name and class of every entry, nested models too, in the config's order.
        declared: Shape and dtype of outputs that the config states, by layer and output (Keras 3).
    """

    kind: str
    layers: dict[str, Layer] = field(default_factory=dict)
    inputs: list[Ref] = field(default_factory=list)
    outputs: list[Ref] = field(default_factory=list)
    output_names: list[str] = field(default_factory=list)
    scopes: dict[str, list[Ref]] = field(default_factory=dict)
    members: list[tuple[str, str, str]] = field(default_factory=list)
    declared: dict[Ref, tuple[Shape | None, str]] = field(default_factory=dict)


def parse(text: str | bytes, what: str) -> dict[str, Any]:
    """The JSON of a config. Raises: CorruptModel, LimitExceeded."""
    if len(text) > MAX_BYTES:
        raise LimitExceeded(what, "config", f"longer than {MAX_BYTES >> 20} MiB")
    try:
        config = json.loads(text)
    except RecursionError as err:
        raise LimitExceeded(what, "config", "nested too deeply") from err
    except ValueError as err:
        raise CorruptModel(what, "config", f"no JSON: {err}") from err
    if not isinstance(config, dict):
        raise CorruptModel(what, "config", "its JSON is no object")
    return config


def architecture(config: Config, what: str) -> Architecture:
    """The layers of a model's config. Raises: CorruptModel, LimitExceeded."""
    kind = _class_of(config)
    if _layers_of(config) is None:
        return Architecture(kind or "model")
    return _Reader(what, kind).read(config)


def _class_of(entry: Config) -> str:
    kind = entry.get("class_name")
    kind = kind if isinstance(kind, str) else ""
    # ``Model`` in Keras 2 up to TensorFlow 2.2.
    return FUNCTIONAL if kind == "Model" else kind


def _layers_of(entry: Config) -> list[Any] | None:
    """The layers of a model's entry; None if it is not Sequential or Functional."""
    inner = entry.get("config")
    if isinstance(inner, list):  # Sequential up to Keras 2.2.2
        return inner if entry.get("class_name") == SEQUENTIAL else None
    layers = inner.get("layers") if isinstance(inner, Mapping) else None
    if not isinstance(layers, list) or not isinstance(inner, Mapping):
        return None
    is_model = entry.get("class_name") == SEQUENTIAL or "output_layers" in inner
    return layers if is_model and all(isinstance(item, Mapping) for item in layers) else None


def _is_sequential(entry: Config) -> bool:
    inner = entry.get("config")
    return isinstance(inner, list) or "output_layers" not in (inner or {})


def _name_of(entry: Config) -> str:
    inner = entry.get("config")
    for source in (entry, inner):
        if isinstance(source, Mapping) and isinstance(source.get("name"), str):
            return str(source["name"])
    return ""


class _Reader:
    """Collects the layers of all nested models, then resolves the inputs of each."""

    def __init__(self, what: str, kind: str) -> None:
        self._what = what
        self._architecture = Architecture(kind)
        self._nested: dict[str, tuple[list[str], list[Ref]]] = {}
        """Per nested model: its input layers, and its outputs."""
        self._calls: dict[str, list[list[Ref]]] = {}
        """Per nested model: the inputs of each of its calls."""

    def read(self, config: Config) -> Architecture:
        todo: list[tuple[str, Config, int]] = [("", config, 0)]
        while todo:
            scope, entry, depth = todo.pop()
            if depth > MAX_NESTED:
                raise LimitExceeded(
                    self._what, "config", f"more than {MAX_NESTED} models in one another"
                )
            below = []
            for item, name, calls in self._members(entry, scope, top=not scope):
                self._architecture.members.append((scope, name, _class_of(item)))
                if _layers_of(item) is not None and name not in self._calls:
                    self._calls[name] = calls
                    below.append((name, item, depth + 1))
                elif name not in self._architecture.layers:
                    inner = item.get("config")
                    layer = Layer(name, _class_of(item), inner if isinstance(inner, dict) else {})
                    layer.calls = calls
                    self._architecture.layers[name] = layer
            todo += reversed(below)
        self._connect()
        return self._architecture

    def _members(
        self, entry: Config, scope: str, *, top: bool
    ) -> list[tuple[Config, str, list[list[Ref]]]]:
        """The entries of one model, each with its name and the inputs of its calls."""
        items = _layers_of(entry) or []
        inner = entry.get("config")
        inner = inner if isinstance(inner, Mapping) else {}
        taken: dict[str, int] = {}
        names = []
        for number, item in enumerate(items):
            if not isinstance(item, Mapping):
                raise CorruptModel(self._what, "config", "a layer is no object")
            name = _name_of(item) or f"layer_{number}"
            count = taken.get(name, 0)
            taken[name] = count + 1
            names.append(_below(scope, f"{name}_{count}" if count else name))
        if _is_sequential(entry):
            return self._chain(items, names, inner, scope, top)
        in_scope = set(names)
        members = []
        for item, name in zip(items, names, strict=True):
            calls = [
                list(self._refs(call, scope, in_scope)) for call in _list(item.get("inbound_nodes"))
            ]
            members.append((item, name, calls))
        inputs = [name for name, _ in self._refs(inner.get("input_layers"), scope, in_scope)]
        outputs = list(self._refs(inner.get("output_layers"), scope, in_scope))
        self._nested[scope] = (inputs, outputs)
        return members

    def _chain(
        self, items: list[Any], names: list[str], inner: Config, scope: str, top: bool
    ) -> list[tuple[Config, str, list[list[Ref]]]]:
        members: list[tuple[Config, str, list[list[Ref]]]] = []
        before: str | None = None
        if items and top and _class_of(items[0]) != INPUT:
            # Keras derives an InputLayer from the first layer's input shape.
            before = f"{names[0]}_input"
            config = _input_of(items[0], inner)
            members.append(({"class_name": INPUT, "config": config}, before, []))
        for item, name in zip(items, names, strict=True):
            members.append((item, name, [] if before is None else [[(before, 0)]]))
            before = name
        first = [members[0][1]] if members else []
        self._nested[scope] = (first, [] if before is None else [(before, 0)])
        return members

    def _refs(self, value: Any, scope: str, in_scope: set[str]) -> Iterator[Ref]:
        """All references to tensors in a value, in order: of Keras 2 and of Keras 3."""
        todo = [value]
        while todo:
            item = todo.pop()
            if isinstance(item, Mapping):
                if item.get("class_name") == "__keras_tensor__":
                    inner = item.get("config")
                    ref = self._history(inner, scope, in_scope)
                    if ref is not None:
                        yield ref
                    continue
                # A structure's tensors are in the order of their keys.
                todo += [item[key] for key in sorted(item, reverse=True)]
            elif isinstance(item, list):
                ref = _reference(item, scope, in_scope)
                if ref is None:
                    todo += reversed(item)
                else:
                    yield ref
                    todo += reversed(item[3:])

    def _history(self, inner: Any, scope: str, in_scope: set[str]) -> Ref | None:
        if not isinstance(inner, Mapping):
            return None
        history = inner.get("keras_history")
        ref = _reference(history, scope, in_scope) if isinstance(history, list) else None
        if ref is not None:
            dtype = inner.get("dtype")
            tensor = (shape_of(inner.get("shape")), dtype if isinstance(dtype, str) else "")
            self._architecture.declared.setdefault(ref, tensor)
        return ref

    def _connect(self) -> None:
        """Replace references to nested models by references to their layers, on both sides."""
        architecture = self._architecture
        for name, calls in self._calls.items():
            for call in calls:
                self._add_call(self._nested[name][0], call)
        for layer in architecture.layers.values():
            layer.calls = [self._resolve_all(call) for call in layer.calls]
        for name, (_, outputs) in self._nested.items():
            architecture.scopes[name] = self._resolve_all(outputs)
        for ref, tensor in list(architecture.declared.items()):
            source = self._resolved(ref)
            if source is not None:
                architecture.declared.setdefault(source, tensor)
        inputs, outputs = self._nested[""]
        architecture.inputs = [(name, 0) for name in inputs if name in architecture.layers]
        for ref in outputs:
            source = self._resolved(ref)
            if source is not None:
                architecture.outputs.append(source)
                architecture.output_names.append(ref[0])

    def _add_call(self, inputs: list[str], call: list[Ref]) -> None:
        """Record one call of a nested model as calls of its input layers."""
        if len(inputs) == 1 or len(inputs) != len(call):
            pairs = [(inner, call) for inner in inputs[:1]]
        else:
            pairs = [(inner, [ref]) for inner, ref in zip(inputs, call, strict=True)]
        for inner, refs in pairs:
            target = inner
            for _ in range(MAX_NESTED):  # the first layer may be a model itself
                if target not in self._nested or not self._nested[target][0]:
                    break
                target = self._nested[target][0][0]
            if target in self._architecture.layers:
                self._architecture.layers[target].calls.append(list(refs))

    def _resolve_all(self, refs: list[Ref]) -> list[Ref]:
        return [source for ref in refs if (source := self._resolved(ref)) is not None]

    def _resolved(self, ref: Ref) -> Ref | None:
        for _ in range(MAX_NESTED + 1):
            name, port = ref
            if name in self._architecture.layers:
                return ref
            outputs = self._nested.get(name, ([], []))[1]
            if not outputs:
                return None
            ref = outputs[port if port < len(outputs) else 0]
        return None


def _below(scope: str, name: str) -> str:
    return f"{scope}/{name}" if scope else name


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _reference(item: list[Any], scope: str, in_scope: set[str]) -> Ref | None:
    """``["dense", 0, 0]``, with more behind it or not, as (layer, output)."""
    if len(item) < 3 or not isinstance(item[0], str):
        return None
    if type(item[1]) is not int or type(item[2]) is not int:
        return None
    name = _below(scope, item[0])
    return (name, min(max(item[2], 0), 10_000)) if name in in_scope else None


def _input_of(entry: Any, inner: Config) -> dict[str, Any]:
    """The config of the InputLayer that Keras puts before the first layer of a Sequential."""
    shape = inner.get("build_input_shape")
    dtype = None
    for _ in range(MAX_NESTED):
        config = entry.get("config") if isinstance(entry, Mapping) else None
        if isinstance(config, Mapping):
            for key in ("batch_input_shape", "batch_shape"):
                if config.get(key) is not None:
                    shape = config[key]
            dtype = dtype_of(config, default="") or dtype
        layers = _layers_of(entry) if isinstance(entry, Mapping) else None
        if layers:
            entry = layers[0]
        elif isinstance(config, Mapping) and isinstance(config.get("layer"), Mapping):
            entry = config["layer"]  # a wrapper, such as Bidirectional
        else:
            break
    return {"batch_input_shape": shape, "dtype": dtype or "float32"}


def shape_of(value: Any) -> Shape | None:
    """A shape as the config writes it; None where it is none."""
    if isinstance(value, Mapping):  # a tuple, in the form of Keras 2.13 and later
        inner = value.get("items", value.get("config"))
        value = inner if value.get("class_name") in ("__tuple__", "TensorShape") else None
    if not isinstance(value, list) or len(value) > MAX_RANK:
        return None
    if not all(item is None or (type(item) is int and 0 <= item < 1 << 62) for item in value):
        return None
    return list(value)


def dtype_of(config: Config, default: str = "float32") -> str:
    """What a layer computes in: its dtype, or that of its policy."""
    value = config.get("dtype")
    if isinstance(value, Mapping):
        inner = value.get("config")
        value = (
            inner.get("name", inner.get("compute_dtype")) if isinstance(inner, Mapping) else None
        )
    if not isinstance(value, str) or len(value) > 40:
        return default
    return value.removeprefix("mixed_")
