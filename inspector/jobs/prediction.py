"""Predictions for the library and the command line: one run of a model, in a worker."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inspector.formats import saved_model_writer
from inspector.jobs import packing
from inspector.jobs.runner import default_runner
from inspector.jobs.tasks import signatures_bytes
from inspector.model import Model
from inspector.tensors import Array

_WATCH_S = 0.1


@dataclass(frozen=True)
class Prediction:
    """The answers of one run; times in milliseconds.

    Attributes:
        outputs: Output key, or the name that was fetched, to array; text as arrays of bytes.
        run_ms: The run alone. `load_ms` is reading the model, `first_ms` the first run, in which
            TensorFlow also prepares the graph.
        signature: The key of the signature that named feeds and fetches, if one did.
    """

    outputs: dict[str, Array]
    run_ms: float
    first_ms: float
    load_ms: float
    signature: str | None = None

    def __getitem__(self, key: str) -> Array:
        return self.outputs[key]


def predict(
    model: Model,
    feeds: Mapping[str, Any],
    fetches: Sequence[str] | None = None,
    signature: str | None = None,
    progress: Callable[[float | None, str], None] | None = None,
) -> Prediction:
    """Run a model once. Raises: RunError, ModelError, JobError."""
    blobs = {"feeds": packing.pack(feeds)}
    with _handed_over(model) as (source, data):
        args = {**source, "fetches": fetches, "signature": signature}
        kind = "run" if model.lite is None else "run_lite"
        job = default_runner().submit(kind, args, blobs={**blobs, **data})
        while progress is not None and not job.done():
            progress(*job.progress)
            wait([job], timeout=_WATCH_S)
        answer = job.result()
    outputs = packing.unpack(answer.blobs["outputs"])
    return Prediction(outputs, **answer.value)


@contextmanager
def _handed_over(model: Model) -> Iterator[tuple[dict[str, Any], dict[str, bytes]]]:
    """How a worker is told of a model: by its path, or by the bytes of one that is a result.

    One that fills tables from files is written down for the time of the run.
    """
    if model.path is not None:
        yield {"path": str(model.path), "tag_set": model.tag_set or None}, {}
    elif model.assets:
        with tempfile.TemporaryDirectory(prefix="inspector-") as folder:
            path = Path(folder) / "model"
            path.mkdir()
            saved_model_writer.write(model, path)
            yield {"path": str(path), "tag_set": None}, {}
    else:
        named = {"name": model.name, "init_op": model.init_op}
        blobs = {"graph": model.graph.to_bytes(), "signatures": signatures_bytes(model)}
        yield {"result": named}, blobs
