"""``inspector describe`` and ``predict`` on a TFLite model of 25 MB: time and peak memory.

    python -m benchmarks.tflite [ROUNDS]

Target: well under 0.5 s to describe. Beside it LiteRT alone: import, load, allocate.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measuring import measure, table

LAYERS, WIDTH = 100, 256

_LITERT = (
    "import sys; from ai_edge_litert.interpreter import Interpreter as I;"
    "I(model_path=sys.argv[1]).allocate_tensors()"
)


def write(folder: str) -> None:
    """A hundred products of 256 by 256 numbers, 25 MiB, and rows to feed.

    In a process of its own: a child begins with the peak memory of who starts it.
    """
    import numpy as np
    from ai_edge_litert import schema_py_generated as schema

    from benchmarks.support.lite_builder import Builder

    builder = Builder()
    tensors = [builder.tensor("x", [1, WIDTH])]
    operators = []
    values = np.random.default_rng(0)
    for layer in range(LAYERS):
        weights = values.standard_normal((WIDTH, WIDTH), np.float32) / WIDTH
        at = len(tensors)
        name = f"layer_{layer}"
        tensors.append(builder.tensor(f"{name}/kernel", weights.shape, data=weights.tobytes()))
        tensors.append(builder.tensor(f"{name}/MatMul", [1, WIDTH]))
        options = schema.FullyConnectedOptionsT()
        operators.append(builder.operator("FULLY_CONNECTED", [at - 1, at, -1], [at + 1], options))
    builder.subgraph("main", tensors, operators, [0], [len(tensors) - 1])
    (Path(folder) / "m.tflite").write_bytes(builder.bytes())
    np.savez(Path(folder) / "feeds.npz", x=np.ones((1, WIDTH), np.float32))


def main(rounds: int = 5) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path, feeds = Path(folder) / "m.tflite", Path(folder) / "feeds.npz"
        code = "import sys; from benchmarks import tflite; tflite.write(sys.argv[1])"
        subprocess.run([sys.executable, "-c", code, folder], check=True)
        ours = [sys.executable, "-m", "inspector"]
        rows = [
            ("inspector describe", measure([*ours, "describe", str(path), "--json"], rounds)),
            ("inspector ops", measure([*ours, "ops", str(path), "--json"], rounds)),
            (
                "inspector predict",
                measure([*ours, "predict", str(path), "--feeds", str(feeds), "--json"], rounds),
            ),
            ("LiteRT alone", measure([sys.executable, "-c", _LITERT, str(path)], rounds)),
        ]
        table(f"TFLite: {LAYERS} operators, {path.stat().st_size >> 20} MiB", rows)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
