"""What the workspace costs: to take in, to look at again, to keep.

Prints one JSON object; milliseconds, medians over the rounds.
"""

from __future__ import annotations

import io
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from inspector.jobs.store.workspace import Workspace

ROUNDS = 20
LARGE = 100 << 20


def median_ms(action: Callable[[], object], rounds: int = ROUNDS) -> float:
    """The median time of an action."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        action()
        times.append(1000 * (time.perf_counter() - start))
    return round(statistics.median(times), 2)


def measure(root: Path) -> dict[str, float]:
    """The figures by name."""
    workspace = Workspace(root)
    large = os.urandom(LARGE)
    numbers = iter(range(1_000_000))

    def keep(key: str) -> None:
        files = workspace.new_result()
        workspace.keep_result(files, key, {"n": 1}, {"blob": bytes(10_000)}, LARGE)

    def keep_files() -> None:
        files = workspace.new_result()
        (files / "large").write_bytes(large)
        workspace.keep_result(files, f"{next(numbers):064x}", {}, {}, LARGE)

    model = workspace.add_file(io.BytesIO(large), "large.pb")
    keep("ab" * 32)

    def hold() -> None:
        with workspace.hold(model.hash):
            pass

    return {
        "add_100_mb_ms": median_ms(
            lambda: workspace.add_file(io.BytesIO(large), f"{next(numbers)}"), 3
        ),
        "model_first_100_mb_ms": median_ms(lambda: Workspace(root).model(model.hash), 3),
        "model_again_ms": median_ms(lambda: workspace.model(model.hash)),
        "hold_ms": median_ms(hold),
        "keep_small_result_ms": median_ms(lambda: keep(f"{next(numbers):064x}")),
        "keep_100_mb_result_ms": median_ms(keep_files, 3),
        "result_again_ms": median_ms(lambda: workspace.result("ab" * 32)),
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(Path(folder)), indent=1))
