"""Where the files of a checkpoint are: by its prefix, by one of the files, by the state file.

A checkpoint is called by its prefix, which is no file. V2 has ``PREFIX.index`` and data files;
V1 is one file of that name, or ``PREFIX-00000-of-00002`` and so on. ``PREFIX.meta`` may lie beside
them. A folder's file ``checkpoint`` names the latest prefix in it.

Source: python/training/checkpoint_management.py, saver.py; core/util/tensor_bundle/naming.cc.
"""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath

from inspector.checkpoint import Bundle, Checkpoint, check_index, open_checkpoint
from inspector.checkpoint_v1 import TensorSlices, is_v1
from inspector.errors import CorruptModel, MissingFile, did_you_mean
from inspector.formats import text
from inspector.formats.files import map_file
from inspector.paths import is_file, is_folder
from inspector.table import FOOTER, is_table

STATE_FILE = "checkpoint"
INDEX = ".index"

_SHARD = re.compile(r"-(\d{5}|\?{5})-of-\d{5}$")


def find(prefix: Path) -> Path | None:
    """The file that tells what the checkpoint of this prefix holds; None where there is none.

    Of a V1 checkpoint it is the file of that name, or the first shard; a shard's name, also with
    ``?????`` for its number, is taken for the prefix.
    """
    if not prefix.name:
        return None
    index = prefix.with_name(prefix.name + INDEX)
    if is_file(index):
        return index
    if is_file(prefix) and is_table_file(prefix):
        return prefix
    return next(iter(_shards(prefix_of(prefix))), None)


def prefix_of(path: Path) -> Path:
    """The prefix of the checkpoint that a file of `find` belongs to."""
    name = path.name.removesuffix(INDEX) or path.name
    return path.with_name(_SHARD.sub("", name) or name)


def is_table_file(path: Path) -> bool:
    """True for an index, and for a file of a V1 checkpoint."""
    with path.open("rb") as file:
        file.seek(-min(path.stat().st_size, FOOTER), os.SEEK_END)
        return is_table(file.read())


def open_at(path: Path) -> Checkpoint:
    """The checkpoint of a file that `find` gives.

    Raises: MissingVariables, CorruptModel, LimitExceeded.
    """
    data = map_file(path)
    if is_v1(data, path.name):
        shards = _shards(prefix_of(path))
        return (
            TensorSlices(prefix_of(path), shards) if path in shards else TensorSlices(path, [path])
        )
    if path.name.endswith(INDEX) and path.name != INDEX:
        return open_checkpoint(path.with_name(path.name.removesuffix(INDEX)))
    # An index of another name tells what is in the checkpoint, and not where its data files are.
    check_index(len(data), path.name)
    return Bundle(path, bytes(data))


def _shards(prefix: Path) -> list[Path]:
    """The shards of a V1 checkpoint, in order."""
    if not is_folder(prefix.parent):
        return []
    return sorted(
        path
        for path in prefix.parent.iterdir()
        if path.name.startswith(prefix.name)
        and _SHARD.fullmatch(path.name[len(prefix.name) :])
        and path.is_file()
        and path.stat().st_size
    )


def behind_state(path: Path, data: memoryview) -> Path:
    """The file that tells what the checkpoint holds which the state file names as the latest.

    The prefix in it is that of the machine that wrote it; the files are looked for beside it.

    Raises: CorruptModel, LimitExceeded, MissingFile.
    """
    state = text.parse(data, "CheckpointState", path.name)
    named = state.model_checkpoint_path.replace("\\", "/")
    if not named or "\0" in named:
        raise CorruptModel(path.name, "CheckpointState", "it names no checkpoint")
    inside = PurePosixPath(named)
    root = path.parent.resolve()
    for part in ([] if inside.is_absolute() else [inside]) + [PurePosixPath(inside.name)]:
        found = find(path.parent / part)
        if found is not None and found != path and _all_below(found, root):
            return found
    last = inside.name[:200]
    reason = f"the file '{path.name}' names '{last}', and there is no '{last}{INDEX}' beside it"
    raise MissingFile(path.parent.name, "checkpoint", reason + did_you_mean(last, in_folder(root)))


def _all_below(path: Path, root: Path) -> bool:
    """Whether all files of a checkpoint lie below a folder, links followed."""
    stem = prefix_of(path).name
    files = (other for other in path.parent.iterdir() if other.name.startswith(stem))
    return all(file.resolve().is_relative_to(root) for file in files)


def in_folder(folder: Path) -> list[str]:
    """The prefixes of the V2 checkpoints in a folder."""
    return sorted(prefix_of(path).name for path in folder.glob("*" + INDEX) if path.is_file())
