"""How a worker gets a model of the caller's process."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NotRequired

from inspector.formats import saved_model_writer
from inspector.jobs.request_types import GraphJson, ModelArgs
from inspector.jobs.tasks.read import signatures_bytes
from inspector.model.model import Model


class Source(ModelArgs):
    """A path, or ``result`` for a model that travels as blobs."""

    result: NotRequired[GraphJson]


@contextmanager
def source_of(model: Model) -> Iterator[tuple[Source, dict[str, bytes]]]:
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
