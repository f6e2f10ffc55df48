"""Which nodes are a model's outputs? Ranked suggestions, each with its reason.

Signature outputs come first. Where a graph has no signature, the nodes that nothing needs any more
are looked at, after taking away what a person would not look at either: gradients, optimisers,
saving, summaries, losses, metrics, and all that depends on the labels.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from inspector.analysis import leaves
from inspector.analysis.dependencies import sources_of
from inspector.analysis.inference_part import (
    DECISIONS,
    FEEDS,
    HEADS,
    NOT_INFERENCE,
    SUPPLYING,
    Part,
    taking_part,
)
from inspector.analysis.losses import LAYERS, Losses
from inspector.analysis.saving import only_saves
from inspector.graph import tensors
from inspector.graph.columns import Columns, Mask
from inspector.graph.control_flow import inside, inside_frames
from inspector.graph.functions import Library
from inspector.graph.graph import Graph, node_name, split_input
from inspector.graph.op_sets import SHAPE_READERS
from inspector.graph.protos import DTypeEnum, OpDef, SignatureDef
from inspector.model.model import Model
from inspector.model.signatures import tensors_of
from inspector.printing.short_record import ShortRecord
from inspector.text import some

LIMIT = 20
"""Most suggestions given; a person reads no more."""

INIT_SIGNATURE = "__saved_model_init_op"

_OF_GRAPH: WeakKeyDictionary[Graph, list[Suggestion]] = WeakKeyDictionary()
_LOGITS = re.compile(r"logit", re.I)
_START_OF_STATE = re.compile(
    r"(?:^|/)\w*(?:zero_?state|initial_?state|checked_cell_state)(?:_\d+)?(?:/|$)", re.I
)
"""Names of what a recurrent layer starts from."""
_CALLED_OUTPUT = re.compile(
    r"outputs?|predictions?|preds?|logits|prob(?:abilitie)?s|embeddings?|scores|y_hat"
    r"|detection_(?:boxes|scores|classes|masks|keypoints)|num_detections",
    re.I,
)


@dataclass(frozen=True, repr=False)
class Suggestion(ShortRecord):
    """A node that is likely an output.

    Attributes:
        name: Of the node, with ``:k`` for port k > 0.
        why: The reason, as a clause.
        inputs: The placeholders that it depends on, sorted. `suggest` fills them in.
    """

    name: str
    why: str
    inputs: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As in the JSON of ``describe``."""
        return {"name": self.name, "why": self.why, "inputs": list(self.inputs)}


def suggest(model: Model) -> list[Suggestion]:
    """The likely outputs of a model, best first, at most `LIMIT`; none where nothing is to run."""
    suggestions = _of_signatures(model.signatures, model.signature)
    listed = model.listed_outputs()
    if model.signature is None:
        suggestions.sort(key=lambda item: item.name not in listed)
    suggestions += [Suggestion(name, "output of the model") for name in listed]
    if not suggestions and model.holds_ops and not only_saves(model.outline, model.init_op):
        suggestions = of_graph(model.outline)
    names: set[str] = set()
    unique = []
    for item in suggestions:
        if item.name not in names:
            names.add(item.name)
            unique.append(item)
    return _with_inputs(model, unique[:LIMIT])


def _with_inputs(model: Model, items: list[Suggestion]) -> list[Suggestion]:
    """The suggestions with their inputs; without placeholders the reason says what feeds them."""
    if not items:
        return []
    names = [item.name for item in items]
    supplying = frozenset(filter(SUPPLYING.fullmatch, model.outline.columns().ops))
    suppliers = sources_of(model, names, supplying) if supplying else [[] for _ in names]
    fed = sources_of(model, names, FEEDS)
    completed = []
    for item, inputs, fed_by in zip(items, fed, suppliers, strict=True):
        reason = f", fed by {some(fed_by)}" if fed_by and not inputs else ""
        completed.append(replace(item, why=item.why + reason, inputs=tuple(inputs)))
    return completed


def of_graph(graph: Graph) -> list[Suggestion]:
    """Suggestions for a graph without signatures, from its structure and names."""
    if graph not in _OF_GRAPH:
        _OF_GRAPH[graph] = _of_graph(graph)
    return _OF_GRAPH[graph]


def _of_graph(graph: Graph) -> list[Suggestion]:
    ranking = _ranking(graph)
    columns = ranking.columns
    ranked = [
        ranking.of(at)
        for at in sorted(ranking.candidates)
        if columns.index[columns.names[at]] == at
    ]
    ranked.sort(key=lambda item: item[0])
    # A value inside of a loop exists once a turn: no run can fetch it.
    names = [node_name(item.name) for _, items in ranked for item in items]
    looped = inside_frames(graph, dict.fromkeys(names))
    return [item for _, items in ranked for item in items if node_name(item.name) not in looped]


_Rank = tuple[int, int, int, bool, int]


@dataclass
class _Ranking:
    """Which nodes of a graph may be outputs, and how likely each is.

    Attributes:
        last: Per node, whether no node reads it that takes part in a prediction.
        scores: Per node, the same where decisions do not count as readers.
        heads: Per node, whether it is a softmax or sigmoid with no weights after it.
        named: Per node, whether its name says that it is an output.
        layers: Ends of trained layers, and nodes that are compared with one another.
        scored: See `_scored`.
        learned: See `_learned`.
        judging: Per node, whether it is behind layers that judge an answer; empty for none.
        detections: See `leaves.detections`.
        ports: Kind of node to `leaves.ports`, of the kinds that were looked at.
    """

    columns: Columns
    signatures: Mapping[str, OpDef]
    losses: Losses
    candidates: set[int]
    last: Mask
    scores: Mask
    heads: Mask
    named: Mask
    layers: set[int]
    scored: set[int]
    learned: Mask | None
    judging: bytearray
    detections: Mapping[int, int]
    ports: dict[int, list[tuple[int, DTypeEnum | None]]] = field(default_factory=dict)

    def of(self, at: int) -> tuple[_Rank, list[Suggestion]]:
        """The rank of a node, the lowest the likeliest, and its outputs; none of what is none."""
        columns, name = self.columns, self.columns.names[at]
        if at in self.losses.judged:
            why = "what other layers judge, which the training of this leaves alone"
            return (-1, 0, leaves.hint(name), False, -at), [Suggestion(name, why)]
        if at in self.detections:
            why = "an output of an object detector"
            return (0, -1, self.detections[at], False, -at), [Suggestion(name, why)]
        outputs = self._outputs(at)
        kind, hint = min((kind for kind, _ in outputs), default=0), leaves.hint(name)
        suggestions = [item for _, item in outputs]
        if outputs and self.last[at] and leaves.is_picture(columns, at):
            kind, hint = 0, -1
            suggestions = [Suggestion(name, "last node, a picture")]
        # Where two are equally likely the one that no training reads comes first, then the later
        # node: outputs are made last.
        # What no trained weight is in was not learned here: a teacher, a target network.
        is_learned = self.learned is None or self.learned[at]
        aside = 1 if (self.judging and self.judging[at]) or not is_learned else 0
        if _START_OF_STATE.search(name):
            aside = 2
        return (aside, kind, hint, bool(columns.readers(at)), -at), suggestions

    def _outputs(self, at: int) -> list[tuple[int, Suggestion]]:
        """The outputs of a node, each with its kind; none where the node is no candidate at all."""
        columns, last = self.columns, bool(self.last[at])
        if not (self.scores[at] or self.heads[at] or self.named[at] or at in self.layers):
            return []
        name, outputs = columns.names[at], []
        number = int(columns.kind[at])
        ports = self.ports.get(number)
        if ports is None:
            ports = self.ports[number] = leaves.ports(columns.kinds[number], self.signatures)
        for port, dtype in ports:
            head = leaves.head_behind(columns, at, port) if last or self.heads[at] else ""
            kind, why = self._kind(at, dtype, head)
            outputs.append((kind, Suggestion(f"{name}:{port}" if port else name, why)))
        return outputs

    def _kind(self, at: int, dtype: DTypeEnum | None, head: str) -> tuple[int, str]:
        """The kind of one output of a node, 0 the likeliest, and a sentence with the reason."""
        last, scores = bool(self.last[at]), bool(self.scores[at])
        kind, why = leaves.rank(self.columns.op_of(at), dtype, last, scores and not last, head)
        if at in self.scored or (last and self.named[at]):
            kind = min(kind, 1)
        elif at in self.losses.towers and kind > 1:
            kind, why = 1, "compared with what the same weights make of another input"
        elif at in self.layers and not last and kind > 3:
            kind, why = 3, "what the last layer gives"
        if last and kind == leaves.PLAIN and leaves.leaves_loop(self.columns, at):
            kind += 2
            why = why.replace("last node", "what a loop leaves and nothing reads", 1)
        return kind, why


def _ranking(graph: Graph) -> _Ranking:
    columns = graph.columns()
    part = taking_part(columns)
    idle = np.frombuffer(part.idle, np.bool_)
    last, scores = leaves.ends(columns, idle, ()), leaves.ends(columns, idle, DECISIONS)
    weighty = columns.first[columns.of_ops(filter(LAYERS.fullmatch, columns.ops))]
    into = (columns.data(node) for node in weighty.tolist() if not part.idle[node])
    inner = columns.needed(at for sources in into for at in sources if at < len(columns))
    heads = columns.of_ops(HEADS) & ~np.frombuffer(inner, np.bool_)
    called = {key: _CALLED_OUTPUT.fullmatch(key) is not None for key in set(part.keys)}
    named = np.fromiter(map(called.__getitem__, part.keys), np.bool_, len(columns))
    taken = part.fed & ~idle & ~inside(columns)
    losses = part.losses
    layers = losses.ends | losses.towers
    candidates = set(np.flatnonzero(taken & (scores | heads | named)).tolist())
    candidates |= {at for at in layers if taken[at]} | losses.judged
    learned = _learned(columns, part)
    if not candidates and learned is not None:
        # Nothing is made of what is fed: then it is the weights that are learned, as embeddings.
        candidates = set(np.flatnonzero(learned & last & ~idle).tolist())
    return _Ranking(
        columns=columns,
        signatures=Library(graph.library).signatures,
        losses=losses,
        candidates=candidates,
        last=last,
        scores=scores,
        heads=heads,
        named=named,
        layers=layers,
        scored=_scored(columns, part),
        learned=learned,
        judging=columns.behind(losses.judges) if losses.judges else bytearray(),
        detections=leaves.detections(columns, candidates),
    )


def _learned(columns: Columns, part: Part) -> Mask | None:
    """Per node, whether trained weights are in it; a shape or a check holds none of what they are.

    None where nothing is trained.
    """
    if not part.losses.trained:
        return None
    stop = columns.where(SHAPE_READERS | {"Assert", "NoOp"})
    return np.frombuffer(columns.behind(part.losses.trained, stop), np.bool_)[: len(columns)]


def _scored(columns: Columns, part: Part) -> set[int]:
    """The results of the comparison of towers from which the labels are subtracted as they are."""
    if not part.losses.towers or not part.labels:
        return set()
    compared = np.frombuffer(columns.behind(part.losses.towers), np.bool_)
    labelled = np.frombuffer(columns.behind(part.labels), np.bool_)
    results: set[int] = set()
    for at in columns.where(("Sub", "SquaredDifference")):
        if compared[at] and labelled[at]:
            sides = columns.data(at)
            if any(labelled[side] and not compared[side] for side in sides):
                results.update(side for side in sides if compared[side] and not labelled[side])
    return results


def _of_signatures(
    signatures: dict[str, SignatureDef], chosen: str | None = None
) -> list[Suggestion]:
    keys = [key for key in signatures if key != INIT_SIGNATURE and not key.startswith("__")]
    first = ("serving_default", "predict", "classification", "regression")

    def order(key: str) -> tuple[bool, bool, int, str]:
        is_training = NOT_INFERENCE.search(key) is not None or key == "eval"
        return (key != chosen, is_training, first.index(key) if key in first else len(first), key)

    suggestions = []
    for key in sorted(keys, key=order):
        outputs = signatures[key].outputs
        for name in sorted(
            outputs, key=lambda name: (*_rank_output(name, outputs[name].dtype), name)
        ):
            for tensor in tensors_of(outputs[name])[:1]:
                suggestions.append(Suggestion(str(split_input(tensor)), f"signature {key}: {name}"))
    return suggestions


def _rank_output(key: str, dtype: int) -> tuple[int, int]:
    name = tensors.dtype_name(dtype)
    if not name.startswith(("float", "bfloat")):
        return (3, 0)
    if _LOGITS.search(key):
        return (2, 0)
    hint = leaves.hint(key)
    return (0, hint) if hint < leaves.NO_HINT else (1, 0)
