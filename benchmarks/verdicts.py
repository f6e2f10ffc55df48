"""How often the verdict of ``inspector benchmark`` is right, on this machine as it is.

    python -m benchmarks.verdicts [TIMES]

The samples, in TensorFlow and in LiteRT, each loaded twice: A against A, and A against itself with
work added that takes a tenth of its time. Targets: ``same`` in 99 of 100, ``slower`` in 95 of 100,
and never ``faster`` for what is slower.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

import inspector
from inspector.backend.litert.lite import LiteRun
from inspector.backend.loading import LoadedModel
from inspector.backend.predict import Run
from inspector.backend.sessions import IN_CALLER
from inspector.measurement import rounds

SAMPLES = Path(__file__).resolve().parent.parent / "sample_models"
NAMES = ("iris", "shapes")
EXTRA = 0.1


def main(times: int = 50) -> None:
    print(f"load of the machine {os.getloadavg()[0]:.1f}; {times} verdicts each")
    print(f"{'model':22}{'B':>10}  {'verdicts':44}{'by wall':>8}{'rounds':>8}{'seconds':>9}")
    for name in NAMES:
        model = inspector.freeze(inspector.open_model(SAMPLES / name / "saved_model"))
        for runtime, made in (("TensorFlow", _session), ("LiteRT", _interpreter)):
            for label, extra in (("A", 0.0), ("1.1 A", EXTRA)):
                _row(f"{name}, {runtime}", label, made, model, extra, times)


def _row(title: str, label: str, made: Any, model: Any, extra: float, times: int) -> None:
    seen: Counter[str] = Counter()
    by_wall, taken, counts = 0, [], []
    for number in range(times):
        with ExitStack() as stack:
            a, b = made(model, stack), made(model, stack)
            start = time.perf_counter()
            measured = rounds.measure([a, _with_work(b, extra)], seed=number)
            taken.append(time.perf_counter() - start)
        judgement = measured.judgements[1]
        seen[judgement.verdict] += 1
        by_wall += judgement.clock == "wall"
        counts.append(judgement.pairs)
    listed = ", ".join(f"{count} {verdict}" for verdict, count in seen.most_common())
    share = f"{100 * by_wall / times:.0f} %"
    print(
        f"{title:22}{label:>10}  {listed:44}{share:>8}{np.median(counts):8.0f}"
        f"{np.median(taken):9.2f}",
        flush=True,
    )


def _with_work(call: Callable[[], object], extra: float) -> Callable[[], object]:
    """The call, and additions that take this share of its processor time.

    Their number is fixed beforehand: a loop that waits for a clock would not be slowed by a busy
    machine as a model is.
    """
    if not extra:
        return call
    seconds = min(_seconds(call) for _ in range(30))
    turn = min(_seconds(lambda: sum(range(1000))) for _ in range(300))
    turns = max(1, round(1000 * extra * seconds / turn))

    def slowed() -> object:
        answer = call()
        sum(range(turns))
        return answer

    return slowed


def _seconds(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def _feeds(slots: dict[str, Any], rows: int = 4) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {
        key: rng.normal(size=[dim or rows for dim in slot["shape"]]).astype(slot["dtype"])
        for key, slot in slots.items()
    }


def _session(model: Any, stack: ExitStack) -> Callable[[], object]:
    loaded = stack.enter_context(LoadedModel(model, threads=IN_CALLER))
    slots = {row["name"]: row for row in inspector.describe(model).to_dict()["placeholders"]}
    return Run(loaded, _feeds(slots)).once


_LITE: dict[str, Any] = {}


def _interpreter(model: Any, stack: ExitStack) -> Callable[[], object]:
    if model.name not in _LITE:
        _LITE[model.name] = inspector.convert(model, "tflite")
    lite = _LITE[model.name]
    (signature,) = inspector.describe(lite).to_dict()["signatures"].values()
    return LiteRun(lite, _feeds(signature["inputs"]), threads=1).once


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
