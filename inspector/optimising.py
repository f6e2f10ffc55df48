"""From a model to a smaller one: freeze if needed, run the transforms, give it a signature again.

The one place where these three meet; `inspector.api`, the jobs and the command line call it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from inspector import checking as checks
from inspector import interface, signatures
from inspector.errors import BadFeed, BadFetch, BadParameter, UnsupportedModel
from inspector.freeze import freeze
from inspector.graph import Graph, node_name, tensor_name
from inspector.model import Model
from inspector.outputs import suggest
from inspector.passes import pipeline
from inspector.passes.pipeline import Transforms
from inspector.passes.presets import PRESETS
from inspector.passes.records import Step
from inspector.protos import SignatureDef
from inspector.signatures import output_tensors
from inspector.tensors import Array
from inspector.transforming import Checking, Done, Engine, Perform, Work, perform

Progress = Callable[[float | None, str], None]

_OPTIONAL = ("PlaceholderWithDefault",)
_STATEFUL = ("Variable", "VariableV2", "VarHandleOp", "AutoReloadVariable")


@dataclass(frozen=True)
class Optimised:
    """What came of it.

    Attributes:
        model: The new model. Its signature has the key of the one whose outputs it has, and
            ``serving_default`` too where the model had none of that key; where other outputs were
            chosen it is ``serving_default`` alone.
        steps: One record per transform, in order.
        frozen: The model the transforms started from.
        inputs, outputs: The feeds and fetches they were told to keep.
        transforms: What was run, as one text.
        fed: What the checked graphs were fed with, in a few words; empty where nothing was run.
    """

    model: Model
    steps: tuple[Step, ...]
    frozen: Model = field(repr=False)
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    transforms: str = ""
    checking: Checking | None = None
    fed: str = ""

    def record(self) -> dict[str, Any]:
        """What ``--record`` writes."""
        return {
            "model": self.model.name,
            "inputs": list(self.inputs),
            "outputs": list(self.outputs),
            "transforms": self.transforms,
            "before": _figures(self.frozen),
            "after": _figures(self.model),
            "check": self.checked(),
            "steps": [step.to_dict() for step in self.steps],
        }

    def checked(self) -> dict[str, Any] | None:
        """How the steps were checked and how many kept their promise; None where nobody asked."""
        if self.checking is None:
            return None
        statuses = [step.check.status for step in self.steps if step.check is not None]
        return {
            "feeds": self.fed,
            "on_violation": self.checking.on_violation,
            "violated": statuses.count("violated"),
            "unchecked": statuses.count("unchecked"),
            "rolled_back": sum(step.rolled_back for step in self.steps),
        }


def optimise(
    model: Model,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    transforms: Transforms | None = None,
    preset: str | None = None,
    *,
    signature: str | None = None,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
    files: bool = False,
    checking: Checking | None = None,
    work_with: Perform | None = None,
) -> Optimised:
    """Freeze the model if it is not, and run transforms on it.

    Args:
        inputs: Feeds, node or tensor names; by default those the outputs need.
        outputs: Fetches; by default the signature's.
        transforms: The tool's text, or several of them; or `preset`, a name of the table.
        signature: Whose outputs, and whose keys for the new signature.
        files: Parameters may name files of this machine.
        checking: Run the graph before and after each step, and how.
        work_with: Does the work; by default it is done in this process and without kernels, so
            that what needs them is left alone and nothing can be checked.
    Raises: what freezing and the transforms raise; BadParameter for an unknown preset; BadFeed.
    """
    chosen = _transforms(transforms, preset)
    if checking is not None:
        pipeline.check_policy(checking.on_violation)
    plan = pipeline.plan(chosen)  # a typing mistake is told before the work starts
    signature = model.key(signature)
    if progress is not None:
        progress(None, "freeze")
    frozen = frozen_model(model, outputs, signature)
    fetches = tuple(outputs or _fetches(frozen))
    _check(frozen.graph, [*(inputs or ()), *fetches])
    kept = [frozen.init_op] if frozen.init_op is not None else []
    start = frozen.graph
    if inputs is None:
        for old in frozen.signatures.values():
            start = interface.cut_at_inputs(start, old, fetches, kept)
    feeds = tuple(inputs if inputs is not None else _feeds(frozen, start, fetches))
    start, held = interface.hold_assets(start, frozen.assets, [*fetches, *kept])
    work = Work(
        start,
        (*feeds, *held),
        (*fetches, *kept),
        fetches,
        [item.call for item in plan],
        frozen.name,
        frozen.init_op,
        _paths(frozen, held),
        _named_feeds(checking, start, feeds, fetches, held, [frozen, model]),
        checking,
        files,
    )
    done = (work_with or _here)(work, progress, cancelled)
    graph = interface.release(done.result.graph, held)
    new = _signature(graph, feeds, fetches, [frozen, model], signature)
    if inputs is None and outputs is None and signature is not None:
        graph = interface.with_unread_inputs(graph, new, model.signatures[signature])
    after = replace(
        frozen,
        graph=graph,
        source=None,
        bytes={},
        files=[],
        path=None,
        assets=[asset for asset in frozen.assets if node_name(asset.tensor) in graph],
        signatures=dict.fromkeys(_keys(new, model, signature, outputs), new),
        signature=None,
    )
    text = " ".join(str(item.call) for item in plan)
    return Optimised(after, done.result.steps, frozen, feeds, fetches, text, checking, done.fed)


def _here(work: Work, progress: Progress | None, cancelled: Callable[[], bool] | None) -> Done:
    return perform(work, Engine(), progress, cancelled)


def frozen_model(
    model: Model, outputs: Sequence[str] | None = None, signature: str | None = None
) -> Model:
    """The model with constants for variables; a GraphDef without variables as it is."""
    is_frozen = model.format == "GraphDef" and not any(
        node.op in _STATEFUL
        for nodes in (model.graph.nodes, *(f.node_def for f in model.graph.library.function))
        for node in nodes
    )
    return model if is_frozen else freeze(model, outputs, signature)


def _transforms(transforms: Transforms | None, preset: str | None) -> Transforms:
    if transforms is not None and preset is not None:
        raise BadParameter("optimise", "preset", "give transforms or a preset, not both")
    if transforms is not None:
        return transforms
    name = preset or next(iter(PRESETS))
    if name not in PRESETS:
        why = f"no preset of this name; there are {', '.join(PRESETS)}"
        raise BadParameter("optimise", f"preset '{name}'", why)
    return PRESETS[name].transforms


def _paths(frozen: Model, held: Iterable[str]) -> dict[str, str]:
    """Where the assets lie whose paths the nodes in `held` take."""
    found = {node_name(asset.tensor): asset.path for asset in frozen.assets}
    return {name: str(found[name]) for name in held if found.get(name) is not None}


def _named_feeds(
    asked: Checking | None,
    graph: Graph,
    inputs: Sequence[str],
    fetches: Sequence[str],
    held: Iterable[str],
    models: Sequence[Model],
) -> dict[str, Array] | None:
    """The feeds that were given for the check, by tensor name."""
    if asked is None or asked.feeds is None:
        return None
    slots = checks.wanted(graph, inputs, fetches, held)
    known = [model.signatures[key] for model in models for key in sorted(model.signatures)]
    if not callable(asked.feeds):
        return checks.named_feeds(graph, slots, asked.feeds, known)
    keys = {info.name: key for item in known for key, info in item.inputs.items()}
    keyed = {
        name: replace(slot, key=keys.get(name, node_name(name))) for name, slot in slots.items()
    }
    try:
        return checks.named_feeds(graph, slots, asked.feeds(keyed), known)
    except BadFeed:
        return None


def _fetches(frozen: Model) -> list[str]:
    """The outputs to take where none were named: the signature's, else the likeliest."""
    found = [name for item in frozen.signatures.values() for name in output_tensors(item)]
    if not found:
        found = [suggestion.name for suggestion in suggest(frozen)[:1]]
    if not found:
        raise BadFetch(frozen.name, "outputs", "the model names none: say which nodes to keep")
    return list(dict.fromkeys(found))


def _feeds(frozen: Model, graph: Graph, fetches: Iterable[str]) -> list[str]:
    """The feeds to keep where none were named: what has to be fed, and what a signature feeds.

    Another placeholder with a default keeps it: as a feed it would become one without.
    """
    needed = graph.ancestors(map(node_name, fetches))
    named = {
        node_name(info.name) for item in frozen.signatures.values() for info in item.inputs.values()
    }
    return [
        node.name
        for node in graph
        if node.name in needed
        and (node.op in signatures.PLACEHOLDERS or (node.op in _OPTIONAL and node.name in named))
    ]


def _signature(
    graph: Graph,
    feeds: Sequence[str],
    fetches: Sequence[str],
    models: Sequence[Model],
    key: str | None,
) -> SignatureDef:
    """The new model's one signature: inputs and outputs keep the keys they had."""
    known = [model.signatures[name] for model in models for name in _by_rank(model.signatures, key)]
    walls = [node_name(name) for name in feeds]
    needed = graph.ancestors(map(node_name, fetches), walls)
    pruned = graph.with_nodes(node for node in graph if node.name in needed)
    signature = signatures.for_outputs(pruned, fetches, known)
    named = {info.name for info in signature.inputs.values()}
    for name in map(tensor_name, feeds):  # what is fed and is no Placeholder
        node = pruned.get(node_name(name))
        optional = node is not None and node.op == "PlaceholderWithDefault"
        info = None if optional or name in named else signatures.tensor_info(pruned, name)
        if info is not None and node is not None:
            signature.inputs[node.name].CopyFrom(info)
    return signature


def _keys(
    new: SignatureDef, model: Model, meant: str | None, outputs: Sequence[str] | None
) -> list[str]:
    """The keys of the new signature.

    Whoever calls the old one by its name can go on to; whoever names none, as clients of
    TensorFlow Serving may, finds it too, except where the model had another answer for them.
    """
    whole = meant is not None and set(new.outputs) == set(model.signatures[meant].outputs)
    if meant is None or not (outputs is None or whole):
        return [signatures.DEFAULT]
    return [meant] if signatures.DEFAULT in model.signatures else [meant, signatures.DEFAULT]


def _by_rank(found: Mapping[str, SignatureDef], key: str | None) -> list[str]:
    """Keys of signatures, the one that is meant first."""
    chosen = signatures.choose(found, key if key in found else None)
    return sorted(signatures.serving_keys(found), key=lambda name: (name != chosen, name))


def check_frozen(model: Model) -> None:
    """Raises: UnsupportedModel for a model whose variables a GraphDef would lose."""
    held = [node.name for node in model.graph if node.op in _STATEFUL]
    if model.checkpoint is not None and held:
        why = f"holds {len(held)} variables, whose values a GraphDef cannot: freeze it first"
        raise UnsupportedModel(model.name, "graphdef", why)


def _check(graph: Graph, names: Iterable[str]) -> None:
    for name in names:
        graph.node(node_name(name))


def _figures(model: Model) -> dict[str, int]:
    return {"nodes": len(model.graph), "bytes": model.graph.byte_size()}
