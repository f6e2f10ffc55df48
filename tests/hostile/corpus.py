"""The hostile files of ``tests/models/hostile``: made by the functions of this folder, kept, told.

    python -m tests.hostile.corpus          # makes the files and the manifest anew

Each entry of the manifest says what the file is, how it is made, and the outcome of all that may
be asked of it: of ``open``, then of what else does not end with ``ok``; and the warnings of one
that opens. What is too large to keep is made when it is tested. Look at the difference before you
keep it: an outcome is right because somebody thought so.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from inspector.analysis.describe import describe
from inspector.formats import open_model
from tests.hostile import graph_files, lite_files, model_files
from tests.hostile.battery import OK, outcomes

FOLDER = Path(__file__).resolve().parent.parent / "models" / "hostile"
MANIFEST = FOLDER / "manifest.json"
FOUND = "found"
MOST_KEPT = 16 << 10
_SHOWN = 700


def _file(suffix: str, make: Callable[[], bytes]) -> Callable[[Path], Path]:
    def write(place: Path) -> Path:
        path = place.with_name(place.name + suffix)
        path.write_bytes(make())
        return path

    return write


def makers() -> dict[str, Callable[[Path], Path]]:
    """``group/name`` to what makes it at a place and gives the path to open."""
    made: dict[str, Callable[[Path], Path]] = {}
    for name, make in graph_files.SMALL.items():
        made[f"graph/{name}"] = _file(".pb", make)
    for name, model in model_files.CHECKPOINTS.items():
        made[f"checkpoint/{name}"] = model
    for name, model in model_files.SAVED.items():
        made[f"saved_model/{name}"] = model
    for name, data in lite_files.FILES.items():
        made[f"tflite/{name}"] = _file(".tflite", data)
    for name, (suffix, make) in model_files.ARCHIVES.items():
        made[f"archive/{name}"] = _file(f".{suffix}", make)
    return made


def told(path: Path) -> dict[str, Any]:
    """What becomes of a file: outcomes that are not ``ok``, and warnings."""
    found = {key: text for key, text in outcomes(path).items() if key == "open" or text != OK}
    warnings = describe(open_model(path)).warnings if found["open"] == OK else []
    return {
        "outcomes": {key: text[:_SHOWN] for key, text in found.items()},
        "warnings": [text[:_SHOWN] for text in warnings],
    }


def main() -> None:
    """Make all files anew, and the manifest; those that a fuzzer found stay as they are."""
    for entry in FOLDER.iterdir():
        if entry.is_dir() and entry.name != FOUND:
            shutil.rmtree(entry)
    manifest: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name, make in makers().items():
            place = Path(scratch) / name
            place.parent.mkdir(exist_ok=True)
            path = make(place)
            manifest[name] = {"path": None, "made": f"tests.hostile: {name}", **told(path)}
            whole = place if place.is_dir() else path
            if sum(file.stat().st_size for file in (whole, *whole.rglob("*"))) <= MOST_KEPT:
                kept = FOLDER / whole.relative_to(scratch)
                kept.parent.mkdir(parents=True, exist_ok=True)
                if whole.is_dir():
                    shutil.copytree(whole, kept)
                else:
                    shutil.copyfile(whole, kept)
                manifest[name]["path"] = path.relative_to(scratch).as_posix()
    for file in sorted((FOLDER / FOUND).glob("*")):
        name = f"{FOUND}/{file.name}"
        manifest[name] = {"path": name, "made": "found by tests/hostile/fuzz.py", **told(file)}
    MANIFEST.write_text(json.dumps(manifest, indent=1, ensure_ascii=True) + "\n", encoding="utf-8")


def entries() -> Mapping[str, dict[str, Any]]:
    """The manifest."""
    found: dict[str, dict[str, Any]] = json.loads(MANIFEST.read_text(encoding="utf-8"))
    return found


if __name__ == "__main__":
    main()
