"""Bytes, nodes, latency and agreement of each preset against the frozen graph.

    python -m benchmarks.presets [MODEL ...]

By default the iris sample and ResNet50 (see benchmarks/resnet50.py). Each pair is run in one
process, in turn; the ratio of the medians is printed.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import inspector
from benchmarks import resnet50
from inspector.model.model import Model
from inspector.model.signatures import output_tensors
from inspector.optimisation import check_feeds, feeds
from inspector.passes.presets import PRESETS

IRIS = Path(__file__).parent.parent / "sample_models" / "iris" / "saved_model"
BATCH = {"iris": 1000, "resnet50": 4}
RUNS, WARM_UP = 15, 5


def main(paths: list[str]) -> None:
    """Print a table per model."""
    models = {Path(path).name: Path(path) for path in paths} or {
        "iris": IRIS,
        "resnet50": resnet50.folder(),
    }
    for name, path in models.items():
        measure(name, path)


def measure(name: str, path: Path) -> None:
    """Print a line for each preset."""
    model = inspector.open_model(path)
    frozen = inspector.freeze(model)
    fetches = sorted({name for item in frozen.signatures.values() for name in output_tensors(item)})
    slots = check_feeds.slots_to_feed(frozen.graph, (), fetches)
    given = feeds.random_feeds(slots.values(), BATCH.get(name, 1))
    print(f"{name}: {len(frozen.graph)} nodes, {frozen.graph.byte_size():,} bytes frozen")
    print(f"{'preset':10} {'nodes':>6} {'bytes':>12} {'share':>6} {'latency':>8} {'check':>24}")
    for preset in PRESETS:
        done = inspector.optimise(model, preset=preset, check=True)
        size = done.model.graph.byte_size()
        worst = max((step.check.max_rel or 0.0 for step in done.steps if step.check), default=0.0)
        verdicts = {step.check.status for step in done.steps if step.check}
        told = next((bad for bad in ("violated", "unchecked") if bad in verdicts), "kept")
        ratio = median_ratio(frozen, done.model, given, fetches)
        share = size / frozen.graph.byte_size()
        line = f"{preset:10} {len(done.model.graph):6} {size:12,} {share:6.2f} {ratio:8.2f}"
        print(f"{line} {told:>12} {worst:.1e}", flush=True)
    print()


def median_ratio(
    before: Model, after: Model, values: Mapping[str, Any], fetches: list[str]
) -> float:
    """The median latency of one model by that of the other, run in turn in one process."""
    from inspector.backend.loading import LoadedModel
    from inspector.backend.predict import Run

    with LoadedModel(before) as first, LoadedModel(after) as second:
        runs = [Run(first, values, fetches), Run(second, values, fetches, lenient=True)]
        times = [[run.once()[1] for run in runs] for _ in range(WARM_UP + RUNS)][WARM_UP:]
    medians = np.median(times, axis=0)
    return float(medians[1] / medians[0])


if __name__ == "__main__":
    main(sys.argv[1:])
