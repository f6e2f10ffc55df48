"""What a file is, by its content; the suffix is never asked."""

from __future__ import annotations

from pathlib import Path

from inspector import table, wire
from inspector.errors import UnknownFormat
from inspector.formats import archives, keras, keras_hdf5, text
from inspector.formats.files import map_file

CHECKPOINT, ARCHIVE, KERAS, TFLITE = "Checkpoint", "Archive", "Keras", "TFLite"

_TFLITE = (4, b"TFL3")
"""Where a flatbuffer's identifier lies, and TFLite's."""


def kind_of(data: memoryview) -> str | None:
    """The format or message, in binary form or as text; ``Archive``; None for anything else.

    Any HDF5 file is taken for ``Keras``.
    """
    if keras_hdf5.is_hdf5(data):
        return KERAS
    if table.is_table(data[-8:]):
        return CHECKPOINT
    if data[_TFLITE[0] :][: len(_TFLITE[1])] == _TFLITE[1]:
        return TFLITE
    kind = wire.recognise(data) or text.recognise(data)
    return ARCHIVE if kind is None and archives.kind_of(data) is not None else kind


def load(path: Path) -> tuple[str | None, memoryview]:
    """What a file is, and its bytes; those of the binary form where it holds a model as text.

    Raises: MissingFile, CorruptModel, LimitExceeded.
    """
    data = map_file(path)
    if path.name == keras.CONFIG and keras.is_folder(path.parent):
        return KERAS, data
    kind = kind_of(data)
    if kind in ("SavedModel", "GraphDef", "MetaGraphDef") and wire.recognise(data) is None:
        data = text.to_binary(data, kind, path.name)
    return kind, data


def not_readable(name: str, data: memoryview) -> Exception:
    """The error to raise for a file of no known kind."""
    head = bytes(data[:4096])
    expected = "no SavedModel, GraphDef, MetaGraphDef, checkpoint, Keras file or TFLite model"
    try:
        is_text = head.decode().isprintable() or all(
            char.isprintable() or char.isspace() for char in head.decode()
        )
    except UnicodeDecodeError as err:
        # A character may be cut in two by the end of what was looked at.
        is_text = err.start > len(head) - 4 and b"\0" not in head
    reason = f"text, {expected}" if is_text else f"the bytes are {expected}"
    return UnknownFormat(name, "file", reason)
