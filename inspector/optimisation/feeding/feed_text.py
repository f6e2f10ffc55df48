"""Feeds as people write them: JSON texts, and templates to fill in."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from inspector.errors import BadFeed
from inspector.graph.tensors import Array
from inspector.optimisation import feeds
from inspector.optimisation.feeding import array_files
from inspector.optimisation.feeds import Slot
from inspector.printing import csv_columns


def from_text(text: str, slot: Slot) -> Array:
    """A typed feed: JSON lists, numbers and strings, e.g. ``[[5.1, 3.5], [4.9, 3.0]]``.

    One row alone needs no list of its own: ``5.1`` is a row for a slot of shape ``[None]``. A
    single word needs no quotes for a slot of text.

    Raises: BadFeed.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as err:
        if slot.dtype != "string":
            reason = "is no JSON list or number, e.g. [1.5, 2]"
            raise BadFeed("feeds", slot.key, reason) from err
        value = text
    if isinstance(value, dict):
        raise BadFeed("feeds", slot.key, "is a JSON object; give a list or a number")
    is_row = slot.shape is not None and slot.shape and _depth(value) + 1 == len(slot.shape)
    return feeds.fit([value] if is_row else value, slot)


def from_json(text: str, name: str = "feeds") -> dict[str, Array]:
    """The feeds of a JSON file: an object of key to lists, also as ``inputs`` of one.

    Or a list ``instances`` of objects, one a row, as TensorFlow Serving takes them.

    Raises: BadFeed.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as err:
        raise BadFeed(name, "feeds", "is no JSON that can be read") from err
    if isinstance(data, dict) and data.keys() == {"inputs"}:
        data = data["inputs"]
    if isinstance(data, dict) and data.keys() == {"instances"}:
        data = _by_key(data["instances"], name)
    if not isinstance(data, dict):
        raise BadFeed(name, "feeds", 'is no object of lists by key, e.g. {"x": [[1, 2]]}')
    return {key: _array(value, key, name) for key, value in data.items()}


def _by_key(rows: Any, name: str) -> dict[str, list[Any]]:
    """Rows as columns."""
    objects = isinstance(rows, list) and rows and all(isinstance(row, dict) for row in rows)
    if not objects or any(row.keys() != rows[0].keys() for row in rows):
        raise BadFeed(name, "feeds", "its instances are no objects with the same keys")
    return {key: [row[key] for row in rows] for key in rows[0]}


def _array(value: Any, key: str, name: str) -> Array:
    try:
        array = np.asarray(value)
    except ValueError as err:
        raise BadFeed(name, key, "the rows differ in length") from err
    if array.dtype.kind == "O":
        raise BadFeed(name, key, "holds neither numbers nor text alone")
    return array


def _depth(value: Any) -> int:
    depth = 0
    while isinstance(value, list):
        depth += 1
        value = value[0] if value else None
    return depth


def columns(slot: Slot) -> list[str] | None:
    """The names of the columns of a slot; None for a slot that does not fit into columns."""
    return csv_columns.columns(slot.key, slot.shape)


def npz_template(slots: Iterable[Slot]) -> bytes:
    """An ``.npz`` file with an array for each slot: one row of zeros, or of empty texts.

    Raises: LimitExceeded for more than `feeds.MAX_BYTES`, BadFeed for a dtype that is not fed.
    """
    file = io.BytesIO()
    array_files.write_npz(file, dict(_zeros(slots)))
    return file.getvalue()


def csv_template(slots: Sequence[Slot]) -> str | None:
    """The header of a CSV file and one row of zeros; None where a slot does not fit into columns.

    Raises: BadFeed for a dtype that is not fed.
    """
    names = {slot.key: columns(slot) for slot in slots}
    if not slots or None in names.values():
        return None
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([name for listed in names.values() for name in listed or []])
    zeros = ["text" if s.dtype == "string" else 0 for s in slots for _ in names[s.key] or []]
    writer.writerow(zeros)
    return file.getvalue()


def _zeros(slots: Iterable[Slot]) -> Iterator[tuple[str, Array]]:
    for slot, array in zip(slots, feeds.range_feeds(slots, 1).values(), strict=True):
        yield slot.key, np.zeros(array.shape, "S1" if slot.dtype == "string" else array.dtype)
