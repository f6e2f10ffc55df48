"""Bytes, nodes, latency and agreement of each preset against the frozen graph.

    python -m benchmarks.presets [MODEL ...]

By default the iris sample and ResNet50 (see benchmarks/resnet50.py). Each pair is run in one
process, in turn; the ratio of the medians is printed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import inspector
from benchmarks import resnet50
from inspector import checking, feeds
from inspector.passes.presets import PRESETS
from inspector.signatures import output_tensors

IRIS = Path(__file__).parent.parent / "sample_models" / "iris" / "saved_model"
BATCH = {"iris": 1000, "resnet50": 4}
RUNS = 15


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
    from inspector.backend.benchmark import benchmark

    model = inspector.open_model(path)
    frozen = inspector.freeze(model)
    fetches = sorted({name for item in frozen.signatures.values() for name in output_tensors(item)})
    slots = checking.wanted(frozen.graph, (), fetches)
    given = feeds.random_feeds(slots.values(), BATCH.get(name, 1))
    print(f"{name}: {len(frozen.graph)} nodes, {frozen.graph.byte_size():,} bytes frozen")
    print(f"{'preset':10} {'nodes':>6} {'bytes':>12} {'share':>6} {'latency':>8} {'check':>24}")
    for preset in PRESETS:
        done = inspector.optimise(model, preset=preset, check=True)
        size = done.model.graph.byte_size()
        worst = max((step.check.max_rel or 0.0 for step in done.steps if step.check), default=0.0)
        verdicts = {step.check.status for step in done.steps if step.check}
        told = next((bad for bad in ("violated", "unchecked") if bad in verdicts), "kept")
        ratio = benchmark(frozen, done.model, given, fetches, runs=RUNS).ratio_p50 or 0.0
        share = size / frozen.graph.byte_size()
        line = f"{preset:10} {len(done.model.graph):6} {size:12,} {share:6.2f} {ratio:8.2f}"
        print(f"{line} {told:>12} {worst:.1e}", flush=True)
    print()


if __name__ == "__main__":
    main(sys.argv[1:])
