"""Time per node, from TensorFlow's trace of a few runs.

Source: StepStats in tensorflow/core/framework/step_stats.proto; times are microseconds.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping

import tensorflow as tf

from inspector.backend.loading import LoadedModel, translated
from inspector.backend.predict import native_array
from inspector.graph.tensors import Array
from inspector.model.model import Model

TIMEOUT_S = 60.0
"""A run that takes longer ends in an error."""
_WARM_UP = 2


def profile(
    model: Model, feeds: Mapping[str, Array], fetches: list[str], runs: int = 5
) -> dict[str, float]:
    """Microseconds per node, the median over the runs.

    Args:
        model: A frozen graph; a node in a loop counts all its turns.
        feeds: Tensor name to array.
        fetches: Tensor names.
    Raises: BlockedOp before anything has run; RunFailed.
    """
    times: dict[str, list[float]] = {}
    with LoadedModel(model) as loaded, translated(model, "run"):
        loaded.refuse(fetches=fetches, feeds=list(feeds))
        loaded.initialise(fetches, feeds)
        find = loaded.graph.get_tensor_by_name
        fed = {find(name): native_array(array, find(name).dtype) for name, array in feeds.items()}
        targets = [find(name) for name in fetches]
        timeout = int(1000 * TIMEOUT_S)
        plain = tf.compat.v1.RunOptions(timeout_in_ms=timeout)
        for _ in range(_WARM_UP):
            loaded.session.run(targets, fed, plain)
        level = tf.compat.v1.RunOptions.FULL_TRACE
        traced = tf.compat.v1.RunOptions(trace_level=level, timeout_in_ms=timeout)
        for _ in range(runs):
            metadata = tf.compat.v1.RunMetadata()
            loaded.session.run(targets, fed, traced, metadata)
            for name, spent in _of_run(metadata).items():
                times.setdefault(name, []).append(spent)
    return {name: statistics.median(runs) for name, runs in times.items()}


def _of_run(metadata: tf.compat.v1.RunMetadata) -> dict[str, float]:
    milliseconds: dict[str, float] = {}
    for device in metadata.step_stats.dev_stats:
        for node in device.node_stats:
            spent = node.op_end_rel_micros - node.op_start_rel_micros
            name = str(node.node_name)
            milliseconds[name] = milliseconds.get(name, 0.0) + max(0.0, float(spent))
    return milliseconds
