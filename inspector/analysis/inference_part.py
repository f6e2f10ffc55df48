"""Which nodes of a graph take part in a prediction, and which train, save, summarise or evaluate.

Told by ops, by what the parts of names say, and by who reads whom.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from inspector.analysis.losses import LAYERS, Losses, losses_of
from inspector.graph import opdefs, tensors
from inspector.graph.columns import Columns, Mask
from inspector.graph.op_sets import PLACEHOLDERS, SHAPE_READERS
from inspector.graph.supplied import SUPPLIERS

FEEDS = PLACEHOLDERS | {"_Arg"}
"""Ops that stand for a fed value; ``_Arg`` in a function that was written as a graph."""

_LABEL = re.compile(
    r"(y|(?:[a-z]+_)?labels?|targets?|ground_?truth(?:_?input)?|gt|y_?true|y_?target|classes?|annotations?)(_ids?)?(_input|_placeholder|_ph)?(_\d+)?",
    re.I,
)
NOT_INFERENCE = re.compile(
    r"(?:^|/)(?:gradients?|[^/]*_grad|save|saver|restore|optimi[sz]er?|optimi[sz]e|train(?:ing)?|train_op"
    r"|adam|adagrad|adadelta|rmsprop|momentum|gradientdescent|ftrl|sgd"
    r"|exponentialmovingaverage|metrics?|summar(?:y|ies)|init|initializer|isinitialized|report_uninitialized[^/]*"
    r"|auc|precision|recall|mean_iou|(?:true|false)_(?:positives|negatives)"
    r"|mean_squared_error|mean_pairwise_squared_error|absolute_difference"
    r"|[^/]*loss|cost|accuracy|xent|[^/]*cross_entropy[^/]*|assert[^/]*)(?:_\d+)?(?:/|$)",
    re.I,
)
_STORING = re.compile(
    r"(?:^|/)(?:save|saver|restore|init|initializer|isinitialized|report_uninitialized[^/]*"
    r"|assert[^/]*)(?:_\d+)?(?:/|$)",
    re.I,
)
"""The parts of `NOT_INFERENCE` that a graph has without being trained."""
_SETTING = re.compile(r"keep_?prob|drop_?(?:out|rate)|phase|is_?train", re.I)
_IDLE_OP = re.compile(
    r"Assign.*|Apply.*|Resource(?:Sparse)?Apply.*|SparseApply.*|ResourceScatter.*|Scatter.*"
    r"|Save.*|Restore.*|MergeV2Checkpoints|ShardedFilename|.*Summary(?:V2)?|NoOp|Assert|Print(?:V2)?"
    r"|VarIsInitializedOp|IsVariableInitialized|InitializeTable.*|LookupTable(?:Import|Insert|Size).*"
    r"|.*Queue.*|ControlTrigger|Const|VariableV2|Variable|VarHandleOp|AutoReloadVariable"
    r"|ReadVariableOp"
    r"|.*Iterator.*|.*Dataset.*|HashTable.*|MutableHashTable.*|Placeholder|PlaceholderV2|_Arg|_Retval"
)
_LOSS_OPS = {
    "SoftmaxCrossEntropyWithLogits", "SparseSoftmaxCrossEntropyWithLogits", "L2Loss",
    "CTCLoss", "CTCLossV2", "InTopK", "InTopKV2",
}  # fmt: skip
SUPPLYING = re.compile(rf"{SUPPLIERS.pattern}|ParseExample.*")
"""Ops that give the examples of a graph that is not fed."""
_SAMPLERS = re.compile(r".*CandidateSampler")
_SHAPE_OPS = SHAPE_READERS | {"Fill", "OnesLike", "ZerosLike", "Assert"}
HEADS = {"Softmax": "softmax", "Sigmoid": "sigmoid"}
DECISIONS = {"ArgMax", "ArgMin", "TopK", "TopKV2"}
_ITERATING = re.compile(r".*Iterator.*|.*Dataset.*")
_WRITING = re.compile(r"Assign.*|Scatter.*|ResourceScatter.*")
_IN_LOSS = re.compile(r"(?:^|/)(?:[^/]*loss|cost)(?:_\d+)?/", re.I)
_LOSS_STEPS = {"Log", "Neg", "Reciprocal", "Inv"}
# How numbers become one loss, and what is summed or averaged to such a number.
_SCALAR_STEPS = {"Add", "AddV2", "AddN", "Sub", "Mul", "RealDiv", "Neg", "Identity", "Cast"}
_ENDS_OF_LOSS = {"Mean", "Sum", "L2Loss"}
_MOST_STEPS = 10
_DEEP = 64
"""Slashes of a scope beyond which the scopes around it are not remembered."""
_ERROR_STEPS = {"Neg", "Sub", "Square", "Pow", "SquaredDifference", "Abs", "Log", "Sum", "Mean"}


@dataclass(frozen=True)
class Part:
    """Nodes by their number.

    Attributes:
        feeds: The placeholders that a prediction is made from, or what gives examples.
        labels: The placeholders that training alone needs.
        fed: Per node, whether it depends on one of these; all nodes where there are none.
        idle: Per node, 1 where it takes no part in a prediction.
        losses: What training says.
        keys: Per node, the last part of its name, digits at its end as ``0``.
    """

    feeds: set[int]
    labels: set[int]
    fed: Mask
    idle: bytearray
    losses: Losses
    keys: list[str]


def taking_part(columns: Columns) -> Part:
    """What of a graph takes part in a prediction."""
    keys, training = _training(columns)
    losses = losses_of(columns)
    feeds, labels = _feeds(columns, losses, training)
    fed = np.ones(len(columns), np.bool_)
    if feeds:
        fed = np.frombuffer(columns.behind(feeds), np.bool_)[: len(columns)]
    return Part(feeds, labels, fed, _idle(columns, losses, labels, training), losses, keys)


def _feeds(columns: Columns, losses: Losses, training: bytearray) -> tuple[set[int], set[int]]:
    """The placeholders of the inputs of a prediction, and those of the labels.

    Only a graph with training ops has labels: placeholders of such a name, and those that reach no
    weights while another does. What a trained layer needs is a feed, whatever its name: a decoder
    is given the words before the one it shall say. A placeholder whose default is computed, out of
    a queue or by other layers, is as good as one without; a constant default may be a mere setting,
    and so are flags and the rate of a dropout after the last weights.
    """
    into_layers = columns.needed(losses.layers)
    feeds, labels, settings = set(), set(), set()
    for at in columns.where(FEEDS):
        name = columns.names[at]
        if name.startswith("saver_filename"):
            continue
        if not into_layers[at] and _LABEL.fullmatch(name.rpartition("/")[2]):
            labels.add(at)
        elif _has_constant_default(columns, at):
            settings.add(at)
        else:
            feeds.add(at)
    if not _is_trained(columns, training):
        return feeds | labels, set()
    weighty = columns.where(filter(LAYERS.fullmatch, columns.ops))
    walls = [at for at, is_training in enumerate(training) if is_training]
    needed = columns.needed([at for at in weighty if not training[at]], walls)
    used = {feed for feed in feeds if needed[feed]}
    if used:
        return used, labels | {at for at in feeds - used if not _is_setting(columns, at)}
    # The examples come through a queue or a data set; placeholders fill it, or set a rate.
    supplied = {at for at in columns.where(filter(SUPPLYING.fullmatch, columns.ops)) if needed[at]}
    if supplied:
        return supplied, labels | feeds
    if not feeds:
        # The one feed may be called y, and then it is no label.
        for some in (labels, settings):
            used = {feed for feed in some if needed[feed]}
            if used:
                return used, labels - used
        return labels, set()
    return feeds, labels


def _is_trained(columns: Columns, training: bytearray) -> bool:
    if any(op in _LOSS_OPS or "Apply" in op for op in columns.ops):
        return True
    return any(
        is_training and not _STORING.search(columns.names[at])
        for at, is_training in enumerate(training)
    )


def _is_setting(columns: Columns, at: int) -> bool:
    """True for a flag, and for a placeholder that is named like the rate of a dropout."""
    dtype = opdefs.attr(columns.kinds[columns.kind[at]], "dtype")
    is_flag = dtype is not None and dtype.type == tensors.BOOL
    return is_flag or _SETTING.search(columns.names[at].rpartition("/")[2]) is not None


def _has_constant_default(columns: Columns, at: int) -> bool:
    """True for a PlaceholderWithDefault whose default is a Const, or missing."""
    for _ in range(_MOST_STEPS):
        if columns.op_of(at) not in ("PlaceholderWithDefault", "Identity"):
            break
        sources = columns.data(at)
        if not sources or sources[0] >= len(columns):
            return True
        at = sources[0]
    return columns.op_of(at) == "Const"


def _training(columns: Columns) -> tuple[list[str], bytearray]:
    """The last part of each name, see `Part`; which names belong to training or saving.

    `NOT_INFERENCE` matches one part of a name, whatever number is at its end, so each part is
    searched once.
    """
    scopes: dict[str, bool] = {"": False}
    parts: dict[str, bool] = {}

    def key_of(part: str) -> str:
        stem = part.rstrip("0123456789")
        return part if stem == part else stem + "0"

    def says(key: str) -> bool:
        is_training = parts.get(key)
        if is_training is None:
            is_training = parts[key] = NOT_INFERENCE.search(key) is not None
        return is_training

    def scope_says(scope: str) -> bool:
        if scope.count("/") > _DEEP:
            return any(map(says, map(key_of, scope.split("/"))))
        # From the outermost scope that is not known yet, each with what the one around it says.
        inner: list[str] = []
        while scope and scope not in scopes:
            inner.append(scope)
            scope = scope.rpartition("/")[0]
        is_training = scopes.get(scope, False)
        for path in reversed(inner):
            is_training = scopes[path] = is_training or says(key_of(path.rpartition("/")[2]))
        return is_training

    keys: list[str] = []
    training = bytearray(len(columns))
    key_of_last: dict[str, str] = {}
    for at, name in enumerate(columns.names):
        scope, _, last = name.rpartition("/")
        is_training = scopes.get(scope)
        if is_training is None:
            is_training = scope_says(scope)
        key = key_of_last.get(last)
        if key is None:
            key = key_of_last[last] = key_of(last)
        keys.append(key)
        if is_training or says(key):
            training[at] = 1
    return keys, training


def _idle(columns: Columns, losses: Losses, labels: set[int], training: bytearray) -> bytearray:
    """The nodes that take no part in a prediction, and nodes that only such nodes read."""
    idle = bytearray(training)
    ops = {op for op in columns.ops if _IDLE_OP.fullmatch(op) or op in _SHAPE_OPS}
    for at in columns.where(ops):
        idle[at] = 1
    # The head of a network may stand in the scope where its loss is computed.
    for at in columns.where((*HEADS, "BiasAdd")):
        name = columns.names[at]
        if _IN_LOSS.search(name) and not NOT_INFERENCE.search(_IN_LOSS.sub("/", name)):
            idle[at] = 0
    samplers = columns.where(filter(_SAMPLERS.fullmatch, columns.ops))
    behind = columns.behind([*columns.where(_LOSS_OPS), *labels, *samplers, *_entropies(columns)])
    reached = [at for at, is_behind in enumerate(behind) if is_behind]
    for at in reached:
        idle[at] = 1
    steps = _Steps(columns, idle)
    # What leads to a scalar summary or an assertion alone (a fraction of zeros) goes with it.
    steps.absorb(columns.where(("ScalarSummary", "Assert")), except_for=losses.towers)
    # What a sampled loss samples next to are the labels.
    steps.absorb(samplers)
    # And what a loss is computed by.
    steps.absorb(reached, _LOSS_STEPS)
    steps.absorb(steps.ends_of(losses), _ERROR_STEPS)
    # And what a data set is made from.
    steps.absorb(columns.where(filter(_ITERATING.fullmatch, columns.ops)))
    # What is computed to be written into a variable: new centroids, running means.
    steps.absorb(columns.where(filter(_WRITING.fullmatch, columns.ops)))
    return idle


def _entropies(columns: Columns) -> list[int]:
    """The products of a value and its own logarithm."""
    return [
        reader
        for log in columns.where(("Log",))
        for reader in columns.readers(log)
        if columns.op_of(reader) == "Mul" and {*columns.data(reader)} == {log, *columns.data(log)}
    ]


@dataclass
class _Steps:
    """Walks upstream from nodes that take no part in a prediction; writes to `idle`."""

    columns: Columns
    idle: bytearray

    def ends_of(self, losses: Losses) -> list[int]:
        """Mark the nodes from the losses upstream to their sums and means, and return these."""
        columns, idle = self.columns, self.idle
        todo = [loss for starts in losses.starts.values() for loss in starts]
        ends, visited = [], set(todo)
        while todo:
            loss = todo.pop()
            op = columns.op_of(loss)
            if op not in _SCALAR_STEPS | _ENDS_OF_LOSS:
                continue
            idle[loss] = 1
            if op in _ENDS_OF_LOSS:
                ends.append(loss)
                continue
            for source in columns.data(loss):
                if (
                    source < len(columns)
                    and source not in visited
                    and self._is_read_by_idle(source)
                ):
                    visited.add(source)
                    todo.append(source)
        return ends

    def absorb(
        self, todo: list[int], ops: Collection[str] | None = None, except_for: Collection[int] = ()
    ) -> None:
        """Mark nodes upstream of `todo` that only idle nodes read, up to the outputs of layers.

        Args:
            ops: Mark only nodes of these ops.
            except_for: Nodes that are not marked.
        """
        columns, idle = self.columns, self.idle
        stop = columns.of_ops(
            op
            for op in columns.ops
            if op in HEADS
            or LAYERS.fullmatch(op)
            or op == "BiasAdd"
            or op in DECISIONS
            or (ops is not None and op not in ops)
        )
        while todo:
            for source in columns.data(todo.pop()):
                if (
                    source < len(columns)
                    and not idle[source]
                    and not stop[source]
                    and source not in except_for
                    and self._is_read_by_idle(source)
                ):
                    idle[source] = 1
                    todo.append(source)

    def _is_read_by_idle(self, source: int) -> bool:
        return all(map(self.idle.__getitem__, self.columns.readers(source)))
