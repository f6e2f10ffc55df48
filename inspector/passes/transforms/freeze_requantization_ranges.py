"""freeze_requantization_ranges: replaces computed ranges by constants from a log of trial runs.

TensorFlow prints the log after ``insert_logging(op=RequantizationRange, show_name=true,
message="__requant_min_max:")``, one line per run and node:

    ... ;NODE__print__;__requant_min_max:[-0.5][0.25]
"""

from __future__ import annotations

import re
from typing import Annotated

import numpy as np

from inspector.errors import BadParameter, LimitExceeded, TransformFailed
from inspector.graph.edit import GraphEdit
from inspector.graph.graph import Input, control_inputs, data_inputs, node_name
from inspector.graph.op_sets import ENTERS
from inspector.passes.base import Arg, PassContext, graph_pass
from inspector.passes.rewrite.constants import constant

MAX_LOG = 256 << 20
"""Largest size of a log, in bytes."""

_NAME = "freeze_requantization_ranges"
_MARK = "__requant_min_max:"
_PRINT = "__print__"
_NUMBER = re.compile(r"[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|inf|infinity)", re.I | re.A)
_HEX = re.compile(r"[+-]?0x[0-9a-f]+(\.[0-9a-f]*)?(p[+-]?\d{1,4})?", re.I | re.A)

Records = dict[str, tuple[list[np.float32], list[np.float32]]]
"""Node name to minima and maxima, one of each per run."""


@graph_pass(
    effect="lossy",
    source="graph_transforms/freeze_requantization_ranges.cc",
    after=(
        "`quantize_nodes`, then `insert_logging(op=RequantizationRange, show_name=true, "
        'message="__requant_min_max:")` and a run whose log is kept.'
    ),
)
def freeze_requantization_ranges(
    edit: GraphEdit,
    ctx: PassContext,
    *,
    min_max_log_file: Annotated[
        str,
        Arg(
            "The log with the ranges; a file of this machine, so not available on a web page.",
            example="ranges.log",
            missing="You must pass a file name to min_max_log_file",
            file=True,
        ),
    ],
    min_percentile: Annotated[float, Arg("Percent of the smallest values to ignore.")] = 5.0,
    max_percentile: Annotated[float, Arg("Percent of the largest values to ignore.")] = 5.0,
) -> None:
    """Replace RequantizationRange nodes by constant ranges from a log of trial runs.

    After quantize_nodes: the model then no longer computes these ranges for every input. Values
    outside of the range are clipped. A node whose range is already frozen is skipped.
    """
    records = parse_log(_read(ctx, min_max_log_file))
    if not records:
        reason = "No min/max range logs were found in the log file"
        raise TransformFailed(_NAME, "min_max_log_file", reason)
    for name in sorted(records):
        if name in edit:
            if edit[name].op != "RequantizationRange":
                reason = f"Node is expected to be a RequantizationRange op: {name}, but is: "
                raise TransformFailed(_NAME, name, reason + edit[name].op)
        elif f"{name}/frozen_min" not in edit or f"{name}/frozen_max" not in edit:
            reason = "Nodes were found in the log file that aren't present in the graph"
            raise TransformFailed(_NAME, name, reason)
    for name, (lows, highs) in sorted(records.items()):
        if name not in edit:
            edit.skip(name, "its range is frozen already")
        elif name in ctx.boundary:
            edit.skip(name, "is a feed or a fetch")
        else:
            _freeze(edit, name, *_range(lows, highs, min_percentile, max_percentile))


def parse_log(text: str) -> Records:
    """The ranges in a log; other lines are ignored."""
    records: Records = {}
    for line in text.split("\n"):
        if f"{_PRINT};{_MARK}" not in line:
            continue
        parts = line.split(";")
        place = max((i for i, part in enumerate(parts) if i and part.startswith(_MARK)), default=0)
        if not place or not parts[place - 1].endswith(_PRINT):
            continue
        head, *values = parts[place].split("[")
        if head != _MARK or len(values) != 2 or any(value.count("]") != 1 for value in values):
            continue
        low, high = (_number(value.partition("]")[0].strip()) for value in values)
        if low is not None and high is not None:
            name = parts[place - 1].removesuffix(_PRINT)
            lows, highs = records.setdefault(name, ([], []))
            lows.append(low)
            highs.append(high)
    return records


def _number(text: str) -> np.float32 | None:
    if not _NUMBER.fullmatch(text) and not _HEX.fullmatch(text):
        return None
    with np.errstate(over="ignore"):
        try:
            return np.float32(float.fromhex(text) if "x" in text.lower() else float(text))
        except OverflowError:
            return None


def _read(ctx: PassContext, text: str) -> str:
    path = ctx.file(_NAME, "min_max_log_file", text)
    if not path.is_file():
        reason = f"there is no file {path.name}"
        raise BadParameter(_NAME, "min_max_log_file", reason)
    if path.stat().st_size > MAX_LOG:
        reason = f"{path.name} is larger than {MAX_LOG >> 20} MiB"
        raise LimitExceeded(_NAME, "min_max_log_file", reason)
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except OSError as err:
        raise BadParameter(_NAME, "min_max_log_file", err.strerror or str(err)) from err


def _range(
    lows: list[np.float32], highs: list[np.float32], min_percent: float, max_percent: float
) -> tuple[np.float32, np.float32]:
    """The percentiles, rounded as in the tool: 5 % of 20 runs drop one minimum, no maximum."""
    count, hundred = np.float32(len(lows)), np.float32(100)
    with np.errstate(all="ignore"):
        low = _rounded(count * (np.float32(min_percent) / hundred), len(lows))
        high = _rounded(count * (np.float32(1) - np.float32(max_percent) / hundred), len(highs))
    return sorted(lows)[low], sorted(highs)[high]


def _rounded(place: np.float32, count: int) -> int:
    """An index into a list of `count`, rounded half away from zero."""
    nearest = np.floor(np.float64(np.clip(place, 0, count - 1)) + 0.5)
    return int(np.clip(np.nan_to_num(nearest), 0, count - 1))


def _freeze(edit: GraphEdit, name: str, low: np.float32, high: np.float32) -> None:
    node = edit[name]
    own_controls = control_inputs(node)
    if not own_controls and any(other.op in ENTERS for other in edit.graph.nodes):
        # Only a control input ties a constant to a loop.
        own_controls = [f"^{node_name(text)}" for text in data_inputs(node)[:1]]
    frozen = []
    for part, value in (("min", low), ("max", high)):
        const_name = edit.unique(f"{name}/frozen_{part}")
        edit.add(constant(const_name, value, controls=own_controls), before=name)
        edit.explain(const_name, "from the log", name)
        frozen.append(const_name)
    edit.rewire(
        {
            Input(name, 0, False): Input(frozen[0], 0, False),
            Input(name, 1, False): Input(frozen[1], 0, False),
            Input(name, -1, True): Input(frozen[0], -1, True),
        }
    )
    edit.explain(name, "its range is a constant now", *frozen)
    edit.remove(name, frozen[0])
