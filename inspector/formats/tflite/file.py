"""The contents of a TFLite file: subgraphs, tensors, operators, buffers, signatures; no copies.

The file is an untrusted flatbuffer. LiteRT's generated classes read it field by field and have no
limits, so here every list is checked against the file's size, and all lists together against a
limit, before anything loops over it; every index is checked once.

Source: tensorflow/compiler/mlir/lite/schema/schema.fbs.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from inspector.errors import CorruptModel, LimitExceeded
from inspector.graph.tensors import Array, Shape

FORMAT = "TFLite"

MAX_COUNTS = {
    "subgraphs": 10_000,
    "tensors": 100_000,
    "operators": 100_000,
    "operator codes": 100_000,
    "buffers": 400_000,
    "signatures": 10_000,
    "metadata entries": 100_000,
    "dimensions": 4_000_000,
    "operands": 4_000_000,
    "bytes of names": 64 << 20,
}
"""Most of each in one file; real models have a few thousand tensors."""

MAX_ELEMENTS = (1 << 64) - 1
"""Most elements of a tensor; LiteRT counts them in 64 bits."""

_BROKEN = (struct.error, ValueError, TypeError, IndexError, OverflowError, AttributeError, KeyError)
"""Raised by LiteRT's classes for an invalid offset."""

_DATA = 4
"""The slot of a buffer's bytes in its table."""
IN_FILE = 1
"""An offset of a buffer above this one counts from the start of the file."""


def enum_names(enum: type) -> dict[int, str]:
    """Number to name of one of the schema's enumerations."""
    return {value: name for name, value in vars(enum).items() if isinstance(value, int)}


TYPES = enum_names(schema.TensorType)
OPERATORS = enum_names(schema.BuiltinOperator)
CUSTOM: int = schema.BuiltinOperator.CUSTOM


@dataclass(frozen=True)
class Quantisation:
    """``real = scale * (number - zero_point)``, for the whole tensor or for each channel.

    Attributes:
        scale: float32 (channels,); one entry where it holds for the whole tensor.
        zero_point: int64, as many.
        axis: The dimension of the channels.
    """

    scale: Array
    zero_point: Array
    axis: int


@dataclass(frozen=True)
class Tensor:
    """One tensor of a subgraph.

    Attributes:
        name: As in the file; None where it has none.
        type: E.g. ``FLOAT32``.
        shape: As the file has it; `signature` has -1 for a dimension that may vary.
    """

    index: int
    name: str | None
    type: str
    shape: list[int]
    signature: list[int] | None
    buffer: int
    is_variable: bool
    is_sparse: bool
    quantisation: Quantisation | None

    @property
    def label(self) -> str:
        """The name, else one made of the index."""
        return self.name or f"tensor_{self.index}"

    @property
    def dtype(self) -> str:
        """The type as TensorFlow writes it: ``float32``."""
        return self.type.lower()

    @property
    def dims(self) -> Shape:
        """The shape with None for dimensions that may vary."""
        dims = self.shape if self.signature is None else self.signature
        return [None if size < 0 else size for size in dims]

    @property
    def elements(self) -> int | None:
        """How many numbers it holds; None for a shape that no tensor can have, see `fault`."""
        count = 1
        for size in self.shape:
            # As LiteRT multiplies: in order, so that a zero behind it does not help.
            count *= size
            if size < 0 or count > MAX_ELEMENTS:
                return None
        return count

    @property
    def fault(self) -> str | None:
        """What is wrong with its shape; None for one that a tensor can have."""
        if any(size < 0 for size in self.shape):
            size = next(size for size in self.shape if size < 0)
            return f"a size of {size}, where none may be negative"
        if self.elements is None:
            return "more elements than 64 bits can count"
        return None


@dataclass(frozen=True)
class Code:
    """An operator code: a builtin's name, or the name of a custom op."""

    op: str
    is_custom: bool
    version: int


@dataclass(frozen=True)
class Operator:
    """One operator; an input of -1 is one that is left out. `table` reads its options."""

    code: Code
    inputs: list[int]
    outputs: list[int]
    table: Any = field(repr=False)


@dataclass(frozen=True)
class Subgraph:
    """One subgraph; `inputs` and `outputs` are numbers of its tensors."""

    name: str | None
    tensors: list[Tensor]
    operators: list[Operator]
    inputs: list[int]
    outputs: list[int]

    def op_counts(self) -> Counter[str]:
        """Operators by op."""
        return Counter(operator.code.op for operator in self.operators)


@dataclass(frozen=True)
class Signature:
    """A signature of a subgraph: key to the number of a tensor."""

    key: str
    subgraph: int
    inputs: dict[str, int]
    outputs: dict[str, int]


class LiteFile:
    """A TFLite file, read and checked.

    Args:
        data: The whole file; it is read from again when a buffer is looked at.
        name: Of the file, for errors.
    Raises: CorruptModel, LimitExceeded.
    """

    def __init__(self, data: memoryview, name: str) -> None:
        self.name = name
        self.size: int = len(data)
        self._data = data
        self._spent: Counter[str] = Counter()
        with self.reading():
            self._read(schema.Model.GetRootAs(data, 0))

    @contextmanager
    def reading(self) -> Iterator[None]:
        """What goes wrong inside is the file's fault. Raises: CorruptModel."""
        try:
            yield
        except _BROKEN as err:
            reason = "the file is cut short or damaged: an offset in it leads nowhere"
            raise CorruptModel(self.name, FORMAT, reason) from err

    def buffer(self, number: int) -> memoryview:
        """The bytes of a buffer, not copied."""
        start, length = self.buffers[number] if number < len(self.buffers) else (0, 0)
        return self._data[start : start + length]

    def is_constant(self, tensor: Tensor) -> bool:
        """True where the file holds the tensor's values."""
        return tensor.buffer < len(self.buffers) and self.buffers[tensor.buffer][1] > 0

    def _read(self, model: Any) -> None:
        self.version: int = model.Version()
        self.description: str | None = self._text(model.Description())
        self.codes: list[Code] = [
            self._code(model.OperatorCodes(i))
            for i in range(self._count(model.OperatorCodesLength(), "operator codes"))
        ]
        self.buffers: list[tuple[int, int]] = [
            self._place(i, model.Buffers(i))
            for i in range(self._count(model.BuffersLength(), "buffers"))
        ]
        self.external: int = getattr(model, "ExternalBuffersLength", int)()
        """Buffers in files of their own, which are not read."""
        self.subgraphs: list[Subgraph] = [
            self._subgraph(i, model.Subgraphs(i))
            for i in range(self._count(model.SubgraphsLength(), "subgraphs"))
        ]
        if not self.subgraphs:
            raise CorruptModel(self.name, FORMAT, "it has no subgraph")
        self.metadata: list[tuple[str, int]] = []
        for i in range(self._count(model.MetadataLength(), "metadata entries")):
            entry = model.Metadata(i)
            self.metadata.append((self._text(entry.Name()) or "", entry.Buffer()))
        self.signatures: list[Signature] = [
            self._signature(model.SignatureDefs(i))
            for i in range(self._count(model.SignatureDefsLength(), "signatures"))
        ]

    def _count(self, number: int, what: str, item: int = 4) -> int:
        """A list's length, once it is known to be possible and allowed; `item` in bytes."""
        if number * item > self.size:
            reason = f"a list of {number:,} {what} does not fit the file of {self.size:,} bytes"
            raise CorruptModel(self.name, FORMAT, reason)
        self._spent[what] += number
        if self._spent[what] > MAX_COUNTS[what]:
            raise LimitExceeded(self.name, FORMAT, f"more than {MAX_COUNTS[what]:,} {what}")
        return number

    def _numbers(self, table: Any, name: str, what: str) -> list[int]:
        """A list of whole numbers."""
        if not self._count(getattr(table, f"{name}Length")(), what):
            return []
        numbers: list[int] = getattr(table, f"{name}AsNumpy")().tolist()
        return numbers

    def _text(self, text: bytes | None) -> str | None:
        if text is None:
            return None
        self._count(len(text), "bytes of names", 1)
        return text.decode("utf-8", "replace")

    def _code(self, code: Any) -> Code:
        # The field of old files has 8 bits; newer ones hold 127 there for what does not fit.
        number = max(code.DeprecatedBuiltinCode(), code.BuiltinCode())
        name = self._text(code.CustomCode())
        if number == CUSTOM:
            return Code(name or "CUSTOM", True, code.Version())
        return Code(OPERATORS.get(number, f"BUILTIN_{number}"), False, code.Version())

    def _place(self, number: int, buffer: Any) -> tuple[int, int]:
        """Where a buffer lies in the file, and its length: inside, or behind the flatbuffer."""
        length = buffer.DataLength()
        start = 0
        if length:
            table = buffer._tab
            start = table.Vector(table.Offset(_DATA))
        elif buffer.Offset() > IN_FILE:
            start, length = buffer.Offset(), buffer.Size()
        if start < 0 or start + length > self.size:
            reason = f"{length:,} bytes from {start:,} on, in a file of {self.size:,}"
            raise CorruptModel(self.name, f"buffer {number}", reason)
        return start, length

    def _subgraph(self, number: int, graph: Any) -> Subgraph:
        where = f"subgraph {number}"
        tensors = [
            self._tensor(i, graph.Tensors(i), where)
            for i in range(self._count(graph.TensorsLength(), "tensors"))
        ]
        operators = [
            self._operator(graph.Operators(i), len(tensors), f"operator {i} of {where}")
            for i in range(self._count(graph.OperatorsLength(), "operators"))
        ]
        inputs = self._numbers(graph, "Inputs", "operands")
        outputs = self._numbers(graph, "Outputs", "operands")
        self._check(inputs + outputs, len(tensors), where)
        return Subgraph(self._text(graph.Name()), tensors, operators, inputs, outputs)

    def _tensor(self, index: int, tensor: Any, where: str) -> Tensor:
        number = tensor.Buffer()
        # Buffer 0 is the empty one, also where a file has no buffers at all.
        if number >= max(len(self.buffers), 1):
            reason = f"lies in buffer {number}, and there are {len(self.buffers)}"
            raise CorruptModel(self.name, f"tensor {index} of {where}", reason)
        signature = self._numbers(tensor, "ShapeSignature", "dimensions")
        return Tensor(
            index=index,
            name=self._text(tensor.Name()),
            type=TYPES.get(tensor.Type(), f"TYPE_{tensor.Type()}"),
            shape=self._numbers(tensor, "Shape", "dimensions"),
            signature=signature or None,
            buffer=number,
            is_variable=bool(tensor.IsVariable()),
            is_sparse=tensor.Sparsity() is not None,
            quantisation=self._quantisation(tensor.Quantization()),
        )

    def _quantisation(self, table: Any) -> Quantisation | None:
        """None where there is no scale: a range alone is a note of the training."""
        if table is None or not table.ScaleLength():
            return None
        zero = table.ZeroPointAsNumpy() if table.ZeroPointLength() else np.zeros(1, np.int64)
        return Quantisation(table.ScaleAsNumpy(), zero, table.QuantizedDimension())

    def _operator(self, operator: Any, tensors: int, where: str) -> Operator:
        number = operator.OpcodeIndex()
        if number >= len(self.codes):
            reason = f"is of operator code {number}, and there are {len(self.codes)}"
            raise CorruptModel(self.name, where, reason)
        inputs = self._numbers(operator, "Inputs", "operands")
        outputs = self._numbers(operator, "Outputs", "operands")
        self._check((index for index in inputs if index != -1), tensors, where)
        self._check(outputs, tensors, where)
        return Operator(self.codes[number], inputs, outputs, operator)

    def _signature(self, table: Any) -> Signature:
        key = self._text(table.SignatureKey()) or ""
        where = f"signature '{key}'"
        number = table.SubgraphIndex()
        self._check([number], len(self.subgraphs), where, "subgraph")
        count = len(self.subgraphs[number].tensors)
        sides: list[dict[str, int]] = []
        for name in ("Inputs", "Outputs"):
            read = getattr(table, name)
            length = self._count(getattr(table, f"{name}Length")(), "operands")
            entries = [read(i) for i in range(length)]
            side = {self._text(entry.Name()) or "": entry.TensorIndex() for entry in entries}
            self._check(side.values(), count, where)
            sides.append(side)
        return Signature(key, number, *sides)

    def _check(self, numbers: Any, count: int, where: str, what: str = "tensor") -> None:
        for number in numbers:
            if not 0 <= number < count:
                reason = f"refers to {what} {number}, and there are {count}"
                raise CorruptModel(self.name, where, reason)


def names(numbers: Sequence[int], graph: Subgraph) -> list[str]:
    """The names of tensors; the empty string for one that is left out."""
    return [graph.tensors[number].label if number >= 0 else "" for number in numbers]
