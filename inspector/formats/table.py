"""The formats that can be opened, one entry each.

Opening, error texts, the upload page, the file browser and the docs read this table. A new format
is a module with a `read` function, an entry here and a test. No reader is imported before a file of
its format is opened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from inspector import extras
from inspector.formats import text, wire_kinds
from inspector.formats.checkpoint import sstable
from inspector.formats.keras import hdf5

if TYPE_CHECKING:
    from inspector.model.model import Model

ARCHIVE_SUFFIXES = (".zip", ".tar", ".tgz", ".tar.gz")


class Read(Protocol):
    """The function of a reader module that makes a Model of a file."""

    def __call__(self, path: Path, data: memoryview, tag_set: Sequence[str] | None) -> Model:
        """The Model of the file at `path`, whose bytes are `data`."""


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
        name: As in `Model.format` and in the JSON of ``describe``.
        noun: The name as it stands in a sentence.
        reader: The module with the reader, imported by `read`.
        recognise: The name of the format that some bytes are in, or None; formats may share it.
        suffixes: Of files that the file browser marks as models. Content decides at opening.
        content: What the files hold, for the docs.
        file: How the upload page offers one file of it, in Markdown; empty where it does not.
        folder: How the upload page offers a folder, likewise.
        has_magic: Recognised by a magic number, and so tried before formats that are recognised by
            their fields.
        is_message: A protobuf message, which may also be written as text.
    """

    name: str
    noun: str
    reader: str
    recognise: Callable[[memoryview], str | None]
    suffixes: tuple[str, ...]
    content: str
    file: str = ""
    folder: str = ""
    has_magic: bool = True
    is_message: bool = False

    @property
    def read(self) -> Read:
        """The reader. It raises: CorruptModel, LimitExceeded, UnsupportedModel and others."""
        with extras.needed("tflite"):
            return cast(Read, import_module(self.reader).read)


def _message(data: memoryview) -> str | None:
    return wire_kinds.recognise(data) or text.recognise(data)


def _checkpoint(data: memoryview) -> str | None:
    return "Checkpoint" if sstable.is_table(data[-8:]) else None


def _keras(data: memoryview) -> str | None:
    return "Keras" if hdf5.is_hdf5(data) else None


def _tflite(data: memoryview) -> str | None:
    return "TFLite" if bytes(data[4:8]) == b"TFL3" else None


FORMATS = (
    Format(
        name="SavedModel",
        noun="SavedModel",
        reader="inspector.formats.saved_model",
        recognise=_message,
        suffixes=(".pb", ".pbtxt"),
        content="graphs with their signatures; variables and assets lie beside the file",
        folder="a SavedModel: `saved_model.pb` with its `variables` and `assets`",
        has_magic=False,
        is_message=True,
    ),
    Format(
        name="GraphDef",
        noun="GraphDef",
        reader="inspector.formats.graphdef",
        recognise=_message,
        suffixes=(".pb", ".pbtxt"),
        content="a graph, without values of variables",
        file="a GraphDef `.pb` or `.pbtxt`",
        has_magic=False,
        is_message=True,
    ),
    Format(
        name="MetaGraphDef",
        noun="MetaGraphDef",
        reader="inspector.formats.meta_graph",
        recognise=_message,
        suffixes=(".meta",),
        content="the graph of a checkpoint of TensorFlow 1, with collections and signatures",
        file="a `.meta`",
        has_magic=False,
        is_message=True,
    ),
    Format(
        name="Checkpoint",
        noun="checkpoint",
        reader="inspector.formats.checkpoint.reader",
        recognise=_checkpoint,
        suffixes=(".index",),
        content="values of variables, of format V1 or V2; the graph is in the `.meta` beside it",
        folder="a checkpoint: its `.index` and data files, and its `.meta`",
    ),
    Format(
        name="Keras",
        noun="Keras file",
        reader="inspector.formats.keras.reader",
        recognise=_keras,
        suffixes=(".h5", ".hdf5", ".keras"),
        content="layers and weights, of Keras 2 or 3; a `.keras` file is a zip archive of both",
        file="a Keras `.h5` or `.keras`",
    ),
    Format(
        name="TFLite",
        noun="TFLite model",
        reader="inspector.formats.tflite.reader",
        recognise=_tflite,
        suffixes=(".tflite",),
        content="subgraphs of LiteRT's operators with their constants",
        file="a `.tflite`",
    ),
)

BY_NAME: Mapping[str, Format] = {entry.name: entry for entry in FORMATS}

RECOGNISERS = tuple(
    dict.fromkeys(
        entry.recognise for entry in sorted(FORMATS, key=lambda entry: not entry.has_magic)
    )
)
"""In the order in which they are tried."""

SUFFIXES = (
    *dict.fromkeys(suffix for entry in FORMATS for suffix in entry.suffixes),
    *ARCHIVE_SUFFIXES,
)
"""Of files that the file browser marks as models."""

EXPECTED = "no {} or {}".format(", ".join(entry.noun for entry in FORMATS[:-1]), FORMATS[-1].noun)
"""What a file is not, in an error."""


def file_caption() -> str:
    """The files that the upload page takes, as a sentence in Markdown."""
    files = ", ".join(entry.file for entry in FORMATS if entry.file)
    return f"{_capital(files)}, or a `.zip`, `.tar`, `.tar.gz` of any model."


def folder_caption() -> str:
    """The folders that the upload page takes, as sentences in Markdown."""
    return f"{_capital('. Or '.join(entry.folder for entry in FORMATS if entry.folder))}."


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
