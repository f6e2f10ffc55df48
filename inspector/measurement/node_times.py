"""How long each node of a model takes: the figures of a profile, by node and by op."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from inspector.measurement.json_types import ProfileJson
from inspector.printing import times_text
from inspector.printing.short_record import ShortRecord
from inspector.printing.text_tables import html
from inspector.schemas import stamped
from inspector.text import count, microseconds, percent, plain, shorten

TRACE, ALONE = "trace", "operators alone"
"""How nodes were timed: in TensorFlow's trace of whole runs, or each in a file of its own."""
PROFILE_S = 5.0
"""Seconds that the runs of a profile take, where the caller says nothing."""


@dataclass(frozen=True)
class NodeRuns:
    """What a runtime says of the nodes.

    Attributes:
        times: Name to milliseconds.
        output_bytes: Name to the bytes of its outputs in a run.
        runs, run_ms, start_ms, not_measured: As of `Profile`.
    """

    times: dict[str, float]
    output_bytes: dict[str, int]
    runs: int
    run_ms: float
    start_ms: float = 0.0
    not_measured: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, repr=False)
class NodeTime(ShortRecord):
    """A node and what it costs.

    Attributes:
        name, op: Of the node.
        ms: The median over the runs; of a node in a loop, all its turns.
        share: Of the time of all nodes, 0 to 1.
        output_bytes: Of the tensors that it writes in one run.
        flops: Arithmetic operations for one row of a batch; 0 where a shape is unknown.
        parameters: Of the weights that it reads.
    """

    name: str
    op: str
    ms: float
    share: float
    output_bytes: int
    flops: float
    parameters: int


@dataclass(frozen=True, repr=False)
class OpTime(ShortRecord):
    """All nodes of one op.

    Attributes:
        op, nodes: The op, and the number of its nodes.
        ms, share, output_bytes, flops, parameters: Sums of theirs, see `NodeTime`.
    """

    op: str
    nodes: int
    ms: float
    share: float
    output_bytes: int
    flops: float
    parameters: int


@dataclass(frozen=True, repr=False)
class Profile:
    """Where the time of a run goes.

    Attributes:
        runtime: ``TensorFlow`` or ``LiteRT``.
        method: ``trace`` of whole runs, or ``operators alone``.
        rows: Rows of a run.
        runs: Runs that a time is the median of.
        run_ms: The median of whole runs, without a trace, in processor time.
        start_ms: What starting an operator that does nothing takes; the times do not count it. 0 in
            a trace.
        nodes: What was timed, the slowest first.
        not_measured: Name of a node that could not be timed, to the reason.
    """

    runtime: str
    method: str
    rows: int
    runs: int
    run_ms: float
    start_ms: float
    nodes: list[NodeTime]
    not_measured: dict[str, str]

    def __repr__(self) -> str:
        slowest = f", slowest {shorten(self.nodes[0].name)}" if self.nodes else ""
        nodes = count(len(self.nodes), "node")
        return f"<Profile: {nodes} in {duration(self.sum_ms)}{slowest}>"

    def _repr_html_(self) -> str:
        return html(times_text.profile(self.to_dict(), self.sentence()))

    @property
    def sum_ms(self) -> float:
        """The time of all nodes."""
        return sum(node.ms for node in self.nodes)

    @property
    def ops(self) -> list[OpTime]:
        """The same by op, the slowest first."""
        by_op: dict[str, list[NodeTime]] = {}
        for node in self.nodes:
            by_op.setdefault(node.op, []).append(node)
        rows = [_sum(op, nodes) for op, nodes in by_op.items()]
        return sorted(rows, key=lambda row: -row.ms)

    def sentence(self) -> str:
        """What was run, and how the nodes' times compare with the whole run."""
        ran = f"{self.runtime}, one thread, {count(self.rows, 'row')} a run, median of "
        if self.method == TRACE:
            how = f"{count(self.runs, 'traced run')}, TensorFlow's own optimiser of graphs off"
        else:
            how = f"{count(self.runs, 'round')}: LiteRT has no profiler, so each operator ran "
            how += "alone on the values that it has in the model"
        whole = f"The nodes add up to {duration(self.sum_ms)}"
        if self.run_ms:
            part = percent(self.sum_ms / self.run_ms)
            whole += f", {part} of the {duration(self.run_ms)} that a whole run takes"
        lines = [f"{ran}{how}.", f"{whole}."]
        if self.not_measured:
            first, why = next(iter(self.not_measured.items()))
            nodes = count(len(self.not_measured), "node")
            lines.append(f"Not measured: {nodes}, such as {shorten(first)}, which {plain(why)}.")
        return " ".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``inspector profile``."""
        return {
            **stamped({}),
            **asdict(self),
            "sum_ms": self.sum_ms,
            "ops": [asdict(row) for row in self.ops],
        }


def duration(milliseconds: float) -> str:
    """``12 µs``, ``3.40 ms``."""
    return microseconds(1000 * milliseconds)


def profile_from(answer: ProfileJson) -> Profile:
    """The profile that a job measured: shares, and the slowest first."""
    total = sum(node["ms"] for node in answer["nodes"])
    nodes = [NodeTime(**node, share=node["ms"] / total if total else 0.0)
             for node in answer["nodes"]]  # fmt: skip
    return Profile(
        answer["runtime"],
        answer["method"],
        answer["rows"],
        answer["runs"],
        answer["run_ms"],
        answer["start_ms"],
        sorted(nodes, key=lambda node: -node.ms),
        dict(answer["not_measured"]),
    )


def _sum(op: str, nodes: list[NodeTime]) -> OpTime:
    return OpTime(
        op,
        len(nodes),
        sum(node.ms for node in nodes),
        sum(node.share for node in nodes),
        sum(node.output_bytes for node in nodes),
        sum(node.flops for node in nodes),
        sum(node.parameters for node in nodes),
    )
