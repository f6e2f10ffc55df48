"""A Model that a worker has read, rebuilt from its answer."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from inspector.errors import UnsupportedModel
from inspector.files.paths import exists
from inspector.formats import places, table
from inspector.formats.checkpoint.in_memory import MemoryCheckpoint
from inspector.formats.keras.layer_model import KerasModel, Layers
from inspector.graph.graph import Graph
from inspector.graph.protos import GraphDef, MetaGraphDef, parse
from inspector.jobs import packing
from inspector.jobs.client.ask import Terms, ask
from inspector.jobs.handover import handing_over
from inspector.jobs.handover.handover_types import ReadAnswer
from inspector.jobs.request_types import ModelArgs
from inspector.model.checkpoint import Variable
from inspector.model.code_use import CodeUse
from inspector.model.model import Asset, Model


def open_isolated(
    path: str | os.PathLike[str], tag_set: Sequence[str] | None, terms: Terms
) -> Model:
    """Open a model in a worker with limits, and hand it over.

    Raises: ModelError, LimitExceeded, JobError.
    """
    place, part = places.split(Path(path).absolute())
    if part:
        why = "a model inside an archive is not handed over: unpack the archive, or name it alone"
        raise UnsupportedModel(place.name, part, why)
    if not exists(place):
        places.at(place)  # the sandbox would hide what is missing
    args: ModelArgs = {"path": str(place), "tag_set": None if tag_set is None else list(tag_set)}
    result = ask("read", args, terms=terms)
    return _model_of(cast("ReadAnswer", result.value), result.blobs, place)


def _model_of(answer: ReadAnswer, blobs: Mapping[str, bytes], place: Path) -> Model:
    if answer["kind"] == handing_over.LITE:
        # Its reader is Python that checks every bound; the worker has read the file before.
        return table.BY_NAME[answer["format"]].read(place, memoryview(blobs["file"]), None)
    fields = _fields(answer, blobs, place)
    if answer["kind"] == handing_over.KERAS:
        return KerasModel(**fields, layers=_layers(answer["layers"]))
    return Model(**fields)


def _fields(answer: ReadAnswer, blobs: Mapping[str, bytes], place: Path) -> dict[str, Any]:
    name = answer["name"]
    meta = parse(MetaGraphDef, blobs["meta_graph"], name, "MetaGraphDef")
    stored = parse(MetaGraphDef, blobs["signatures"], name, "signatures").signature_def
    variables = [Variable(**item) for item in answer["variables"]]
    checkpoint = None
    if answer["values"]:
        values = packing.unpack_tensors(blobs["values"])
        checkpoint = MemoryCheckpoint(place / "variables", variables, values)
    return {
        "format": answer["format"],
        "name": name,
        "path": place,
        "graph": Graph.of(parse(GraphDef, blobs["graph"], name, "GraphDef")),
        "tag_sets": answer["tag_sets"],
        "tag_set": answer["tag_set"],
        "signatures": {key: stored[key] for key in sorted(stored)},
        "producer": answer["producer"],
        "variables": variables,
        "assets": [
            Asset(item["name"], item["tensor"], _inside(item["path"], place))
            for item in answer["assets"]
        ],
        "files": [(str(file), int(size)) for file, size in answer["files"]],
        "bytes": answer["sizes"],
        "meta_graph": meta if answer["has_meta_graph"] else None,
        "objects": memoryview(blobs["objects"]) if answer["has_objects"] else None,
        "checkpoint": checkpoint,
        "init_op": answer["init_op"],
        "warnings": answer["warnings"],
        "notes": answer["notes"],
        "no_values": answer["no_values"],
        "is_isolated": True,
    }


def _inside(path: str | None, place: Path) -> Path | None:
    """The file of an asset, if it lies in the model's folder.

    Files of a model are copied and shown to other workers, and a worker that the model took over
    may name any file.
    """
    if path is None or not Path(path).resolve().is_relative_to(place.resolve()):
        return None
    return Path(path)


def _layers(data: dict[str, Any]) -> Layers:
    code = [CodeUse(**{**item, "entries": tuple(item["entries"])}) for item in data["code"]]
    weights = {name: (sizes[0], sizes[1]) for name, sizes in data["weights"].items()}
    return Layers(**{**data, "code": code, "weights": weights})
