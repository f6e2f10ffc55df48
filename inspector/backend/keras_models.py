"""Turns a Keras file into a frozen graph: built by Keras, traced, frozen by `inspector.freezing`.

Values go from Keras' variables to constants, without a SavedModel in between: on a loaded ResNet50
1.7 s of processor time, where `export` and freezing what it wrote take 11.5 s.

Source: tensorflow/python/framework/func_graph.py for captures.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from inspector.backend import keras_loading, keras_tables
from inspector.errors import MissingVariables, UnsupportedModel
from inspector.formats.keras.layer_model import keras_model
from inspector.freezing.freeze import freeze
from inspector.graph import tensors
from inspector.graph.graph import Graph, node_name, split_input
from inspector.graph.protos import DTypeEnum, GraphDef, NodeDef, SignatureDef, TensorInfo, parse
from inspector.graph.tensors import Array
from inspector.model.checkpoint import Checkpoint, Variable
from inspector.model.model import Model
from inspector.model.signatures import DEFAULT, PREDICT

OUTPUT = "output_node"
"""What the nodes of the model's outputs are called, with a number behind it."""

_LAYER, _LAYERS = "inspector_layer_output_", "layers"


def build(
    model: Model, outputs: Sequence[str] | None = None, *, keep_devices: bool = False
) -> Model:
    """The frozen graph of a Keras file.

    Placeholders have the names of the model's inputs, the outputs are ``output_node0`` and so on;
    an output of a layer that was asked for has the layer's name.

    Args:
        model: As `formats.keras` read it.
        outputs: Layers or nodes to freeze for; by default all outputs of the model.
    Raises: BlockedOp (code that may not run), UnsupportedModel, CorruptModel, UnknownNode.
    """
    with keras_loading.loaded(model) as built:
        traced = _Traced(model, built, outputs)
        return freeze(traced.model(), traced.fetches, DEFAULT, keep_devices)


class _Values(Checkpoint):
    """Keras variables behind the interface of a checkpoint."""

    def __init__(self, name: str, values: Mapping[str, Any]) -> None:
        self.name = name
        self.prefix = Path(name)
        self._values = values

    def files(self) -> list[Path]:
        return []

    def missing(self) -> list[str]:
        return []

    def variables(self) -> list[Variable]:
        return []

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def dtype(self, key: str) -> DTypeEnum:
        number: DTypeEnum = self._values[key].dtype.as_datatype_enum
        return number

    def read(self, key: str, slice_spec: str = "") -> Array:
        if key not in self._values:
            raise MissingVariables(self.name, key, "Keras has no such variable")
        array: Array = np.asarray(self._values[key].numpy())
        return array


class _Traced:
    """The inference graph of a built model, its variables as nodes with values beside them."""

    def __init__(self, model: Model, built: Any, outputs: Sequence[str] | None) -> None:
        self._opened = keras_model(model)
        self._built = built
        self._nodes: list[NodeDef] = []
        self._values: dict[str, Any] = {}
        self._tables = keras_tables.Tables()
        layers = _by_name(built)
        plain = [node_name(name.strip()) for name in outputs or ()]
        self._picked = [name for name in dict.fromkeys(plain) if name in layers]
        specs, structure = _specs(model, built)
        self._inputs = [spec.name for spec in specs]
        recorded: dict[str, Any] = {}

        def run(*args: Any) -> list[Any]:
            graph = tf.compat.v1.get_default_graph()
            with _recording(layers, self._picked, recorded, graph):
                results = built(tf.nest.pack_sequence_as(structure, list(args)), training=False)
            flat = [_tensor(item, model) for item in tf.nest.flatten(results)]
            identities = [
                tf.identity(item, f"{OUTPUT}{number}") for number, item in enumerate(flat)
            ]
            for number, name in enumerate(self._picked):
                if name in recorded:
                    identities.append(
                        tf.identity(_tensor(recorded[name], model), f"{_LAYER}{number}")
                    )
            traced[:] = identities
            return identities

        traced: list[Any] = []
        self._function = tf.function(run, autograph=False).get_concrete_function(*specs)
        # Before the Identity that a function puts behind each of its outputs.
        self._outputs = [item.op.name for item in traced]
        self._recorded = [name for name in self._picked if name in recorded]
        self._read_graph()
        self.fetches = list(outputs) if outputs is not None else self._names[: self._count]

    @property
    def _count(self) -> int:
        """How many outputs the model itself has."""
        return len(self._outputs) - len(self._recorded)

    def model(self) -> Model:
        """What is frozen: a graph with variables."""
        return Model(
            format="GraphDef",
            name=self._opened.name,
            graph=Graph(self._nodes, self._library, self._versions),
            signatures={DEFAULT: self._signature(), _LAYERS: self._layer_outputs()},
            producer=str(tf.__version__),
            checkpoint=_Values(self._opened.name, self._values),
            init_op=self._tables.init_op,
        )

    def _read_graph(self) -> None:
        graph = self._function.graph
        data = graph.as_graph_def().SerializeToString()
        proto = parse(GraphDef, data, self._opened.name, "GraphDef")
        self._library, self._versions = proto.library, proto.versions
        nodes = {node.name: node for node in proto.node}
        variables = {id(variable.handle): variable for variable in graph.variables}
        paths = _paths(self._built)
        names: dict[str, str] = {}
        for outer, inner in graph.captures:
            node = nodes[inner.op.name]
            variable = variables.get(id(outer))
            if variable is not None:
                names[node.name] = paths.get(id(variable.handle)) or variable.name.partition(":")[0]
        for number, name in enumerate(self._recorded):
            names[self._outputs[self._count + number]] = name
        renamed = _renamed(nodes, names, f"{self._built.name}/")
        self._names = [renamed[name] for name in self._outputs]
        for outer, inner in graph.captures:
            node = nodes[inner.op.name]
            variable = variables.get(id(outer))
            if variable is not None:
                _as_variable(node, variable)
                self._values[node.name] = variable
            elif outer.dtype == tf.resource:
                self._tables.add(node, outer, proto, self._opened.name)
            else:
                value = tensors.from_numpy(np.asarray(outer.numpy()), outer.dtype.as_datatype_enum)
                _as_constant(node, value, outer.dtype.as_datatype_enum)
        self._nodes = [*proto.node, *self._tables.nodes]

    def _signature(self) -> SignatureDef:
        signature = SignatureDef(method_name=PREDICT)
        graph = self._function.graph
        arguments = graph.inputs[: len(self._inputs)]
        for key, tensor in zip(self._inputs, arguments, strict=True):
            _info(signature.inputs[key], tensor, tensor.op.name)
        keys = self._opened.layers.output_keys
        outputs = list(zip(self._names, graph.outputs, strict=True))[: self._count]
        if len(keys) != len(outputs):
            keys = [f"output_{number}" for number in range(len(outputs))]
        for key, (name, tensor) in zip(keys, outputs, strict=True):
            _info(signature.outputs[key], tensor, name)
        return signature

    def _layer_outputs(self) -> SignatureDef:
        """The shapes of picked layers' outputs, for the signature that freezing makes."""
        signature = SignatureDef()
        tensors_ = self._function.graph.outputs[self._count :]
        for name, tensor in zip(self._names[self._count :], tensors_, strict=True):
            _info(signature.outputs[name], tensor, name)
        return signature


def _specs(model: Model, built: Any) -> tuple[list[Any], Any]:
    """A TensorSpec per input, and the structure that the model is called with."""
    inputs = getattr(built, "inputs", None)
    if not inputs:
        why = "its layers were saved before they were built: the shape of its input is not known"
        raise UnsupportedModel(model.name, "inputs", why)
    # A functional model keeps the structure that it was made with: a list, a dict.
    structure = getattr(built, "_inputs_struct", None)
    if structure is None:
        structure = getattr(built, "_nested_inputs", None)
    if structure is None:
        structure = inputs[0] if len(inputs) == 1 else list(inputs)
    flat = tf.nest.flatten(structure)
    names = getattr(built, "input_names", None) or [item.name for item in flat]
    if len(names) != len(flat):
        names = [item.name for item in flat]
    specs = []
    for name, item in zip(names, flat, strict=True):
        if getattr(item, "sparse", False) or getattr(item, "ragged", False):
            why = "a sparse or ragged input, for which no graph is made"
            raise UnsupportedModel(model.name, f"input '{name}'", why)
        specs.append(tf.TensorSpec(tuple(item.shape), item.dtype, name=name))
    return specs, structure


def _tensor(value: Any, model: Model) -> Any:
    if not isinstance(value, tf.Tensor):
        why = "an output is sparse or ragged, for which no graph is made"
        raise UnsupportedModel(model.name, "outputs", why)
    return value


def _by_name(built: Any) -> dict[str, Any]:
    """All layers by name; those of nested models below its name."""
    layers: dict[str, Any] = {}
    todo = [("", built)]
    visited: set[int] = set()
    while todo:
        scope, holder = todo.pop()
        if id(holder) in visited:
            continue
        visited.add(id(holder))
        members = getattr(holder, "operations", None) or getattr(holder, "layers", None) or []
        for layer in members if isinstance(members, Iterable) else ():
            name = f"{scope}/{layer.name}" if scope else str(layer.name)
            layers.setdefault(name, layer)
            if getattr(layer, "layers", None):
                todo.append((name, layer))
    return layers


class _recording:  # noqa: N801  # used like a function
    """Records the first output of each picked layer while the model is traced in a graph."""

    def __init__(
        self,
        layers: Mapping[str, Any],
        picked: Iterable[str],
        first_outputs: dict[str, Any],
        graph: Any,
    ) -> None:
        self._layers = {name: layers[name] for name in picked}
        self._first_outputs = first_outputs
        self._graph = graph

    def __enter__(self) -> None:
        for name, layer in self._layers.items():
            object.__setattr__(layer, "call", self._recorder(name, layer.call))

    def __exit__(self, *_: object) -> None:
        for layer in self._layers.values():
            layer.__dict__.pop("call", None)

    def _recorder(self, name: str, call: Any) -> Any:
        def recorded(*args: Any, **kwargs: Any) -> Any:
            value = call(*args, **kwargs)
            first = tf.nest.flatten(value)[0] if value is not None else None
            if isinstance(first, tf.Tensor) and first.graph is self._graph:
                self._first_outputs.setdefault(name, first)
            return value

        return tf.autograph.experimental.do_not_convert(recorded)


def _paths(built: Any) -> dict[int, str]:
    """The names of Keras 3's variables: TensorFlow knows only their last part."""
    paths = {}
    for variable in getattr(built, "variables", ()):
        inner = getattr(variable, "value", None)
        path = getattr(variable, "path", None)
        if isinstance(path, str) and inner is not None and hasattr(inner, "handle"):
            paths[id(inner.handle)] = path.removeprefix(f"{built.name}/")
    return paths


def _renamed(nodes: Mapping[str, NodeDef], names: Mapping[str, str], scope: str) -> dict[str, str]:
    """Rename nodes as in `names`, all others without the model's scope. Returns old name to new."""
    taken = {name for name in nodes if name not in names and not name.startswith(scope)}
    new_names: dict[str, str] = {}
    for name in nodes:
        short = names.get(name) or name.removeprefix(scope)
        free, count = short, 0
        while free in taken and (free != name or name in names):
            count += 1
            free = f"{short}_{count}"
        taken.add(free)
        new_names[name] = free
    for node in nodes.values():
        node.name = new_names[node.name]
        for number, text in enumerate(node.input):
            source, port, control = split_input(text)
            new = new_names.get(source, source)
            node.input[number] = f"^{new}" if control else f"{new}:{port}" if port else new
        if "_class" in node.attr:
            del node.attr["_class"]  # where to put it, after the node of a variable
    return new_names


def _as_variable(node: NodeDef, variable: Any) -> None:
    _cleared(node, "VarHandleOp")
    node.attr["dtype"].type = variable.dtype.as_datatype_enum
    node.attr["shape"].shape.CopyFrom(tensors.make_shape(variable.shape.as_list()))
    node.attr["shared_name"].s = node.name.encode()


def _as_constant(node: NodeDef, value: Any, dtype: DTypeEnum) -> None:
    _cleared(node, "Const")
    node.attr["dtype"].type = dtype
    node.attr["value"].tensor.CopyFrom(value)


def _cleared(node: NodeDef, op: str) -> None:
    node.op = op
    for key in list(node.attr):
        del node.attr[key]


def _info(info: TensorInfo, tensor: Any, name: str) -> None:
    info.name = f"{name}:0"
    info.dtype = tensor.dtype.as_datatype_enum
    shape = None if tensor.shape.rank is None else tensor.shape.as_list()
    info.tensor_shape.CopyFrom(tensors.make_shape(shape))
