"""Cuts operators out of a TFLite file: a file of their own, whose inputs are what they read.

Constants go along, and so do the subgraphs that the operators call.

Source: tensorflow/compiler/mlir/lite/schema/schema.fbs.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from inspector.formats.tflite import file_edits
from inspector.formats.tflite.file import LiteFile, Subgraph
from inspector.formats.tflite.options import called
from inspector.graph.tensors import Array

_SCHEMA_VERSION = 3
_NOT_FED = frozenset(("RESOURCE", "VARIANT"))


@dataclass(frozen=True)
class CutFile:
    """A file with some of the operators.

    Attributes:
        inputs, outputs: The tensors of the whole file that it takes and gives, in its order.
    """

    data: bytes
    inputs: list[int]
    outputs: list[int]


class OperatorCutter:
    """Makes files of single operators, or of several, of one subgraph.

    Args:
        data: The bytes of `file`, which its reader has checked as far as it reads it.
        subgraph: Its number.
    Raises: CorruptModel.
    """

    def __init__(self, data: bytes, file: LiteFile, subgraph: int = 0) -> None:
        self._file = file
        with file.reading():
            self._model = file_edits.unpacked(data)
        self._subgraph, self._checked = subgraph, file.subgraphs[subgraph]
        self._graph = self._model.subgraphs[subgraph]
        self._operators, self._tensors = self._checked.operators, self._checked.tensors
        self._writer = {
            index: at for at, operator in enumerate(self._operators) for index in operator.outputs
        }
        self.fixed: set[int] = self._computed_once()
        """Tensors that depend on no input: constants, and what is computed from them alone."""

    def why_not(self, number: int) -> str | None:
        """Why an operator cannot be run alone; None where it can."""
        operator = self._operators[number]
        if operator.code.op == "CALL_ONCE" or self.fixed.issuperset(operator.outputs):
            return "reads constants alone, so that it runs once"
        return self.needs_others(number)

    def needs_others(self, number: int) -> str | None:
        """What an operator shares with those that are not cut out with it; None for nothing."""
        operator = self._operators[number]
        touched = [index for index in (*operator.inputs, *operator.outputs) if index >= 0]
        if any(self._tensors[index].type in _NOT_FED for index in touched):
            return "works on a resource that other operators share"
        if 0 in called(operator):
            return "calls the first subgraph"
        return None

    def derived(self, number: int) -> list[int]:
        """The inputs of an operator that are computed from constants alone."""
        inputs = self._operators[number].inputs
        return [index for index in inputs if index in self.fixed and not self._holds_data(index)]

    def upstream(self, outputs: Iterable[int], fed: Collection[int]) -> list[int]:
        """The operators that compute tensors, in the file's order, where others are fed."""
        needed: set[int] = set()
        todo = [self._writer[index] for index in outputs if index in self._writer]
        while todo:
            number = todo.pop()
            if number in needed:
                continue
            needed.add(number)
            inputs = self._operators[number].inputs
            todo += [
                self._writer[index]
                for index in inputs
                if index in self._writer and index not in fed and not self._holds_data(index)
            ]
        return sorted(needed)

    def cut_one(self, number: int, values: Mapping[int, Array]) -> CutFile:
        """A file with one operator, fed all that it reads.

        Args:
            values: Those of `derived`.
        Raises: CorruptModel.
        """
        operator = self._operators[number]
        return self.cut([number], operator.inputs, operator.outputs, values)

    def cut(
        self,
        numbers: Sequence[int],
        fed: Collection[int],
        outputs: Sequence[int],
        values: Mapping[int, Array] | None = None,
    ) -> CutFile:
        """A file with operators, whose inputs may have any size.

        An operator reads what is fed also where another operator of the file computes that tensor.

        Args:
            numbers: In the order in which they run.
            fed: Tensors; constants and states among them are not fed.
            outputs: Tensors that the operators compute.
            values: Of tensors that become constants.
        Raises: CorruptModel.
        """
        constants = {at: value for at, value in (values or {}).items() if at in self.fixed}
        with self._file.reading():
            cut = _Cut((self._model, self._subgraph), self._checked, constants)
            return cut.file(numbers, fed, outputs)

    def _computed_once(self) -> set[int]:
        fixed = {tensor.index for tensor in self._tensors if self._holds_data(tensor.index)}
        for operator in self._operators:
            sources = [index for index in operator.inputs if index >= 0]
            if sources and fixed.issuperset(sources) and not called(operator):
                fixed.update(operator.outputs)
        return fixed

    def _holds_data(self, index: int) -> bool:
        data = self._model.buffers[self._graph.tensors[index].buffer].data
        return data is not None and len(data) > 0


class _Cut:
    """One file in the making.

    Args:
        source: The unpacked file, and the number of the subgraph that is cut.
        subgraph: The same subgraph as its reader has checked it.
        constants: Tensors that become constants, beside those that are.
    """

    def __init__(
        self, source: tuple[schema.ModelT, int], subgraph: Subgraph, constants: Mapping[int, Array]
    ) -> None:
        self._source, number = source
        self._graph = self._source.subgraphs[number]
        self._checked = subgraph
        self._constants = constants
        self._model = schema.ModelT(version=_SCHEMA_VERSION, buffers=[schema.BufferT()])
        self._model.operatorCodes = self._source.operatorCodes
        self._buffers: dict[int, int] = {}
        self._tensors: list[schema.TensorT] = []
        self._fed: dict[int, int] = {}
        self._own: dict[int, int] = {}

    def file(self, numbers: Sequence[int], fed: Collection[int], outputs: Sequence[int]) -> CutFile:
        """A file with these operators."""
        operators = [self._operator(number, frozenset(fed)) for number in numbers]
        graph = schema.SubGraphT(
            tensors=self._tensors,
            inputs=list(self._fed.values()),
            outputs=[self._own[index] for index in outputs],
            operators=operators,
        )
        calls = any(called(self._checked.operators[number]) for number in numbers)
        others = self._others() if calls else []
        self._model.subgraphs = [graph, *others]
        if not others:
            self._keep_codes(operators)
        buffers = self._model.buffers
        size = sum(len(buffer.data) for buffer in buffers if buffer.data is not None)
        return CutFile(file_edits.packed(self._model, size), list(self._fed), list(outputs))

    def _operator(self, number: int, fed: Collection[int]) -> schema.OperatorT:
        operator = copy.copy(self._graph.operators[number])
        checked = self._checked.operators[number]
        operator.inputs = [-1 if index < 0 else self._read(index, fed) for index in checked.inputs]
        operator.outputs = [self._computed(index) for index in checked.outputs]
        listed = operator.intermediates
        inner = [] if listed is None else map(int, listed)
        operator.intermediates = [
            self._computed(index) for index in inner if 0 <= index < len(self._checked.tensors)
        ]
        return operator

    def _read(self, index: int, fed: Collection[int]) -> int:
        """The number of a tensor that an operator reads."""
        is_state = self._checked.tensors[index].is_variable
        if index not in fed or is_state or self._data(index) is not None:
            return self._computed(index)
        if index not in self._fed:
            tensor = self._copied(index)
            if tensor.shape is not None:
                tensor.shapeSignature = [-1] * len(tensor.shape)
            self._fed[index] = self._added(tensor)
        return self._fed[index]

    def _computed(self, index: int) -> int:
        """The number of a tensor that an operator computes, or that is constant or a state."""
        if index not in self._own:
            self._own[index] = self._added(self._copied(index))
        return self._own[index]

    def _added(self, tensor: schema.TensorT) -> int:
        self._tensors.append(tensor)
        return len(self._tensors) - 1

    def _copied(self, index: int) -> schema.TensorT:
        tensor = copy.copy(self._graph.tensors[index])
        data = self._data(index)
        tensor.buffer = 0 if data is None else self._buffer(tensor.buffer, data)
        return tensor

    def _data(self, index: int) -> Array | None:
        if index in self._constants:
            return np.frombuffer(np.ascontiguousarray(self._constants[index]).tobytes(), np.uint8)
        return self._bytes_of(self._graph.tensors[index].buffer)

    def _bytes_of(self, buffer: int) -> Array | None:
        data: Array | None = self._source.buffers[buffer].data
        return None if data is None or not len(data) else data

    def _buffer(self, number: int, data: Array) -> int:
        """The buffer with the data of a buffer of the whole file, or with a new constant."""
        if self._bytes_of(number) is None:
            self._model.buffers.append(schema.BufferT(data=data))
            return len(self._model.buffers) - 1
        if number not in self._buffers:
            self._buffers[number] = len(self._model.buffers)
            self._model.buffers.append(schema.BufferT(data=data))
        return self._buffers[number]

    def _keep_codes(self, operators: Sequence[schema.OperatorT]) -> None:
        """Keep the codes of operators alone: LiteRT refuses one that it has no kernel for."""
        places = {number: at for at, number in enumerate({op.opcodeIndex: 0 for op in operators})}
        self._model.operatorCodes = [self._source.operatorCodes[number] for number in places]
        for operator in operators:
            operator.opcodeIndex = places[operator.opcodeIndex]

    def _others(self) -> list[schema.SubGraphT]:
        """The subgraphs after the first, which operators call, with their constants."""
        others = []
        for original in self._source.subgraphs[1:]:
            graph = copy.copy(original)
            graph.tensors = [copy.copy(tensor) for tensor in graph.tensors]
            for tensor in graph.tensors:
                data = self._bytes_of(tensor.buffer)
                tensor.buffer = 0 if data is None else self._buffer(tensor.buffer, data)
            others.append(graph)
        return others


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
