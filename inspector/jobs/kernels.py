"""TensorFlow's kernels for a pass that runs without TensorFlow: asked of a worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from inspector.errors import JobError
from inspector.graph import Graph
from inspector.jobs import packing
from inspector.jobs.runner import default_runner
from inspector.passes.base import MAX_CONSTANT as MAX_BYTES
from inspector.protos import FunctionDefLibrary, NodeDef, TensorProto, VersionDef


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
