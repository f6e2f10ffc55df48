"""Session settings, conversion to TensorFlow's messages, and its errors as one line."""

from __future__ import annotations

import contextlib
import re
from typing import Any, TypeVar

import tensorflow as tf
from google.protobuf.message import DecodeError

from inspector.errors import UnsupportedModel
from inspector.graph import parse_limits
from inspector.graph.protos import GraphDef, MetaGraphDef

_Message = TypeVar("_Message", GraphDef, MetaGraphDef)

IN_CALLER = -1
"""A run that is handed to a thread of a pool waits for it to wake up, which is no work."""
_WHY = 300
_NO_KERNEL = re.compile(r"No OpKernel was registered to support Op '([^']{1,100})'")


def quiet_config(threads: int = 0) -> Any:
    """A session that runs the graph as it stands.

    The runtime would optimise it first (Grappler), which costs up to a second on the first run,
    folds what we measure, and hides what a pass did. Both sides of a comparison get this.

    Args:
        threads: Between ops and within one; 0 for as many as there are cores. Of several threads
            each adds up a part, so that sums depend on how the work was divided. `IN_CALLER` is
            one thread, the caller's own.
    """
    config = tf.compat.v1.ConfigProto(
        device_count={"GPU": 0},
        allow_soft_placement=True,
        intra_op_parallelism_threads=abs(threads),
        inter_op_parallelism_threads=threads,
    )
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    level = tf.compat.v1.OptimizerOptions
    config.graph_options.optimizer_options.opt_level = level.L0
    return config


def run_on_one_thread() -> None:
    """Give ops one thread each, whether a session runs them or not.

    The first op of a process decides for all; where TensorFlow has run any, nothing changes.
    """
    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(1)


def to_tensorflow(proto: _Message) -> _Message:
    """One of our messages as TensorFlow's own class of the same name.

    Raises: UnsupportedModel above 2 GiB, which no protobuf message can be.
    """
    if proto.ByteSize() > parse_limits.MAX_MESSAGE:
        name = proto.DESCRIPTOR.name
        raise UnsupportedModel("model", name, "is larger than 2 GiB, which TensorFlow cannot read")
    kind = getattr(tf.compat.v1, proto.DESCRIPTOR.name)
    try:
        theirs: _Message = kind.FromString(proto.SerializeToString())
    except DecodeError as err:
        raise UnsupportedModel("model", proto.DESCRIPTOR.name, str(err)) from err
    return theirs


def reason(err: Exception) -> str:
    """TensorFlow's error message in one line, without the Python traceback of the graph."""
    text = err.message if isinstance(err, tf.errors.OpError) else str(err)
    if missing := _NO_KERNEL.search(text or ""):
        return f"TensorFlow has no kernel for the op {missing[1]} here"
    lines = [line.strip() for line in re.split(r"\n\s*\[\[|\[\[\{\{", text or "")[0].split("\n")]
    messages = [line for line in lines if line]
    if not messages:
        return type(err).__name__
    if messages[0].endswith("Original error:") and len(messages) > 1:
        messages = messages[1:]
    # Between this heading and the message stands a Python traceback.
    return (messages[-1] if messages[0] == "Graph execution error:" else messages[0])[:_WHY]
