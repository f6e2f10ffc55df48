"""Size, latency and answers of every preset, every TFLite recipe and TensorFlow's own ways.

    python -m benchmarks.presets [--models 'iris;ResNet50'] [--batches 1,32] [--rows preset]

Each row is compared with the frozen model: bytes of the file, the latency ratio of
`inspector.benchmark` with its 99 % interval and verdict at each batch, and of `inspector.compare`
the largest difference as a share of the output's largest value and the rows with the same top-1.
The networks of Keras and the transformer have random weights and rows: there the answers only say
how far values move. One thread. A row whose budget has not enough rounds for an interval is
measured again with eight.

TensorFlow's own ways: Grappler as a session applies it, written into the file; the Graph Transform
Tool in C++ with the list of the notebook; ``TFLiteConverter`` with and without its default
optimisation.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import inspector
from benchmarks.frozen_graphs import path_of
from inspector.api import RECIPES
from inspector.errors import InspectorError
from inspector.model.model import Model
from inspector.model.signatures import output_tensors
from inspector.optimisation import check_feeds, feeds
from inspector.passes.presets import PRESETS

IRIS = Path(__file__).parent.parent / "sample_models" / "iris"
MODELS = ("iris", "MobileNetV2", "ResNet50", "InceptionV3", "transformer, 12 layers")
ROWS = {"iris": 150, "MobileNetV2": 16}
"""Rows whose answers are compared; 8 where nothing is said."""

_FEWEST = 8
"""Runs of each model where the budget has not enough for an interval."""

Variant = tuple[str, Callable[[], Model]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", default=";".join(MODELS), help="names, separated by ';'")
    parser.add_argument("--batches", default="1,32")
    parser.add_argument("--budget", type=float, default=10, help="seconds of each measurement")
    parser.add_argument("--rows", default="", help="only rows that begin so, separated by ';'")
    options = parser.parse_args()
    wanted = tuple(options.rows.split(";"))
    batches = [int(batch) for batch in options.batches.split(",")]
    for name in options.models.split(";"):
        with tempfile.TemporaryDirectory() as place:
            _table(name, Path(place), batches, options.budget, wanted)


def _table(
    name: str, place: Path, batches: list[int], budget: float, wanted: tuple[str, ...]
) -> None:
    frozen, rows = _baseline(name)
    size = frozen.graph.byte_size()
    print(f"\n{name}: {len(frozen.graph):,} nodes, {size:,} bytes frozen")
    times = "".join(f"{f'latency ratio, batch {batch}':>42}" for batch in batches)
    print(f"{'':28}{'bytes':>13}{'factor':>8}{times}{'max diff':>10}{'same top-1':>12}", flush=True)
    for label, build in _variants(frozen, rows, place):
        if not label.startswith(wanted):
            continue
        print(f"{label:28}", end="", flush=True)
        try:
            print(_row(frozen, build(), rows, batches, budget), flush=True)
        except (InspectorError, RuntimeError) as err:
            print(f"  {str(err)[:150]}", flush=True)


def _baseline(name: str) -> tuple[Model, dict[str, Any]]:
    """The frozen model, and rows for its inputs."""
    if name == "iris":
        outputs = ["dnn/head/predictions/probabilities"]
        model = inspector.freeze(inspector.open_model(IRIS / "saved_model"), outputs=outputs)
        return model, dict(inspector.api.read_feeds(IRIS / "iris.csv", model))
    model = inspector.freeze(inspector.open_model(path_of(name)), outputs=["Identity"])
    fetches = sorted({name for item in model.signatures.values() for name in output_tensors(item)})
    slots = check_feeds.slots_to_feed(model.graph, (), fetches)
    return model, dict(feeds.random_feeds(slots.values(), ROWS.get(name, 8)))


def _variants(frozen: Model, rows: dict[str, Any], place: Path) -> Iterator[Variant]:
    for preset in PRESETS:
        yield f"preset {preset}", partial(_with_preset, frozen, preset)
    float_model: list[Model] = []

    def lite(recipe: str) -> Model:
        if not float_model:
            float_model.append(inspector.convert(frozen))
        if recipe == "float":
            return float_model[0]
        return inspector.convert(float_model[0], quantise=recipe, samples=_by_key(frozen, rows))

    for recipe in ("float", *RECIPES):
        yield f"TFLite {recipe}", partial(lite, recipe)
    saved = place / "frozen"
    inspector.save(frozen, saved, format="saved_model")
    for label, kind in _OWN_WAYS.items():
        yield f"TensorFlow: {label}", partial(_own_way, kind, saved, place)


def _with_preset(frozen: Model, preset: str) -> Model:
    return inspector.optimise(frozen, preset=preset).model


def _by_key(model: Model, rows: dict[str, Any]) -> dict[str, Any]:
    """Rows by the keys of the signature, as the converted model names its inputs."""
    (signature,) = list(model.signatures.values())[:1]
    tensors = {info.name: key for key, info in signature.inputs.items()}
    return {tensors.get(name, tensors.get(f"{name}:0", name)): rows[name] for name in rows}


_OWN_WAYS = {
    "Grappler at load": "grappler",
    "Graph Transform Tool": "transform_tool",
    "TFLiteConverter": "lite",
    "TFLiteConverter, DEFAULT": "lite_default",
}


def _own_way(kind: str, saved: Path, place: Path) -> Model:
    """What TensorFlow alone makes of the frozen SavedModel, in a process of its own."""
    result = place / (f"{kind}.tflite" if kind.startswith("lite") else kind)
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    transforms = PRESETS["seed"].transforms
    command = [sys.executable, "-c", _OWN, kind, str(saved), str(result), transforms]
    done = subprocess.run(command, check=False, env=quiet, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(_last_line(done.stderr))
    return inspector.open_model(result)


def _last_line(stderr: str) -> str:
    lines = [line for line in stderr.splitlines() if "rror" in line]
    return lines[-1] if lines else stderr[-150:]


_OWN = """
import sys
from pathlib import Path
import tensorflow as tf
kind, saved, place, transforms = sys.argv[1:]
if kind.startswith("lite"):
    converter = tf.lite.TFLiteConverter.from_saved_model(saved)
    if kind == "lite_default":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    Path(place).write_bytes(converter.convert())
    sys.exit()
from tensorflow.core.protobuf import config_pb2, saved_model_pb2
from tensorflow.python.grappler import tf_optimizer
model = saved_model_pb2.SavedModel.FromString((Path(saved) / "saved_model.pb").read_bytes())
meta = model.meta_graphs[0]
(signature,) = [item for key, item in meta.signature_def.items() if not key.startswith("__")][:1]
inputs = [item.name.split(":")[0] for item in signature.inputs.values()]
outputs = [item.name.split(":")[0] for item in signature.outputs.values()]
if kind == "grappler":
    for name in outputs:
        meta.collection_def["train_op"].node_list.value.append(name)
    graph = tf_optimizer.OptimizeGraph(config_pb2.ConfigProto(), meta)
    graph.library.CopyFrom(meta.graph_def.library)
else:
    from tensorflow.python.util import _pywrap_transform_graph as binding
    data = binding.TransformGraphWithStringInputs(meta.graph_def.SerializeToString(),
        ",".join(inputs).encode(), ",".join(outputs).encode(), transforms.encode())
    graph = tf.compat.v1.GraphDef.FromString(data)
    meta.collection_def.clear()
    meta.signature_def.pop("__saved_model_init_op", None)
meta.graph_def.CopyFrom(graph)
del model.meta_graphs[1:]
Path(place).mkdir()
(Path(place) / "saved_model.pb").write_bytes(model.SerializeToString())
"""


def _row(
    frozen: Model, model: Model, rows: dict[str, Any], batches: list[int], budget: float
) -> str:
    size = inspector.describe(model).to_dict()["bytes"]["total"]
    line = f"{size:13,}{frozen.graph.byte_size() / size:8.2f}"
    for batch in batches:
        timed = inspector.benchmark(frozen, model, rows, batch=batch, budget=budget)
        if timed.interval is None:
            timed = inspector.benchmark(frozen, model, rows, batch=batch, runs=_FEWEST)
        low, high = timed.interval or (float("nan"), float("nan"))
        line += f"{f'{timed.ratio:.3f} [{low:.3f}, {high:.3f}] {timed.verdict}':>42}"
    compared = inspector.compare(frozen, model, rows).to_dict()["outputs"].values()
    differences = [item["max_rel"] for item in compared]
    # None: the values are not finite, or there is nothing to relate them to.
    worst = max(differences, default=float("nan")) if None not in differences else float("nan")
    same = [item["argmax_equal"] for item in compared if item["argmax_equal"] is not None]
    return f"{line}{worst:10.1e}" + (f"{100 * min(same):10.1f} %" if same else "")


if __name__ == "__main__":
    main()
