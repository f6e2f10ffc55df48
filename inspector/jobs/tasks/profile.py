"""The task behind the measured times: what each node of a model costs in a run."""

from __future__ import annotations

from dataclasses import replace

from inspector.freezing.freeze import freeze
from inspector.jobs.tasks import sides
from inspector.jobs.tasks.side_types import ProfileArgs
from inspector.jobs.tasks.sides import Side
from inspector.jobs.worker import JobContext, TaskResult
from inspector.measurement.json_types import NodeTimeJson, ProfileJson
from inspector.measurement.node_times import ALONE, TRACE, NodeRuns
from inspector.optimisation import corresponding
from inspector.view.table import cost
from inspector.view.table.builder import NodeTableBuilder
from inspector.view.tree import hierarchy

_LOADED = 0.3
"""The share of the progress bar that loading the operators of a TFLite model takes."""


def profile(args: ProfileArgs, job: JobContext) -> TaskResult:
    """Time every node of one model, frozen. Blobs: those of `sides.sides`."""
    (side,) = sides.sides(args, job)
    if not side.is_lite:
        job.progress(0.0, "freeze")
        outputs = [end.tensor for end in side.outputs.values()]
        side = replace(side, model=freeze(side.model, outputs))
    job.progress(0.0, "load")
    measured = (_operators if side.is_lite else _traced)(side, args["budget_s"], job)
    job.progress(1.0, "count")
    value: ProfileJson = {
        "runtime": "LiteRT" if side.is_lite else "TensorFlow",
        "method": ALONE if side.is_lite else TRACE,
        "rows": corresponding.rows(side.feeds.values()),
        "runs": measured.runs,
        "run_ms": measured.run_ms,
        "start_ms": measured.start_ms,
        "nodes": _rows(side, measured),
        "not_measured": measured.not_measured,
    }
    return TaskResult(value)


def _traced(side: Side, budget_s: float, job: JobContext) -> NodeRuns:
    from inspector.backend.profile import profile as trace

    fetches = [end.tensor for end in side.outputs.values()]
    return trace(
        side.model, side.feeds, fetches, budget_s, lambda share: job.progress(share, "run")
    )


def _operators(side: Side, budget_s: float, job: JobContext) -> NodeRuns:
    from inspector.backend.litert.lite_profile import OperatorRuns
    from inspector.formats.tflite.lite_model import lite_model

    model = lite_model(side.model)
    runs = OperatorRuns(
        model, side.feeds, lambda share: job.progress(_LOADED * share, "load each operator")
    )
    return runs.measure(
        budget_s, lambda share: job.progress(_LOADED + (1 - _LOADED) * share, "run")
    )


def _rows(side: Side, measured: NodeRuns) -> list[NodeTimeJson]:
    """What was measured, with what the graph says of the nodes."""
    table = NodeTableBuilder(side.model).node_table()
    flops = cost.flops(table)
    parameters = hierarchy.build(table).columns.parameters
    rows: list[NodeTimeJson] = []
    for name, spent in measured.times.items():
        node = table.index.get(name)
        rows.append(
            {
                "name": name,
                "op": side.model.outline.node(name).op,
                "ms": spent,
                "output_bytes": measured.output_bytes.get(name, 0),
                "flops": 0.0 if node is None else flops[node],
                "parameters": 0 if node is None else parameters.get(node, 0),
            }
        )
    return rows
