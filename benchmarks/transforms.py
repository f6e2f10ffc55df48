"""Seconds per transform of the notebook's list, ours and the C++ tool's, in one process.

    python benchmarks/transforms.py [--runs 7] [--models iris,resnet50,inceptionv3] [--keep FOLDER]

Both are called the same way: a GraphDef of TensorFlow in, one out. The C++ tool is the copy that
TensorFlow 2.21 still carries. Each transform is measured alone on the graph that the ones before
it left, then the whole list; the two sides take turns, medians are printed.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from inspector.api.transform_graph import TransformGraph  # noqa: E402
from inspector.passes.parser import format_call, parse  # noqa: E402
from inspector.passes.presets import PRESETS  # noqa: E402

IRIS = ROOT.parent / "shared/models/seed/iris/frozen.pb"
OTHERS = (
    "add_default_attributes",
    "backport_concatv2",
    "flatten_atrous_conv",
    "fuse_pad_and_conv",
    "inline_partitionedcall",
    "insert_logging(op=Relu)",
    "merge_duplicate_nodes",
    "obfuscate_names",
    "quantize_nodes",
    "remove_attribute(attribute_name=_note)",
    "remove_control_dependencies",
    "remove_device",
    "rename_op(old_op_name=A,new_op_name=B)",
    "set_device(device=here)",
    "sparsify_gather",
)
"""Each alone on the frozen graph."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--models", default="iris,resnet50,inceptionv3")
    parser.add_argument("--keep", type=Path, help="where the frozen ResNet50 is kept between runs")
    options = parser.parse_args()
    import tensorflow as tf

    print(f"TensorFlow {tf.__version__}, {os.cpu_count()} cores, medians of {options.runs}\n")
    for name in options.models.split(","):
        graph, outputs = MODELS[name](options.keep)
        report(name, graph, outputs, options.runs)


def report(name: str, graph: Any, outputs: list[str], runs: int) -> None:
    size = len(graph.SerializeToString()) / 1e6
    print(f"{name}: {len(graph.node)} nodes, {size:.1f} MB")
    print(f"{'transform':40} {'ours s':>8} {'C++ s':>8} {'ratio':>6} {'nodes':>7} {'MB':>7}")
    calls = [format_call(call) for call in parse(PRESETS["seed"].transforms)]
    inputs = [node.name for node in graph.node if node.op == "Placeholder"]
    current = graph
    for text in calls:
        ours, theirs, current = compare(current, inputs, outputs, text, runs)
        row(text, ours, theirs, current)
    ours, theirs, current = compare(graph, inputs, outputs, " ".join(calls), runs)
    row("the whole list", ours, theirs, current)
    for text in OTHERS:
        ours, theirs, current = compare(graph, inputs, outputs, text, runs)
        row(text, ours, theirs, current)
    print()


def compare(
    graph: Any, inputs: list[str], outputs: list[str], transforms: str, runs: int
) -> tuple[float, float, Any]:
    mine: list[float] = []
    others: list[float] = []
    result: Any = None
    for _ in range(runs):
        seconds, result = clock(lambda: TransformGraph(graph, inputs, outputs, [transforms]))
        mine.append(seconds)
        seconds, _ = clock(lambda: cpp_tool(graph, inputs, outputs, transforms))
        others.append(seconds)
    return statistics.median(mine), statistics.median(others), result


def row(text: str, ours: float, theirs: float, graph: Any) -> None:
    size = len(graph.SerializeToString()) / 1e6
    ratio = ours / theirs
    print(f"{text:40} {ours:8.4f} {theirs:8.4f} {ratio:6.2f} {len(graph.node):7} {size:7.1f}")


def clock(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def cpp_tool(graph: Any, inputs: list[str], outputs: list[str], transforms: str) -> Any:
    """What tensorflow.tools.graph_transforms.TransformGraph did, with the library of 2.21."""
    from tensorflow.python.util import _pywrap_transform_graph as binding

    data = binding.TransformGraphWithStringInputs(
        graph.SerializeToString(),
        ",".join(inputs).encode(),
        ",".join(outputs).encode(),
        transforms.encode(),
    )
    return type(graph).FromString(data)


def iris(keep: Path | None) -> tuple[Any, list[str]]:
    import tensorflow as tf

    graph = tf.compat.v1.GraphDef.FromString(IRIS.read_bytes())
    return graph, ["dnn/head/predictions/probabilities"]


def keras_model(name: str, side: int, keep: Path | None) -> tuple[Any, list[str]]:
    """A model of Keras' applications, random weights, frozen by TensorFlow: about 100 MB."""
    import tensorflow as tf

    file = keep / f"{name.lower()}.pb" if keep else None
    if file is None or not file.exists():
        from tensorflow.python.framework.convert_to_constants import (
            convert_variables_to_constants_v2,
        )

        tf.keras.utils.set_random_seed(1)
        model = getattr(tf.keras.applications, name)(weights=None)
        spec = tf.TensorSpec([None, side, side, 3], tf.float32)
        function = tf.function(lambda image: model(image, training=False))
        frozen = convert_variables_to_constants_v2(function.get_concrete_function(spec))
        graph = frozen.graph.as_graph_def()
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(graph.SerializeToString())
    else:
        graph = tf.compat.v1.GraphDef.FromString(file.read_bytes())
    return graph, ["Identity"]


def resnet50(keep: Path | None) -> tuple[Any, list[str]]:
    return keras_model("ResNet50", 224, keep)


def inceptionv3(keep: Path | None) -> tuple[Any, list[str]]:
    return keras_model("InceptionV3", 299, keep)


MODELS = {"iris": iris, "resnet50": resnet50, "inceptionv3": inceptionv3}

if __name__ == "__main__":
    main()
