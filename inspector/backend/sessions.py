"""What every session here has in common."""

from __future__ import annotations

import re
from typing import Any

import tensorflow as tf
from google.protobuf.message import DecodeError

from inspector.errors import UnsupportedModel
from inspector.protos import GraphDef, MetaGraphDef

MAX_BYTES = (2 << 30) - 1
_WHY = 300
_NO_KERNEL = re.compile(r"No OpKernel was registered to support Op '([^']{1,100})'")


def quiet_config() -> Any:
    """A session that runs the graph as it stands.

    The runtime would optimise it first (Grappler), which costs up to a second on the first run,
    folds what we measure, and hides what a pass did. Both sides of a comparison get this.
    """
    config = tf.compat.v1.ConfigProto(device_count={"GPU": 0}, allow_soft_placement=True)
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    level = tf.compat.v1.OptimizerOptions
    config.graph_options.optimizer_options.opt_level = level.L0
    return config


def to_tensorflow(proto: GraphDef | MetaGraphDef) -> Any:
    """One of our messages as TensorFlow's own class of the same name.

    Raises: UnsupportedModel above 2 GiB, which no protobuf message can be.
    """
    if proto.ByteSize() > MAX_BYTES:
        name = proto.DESCRIPTOR.name
        raise UnsupportedModel("model", name, "is larger than 2 GiB, which TensorFlow cannot read")
    kind = getattr(tf.compat.v1, proto.DESCRIPTOR.name)
    try:
        return kind.FromString(proto.SerializeToString())
    except DecodeError as err:
        raise UnsupportedModel("model", proto.DESCRIPTOR.name, str(err)) from err


def reason(err: Exception) -> str:
    """What TensorFlow has to say in one line, without where in Python the graph was made."""
    text = err.message if isinstance(err, tf.errors.OpError) else str(err)
    if missing := _NO_KERNEL.search(text or ""):
        return f"TensorFlow has no kernel for the op {missing[1]} here"
    lines = [line.strip() for line in re.split(r"\n\s*\[\[|\[\[\{\{", text or "")[0].split("\n")]
    told = [line for line in lines if line]
    if not told:
        return type(err).__name__
    if told[0].endswith("Original error:") and len(told) > 1:
        told = told[1:]
    # Between this heading and the message stands a Python traceback.
    return (told[-1] if told[0] == "Graph execution error:" else told[0])[:_WHY]
