"""Files of feeds for the library and the command line."""

from __future__ import annotations

import json
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from inspector.analysis.describe import describe
from inspector.errors import BadFeed, MissingFile
from inspector.graph.tensors import Array
from inspector.model.model import Model
from inspector.optimisation import feeds


def read_feeds(path: str | PathLike[str], model: Model) -> dict[str, Array]:
    """The feeds in a file: arrays of a ``.npz``, columns of a ``.csv``, lists of a ``.json`` file.

    Never unpickles. Columns go to the placeholders of the model and to the inputs of its
    signatures; see `feeds.from_csv`. JSON is an object of key to lists, also as ``inputs`` of one,
    or a list ``instances`` of objects, one a row, as TensorFlow Serving takes them.

    Raises: MissingFile, BadFeed, LimitExceeded.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix == ".json":
        return _from_json(_text(path), path.name)
    if suffix != ".csv":
        return feeds.from_npz(path, path.name)
    facts = describe(model).to_dict()
    drawn = facts.get("serving") or facts
    slots = feeds.placeholder_slots(drawn["placeholders"])
    for signature in facts["signatures"].values():
        slots += feeds.signature_slots(signature["inputs"])
    by_key = {slot.key: slot for slot in reversed(slots)}
    return feeds.from_csv(_text(path), list(reversed(by_key.values())), path.name)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise MissingFile(path.name, "feeds", "there is no such file") from None
    except (OSError, UnicodeDecodeError) as err:
        raise BadFeed(path.name, "feeds", "is no text in UTF-8 that can be read") from err


def _from_json(text: str, name: str) -> dict[str, Array]:
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
