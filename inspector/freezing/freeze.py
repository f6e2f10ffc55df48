"""Freezing: prunes a model to its outputs and turns the variables they need into constants.

It works on protobuf messages and numpy, without TensorFlow. The graph is pruned, calls are inlined,
each variable's value is read from the checkpoint under the key that the graph's restore op names,
and ops that read the variable read the constant. Node names of TensorFlow 1 graphs do not change.
Tables stay, with the init op that fills them. A variable that the outputs also assign stays a
variable: it is reported, and the init op restores its value.

Source: python/framework/convert_to_constants.py and tools/freeze_graph.py, for what is frozen.
"""

from __future__ import annotations

from collections.abc import Sequence

from inspector.analysis import compatibility
from inspector.analysis import outputs as suggesting
from inspector.analysis.saving import only_saves
from inspector.analysis.valueless import refuse_valueless
from inspector.collector import collector_paused
from inspector.errors import FreezeError, InspectorError, UnknownNode, did_you_mean, or_rather
from inspector.freezing import decided_branches
from inspector.freezing.flatten import flatten
from inspector.freezing.freezer import Freezer, Frozen
from inspector.freezing.initialise import table_notes, with_init_op
from inspector.graph import opdefs
from inspector.graph.control_flow import inside_frames
from inspector.graph.functions import reachable
from inspector.graph.graph import Graph, node_name, split_input
from inspector.graph.protos import NodeDef, SignatureDef
from inspector.graph.unfold import Unfolded, unfold
from inspector.graph.validate import refuse
from inspector.model import signature_choice, signatures
from inspector.model.callables import name_a_function, with_callables
from inspector.model.initial_state import init_note
from inspector.model.model import Model
from inspector.model.serving import fetched_nodes, serving_graph

_COLOCATE = b"loc:@"


@collector_paused()
def freeze(
    model: Model,
    outputs: Sequence[str] | None = None,
    signature: str | Sequence[str] | None = None,
    keep_devices: bool = False,
    init_op: str | None = None,
    all_signatures: bool = False,
    *,
    decide_branches: bool = False,
) -> Model:
    """A frozen Model in the format GraphDef, with constants for variables.

    Args:
        outputs: Nodes or tensors (``name`` or ``name:k``) of the main graph, of the graph that
            `serving_graph` returns, or in a function body, under the name that `unfold` gives it.
            By default all outputs of the signature.
        signature: Key of the signature that gives the outputs and their keys, or several keys.
        keep_devices: Keep the devices of the nodes, which are cleared otherwise.
        init_op: The node that fills tables and assigns variables; by default the one that the file
            declares, else what the graph holds, see `with_init_op`.
        all_signatures: Keep all signatures that the outputs allow.
        decide_branches: Remove the branches that constants decide; see `branches.dead_branches`.
    Returns: The frozen model. Its signature has the chosen outputs; where several are kept, each
        has its own. `notes` says how many variables were frozen and which stay.
    Raises: UnknownNode, BadFetch (an output that gives no value), UnknownSignature, FreezeError (no
        outputs known), MissingVariables, InvalidGraph, CorruptModel, LimitExceeded,
        UnsupportedModel (TFLite).
    """
    model.check_tensorflow()
    model = with_callables(model, signature)
    keys = signature_choice.choose(model, signature, outputs, every=all_signatures).keys
    key = keys[0] if keys else None
    targets = _targets(model, outputs, keys)
    refuse_valueless(model, model.graph, targets)
    opened, model = model, with_init_op(model, targets, init_op)
    tables = table_notes(opened, targets, init_op)
    flat, body_notes = _flat(model, targets, key)
    if decide_branches:
        flat = _without_dead_branches(model, flat, targets)
    _check_outputs(model, flat, targets)
    frozen = Freezer(model, flat, [node_name(name) for name in targets]).run()
    nodes = [_clean(node, frozen.graph, keep_devices) for node in frozen.graph.nodes]
    graph = frozen.graph.with_nodes(nodes)
    graph = graph.with_library(reachable(graph.library, nodes))
    refuse(graph, model.name)
    return Model(
        format="GraphDef",
        name=model.name,
        graph=graph,
        tag_set=list(model.tag_set),
        tag_sets=[list(model.tag_set)] if model.tag_set else [],
        signatures=_signatures(model, graph, targets, keys),
        producer=model.producer,
        assets=[asset for asset in model.assets if node_name(asset.tensor) in graph],
        bytes=_sizes(model, graph),
        init_op=frozen.init_op,
        notes=[*_notes(frozen, init_op), *body_notes, *tables],
        warnings=frozen.warnings,
        unpacked=model.unpacked,
    )


def _without_dead_branches(model: Model, flat: Graph, targets: Sequence[str]) -> Graph:
    init_ops = [name for name in (model.init_op,) if name is not None and name in flat]
    present = [name for name in targets if node_name(name) in flat]
    return decided_branches.remove(flat, present, init_ops, model.name)


def _check_outputs(model: Model, flat: Graph, targets: Sequence[str]) -> None:
    """Raises: UnknownNode, BadFetch, FreezeError for the first output that has no single value."""
    for name in targets:
        _check_tensor(model, flat, name)
    refuse_valueless(model, flat, targets)
    for name, end in inside_frames(model.graph, map(node_name, targets)).items():
        instead = f": take what leaves the loop, e.g. '{end}'" if end else ""
        reason = f"it is inside a loop and has a value for each iteration{instead}"
        raise FreezeError(model.name, f"output '{name}'", reason)


def _signatures(
    model: Model, graph: Graph, targets: Sequence[str], keys: Sequence[str]
) -> dict[str, SignatureDef]:
    """The signatures of the frozen graph; the first one has all outputs that no other has."""
    others = [model.signatures[key] for key in signatures.serving_keys(model.signatures)]
    outputs = signatures.divide(targets, {key: model.signatures[key] for key in keys})
    return {
        key: signatures.for_outputs(
            graph, names, [*([model.signatures[key]] if keys else []), *others]
        )
        for key, names in (outputs or {signatures.DEFAULT: list(targets)}).items()
    }


def _targets(model: Model, outputs: Sequence[str] | None, keys: Sequence[str]) -> list[str]:
    if outputs is not None:
        names = [name.strip() for name in outputs]
        if not names or not all(names):
            raise FreezeError(model.name, "outputs", "name at least one node, and none empty")
        return list(dict.fromkeys(names))
    names = [name for key in keys for name in signatures.output_tensors(model.signatures[key])]
    if not names:
        if not model.outline.nodes:
            raise FreezeError(model.name, "graph", f"the {model.format} holds no graph to freeze")
        reason = name_a_function(model)
        if not reason and only_saves(model.outline, model.init_op):
            reason = compatibility.NOTHING.removesuffix(".")
        if not reason:
            likely = suggesting.of_graph(model.outline)
            example = f", e.g. '{likely[0].name}'" if likely else ""
            reason = f"the model has no signature that tells its outputs: name them{example}"
        raise FreezeError(model.name, "outputs", reason)
    return list(dict.fromkeys(names))


def _flat(model: Model, targets: Sequence[str], key: str | None) -> tuple[Graph, list[str]]:
    """What the outputs and the init op need of the main graph, with calls inlined; and notes."""
    graph, names = model.graph, [node_name(name) for name in targets]
    more: list[str] = []
    if any(name not in graph for name in names):
        for other in [key, *signatures.serving_keys(model.signatures)]:
            if other is not None:
                more += fetched_nodes(model.signatures[other], graph)
    if model.init_op is not None and model.init_op in graph:
        more.append(model.init_op)
    return flatten(graph, list(dict.fromkeys(names)), more, model.custom_ops)


def _check_tensor(model: Model, flat: Graph, text: str) -> None:
    name, port, control = split_input(text)
    if control or name not in flat:
        raise UnknownNode(model.name, text, "no node of this name" + _hint(model, flat, name))
    dtypes = opdefs.output_dtypes(flat.node(name))
    if dtypes is not None and port >= len(dtypes) and port > 0:
        count = f"{len(dtypes)} output{'' if len(dtypes) == 1 else 's'}"
        raise UnknownNode(model.name, text, f"the node has {count}")


def _hint(model: Model, flat: Graph, name: str) -> str:
    """``; did you mean ...?`` for an unknown name, also for one of a node in a function body."""
    try:
        unfolded = unfold(serving_graph(model), model.custom_ops)
    except InspectorError:
        unfolded = Unfolded(flat)
    called = [node.name for node in unfolded.graph if node.name.endswith("/" + name)]
    if called:
        return or_rather(called)
    # Names of the unfolded graph first: the user sees these.
    candidates = dict.fromkeys(node.name for node in (*unfolded.graph, *flat, *model.outline))
    return did_you_mean(name, candidates)


def _clean(node: NodeDef, graph: Graph, keep_devices: bool) -> NodeDef:
    """The node without its device and without colocation with nodes that are gone."""
    places = node.attr["_class"].list.s if "_class" in node.attr else ()
    remaining = [place for place in places if _is_there(place, graph)]
    if len(remaining) == len(places) and (keep_devices or not node.device):
        return node
    copy = NodeDef()
    copy.CopyFrom(node)
    if not keep_devices:
        copy.device = ""
    if len(remaining) < len(places):
        copy.attr["_class"].list.s[:] = remaining
        if not remaining:
            del copy.attr["_class"]
    return copy


def _is_there(place: bytes, graph: Graph) -> bool:
    name = place.removeprefix(_COLOCATE).decode(errors="replace")
    return not place.startswith(_COLOCATE) or name in graph


def _sizes(model: Model, graph: Graph) -> dict[str, int]:
    size = graph.byte_size()
    return {"graph": size, "variables": 0, "assets": 0, "total": size}


def _notes(frozen: Frozen, init_op: str | None) -> list[str]:
    count = len(frozen.variables)
    notes = [f"Froze {count} variable{'' if count == 1 else 's'}."]
    notes += [
        f"'{name}' stays a variable: {why}." for name, why in frozen.remaining_variables.items()
    ]
    if frozen.init_op is not None:
        names = [f"'{name}'" for name in frozen.tables[:5]]
        names += [f"{len(frozen.tables) - 5} more"] if len(frozen.tables) > 5 else []
        notes.append(init_note(frozen.init_op, f": it fills {', '.join(names)}" if names else ""))
    elif init_op is not None:
        why = "it sets no table or variable that the outputs need"
        notes.append(f"The init op '{init_op}' is not kept: {why}.")
    return notes
