"""Seconds of processor of a checked transform at 5,000, 10,000 and 20,000 inputs of one node.

    python -m benchmarks.check_scale

Each input is a Placeholder of its own. In linear time a column is about twice the one before it.
"""

from __future__ import annotations

import itertools
import time

from inspector.graph import tensors
from inspector.graph.graph import Graph
from inspector.graph.protos import NodeDef
from inspector.jobs.tasks.transform import kernels
from inspector.optimisation.optimise_options import CheckOptions
from inspector.optimisation.transform_job import TransformJob, run_transforms
from inspector.passes import pipeline

SIZES = (5_000, 10_000, 20_000)


def main() -> None:
    calls = [item.call for item in pipeline.plan("set_device(device=cpu)")]
    tensorflow = kernels()
    for name, check in (
        ("unchecked", None),
        ("checked", CheckOptions(budget_s=600.0)),
    ):
        row = []
        for size in SIZES:
            graph = fan_in(size)
            inputs = tuple(node.name for node in graph if node.op == "Placeholder")
            job = TransformJob(graph, inputs, ("sum",), ("sum",), calls, check=check)
            started = time.process_time()
            run_transforms(job, tensorflow)
            row.append(time.process_time() - started)
        ratios = ", ".join(f"{b / a:.1f}" for a, b in itertools.pairwise(row))
        print(f"{name:10}" + "".join(f"{seconds:9.2f}" for seconds in row) + f"   ratios {ratios}")


def fan_in(size: int) -> Graph:
    """Placeholders, and one node that adds them up."""
    nodes = []
    for index in range(size):
        node = NodeDef(name=f"x{index}", op="Placeholder")
        node.attr["dtype"].type = tensors.FLOAT
        node.attr["shape"].shape.CopyFrom(tensors.make_shape([None, 4]))
        nodes.append(node)
    total = NodeDef(name="sum", op="AddN", input=[node.name for node in nodes])
    total.attr["T"].type = tensors.FLOAT
    total.attr["N"].i = size
    return Graph([*nodes, total])


if __name__ == "__main__":
    main()
