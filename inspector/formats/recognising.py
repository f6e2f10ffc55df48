"""What a file is, by its content; the suffix is never asked."""

from __future__ import annotations

from pathlib import Path

from inspector import table, wire
from inspector.errors import UnknownFormat, UnsupportedModel
from inspector.formats import keras_hdf5, text
from inspector.formats.files import KERAS_CONFIG, is_keras_folder, map_file

CHECKPOINT, ARCHIVE, KERAS, TFLITE = "Checkpoint", "Archive", "Keras", "TFLite"

_TFLITE = (4, b"TFL3")
"""Where a flatbuffer's identifier lies, and TFLite's."""

CHUNKED_FILE = "saved_model.cpb"
"""What TensorFlow names a SavedModel that it wrote in pieces, for it is over 2 GB."""

_RIEGELI = b"\x83\xaf\x70\xd1\x0d\x88\x4a\x3f"
"""How such a file begins (riegeli/doc/riegeli_records_file_format.md, the file's signature)."""


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
    if kind is not None:
        return kind
    # Here, so that what is no archive does not wait for what unpacks them.
    from inspector.formats import archives

    return None if archives.kind_of(data) is None else ARCHIVE


def load(path: Path) -> tuple[str | None, memoryview]:
    """What a file is, and its bytes; those of the binary form where it holds a model as text.

    Raises: MissingFile, CorruptModel, LimitExceeded.
    """
    data = map_file(path)
    if path.name == KERAS_CONFIG and is_keras_folder(path.parent):
        return KERAS, data
    kind = kind_of(data)
    if kind in ("SavedModel", "GraphDef", "MetaGraphDef") and wire.recognise(data) is None:
        data = text.to_binary(data, kind, path.name)
    return kind, data


def not_readable(name: str, data: memoryview) -> Exception:
    """The error to raise for a file of no known kind."""
    head = bytes(data[:4096])
    if head.startswith(_RIEGELI):
        return in_pieces(name)
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


def in_pieces(name: str) -> Exception:
    """The error to raise for a SavedModel in TensorFlow's form for models over 2 GB."""
    reason = (
        "TensorFlow's form for graphs over 2 GB, cut into pieces (a Riegeli file), which is not "
        "read here, nor by the TensorFlow that pip installs: export the model again with its "
        "weights as variables and without experimental_image_format, so that a small "
        "saved_model.pb is written"
    )
    return UnsupportedModel(name, "file", reason)
