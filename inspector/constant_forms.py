"""Readers of variables in the form they have when the variable is a constant.

The same rewriting serves the main graph and the bodies of functions: a node that is given a handle
is given the value instead. Functions that get values where they got handles are cloned, once for
each set of dtypes and shapes.

Source: tensorflow/python/framework/convert_to_constants.py, for the forms of the readers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from inspector.functions import Body, Library, to_function
from inspector.graph import Names, split_input
from inspector.protos import Message, NodeDef, TensorShapeProto
from inspector.tensors import BOOL, INT32, RESOURCE, from_numpy, make_shape, numpy_dtype
from inspector.variable_flow import (
    CASE,
    IF,
    PASSES,
    READS,
    WHILE,
    Flow,
    FlowAnalysis,
    Tensor,
    called_with,
    carried_results,
)


@dataclass(frozen=True)
class Value:
    """What is known of the constant that takes a handle's place."""

    dtype: int
    shape: tuple[int | None, ...] | None

    def to_proto(self) -> TensorShapeProto:
        """The shape as a message."""
        return make_shape(None if self.shape is None else list(self.shape))


class Rewriter:
    """Rewrites nodes and functions; `functions` are the clones that were needed."""

    def __init__(self, library: Library, analysis: FlowAnalysis) -> None:
        self._library = library
        self._analysis = analysis
        self._clones: dict[tuple[str, tuple[tuple[int, Value], ...]], str] = {}
        self._todo: list[tuple[str, str, tuple[tuple[int, Value], ...]]] = []
        self._flows: dict[str, tuple[Body, Flow]] = {}

    def rewrite(
        self, nodes: Iterable[NodeDef], carried: Mapping[Tensor, Value], names: Names
    ) -> list[NodeDef]:
        """The nodes, those that take a handle in `carried` in their plain form.

        Args:
            names: All names in use; the axis constants that come in take new ones.
        """
        result: list[NodeDef] = []
        for node in nodes:
            given = {}
            for number, text in enumerate(node.input):
                if not text.startswith("^"):
                    name, port, _ = split_input(text)
                    value = carried.get((name, port))
                    if value is not None:
                        given[number] = value
            if given:
                result += self._plain(node, given, carried, names)
            else:
                result.append(node)
        return result

    def finish(self) -> None:
        """Make the clones that were asked for, and those that they ask for; into the library."""
        while self._todo:
            name, new_name, given = self._todo.pop()
            body = self._library.body(name)
            seeds: dict[Tensor, str] = {}
            values: dict[str, Value] = {}
            for number, value in given:
                arg, port, _ = split_input(body.args[number])
                seeds[arg, port] = str(number)
                values[str(number)] = value
            flow = self._analysis.follow(body.nodes, seeds)
            carried = {tensor: values[label] for tensor, label in flow.carried.items()}
            names = Names((*(node.name for node in body.nodes), *body.args))
            nodes = self.rewrite(body.nodes, carried, names)
            clone = Body(new_name, body.args, tuple(nodes), body.results, body.controls, body.proto)
            proto = to_function(clone, self._library.signatures)
            shapes = proto.attr["_input_shapes"].list.shape if "_input_shapes" in proto.attr else ()
            for number, value in given:
                if number < len(shapes):
                    shapes[number].CopyFrom(value.to_proto())
                proto.signature.input_arg[number].type = value.dtype
                _forget_handle(proto.signature.input_arg[number])
                if number in proto.arg_attr:
                    _forget_shapes(proto.arg_attr[number])
            for label, value in values.items():
                for number in carried_results(body, flow, label):
                    proto.signature.output_arg[number].type = value.dtype
                    _forget_handle(proto.signature.output_arg[number])
            self._library.add(proto)

    def _plain(
        self,
        node: NodeDef,
        given: Mapping[int, Value],
        carried: Mapping[Tensor, Value],
        names: Names,
    ) -> list[NodeDef]:
        if node.op in READS:
            return _reader(node, given[0], names) if 0 in given else [node]
        copy = NodeDef()
        copy.CopyFrom(node)
        if node.op in PASSES:
            copy.op = PASSES[node.op]
            if node.op == "IdentityN":
                for number, value in given.items():
                    copy.attr["T"].list.type[number] = value.dtype
            elif "T" in node.attr and node.attr["T"].type == RESOURCE:
                copy.attr["T"].type = given[0].dtype
            _forget_shapes(copy)
            return [copy]
        self._retype(copy, given, carried)
        return [copy]

    def _retype(
        self, node: NodeDef, given: Mapping[int, Value], carried: Mapping[Tensor, Value]
    ) -> None:
        """A node that runs functions gets clones of them, and the types of the values."""
        places = {number: list(called_with(node, number, self._library)) for number in given}
        if not any(places.values()):
            return
        shift = 1 if node.op in (*IF, *CASE) else 0
        by_function: dict[str, dict[int, Value]] = {}
        for number, functions in places.items():
            for name, arg in functions:
                by_function.setdefault(name, {})[arg] = given[number]
        clones = {name: self._clone(name, args) for name, args in by_function.items()}
        for value in node.attr.values():
            # Only to look at `func` is safe: to write to it would take the place of a list.
            kind = value.WhichOneof("value")
            for func in (value.func,) if kind == "func" else value.list.func if kind else ():
                func.name = clones.get(func.name, func.name)
        node.op = clones.get(node.op, node.op)
        for number, value in given.items():
            key = "T" if node.op in WHILE else "Tin"
            if key in node.attr:
                node.attr[key].list.type[number - shift] = value.dtype
        ports = {port: value for (name, port), value in carried.items() if name == node.name}
        for port, value in ports.items():
            if "Tout" in node.attr:
                node.attr["Tout"].list.type[port] = value.dtype
            shapes = node.attr["output_shapes"].list.shape if "output_shapes" in node.attr else ()
            if port < len(shapes):
                shapes[port].CopyFrom(value.to_proto())
        _forget_shapes(node)

    def _clone(self, name: str, given: Mapping[int, Value]) -> str:
        key = name, tuple(sorted(given.items()))
        if key not in self._clones:
            new_name, count = f"{name}_frozen", 0
            while new_name in self._library.functions or new_name in self._clones.values():
                count += 1
                new_name = f"{name}_frozen_{count}"
            self._clones[key] = new_name
            self._todo.append((name, new_name, key[1]))
        return self._clones[key]


def _reader(node: NodeDef, value: Value, names: Names) -> list[NodeDef]:
    plain = NodeDef(name=node.name, op=READS[node.op], device=node.device)
    plain.input.extend(node.input)
    if "_class" in node.attr:
        plain.attr["_class"].CopyFrom(node.attr["_class"])
    if plain.op == "Const":
        plain.input[:] = [text for text in node.input if text.startswith("^")]
        plain.attr["dtype"].type = BOOL
        plain.attr["value"].tensor.CopyFrom(from_numpy(np.array(True)))
        return [plain]
    if plain.op == "Identity":
        plain.attr["T"].type = value.dtype
        return [plain]
    if plain.op == "Shape":
        plain.attr["T"].type = value.dtype
        plain.attr["out_type"].type = (
            node.attr["out_type"].type if "out_type" in node.attr else INT32
        )
        return [plain]
    plain.attr["Tparams"].type = value.dtype
    plain.attr["Tindices"].type = _type(node, "Tindices")
    if plain.op == "GatherNd":
        return [plain]
    batch_dims = node.attr["batch_dims"].i if "batch_dims" in node.attr else 0
    axis = NodeDef(name=names.free(f"{node.name}/axis"), op="Const", device=node.device)
    dtype = _type(node, "Tindices")
    axis.attr["dtype"].type = dtype
    axis.attr["value"].tensor.CopyFrom(from_numpy(np.array(batch_dims, numpy_dtype(dtype))))
    plain.attr["Taxis"].type = dtype
    plain.attr["batch_dims"].i = batch_dims
    plain.input.insert(2, axis.name)
    return [axis, plain]


def _type(node: NodeDef, key: str) -> int:
    return int(node.attr[key].type) if key in node.attr else INT32


def _forget_shapes(item: Message) -> None:
    """Drop what was said of a handle from the attributes of a node or an argument."""
    for key in ("_output_shapes", "_handle_dtypes", "_handle_shapes"):
        if key in item.attr:
            del item.attr[key]


def _forget_handle(arg: Message) -> None:
    for key in ("handle_data", "experimental_full_type"):
        if key in arg.DESCRIPTOR.fields_by_name:
            arg.ClearField(key)
