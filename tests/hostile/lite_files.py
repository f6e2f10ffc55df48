"""Hostile TFLite files: a name for each, and the bytes of the file."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from benchmarks.support.lite_builder import Builder

LARGEST = (1 << 31) - 1
SHAPE = (1, 2)


def shaped(
    x: Sequence[int] = SHAPE,
    middle: Sequence[int] = SHAPE,
    bias: Sequence[int] = (2,),
    y: Sequence[int] = SHAPE,
    signature: Sequence[int] | None = None,
) -> bytes:
    """``y = relu(x + bias)`` with these shapes in the file."""
    made = Builder()
    more = {} if signature is None else {"shapeSignature": list(signature)}
    tensors = [
        made.tensor("x", x, **more),
        made.tensor("bias", bias, data=np.ones(2, np.float32).tobytes()),
        made.tensor("middle", middle),
        made.tensor("y", y),
    ]
    operators = [
        made.operator("ADD", [0, 1], [2], schema.AddOptionsT()),
        made.operator("RELU", [2], [3]),
    ]
    made.subgraph("main", tensors, operators, [0], [3])
    return made.bytes()


FILES: dict[str, Callable[[], bytes]] = {
    "input_negative": lambda: shaped(x=(-5, 2)),
    "input_unknown": lambda: shaped(x=(-1, 2)),
    "input_overflow": lambda: shaped(x=(LARGEST,) * 3),
    "middle_negative": lambda: shaped(middle=(-2, -2)),
    "middle_overflow": lambda: shaped(middle=(LARGEST, LARGEST, LARGEST, 0)),
    "constant_negative": lambda: shaped(bias=(-2,)),
    "constant_overflow": lambda: shaped(bias=(1 << 30,) * 3),
    "constant_many_sizes": lambda: shaped(bias=(LARGEST,) * 2000),
    "output_overflow": lambda: shaped(y=(LARGEST,) * 3),
    "signature_negative": lambda: shaped(signature=(-7, 2)),
}
