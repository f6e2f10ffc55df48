"""The recipes of quantisation: size, answers, latency, and the CPU time that they take.

    python -m benchmarks.quantising [MODEL.tflite ..]

By default the two networks of digits, on the 500 rows that they were not trained on, and ResNet50
with random weights and rows, whose answers say nothing. Each row of the table is measured in a
process of its own. ``cpu s`` is quantising alone, without the imports; ``MiB`` what it adds to the
peak of memory. Latency is CPU time of LiteRT with one thread, the median of runs, by that of the
float model: the machine may be busy. Targets: ResNet50 under 2 CPU seconds, dynamic under 0.5; full
int8 of the digits: the same digit on 99 % of the rows.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import inspector
from benchmarks import digits
from benchmarks.resnet50 import folder
from inspector.api import RECIPES

_CODE = """
import json, statistics, sys, time
from pathlib import Path
import numpy as np
import litert_quantizer
from ai_edge_litert.interpreter import Interpreter
from inspector import formats
from inspector.backend.litert import lite_differences
from inspector.backend.tflite_quantisation import LiteQuantiser
from inspector.optimisation.tflite import samples
from inspector.optimisation.tflite.quantise_options import QuantiseOptions
path, recipe, rows_path, place = sys.argv[1:]
model = formats.open_model(Path(path))
slots = lite_differences.slots(model)
if rows_path:
    with np.load(rows_path) as data:
        measured, tried = ({slots[0].key: data[key]} for key in ("measured", "tried"))
else:
    measured = tried = samples.random_rows(slots, 8)
def peak():  # of this program: getrusage also counts the one that it was started from
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
def latency(path):
    interpreter = Interpreter(path, num_threads=1)
    interpreter.allocate_tensors()
    times = []
    while len(times) < 10 or (len(times) < 300 and sum(times) < 2):
        start = time.process_time()
        interpreter.invoke()
        times.append(time.process_time() - start)
    return statistics.median(times)
before, start = peak(), time.process_time()
data = LiteQuantiser(model, QuantiseOptions(recipe), samples.batches(measured, slots)).whole()
cpu, mib = time.process_time() - start, (peak() - before) / 1024
result = Path(place) / "result.tflite"
result.write_bytes(data)
batches = samples.batches(tried, slots)
after = formats.open_model(result)
runs = (lite_differences.outputs(item, batches) for item in (model, after))
(output, *_) = lite_differences.differences(*runs).values()
print(json.dumps({"cpu": cpu, "mib": mib, "bytes": len(data), "far": output.max_abs,
                  "same": output.argmax_equal, "latency": latency(str(result)) / latency(path)}))
"""


def main(paths: list[str]) -> None:
    with tempfile.TemporaryDirectory() as place:
        models = [(Path(path), "") for path in paths] or _default(Path(place))
        print(
            f"{'model':10}{'recipe':10}{'cpu s':>8}{'MiB':>7}{'bytes':>13}{'factor':>8}"
            f"{'max diff':>10}{'same top-1':>12}{'latency':>9}"
        )
        for path, rows in models:
            print(f"{path.stem:10}{'float':10}{'':15}{path.stat().st_size:13,}")
            for recipe in RECIPES:
                _row(path, recipe, rows, place)


def _default(place: Path) -> list[tuple[Path, str]]:
    import numpy as np

    rows = place / "rows.npz"
    np.savez(rows, measured=digits.rows("training")[0][:300], tried=digits.rows("test")[0])
    resnet = place / "resnet50.tflite"
    inspector.save(inspector.convert(inspector.open_model(folder())), resnet, "tflite")
    return [*((digits.network(name), str(rows)) for name in digits.NETWORKS), (resnet, "")]


def _row(path: Path, recipe: str, rows: str, place: str) -> None:
    command = [sys.executable, "-c", _CODE, str(path), recipe, rows, place]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        print(f"{path.stem:10}{recipe:10}  {lines[-1][:120] if lines else 'failed'}")
        return
    row = json.loads(done.stdout.splitlines()[-1])
    same = "" if row["same"] is None else f"{100 * row['same']:.1f} %"
    print(
        f"{path.stem:10}{recipe:10}{row['cpu']:8.2f}{row['mib']:7.0f}{row['bytes']:13,}"
        f"{path.stat().st_size / row['bytes']:8.2f}{row['far']:10.2g}{same:>12}"
        f"{row['latency']:9.2f}",
        flush=True,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
