"""Files of labels for the library and the command line: one per row."""

from __future__ import annotations

import csv
import io
from os import PathLike
from pathlib import Path

import numpy as np

from inspector.errors import BadFeed, MissingFile, did_you_mean
from inspector.graph.tensors import Array
from inspector.optimisation import feeds


def read_labels(path: str | PathLike[str], column: str | None = None) -> Array:
    """The labels in a file: numbers of classes, real values, or names as bytes.

    Args:
        path: A ``.npz`` file, a ``.csv`` file whose first row names its columns, or a text with a
            label in each line.
        column: Of the ``.csv``, or key of the ``.npz``; may be left out where there is one only.
    Raises: MissingFile, BadFeed, LimitExceeded.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix == ".npz":
        arrays = feeds.from_npz(path, path.name)
        return arrays[_chosen(list(arrays), column, path.name)]
    text = _text(path)
    if column is None and suffix != ".csv":
        return _typed([line.strip() for line in text.splitlines() if line.strip()], path.name)
    rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    if len({len(row) for row in rows}) > 1:
        raise BadFeed(path.name, "labels", "the rows differ in length")
    names = [cell.strip() for cell in rows[0]] if rows else []
    if column is None and len(names) == 1:
        cells = [row[0].strip() for row in rows]
        # The first one of names may be a label: only before numbers it is a title for certain.
        rest = [_number(cell) for cell in cells[1:]]
        is_title = _number(cells[0]) is None and rest and None not in rest
        return _typed(cells[1:] if is_title else cells, path.name)
    at = names.index(_chosen(names, column, path.name))
    return _typed([row[at].strip() for row in rows[1:]], path.name)


def label_columns(path: str | PathLike[str]) -> list[str]:
    """The columns of a file of labels from which one has to be chosen; empty where it is plain.

    Raises: as `read_labels`.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix == ".npz":
        names = list(feeds.from_npz(path, path.name))
    elif suffix == ".csv":
        names = [
            cell.strip() for cell in next(csv.reader(io.StringIO(_text(path), newline="")), [])
        ]
    else:
        names = []
    return names if len(names) > 1 else []


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise MissingFile(path.name, "labels", "there is no such file") from None
    except (OSError, UnicodeDecodeError) as err:
        raise BadFeed(path.name, "labels", "is no text in UTF-8 that can be read") from err


def _chosen(names: list[str], column: str | None, file: str) -> str:
    if column is None and len(names) == 1:
        return names[0]
    if column is None:
        why = f"holds {len(names)} columns: name one with --label-column: {', '.join(names[:12])}"
        raise BadFeed(file, "labels", why)
    if column not in names:
        hint = did_you_mean(column, names) or f"; there are {', '.join(names[:12])}"
        raise BadFeed(file, column, f"there is no such column{hint}")
    return column


def _typed(cells: list[str], file: str) -> Array:
    """Whole numbers, else real ones, else names."""
    if not cells:
        raise BadFeed(file, "labels", "holds none")
    numbers = [_number(cell) for cell in cells]
    if any(number is None for number in numbers):
        names = np.empty(len(cells), np.object_)
        names[:] = [cell.encode() for cell in cells]
        return names
    is_whole = all(cell.lstrip("+-").isdigit() for cell in cells)
    return np.array(cells, np.int64) if is_whole else np.array(numbers, np.float64)


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None
