"""Models as TFLite models, converted in a worker for the library."""

from __future__ import annotations

import shutil
from pathlib import Path

from inspector import formats
from inspector.errors import UnsupportedModel
from inspector.formats import archives
from inspector.jobs.client.ask import Terms, ask
from inspector.jobs.request_types import ConvertArgs
from inspector.jobs.tasks.read import signatures_bytes
from inspector.model.initial_state import init_note
from inspector.model.model import Model, Runtime
from inspector.optimisation.tflite import lite_preparation

_FILE = "model.tflite"


def to_tflite(
    model: Model, terms: Terms, *, flex: bool = False, short_names: bool = False
) -> Model:
    """A frozen model with a signature as a TFLite model.

    Its file lies in a temporary folder, for as long as the Model is in use.

    Raises: ConversionFailed, UnsupportedModel, BlockedOp, RunFailed, MissingFile, JobError.
    """
    ready = lite_preparation.prepared(model)
    args: ConvertArgs = {
        "result": {"name": ready.name, "init_op": ready.init_op},
        "flex": flex,
        "short_names": short_names,
    }
    blobs = {"graph": ready.graph.to_bytes(), "signatures": signatures_bytes(ready)}
    kind = "convert_state" if lite_preparation.has_state(ready) else "convert"
    data = ask(kind, args, blobs=blobs, terms=terms).blobs["file"]
    lite = of_bytes(data, f"{Path(model.name).stem}.tflite")
    ran = () if model.init_op is None else (init_note(model.init_op).removesuffix("."),)
    lite.notes = [note for note in model.notes if not note.startswith(ran)]
    return lite


def of_bytes(data: bytes, name: str) -> Model:
    """A TFLite model whose file lies in a temporary folder, for as long as the Model is in use."""
    home = archives.Scratch()
    try:
        path = home.path / _FILE
        path.write_bytes(data)
        lite = formats.open_model(path)
    except BaseException:
        home.remove()
        raise
    lite.name = name
    lite.unpacked = home
    return lite


def write(model: Model, path: Path) -> None:
    """Copy the file of a TFLite model. Raises: UnsupportedModel for another model."""
    if model.runs_with is not Runtime.LITERT or model.path is None:
        raise UnsupportedModel(model.name, "TFLite", "is no TFLite model")
    shutil.copyfile(model.path, path)
