"""The large model of the benchmarks: Keras's ResNet50, random weights, exported once and kept.

python -m benchmarks.resnet50      # makes it, and prints the folder
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CACHE = "INSPECTOR_BENCHMARK_CACHE"


def folder() -> Path:
    """The SavedModel's folder; made in a process of its own where it is not there yet."""
    base = os.environ.get(CACHE) or Path.home() / ".cache" / "inspector" / "benchmarks"
    path = Path(base) / "resnet50"
    if not (path / "saved_model.pb").is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-c", _MAKE, str(path)], check=True)
    return path


_MAKE = """
import sys
import keras
keras.utils.set_random_seed(1)
model = keras.applications.ResNet50(weights=None)
model.export(sys.argv[1], verbose=False)
"""

if __name__ == "__main__":
    print(folder())
