"""Small TFLite models, built with the schema's own classes: what no public file here has."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

FLOAT, INT32, INT8, STRING, BOOL = (
    schema.TensorType.FLOAT32,
    schema.TensorType.INT32,
    schema.TensorType.INT8,
    schema.TensorType.STRING,
    schema.TensorType.BOOL,
)


class Builder:
    """Collects buffers and operator codes while subgraphs are made."""

    def __init__(self) -> None:
        self.model = schema.ModelT(version=3, description="made by a test")
        self.model.buffers = [schema.BufferT()]
        self.model.operatorCodes = []
        self.model.subgraphs = []
        self.model.metadata = []
        self.model.signatureDefs = []

    def buffer(self, data: bytes) -> int:
        """The number of a new buffer."""
        self.model.buffers.append(schema.BufferT(data=np.frombuffer(data, np.uint8)))
        return len(self.model.buffers) - 1

    def tensor(
        self,
        name: str | None,
        shape: Sequence[int] = (1, 2),
        type: int = FLOAT,
        data: bytes | None = None,
        **more: Any,
    ) -> Any:
        """A tensor; with bytes, a constant."""
        made = schema.TensorT(shape=list(shape), type=type, name=name, **more)
        made.buffer = 0 if data is None else self.buffer(data)
        return made

    def code(self, op: str, custom: str | None = None) -> int:
        """The number of an operator code."""
        number = getattr(schema.BuiltinOperator, op)
        made = schema.OperatorCodeT(
            deprecatedBuiltinCode=min(number, 127), builtinCode=number, customCode=custom, version=1
        )
        self.model.operatorCodes.append(made)
        return len(self.model.operatorCodes) - 1

    def operator(
        self,
        op: str,
        inputs: Sequence[int],
        outputs: Sequence[int],
        options: Any = None,
        custom: str | None = None,
    ) -> Any:
        """An operator with its options, an object of the schema."""
        made = schema.OperatorT(
            opcodeIndex=self.code(op, custom), inputs=list(inputs), outputs=list(outputs)
        )
        if options is not None:
            kind = type(options).__name__.removesuffix("T")
            made.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
            made.builtinOptions = options
        return made

    def subgraph(
        self,
        name: str | None,
        tensors: Sequence[Any],
        operators: Sequence[Any],
        inputs: Sequence[int],
        outputs: Sequence[int],
    ) -> None:
        """Add a subgraph."""
        self.model.subgraphs.append(
            schema.SubGraphT(
                name=name,
                tensors=list(tensors),
                operators=list(operators),
                inputs=list(inputs),
                outputs=list(outputs),
            )
        )

    def signature(self, key: str, subgraph: int, inputs: Any, outputs: Any) -> None:
        """Add a signature; key to number of a tensor on both sides."""
        sides = [
            [schema.TensorMapT(name=name, tensorIndex=index) for name, index in side.items()]
            for side in (inputs, outputs)
        ]
        self.model.signatureDefs.append(
            schema.SignatureDefT(
                signatureKey=key, subgraphIndex=subgraph, inputs=sides[0], outputs=sides[1]
            )
        )

    def metadata(self, name: str, data: bytes) -> None:
        """Add an entry of metadata."""
        self.model.metadata.append(schema.MetadataT(name=name, buffer=self.buffer(data)))

    def bytes(self) -> bytes:
        """The file."""
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def add(name: str = "add", batch: int | None = None) -> bytes:
    """``y = x + [1, 2]``; of any number of rows with ``batch=-1``."""
    made = Builder()
    more = {} if batch is None else {"shapeSignature": [batch, 2]}
    made.subgraph(
        name,
        [
            made.tensor("x", **more),
            made.tensor("bias", [2], data=np.array([1, 2], np.float32).tobytes()),
            made.tensor("y:0", **more),
        ],
        [made.operator("ADD", [0, 1], [2], schema.AddOptionsT(fusedActivationFunction=1))],
        [0],
        [2],
    )
    return made.bytes()


def loop() -> bytes:
    """``while x < 10: x = x + 1`` and another subgraph with a signature of its own."""
    made = Builder()

    def scalar(name: str, type: int = INT32, value: int | None = None) -> Any:
        data = None if value is None else struct.pack("<i", value)
        return made.tensor(name, [], type, data)

    made.subgraph(
        "main",
        [scalar("x"), scalar("end:0")],
        [
            made.operator(
                "WHILE", [0], [1], schema.WhileOptionsT(condSubgraphIndex=1, bodySubgraphIndex=2)
            )
        ],
        [0],
        [1],
    )
    made.subgraph(
        "cond",
        [scalar("x"), scalar("limit", value=10), scalar("less", BOOL)],
        [made.operator("LESS", [0, 1], [2])],
        [0],
        [2],
    )
    made.subgraph(
        "body",
        [scalar("x"), scalar("one", value=1), scalar("more")],
        [made.operator("ADD", [0, 1], [2], schema.AddOptionsT())],
        [0],
        [2],
    )
    made.subgraph(
        "other",
        [scalar("x"), scalar("two", value=2), scalar("twice")],
        [made.operator("MUL", [0, 1], [2], schema.MulOptionsT())],
        [0],
        [2],
    )
    made.signature("loop", 0, {"start": 0}, {"end": 1})
    made.signature("double", 3, {"number": 0}, {"result": 2})
    made.metadata("min_runtime_version", b"2.5.0".ljust(16, b"\0"))
    return made.bytes()


def quantised() -> bytes:
    """An int8 product with weights of two channels: ``y = dequantised(x) @ w``."""
    made = Builder()
    per_tensor = schema.QuantizationParametersT(scale=[0.5], zeroPoint=[3])
    per_channel = schema.QuantizationParametersT(
        scale=[0.25, 0.125], zeroPoint=[0, 0], quantizedDimension=0
    )
    made.subgraph(
        "main",
        [
            made.tensor("x", [1, 4], INT8, quantization=per_tensor),
            made.tensor("w", [2, 4], INT8, bytes(range(8)), quantization=per_channel),
            made.tensor("y", [1, 2], INT8, quantization=per_tensor),
        ],
        [made.operator("FULLY_CONNECTED", [0, 1, -1], [2], schema.FullyConnectedOptionsT())],
        [0],
        [2],
    )
    return made.bytes()


def texts(*words: bytes) -> bytes:
    """A constant of texts, and an operator that reads it."""
    made = Builder()
    starts = np.cumsum([4 * (len(words) + 2), *map(len, words)], dtype=np.int32)
    data = struct.pack("<i", len(words)) + starts.tobytes() + b"".join(words)
    made.subgraph(
        "main",
        [
            made.tensor("words", [len(words)], STRING, data),
            made.tensor("index", [1], INT32),
            made.tensor("word", [1], STRING),
        ],
        [made.operator("GATHER", [0, 1], [2], schema.GatherOptionsT())],
        [1],
        [2],
    )
    return made.bytes()


def custom(op: str) -> bytes:
    """One custom op between an input and an output."""
    made = Builder()
    made.subgraph(
        None,
        [made.tensor(None), made.tensor(None)],
        [made.operator("CUSTOM", [0], [1], custom=op)],
        [0],
        [1],
    )
    return made.bytes()
