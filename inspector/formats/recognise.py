"""Recognises a file by its content, never by its suffix."""

from __future__ import annotations

from pathlib import Path

from inspector.errors import LimitExceeded, UnknownFormat, UnsupportedModel
from inspector.formats import foreign, table, text, wire_kinds
from inspector.formats.mapped import KERAS_CONFIG, is_keras_folder, map_file
from inspector.graph import parse_limits

CHECKPOINT, ARCHIVE, KERAS = "Checkpoint", "Archive", "Keras"

MESSAGES = {entry.name for entry in table.FORMATS if entry.is_message}

_RIEGELI = b"\x83\xaf\x70\xd1\x0d\x88\x4a\x3f"
"""How such a file begins (riegeli/doc/riegeli_records_file_format.md, the file's signature)."""


def kind_of(data: memoryview) -> str | None:
    """The name of the format, in binary form or as text; ``Archive``; None for anything else.

    Any HDF5 file is taken for ``Keras``. A state file of checkpoints is a ``CheckpointState``.
    """
    for recognise in table.RECOGNISERS:
        if (kind := recognise(data)) is not None:
            return kind
    # Here, so that opening other files does not import the modules that unpack archives.
    from inspector.formats import archives

    return None if archives.kind_of(data) is None else ARCHIVE


def load(path: Path) -> tuple[str | None, memoryview]:
    """The kind of a file, and its bytes; a model as text is converted to binary form.

    Raises: MissingFile, CorruptModel, LimitExceeded.
    """
    data = map_file(path)
    if path.name == KERAS_CONFIG and is_keras_folder(path.parent):
        return KERAS, data
    kind = kind_of(data)
    if kind in MESSAGES:
        if wire_kinds.recognise(data) is None:
            data = text.to_binary(data, kind, path.name)
        _check_size(len(data), path.name, kind)
    return kind, data


def _check_size(size: int, name: str, kind: str) -> None:
    """Raises: LimitExceeded for more bytes than any program reads as one protobuf message."""
    if size > parse_limits.MAX_MESSAGE:
        way = "save it" if kind == "SavedModel" else "open the SavedModel that it was made from"
        reason = (
            f"{size:,} bytes, and neither TensorFlow nor protobuf reads a message of 2 GiB or "
            f"more: {way}, with the values in its checkpoint, which has no such limit"
        )
        raise LimitExceeded(name, kind, reason)


def not_readable(name: str, data: memoryview) -> Exception:
    """The error for a file of no format of the table; it names other formats that it recognises."""
    head = bytes(data[:4096])
    if head.startswith(_RIEGELI):
        return in_pieces(name)
    reason = foreign.describe(data, name)
    if reason is None:
        is_text = _is_text(head)
        reason = f"text, {table.EXPECTED}" if is_text else f"the bytes are {table.EXPECTED}"
    return UnknownFormat(name, "file", reason)


def _is_text(head: bytes) -> bool:
    try:
        return all(char.isprintable() or char.isspace() for char in head.decode())
    except UnicodeDecodeError as err:
        # The end of `head` may lie within a character.
        return err.start > len(head) - 4 and b"\0" not in head


def in_pieces(name: str) -> Exception:
    """The error for a SavedModel in TensorFlow's form for models over 2 GB."""
    reason = (
        "TensorFlow's form for graphs over 2 GB, cut into pieces (a Riegeli file), which is not "
        "read here, nor by the TensorFlow that pip installs: export the model again with its "
        "weights as variables and without experimental_image_format, so that a small "
        "saved_model.pb is written"
    )
    return UnsupportedModel(name, "file", reason)
