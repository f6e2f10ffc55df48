"""Arrays as files: ``.npz`` with any key, and CSV with a row per example."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

import numpy as np

from inspector.graph.tensors import Array
from inspector.text import spreadsheet_cell

MOST_COLUMNS = 16_384
"""Of one array in a CSV file, as many as a spreadsheet takes."""


def write_npz(file: IO[bytes], arrays: Mapping[str, Array]) -> None:
    """Write arrays as a compressed ``.npz`` file without pickles.

    Texts become bytes of one width, small floats of other libraries float32. In contrast to
    `numpy.savez` a key may be ``file``.
    """
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for key, value in arrays.items():
            with archive.open(f"{key}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, _plain(np.asarray(value)), allow_pickle=False)


def csv_text(arrays: Mapping[str, Array], classes: Mapping[str, Sequence[str]]) -> str:
    """One line per row; arrays that have no row for each of the first one's are left out.

    Args:
        classes: Key to the names of the last dimension, which then name the columns.
    """
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    rows = next((len(value) for value in arrays.values() if value.ndim), 1)
    tables = {
        key: value.reshape(rows, -1)
        for key, value in arrays.items()
        if (value.shape[0] if value.ndim else 1) == rows and value.size <= rows * MOST_COLUMNS
    }
    header: list[str] = []
    for key, table in tables.items():
        header += _titles(key, arrays[key], table.shape[1], classes.get(key, ()))
    writer.writerow(spreadsheet_cell(title) for title in header)
    for row in range(rows):
        cells = [cell for table in tables.values() for cell in table[row].tolist()]
        writer.writerow(_cell(cell) for cell in cells)
    return file.getvalue()


def _titles(key: str, array: Array, width: int, classes: Sequence[str]) -> Iterator[str]:
    if array.ndim < 2:
        yield key
        return
    for i in range(width):
        yield f"{key}.{classes[i] if len(classes) == width else i}"


def _cell(value: Any) -> Any:
    if isinstance(value, bytes):
        return spreadsheet_cell(value.decode("utf-8", "backslashreplace"))
    return value


def _plain(array: Array) -> Array:
    if array.dtype == object:
        return array.astype("S")
    return array.astype(np.float32) if array.dtype.kind == "V" else array
