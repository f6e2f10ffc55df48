"""The outputs of a run as text and as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from inspector.text import plain, shape

_SHOWN = 6
"""First values of an output that are printed."""


def as_text(outputs: Mapping[str, Any], top: Mapping[str, list[str]]) -> str:
    """Outputs as text: dtype, shape and first rows of each, and the likeliest class of these."""
    lines = []
    for key, value in outputs.items():
        dtype = "string" if value.dtype == object else value.dtype
        lines.append(f"{plain(key)}  {dtype} {shape(value.shape)}")
        lines += [f"  {plain(line)}" for line in _first_rows(value)]
        if classes := top.get(key):
            more = ", ..." if len(classes) > _SHOWN else ""
            lines.append(f"  top-1: {plain(', '.join(classes[:_SHOWN]))}{more}")
    return "\n".join(lines)


def _first_rows(value: Any) -> list[str]:
    if value.ndim == 0:
        return [str(json_value(value.item()))]
    # Of text a row may be one value, which is no array.
    rows = [np.asarray(row, value.dtype) for row in value[:_SHOWN]]
    lines = [np.array2string(row, threshold=20, edgeitems=4, max_line_width=200) for row in rows]
    lines = [" ".join(line.split()) for line in lines]
    return lines + (["..."] if len(value) > len(rows) else [])


def as_json(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """Outputs as JSON: dtype, shape, values; NaN and infinity as text."""
    return {
        key: {
            "dtype": "string" if value.dtype == object else str(value.dtype),
            "shape": list(value.shape),
            "values": json_value(value.tolist()),
        }
        for key, value in outputs.items()
    }


def json_value(value: Any) -> Any:
    """A value of an array as JSON has it: NaN and infinity as text."""
    if isinstance(value, list):
        return [json_value(item) for item in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, complex):
        return [json_value(value.real), json_value(value.imag)]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
