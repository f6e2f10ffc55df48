"""The task `read`: opens a model in a worker, and sends what it holds in messages of our own.

The caller decodes protobuf messages, JSON and arrays that this process has encoded, and no file of
the model: no archive, HDF5, text, compressed block or checkpoint.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from inspector.errors import LimitExceeded
from inspector.formats.keras.layer_model import KerasModel
from inspector.graph import tensors
from inspector.jobs import packing
from inspector.jobs.handover.handover_types import AssetJson, ReadAnswer
from inspector.jobs.request_types import ModelArgs
from inspector.jobs.tasks.read import read_model, signatures_bytes
from inspector.jobs.worker import JobContext, TaskResult
from inspector.model.checkpoint import OBJECT_GRAPH
from inspector.model.model import Asset, Model, Runtime

OPS, KERAS, LITE = "ops", "keras", "lite"
MOST_VALUES = 1 << 30
"""Bytes of all variables together that are handed over."""


def read(args: ModelArgs, job: JobContext) -> TaskResult:
    """A model, as `rebuilding.model_of` takes it.

    Blobs of the answer: ``graph``, ``signatures``, ``meta_graph``, ``objects``, ``values``,
    ``file`` (of TFLite, the file itself); those that a model does not have are empty.
    """
    job.progress(None, "read")
    model = read_model(args)
    job.progress(None, "hand over")
    blobs = dict.fromkeys(("graph", "meta_graph", "objects", "values", "file"), b"")
    blobs["signatures"] = signatures_bytes(model)
    if model.runs_with is Runtime.LITERT:
        assert model.path is not None
        blobs["file"] = model.path.read_bytes()
    else:
        blobs["graph"] = model.graph.to_bytes()
    if model.meta_graph is not None:
        blobs["meta_graph"] = model.meta_graph.SerializeToString()
    if model.objects is not None:
        blobs["objects"] = bytes(model.objects)
    if model.checkpoint is not None:
        blobs["values"] = _values(model)
    return TaskResult(_answer(model, Path(args["path"])), blobs)


def _answer(model: Model, place: Path) -> ReadAnswer:
    kinds = {Runtime.KERAS: KERAS, Runtime.LITERT: LITE, Runtime.TENSORFLOW: OPS}
    answer: ReadAnswer = {
        "kind": kinds[model.runs_with],
        "format": model.format,
        "name": model.name,
        "tag_sets": model.tag_sets,
        "tag_set": model.tag_set,
        "producer": model.producer,
        "variables": [
            {"name": item.name, "dtype": item.dtype, "shape": item.shape, "bytes": item.bytes}
            for item in model.variables
        ],
        "assets": [_asset(item, place) for item in model.assets],
        "files": [[name, size] for name, size in model.files],
        "sizes": dict(model.bytes),
        "init_op": model.init_op,
        "warnings": model.warnings,
        "notes": model.notes,
        "no_values": model.no_values,
        "values": model.checkpoint is not None,
        "has_meta_graph": model.meta_graph is not None,
        "has_objects": model.objects is not None,
    }
    if isinstance(model, KerasModel):
        answer["layers"] = asdict(model.layers)
    return answer


def _asset(asset: Asset, place: Path) -> AssetJson:
    """An asset; one that was unpacked goes with this job."""
    stays = asset.path is not None and asset.path.is_relative_to(place)
    return {
        "name": asset.name,
        "tensor": asset.tensor,
        "path": str(asset.path) if stays else None,
    }


def _values(model: Model) -> bytes:
    """All values of the checkpoint. Raises: LimitExceeded."""
    checkpoint = model.checkpoint
    assert checkpoint is not None
    total = sum(variable.bytes for variable in model.variables)
    if total > MOST_VALUES:
        why = f"{total:,} bytes of variables, and isolated opening hands over {MOST_VALUES:,}"
        raise LimitExceeded(model.name, "variables", why)
    keys = dict.fromkeys(item.name for item in model.variables)
    if OBJECT_GRAPH in checkpoint:
        keys[OBJECT_GRAPH] = None
    return packing.pack_tensors(
        (key, tensors.from_numpy(checkpoint.read(key), checkpoint.dtype(key))) for key in keys
    )
