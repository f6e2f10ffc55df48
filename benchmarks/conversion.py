"""To TFLite, by model and route: CPU time and memory, TensorFlow's import not counted.

    python -m benchmarks.conversion [SAVED_MODEL ..]

Ours goes from the path to the TFLite file with its signature. Beside it our frozen graph by way of
a SavedModel, and ``from_saved_model`` on the original. By default ResNet50 and the samples. Targets
for ResNet50: at most 0.5 of the CPU time of ``from_saved_model``, and at most 1.5 GB added to what
the import takes. CPU time, since the machine may be busy.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.resnet50 import folder

SAMPLES = Path(__file__).resolve().parent.parent / "sample_models"

_START = """
import json, os, resource, sys, time
import tensorflow as tf
def fail(kind, error, trace):
    sys.exit(f"{kind.__name__}: {(str(error).splitlines() or [''])[0]}")
sys.excepthook = fail
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before, start = peak(), time.process_time()
"""
_END = """
print(json.dumps({"cpu": time.process_time() - start, "mib": (peak() - before) / 1024,
                  "bytes": len(data)}))
"""
_OURS = """
from inspector import formats
from inspector.backend import tflite_conversion
from inspector.optimisation.tflite import lite_preparation
from inspector.optimisation.optimise import optimise
from inspector.optimisation.optimise_options import OptimiseOptions
model = optimise(formats.open_model(sys.argv[1]), OptimiseOptions(transforms="")).model
ready = lite_preparation.prepared(model)
"""
ROUTES = {
    "inspector": f"{_OURS}data = tflite_conversion.convert(ready)",
    "frozen, as a SavedModel": f"""{_OURS}
import pathlib, tempfile
from inspector.formats import saved_model_writer
with tempfile.TemporaryDirectory() as place:
    saved_model_writer.write(ready, pathlib.Path(place) / "m")
    converter = tf.lite.TFLiteConverter.from_saved_model(place + "/m")
    data = converter.convert()
""",
    "from_saved_model": "data = tf.lite.TFLiteConverter.from_saved_model(sys.argv[1]).convert()",
}


def main(paths: list[str]) -> None:
    models = paths or [str(folder()), *(str(path) for path in SAMPLES.glob("*/saved_model"))]
    print(f"{'model':24}{'route':26}{'cpu s':>8}{'MiB added':>11}{'bytes':>13}")
    for path in models:
        name = Path(path).parent.name if Path(path).name == "saved_model" else Path(path).name
        figures = [_row(name, route, code, path) for route, code in ROUTES.items()]
        if figures[0] and figures[-1]:
            ratio = figures[0] / figures[-1]
            print(f"{name:24}{'first to last':26}{ratio:8.3f}")


def _row(name: str, route: str, code: str, path: str) -> float | None:
    """Print one conversion; its CPU seconds, None where it failed."""
    command = [sys.executable, "-c", _START + code + _END, path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        print(f"{name:24}{route:26}  {lines[-1][:120] if lines else 'failed'}")
        return None
    row = json.loads(done.stdout.splitlines()[-1])
    print(f"{name:24}{route:26}{row['cpu']:8.2f}{row['mib']:11.0f}{row['bytes']:13,}", flush=True)
    return float(row["cpu"])


if __name__ == "__main__":
    main(sys.argv[1:])
