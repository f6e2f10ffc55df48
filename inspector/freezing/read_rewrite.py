"""Rewrites ops that read a variable into ops that read a constant.

It does so in the main graph and in function bodies: inputs that were handles become values.
Functions that receive values instead of handles are cloned, once per set of dtypes and shapes.

Source: tensorflow/python/framework/convert_to_constants.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from inspector.graph.functions import Body, Library, to_function
from inspector.graph.graph import Names, split_input
from inspector.graph.op_sets import BRANCHES, WHILES
from inspector.graph.protos import DTypeEnum, FunctionDef, NodeDef, OpDef, TensorShapeProto
from inspector.graph.tensors import BOOL, INT32, RESOURCE, from_numpy, make_shape, numpy_dtype
from inspector.graph.variable_flow import (
    PASSES,
    READS,
    FlowAnalysis,
    Tensor,
    called_with,
    carried_results,
)


@dataclass(frozen=True)
class Value:
    """Dtype and shape of the constant that replaces a handle."""

    dtype: DTypeEnum
    shape: tuple[int | None, ...] | None

    def to_proto(self) -> TensorShapeProto:
        """The shape as a TensorShapeProto."""
        return make_shape(None if self.shape is None else list(self.shape))


class Rewriter:
    """Rewrites nodes; `finish` adds the functions that the rewritten nodes call to the library."""

    def __init__(self, library: Library, analysis: FlowAnalysis) -> None:
        self._library = library
        self._analysis = analysis
        self._clones: dict[tuple[str, tuple[tuple[int, Value], ...]], str] = {}
        self._todo: list[tuple[str, str, tuple[tuple[int, Value], ...]]] = []

    def rewrite(
        self, nodes: Iterable[NodeDef], carried: Mapping[Tensor, Value], names: Names
    ) -> list[NodeDef]:
        """The nodes, rewritten where they read a tensor of `carried`.

        Args:
            carried: Tensors that carry a variable's handle, to the value that replaces it.
            names: All names in use; added axis constants take free ones.
        """
        result: list[NodeDef] = []
        for node in nodes:
            values = {}
            for number, text in enumerate(node.input):
                if not text.startswith("^"):
                    name, port, _ = split_input(text)
                    value = carried.get((name, port))
                    if value is not None:
                        values[number] = value
            if values:
                result += self._plain(node, values, carried, names)
            else:
                result.append(node)
        return result

    def finish(self) -> None:
        """Clone the functions that rewritten nodes call, and those that the clones call in turn."""
        while self._todo:
            name, new_name, args = self._todo.pop()
            body = self._library.body(name)
            seeds: dict[Tensor, str] = {}
            values: dict[str, Value] = {}
            for number, value in args:
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
            for number, value in args:
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
        values: Mapping[int, Value],
        carried: Mapping[Tensor, Value],
        names: Names,
    ) -> list[NodeDef]:
        if node.op in READS:
            return _reader(node, values[0], names) if 0 in values else [node]
        copy = NodeDef()
        copy.CopyFrom(node)
        if node.op in PASSES:
            copy.op = PASSES[node.op]
            if node.op == "IdentityN":
                for number, value in values.items():
                    copy.attr["T"].list.type[number] = value.dtype
            elif "T" in node.attr and node.attr["T"].type == RESOURCE:
                copy.attr["T"].type = values[0].dtype
            _forget_shapes(copy)
            return [copy]
        self._retype(copy, values, carried)
        return [copy]

    def _retype(
        self, node: NodeDef, values: Mapping[int, Value], carried: Mapping[Tensor, Value]
    ) -> None:
        """Have a node that runs functions call clones of them, with the dtypes of the values."""
        places = {number: list(called_with(node, number, self._library)) for number in values}
        if not any(places.values()):
            return
        shift = 1 if node.op in BRANCHES else 0
        by_function: dict[str, dict[int, Value]] = {}
        for number, functions in places.items():
            for name, arg in functions:
                by_function.setdefault(name, {})[arg] = values[number]
        clones = {name: self._clone(name, args) for name, args in by_function.items()}
        for attr in node.attr.values():
            # Writing to `func` would clear a list in the same oneof; reading it does not.
            kind = attr.WhichOneof("value")
            for func in (attr.func,) if kind == "func" else attr.list.func if kind else ():
                func.name = clones.get(func.name, func.name)
        node.op = clones.get(node.op, node.op)
        for number, value in values.items():
            key = "T" if node.op in WHILES else "Tin"
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

    def _clone(self, name: str, args: Mapping[int, Value]) -> str:
        key = name, tuple(sorted(args.items()))
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


def _type(node: NodeDef, key: str) -> DTypeEnum:
    return node.attr[key].type if key in node.attr else INT32


def _forget_shapes(item: NodeDef | FunctionDef.ArgAttrs) -> None:
    """Drop attributes of a node or an argument that describe a handle."""
    for key in ("_output_shapes", "_handle_dtypes", "_handle_shapes"):
        if key in item.attr:
            del item.attr[key]


def _forget_handle(arg: OpDef.ArgDef) -> None:
    for key in ("handle_data", "experimental_full_type"):
        if key in arg.DESCRIPTOR.fields_by_name:
            arg.ClearField(key)
