"""Cuts one operator out of a TFLite file: a file of its own, whose inputs are those it reads.

Constants go along, and so do the subgraphs that the operator calls.

Source: tensorflow/compiler/mlir/lite/schema/schema.fbs.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from inspector.formats.tflite import file_edits
from inspector.formats.tflite.file import LiteFile
from inspector.formats.tflite.options import called
from inspector.graph.tensors import Array

_SCHEMA_VERSION = 3
_NOT_FED = frozenset(("RESOURCE", "VARIANT"))


@dataclass(frozen=True)
class OneOperator:
    """A file with one operator.

    Attributes:
        inputs: The tensors of the whole file that it takes, in its order.
    """

    data: bytes
    inputs: list[int]


class OperatorCutter:
    """The operators of a file's first subgraph, each as a file of its own.

    Args:
        data: The bytes of `file`, which its reader has checked as far as it reads it.
    Raises: CorruptModel.
    """

    def __init__(self, data: bytes, file: LiteFile) -> None:
        self._file = file
        with file.reading():
            self._model = file_edits.unpacked(data)
        self._graph = self._model.subgraphs[0]
        self._tensors = file.subgraphs[0].tensors
        self.fixed: set[int] = self._computed_once()
        """Tensors that depend on no input: constants, and what is computed from them alone."""

    def why_not(self, number: int) -> str | None:
        """Why an operator cannot be run alone; None where it can."""
        operator = self._file.subgraphs[0].operators[number]
        touched = [index for index in (*operator.inputs, *operator.outputs) if index >= 0]
        if any(self._tensors[index].type in _NOT_FED for index in touched):
            return "works on a resource that other operators share"
        if operator.code.op == "CALL_ONCE" or self.fixed.issuperset(operator.outputs):
            return "reads constants alone, so that it runs once"
        return None

    def derived(self, number: int) -> list[int]:
        """The inputs of an operator that are computed from constants alone."""
        inputs = self._file.subgraphs[0].operators[number].inputs
        return [index for index in inputs if index in self.fixed and not self._holds_data(index)]

    def cut(self, number: int, values: Mapping[int, Array]) -> OneOperator:
        """A file with one operator.

        Args:
            values: Those of `derived`.
        Raises: CorruptModel.
        """
        with self._file.reading():
            return self._cut(number, values)

    def _cut(self, number: int, values: Mapping[int, Array]) -> OneOperator:
        operator = copy.copy(self._graph.operators[number])
        checked = self._file.subgraphs[0].operators[number]
        model = schema.ModelT(version=_SCHEMA_VERSION, buffers=[schema.BufferT()])
        numbers: dict[int, int] = {}
        tensors: list[schema.TensorT] = []
        inputs = []
        inner = self._intermediates(number)
        for index in dict.fromkeys((*checked.inputs, *checked.outputs, *inner)):
            if index < 0:
                continue
            tensor = copy.copy(self._graph.tensors[index])
            data = self._constant(index, values)
            tensor.buffer = 0 if data is None else _added(model, data)
            is_read = index in checked.inputs and data is None
            if is_read and not self._tensors[index].is_variable:
                inputs.append(index)
            numbers[index] = len(tensors)
            tensors.append(tensor)
        operator.inputs = [numbers.get(index, -1) for index in checked.inputs]
        operator.outputs = [numbers[index] for index in checked.outputs]
        operator.intermediates = [numbers[index] for index in inner]
        graph = schema.SubGraphT(
            tensors=tensors,
            inputs=[numbers[index] for index in inputs],
            outputs=list(operator.outputs),
            operators=[operator],
        )
        others = self._others(model) if called(checked) else []
        if others:
            model.operatorCodes = self._model.operatorCodes
        else:
            model.operatorCodes = [self._model.operatorCodes[operator.opcodeIndex]]
            operator.opcodeIndex = 0
        model.subgraphs = [graph, *others]
        size = sum(len(buffer.data) for buffer in model.buffers if buffer.data is not None)
        return OneOperator(file_edits.packed(model, size), inputs)

    def _computed_once(self) -> set[int]:
        fixed = {tensor.index for tensor in self._tensors if self._holds_data(tensor.index)}
        for operator in self._file.subgraphs[0].operators:
            sources = [index for index in operator.inputs if index >= 0]
            if sources and fixed.issuperset(sources) and not called(operator):
                fixed.update(operator.outputs)
        return fixed

    def _intermediates(self, number: int) -> list[int]:
        """Tensors that an operator has for itself, as an LSTM does; the reader leaves them out."""
        listed = self._graph.operators[number].intermediates
        numbers = [] if listed is None else map(int, listed)
        return [index for index in numbers if 0 <= index < len(self._tensors)]

    def _holds_data(self, index: int) -> bool:
        data = self._model.buffers[self._graph.tensors[index].buffer].data
        return data is not None and len(data) > 0

    def _constant(self, index: int, values: Mapping[int, Array]) -> Array | None:
        if self._holds_data(index):
            data: Array = self._model.buffers[self._graph.tensors[index].buffer].data
            return data
        if index in self.fixed and index in values:
            return np.frombuffer(np.ascontiguousarray(values[index]).tobytes(), np.uint8)
        return None

    def _others(self, model: schema.ModelT) -> list[schema.SubGraphT]:
        """The other subgraphs, with their constants in `model`."""
        others = []
        for original in self._model.subgraphs[1:]:
            graph = copy.copy(original)
            graph.tensors = [copy.copy(tensor) for tensor in graph.tensors]
            for tensor in graph.tensors:
                data = self._model.buffers[tensor.buffer].data
                tensor.buffer = 0 if data is None or not len(data) else _added(model, data)
            others.append(graph)
        return others


def _added(model: schema.ModelT, data: Array) -> int:
    model.buffers.append(schema.BufferT(data=data))
    return len(model.buffers) - 1


def least() -> bytes:
    """A file with one operator that does next to nothing: what is left is starting a run."""
    code = schema.BuiltinOperator.LOGICAL_NOT
    kind = schema.TensorType.BOOL
    tensors = [schema.TensorT(shape=[1], type=kind, name=name) for name in (b"in", b"out")]
    operator = schema.OperatorT(inputs=[0], outputs=[1])
    graph = schema.SubGraphT(tensors=tensors, inputs=[0], outputs=[1], operators=[operator])
    codes = [schema.OperatorCodeT(deprecatedBuiltinCode=code, builtinCode=code, version=1)]
    model = schema.ModelT(version=_SCHEMA_VERSION, operatorCodes=codes, subgraphs=[graph])
    model.buffers = [schema.BufferT()]
    return file_edits.packed(model, 0)
