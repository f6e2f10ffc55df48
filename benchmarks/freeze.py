"""Freezing ResNet50 against TensorFlow's ``convert_variables_to_constants_v2``.

    python -m benchmarks.freeze [ROUNDS]

Ours is timed from the path to the serialised graph. TensorFlow is timed on the model it has loaded
already: its import and its loading are not counted. Targets: at most 0.25 of its time, and less
memory at the peak of the whole process.
"""

from __future__ import annotations

import json
import statistics
import sys

from benchmarks.measuring import Run, measure
from benchmarks.resnet50 import folder

OURS = """
import json, sys, time
from inspector.formats import open_model
from inspector.freezing.freeze import freeze
times = [time.perf_counter()]
model = open_model(sys.argv[1])
times.append(time.perf_counter())
frozen = freeze(model)
times.append(time.perf_counter())
size = len(frozen.graph.to_proto().SerializeToString())
times.append(time.perf_counter())
steps = dict(zip(("open", "freeze", "serialise"), (b - a for a, b in zip(times, times[1:]))))
print(json.dumps({"seconds": times[-1] - times[0], "steps": steps, "bytes": size,
                  "nodes": len(frozen.graph)}))
"""

THEIRS = """
import json, sys, time
times = [time.perf_counter()]
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2
times.append(time.perf_counter())
model = tf.saved_model.load(sys.argv[1])
function = model.signatures["serving_default"]
times.append(time.perf_counter())
graph = convert_variables_to_constants_v2(function).graph.as_graph_def()
times.append(time.perf_counter())
size = len(graph.SerializeToString())
times.append(time.perf_counter())
steps = dict(zip(("import", "load", "convert", "serialise"),
                 (b - a for a, b in zip(times, times[1:]))))
print(json.dumps({"seconds": steps["convert"] + steps["serialise"], "steps": steps, "bytes": size,
                  "nodes": len(graph.node)}))
"""


def main(rounds: int = 5) -> None:
    path = str(folder())
    figures = []
    print(f"{'':28}{'seconds':>9}{'peak MiB':>10}  nodes, MiB of the graph, steps")
    for name, script in (("inspector.freeze", OURS), ("convert_variables_..._v2", THEIRS)):
        runs: list[Run] = [measure([sys.executable, "-c", script, path], 1) for _ in range(rounds)]
        reports = [json.loads(run.output.splitlines()[-1]) for run in runs]
        seconds = statistics.median(item["seconds"] for item in reports)
        peak = statistics.median(run.peak for run in runs)
        figures.append((seconds, peak))
        steps = ", ".join(f"{key} {value:.2f}" for key, value in reports[-1]["steps"].items())
        facts = f"{reports[-1]['nodes']}, {reports[-1]['bytes'] / (1 << 20):.0f}, {steps}"
        print(f"{name:28}{seconds:9.2f}{peak:10.0f}  {facts}")
    ratio = [first / last for first, last in zip(*figures, strict=True)]
    print(f"{'first to last':28}{ratio[0]:9.3f}{ratio[1]:10.3f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
