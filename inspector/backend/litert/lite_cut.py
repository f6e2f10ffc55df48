"""Interpreters of operators that were cut out of a TFLite file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from inspector.formats.tflite.operator_cutter import CutFile
from inspector.graph.tensors import Array


def fed(cut: CutFile, values: Mapping[int, Array], threads: int | None = None) -> Any:
    """An interpreter with its inputs set, ready to be invoked.

    Args:
        values: By tensor of the whole file: those of `cut.inputs`, as the file stores them.
    Raises: RuntimeError, ValueError, as LiteRT does.
    """
    return fed_by(cut, lambda index, _dtype: values[index], threads)


def fed_by(cut: CutFile, value_of: Callable[[int, Any], Array], threads: int | None = None) -> Any:
    """As `fed`, with values that depend on the numpy dtype of the input."""
    loaded = interpreter(cut.data, threads)
    inputs = loaded.get_input_details()
    values = [
        value_of(index, details["dtype"]) for index, details in zip(cut.inputs, inputs, strict=True)
    ]
    for details, value in zip(inputs, values, strict=True):
        if tuple(details["shape"]) != value.shape:
            loaded.resize_tensor_input(details["index"], value.shape)
    loaded.allocate_tensors()
    for details, value in zip(inputs, values, strict=True):
        loaded.set_tensor(details["index"], value)
    return loaded


def interpreter(data: bytes, threads: int | None = None) -> Any:
    """A loaded file; its tensors have no memory yet."""
    from ai_edge_litert.interpreter import Interpreter

    return Interpreter(model_content=data, num_threads=threads)
