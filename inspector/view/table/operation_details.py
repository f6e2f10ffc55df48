"""Operations in full: one with attributes, values and neighbours; and what bodies hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, zip_longest
from typing import Any

from inspector.analysis import statistics, value_image
from inspector.analysis.operations import operations
from inspector.errors import InspectorError
from inspector.graph import tensors
from inspector.graph.functions import reachable
from inspector.graph.graph import control_inputs, data_inputs, node_name, split_input
from inspector.graph.protos import NodeDef
from inspector.graph.tensors import Shape
from inspector.model.operation import Operation
from inspector.text import shape as shape_text
from inspector.text import value as value_text
from inspector.view.table.attributes import MAX_ITEMS, attr_text
from inspector.view.table.builder import NodeTableBuilder
from inspector.view.table.operation_table import COLUMNS, joined

_LISTED = 200
"""Tensors, and neighbours of one kind, that `OperationDetails.details` lists."""
_MAX_STATISTICS = 64 << 20
"""Elements of a constant of which statistics are computed."""
_NO_SHAPES: Sequence[Shape | None] = ()


class OperationDetails:
    """The operations of a model's drawn graph, and of function bodies that are not drawn."""

    def __init__(self, builder: NodeTableBuilder) -> None:
        self._builder = builder
        self._model = builder.model
        self._graph = builder.graph
        self._unfolded = builder.unfolded

    def tensors(self, node: NodeDef) -> list[dict[str, Any]]:
        """Name, dtype and shape of each output of a node."""
        shapes = self._builder.shapes.get(node.name) or _NO_SHAPES
        outputs = _each(self._builder.output_dtypes(node, node.name), shapes)
        return [
            {"name": f"{node.name}:{port}", "dtype": dtype or None, "shape": shape}
            for port, (dtype, shape) in enumerate(outputs)
        ]

    def beside(self) -> dict[str, Any]:
        """What `OperationTable` lists and the node table does not hold.

        ``functions``: node of a body that is drawn, to the function that it is of; ``bodies``: the
        operations of bodies that are not drawn, one list per column.
        """
        rows = [
            (
                row.name,
                row.op,
                joined([_tensor_text(item.to_dict()) for item in row.outputs]),
                joined(row.inputs),
                row.device,
                row.function,
            )
            for row in self._bodies()
        ]
        bodies = {key: [row[at] for row in rows] for at, key in enumerate(COLUMNS)}
        return {"functions": self._unfolded.functions, "bodies": bodies}

    def details(self, name: str) -> dict[str, Any]:
        """One operation in full. Raises: UnknownNode."""
        # A name may have colons of its own.
        node_of_name = name if name in self._graph else split_input(name).name
        if node_of_name not in self._graph:
            for row in self._bodies():
                if row.name == node_of_name:
                    return self._in_body(row)
        node = self._graph.node(node_of_name, self._model.name)
        function = self._unfolded.functions.get(node.name)
        return {
            "name": node.name,
            "op": node.op,
            "device": node.device,
            "outputs": self.tensors(node),
            "inputs": [self._input(text) for text in data_inputs(node)[:_LISTED]],
            "control_inputs": [text[1:] for text in control_inputs(node)[:_LISTED]],
            "consumers": self._consumers(node.name)[:_LISTED],
            **self.content(node.name),
            **({} if function is None else {"function": function}),
        }

    def content(self, name: str) -> dict[str, Any]:
        """``attrs``, ``value`` of a Const, ``tensors`` of a TFLite model; infers no shapes.

        Raises: UnknownNode.
        """
        node = self._graph.node(name, self._model.name)
        return {
            "attrs": {key: attr_text(node.attr[key]) for key in self._model.attributes(node)},
            "value": self._value(node) if self._model.is_constant(node) else None,
            **self._model.node_facts(node.name, _LISTED),
        }

    def _consumers(self, name: str) -> list[str]:
        """The consumers of a node; for a node of a body also the call whose result it is."""
        consumers = list(self._graph.consumers(name))
        if name in self._unfolded.functions:
            for owner, texts in self._unfolded.returns.items():
                if any(node_name(text) == name for text in texts):
                    consumers.append(owner)
        return list(dict.fromkeys(consumers))

    def _bodies(self) -> Iterator[Operation]:
        """The operations of functions that are called and not drawn."""
        library = reachable(self._graph.library, self._graph.columns().kinds)
        for function in library.function:
            if function.signature.name not in self._unfolded.opened:
                yield from operations(self._graph, function=function.signature.name)

    def _in_body(self, row: Operation) -> dict[str, Any]:
        nodes = [
            node
            for function in self._graph.library.function
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
        source = self._graph.get(name)
        outputs = self.tensors(source) if source is not None else []
        unknown = {"name": f"{name}:{port}", "dtype": None, "shape": None}
        return outputs[port] if port < len(outputs) else unknown

    def _value(self, node: NodeDef) -> dict[str, Any]:
        """Statistics and first values of a Const, or why it cannot be read."""
        try:
            array = tensors.to_numpy(self._model.value(node), where=node.name)
        except InspectorError as err:
            return {"cannot be read": err.why}
        return _array_figures(array) | {"image": value_image.of(array)}


def _each(
    dtypes: Sequence[str], shapes: Sequence[Shape | None]
) -> list[tuple[str | None, Shape | None]]:
    """Dtype and shape of each output; None for what is missing at the end of one list."""
    return list(islice(zip_longest(dtypes, shapes), _LISTED))


def _tensor_text(item: Mapping[str, Any]) -> str:
    return f"{item['name']} {item['dtype'] or '?'} {shape_text(item['shape'])}"


def _array_figures(array: tensors.Array) -> dict[str, Any]:
    """Size, range and first values, as JSON."""
    items = islice(array.flat, MAX_ITEMS)
    first = [item.item() if hasattr(item, "item") else item for item in items]
    figures: dict[str, Any] = {
        "elements": int(array.size),
        "first": ", ".join(value_text(value) for value in first)
        + (", …" if array.size > len(first) else ""),
    }
    if array.dtype.kind in "OSU" or not 0 < array.size <= _MAX_STATISTICS:
        return figures
    summary = statistics.of(lambda: [array])
    if summary.nan or summary.infinite:
        figures["not finite"] = summary.nan + summary.infinite
    if summary.minimum is not None:
        figures |= {
            "smallest": value_text(summary.minimum),
            "largest": value_text(summary.maximum),
            "mean": value_text(summary.mean),
            "standard deviation": value_text(summary.deviation),
            "zeros": summary.zeros,
            "histogram": summary.to_dict()["histogram"],
        }
    return figures
