"""The task: reads both models, feeds them, and compares the values of their nodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import cast

from inspector.analysis.paired_tensors import PairedTensors
from inspector.formats.tflite.lite_model import lite_model
from inspector.freezing.freeze import freeze
from inspector.graph.graph import node_name, tensor_name
from inspector.graph.op_sets import PLACEHOLDERS
from inspector.graph.tensors import Array
from inspector.jobs.tasks import sides
from inspector.jobs.tasks.blaming.graph_alone import GraphAlone, Load
from inspector.jobs.tasks.blaming.node_search import Bounds, NodesAlone, NodeSearch, Values
from inspector.jobs.tasks.side_types import BlameArgs, SidesArgs
from inspector.jobs.tasks.sides import Side
from inspector.jobs.worker import JobContext, TaskResult
from inspector.measurement.json_types import BlameJson
from inspector.model.model import Model, Runtime
from inspector.optimisation import corresponding


def blame(args: BlameArgs, job: JobContext) -> TaskResult:
    """Compare the nodes of the second side with those of the first. Blobs: as of `sides.sides`."""
    (first,) = sides.sides(cast("SidesArgs", {**args, "sides": args["sides"][:1]}), job)
    job.progress(0.0, "freeze")
    outputs = [end.tensor for end in first.outputs.values()]
    a = first.model if first.is_lite else freeze(first.model, outputs)
    b = sides.model_of(args, args["sides"][1], job, is_first=False)
    if b.runs_with is Runtime.TENSORFLOW and b.variables:
        b = freeze(b)

    def load(model: Model, feeds: Mapping[str, Array]) -> AbstractContextManager[Values]:
        return _loaded(model, feeds, job)

    job.progress(0.0, "pair the nodes")
    paired = PairedTensors(a, b, _nodes(a, outputs))
    bounds = Bounds(args["tolerance"], args["part_bytes"])
    with load(a, first.feeds) as of_a, load(b, _fed(paired, first, b)) as of_b:
        fed = _nodes(a, first.feeds)
        alone = _alone(b, of_b, load)
        search = NodeSearch((a, b), (of_a, of_b), paired, fed, alone, bounds)
        compare = search.all_nodes if args["every"] else search.around_the_first
        nodes = compare(lambda share: job.progress(share, "compare nodes"))
    culprit = next((item for item in nodes if item.differs(args["tolerance"])), None)
    broken = next((item for item in nodes if item.accumulated.not_finite), None)
    value: BlameJson = {
        "first": None if culprit is None else culprit.to_dict(),
        "first_not_finite": None if broken is None else broken.to_dict(),
        "causes": {} if culprit is None else search.causes(culprit),
        "nodes": [item.to_dict() for item in nodes],
        "not_compared": list(search.failed),
    }
    return TaskResult(value)


def _loaded(
    model: Model, feeds: Mapping[str, Array], job: JobContext
) -> AbstractContextManager[Values]:
    if model.runs_with is Runtime.LITERT:
        from inspector.backend.litert.lite_values import LiteValues

        return LiteValues(lite_model(model), feeds, job.folder)
    from inspector.backend.node_values import GraphValues

    return GraphValues(model, feeds)


def _alone(model: Model, values: Values, load: Load) -> NodesAlone:
    if model.runs_with is Runtime.LITERT:
        from inspector.backend.litert.lite_values import LiteValues

        assert isinstance(values, LiteValues)
        return values.alone()
    return GraphAlone(model, load)


def _nodes(model: Model, tensors: Iterable[str]) -> list[str]:
    """The nodes that compute tensors; those of a TFLite file have names of their own."""
    if model.runs_with is not Runtime.LITERT:
        return list(map(node_name, tensors))
    lite, key = lite_model(model).lite, model.key()
    subgraph = lite.subgraph_number(key)
    numbers = {tensor.label: tensor.index for tensor in lite.subgraph(key).tensors}
    return [node_name(lite.source[subgraph, numbers[name]]) for name in tensors if name in numbers]


def _fed(paired: PairedTensors, first: Side, b: Model) -> dict[str, Array]:
    """The feeds of B: the values of the first model's inputs."""
    if b.runs_with is Runtime.LITERT:
        from inspector.backend.litert import lite

        values = {
            end.key: first.feeds[end.tensor] for end in first.inputs if end.tensor in first.feeds
        }
        inputs, _ = lite.ends(lite_model(b))
        return corresponding.for_model(values, first.inputs, inputs, b.name)
    nodes = dict(zip(_nodes(first.model, first.feeds), first.feeds.values(), strict=True))
    fed = {paired.partner[name]: value for name, value in nodes.items() if name in paired.partner}
    ops = {node.name for node in b.outline if node.op in PLACEHOLDERS}
    return {tensor_name(name): value for name, value in fed.items() if name in ops}
