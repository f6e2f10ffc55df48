"""Folders of numbered versions, as TensorFlow Serving reads them: ``1``, ``2``, ``000123``.

Source: tensorflow_serving/sources/storage_path/file_system_storage_path_source.cc: a version is a
folder whose name is a number of 64 bits, and the highest one is served.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from inspector.formats.file_names import SAVED_MODEL

_NUMBER = re.compile(r"[0-9]{1,19}")
_HIGHEST = (1 << 63) - 1
_MOST_ENTRIES = 10_000
_LISTED = 5


@dataclass(frozen=True)
class Versions:
    """The numbered versions of a model, the highest first.

    Attributes:
        chosen: The highest one that holds a SavedModel.
    """

    folders: list[Path]
    chosen: Path

    def note(self) -> str:
        """A sentence on which one was opened."""
        names = [folder.name for folder in self.folders]
        if len(names) == 1:
            return (
                "The folder holds one numbered version, as TensorFlow Serving has them: "
                f"{names[0]}, which is opened."
            )
        listed = ", ".join(names[:_LISTED]) + (", ..." if len(names) > _LISTED else "")
        beginning = (
            f"The folder holds {len(names)} numbered versions ({listed}), as TensorFlow Serving "
            "has them: "
        )
        empty = names[: names.index(self.chosen.name)]
        if empty:
            verb = "holds" if len(empty) == 1 else "hold"
            return (
                f"{beginning}version {self.chosen.name} is opened, since "
                f"{', '.join(empty[:_LISTED])} {verb} no SavedModel."
            )
        return f"{beginning}version {self.chosen.name}, the highest, is opened."


def find(folder: Path) -> Versions | None:
    """The versions in a folder; None where no folder of a number holds a SavedModel."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in islice(entries, _MOST_ENTRIES) if entry.is_dir()]
    except OSError:
        return None
    numbers = {name: int(name) for name in names if _NUMBER.fullmatch(name)}
    ordered = sorted(
        (name for name, number in numbers.items() if number <= _HIGHEST),
        key=lambda name: (-numbers[name], name),
    )
    folders = [folder / name for name in ordered]
    chosen = next((path for path in folders if is_saved_model(path)), None)
    return None if chosen is None else Versions(folders, chosen)


def is_saved_model(folder: Path) -> bool:
    """Whether a SavedModel lies in a folder, by the names of its files."""
    return any(os.path.lexists(folder / name) for name in SAVED_MODEL)
