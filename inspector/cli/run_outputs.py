"""The outputs of a run as a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inspector import api
from inspector.cli.output import new_file


def write_arrays(outputs: Mapping[str, Any], path: Path, *, force: bool) -> None:
    """Write outputs as ``.npz``, or as ``.csv`` where the path says so."""
    with new_file(path, force=force) as temporary:
        if path.suffix.lower() == ".csv":
            temporary.write_text(api.csv_text(outputs, {}), encoding="utf-8")
            return
        with temporary.open("wb") as file:
            api.write_npz(file, outputs)
