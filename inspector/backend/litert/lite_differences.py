"""Runs TFLite models on the same rows, and compares their outputs batch by batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from inspector.backend.litert import lite
from inspector.backend.litert.lite import LiteRun
from inspector.formats.tflite.lite_model import LiteModel
from inspector.formats.tflite.quantisation_report import QuantisedOutput
from inspector.graph.tensors import Array
from inspector.measurement import agreement
from inspector.optimisation.feeds import Slot

Outputs = Mapping[str, Array]


def slots(model: LiteModel) -> list[Slot]:
    """The inputs of the model's signature by its keys; without one by the names of tensors."""
    key, file = model.key(), model.lite.file
    signature = next((item for item in file.signatures if item.key == key), None)
    if signature is None:
        tensors = [file.subgraphs[0].tensors[index] for index in file.subgraphs[0].inputs]
        return [lite.slot(tensor.label, tensor) for tensor in tensors]
    tensors = file.subgraphs[signature.subgraph].tensors
    return [lite.slot(name, tensors[index]) for name, index in signature.inputs.items()]


def outputs(model: LiteModel, batches: Sequence[Outputs]) -> Iterator[dict[str, Array]]:
    """The outputs for each batch. Raises: BadFeed, RunFailed."""
    run: LiteRun | None = None
    for batch in batches:
        if run is None:
            run = LiteRun(model, batch, signature=model.key())
        else:
            run.feed(batch)
        yield run.once()[0]


def differences(before: Iterable[Outputs], after: Iterable[Outputs]) -> dict[str, QuantisedOutput]:
    """How far the outputs of two models lie apart, over all batches."""
    sums: dict[str, _Sum] = {}
    for first, second in zip(before, after, strict=True):
        for name in first:
            sums.setdefault(name, _Sum()).add(np.asarray(first[name]), np.asarray(second[name]))
    return {name: total.difference() for name, total in sums.items()}


@dataclass
class _Sum:
    """The comparison of one output so far."""

    real: bool = False
    fits: bool = True
    ranked: bool = False
    largest: float = 0.0
    total: float = 0.0
    elements: int = 0
    scale: float = 0.0
    rows: int = 0
    changed: int = 0

    def add(self, a: Array, b: Array) -> None:
        """Count one batch."""
        self.real = a.dtype.kind in "fcV"
        result = agreement.compare_arrays(a, b)
        # NaN or infinity where there was a number is no agreement, however small the rest is.
        broken = result.non_finite_b > result.non_finite_a
        self.fits = self.fits and not result.why and not broken
        self.changed += result.changed
        if result.argmax_equal is not None:
            self.ranked = True
            self.rows += a.size // a.shape[-1] if self.real else len(a) if a.ndim else 1
        if result.max_abs is not None and result.mean_abs is not None:
            self.largest = max(self.largest, result.max_abs)
            self.total += result.mean_abs * a.size
            self.elements += a.size
        if self.real and a.size:
            finite = np.abs(a[np.isfinite(a)])
            self.scale = max(self.scale, float(finite.max(initial=0.0)))

    def difference(self) -> QuantisedOutput:
        """The figures over all batches."""
        apart = self.largest if self.fits and self.elements else None
        return QuantisedOutput(
            max_abs=apart,
            mean_abs=None if apart is None else self.total / self.elements,
            max_rel=apart / self.scale if apart is not None and self.scale else None,
            argmax_equal=1 - self.changed / self.rows if self.ranked and self.rows else None,
            changed=self.changed,
            real=self.real,
        )
