"""The tasks that read a model, and what the library asks of a worker.

TensorFlow is imported inside the tasks that need it and nowhere else: the light template loads
this module too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from inspector import contents, formats, looking, signatures
from inspector.describe import describe
from inspector.graph import Graph
from inspector.jobs import packing
from inspector.jobs.worker import JobContext, TaskResult
from inspector.model import Model
from inspector.protos import GraphDef, MetaGraphDef, parse
from inspector.view import hierarchy
from inspector.view.paused import collector_paused

Args = dict[str, Any]


def read_model(args: Mapping[str, Any]) -> Model:
    """The model that a request names by ``path`` and ``tag_set``; ``signature`` is the chosen key.

    Raises: ModelError, LimitExceeded.
    """
    model = formats.open_model(Path(args["path"]), args.get("tag_set"))
    model.signature = args.get("signature")
    model.key()  # raises where there is no such signature
    return model


def of_ops(model: Model, outputs: Sequence[str] | None = None) -> Model:
    """The model as a graph of ops: a Keras file is built, all others are as they are.

    Args:
        outputs: Layers or nodes that the graph is for; by default the model's outputs.
    """
    if model.layers is None:
        return model
    from inspector.backend import keras_models

    return keras_models.build(model, outputs)


@collector_paused()
def open_model(args: Args, job: JobContext) -> TaskResult:
    """Facts, node table and operations of a model.

    Args: path; tag_set; signature. Value: ``facts``; ``signature``: the key of the
    one that is drawn; ``contents``. Blobs: ``summary``, ``hierarchy``, ``operations`` (columns).
    """
    job.progress(None, "read")
    model = read_model(args)
    job.progress(None, "describe")
    facts = describe(model).to_dict()
    job.progress(None, "draw up the node table")
    look = looking.Look(model)
    facts["warnings"] += look.warnings
    summary = look.summary()
    job.progress(None, "group the nodes")
    blobs = {
        "summary": summary.to_json().encode(),
        "hierarchy": hierarchy.build(summary).to_json().encode(),
        "operations": json.dumps(look.columns(), separators=(",", ":")).encode(),
    }
    value = {"facts": facts, "signature": model.key(), "contents": contents.of(model)}
    return TaskResult(value, blobs)


def build(args: Args, job: JobContext) -> TaskResult:
    """A Keras file as a frozen graph.

    Args: path; outputs; keep_devices. Value and blobs: as `handed_over` takes them.
    """
    from inspector.backend import keras_models

    job.progress(None, "build")
    model = read_model(args)
    made = keras_models.build(model, args["outputs"], keep_devices=args["keep_devices"])
    value = {
        "name": made.name,
        "init_op": made.init_op,
        "producer": made.producer,
        "notes": made.notes,
        "warnings": made.warnings,
    }
    blobs = {"graph": made.graph.to_bytes(), "signatures": signatures_bytes(made)}
    return TaskResult(value, blobs)


def node(args: Args, job: JobContext) -> TaskResult:
    """One operation: tensors, attributes, neighbours, and of a Const its value in figures.

    Args: path; tag_set; signature; name; known: whether tensors and neighbours are known already.
    """
    job.progress(None, "read")
    look = looking.Look(read_model(args))
    return TaskResult((look.content if args.get("known") else look.details)(args["name"]))


def evaluate(args: Args, job: JobContext) -> TaskResult:
    """Compute tensors of a closed sub-graph with TensorFlow's kernels.

    Args: fetches; max_bytes. Blob: ``graph``. Value: ``why``: fetch to the reason it has no value.
    Blob of the answer: ``values``.
    """
    from inspector.backend.evaluate import evaluate as run_kernels

    job.progress(None, "compute")
    graph = Graph.of(parse(GraphDef, job.blobs["graph"], "graph", "GraphDef"))
    found = run_kernels(
        graph.nodes,
        args["fetches"],
        graph.library,
        versions=graph.versions,
        max_bytes=args["max_bytes"],
    )
    why = {name: value for name, value in found.items() if isinstance(value, str)}
    values = [(name, value) for name, value in found.items() if not isinstance(value, str)]
    return TaskResult({"why": why}, {"values": packing.pack_tensors(values)})


def grappler(args: Args, job: JobContext) -> TaskResult:
    """A graph after some of Grappler's optimisers.

    Args: inputs; outputs; optimizers. Blob: ``graph``. Blob of the answer: ``graph``.
    """
    from inspector.backend.grappler import optimise_graph

    job.progress(None, "optimise")
    graph = Graph.of(parse(GraphDef, job.blobs["graph"], "graph", "GraphDef"))
    made = optimise_graph(graph, args["inputs"], args["outputs"], args["optimizers"])
    return TaskResult({}, {"graph": made.to_bytes()})


def run(args: Args, job: JobContext) -> TaskResult:
    """Run a model once.

    Args: path and tag_set, or ``result`` (name, init_op) with the blobs ``graph`` and
        ``signatures``; fetches; signature. Blob: ``feeds``. Blob of the answer: ``outputs``.
    """
    from inspector.backend.predict import predict

    job.progress(None, "load")
    model = handed_over(args["result"], job.blobs) if "result" in args else read_model(args)
    model = _for_fetches(model, args["fetches"], args["signature"])
    feeds = packing.unpack(job.blobs["feeds"])
    done = predict(model, feeds, args["fetches"], signature=args["signature"])
    value = asdict(done)
    return TaskResult(value, {"outputs": packing.pack(value.pop("outputs"))})


def signatures_bytes(model: Model) -> bytes:
    """A model's signatures, as a MetaGraphDef."""
    meta = MetaGraphDef()
    for key, signature in model.signatures.items():
        meta.signature_def[key].CopyFrom(signature)
    data: bytes = meta.SerializeToString()
    return data


def handed_over(named: Mapping[str, Any], blobs: Mapping[str, bytes]) -> Model:
    """A model that was made in another process.

    Args:
        named: name and init_op; also producer, notes and warnings, where they matter.
        blobs: ``graph``, a GraphDef; ``signatures``, of `signatures_bytes`.
    """
    meta = parse(MetaGraphDef, blobs["signatures"], named["name"], "signatures")
    graph = Graph.of(parse(GraphDef, blobs["graph"], named["name"], "GraphDef"))
    size = len(blobs["graph"])
    return Model(
        format="GraphDef",
        name=named["name"],
        graph=graph,
        signatures=dict(meta.signature_def),
        init_op=named["init_op"],
        producer=named.get("producer", ""),
        notes=list(named.get("notes", ())),
        warnings=list(named.get("warnings", ())),
        bytes={"graph": size, "variables": 0, "assets": 0, "total": size},
    )


def _for_fetches(model: Model, fetches: Sequence[str] | None, signature: str | None) -> Model:
    """Of a Keras file the graph that gives the fetches: keys of its signature, layers or nodes."""
    if model.layers is None:
        return model
    key = signatures.choose(model.signatures, signature, model.name)
    keys = set() if key is None else set(model.signatures[key].outputs)
    return of_ops(model, None if fetches is None or set(fetches) <= keys else fetches)
