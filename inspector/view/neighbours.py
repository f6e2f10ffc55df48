"""Who reads whom in a table of nodes, as columns of numbers and as lists cut out of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt

from inspector.view.paused import collector_paused

Ints = npt.NDArray[np.int64]


def read(inputs: Sequence[Sequence[int]]) -> tuple[Ints, Ints]:
    """Source and reader of each input whose source is in the graph, by reader.

    Args:
        inputs: As in `summary.Summary`.
    """
    counts = np.fromiter(map(len, inputs), np.int64, len(inputs)) // 2
    source = np.fromiter(chain.from_iterable(inputs), np.int64, 2 * counts.sum())[::2]
    reader = np.repeat(np.arange(len(inputs)), counts)
    known = source >= 0
    return source[known], reader[known]


@collector_paused()
def runs(values: Ints, lengths: npt.NDArray[np.intp]) -> list[list[int]]:
    """Values cut into runs of these lengths."""
    ends = np.cumsum(lengths).tolist()
    told = values.tolist()
    return [told[first:last] for first, last in zip([0, *ends], ends, strict=False)]
