"""What the losses of a training graph train, and what one of them only judges by.

TensorFlow 1 writes the gradient of a loss under a scope of its own, and an op per weight applies
it: so the graph tells which weights each loss moves. Where a loss goes through layers whose weights
it does not move, what comes before them is the answer that is trained, and they judge it: the
discriminator behind a generator, the critic behind an actor, the network of a perceptual loss.

Nodes are numbers of `Columns`.

Source: python/ops/gradients_util.py, python/training/optimizer.py.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from inspector.graph.columns import Columns
from inspector.graph.op_sets import VARIABLES

LAYERS = re.compile(
    r"(?:Sparse)?MatMul|BatchMatMul.*|Conv.*|DepthwiseConv.*|Einsum|.*LSTM.*|.*GRU.*|Quantized(?:MatMul|Conv).*"
)
"""Ops that weights enter the computation by."""

_START = re.compile(r"((?:.*/)?gradients(?:_\d+)?)/(?:grad_ys_\d+|Fill(?:_\d+)?)")
_OF_LOSS = re.compile(r"(?:^|/)gradients(?:_\d+)?/(.+?)_grad/")
_GRADIENT = re.compile(r"((?:.*?/)?gradients(?:_\d+)?)/")
_APPLY = re.compile(r"(?:Resource)?(?:Sparse)?Apply.*")
_HANDS_ON = {
    "Identity", "ReadVariableOp", "Cast", "Enter", "RefEnter", "Switch", "RefSwitch", "Reshape",
    "Transpose", "StopGradient", "RealDiv", "Mul",
}  # fmt: skip
# What is done to an answer before somebody judges it: scaled, joined with what it answers to.
_PREPARING = {
    "Add", "AddV2", "Sub", "Mul", "RealDiv", "ConcatV2", "Concat", "Reshape", "Cast", "Identity",
    "Transpose", "Pad", "MirrorPad", "ResizeBilinear", "ResizeNearestNeighbor", "ResizeBicubic",
    "ReverseV2", "ExpandDims", "Squeeze", "Pack", "StridedSlice", "Slice", "Split", "SplitV",
}  # fmt: skip
_PRODUCTS = ("MatMul", "BatchMatMul", "BatchMatMulV2")
_COMPARING = {"Sub", "SquaredDifference", "Mul", *_PRODUCTS}
_REDUCING = {"Mean", "Sum", "Max", "Min"}
_FINISHING = {
    "BiasAdd", "Add", "AddV2", "Identity", "Reshape", "Squeeze", "ExpandDims", "Transpose",
}  # fmt: skip
_NO_GRADIENT = {"StopGradient", "PreventGradient", "ArgMax", "ArgMin", "Shape", "Size"}
_MOST_LOSSES = 6
_MOST_TOWERS = 100
_MOST_STEPS = 200
"""Nodes between a gradient and the op that applies it: clipping, scaling, averaging."""

Weights = dict[int, set[int]]


@dataclass
class Losses:
    """The training part of a graph; all empty where there is none.

    Attributes:
        starts: Of each loss, the scope of its gradient to the nodes it starts at.
        trained: The variables that gradients are applied to.
        judged: Nodes that layers judge whose weights stay as they are.
        judges: The ops of these layers, also where they are used on something else.
        towers: Nodes that are compared with one another and come from the same weights, used on
            different inputs: the embeddings of a siamese network.
        layers: The ops by which trained variables enter as weights.
        ends: What the last layers give, and more than one node reads.
    """

    starts: dict[str, list[int]] = field(default_factory=dict)
    trained: set[int] = field(default_factory=set)
    judged: set[int] = field(default_factory=set)
    judges: set[int] = field(default_factory=set)
    towers: set[int] = field(default_factory=set)
    layers: set[int] = field(default_factory=set)
    ends: set[int] = field(default_factory=set)


def losses_of(columns: Columns) -> Losses:
    """The losses of a graph that has its gradients in it."""
    losses, names = Losses(), columns.names
    for at in columns.where(("Fill", "Const")):
        if "gradients" in names[at] and (start := _START.fullmatch(names[at])):
            starts = losses.starts.setdefault(start[1], [])
            for reader in columns.readers(at):
                match = _OF_LOSS.search(names[reader])
                if match and (loss := columns.index.get(match[1])) is not None:
                    starts.append(loss)
    moved: dict[str, set[int]] = {}
    for at in columns.where(filter(_APPLY.fullmatch, columns.ops)):
        variable = _sources(columns, at)[:1]
        losses.trained.update(variable)
        moved.setdefault(_scope_of(columns, at), set()).update(variable)
    if not losses.trained:
        return losses
    weights = _weights(columns)
    inner = columns.needed([source for at in weights for source in _sources(columns, at)])
    losses.towers = _towers(columns, weights, inner)
    losses.layers = {at for at, own in weights.items() if own & losses.trained}
    losses.ends = {_end(columns, at) for at in losses.layers if not inner[at]}
    for scope in list(losses.starts)[:_MOST_LOSSES]:
        if moved.get(scope):
            _find_judges(columns, losses.starts[scope], moved[scope], weights, losses)
    return losses


def _sources(columns: Columns, at: int) -> list[int]:
    """The nodes whose tensors a node reads, without missing ones."""
    return [source for source in columns.data(at) if source < len(columns)]


def _forward_readers(columns: Columns, at: int) -> list[int]:
    return [to for to in columns.readers(at) if not _GRADIENT.match(columns.names[to])]


def _scope_of(columns: Columns, apply: int) -> str:
    """The scope of the gradient that an op applies; "" where none is found within a few steps."""
    todo = deque(reversed(_sources(columns, apply)[1:]))
    visited = set(todo)
    for _ in range(_MOST_STEPS):
        if not todo:
            break
        at = todo.popleft()
        if match := _GRADIENT.match(columns.names[at]):
            return match[1]
        for source in columns.sources(at):
            if source < len(columns) and source not in visited:
                visited.add(source)
                todo.append(source)
    return ""


def _weights(columns: Columns) -> Weights:
    """Op of a layer to the variables that are its weights."""
    weights: Weights = {}
    layers = columns.of_ops(filter(LAYERS.fullmatch, columns.ops)).tolist()
    hands_on = columns.of_ops(_HANDS_ON).tolist()
    for variable in columns.where(VARIABLES):
        todo = [variable]
        visited = {variable}
        for at in todo:
            for reader in _forward_readers(columns, at):
                if reader in visited:
                    continue
                visited.add(reader)
                if layers[reader]:
                    weights.setdefault(reader, set()).add(variable)
                elif hands_on[reader] and columns.sources(reader)[0] == at:
                    todo.append(reader)
    return weights


def _towers(columns: Columns, weights: Weights, inner: bytearray) -> set[int]:
    """Both operands of each comparison with no layer downstream."""
    uses: dict[int, list[int]] = {}
    for at, variables in weights.items():
        for variable in variables:
            uses.setdefault(variable, []).append(at)
    shared = dict.fromkeys(at for some in uses.values() if len(some) > 1 for at in some)
    sides: dict[int, set[int]] = {}
    for origin in [at for at in shared if not inner[at]][:_MOST_TOWERS]:
        todo = [origin]
        for at in todo:
            if not inner[at] and len(todo) < _MOST_STEPS and origin not in sides.get(at, ()):
                sides.setdefault(at, set()).add(origin)
                todo += _forward_readers(columns, at)
    towers: set[int] = set()
    for at in columns.where(_PRODUCTS):
        # Each row with each: every pair of a batch is compared.
        read = [] if inner[at] or _GRADIENT.match(columns.names[at]) else _sources(columns, at)
        one = {_not_turned(columns, source) for source in read}
        if len(read) == 2 and len(one) == 1:
            towers |= one
    for at, origins in sides.items():
        if len(origins) < 2 or columns.op_of(at) not in _COMPARING:
            continue
        operands = [source for source in _sources(columns, at) if source in sides]
        if len(operands) == 2 and all(len(sides[source]) == 1 for source in operands):
            (a,), (b,) = (sides[source] for source in operands)
            if a != b and weights[a] & weights[b]:
                towers.update(it for it in operands if columns.op_of(it) not in _REDUCING)
    return towers


def _not_turned(columns: Columns, at: int) -> int:
    sources = _sources(columns, at) if columns.op_of(at) == "Transpose" else []
    return sources[0] if sources else at


def _end(columns: Columns, at: int) -> int:
    """The last of bias and reshaping ops after a layer, up to a node with several consumers."""
    for _ in range(_MOST_STEPS):
        readers = _forward_readers(columns, at)
        if len(readers) != 1 or columns.op_of(readers[0]) not in _FINISHING:
            break
        if columns.sources(readers[0])[0] != at:
            break
        at = readers[0]
    return at


def _find_judges(
    columns: Columns, losses: list[int], moved: set[int], weights: Weights, result: Losses
) -> None:
    """Find the layers between the variables that a loss trains and the loss that stay unchanged."""
    if all(own & moved for own in weights.values()):
        return
    needed = columns.needed(losses)
    moving = _gradient_paths(columns, moved, needed)
    layers = [at for at in weights if at in moving]
    own = [at for at in layers if weights[at] & moved]
    before = columns.needed(own)
    others = [at for at in layers if not weights[at] & moved and not before[at]]
    if not own or not others:
        return
    behind = _gradient_paths(columns, others, needed)
    judges: set[int] = set()
    for at in others:
        for source in _sources(columns, at):
            if source in moving and source not in behind:
                result.judged.add(_unprepared(columns, source, moving))
        judges |= weights[at]
    result.judges.update(at for at, variables in weights.items() if variables <= judges)


def _unprepared(columns: Columns, at: int, moving: set[int]) -> int:
    """The input of a judging layer before its preprocessing: the last node with other consumers.

    Without one, the node that the layer reads.
    """
    chain = [at]
    answer = at
    while len(chain) < _MOST_STEPS:
        read = _sources(columns, chain[-1])
        sources = {source for source in read if source in moving}
        if columns.op_of(chain[-1]) not in _PREPARING or len(sources) != 1:
            break
        (source,) = sources
        others = (other for other in read if other != source)
        if answer == chain[-1] and any(columns.op_of(other) != "Const" for other in others):
            answer = source
        chain.append(source)
    for item in reversed(chain):
        if len([to for to in _forward_readers(columns, item) if to in moving]) > 1:
            return item
    return answer


def _gradient_paths(columns: Columns, starts: Iterable[int], inside: bytearray) -> set[int]:
    """The nodes of `inside` that are in `starts` or downstream of one, as far as gradients pass."""
    todo = [at for at in starts if inside[at]]
    reached = set(todo)
    stop = columns.of_ops(_NO_GRADIENT).tolist()
    while todo:
        for reader in columns.readers(todo.pop()):
            if inside[reader] and reader not in reached and not stop[reader]:
                reached.add(reader)
                todo.append(reader)
    return reached
