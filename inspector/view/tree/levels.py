"""One level of the tree as a small graph: its items, runs of alike ones, and groups."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

Edges = set[tuple[int, int]]
_DIGITS = re.compile(r"\d+")


@dataclass
class Level:
    """The items of one scope as a small graph: places 0..n-1, edges from low places to high.

    Args:
        items: Per place, the item of the tree.
        labels: Their titles.
        edges: Pairs of places.
        sorts: Per place, a number that places of equal structure share.
        runs: Per place, the run of alike items that it stands for; a run of one for no group.
    """

    items: list[int]
    labels: list[str]
    edges: Edges
    sorts: list[int]
    runs: list[Run]


@dataclass(frozen=True)
class Run:
    """A number of items of one sort, or of names that differ in their digits only.

    Args:
        sort: The sort that all have, or -1.
        stem: The name that all have, with ``#`` for digits, e.g. ``block_#``; or empty.
        op: The op that all have, if they are nodes.
    """

    sort: int
    stem: str
    op: str = ""
    count: int = 1


@dataclass
class Group:
    """Places that one item is to stand for; ``kind`` as in `scopes.Tree`.

    Args:
        note: What is run_text of it beside its label: how many of what it is.
    """

    kind: str
    label: str
    members: list[int]
    note: str = ""


def run_of(sort: int, label: str, op: str) -> Run:
    """An item as a run of one.

    Args:
        op: The op of a node; empty for a scope.
    """
    head = label.partition("/")[0][:80]
    stem = _DIGITS.sub("#", head)
    return Run(sort, stem if stem != head else "", op)


def together(runs: Sequence[Run]) -> Run:
    """One run of all their items, with the properties that they share."""
    first = runs[0]
    return Run(
        first.sort if all(run.sort == first.sort for run in runs) else -1,
        first.stem if all(run.stem == first.stem for run in runs) else "",
        first.op if all(run.op == first.op for run in runs) else "",
        sum(run.count for run in runs),
    )


def run_text(run: Run) -> str:
    """``16 × block``; empty for a run of items that share nothing."""
    stem = run.stem.strip("#_.-:/ ")
    if len(stem) > 1:
        return f"{run.count:,} × {stem}"
    if run.op:
        return f"{run.count:,} × {run.op}"
    return f"{run.count:,} equal blocks" if run.sort != -1 else ""


def crossing(level: Level) -> list[float]:
    """Per place, the tensors that are alive between the place before and it."""
    count = len(level.items)
    last = list(range(count))
    for a, b in level.edges:
        last[a] = max(last[a], b)
    change = [0] * (count + 1)
    for a, b in enumerate(last):
        if b > a:
            change[a + 1] += 1
            change[b + 1 if b < count else count] -= 1
    tensors_alive = [0.0] * (count + 1)
    alive = 0
    for place in range(count):
        alive += change[place]
        tensors_alive[place] = float(alive)
    return tensors_alive


def span_label(labels: Sequence[str], members: Sequence[int]) -> str:
    """The labels of the first and the last member, each up to its first slash."""
    first, last = labels[members[0]], labels[members[-1]]
    # A section of sections is named after its very first and its very last item.
    head, tail = first.split(" … ")[0], last.split(" … ")[-1]
    return f"{head.partition('/')[0] or head} … {tail.partition('/')[0] or tail}"
