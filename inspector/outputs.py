"""Which nodes are a model's outputs? Ranked suggestions, each with its reason.

Signature outputs come first. Where a graph has no signature, the nodes that nothing needs any more
are looked at, after taking away what a person would not look at either: gradients, optimisers,
saving, summaries, losses, metrics, and all that depends on the labels.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import asdict, dataclass

import numpy as np

from inspector import opdefs, tensors
from inspector.columns import Columns, Mask
from inspector.flattening import inside_frames
from inspector.graph import Graph, split_input
from inspector.losses import LAYERS
from inspector.model import Model
from inspector.prediction_part import DECISIONS, HEADS, NOT_INFERENCE, Part, taking_part
from inspector.protos import NodeDef, SignatureDef
from inspector.saving import only_saves
from inspector.signatures import tensors_of

LIMIT = 20
"""Most suggestions given; a person reads no more."""

INIT_SIGNATURE = "__saved_model_init_op"

# What a signature key or a node's last name part says about a float output, best first.
_HINTS = (
    re.compile(r"prob", re.I),
    re.compile(r"softmax|sigmoid", re.I),
    re.compile(r"score|logistic", re.I),
    re.compile(r"predict|output|result|y_hat|detection", re.I),
)
_LOGITS = re.compile(r"logit", re.I)
_PASSING = {"Identity", "Reshape", "Squeeze", "ExpandDims", "StridedSlice", "StopGradient", "Cast"}
_PLAIN = 2
"""The kind of a last node of which nothing more is known."""
_LEAVING = re.compile(r"Exit|RefExit|TensorArray(?:Gather|Concat|Read)(?:V2|V3)?|TensorListStack")
_JOINING = ("Merge", "RefMerge")
_LOOP_OPS = {"Exit", "Switch", "Enter", "NextIteration", "LoopCond", "TensorArrayV3"}
_CALLED_OUTPUT = re.compile(
    r"outputs?|predictions?|preds?|logits|prob(?:abilitie)?s|embeddings?|scores|y_hat", re.I
)
_REDUCTIONS = {"Mean", "Sum", "Max", "Min", "Prod", "All", "Any", "Neg", "Pow", "Square", "Sub"}


@dataclass(frozen=True)
class Suggestion:
    """A node that is likely an output (``name``, with ``:k`` for port k > 0), and why."""

    name: str
    why: str

    def to_dict(self) -> dict[str, str]:
        """As in the JSON of ``describe``."""
        return asdict(self)


def suggest(model: Model) -> list[Suggestion]:
    """The likely outputs of a model, best first, at most `LIMIT`; none where nothing is to run."""
    found = _of_signatures(model.signatures, model.signature)
    if model.lite is not None:
        ends = model.lite.ends()[1]  # other subgraphs may have signatures of their own
        if model.signature is None:
            found.sort(key=lambda item: item.name not in ends)
        found += [Suggestion(name, "output of the model") for name in ends]
    elif not found and model.layers is None and not only_saves(model.outline, model.init_op):
        found = of_graph(model.outline)
    names: set[str] = set()
    unique = []
    for item in found:
        if item.name not in names:
            names.add(item.name)
            unique.append(item)
    return unique[:LIMIT]


def of_graph(graph: Graph) -> list[Suggestion]:
    """Suggestions for a graph without signatures, from its structure and names."""
    columns = graph.columns()
    part = taking_part(columns)
    idle = np.frombuffer(part.idle, np.bool_)
    feeds = {columns.names[feed] for feed in part.feeds}
    last, scores = _ends(columns, idle, ()), _ends(columns, idle, DECISIONS)
    weighty = columns.first[columns.of_ops(filter(LAYERS.fullmatch, columns.ops))]
    into = (columns.data(node) for node in weighty.tolist() if not part.idle[node])
    inner = columns.needed(at for sources in into for at in sources if at < len(columns))
    heads = columns.of_ops(HEADS) & ~np.frombuffer(inner, np.bool_)
    called = {key: _CALLED_OUTPUT.fullmatch(key) is not None for key in set(part.keys)}
    named = np.fromiter(map(called.__getitem__, part.keys), np.bool_, len(columns))
    taken = part.fed & ~idle & ~_inside(columns)
    losses, scored = part.losses, _scored(columns, part)
    layers = losses.ends | losses.towers
    found = set(np.flatnonzero(taken & (scores | heads | named)).tolist())
    found |= {at for at in layers if taken[at]} | losses.judged
    learned = _learned(columns, part)
    if not found and learned is not None:
        # Nothing is made of what is fed: then it is the weights that are learned, as embeddings.
        found, feeds = set(np.flatnonzero(learned & last & ~idle).tolist()), set()
    judging = columns.behind(losses.judges) if losses.judges else b""
    behind = f", depends on {_some(feeds)}" if feeds else ""
    ranked: list[tuple[tuple[int, int, int, bool, int], Suggestion]] = []
    for at in sorted(found):
        node, name = columns.kinds[columns.kind[at]], columns.names[at]
        if columns.index[name] != at:
            continue
        if at in losses.judged:
            why = f"what other layers judge, which the training of this leaves alone{behind}"
            ranked.append(((-1, 0, _hint(name), False, -at), Suggestion(name, why)))
            continue
        gives = opdefs.output_dtypes(node, graph.library) != []
        is_last, is_score, is_head = bool(last[at]) and gives, bool(scores[at]) and gives, heads[at]
        if not is_score and not is_head and not named[at] and at not in layers:
            continue
        head = _head_behind(columns, at) if is_last or is_head else ""
        kind, why = _judge(node, is_last, is_score and not is_last, head, behind)
        if at in scored or (is_last and named[at]):
            kind = min(kind, 1)
        elif at in losses.towers and kind > 1:
            kind, why = 1, f"compared with what the same weights make of another input{behind}"
        elif at in layers and not is_last and kind > 3:
            kind, why = 3, f"what the last layer gives{behind}"
        if is_last and kind == _PLAIN and _leaves_loop(columns, at):
            kind += 2
            why = why.replace("last node", "what a loop leaves and nothing reads", 1)
        # Where two are equally likely the one that no training reads comes first, then the later
        # node: outputs are made last.
        # What no trained weight is in was not learned here: a teacher, a target network.
        aside = 1 if (judging and judging[at]) or (learned is not None and not learned[at]) else 0
        rank = (aside, kind, _hint(name), bool(columns.readers(at)), -at)
        ranked.append((rank, Suggestion(name, why)))
    ranked.sort(key=lambda item: item[0])
    # A value inside of a loop exists once a turn: no run can fetch it.
    looped = inside_frames(graph, [item.name for _, item in ranked])
    return [item for _, item in ranked if item.name not in looped]


def _learned(columns: Columns, part: Part) -> Mask | None:
    """Per node, whether trained weights are in it; a shape or a check holds none of what they are.

    None where nothing is trained.
    """
    if not part.losses.trained:
        return None
    stop = columns.where(("Shape", "ShapeN", "Size", "Rank", "Assert", "NoOp"))
    return np.frombuffer(columns.behind(part.losses.trained, stop), np.bool_)[: len(columns)]


def _scored(columns: Columns, part: Part) -> set[int]:
    """The results of the comparison of towers from which the labels are subtracted as they are."""
    if not part.losses.towers or not part.labels:
        return set()
    compared = np.frombuffer(columns.behind(part.losses.towers), np.bool_)
    labelled = np.frombuffer(columns.behind(part.labels), np.bool_)
    found: set[int] = set()
    for at in columns.where(("Sub", "SquaredDifference")):
        if compared[at] and labelled[at]:
            sides = columns.data(at)
            if any(labelled[side] and not compared[side] for side in sides):
                found.update(side for side in sides if compared[side] and not labelled[side])
    return found


def _judge(node: NodeDef, last: bool, scores: bool, head: str, behind: str) -> tuple[int, str]:
    """How likely (0 best) a node is the output, and the sentence that says why."""
    if head and last:
        why = f"last node, {head}" if node.op in HEADS else f"last node, a {head} right before it"
        return 0, why + behind
    if head:
        # What is computed from it, and is no decision, is what the model gives: decoded boxes.
        return 1 if scores else 3, f"{head}, with no weights after it{behind}"
    if scores:
        return 2, f"the scores that an ArgMax or TopK decides on{behind}"
    if not last:
        return 4, f"its name says that it is an output{behind}"
    dtypes = opdefs.output_dtypes(node)
    if not dtypes or node.op in _LOOP_OPS:
        return 4, f"last node{behind}"
    if node.op in _JOINING:
        return 4, f"last node, of one of two branches{behind}"
    name = tensors.dtype_name(dtypes[0] % tensors.REF)
    if node.op in ("ArgMax", "ArgMin"):
        return 3, f"last node, {node.op}{behind}"
    if name.startswith(("float", "bfloat")):
        # A mean or a maximum is more often a figure to look at than the answer.
        return 4 if node.op in _REDUCTIONS else _PLAIN, f"last node{behind}"
    return 4 if name == "bool" or node.op in _REDUCTIONS else 3, f"last node, {name}{behind}"


def _of_signatures(
    signatures: dict[str, SignatureDef], chosen: str | None = None
) -> list[Suggestion]:
    keys = [key for key in signatures if key != INIT_SIGNATURE and not key.startswith("__")]
    first = ("serving_default", "predict", "classification", "regression")

    def order(key: str) -> tuple[bool, bool, int, str]:
        is_training = NOT_INFERENCE.search(key) is not None or key == "eval"
        return (key != chosen, is_training, first.index(key) if key in first else len(first), key)

    found = []
    for key in sorted(keys, key=order):
        outputs = signatures[key].outputs
        for name in sorted(
            outputs, key=lambda name: (*_rank_output(name, outputs[name].dtype), name)
        ):
            for tensor in tensors_of(outputs[name])[:1]:
                found.append(Suggestion(str(split_input(tensor)), f"signature {key}: {name}"))
    return found


def _rank_output(key: str, dtype: int) -> tuple[int, int]:
    name = tensors.dtype_name(dtype)
    if not name.startswith(("float", "bfloat")):
        return (3, 0)
    if _LOGITS.search(key):
        return (2, 0)
    hint = _hint(key)
    return (0, hint) if hint < len(_HINTS) else (1, 0)


def _hint(name: str) -> int:
    last = name.rpartition("/")[2]
    return next((rank for rank, hint in enumerate(_HINTS) if hint.search(last)), len(_HINTS))


def _ends(columns: Columns, idle: Mask, passing: Collection[str]) -> Mask:
    """Per node, whether no reader of it takes part in a prediction.

    Readers of an op in `passing` do not count either.
    """
    reader = columns.first[columns.reader]
    uses = ~(idle | columns.of_ops(passing))[reader] & (reader != columns.source)
    ends = np.ones(len(columns) + len(columns.missing), np.bool_)
    ends[columns.source[uses]] = False
    return ends[: len(columns)]


def _first_source(columns: Columns, node: int) -> int | None:
    """The node of the first tensor that one reads."""
    sources = columns.data(node)
    return sources[0] if sources and sources[0] < len(columns) else None


def _head_behind(columns: Columns, at: int) -> str:
    """``softmax`` or ``sigmoid`` where the node is one, or only reshapes one."""
    for _ in range(10):
        op = columns.op_of(at)
        if op in HEADS:
            return HEADS[op]
        source = _first_source(columns, at) if op in _PASSING else None
        if source is None:
            return ""
        at = source
    return ""


def _inside(columns: Columns) -> Mask:
    """The nodes of TensorFlow 1's loops and branches.

    They have a value for each turn, or none where the other branch is taken: these give no answer.
    """
    exits, inside = ("Exit", "RefExit"), np.zeros(len(columns), np.bool_)
    pairs = ((("Enter", "RefEnter"), exits), (("Switch", "RefSwitch"), (*exits, *_JOINING)))
    for first, last in pairs:
        if starts := columns.where(first):
            found = np.frombuffer(columns.behind(starts, columns.where(last)), np.bool_)
            inside |= found[: len(columns)] & ~columns.of_ops(last)
    return inside


def _leaves_loop(columns: Columns, at: int) -> bool:
    """True for a loop's result as it is. A recurrent layer makes them all, needed or not."""
    for _ in range(10):
        op = columns.op_of(at)
        if _LEAVING.fullmatch(op):
            return True
        source = _first_source(columns, at) if op in _PASSING or op == "Transpose" else None
        if source is None:
            return False
        at = source
    return False


def _some(names: set[str]) -> str:
    listed = sorted(names)
    more = f" and {len(listed) - 3} more" if len(listed) > 3 else ""
    return ", ".join(listed[:3]) + more
