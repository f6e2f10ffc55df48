"""Finds the files of a checkpoint: by its prefix, by one of its files, by the state file.

A checkpoint is named by its prefix, which is no file. V2 has ``PREFIX.index`` and data files;
V1 is one file of that name, or ``PREFIX-00000-of-00002`` and so on. ``PREFIX.meta`` may lie beside
them. A folder's file ``checkpoint`` names the latest prefix in it.

Source: python/training/checkpoint_management.py, saver.py; core/util/tensor_bundle/naming.cc.
"""

from __future__ import annotations

import os
import re
from itertools import islice
from pathlib import Path, PurePosixPath

from inspector import settings
from inspector.errors import CorruptModel, MissingFile, did_you_mean
from inspector.files.paths import is_file, is_folder
from inspector.formats import text
from inspector.formats.checkpoint.bundle import Bundle, check_index, open_checkpoint
from inspector.formats.checkpoint.sstable import FOOTER, is_table
from inspector.formats.checkpoint.v1 import TensorSlices, is_v1
from inspector.formats.mapped import map_file
from inspector.graph.protos import CheckpointState
from inspector.model.checkpoint import Checkpoint

STATE_KIND = "CheckpointState"
INDEX = ".index"

_SHARD = re.compile(r"-(\d{5}|\?{5})-of-\d{5}$")


def find(prefix: Path) -> Path | None:
    """The file that lists the variables of the checkpoint of this prefix; None without one.

    For a V1 checkpoint it is the file of that name, or the first shard; a shard's name, also with
    ``?????`` for its number, counts as the prefix.
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
    """The checkpoint of a file that `find` returned.

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
    # A renamed index lists the variables, but its data files cannot be found by its name.
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
    """The file that lists the variables of the latest checkpoint of a state file.

    The state file may hold a path of another machine; the files are searched beside it.

    Raises: CorruptModel, LimitExceeded, MissingFile.
    """
    state = text.parse(data, CheckpointState, path.name)
    named = state.model_checkpoint_path.replace("\\", "/")
    if not named or "\0" in named:
        raise CorruptModel(path.name, STATE_KIND, "it names no checkpoint")
    inside = PurePosixPath(named)
    root = path.parent.resolve()
    for part in ([] if inside.is_absolute() else [inside]) + [PurePosixPath(inside.name)]:
        index = find(path.parent / part)
        if index is not None and index != path and _all_below(index, root):
            return index
    last = inside.name[:200]
    reason = f"the file '{path.name}' names '{last}', and there is no '{last}{INDEX}' beside it"
    raise MissingFile(path.parent.name, "checkpoint", reason + did_you_mean(last, in_folder(root)))


def _all_below(path: Path, root: Path) -> bool:
    """Whether all files of a checkpoint lie below a folder, links followed."""
    stem = prefix_of(path).name
    files = (other for other in path.parent.iterdir() if other.name.startswith(stem))
    return all(file.resolve().is_relative_to(root) for file in files)


def in_folder(folder: Path) -> list[str]:
    """The prefixes of the checkpoints in a folder, of either format."""
    entries = sorted(islice(folder.iterdir(), settings.FILES()))
    return sorted({prefix_of(path).name for path in entries if path.is_file() and _is_first(path)})


def _is_first(path: Path) -> bool:
    """Whether this file lists the variables of a checkpoint; an index is known by its name."""
    if path.name.endswith(INDEX):
        return path.name != INDEX
    return bool(path.stat().st_size) and is_table_file(path)
