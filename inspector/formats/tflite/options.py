"""The options of TFLite operators by name, enumerations in words."""

from __future__ import annotations

import re
import struct
import zlib
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from inspector.formats.tflite.file import Operator, enum_names

_LISTED = 64
_ENUMS = {
    "padding": enum_names(schema.Padding),
    "fused_activation_function": enum_names(schema.ActivationFunctionType),
    "mode": enum_names(schema.MirrorPadMode),
}
_TYPES = enum_names(schema.TensorType)
_SUBGRAPH = re.compile(r"(.*_)?subgraph(_index)?")
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def options(operator: Operator) -> dict[str, Any]:
    """The options of an operator by name, enumerations in words.

    Of a custom op: the number of bytes of its options and their checksum. May raise the errors of
    LiteRT's classes for invalid offsets.
    """
    table = operator.table
    values: dict[str, Any] = {}
    for read, kind, make in (
        (table.BuiltinOptions, table.BuiltinOptionsType(), schema.BuiltinOptionsCreator),
        (table.BuiltinOptions2, table.BuiltinOptions2Type(), schema.BuiltinOptions2Creator),
    ):
        table_object = make(kind, read()) if kind else None
        for key, value in vars(table_object).items() if table_object is not None else ():
            name = _WORD.sub("_", key).lower()
            values[name] = _plain(name, value)
    if table.CustomOptionsLength():
        data = table.CustomOptionsAsNumpy()
        values["custom_options"] = f"{len(data)} bytes ({zlib.crc32(data.tobytes()):08x})"
    return {key: value for key, value in values.items() if value is not None}


def called(operator: Operator) -> list[int]:
    """Numbers of the subgraphs that an operator calls, as the file has them."""
    try:
        values = options(operator)
    except (struct.error, ValueError, TypeError, IndexError, OverflowError, AttributeError):
        return []
    return [
        value
        for key, value in values.items()
        if _SUBGRAPH.fullmatch(key) and isinstance(value, int)
    ]


def _plain(key: str, value: Any) -> Any:
    """An option as a number, text or list of numbers; None for anything else."""
    if isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        named = _TYPES if key.endswith("type") else _ENUMS.get(key, {})
        return named.get(value, value)
    if isinstance(value, bytes):
        return value[:1000].decode("utf-8", "replace")
    if isinstance(value, np.ndarray) and value.dtype.kind in "iufb":
        return value[:_LISTED].tolist()
    return None
