"""What a pass needs of TensorFlow and runs without it: kernels and Grappler, asked of a worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from inspector.errors import JobCancelled, JobError, TransformFailed
from inspector.graph import Graph
from inspector.jobs import packing
from inspector.jobs.runner import default_runner
from inspector.passes.base import MAX_CONSTANT as MAX_BYTES
from inspector.protos import FunctionDefLibrary, GraphDef, NodeDef, TensorProto, VersionDef, parse
from inspector.transforming import Engine


def evaluate(
    nodes: Sequence[NodeDef],
    fetches: Sequence[str],
    library: FunctionDefLibrary,
    *,
    versions: VersionDef | None = None,
    max_bytes: int = MAX_BYTES,
) -> Mapping[str, TensorProto | str]:
    """As `backend.evaluate.evaluate`, in a worker; the first call starts TensorFlow there.

    A worker that dies over it is a reason to leave things as they are, like any other.
    """
    if not fetches:
        return {}
    graph = Graph(nodes, library, versions).to_bytes()
    try:
        answer = default_runner().run(
            "evaluate",
            {"fetches": list(fetches), "max_bytes": max_bytes},
            blobs={"graph": graph},
        )
    except JobError as err:
        return dict.fromkeys(fetches, f"could not be computed: {err.why}")
    values: dict[str, TensorProto | str] = dict(answer.value["why"])
    values.update(packing.unpack_tensors(answer.blobs["values"]))
    return values


def grappler(
    graph: Graph, inputs: Sequence[str], outputs: Sequence[str], optimizers: Sequence[str]
) -> Graph:
    """As `backend.grappler.optimise_graph`, in a worker. Raises: TransformFailed if it dies."""
    args = {"inputs": list(inputs), "outputs": list(outputs), "optimizers": list(optimizers)}
    try:
        answer = default_runner().run("grappler", args, blobs={"graph": graph.to_bytes()})
    except JobCancelled:
        raise
    except JobError as err:
        told = f"Grappler ended its process: {err.why}"
        raise TransformFailed("grappler", ", ".join(optimizers), told) from err
    made = Graph.of(parse(GraphDef, answer.blobs["graph"], "grappler", "GraphDef"))
    # What has not changed is the node that was there: nobody copies it, and it costs no bytes.
    same = {node.name: node for node in graph}
    return made.with_nodes(old if (old := same.get(n.name)) == n else n for n in made)


ENGINE = Engine(evaluate, grappler)
"""What the library and the command line compute with."""
