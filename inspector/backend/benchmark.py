"""Latency and memory of one model, or of two in turn, on the same feeds.

The two run in one process, A, B, A, B ..., each in a session of the same settings, so that what
else the machine does falls on both. Steady state differs by half from one process to the next.
"""

from __future__ import annotations

import contextlib
import gc
import resource
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from inspector import agreement
from inspector.agreement import Agreement
from inspector.backend.loading import LoadedModel
from inspector.backend.predict import Run
from inspector.backend.self_test import run_an_op
from inspector.graph import node_name
from inspector.model import Model
from inspector.tensors import Array

RUNS, WARM_UP = 50, 5

Progress = Callable[[float | None, str], None]


@dataclass(frozen=True)
class Latency:
    """One side. Milliseconds; percentiles are over all runs after the warm-up."""

    load_ms: float
    first_ms: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    rows_per_s: float
    peak_rss_bytes: int | None
    """What loading and a run add to a process at their peak; None where it was not measured."""


@dataclass(frozen=True)
class Benchmark:
    """Both sides, how they compare, and whether they agree."""

    runs: int
    batch: int
    warm_up: int
    a: Latency
    b: Latency | None
    ratio_p50: float | None
    """B's median by A's: under 1, B is faster."""
    agreement: dict[str, Agreement]

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``benchmark``."""
        agreed = {key: value.to_dict() for key, value in self.agreement.items()}
        b = None if self.b is None else asdict(self.b)
        return {
            "runs": self.runs,
            "batch": self.batch,
            "warm_up": self.warm_up,
            "a": asdict(self.a),
            "b": b,
            "ratio_p50": self.ratio_p50,
            "agreement": agreed,
        }


class _Side:
    """One model, loaded and run once."""

    def __init__(
        self,
        stack: contextlib.ExitStack,
        model: Model,
        feeds: Mapping[str, Any],
        fetches: Sequence[str] | None,
        signature: str | None,
        allow: bool,
    ) -> None:
        loaded = stack.enter_context(LoadedModel(model, allow=allow))
        self.run = Run(loaded, feeds, fetches, signature=signature, lenient=True)
        self.load_ms = loaded.load_ms
        self.outputs, self.first_ms = self.run.once()
        self.times: list[float] = []

    def latency(self, peak: int | None) -> Latency:
        p50, p90, p99 = (float(np.percentile(self.times, share)) for share in (50, 90, 99))
        rows = self.run.rows / (p50 / 1000) if p50 else 0.0
        return Latency(self.load_ms, self.first_ms, p50, p90, p99, rows, peak)


def benchmark(
    a: Model,
    b: Model | None,
    feeds: Mapping[str, Any],
    fetches: Sequence[str] | None = None,
    *,
    signature: str | None = None,
    runs: int = RUNS,
    warm_up: int = WARM_UP,
    allow: bool = False,
    peaks: tuple[int | None, int | None] = (None, None),
    progress: Progress = lambda _fraction, _text: None,
) -> Benchmark:
    """Measure a model, or two in turn.

    Args:
        feeds: As for `predict`; each side takes those it knows and needs.
        fetches: As for `predict`. Without them B fetches what A does, by signature key or by
            tensor name, where it has it.
        signature: Of A, and of B where it has one of that key.
        peaks: What `peak_memory` found for each, in processes of their own.
    Raises: as `predict`.
    """
    run_an_op()  # what TensorFlow itself sets up on its first op is not the first model's
    with contextlib.ExitStack() as stack:
        progress(None, f"load {a.name}")
        sides = [_Side(stack, a, feeds, fetches, signature, allow)]
        names: dict[str, str] = {}
        if b is not None:
            progress(None, f"load {b.name}")
            own = signature if signature in b.signatures else None
            wanted, names = _same_outputs(sides[0].run, b, fetches, feeds, own)
            sides.append(_Side(stack, b, feeds, wanted, own, allow))
        for i in range(warm_up + runs):
            progress(i / (warm_up + runs), "run")
            for side in sides:
                milliseconds = side.run.once()[1]
                if i >= warm_up:
                    side.times.append(milliseconds)
        first, *rest = [side.latency(peak) for side, peak in zip(sides, peaks, strict=False)]
        second = rest[0] if rest else None
        agreed: dict[str, Agreement] = {}
        if second is not None:
            theirs = _renamed(sides[1].outputs, names)
            agreed = agreement.compare(sides[0].outputs, theirs)
        ratio = second.p50_ms / first.p50_ms if second is not None and first.p50_ms else None
        return Benchmark(runs, sides[0].run.rows, warm_up, first, second, ratio, agreed)


def peak_memory(
    model: Model,
    feeds: Mapping[str, Any],
    fetches: Sequence[str] | None = None,
    *,
    signature: str | None = None,
    allow: bool = False,
) -> int:
    """Bytes that loading the model and one run add to this process at their peak.

    Only the first model of a process can be measured: TensorFlow keeps what was freed, and the
    next one uses it unseen.
    """
    run_an_op()
    before = _start_peak()
    with LoadedModel(model, allow=allow) as loaded:
        Run(loaded, feeds, fetches, signature=signature, lenient=True).once()
    return max(0, _status("VmHWM") - before)


def _same_outputs(
    run: Run,
    model: Model,
    fetches: Sequence[str] | None,
    feeds: Mapping[str, Any],
    signature: str | None,
) -> tuple[list[str] | None, dict[str, str]]:
    """What the other model should fetch, and the first one's name for each of it."""
    if fetches is not None:
        return list(fetches), {}
    keys = {key for entry in model.signatures.values() for key in entry.outputs}
    if keys & set(run.tensors):
        chosen = signature or _with_outputs(model, set(run.tensors))
        common = [key for key in run.tensors if key in model.signatures[chosen].outputs]
        infos = model.signatures[chosen].outputs
        return [infos[key].name for key in common], {infos[key].name: key for key in common}
    here = {
        key: tensor for key, tensor in run.tensors.items() if node_name(tensor) in model.outline
    }
    by_tensor = {tensor: key for key, tensor in here.items()}
    return (list(by_tensor), by_tensor) if by_tensor else (None, {})


def _with_outputs(model: Model, wanted: set[str]) -> str:
    """The signature with most of these outputs."""
    return max(
        sorted(model.signatures), key=lambda key: len(wanted & set(model.signatures[key].outputs))
    )


def _renamed(outputs: Mapping[str, Array], names: Mapping[str, str]) -> dict[str, Array]:
    return {names.get(key, key): value for key, value in outputs.items()}


def _start_peak() -> int:
    """Begin a new peak of resident memory where the system lets us; the bytes in use now."""
    gc.collect()
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _status(field: str) -> int:
    """A line of /proc/self/status in bytes; the peak since the start where there is none."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) << 10
    unit = 1 if sys.platform == "darwin" else 1 << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
