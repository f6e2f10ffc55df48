"""Every operation of a model with its tensors: the rows of ``inspector ops``."""

from __future__ import annotations

import re

from inspector.errors import BadParameter
from inspector.graph.graph import Graph
from inspector.model.model import Model
from inspector.model.operation import Operation, of_ops

MAX_PATTERN = 1000
"""Longest search expression, and how many characters of a name it is matched against."""

_NESTED = re.compile(r"[+*}]\)*\)[+*{]")


def operations(
    model: Model | Graph,
    *,
    op: str | None = None,
    match: str | re.Pattern[str] | None = None,
    function: str | None = None,
) -> list[Operation]:
    """The operations of a model, or of a graph, with inferred shapes.

    Args:
        op: Only those of this op type.
        match: Only those whose name this regular expression matches somewhere.
        function: Only those in the body of this function; the empty string: the main graph.
            Without it: the main graph, then the body of each function.
    Raises: UnknownNode (no such function), BadParameter (`match` is no expression, or one that
        could take for ever).
    """
    pattern = _pattern(match) if isinstance(match, str) else match
    rows = model.operations(function) if isinstance(model, Model) else of_ops(model, function)
    return [
        row
        for row in rows
        if (op is None or row.op == op)
        and (pattern is None or pattern.search(row.name, 0, MAX_PATTERN))
    ]


def _pattern(text: str) -> re.Pattern[str]:
    if len(text) > MAX_PATTERN:
        raise BadParameter("match", text[:40], f"longer than {MAX_PATTERN} characters")
    if _NESTED.search(text):
        raise BadParameter("match", text, "a repeat inside a repeat could take for ever")
    try:
        return re.compile(text)
    except re.error as err:
        raise BadParameter("match", text, f"no regular expression: {err}") from err
