"""Small TFLite models, built with the schema's own classes: what no public file here has."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from benchmarks.support.lite_builder import BOOL, INT8, INT32, STRING, Builder


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
