"""`inspector.search`: a search for the library and the command line."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inspector.errors import BadParameter
from inspector.formats import saved_model_writer
from inspector.jobs import packing
from inspector.jobs.client import build, transform
from inspector.jobs.client.ask import MOST_S, Deadline, Terms
from inspector.jobs.client.comparing import check_accuracy, packed_labels
from inspector.jobs.client.default_runner import default_runner
from inspector.jobs.client.timing import random_rows
from inspector.jobs.store.workspace import ModelKey
from inspector.measurement.rounds import BUDGET_S
from inspector.model.model import Model, Runtime
from inspector.optimisation.feed_source import PackedFeeds
from inspector.optimisation.optimise_options import OptimiseOptions
from inspector.searching import dominance
from inspector.searching.job_batch import Asker
from inspector.searching.outcome import SearchResult
from inspector.searching.stages import Search, Setup

ROWS = 16
"""Random rows where none are given: each of twenty models runs on them."""

_PACKED: PackedFeeds = {"kind": "packed"}

if TYPE_CHECKING:
    from inspector.passes.pipeline import Progress


def search(
    model: Model,
    outputs: Sequence[str] | None = None,
    feeds: Mapping[str, Any] | None = None,
    labels: Any = None,
    *,
    classes: Sequence[str] | None = None,
    max_difference: float | None = None,
    min_agreement: float | None = None,
    min_accuracy: float | None = None,
    max_bytes: int | None = None,
    max_latency_ratio: float | None = None,
    tolerance: float = dominance.TOLERANCE,
    batch: int = 1,
    budget: float = BUDGET_S,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
    timeout: float | None = None,
) -> SearchResult:
    """Try all candidate pipelines on a model, in workers, and mark the best within limits.

    Args:
        outputs, progress: As in `optimise`.
        feeds: Rows to compare the answers on, as in `predict`; by default 16 random rows.
        labels, classes: As in `compare`, for the accuracy of each candidate.
        max_difference, min_agreement, min_accuracy, max_bytes, max_latency_ratio: As in `compare`.
        tolerance: Differences below this share of an output's largest value tie.
        batch, budget: Rows of a timed run; seconds for each of the two rounds of timing.
        cancelled: True stops the search, as Ctrl-C does; the same call goes on from there.
        timeout: Seconds from now for all of it.
    Returns: ``measured``, the candidates; ``best``, at most five names; ``model``; ``save``.
    Raises: BadParameter; what `optimise` raises; BadFeed, RunFailed for the frozen model.
    """
    _check(batch, budget, tolerance)
    limits = {
        "max_difference": max_difference,
        "min_agreement": min_agreement,
        "min_accuracy": min_accuracy,
        "max_bytes": max_bytes,
        "max_latency_ratio": max_latency_ratio,
    }
    check_accuracy("search", min_accuracy, labels)
    terms = Terms(Deadline.after(timeout), progress, cancelled)
    base = _base(model, outputs, terms)
    setup = Setup(
        name=model.name,
        base=base,
        is_lite=model.runs_with is Runtime.LITERT,
        feeds=_PACKED if feeds else random_rows(ROWS),
        blobs=_blobs(feeds, labels),
        limits={name: limit for name, limit in limits.items() if limit is not None},
        classes=None if classes is None else list(classes),
        tolerance=tolerance,
        batch=batch,
        budget_s=budget,
    )
    asker = Asker(default_runner(), base, deadline=terms.deadline, cancelled=cancelled)
    work = Search(setup, asker)
    work.run(progress)
    return work.result()


def _blobs(feeds: Mapping[str, Any] | None, labels: Any) -> dict[str, bytes]:
    blobs = {"feeds": packing.pack(feeds)} if feeds else {}
    return blobs if labels is None else {**blobs, "labels": packed_labels(labels)}


def _base(model: Model, outputs: Sequence[str] | None, terms: Terms) -> ModelKey:
    """The frozen model, or the TFLite model, in the workspace."""
    workspace = default_runner().workspace
    if model.runs_with is Runtime.LITERT:
        if outputs:
            raise BadParameter("search", "outputs", "is for a model that is frozen, not for TFLite")
        assert model.path is not None
        return workspace.add_folder(model.path)
    names = None if outputs is None else tuple(outputs)
    options = OptimiseOptions(outputs=names, transforms="", signature=model.signature)
    ready = build.of_ops(model, outputs, terms=terms)
    frozen = transform.optimise(ready, options, terms).model
    with tempfile.TemporaryDirectory(prefix="inspector-") as folder:
        path = Path(folder) / "frozen"
        path.mkdir()
        saved_model_writer.write(frozen, path)
        return workspace.add_folder(path)


def _check(batch: int, budget: float, tolerance: float) -> None:
    if not 1 <= batch <= 1_000_000:
        raise BadParameter("search", "batch", "takes a whole number from 1 to 1,000,000")
    if not (math.isfinite(budget) and 0 < budget <= MOST_S):
        raise BadParameter("search", "budget", f"takes seconds above 0 and up to {MOST_S:,.0f}")
    if not 0 <= tolerance <= 1:
        raise BadParameter("search", "tolerance", "takes a number from 0 to 1")
