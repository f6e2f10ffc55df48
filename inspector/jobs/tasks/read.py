"""The tasks that read a model, and those that run ops for the library.

Only the tasks that need TensorFlow import it: the light template loads this module too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from inspector import formats
from inspector.analysis import contents
from inspector.analysis.describe import describe
from inspector.collector import collector_paused
from inspector.formats import parts
from inspector.graph.graph import Graph
from inspector.graph.protos import GraphDef, MetaGraphDef, parse
from inspector.jobs import packing
from inspector.jobs.request_types import (
    BuildArgs,
    EvaluateAnswer,
    EvaluateArgs,
    GraphJson,
    GrapplerAnswer,
    GrapplerArgs,
    ModelArgs,
    NodeArgs,
    OpenAnswer,
    RunArgs,
)
from inspector.jobs.worker import JobContext, TaskResult
from inspector.model import signatures
from inspector.model.callables import with_callables
from inspector.model.model import Model, Runtime
from inspector.safety.scan import scan
from inspector.view.table.builder import NodeTableBuilder
from inspector.view.table.operation_details import OperationDetails
from inspector.view.tree import hierarchy


def read_model(args: ModelArgs) -> Model:
    """The model that a request names, with its chosen signature or function.

    Raises: ModelError, LimitExceeded.
    """
    model = formats.open_model(Path(args["path"]), args.get("tag_set"))
    model = with_callables(model, args.get("signature"))
    model.signature = args.get("signature")
    model.key()  # raises where there is no such signature
    return model


def of_ops(model: Model, outputs: Sequence[str] | None = None) -> Model:
    """The model as a graph of ops: builds a Keras file, returns other models as is.

    Args:
        outputs: Layers or nodes that the graph is for; by default the model's outputs.
    """
    if model.runs_with is not Runtime.KERAS:
        return model
    from inspector.backend import keras_models

    return keras_models.build(model, outputs)


@collector_paused()
def open_model(args: ModelArgs, job: JobContext) -> TaskResult:
    """Facts, node table and operations of a model; the facts hold the scan.

    Blobs of the answer: ``summary`` and ``hierarchy``, of which the picture is made and which so
    come before the rest; ``operations`` (what the summary lacks).
    """
    job.progress(None, "read")
    model = read_model(args)
    job.progress(None, "draw up the node table")
    builder = NodeTableBuilder(model)
    summary = builder.node_table()
    model.outline.columns().forget_lists()
    job.progress(None, "group the nodes")
    picture = {
        "hierarchy": hierarchy.build(summary).to_json().encode(),
        "summary": summary.to_json().encode(),
    }
    del summary
    job.send_ahead(picture)
    job.progress(None, "describe")
    beside = json.dumps(OperationDetails(builder).beside(), separators=(",", ":"))
    facts = describe(model).to_dict()
    facts["scan"] = scan(model).to_dict()
    facts["warnings"] += builder.warnings
    value: OpenAnswer = {
        "facts": facts,
        "signature": model.key(),
        "contents": {**contents.of(model), **_siblings(model, args)},
    }
    return TaskResult(value, {"operations": beside.encode()})


def _siblings(model: Model, args: ModelArgs) -> dict[str, Any]:
    """``part``: which model of a folder or archive this is; ``parts``: all of them, if several."""
    part = args.get("part", "")
    root = model.root
    if model.unpacked is None and part:
        root = Path(args["path"].removesuffix(f"/{part}"))
    listed = [] if root is None else parts.of(root)
    if root is None or len(listed) < 2:
        return {"part": part, "parts": []}
    opened = "" if model.path is None else parts.name_of(model.path, root, model.format)
    return {"part": part or opened, "parts": [item.to_dict() for item in listed]}


def build(args: BuildArgs, job: JobContext) -> TaskResult:
    """A Keras file as a frozen graph; value and blobs as `model_of_blobs` takes them."""
    from inspector.backend import keras_models

    job.progress(None, "build")
    model = read_model({"path": args["path"]})
    built = keras_models.build(model, args["outputs"], keep_devices=args["keep_devices"])
    value: GraphJson = {
        "name": built.name,
        "init_op": built.init_op,
        "producer": built.producer,
        "notes": built.notes,
        "warnings": built.warnings,
    }
    blobs = {"graph": built.graph.to_bytes(), "signatures": signatures_bytes(built)}
    return TaskResult(value, blobs)


def node(args: NodeArgs, job: JobContext) -> TaskResult:
    """One operation: tensors, attributes, neighbours, and figures of a Const's value."""
    job.progress(None, "read")
    operations = OperationDetails(NodeTableBuilder(read_model(args)))
    return TaskResult(
        (operations.content if args.get("known") else operations.details)(args["name"])
    )


def evaluate(args: EvaluateArgs, job: JobContext) -> TaskResult:
    """Compute tensors of a closed sub-graph with TensorFlow's kernels.

    Blob: ``graph``. Blob of the answer: ``values``.
    """
    from inspector.backend.evaluate import evaluate as run_kernels

    job.progress(None, "compute")
    graph = Graph.of(parse(GraphDef, job.blobs["graph"], "graph", "GraphDef"))
    results = run_kernels(
        graph.nodes,
        args["fetches"],
        graph.library,
        versions=graph.versions,
        max_bytes=args["max_bytes"],
    )
    why = {name: value for name, value in results.items() if isinstance(value, str)}
    values = [(name, value) for name, value in results.items() if not isinstance(value, str)]
    answer: EvaluateAnswer = {"why": why}
    return TaskResult(answer, {"values": packing.pack_tensors(values)})


def grappler(args: GrapplerArgs, job: JobContext) -> TaskResult:
    """A graph after some of Grappler's optimisers.

    Blob: ``graph``. Blob of the answer: ``graph``.
    """
    from inspector.backend.grappler import optimise_graph

    job.progress(None, "optimise")
    graph = Graph.of(parse(GraphDef, job.blobs["graph"], "graph", "GraphDef"))
    after = optimise_graph(graph, args["inputs"], args["outputs"], args["optimizers"])
    answer: GrapplerAnswer = {}
    return TaskResult(answer, {"graph": after.to_bytes()})


def run(args: RunArgs, job: JobContext) -> TaskResult:
    """Run a model once.

    Blobs: ``feeds``; ``graph`` and ``signatures`` of a model without a path. Blob of the answer:
    ``outputs``.
    """
    from inspector.backend.predict import predict

    job.progress(None, "load")
    model = model_of_blobs(args["result"], job.blobs) if "result" in args else read_model(args)
    signature = args.get("signature")
    model = _for_fetches(model, args["fetches"], signature)
    feeds = packing.unpack(job.blobs["feeds"])
    value = asdict(
        predict(model, feeds, args["fetches"], signature=signature, init_op=args.get("init_op"))
    )
    return TaskResult(value, {"outputs": packing.pack(value.pop("outputs"))})


def signatures_bytes(model: Model) -> bytes:
    """A model's signatures, as a MetaGraphDef."""
    meta = MetaGraphDef()
    for key, signature in model.signatures.items():
        meta.signature_def[key].CopyFrom(signature)
    data: bytes = meta.SerializeToString()
    return data


def model_of_blobs(source: GraphJson, blobs: Mapping[str, bytes]) -> Model:
    """A model that another process sent.

    Args:
        blobs: ``graph``, a GraphDef; ``signatures``, of `signatures_bytes`.
    """
    meta = parse(MetaGraphDef, blobs["signatures"], source["name"], "signatures")
    graph = Graph.of(parse(GraphDef, blobs["graph"], source["name"], "GraphDef"))
    size = len(blobs["graph"])
    return Model(
        format="GraphDef",
        name=source["name"],
        graph=graph,
        signatures=dict(meta.signature_def),
        init_op=source["init_op"],
        producer=source.get("producer", ""),
        notes=list(source.get("notes", ())),
        warnings=list(source.get("warnings", ())),
        bytes={"graph": size, "variables": 0, "assets": 0, "total": size},
    )


def _for_fetches(model: Model, fetches: Sequence[str] | None, signature: str | None) -> Model:
    """The model; of a Keras file the graph for these fetches: signature keys, layers or nodes."""
    if model.runs_with is not Runtime.KERAS:
        return model
    key = signatures.choose(model.signatures, signature, model.name)
    keys = set() if key is None else set(model.signatures[key].outputs)
    return of_ops(model, None if fetches is None or set(fetches) <= keys else fetches)
