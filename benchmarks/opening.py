"""Opening and describing large models: time and peak memory, start of Python included.

    python -m benchmarks.opening [ROUNDS]

Targets: under 0.5 s per 100 MB, under 1.5 s for 100,000 nodes, at most 2.5 times the graph's file
in memory above the bare start. Then what a server's process grows by when a page opens the model:
the parsing is a job's.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.measuring import measure, table, tool
from benchmarks.resnet50 import CACHE, folder

MIB = 1 << 20


def main(rounds: int = 5) -> None:
    base = Path(os.environ.get(CACHE) or Path.home() / ".cache" / "inspector" / "benchmarks")
    base.mkdir(parents=True, exist_ok=True)
    bare = measure([sys.executable, "-m", "inspector", "--help"], rounds)
    for name, make in MODELS.items():
        path = make(base)
        ours = measure([sys.executable, "-m", "inspector", "describe", str(path)], rounds)
        rows = [("inspector --help", bare), ("inspector describe", ours)]
        size = sum(file.stat().st_size for file in (path, *path.rglob("*")) if file.is_file())
        graph = path / "saved_model.pb" if path.is_dir() else path
        if path.is_dir():
            show = [tool("saved_model_cli"), "show", "--dir", str(path), "--all"]
            rows = [*rows[1:], ("saved_model_cli show --all", measure(show, rounds))]
        table(f"{name}: {size / MIB:,.0f} MiB, graph {graph.stat().st_size / MIB:,.1f}", rows)
        grown = subprocess.run(
            [sys.executable, "-c", _GROWTH, str(path)], capture_output=True, text=True, check=True
        )
        print(
            f"a server's process grows by {grown.stdout.strip()} MiB, the job peaks apart from it"
        )


def _graph(name: str, nodes: int, weight_bytes: int, base: Path) -> Path:
    path = base / name
    if not path.is_file():
        command = [sys.executable, "-c", _GRAPH, str(path), str(nodes), str(weight_bytes)]
        subprocess.run(command, check=True)
    return path


def _saved(name: str, units: int, base: Path) -> Path:
    path = base / name
    if not (path / "saved_model.pb").is_file():
        subprocess.run([sys.executable, "-c", _SAVED, str(path), str(units)], check=True)
    return path


def _lite(base: Path) -> Path:
    folder = base / "lite_25"
    if not (folder / "m.tflite").is_file():
        folder.mkdir(exist_ok=True)
        command = "import sys; from benchmarks.tflite import write; write(sys.argv[1])"
        subprocess.run([sys.executable, "-c", command, str(folder)], check=True)
    return folder / "m.tflite"


MODELS = {
    "frozen GraphDef of 100 MB": lambda base: _graph("frozen_100.pb", 1_800, 100_000_000, base),
    "GraphDef of 100,000 nodes": lambda base: _graph("nodes_100000.pb", 100_000, 0, base),
    "SavedModel of 100 MB (Keras export)": lambda base: _saved("keras_100", 2_450, base),
    "SavedModel of ResNet50": lambda base: folder(),
    "TFLite of 25 MB": _lite,
    "SavedModel of 1 GB (Keras export)": lambda base: _saved("keras_1000", 7_900, base),
}

# A chain of layers: MatMul, BiasAdd, Relu and their constants, in scopes.
_GRAPH = """
import sys
import numpy as np
from inspector.graph.protos import GraphDef
from inspector.graph import tensors
path, nodes, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
layers = nodes // 5
side = int((size / layers / 4) ** 0.5)
graph = GraphDef()
node = graph.node.add(name="x", op="Placeholder")
node.attr["dtype"].type = 1
node.attr["shape"].shape.dim.add(size=-1)
node.attr["shape"].shape.dim.add(size=side)
last = "x"
rng = np.random.default_rng(0)
for index in range(layers):
    scope = f"block_{index // 50}/layer_{index % 50}"
    for name, shape in (("kernel", (side, side)), ("bias", (side,))):
        node = graph.node.add(name=f"{scope}/{name}", op="Const")
        node.attr["dtype"].type = 1
        value = rng.standard_normal(shape, np.float32)
        node.attr["value"].tensor.CopyFrom(tensors.from_numpy(value))
    for name, op, inputs in (
        ("MatMul", "MatMul", [last, f"{scope}/kernel"]),
        ("BiasAdd", "BiasAdd", [f"{scope}/MatMul", f"{scope}/bias"]),
        ("Relu", "Relu", [f"{scope}/BiasAdd"]),
    ):
        node = graph.node.add(name=f"{scope}/{name}", op=op, input=inputs)
        node.attr["T"].type = 1
    last = f"{scope}/Relu"
open(path, "wb").write(graph.SerializeToString())
"""

_SAVED = """
import sys
import keras
keras.utils.set_random_seed(1)
units = int(sys.argv[2])
layers = [keras.layers.Dense(units, activation="relu") for _ in range(4)]
model = keras.Sequential([keras.Input([units]), *layers])
model.export(sys.argv[1], verbose=False)
"""

_GROWTH = """
import os, sys, tempfile
os.environ["INSPECTOR_WORKSPACE"] = tempfile.mkdtemp()
from pathlib import Path
from inspector.jobs.client.default_runner import default_runner
from inspector.view.tree.hierarchy import Hierarchy
from inspector.view.table.node_table import NodeTable
from inspector.view.table.operation_table import OperationTable
sample = Path("sample_models/iris/saved_model").resolve()

def opened(path):
    answer = default_runner().run("open", {"path": str(path), "tag_set": None})
    summary = NodeTable.from_json(answer.blobs["summary"])
    tree = Hierarchy.from_json(summary, answer.blobs["hierarchy"])
    table = OperationTable(summary, answer.blobs["operations"])
    return answer.value["facts"], summary, tree, table

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

first = opened(sample)
before = resident()
kept = opened(sys.argv[1])
print(f"{(resident() - before) / 2**20:.0f}")
default_runner().shutdown()
"""

if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
