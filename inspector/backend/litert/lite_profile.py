"""Time per operator of a TFLite model.

LiteRT's Python interpreter has no profiler, and its delegate for processors (XNNPACK) runs many
operators as one. So each operator runs in a file of its own, on the values that it has in the
model, with the kernel that LiteRT chooses for it.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from inspector.backend.litert import lite_cut
from inspector.backend.litert.lite import LiteRun
from inspector.errors import RunFailed
from inspector.formats.tflite.lite_model import LiteModel
from inspector.formats.tflite.operator_cutter import OperatorCutter, least
from inspector.measurement.node_times import NodeRuns

MOST_ROUNDS = 200
_THREADS = 1
_WHY = 200


class OperatorRuns:
    """The operators of the subgraph that runs, each loaded alone with its inputs.

    Attributes:
        not_measured: Node name to the reason why it is not among them.
        output_bytes: Node name to the bytes of its outputs.
        rows: Rows of a run.
    """

    def __init__(
        self, model: LiteModel, feeds: Mapping[str, Any], report: Callable[[float], None]
    ) -> None:
        assert model.path is not None
        self._whole = LiteRun(model, feeds, threads=_THREADS)
        self.rows: int = self._whole.rows
        self._whole.once()
        self.not_measured: dict[str, str] = {}
        self.output_bytes: dict[str, int] = {}
        self._alone: dict[str, Any] = {}
        traced = LiteRun(model, feeds, threads=_THREADS, keeps_tensors=True)
        traced.once()
        subgraph = self._whole.subgraph
        cutter = OperatorCutter(model.path.read_bytes(), model.lite.file, subgraph)
        operators = model.lite.operators.items()
        numbers = {name: at for name, (graph, at) in operators if graph == subgraph}
        for done, (name, number) in enumerate(numbers.items()):
            report(done / len(numbers))
            reason = cutter.why_not(number) or self._load(name, number, cutter, traced)
            if reason is not None:
                self.not_measured[name] = reason

    def measure(self, budget_s: float, report: Callable[[float], None]) -> NodeRuns:
        """Run all in rounds: in turn, so that an operator finds the caches as others left them."""
        first = lite_cut.interpreter(least(), _THREADS)
        first.allocate_tensors()
        first.set_tensor(0, np.zeros(1, np.bool_))
        spent: dict[str, list[float]] = {name: [] for name in self._alone}
        whole: list[float] = []
        starts: list[float] = []
        begin = time.perf_counter()
        while len(whole) < MOST_ROUNDS:
            for name, interpreter in self._alone.items():
                spent[name].append(_timed(interpreter.invoke))
            starts.append(_timed(first.invoke))
            whole.append(_timed(self._whole.once))
            passed = time.perf_counter() - begin
            report(min(1.0, passed / budget_s))
            if passed > budget_s:
                break
        start = statistics.median(starts)
        times = {name: max(0.0, statistics.median(runs) - start) for name, runs in spent.items()}
        return NodeRuns(
            times,
            self.output_bytes,
            len(whole),
            statistics.median(whole),
            start,
            self.not_measured,
        )

    def _load(self, name: str, number: int, cutter: OperatorCutter, traced: LiteRun) -> str | None:
        """Load an operator alone and run it once. Returns: Why it cannot be run."""
        try:
            fixed = {index: traced.tensor(index) for index in cutter.derived(number)}
            alone = cutter.cut_one(number, fixed)
            values = {index: traced.tensor(index) for index in alone.inputs}
            interpreter = lite_cut.fed(alone, values, _THREADS)
            interpreter.invoke()
        except (RuntimeError, ValueError, TypeError, RunFailed) as err:
            why = (str(err).strip().splitlines() or [type(err).__name__])[0]
            return f"LiteRT does not run alone: {why[:_WHY]}"
        self.output_bytes[name] = sum(
            _size(interpreter, item["index"]) for item in interpreter.get_output_details()
        )
        self._alone[name] = interpreter
        return None


def _timed(run: Callable[[], object]) -> float:
    """The milliseconds of processor time that a call takes in this thread.

    Wall time would count what other processes do, which hits long runs more often than short ones.
    """
    start = time.thread_time()
    run()
    return 1000 * (time.thread_time() - start)


def _size(interpreter: Any, index: int) -> int:
    value = interpreter.get_tensor(index)
    return sum(map(len, value.flat)) if value.dtype == object else int(value.nbytes)
