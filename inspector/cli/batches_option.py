"""The option --batches, and the type of its value."""

from __future__ import annotations

from typing import Any

import click

MOST_BATCH = 1_000_000_000


class Batches(click.ParamType[tuple[int, ...]]):
    """Numbers of rows with commas between them: ``1,2,4``."""

    name = "batches"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """The numbers. A usage error for what is no number, out of range, or there twice."""
        try:
            batches = tuple(int(part) for part in value.split(","))
        except ValueError:
            self.fail(f"{value!r} is no list of numbers such as 1,2,4,8,16,32", param, ctx)
        if not all(1 <= batch <= MOST_BATCH for batch in batches):
            self.fail(f"{value!r} has a number that is not from 1 to {MOST_BATCH:,}", param, ctx)
        if len(set(batches)) != len(batches):
            self.fail(f"{value!r} has a number twice", param, ctx)
        return batches


BATCHES = click.option(
    "--batches",
    type=Batches(),
    metavar="N,N,..",
    help="Measure one batch size after the other, e.g. 1,2,4,8,16,32, within the budget.",
)
