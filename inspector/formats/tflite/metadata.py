"""TFLite metadata: what the author says of a model and its tensors, and the files packed with it.

The buffer ``TFLITE_METADATA`` holds a flatbuffer of a schema of its own. The files, such as labels,
are a zip archive behind the model in the same file; the metadata names them. Both are untrusted:
every offset is checked, every list has a limit, and of the files only the start of a text is read.

Source: tflite_support, metadata_schema.fbs and metadata.py (_populate_associated_files).
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from inspector.errors import InspectorError
from inspector.formats import mapped, zip_directory
from inspector.formats.tflite.file import LiteFile

BUFFER = "TFLITE_METADATA"
MOST_LISTED = 100
"""Most subgraphs, tensors and files that are listed, each."""
MOST_FILES = 1_000
MOST_TABLES = 5_000
"""Tables that are read in all: a list may have itself as its item."""
MOST_TEXT = 1_000
"""Characters of one text."""
MOST_LINES = 20
MOST_BYTES = 256 << 10
"""Bytes that are read of one file."""

_IDENTIFIER = b"M001"
_LARGEST = 4 << 20
# Numbers of the fields in their tables.
_MODEL = {"name": 0, "description": 1, "version": 2, "author": 4, "license": 5}
_SUBGRAPHS, _MODEL_FILES = 3, 6
_INPUTS, _OUTPUTS, _SUBGRAPH_FILES = 2, 3, 4
_TENSOR = {"name": 0, "description": 1}
_TENSOR_FILES = 6
_FILE = {"name": 0, "description": 1, "locale": 3}
_FILE_TYPE = 2
_TYPES = (
    "unknown", "descriptions", "labels along an axis", "labels of values", "score calibration",
    "vocabulary", "index",
)  # fmt: skip
_UNNAMED = {"name": "", "description": "", "type": "", "locale": "", "tensor": ""}
_BROKEN = (struct.error, IndexError, ValueError)
_DAMAGE = (*_BROKEN, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


def facts(file: LiteFile, packed: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Entries of the JSON of ``describe``: ``metadata``, see `of`, and ``associated_files``.

    Args:
        packed: What `files` gives. A file that is named only has None for ``bytes``.
    """
    stated = of(file)
    named = {} if stated is None else {row.get("name", ""): row for row in stated.pop("files")}
    rows = [{**named.pop(row["name"], {}), **row} for row in packed]
    rows += [{**row, "bytes": None, "lines": []} for row in named.values()]
    return {"metadata": stated, "associated_files": [{**_UNNAMED, **row} for row in rows]}


def of(file: LiteFile) -> dict[str, Any] | None:
    """The metadata; None where the file has none, or none that can be read.

    Returns: ``name``, ``description``, ``version``, ``author``, ``license`` of the model, as far as
        stated; ``inputs`` and ``outputs``: name and description of each tensor, as far as stated,
        in the model's order; ``files``: name, description, ``type``, ``locale`` and the ``tensor``
        that each belongs to.
    """
    number = next((number for name, number in file.metadata if name == BUFFER), None)
    data = b"" if number is None else bytes(file.buffer(number)[: _LARGEST + 1])
    if len(data) < 8 or len(data) > _LARGEST or data[4:8] != _IDENTIFIER:
        return None
    try:
        return _model(_Table(data, _unsigned(data, 0)))
    except _BROKEN:
        return None


def files(path: Path, data: memoryview) -> list[dict[str, Any]]:
    """The files packed behind a model: name, bytes, and the first ``lines`` of a text.

    None of it is run or unpacked to a file. What is no archive, or a damaged one, has no files.
    """
    if not zip_directory.has_directory(data):
        return []
    try:
        zip_directory.check(data, path.name, MOST_FILES)
        with zipfile.ZipFile(path) as archive:
            return [_file(archive, entry) for entry in archive.infolist()[:MOST_LISTED]]
    except (*_DAMAGE, InspectorError, OSError):
        return []


def _file(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> dict[str, Any]:
    row = {"name": entry.filename[:MOST_TEXT], "bytes": entry.file_size}
    stored = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    if entry.is_dir() or entry.flag_bits & 1 or entry.compress_type not in stored:
        return {**row, "lines": []}
    try:
        with archive.open(entry) as source:
            return {**row, "lines": _lines(source.read(MOST_BYTES))}
    except _DAMAGE:
        return {**row, "lines": []}


def lines_of(path: Path, name: str) -> list[str]:
    """The lines of a text that is packed behind a model, as far as its first 256 KiB go."""
    data = mapped.map_file(path)
    if not zip_directory.has_directory(data):
        return []
    try:
        zip_directory.check(data, path.name, MOST_FILES)
        with zipfile.ZipFile(path) as archive, archive.open(name) as source:
            return _lines(source.read(MOST_BYTES), most=MOST_BYTES)
    except (*_DAMAGE, InspectorError, OSError, KeyError):
        return []


def _lines(data: bytes, most: int = MOST_LINES) -> list[str]:
    """The first lines of a text; none of other bytes."""
    try:
        # The last character may be cut in two.
        text = data.decode("utf-8", "strict" if len(data) < MOST_BYTES else "ignore")
    except UnicodeDecodeError:
        return []
    if "\0" in text:
        return []
    return [line[:MOST_TEXT] for line in text.splitlines()[:most]]


def _model(model: _Table) -> dict[str, Any]:
    metadata: dict[str, Any] = {**model.texts(_MODEL), "inputs": [], "outputs": [], "files": []}
    metadata["files"] += _named_files(model, _MODEL_FILES, "")
    for subgraph in model.tables(_SUBGRAPHS):
        metadata["files"] += _named_files(subgraph, _SUBGRAPH_FILES, "")
        for side, slot in (("inputs", _INPUTS), ("outputs", _OUTPUTS)):
            for tensor in subgraph.tables(slot):
                texts = tensor.texts(_TENSOR)
                metadata[side].append(texts)
                metadata["files"] += _named_files(tensor, _TENSOR_FILES, texts.get("name", ""))
    return {key: value[:MOST_LISTED] for key, value in metadata.items()}


def _named_files(table: _Table, slot: int, tensor: str) -> list[dict[str, str]]:
    rows = []
    for item in table.tables(slot):
        number = item.byte(_FILE_TYPE)
        kind = _TYPES[number] if number < len(_TYPES) else _TYPES[0]
        rows.append({**item.texts(_FILE), "type": kind, "tensor": tensor})
    return rows


class _Table:
    """A table of a flatbuffer. Every read raises struct.error or ValueError outside of the data."""

    def __init__(self, data: bytes, at: int, budget: Iterator[int] | None = None) -> None:
        self._data, self._at = data, at
        self._budget = iter(range(MOST_TABLES)) if budget is None else budget
        # The offset to the table of fields is signed, and counts backwards.
        self._fields = at - struct.unpack_from("<i", data, _inside(at))[0]
        self._size = struct.unpack_from("<H", data, _inside(self._fields))[0]

    def texts(self, slots: Mapping[str, int]) -> dict[str, str]:
        """The text of each field that has one."""
        texts = {key: self._text(slot) for key, slot in slots.items()}
        return {key: text for key, text in texts.items() if text}

    def byte(self, slot: int) -> int:
        """An unsigned byte, 0 where it is left out."""
        place = self._place(slot)
        return 0 if place is None else self._data[place]

    def tables(self, slot: int) -> Iterator[_Table]:
        """The first tables of a list."""
        place = self._place(slot)
        if place is None:
            return
        start = place + _unsigned(self._data, place)
        for index in range(min(_unsigned(self._data, start), MOST_LISTED)):
            if next(self._budget, None) is None:
                return
            item = start + 4 + 4 * index
            yield _Table(self._data, item + _unsigned(self._data, item), self._budget)

    def _text(self, slot: int) -> str:
        place = self._place(slot)
        if place is None:
            return ""
        start = place + _unsigned(self._data, place)
        length = min(_unsigned(self._data, start), 4 * MOST_TEXT)
        return self._data[start + 4 : start + 4 + length].decode("utf-8", "replace")[:MOST_TEXT]

    def _place(self, slot: int) -> int | None:
        """Where a field lies; None for one that is left out."""
        if 4 + 2 * slot + 2 > self._size:
            return None
        offset = struct.unpack_from("<H", self._data, _inside(self._fields + 4 + 2 * slot))[0]
        return self._at + offset if offset else None


def _unsigned(data: bytes, at: int) -> int:
    number: int = struct.unpack_from("<I", data, _inside(at))[0]
    return number


def _inside(at: int) -> int:
    """The offset itself; a negative one would count from the end."""
    if at < 0:
        raise ValueError("an offset before the start of the data")
    return at
