"""The table of formats, and `open_model`: recognised by content, the suffix is never asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path

from inspector import table, wire
from inspector.errors import MissingFile, UnknownFormat, UnsupportedModel
from inspector.formats import graphdef, saved_model, text
from inspector.formats.files import map_file
from inspector.model import Model

READERS: Mapping[str, Callable[[Path, memoryview, Sequence[str] | None], Model]] = {
    "SavedModel": saved_model.read,
    "GraphDef": graphdef.read,
}
"""Message name, as `wire.recognise` tells it, to what reads its binary form from a file."""

_MAGIC = (
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file, such as Keras writes"),
    (4, b"TFL3", "a TensorFlow Lite model"),
    (0, b"PK\x03\x04", "a zip archive"),
    (0, b"\x1f\x8b", "a gzip archive"),
)


def open_model(path: str | PathLike[str], tag_set: Sequence[str] | None = None) -> Model:
    """Open a model without running any of it.

    Args:
        path: A SavedModel's folder, or a file: ``saved_model.pb`` or a GraphDef of any name; both
            in binary form or as text.
        tag_set: Which MetaGraphDef of a SavedModel; its tags in any order. Without it: ``serve``
            where there is one, else the first.
    Raises: MissingFile, UnknownFormat, CorruptModel, UnsupportedModel, UnknownTagSet.
    """
    path = Path(path)
    if path.name in ("", ".."):  # the folder one is in has a name too
        path = path.resolve()
    if path.is_dir():
        path = _in_folder(path)
    elif not path.exists():
        raise MissingFile(path.name, "file", "there is no such file or folder")
    elif not path.is_file():
        raise UnknownFormat(path.name, "file", "neither a file nor a folder")
    data = map_file(path)
    kind = wire.recognise(data)
    if kind is None and (kind := text.recognise(data)) in READERS:
        data = text.to_binary(data, str(kind), path.name)
    if kind is not None and kind in READERS:
        return READERS[kind](path, data, tag_set)
    raise _not_readable(path.name, kind, data)


def _in_folder(folder: Path) -> Path:
    # TensorFlow too takes the binary form where there are both.
    for path in (folder / saved_model.FILE, folder / saved_model.TEXT_FILE):
        if path.is_file():
            return path
    reason = f"the folder holds no {saved_model.FILE}"
    inside = sorted(item.parent.name for item in folder.glob(f"*/{saved_model.FILE}"))[:3]
    if inside:
        reason += f"; open the folder {' or '.join(inside)} in it"
    raise UnknownFormat(folder.name, "folder", reason)


def _not_readable(name: str, kind: str | None, data: memoryview) -> Exception:
    head, known = bytes(data[:4096]), "it is {}, which cannot be read yet"
    if kind is not None:
        return UnsupportedModel(name, kind, known.format(f"a {kind}"))
    for offset, magic, what in _MAGIC:
        if head[offset:].startswith(magic):
            return UnsupportedModel(name, "file", known.format(what))
    if table.is_table(bytes(data[-8:])):
        return UnsupportedModel(name, "file", known.format("the index of a checkpoint"))
    expected = "no SavedModel and no GraphDef"
    try:
        is_text = head.decode().isprintable() or all(
            char.isprintable() or char.isspace() for char in head.decode()
        )
    except UnicodeDecodeError as err:
        # A character may be cut in two by the end of what was looked at.
        is_text = err.start > len(head) - 4 and b"\0" not in head
    return UnknownFormat(
        name, "file", f"text, {expected}" if is_text else f"the bytes are {expected}"
    )
