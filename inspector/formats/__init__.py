"""The table of formats, and `open_model`: recognised by content, the suffix is never asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path

from inspector.errors import MissingFile, UnknownFormat, UnsupportedModel
from inspector.formats import (
    checkpoint_files,
    checkpoints,
    files,
    graphdef,
    meta_graph,
    recognising,
    saved_model,
    tflite,
)
from inspector.formats.files import map_file
from inspector.model import Model
from inspector.paths import exists, is_file, is_folder


def _keras(path: Path, data: memoryview, tag_set: Sequence[str] | None = None) -> Model:
    # Here, so that models of other formats do not wait for all that reads Keras' configs.
    from inspector.formats import keras

    return keras.read(path, data, tag_set)


READERS: Mapping[str, Callable[[Path, memoryview, Sequence[str] | None], Model]] = {
    "SavedModel": saved_model.read,
    "GraphDef": graphdef.read,
    "MetaGraphDef": meta_graph.read,
    "Checkpoint": checkpoints.read,
    "Keras": _keras,
    "TFLite": tflite.read,
}
"""What `recognising.load` finds, to what reads a file of it."""


def open_model(
    path: str | PathLike[str],
    tag_set: Sequence[str] | None = None,
    *,
    scratch: Path | None = None,
) -> Model:
    """Open a model without running any of it.

    Args:
        path: A folder with a SavedModel or a checkpoint in it; the prefix of a checkpoint; a file
            of any name with a SavedModel, GraphDef or MetaGraphDef, in binary form or as text, the
            index of a checkpoint, a Keras file or a TFLite model; or an archive with one of
            these.
        tag_set: Which MetaGraphDef of a SavedModel; its tags in any order. Without it: ``serve``
            where there is one, else the first.
        scratch: Where an archive is unpacked, in a folder that goes with the Model; by default
            where temporary folders are made.
    Raises: MissingFile, UnknownFormat, CorruptModel, UnsupportedModel, UnknownTagSet,
        LimitExceeded.
    """
    place = _place(Path(path))
    kind, data = recognising.load(place)
    if kind != recognising.ARCHIVE:
        return _read(place, kind, data, tag_set)
    from inspector.formats import archives, keras

    home = archives.Scratch(scratch)
    try:
        folder = home.path / archives.stem(place.name)
        archives.unpack(place, data, folder)
        inside = _place(_model_in(folder, place.name))
        kind, data = recognising.load(inside)
        if kind == recognising.ARCHIVE and keras.is_archive(archives.zip_names(inside, data)):
            # A ``.keras`` file is a zip archive by itself.
            unpacked = home.path / ("keras" if folder.name != "keras" else "inner") / inside.name
            unpacked.parent.mkdir()
            archives.unpack(inside, data, unpacked)
            inside = _place(unpacked)
            kind, data = recognising.load(inside)
        if kind == recognising.ARCHIVE:
            reason = "an archive inside an archive is not opened"
            raise UnsupportedModel(place.name, f"entry '{inside.name}'", reason)
        model = _read(inside, kind, data, tag_set)
    except BaseException:
        home.remove()
        raise
    model.unpacked = home
    return model


def _read(place: Path, kind: str | None, data: memoryview, tag_set: Sequence[str] | None) -> Model:
    if kind == "CheckpointState":
        place = checkpoint_files.behind_state(place, data)
        kind, data = recognising.load(place)
    if kind is None or kind not in READERS:
        raise recognising.not_readable(place.name, data)
    return READERS[kind](place, data, tag_set)


def _model_in(folder: Path, what: str) -> Path:
    """The folder or file of the one model in an unpacked archive."""
    from inspector.formats import archives

    for _ in range(archives.MAX_DEPTH + 1):
        marks = (
            saved_model.FILE,
            saved_model.TEXT_FILE,
            checkpoint_files.STATE_FILE,
            recognising.CHUNKED_FILE,
        )
        if files.is_keras_folder(folder) or any((folder / name).is_file() for name in marks):
            return folder
        entries = sorted(folder.iterdir())
        kinds = {
            file: recognising.kind_of(map_file(file))
            for file in entries
            if file.is_file() and file.stat().st_size
        }
        # The index of a checkpoint stands for the other files of it.
        tables = [file for file, kind in kinds.items() if kind == recognising.CHECKPOINT]
        models = tables or [file for file, kind in kinds.items() if kind is not None]
        folders = [entry for entry in entries if entry.is_dir()]
        if len(models) == 1 and (models[0] in tables or not folders):
            return models[0]
        if models or len(folders) > 1:
            names = [entry.name for entry in models or folders]
            listed = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
            raise UnknownFormat(what, "archive", f"which one is the model? It holds {listed}")
        if not folders:
            break
        folder = folders[0]
    raise UnknownFormat(what, "archive", "no model is in it")


def _place(path: Path) -> Path:
    """The file to begin with."""
    if path.name in ("", ".."):  # the folder one is in has a name too
        path = path.resolve()
    if is_folder(path):
        return _in_folder(path)
    if not exists(path):
        index = checkpoint_files.find(path)
        if index is None:
            raise MissingFile(path.name, "file", "there is no such file or folder")
        return index
    if not is_file(path):
        raise UnknownFormat(path.name, "file", "neither a file nor a folder")
    return path


def _in_folder(folder: Path) -> Path:
    # TensorFlow too takes the binary form where there are both.
    for name in (saved_model.FILE, saved_model.TEXT_FILE, checkpoint_files.STATE_FILE):
        if (folder / name).is_file():
            return folder / name
    if files.is_keras_folder(folder):
        return folder / files.KERAS_CONFIG
    if (folder / recognising.CHUNKED_FILE).is_file():
        raise recognising.in_pieces(recognising.CHUNKED_FILE)
    prefixes = checkpoint_files.in_folder(folder)
    if len(prefixes) == 1 and (found := checkpoint_files.find(folder / prefixes[0])) is not None:
        return found
    reason = f"the folder holds no {saved_model.FILE} and no checkpoint"
    inside = sorted(item.parent.name for item in folder.glob(f"*/{saved_model.FILE}"))[:3]
    if prefixes:
        listed = ", ".join(prefixes[:3]) + (", ..." if len(prefixes) > 3 else "")
        reason = f"the folder holds {len(prefixes)} checkpoints: open one of {listed}"
    elif inside:
        reason += f"; open the folder {' or '.join(inside)} in it"
    elif (folder / "variables").is_dir():
        reason = (
            f"the {saved_model.FILE} of this SavedModel is missing: only its variables are left"
        )
    raise UnknownFormat(folder.name or folder.anchor, "folder", reason)
