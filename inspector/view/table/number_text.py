"""Columns of numbers in JSON: Base64 of their bytes, little end first.

Numbers written out take five times as long to read, and a Python object each meanwhile.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import numpy.typing as npt


def text(values: npt.NDArray[Any], dtype: type = np.int32) -> str:
    """A column as text."""
    data = np.ascontiguousarray(values, np.dtype(dtype).newbyteorder("<"))
    return base64.b64encode(data.tobytes()).decode()


def numbers(name: str, value: object, dtype: type = np.int32) -> npt.NDArray[Any]:
    """The column that `text` wrote. Raises: ValueError for anything else."""
    if not isinstance(value, str):
        raise ValueError(f"{name} has elements of wrong types")
    data = base64.b64decode(value, validate=True)
    return np.frombuffer(data, np.dtype(dtype).newbyteorder("<")).astype(dtype)
