"""Kernels and Grappler for passes, in a worker: this process does not import TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from inspector.errors import JobCancelled, JobError, JobTimeout, TransformFailed, WorkerUnavailable
from inspector.graph.graph import Graph
from inspector.graph.protos import (
    FunctionDefLibrary,
    GraphDef,
    NodeDef,
    TensorProto,
    VersionDef,
    parse,
)
from inspector.jobs import packing
from inspector.jobs.client.ask import Terms, ask
from inspector.jobs.job import JobResult
from inspector.jobs.request_types import EvaluateArgs, GrapplerArgs
from inspector.optimisation.transform_job import Kernels
from inspector.passes.base import MAX_CONSTANT as MAX_BYTES


def evaluate(
    nodes: Sequence[NodeDef],
    fetches: Sequence[str],
    library: FunctionDefLibrary,
    *,
    versions: VersionDef | None = None,
    max_bytes: int = MAX_BYTES,
    terms: Terms | None = None,
) -> Mapping[str, TensorProto | str]:
    """As `backend.evaluate.evaluate`, in a worker; the first call starts TensorFlow there.

    If the worker dies, that is the reason why each fetch has no value.

    Raises: JobCancelled; JobTimeout when the caller's deadline has passed; WorkerUnavailable.
    """
    if not fetches:
        return {}
    args: EvaluateArgs = {"fetches": list(fetches), "max_bytes": max_bytes}
    graph = Graph(nodes, library, versions).to_bytes()
    try:
        answer = _ask("evaluate", args, graph, terms)
    except _GraphKilledWorker as err:
        return dict.fromkeys(fetches, f"could not be computed: {err}")
    values: dict[str, TensorProto | str] = dict(answer.value["why"])
    values.update(packing.unpack_tensors(answer.blobs["values"]))
    return values


def grappler(
    graph: Graph,
    inputs: Sequence[str],
    outputs: Sequence[str],
    optimizers: Sequence[str],
    *,
    terms: Terms | None = None,
) -> Graph:
    """As `backend.grappler.optimise_graph`, in a worker.

    Raises: TransformFailed if the worker dies; JobCancelled; JobTimeout when the caller's deadline
        has passed; WorkerUnavailable.
    """
    args: GrapplerArgs = {
        "inputs": list(inputs),
        "outputs": list(outputs),
        "optimizers": list(optimizers),
    }
    try:
        answer = _ask("grappler", args, graph.to_bytes(), terms)
    except _GraphKilledWorker as err:
        why = f"Grappler ended its process: {err}"
        raise TransformFailed("grappler", ", ".join(optimizers), why) from err
    after = Graph.of(parse(GraphDef, answer.blobs["graph"], "grappler", "GraphDef"))
    # An unchanged node stays the same object, so it is neither copied nor counted again.
    before = {node.name: node for node in graph}
    return after.with_nodes(old if (old := before.get(n.name)) == n else n for n in after)


def remote_kernels(terms: Terms) -> Kernels:
    """Kernels in workers, for a caller that waits on these terms."""
    return Kernels(partial(evaluate, terms=terms), partial(grappler, terms=terms))


class _GraphKilledWorker(Exception):
    """The worker ended without an answer; the graph is the likely cause."""


def _ask(kind: str, args: Mapping[str, object], graph: bytes, terms: Terms | None) -> JobResult:
    try:
        return ask(kind, args, blobs={"graph": graph}, terms=terms)
    except (JobCancelled, WorkerUnavailable):
        raise
    except JobError as err:
        if isinstance(err, JobTimeout) and terms is not None and terms.deadline is not None:
            raise
        raise _GraphKilledWorker(err.why) from err
