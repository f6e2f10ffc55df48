"""What several functions share: arguments, and the logger."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inspector.jobs.client.ask import Terms
    from inspector.passes.pipeline import Progress

LOG = logging.getLogger("inspector")
"""Milestones at INFO: a file opened, a model frozen, a step done, a file written."""


def names(values: Sequence[str] | None) -> tuple[str, ...] | None:
    """A tuple of names; None stays None."""
    return None if values is None else tuple(values)


def terms_of(
    progress: Progress | None,
    timeout: float | None,
    cancelled: Callable[[], bool] | None = None,
) -> Terms:
    """How a call waits for its workers. Raises: BadParameter for a timeout out of its range."""
    from inspector.jobs.client.ask import Deadline, Terms

    return Terms(Deadline.after(timeout), progress, cancelled)
