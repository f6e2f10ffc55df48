"""Freezing: the variables that the outputs need become constants, and nothing else stays.

On messages and numpy alone. The graph is pruned to the outputs, its calls are inlined, each
variable's value is read from the checkpoint under the key that the graph's restore op tells, and
whatever read the variable by its handle reads the constant. Node names of TensorFlow 1 graphs are
untouched. Tables stay, with the init op that fills them. A variable that the outputs also write
stays a variable: it is reported, and the init op gives it its value.

Source: python/framework/convert_to_constants.py and tools/freeze_graph.py, for what is frozen.
"""

from __future__ import annotations

from collections.abc import Sequence

from inspector import opdefs, signatures
from inspector import outputs as suggesting
from inspector.errors import FreezeError, InspectorError, UnknownNode, did_you_mean
from inspector.flattening import flatten, inside_frames
from inspector.freezing import Freezer, Frozen
from inspector.functions import reachable
from inspector.graph import Graph, node_name, split_input
from inspector.inlining import calls, inline
from inspector.model import Model
from inspector.problems import refuse
from inspector.protos import NodeDef, OpDef, SignatureDef
from inspector.unfolding import Unfolded, unfold

_COLOCATE = b"loc:@"


def freeze(
    model: Model,
    outputs: Sequence[str] | None = None,
    signature: str | None = None,
    keep_devices: bool = False,
) -> Model:
    """A Model of the format GraphDef that gives the outputs, with constants for variables.

    Args:
        outputs: Nodes or tensors (``name`` or ``name:k``) of the main graph, of the graph that
            `serving_graph` gives, or inside of a body, under the name that it has in
            `unfolding.unfold`. Without them: all outputs of the signature.
        signature: The signature key whose outputs or keys are meant; see `signatures.choose`.
        keep_devices: Leave the nodes' devices as they are; else they are cleared.
    Returns: The frozen model; its one signature has the chosen outputs. `notes` says how many
        variables were frozen and what stayed.
    Raises: UnknownNode, UnknownSignature, FreezeError (no outputs known), MissingVariables,
        InvalidGraph, CorruptModel, LimitExceeded, UnsupportedModel (TFLite).
    """
    model.check_tensorflow()
    key = model.key(signature)
    wanted = _wanted(model, outputs, key)
    flat, said = _flat(model, wanted, key)
    for name in wanted:
        _check_tensor(model, flat, name)
    for name, end in inside_frames(model.graph, map(node_name, wanted)).items():
        instead = f": take what leaves the loop, e.g. '{end}'" if end else ""
        reason = f"it is inside of a loop and has a value for each turn{instead}"
        raise FreezeError(model.name, f"output '{name}'", reason)
    frozen = Freezer(model, flat, [node_name(name) for name in wanted]).run()
    nodes = [_clean(node, frozen.graph, keep_devices) for node in frozen.graph.nodes]
    library = reachable(frozen.graph.library, nodes)
    graph = Graph(nodes, library, model.graph.versions)
    refuse(graph, model.name)
    known = [model.signatures[key]] if key is not None else []
    known += [model.signatures[other] for other in signatures.serving_keys(model.signatures)]
    return Model(
        format="GraphDef",
        name=model.name,
        graph=graph,
        tag_set=list(model.tag_set),
        tag_sets=[list(model.tag_set)] if model.tag_set else [],
        signatures={key or signatures.DEFAULT: signatures.for_outputs(graph, wanted, known)},
        producer=model.producer,
        assets=[asset for asset in model.assets if node_name(asset.tensor) in graph],
        bytes=_sizes(model, graph),
        init_op=frozen.init_op,
        notes=_notes(frozen) + said,
        warnings=frozen.warnings,
        unpacked=model.unpacked,
    )


def serving_graph(model: Model, signature: str | None = None) -> Graph:
    """The graph that a person means by "the model"; made to be looked at, see `Model.outline`.

    For TensorFlow 2, where the outputs of the signature are calls: these inlined, and pruned to
    the outputs; variables are still variables. For all others the main graph as it is.

    Raises: UnknownSignature, InvalidGraph, CorruptModel, LimitExceeded.
    """
    key = model.key(signature)
    graph = model.outline
    if key is None or model.lite is not None:
        return graph
    if key not in model.served:
        roots = _nodes_of(model.signatures[key], graph)
        is_called = bool(calls(graph, roots))
        model.served[key] = inline(graph, roots, ops=known_ops(model)) if is_called else graph
    return model.served[key]


def known_ops(model: Model) -> Sequence[OpDef]:
    """The OpDefs that came with the file: they tell of custom ops."""
    if model.meta_graph is None:
        return ()
    ops: Sequence[OpDef] = model.meta_graph.meta_info_def.stripped_op_list.op
    return ops


def _wanted(model: Model, outputs: Sequence[str] | None, key: str | None) -> list[str]:
    if outputs is not None:
        names = [name.strip() for name in outputs]
        if not names or not all(names):
            raise FreezeError(model.name, "outputs", "name at least one node, and none empty")
        return list(dict.fromkeys(names))
    names = [] if key is None else signatures.output_tensors(model.signatures[key])
    if not names:
        if not model.outline.nodes:
            raise FreezeError(model.name, "graph", f"the {model.format} holds no graph to freeze")
        likely = suggesting.of_graph(model.outline)
        example = f", e.g. '{likely[0].name}'" if likely else ""
        reason = f"the model has no signature that tells its outputs: name them{example}"
        raise FreezeError(model.name, "outputs", reason)
    return names


def _flat(model: Model, wanted: Sequence[str], key: str | None) -> tuple[Graph, list[str]]:
    """The main graph's part that the outputs and the init op need, calls inlined; and notes."""
    graph, names = model.graph, [node_name(name) for name in wanted]
    more: list[str] = []
    if any(name not in graph for name in names):
        for other in [key, *signatures.serving_keys(model.signatures)]:
            if other is not None:
                more += _nodes_of(model.signatures[other], graph)
    if model.init_op is not None and model.init_op in graph:
        more.append(model.init_op)
    return flatten(graph, list(dict.fromkeys(names)), more, known_ops(model))


def _nodes_of(signature: SignatureDef, graph: Graph) -> list[str]:
    names = [node_name(name) for name in signatures.output_tensors(signature)]
    return [name for name in dict.fromkeys(names) if name in graph]


def _check_tensor(model: Model, flat: Graph, text: str) -> None:
    name, port, control = split_input(text)
    if control or name not in flat:
        raise UnknownNode(model.name, text, "no node of this name" + _meant(model, flat, name))
    dtypes = opdefs.output_dtypes(flat.node(name))
    if dtypes is not None and port >= len(dtypes) and port > 0:
        count = f"{len(dtypes)} output{'' if len(dtypes) == 1 else 's'}"
        raise UnknownNode(model.name, text, f"the node has {count}")


def _meant(model: Model, flat: Graph, name: str) -> str:
    """A half sentence with names like this one; a name of a function's body by the calls of it."""
    try:
        shown = unfold(serving_graph(model), known_ops(model))
    except InspectorError:
        shown = Unfolded(flat)
    called = [node.name for node in shown.graph if node.name.endswith("/" + name)]
    if called:
        more = f" (and {len(called) - 3} more)" if len(called) > 3 else ""
        return f"; did you mean {' or '.join(repr(text) for text in called[:3])}{more}?"
    # The names of the flat graph first: they are what the user sees.
    known = dict.fromkeys(node.name for node in (*shown.graph, *flat, *model.outline))
    return did_you_mean(name, known)


def _clean(node: NodeDef, graph: Graph, keep_devices: bool) -> NodeDef:
    """Without its device, and without a word of nodes that are gone; itself if there is nothing."""
    places = node.attr["_class"].list.s if "_class" in node.attr else ()
    left = [place for place in places if _is_there(place, graph)]
    if len(left) == len(places) and (keep_devices or not node.device):
        return node
    copy = NodeDef()
    copy.CopyFrom(node)
    if not keep_devices:
        copy.device = ""
    if len(left) < len(places):
        copy.attr["_class"].list.s[:] = left
        if not left:
            del copy.attr["_class"]
    return copy


def _is_there(place: bytes, graph: Graph) -> bool:
    name = place.removeprefix(_COLOCATE).decode(errors="replace")
    return not place.startswith(_COLOCATE) or name in graph


def _sizes(model: Model, graph: Graph) -> dict[str, int]:
    size = graph.byte_size()
    return {"graph": size, "variables": 0, "assets": 0, "total": size}


def _notes(frozen: Frozen) -> list[str]:
    count = len(frozen.variables)
    notes = [f"Froze {count} variable{'' if count == 1 else 's'}."]
    notes += [f"'{name}' stays a variable: {why}." for name, why in frozen.kept.items()]
    if frozen.init_op is not None:
        names = [f"'{name}'" for name in frozen.tables[:5]]
        names += [f"{len(frozen.tables) - 5} more"] if len(frozen.tables) > 5 else []
        fills = f": it fills {', '.join(names)}" if names else ""
        notes.append(f"The init op '{frozen.init_op}' must run once before the first run{fills}.")
    return notes
