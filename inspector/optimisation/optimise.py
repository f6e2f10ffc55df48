"""From a model to a smaller one: freeze if needed, run the transforms, add a signature."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from inspector.analysis.outputs import suggest
from inspector.analysis.valueless import refuse_valueless
from inspector.errors import BadFeed, BadFetch, BadParameter, UnsupportedModel
from inspector.freezing import decided_branches
from inspector.freezing.freeze import freeze
from inspector.freezing.initialise import table_notes, with_init_op
from inspector.graph.graph import Graph, node_name
from inspector.graph.op_sets import REQUIRED_PLACEHOLDERS, VARIABLES
from inspector.graph.protos import NodeDef, SignatureDef
from inspector.graph.supplied import supplied_placeholders
from inspector.graph.tensors import Array
from inspector.model import signature_choice
from inspector.model.callables import with_callables
from inspector.model.initial_state import init_note
from inspector.model.model import Model
from inspector.model.signature_choice import SignatureChoice
from inspector.model.signatures import output_tensors
from inspector.optimisation import check_feeds, fixed_inputs, signature_boundary
from inspector.optimisation.feed_source import FeedSource
from inspector.optimisation.new_signatures import new_signatures, renamed
from inspector.optimisation.optimise_options import CheckOptions, OptimiseOptions
from inspector.optimisation.result import Optimised
from inspector.optimisation.transform_job import (
    Kernels,
    RunTransforms,
    TransformJob,
    TransformResult,
    run_transforms,
)
from inspector.passes import pipeline
from inspector.passes.pipeline import Progress, Transforms
from inspector.passes.presets import PRESETS

_OPTIONAL = ("PlaceholderWithDefault",)


def optimise(
    model: Model,
    options: OptimiseOptions,
    *,
    run: RunTransforms | None = None,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Optimised:
    """Freeze the model if it is not, and run transforms on it.

    Args:
        run: Runs the transforms; by default in this process, without kernels and checks.
    Raises: what freezing and the transforms raise; BadParameter for an unknown preset; BadFeed;
        BadFetch for an output that gives no value.
    """
    transforms = transforms_of(options)
    if options.check is not None:
        pipeline.check_policy(options.check.on_violation)
    calls = [planned.call for planned in pipeline.plan(transforms)]  # syntax errors come first
    model, choice = _with_signatures(model, options)
    if progress is not None:
        progress(None, "freeze")
    model, options = _with_fixed_inputs(model, options, choice)
    frozen, graph, choice = _frozen_and_cut(model, choice, options)
    fetches = tuple(options.outputs or _fetches(frozen, choice.keys))
    inputs = tuple(_feeds(frozen, graph, fetches) if options.inputs is None else options.inputs)
    kept_nodes = _init_ops(frozen)
    graph, assets = signature_boundary.hold_assets(graph, frozen.assets, [*fetches, *kept_nodes])
    job = TransformJob(
        graph,
        (*inputs, *assets),
        (*fetches, *kept_nodes),
        fetches,
        calls,
        frozen.name,
        frozen.init_op,
        _paths(frozen, assets),
        _named_feeds(options.check, graph, inputs, fetches, assets, [frozen, model]),
        options.check,
        options.allow_files,
    )
    result = (run or _run_without_kernels)(job, progress, cancelled)
    graph = signature_boundary.release(result.pipeline.graph, assets)
    if options.inputs is None:
        graph, inputs = signature_boundary.without_unread(graph, inputs, fetches)
    resolved = replace(
        options,
        inputs=inputs,
        outputs=fetches,
        transforms=" ".join(map(str, calls)),
        preset=None,
        signature=choice.keys,
    )
    after = _new_model(graph, model, frozen, options, resolved, choice)
    choice = choice.settled(after.signatures)
    after.notes += choice.sentences()
    return Optimised(after, result.pipeline.steps, frozen, resolved, result.feeds_summary, choice)


def _with_signatures(model: Model, options: OptimiseOptions) -> tuple[Model, SignatureChoice]:
    """The model with a signature for each requested function, and the signatures to keep."""
    model = with_callables(model, options.signature)
    choice = signature_choice.choose(
        model, options.signature, options.outputs, every=options.all_signatures
    )
    return model, choice


def _with_fixed_inputs(
    model: Model, options: OptimiseOptions, choice: SignatureChoice
) -> tuple[Model, OptimiseOptions]:
    """The model with its fixed inputs, and the options without these among inputs and feeds."""
    if not options.set:
        return model, options
    signature = choice.keys[0] if choice.keys else None
    fixed = fixed_inputs.fix_inputs(model, options.set, signature)
    inputs, check = options.inputs, options.check
    if inputs is not None:
        inputs = tuple(fixed_inputs.remaining(inputs, model, options.set, signature))
    if check is not None and check.feeds is not None and not isinstance(check.feeds, FeedSource):
        keys = fixed_inputs.remaining(check.feeds, model, options.set, signature)
        check = replace(check, feeds={key: check.feeds[key] for key in keys})
    return fixed, replace(options, inputs=inputs, check=check)


def _frozen_and_cut(
    model: Model, choice: SignatureChoice, options: OptimiseOptions
) -> tuple[Model, Graph, SignatureChoice]:
    """The frozen model, the graph to transform, and the signatures that it serves.

    The graph is cut at the inputs of the signatures where the request names no inputs.
    """
    frozen = frozen_model(
        model, options.outputs, choice.keys, options.init_op, decide_branches=bool(options.set)
    )
    fetches = options.outputs or _fetches(frozen, choice.keys)
    if options.set:
        graph = decided_branches.remove(frozen.graph, fetches, _init_ops(frozen), frozen.name)
        frozen = replace(frozen, graph=graph)
    _check_names(frozen.graph, [*(options.inputs or ()), *fetches])
    refuse_valueless(frozen, frozen.graph, fetches)
    if options.inputs is not None:
        return frozen, frozen.graph, choice
    by_key = _of_keys(frozen, choice.keys)
    graph, broken = signature_boundary.cut_at_all(frozen.graph, by_key, fetches, _init_ops(frozen))
    if not broken:
        return frozen, graph, choice
    return _frozen_and_cut(model, choice.without(broken), options)


def _of_keys(model: Model, keys: Sequence[str]) -> dict[str, SignatureDef]:
    """The signatures of these keys, the main one first; all where the model has none of them."""
    by_key = model.signatures
    return {key: by_key[key] for key in keys if key in by_key} or by_key


def _init_ops(model: Model) -> list[str]:
    return [] if model.init_op is None else [model.init_op]


def _run_without_kernels(
    job: TransformJob, progress: Progress | None, cancelled: Callable[[], bool] | None
) -> TransformResult:
    return run_transforms(job, Kernels(), progress, cancelled)


def _new_model(
    graph: Graph,
    model: Model,
    frozen: Model,
    options: OptimiseOptions,
    resolved: OptimiseOptions,
    choice: SignatureChoice,
) -> Model:
    """The transformed graph as a model, with its signature.

    Args:
        options, resolved: The request as it came, and with its defaults filled in.
        choice: The signatures that are kept.
    """
    feeds, fetches = resolved.inputs or (), resolved.outputs or ()
    new = new_signatures(graph, feeds, fetches, frozen, model, choice.keys)
    for signature in new.values():
        signature_boundary.with_new_shapes(signature, frozen.graph, graph)
    if options.inputs is None and options.outputs is None:
        for key in choice.keys:
            graph = signature_boundary.with_unread_inputs(graph, new[key], model.signatures[key])
    return replace(
        frozen,
        graph=graph,
        source=None,
        bytes={},
        files=[],
        path=None,
        assets=[asset for asset in frozen.assets if node_name(asset.tensor) in graph],
        signatures=renamed(new, model, options.outputs),
        signature=None,
        notes=list(frozen.notes),
    )


def frozen_model(
    model: Model,
    outputs: Sequence[str] | None = None,
    keys: Sequence[str] = (),
    init_op: str | None = None,
    *,
    decide_branches: bool = False,
) -> Model:
    """The model with constants for variables; a GraphDef without variables has its nodes as is."""
    is_frozen = model.format == "GraphDef" and not any(
        node.op in VARIABLES
        for nodes in (model.graph.nodes, *(f.node_def for f in model.graph.library.function))
        for node in nodes
    )
    if not is_frozen:
        return freeze(model, outputs, keys, init_op=init_op, decide_branches=decide_branches)
    fetches = outputs or _fetches(model, keys)
    ready = with_init_op(model, fetches, init_op)
    notes = table_notes(model, fetches, init_op)
    if ready.init_op is not None:
        notes.append(init_note(ready.init_op))
    return replace(ready, notes=[*ready.notes, *notes]) if notes else ready


def transforms_of(options: OptimiseOptions) -> Transforms:
    """The transforms that options ask for. Raises: BadParameter."""
    if options.transforms is not None and options.preset is not None:
        raise BadParameter("optimise", "preset", "give transforms or a preset, not both")
    if options.transforms is not None:
        return options.transforms
    name = options.preset or next(iter(PRESETS))
    if name not in PRESETS:
        why = f"no preset of this name; there are {', '.join(PRESETS)}"
        raise BadParameter("optimise", f"preset '{name}'", why)
    return PRESETS[name].transforms


def _paths(frozen: Model, placeholders: Iterable[str]) -> dict[str, str]:
    """The path of the asset that each placeholder of `hold_assets` stands for."""
    paths = {node_name(asset.tensor): asset.path for asset in frozen.assets}
    return {name: str(paths[name]) for name in placeholders if paths.get(name) is not None}


def _named_feeds(
    check: CheckOptions | None,
    graph: Graph,
    inputs: Sequence[str],
    fetches: Sequence[str],
    assets: Mapping[str, NodeDef],
    models: Sequence[Model],
) -> dict[str, Array] | None:
    """The feeds for the check by tensor name; None for generated ones."""
    if check is None or check.feeds is None:
        return None
    slots = check_feeds.slots_to_feed(graph, inputs, fetches, assets)
    old_signatures = [model.signatures[key] for model in models for key in sorted(model.signatures)]
    if not isinstance(check.feeds, FeedSource):
        return check_feeds.named_feeds(graph, slots, check.feeds, old_signatures)
    keys = {info.name: key for item in old_signatures for key, info in item.inputs.items()}
    keyed = {
        name: replace(slot, key=keys.get(name, node_name(name))) for name, slot in slots.items()
    }
    try:
        return check_feeds.named_feeds(graph, slots, check.feeds.values(keyed), old_signatures)
    except BadFeed:
        return None


def _fetches(frozen: Model, keys: Sequence[str]) -> list[str]:
    """The outputs to take where none were named: those of the signatures, else the likeliest."""
    chosen = _of_keys(frozen, keys).values()
    names = [name for item in chosen for name in output_tensors(item)]
    if not names:
        names = [suggestion.name for suggestion in suggest(frozen)[:1]]
    if not names:
        raise BadFetch(frozen.name, "outputs", "the model names none: say which nodes to keep")
    return list(dict.fromkeys(names))


def _feeds(frozen: Model, graph: Graph, fetches: Iterable[str]) -> list[str]:
    """The feeds to keep where none were named: what has to be fed, and what a signature feeds.

    A placeholder whose default comes out of a queue or data set has to be fed too. Another one
    with a default keeps it: as a feed it would become one without.
    """
    needed = graph.ancestors(map(node_name, fetches))
    named = {
        node_name(info.name) for item in frozen.signatures.values() for info in item.inputs.values()
    }
    named |= supplied_placeholders(graph)
    return [
        node.name
        for node in graph
        if node.name in needed
        and (node.op in REQUIRED_PLACEHOLDERS or (node.op in _OPTIONAL and node.name in named))
    ]


def check_frozen(model: Model) -> None:
    """Raises: UnsupportedModel for a model whose variables a GraphDef would lose."""
    variables = [node.name for node in model.graph if node.op in VARIABLES]
    if model.checkpoint is not None and variables:
        why = f"holds {len(variables)} variables, whose values a GraphDef cannot: freeze it first"
        raise UnsupportedModel(model.name, "graphdef", why)


def _check_names(graph: Graph, names: Iterable[str]) -> None:
    """Raises: UnknownNode for the first name that is no node."""
    for name in names:
        graph.node(node_name(name))
