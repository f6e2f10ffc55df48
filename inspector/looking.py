"""What the pages show of a graph: the node table of the picture, and one operation in full.

The graph that is looked at is the one a person means: of TensorFlow 2 the serving function, its
calls inlined. The bodies of its loops, branches and other calls are there too, under names that
`inspector.freeze.freeze` takes as outputs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice, zip_longest
from typing import Any

import numpy as np

from inspector import opdefs, shapes, signatures, statistics, tensors, value_image
from inspector.errors import InspectorError
from inspector.freeze import known_ops, serving_graph
from inspector.functions import reachable
from inspector.graph import Graph, control_inputs, data_inputs, node_name, split_input
from inspector.model import Model
from inspector.operations import Operation, operations
from inspector.protos import AttrValue, NodeDef, TensorProto
from inspector.tensors import Shape
from inspector.unfolding import Unfolded, unfold
from inspector.view.summary import Summary, summarise

VARIABLES = ("Variable", "VariableV2", "VarHandleOp", "AutoReloadVariable")

_VALUES = 24
_LISTED = 200
_JOINED = 12
_COLUMNS = ("name", "op", "outputs", "inputs", "device", "function")
_LOOKED_THROUGH = 64 << 20
_TEXT = 400
_NOTHING: Sequence[Shape | None] = ()


class Look:
    """One graph to look at, bodies of functions unfolded, with the shapes of all its tensors.

    Attributes:
        warnings: One sentence each, on what is not shown.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        graph, why = drawn(model)
        self.unfolded: Unfolded = (
            unfold(graph, known_ops(model))
            if model.lite is None
            else Unfolded(graph, model.lite.returns(), model.lite.functions)
        )
        self.graph = self.unfolded.graph
        self.warnings = [*([why] if why else []), *self.unfolded.notes]

    @cached_property
    def shapes(self) -> Mapping[str, Sequence[Shape | None]]:
        """Node name to the shape of each output."""
        if self.model.layers is not None:
            return self.model.layers.shapes
        known = {variable.name: variable.shape for variable in self.model.variables}
        return shapes.infer(self.graph, known)

    def summary(self) -> Summary:
        """The node table that the picture is made from."""
        key = self.model.key()
        chosen = self.model.signatures[key] if key is not None else None
        feeds = [info.name for info in chosen.inputs.values()] if chosen is not None else []
        fetches = signatures.output_tensors(chosen) if chosen is not None else []
        if self.model.lite is not None and self.model.signature is None:
            feeds, fetches = self.model.lite.ends()
        return summarise(
            self.graph,
            shapes=self.shapes,
            weights=self.weights(),
            fetches=fetches,
            feeds=feeds,
            returns=self.unfolded.returns,
            again=self.unfolded.again,
            dtypes=None if self.model.layers is None else self.model.layers.dtypes,
        )

    def weights(self) -> dict[str, tuple[int, int]]:
        """Elements and bytes of each Const and variable, or of a layer's weights, by node name."""
        if self.model.layers is not None:
            return self.model.layers.weights
        found: dict[str, tuple[int, int]] = {}
        columns = self.graph.columns()
        for at in np.flatnonzero(columns.of_ops(("Const", *VARIABLES))).tolist():
            name, node = columns.names[at], columns.kinds[columns.kind[at]]
            if node.op == "Const":
                # A look at an attribute that is not there would make it.
                tensor = node.attr["value"].tensor if "value" in node.attr else TensorProto()
                size = tensors.tensor_bytes(tensor)
                if self.model.lite is not None:
                    size = self.model.lite.size(name)
                found[name] = (tensors.elements(tensor), size)
            else:
                shape = (self.shapes.get(name) or [None])[0]
                if node.op == "VarHandleOp" and "shape" in node.attr:
                    shape = tensors.shape_of(node.attr["shape"].shape)
                if shape is not None and None not in shape:
                    count = math.prod(size or 0 for size in shape)
                    dtype = opdefs.attr(node, "dtype")
                    size = 0 if dtype is None else tensors.itemsize(dtype.type)
                    found[name] = (count, count * size)
        return found

    def tensors(self, node: NodeDef) -> list[dict[str, Any]]:
        """Name, dtype and shape of each output of a node."""
        known = self.shapes.get(node.name) or _NOTHING
        outputs = _each(self._dtypes(node, node.name), known)
        return [
            {"name": f"{node.name}:{port}", "dtype": dtype or None, "shape": shape}
            for port, (dtype, shape) in enumerate(outputs)
        ]

    def _dtypes(self, node: NodeDef, name: str) -> Sequence[str]:
        """The dtypes of the outputs of a node of this name, of the same kind as `node`."""
        if self.model.layers is not None:
            return self.model.layers.dtypes.get(name, [])
        enums = opdefs.output_dtypes(node, self.graph.library) or []
        return [tensors.dtype_name(enum) for enum in enums]

    def columns(self) -> dict[str, list[str]]:
        """The table of all operations, one list per column; bodies not drawn at the end."""
        table: dict[str, list[str]] = {key: [] for key in _COLUMNS}
        columns = self.graph.columns()
        ops, kinds = columns.op.tolist(), columns.kind.tolist()
        devices = [node.device for node in columns.kinds]
        told: dict[tuple[int, int], list[str]] = {}
        rows = zip(columns.names, ops, kinds, columns.inputs(), strict=True)
        for name, op, kind, inputs in rows:
            known = self.shapes.get(name) or _NOTHING
            texts = told.get((kind, id(known)))
            if texts is None:
                dtypes = self._dtypes(columns.kinds[kind], name)
                texts = told[kind, id(known)] = [
                    f"{dtype or '?'} {_shape_text(shape)}" for dtype, shape in _each(dtypes, known)
                ]
            shown = [f"{name}:{port} {text}" for port, text in enumerate(texts)]
            function = self.unfolded.functions.get(name, "")
            _add(table, name, columns.ops[op], shown, inputs, devices[kind], function)
        for row in self._bodies():
            shown = [_tensor_text(item.to_dict()) for item in row.outputs]
            _add(table, row.name, row.op, shown, row.inputs, row.device, row.function)
        return table

    def details(self, name: str) -> dict[str, Any]:
        """One operation in full. Raises: UnknownNode."""
        # A name may have colons of its own.
        plain = name if name in self.graph else split_input(name).name
        if plain not in self.graph:
            for row in self._bodies():
                if row.name == plain:
                    return self._in_body(row)
        node = self.graph.node(plain, self.model.name)
        function = self.unfolded.functions.get(node.name)
        return {
            "name": node.name,
            "op": node.op,
            "device": node.device,
            "outputs": self.tensors(node),
            "inputs": [self._input(text) for text in data_inputs(node)[:_LISTED]],
            "control_inputs": [text[1:] for text in control_inputs(node)[:_LISTED]],
            "consumers": self._readers(node.name)[:_LISTED],
            **self.content(node.name),
            **({} if function is None else {"function": function}),
        }

    def content(self, name: str) -> dict[str, Any]:
        """What only the file tells of an operation; no shape is inferred for it.

        ``attrs``, ``value`` of a Const, ``tensors`` of a TFLite model. Raises: UnknownNode.
        """
        node = self.graph.node(name, self.model.name)
        return {
            "attrs": {
                key: attr_text(node.attr[key])
                for key in sorted(node.attr)
                if self.model.lite is None or not key.startswith("_")
            },
            "value": self._value(node) if node.op == "Const" and not self.model.layers else None,
            **({} if self.model.lite is None else {"tensors": self._lite_tensors(node.name)}),
        }

    def _readers(self, name: str) -> list[str]:
        """Who reads a node; of a node of a body also whose result it is."""
        found = list(self.graph.consumers(name))
        if name in self.unfolded.functions:
            for owner, texts in self.unfolded.returns.items():
                if any(node_name(text) == name for text in texts):
                    found.append(owner)
        return list(dict.fromkeys(found))

    def _lite_tensors(self, name: str) -> list[dict[str, Any]]:
        """What a node of a TFLite model gives and, of an operator, reads, as in the file."""
        from inspector import tflite_facts

        assert self.model.lite is not None
        return tflite_facts.of_node(self.model.lite, name, _LISTED)

    def _bodies(self) -> Iterator[Operation]:
        """The operations of functions that are called and yet not drawn."""
        library = reachable(self.graph.library, self.graph.nodes)
        for function in library.function:
            if function.signature.name not in self.unfolded.shown:
                yield from operations(self.graph, function=function.signature.name)

    def _in_body(self, row: Operation) -> dict[str, Any]:
        nodes = [
            node
            for function in self.graph.library.function
            if function.signature.name == row.function
            for node in function.node_def
            if node.name == row.name
        ]
        data = [text for text in row.inputs if not text.startswith("^")]
        return {
            "name": row.name,
            "op": row.op,
            "device": row.device,
            "outputs": [item.to_dict() for item in row.outputs],
            "inputs": [{"name": text, "dtype": None, "shape": None} for text in data[:_LISTED]],
            "control_inputs": [text[1:] for text in row.inputs if text.startswith("^")][:_LISTED],
            "attrs": {
                key: attr_text(node.attr[key]) for node in nodes for key in sorted(node.attr)
            },
            "value": None,
            "consumers": [],
            "function": row.function,
        }

    def _input(self, text: str) -> dict[str, Any]:
        name, port, _ = split_input(text)
        source = self.graph.get(name)
        outputs = self.tensors(source) if source is not None else []
        unknown = {"name": f"{name}:{port}", "dtype": None, "shape": None}
        return outputs[port] if port < len(outputs) else unknown

    def _value(self, node: NodeDef) -> dict[str, Any]:
        """Figures of a Const, or why there are none."""
        try:
            array = tensors.to_numpy(self.model.value(node), where=node.name)
        except InspectorError as err:
            return {"cannot be read": err.why}
        return array_figures(array) | {"image": value_image.of(array)}


def drawn(model: Model) -> tuple[Graph, str]:
    """The graph to look at, and what kept it from being the serving function's, if anything."""
    try:
        return serving_graph(model), ""
    except InspectorError as err:
        return model.outline, f"The main graph is shown as it is: {err}"


def _add(
    table: dict[str, list[str]],
    name: str,
    op: str,
    outputs: Sequence[str],
    inputs: Sequence[str],
    device: str,
    function: str,
) -> None:
    texts = (name, op, _joined(outputs), _joined(inputs), device, function)
    for key, text in zip(_COLUMNS, texts, strict=True):
        table[key].append(text)


def _each(
    dtypes: Sequence[str], shapes: Sequence[Shape | None]
) -> list[tuple[str | None, Shape | None]]:
    """Dtype and shape of each output, where there are more of one than of the other too."""
    return list(islice(zip_longest(dtypes, shapes), _LISTED))


def _joined(texts: Sequence[str]) -> str:
    more = f", … {len(texts) - _JOINED} more" if len(texts) > _JOINED else ""
    return ", ".join(texts[:_JOINED]) + more


def _tensor_text(item: Mapping[str, Any]) -> str:
    return f"{item['name']} {item['dtype'] or '?'} {_shape_text(item['shape'])}"


def array_figures(array: tensors.Array) -> dict[str, Any]:
    """Size, range and first values, as JSON."""
    first = [item.item() if hasattr(item, "item") else item for item in islice(array.flat, _VALUES)]
    figures: dict[str, Any] = {
        "elements": int(array.size),
        "first": ", ".join(value_text(value) for value in first)
        + (", …" if array.size > len(first) else ""),
    }
    if array.dtype.kind in "OSU" or not 0 < array.size <= _LOOKED_THROUGH:
        return figures
    found = statistics.of(lambda: [array])
    if found.nan or found.infinite:
        figures["not finite"] = found.nan + found.infinite
    if found.minimum is not None:
        figures |= {
            "smallest": value_text(found.minimum),
            "largest": value_text(found.maximum),
            "mean": value_text(found.mean),
            "standard deviation": value_text(found.deviation),
            "zeros": found.zeros,
            "histogram": found.to_dict()["histogram"],
        }
    return figures


def attr_text(value: AttrValue) -> str:
    """An attribute on one line."""
    kind = value.WhichOneof("value")
    if kind is None:
        return "unset"
    if kind != "list":
        return _cut(_attr_item(kind, getattr(value, kind)))
    for entry, items in value.list.ListFields():
        shown = [_attr_item(entry.name, item) for item in items[:_VALUES]]
        return _cut(f"[{', '.join(shown)}{', …' if len(items) > _VALUES else ''}]")
    return "[]"


def _attr_item(kind: str, item: Any) -> str:
    if kind == "type":
        return tensors.dtype_name(item)
    if kind == "shape":
        return _shape_text(tensors.shape_of(item))
    if kind == "tensor":
        return (
            f"{tensors.dtype_name(item.dtype)} {_shape_text(tensors.shape_of(item.tensor_shape))}"
        )
    if kind == "func":
        return f"function {item.name}"
    return value_text(item)


def value_text(value: Any) -> str:
    """One value of a tensor as text, cut where it is long."""
    if isinstance(value, bytes):
        return _cut(value.decode("utf-8", "backslashreplace"), 60)
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.7g}" if isinstance(value, float) else _cut(str(value), 60)


def _shape_text(dims: Iterable[int | None] | None) -> str:
    return "?" if dims is None else f"[{', '.join('?' if d is None else str(d) for d in dims)}]"


def _cut(text: str, limit: int = _TEXT) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
