"""Where the files of a checkpoint are: by its prefix, by one of the files, by the state file.

A checkpoint is called by its prefix, which is no file. V2 has ``PREFIX.index`` and data files;
``PREFIX.meta`` may lie beside them. A folder's file ``checkpoint`` names the latest prefix in it.

Source: python/training/checkpoint_management.py, saver.py; core/util/tensor_bundle/naming.cc.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from inspector.checkpoint import Checkpoint, open_checkpoint
from inspector.errors import CorruptModel, MissingFile, did_you_mean
from inspector.formats import text

STATE_FILE = "checkpoint"
INDEX = ".index"


def find(prefix: Path) -> Path | None:
    """The file that tells what the checkpoint of this prefix holds; None where there is none."""
    index = prefix.with_name(prefix.name + INDEX) if prefix.name else prefix
    return index if index.is_file() else None


def prefix_of(path: Path) -> Path:
    """The prefix of the checkpoint that a file of `find` belongs to."""
    return path.with_name(path.name.removesuffix(INDEX))


def open_at(path: Path) -> Checkpoint:
    """The checkpoint of a file that `find` gives.

    Raises: MissingVariables, CorruptModel, LimitExceeded.
    """
    return open_checkpoint(prefix_of(path))


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
        if found is not None and found.resolve().is_relative_to(root):
            return found
    last = inside.name[:200]
    reason = f"the file '{path.name}' names '{last}', and there is no '{last}{INDEX}' beside it"
    raise MissingFile(path.parent.name, "checkpoint", reason + did_you_mean(last, in_folder(root)))


def in_folder(folder: Path) -> list[str]:
    """The prefixes of the checkpoints in a folder."""
    return sorted(prefix_of(path).name for path in folder.glob("*" + INDEX) if path.is_file())
