"""Time per node, from TensorFlow's trace of whole runs.

Source: StepStats in tensorflow/core/framework/step_stats.proto; times are microseconds.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping

import tensorflow as tf

from inspector.backend.loading import LoadedModel, translated
from inspector.backend.predict import native_array
from inspector.backend.sessions import IN_CALLER
from inspector.graph.tensors import Array
from inspector.measurement.node_times import NodeRuns
from inspector.model.model import Model

TIMEOUT_S = 60.0
"""A run that takes longer ends in an error."""
MOST_RUNS, _LEAST_RUNS = 50, 3
_WARM_UP = 2
_PLAIN = 0.3
"""The share of the budget for whole runs without a trace."""


def profile(
    model: Model,
    feeds: Mapping[str, Array],
    fetches: list[str],
    budget_s: float,
    report: Callable[[float], None],
) -> NodeRuns:
    """The time of each node, on one thread; a node in a loop counts all its turns.

    Args:
        model: A frozen graph.
        feeds: Tensor name to array.
        fetches: Tensor names.
        budget_s: Seconds for the runs; a few are made in any case.
        report: Gets the share of the budget that is spent.
    Raises: BlockedOp before anything has run; RunFailed.
    """
    with LoadedModel(model, threads=IN_CALLER) as loaded, translated(model, "run"):
        loaded.refuse(fetches=fetches, feeds=list(feeds))
        loaded.initialise(fetches, feeds)
        find = loaded.graph.get_tensor_by_name
        fed = {find(name): native_array(array, find(name).dtype) for name, array in feeds.items()}
        targets = [find(name) for name in fetches]
        timeout = int(1000 * TIMEOUT_S)
        plain = tf.compat.v1.RunOptions(timeout_in_ms=timeout)
        level = tf.compat.v1.RunOptions.FULL_TRACE
        traced = tf.compat.v1.RunOptions(trace_level=level, timeout_in_ms=timeout)
        times: dict[str, list[float]] = {}
        sizes: dict[str, int] = {}

        def trace() -> None:
            metadata = tf.compat.v1.RunMetadata()
            loaded.session.run(targets, fed, traced, metadata)
            sizes.clear()
            for name, spent in _of_run(metadata, sizes).items():
                times.setdefault(name, []).append(spent / 1000)

        for _ in range(_WARM_UP):
            loaded.session.run(targets, fed, plain)
        whole = _repeated(
            lambda: loaded.session.run(targets, fed, plain), _PLAIN * budget_s, lambda _: None
        )
        runs = len(_repeated(trace, (1 - _PLAIN) * budget_s, report))
    of_graph = {name: spent for name, spent in times.items() if name in model.outline}
    return NodeRuns(
        {name: statistics.median(spent) for name, spent in of_graph.items()},
        {name: size for name, size in sizes.items() if name in of_graph},
        runs,
        run_ms=1000 * statistics.median(whole),
    )


def _repeated(
    run: Callable[[], object], budget_s: float, report: Callable[[float], None]
) -> list[float]:
    """Run until the budget is spent. Returns: The processor time of each run, in seconds.

    A session of `IN_CALLER` runs in this thread. What other processes do is not counted: it hits a
    whole run more often than one of its nodes.
    """
    spent: list[float] = []
    begin = time.perf_counter()
    while len(spent) < MOST_RUNS:
        start = time.thread_time()
        run()
        spent.append(time.thread_time() - start)
        passed = time.perf_counter() - begin
        report(min(1.0, passed / budget_s))
        if passed > budget_s and len(spent) >= _LEAST_RUNS:
            break
    return spent


def _of_run(metadata: tf.compat.v1.RunMetadata, sizes: dict[str, int]) -> dict[str, float]:
    """Microseconds by node; `sizes` gets the bytes that each wrote."""
    microseconds: dict[str, float] = {}
    for device in metadata.step_stats.dev_stats:
        for node in device.node_stats:
            spent = node.op_end_rel_micros - node.op_start_rel_micros
            name = str(node.node_name)
            microseconds[name] = microseconds.get(name, 0.0) + max(0.0, float(spent))
            sizes[name] = sizes.get(name, 0) + sum(_size(item) for item in node.output)
    return microseconds


def _size(output: tf.compat.v1.NodeOutput) -> int:
    """The bytes of an output; 0 for text, whose length the trace does not say."""
    described = output.tensor_description
    width = tf.as_dtype(described.dtype).size or 0 if described.dtype else 0
    return int(width * math.prod(max(0, dim.size) for dim in described.shape.dim))
