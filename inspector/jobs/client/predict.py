"""Predictions for the library and the command line: one run of a model, in a worker."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NotRequired, cast

from inspector.formats import saved_model_writer
from inspector.graph.tensors import Array
from inspector.jobs import packing
from inspector.jobs.client.ask import Terms, ask
from inspector.jobs.request_types import GraphJson, ModelArgs, RunAnswer, RunArgs
from inspector.jobs.tasks.read import signatures_bytes
from inspector.model.model import Model, Runtime


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
    init_op: str | None = None,
    terms: Terms | None = None,
) -> Prediction:
    """Run a model once. Raises: UnknownNode, RunError, ModelError, JobError."""
    blobs = {"feeds": packing.pack(feeds)}
    with _source(model) as (source, model_blobs):
        args: RunArgs = {
            **source,
            "fetches": None if fetches is None else list(fetches),
            "signature": signature,
            "init_op": init_op,
        }
        kind = "run_lite" if model.runs_with is Runtime.LITERT else "run"
        answer = ask(kind, args, blobs={**blobs, **model_blobs}, terms=terms)
    outputs = packing.unpack(answer.blobs["outputs"])
    return Prediction(outputs, **cast("RunAnswer", answer.value))


class _Source(ModelArgs):
    result: NotRequired[GraphJson]


@contextmanager
def _source(model: Model) -> Iterator[tuple[_Source, dict[str, bytes]]]:
    """How a worker gets a model: arguments and blobs.

    A model without a path travels as blobs; if it fills tables from files, it is written to a
    temporary folder for the time of the run.
    """
    if model.path is not None:
        yield {"path": str(model.path), "tag_set": list(model.tag_set) or None}, {}
    elif model.assets:
        with tempfile.TemporaryDirectory(prefix="inspector-") as folder:
            path = Path(folder) / "model"
            path.mkdir()
            saved_model_writer.write(model, path)
            yield {"path": str(path), "tag_set": None}, {}
    else:
        result: GraphJson = {"name": model.name, "init_op": model.init_op}
        blobs = {"graph": model.graph.to_bytes(), "signatures": signatures_bytes(model)}
        yield {"result": result}, blobs
