"""The task that runs a hostile model in plain TensorFlow: nothing of ours looks at it first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inspector.jobs import packing
from inspector.jobs.worker import JobContext, TaskResult


def run_unchecked(args: dict[str, Any], job: JobContext) -> TaskResult:
    """Args: path of a GraphDef, or of a SavedModel's folder; fetches. Blob: ``feeds``.

    Value: ``answer``: what was fetched as text; ``error``: of TensorFlow, or None.
    """
    import tensorflow as tf

    feeds = packing.unpack(job.blobs["feeds"])
    try:
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            if Path(args["path"]).is_dir():
                tf.compat.v1.saved_model.load(session, ["serve"], args["path"])
            else:
                graph = tf.compat.v1.GraphDef.FromString(Path(args["path"]).read_bytes())
                tf.import_graph_def(graph, name="")
            return TaskResult({"answer": str(session.run(args["fetches"], feeds)), "error": None})
    except (tf.errors.OpError, ValueError, OSError) as err:
        return TaskResult({"answer": "", "error": f"{type(err).__name__}: {err}"[:500]})
