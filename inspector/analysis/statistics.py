"""Figures of a tensor's values, worked out piece by piece: range, mean, zeros, a histogram.

The pieces are looked at a chunk at a time, in double precision, so that a variable of gigabytes
takes a few megabytes. Two rounds: the first finds the range, the second fills the histogram.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from inspector.graph.tensors import Array

CHUNK = 1 << 20
"""Elements that are looked at together."""

BINS = 40
"""Bars of a histogram, fewer where a whole number has fewer values."""

_WHOLE = "biu"


@dataclass
class Statistics:
    """What is known of the values; `to_dict` is its JSON.

    Attributes:
        minimum, maximum: Of the finite values; None where there are none, and for text. Of complex
            numbers the absolute value is looked at.
        mean, deviation: Of the finite values; the deviation is that of all values, not a sample's.
        edges: Of the histogram's bars, one more than `counts`.
        lengths: Smallest and largest number of bytes of a text.
    """

    elements: int = 0
    finite: int = 0
    nan: int = 0
    infinite: int = 0
    zeros: int = 0
    minimum: float | int | None = None
    maximum: float | int | None = None
    mean: float | None = None
    deviation: float | None = None
    edges: list[float] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    lengths: tuple[int, int] | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON: no NaN, no infinity."""
        return {
            "elements": self.elements,
            "nan": self.nan,
            "infinite": self.infinite,
            "zeros": self.zeros,
            "min": _plain(self.minimum),
            "max": _plain(self.maximum),
            "mean": _plain(self.mean),
            "std": _plain(self.deviation),
            "histogram": {"edges": self.edges, "counts": self.counts},
            "lengths": None if self.lengths is None else list(self.lengths),
        }


def of(pieces: Callable[[], Iterable[Array]]) -> Statistics:
    """The statistics of a tensor.

    Args:
        pieces: Returns the parts of the tensor, in any order; called twice.
    """
    statistics = Statistics()
    squares = 0.0  # sum of squared distances from the mean so far
    for chunk in _chunks(pieces()):
        statistics.elements += chunk.size
        if chunk.dtype == object:
            _texts(statistics, chunk)
            continue
        numbers = _numbers(chunk)
        if numbers.dtype.kind == "f":
            finite = numbers[np.isfinite(numbers)]
            statistics.nan += int(np.isnan(numbers).sum())
            statistics.infinite = (
                statistics.elements - statistics.finite - statistics.nan - finite.size
            )
            numbers = finite
        if not numbers.size:
            continue
        low, high = numbers.min().item(), numbers.max().item()
        statistics.minimum = low if statistics.minimum is None else min(statistics.minimum, low)
        statistics.maximum = high if statistics.maximum is None else max(statistics.maximum, high)
        statistics.zeros += int((numbers == 0).sum())
        squares += _merge(statistics, numbers.astype(np.float64))
    if statistics.finite:
        statistics.deviation = (
            math.sqrt(squares / statistics.finite) if squares < math.inf else math.inf
        )
        _fill(statistics, pieces)
    return statistics


def _merge(statistics: Statistics, numbers: Array) -> float:
    """Merge a chunk into the mean; returns its addition to the sum of squared distances.

    Source: Chan, Golub, LeVeque, Updating formulae and a pairwise algorithm, 1979.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        count, mean = numbers.size, float(numbers.mean())
        own = float(((numbers - mean) ** 2).sum())
        before = statistics.finite
        statistics.finite = before + count
        away = mean - (statistics.mean or 0.0)
        statistics.mean = (statistics.mean or 0.0) + away * count / statistics.finite
        added = own + away * away * before * count / statistics.finite
    return math.inf if math.isnan(added) else added


def _fill(statistics: Statistics, pieces: Callable[[], Iterable[Array]]) -> None:
    assert statistics.minimum is not None
    assert statistics.maximum is not None
    low, high = float(statistics.minimum), float(statistics.maximum)
    if high - low == math.inf:  # the range of doubles: no bar has a width
        return
    bins = BINS
    if isinstance(statistics.minimum, int):
        span = int(statistics.maximum) - int(statistics.minimum) + 1
        bins = min(BINS, span)
        low, high = low - 0.5, high + 0.5
    if not low < high:
        room = abs(low) / 2 or 0.5
        low, high, bins = low - room, high + room, 1
    edges = np.linspace(low, high, bins + 1)
    counts = np.zeros(bins, np.int64)
    for chunk in _chunks(pieces()):
        numbers = _numbers(chunk).astype(np.float64)
        counts += np.histogram(numbers[np.isfinite(numbers)], edges)[0]
    statistics.edges, statistics.counts = edges.tolist(), counts.tolist()


def _texts(statistics: Statistics, chunk: Array) -> None:
    sizes = [len(value) for value in chunk.tolist()]
    low, high = statistics.lengths or (sizes[0], sizes[0])
    statistics.lengths = (min(low, *sizes), max(high, *sizes))


def _chunks(pieces: Iterable[Array]) -> Iterator[Array]:
    for piece in pieces:
        flat = piece.reshape(-1)
        for start in range(0, flat.size, CHUNK):
            yield flat[start : start + CHUNK]


def _numbers(chunk: Array) -> Array:
    """As whole numbers or doubles; complex numbers as their magnitude."""
    if chunk.dtype.kind == "b":
        return chunk.astype(np.int64)
    if chunk.dtype.kind in _WHOLE:
        return chunk
    if chunk.dtype.kind == "c":
        return np.abs(chunk.astype(np.complex128))
    if chunk.dtype.kind == "f":
        return chunk.astype(np.float64)
    # What ml_dtypes adds: bfloat16 and float8 are kinds of their own, and so are 4-bit numbers.
    wide = chunk.astype(np.float64)
    whole = "int" in chunk.dtype.name
    return wide.astype(np.int64) if whole else wide


def _plain(value: float | int | None) -> float | int | None:
    return None if value is None or not math.isfinite(value) else value
