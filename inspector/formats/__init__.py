"""`open_model`: the format is recognised by content, never by suffix; see `formats.table`."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from inspector.errors import InspectorError, MissingFile, UnknownFormat, UnsupportedModel
from inspector.files.paths import is_folder
from inspector.formats import foreign, places, recognise, table
from inspector.formats.places import Content, Place
from inspector.model.model import Model

if TYPE_CHECKING:  # what unpacks archives is imported when there is one
    from inspector.formats.archives import Scratch


def open_model(
    path: str | PathLike[str],
    tag_set: Sequence[str] | None = None,
    *,
    scratch: Path | None = None,
) -> Model:
    """Open a model without running any of it.

    Args:
        path: A folder with a SavedModel or a checkpoint in it, or with numbered versions of a
            SavedModel, of which the highest is opened; the prefix of a checkpoint; a file
            of any name with a SavedModel, GraphDef or MetaGraphDef, in binary form or as text, the
            index of a checkpoint, a Keras file or a TFLite model; or an archive with one of
            these. Of an archive with several models, the path of one in it: ``models.zip/a``.
        tag_set: Which MetaGraphDef of a SavedModel; its tags in any order. Without it: ``serve``
            where there is one, else the first.
        scratch: Where an archive is unpacked, in a folder that goes with the Model; by default
            where temporary folders are made.
    Raises: MissingFile, UnknownFormat, AmbiguousModel (several models, none of them named),
        CorruptModel, UnsupportedModel, UnknownTagSet, LimitExceeded.
    """
    whole, part = places.split(Path(path).absolute())  # a worker may have another current folder
    content = places.load(places.at(whole))
    if content.kind != recognise.ARCHIVE:
        if part:
            raise MissingFile(
                whole.name, "file", f"it is no archive, so there is no '{part}' in it"
            )
        model = _read(content, tag_set)
        model.root = whole if is_folder(whole) else None
        return model
    from inspector.formats import archives
    from inspector.formats.keras import reader as keras

    place = content.place.path
    entries = archives.zip_names(place, content.data)
    if (reason := foreign.describe_zip(entries)) is not None:
        raise UnknownFormat(place.name, "file", reason)
    home = archives.Scratch(scratch)
    try:
        folder = home.path / archives.stem(place.name)
        archives.unpack(place, content.data, folder)
        inside = places.load(
            places.part_of_archive(folder, part, place.name)
            if part
            else places.in_archive(folder, place.name)
        )
        if inside.kind == recognise.ARCHIVE:
            entries = archives.zip_names(inside.place.path, inside.data)
            if keras.is_archive(entries):
                # A ``.keras`` file is a zip archive by itself.
                inside = places.load(_unpacked(inside, home, folder.name))
        if inside.kind == recognise.ARCHIVE:
            raise _nested(place.name, inside, entries)
        model = _read(inside, tag_set)
    except BaseException:
        home.remove()
        raise
    model.unpacked, model.root = home, folder
    return model


def _nested(what: str, content: Content, entries: set[str]) -> InspectorError:
    """The error for an archive inside an archive."""
    reason = foreign.describe_zip(entries) or "an archive inside an archive is not opened"
    return UnsupportedModel(what, f"entry '{content.place.path.name}'", reason)


def _unpacked(content: Content, home: Scratch, taken: str) -> Place:
    """A Keras file that came out of an archive, unpacked in its turn."""
    from inspector.formats import archives

    file = content.place.path
    folder = home.path / ("keras" if taken != "keras" else "inner") / file.name
    folder.parent.mkdir()
    archives.unpack(file, content.data, folder)
    return places.at(folder)


def _read(content: Content, tag_set: Sequence[str] | None) -> Model:
    path = content.place.path
    if content.kind is None or content.kind not in table.BY_NAME:
        raise recognise.not_readable(path.name, content.data)
    model = table.BY_NAME[content.kind].read(path, content.data, tag_set)
    model.warnings = [*content.place.notes, *model.warnings]
    return model
