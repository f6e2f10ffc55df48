"""Changes to columns: edges lead elsewhere, nodes go.

All of it works on numbers; nothing here reads or writes a message.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import compress

import numpy as np
import numpy.typing as npt

from inspector.graph.columns import CONTROL, Columns, Ints, Mask


def last_read(columns: Columns, numbers: Sequence[int]) -> Ints:
    """Per node, the last of these numbers that it reads; -1 where it reads none."""
    place = np.full(len(columns) + len(columns.missing), -1, np.int64)
    place[numbers] = np.arange(len(numbers))
    last = np.full(len(columns), -1, np.int64)
    np.maximum.at(last, columns.reader, place[columns.source])
    return np.append(np.array(numbers, np.int32), np.int32(-1))[last]


def redirected(columns: Columns, source: Ints, port: Ints, touched: Mask) -> tuple[Columns, Mask]:
    """The columns after edges were led elsewhere, and which nodes read something else now.

    Of the nodes that are touched the control inputs come last, each once, and none on the node.

    Args:
        source, port: Per edge, what is read now.
        touched: Per node, whether it read something that was replaced.
    """
    changed = (source != columns.source) | (port != columns.port)
    edits = np.zeros(len(columns), np.bool_)
    edits[columns.reader[changed]] = True
    spelled = {edge: text for edge, text in columns.spelled.items() if not changed[edge]}
    after = replace(columns, source=source, port=port, spelled=spelled)
    untidy = touched & _may_be_untidy(after)
    if not untidy.any():
        return after, edits
    keep: list[int] = []
    start = columns.start.tolist()
    sources, controls = source.tolist(), (port == CONTROL).tolist()
    last = 0
    for node in np.flatnonzero(untidy).tolist():
        own = range(start[node], start[node + 1])
        tidy = [edge for edge in own if not controls[edge]]
        waits = {sources[edge]: edge for edge in reversed(own) if controls[edge]}
        waits.pop(node, None)
        tidy += sorted(waits.values())
        if tidy != list(own):
            edits[node] = True
            keep += [*range(last, start[node]), *tidy]
            last = start[node + 1]
    keep += range(last, start[-1])
    return _with_edges(after, np.array(keep, np.int64)), edits


def without(columns: Columns, gone: Mask) -> Columns:
    """The columns without these nodes, which no other node reads."""
    if not gone.any():
        return columns
    stays = ~gone
    number = np.cumsum(np.append(stays, np.ones(len(columns.missing), np.bool_))) - 1
    edges = np.flatnonzero(stays[columns.reader])
    redrawn = _with_edges(columns, edges)
    names = list(compress(columns.names, stays.tolist()))
    counts = np.diff(columns.start)[stays]
    return replace(
        redrawn,
        names=names,
        op=columns.op[stays],
        kind=columns.kind[stays],
        start=np.concatenate([[0], np.cumsum(counts)]).astype(np.int32),
        source=number[redrawn.source].astype(np.int32),
        index=dict(zip(names, range(len(names)), strict=True)),
        each=False,
    )


def _may_be_untidy(columns: Columns) -> Mask:
    """Nodes with several control inputs, with one before a tensor, or with one on themselves."""
    is_control = columns.port == CONTROL
    controls = np.bincount(columns.reader[is_control], minlength=len(columns))
    untidy: Mask = controls > 1
    early = is_control.copy()
    last = columns.start[1:][np.diff(columns.start) > 0] - 1
    early[last] = False
    untidy[columns.reader[early | (is_control & (columns.source == columns.reader))]] = True
    return untidy


def _with_edges(columns: Columns, edges: npt.NDArray[np.int64]) -> Columns:
    """The columns with these of their edges alone, which are in the order of their readers."""
    counts = np.bincount(columns.reader[edges], minlength=len(columns))
    place = {int(edge): at for at, edge in enumerate(edges.tolist()) if edge in columns.spelled}
    return replace(
        columns,
        start=np.concatenate([[0], np.cumsum(counts)]).astype(np.int32),
        source=columns.source[edges],
        port=columns.port[edges],
        spelled={place[edge]: text for edge, text in columns.spelled.items() if edge in place},
    )
