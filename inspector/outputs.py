"""Which nodes are a model's outputs? Ranked suggestions, each with its reason.

Signature outputs come first. Where a graph has no signature, the nodes that nothing needs any more
are looked at, after taking away what a person would not look at either: gradients, optimisers,
saving, summaries, losses, metrics, and all that depends on the labels.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import asdict, dataclass

from inspector import opdefs, tensors
from inspector.flattening import inside_frames
from inspector.graph import Graph, data_inputs, node_name, split_input
from inspector.model import Model
from inspector.protos import NodeDef, SignatureDef
from inspector.saving import only_saves
from inspector.signatures import tensors_of

LIMIT = 20
"""Most suggestions given; a person reads no more."""

INIT_SIGNATURE = "__saved_model_init_op"

_PLACEHOLDERS = ("Placeholder", "PlaceholderV2", "PlaceholderWithDefault", "_Arg")

# What a signature key or a node's last name part says about a float output, best first.
_HINTS = (
    re.compile(r"prob", re.I),
    re.compile(r"softmax|sigmoid", re.I),
    re.compile(r"score|logistic", re.I),
    re.compile(r"predict|output|result|y_hat|detection", re.I),
)
_LOGITS = re.compile(r"logit", re.I)
_LABEL = re.compile(
    r"(y|labels?|targets?|ground_?truth|gt|y_?true|y_?target|classes?|annotations?)(_input|_placeholder|_ph)?(_\d+)?",
    re.I,
)
_NOT_INFERENCE = re.compile(
    r"(?:^|/)(?:gradients?|[^/]*_grad|save|saver|restore|optimi[sz]er?|optimi[sz]e|train(?:ing)?|train_op"
    r"|adam|adagrad|adadelta|rmsprop|momentum|gradientdescent|ftrl|sgd"
    r"|exponentialmovingaverage|metrics?|summar(?:y|ies)|init|initializer|isinitialized|report_uninitialized[^/]*"
    r"|[^/]*loss|cost|accuracy|xent|[^/]*cross_entropy[^/]*|assert[^/]*)(?:_\d+)?(?:/|$)",
    re.I,
)
_IDLE_OP = re.compile(
    r"Assign.*|Apply.*|Resource(?:Sparse)?Apply.*|SparseApply.*|ResourceScatter.*|Scatter.*"
    r"|Save.*|Restore.*|MergeV2Checkpoints|ShardedFilename|.*Summary(?:V2)?|NoOp|Assert|Print(?:V2)?"
    r"|VarIsInitializedOp|IsVariableInitialized|InitializeTable.*|LookupTable(?:Import|Insert|Size).*"
    r"|.*Queue.*|ControlTrigger|Const|VariableV2|Variable|VarHandleOp|AutoReloadVariable"
    r"|HashTable.*|MutableHashTable.*|Placeholder|PlaceholderV2|_Arg|_Retval"
)
_LOSS_OPS = {
    "SoftmaxCrossEntropyWithLogits", "SparseSoftmaxCrossEntropyWithLogits", "L2Loss",
    "CTCLoss", "CTCLossV2", "InTopK", "InTopKV2",
}  # fmt: skip
_SHAPE_OPS = {"Fill", "OnesLike", "ZerosLike", "Shape", "ShapeN", "Size", "Rank", "Assert"}
_HEADS = {"Softmax": "softmax", "Sigmoid": "sigmoid"}
_DECISIONS = {"ArgMax", "ArgMin", "TopK", "TopKV2"}
_PASSING = {"Identity", "Reshape", "Squeeze", "ExpandDims", "StridedSlice", "StopGradient", "Cast"}
_WRITING = re.compile(r"Assign.*|Scatter.*|ResourceScatter.*")
_PLAIN = 2
"""The kind of a last node of which nothing more is known."""
_LEAVING = re.compile(r"Exit|RefExit|TensorArray(?:Gather|Concat|Read)(?:V2|V3)?|TensorListStack")
_LOOP_OPS = {"Exit", "Switch", "Enter", "NextIteration", "LoopCond", "TensorArrayV3"}
_WEIGHTY = re.compile(
    r"(?:Sparse)?MatMul|BatchMatMul.*|Conv.*|DepthwiseConv.*|Einsum|.*LSTM.*|.*GRU.*|Quantized(?:MatMul|Conv).*"
)
_CALLED_OUTPUT = re.compile(
    r"outputs?|predictions?|preds?|logits|prob(?:abilitie)?s|embeddings?|scores|y_hat", re.I
)
_IN_LOSS = re.compile(r"(?:^|/)(?:[^/]*loss|cost)(?:_\d+)?/", re.I)
_REDUCTIONS = {"Mean", "Sum", "Max", "Min", "Prod", "All", "Any", "Neg", "Pow", "Square", "Sub"}
_LOSS_STEPS = {"Log", "Neg"}
# How numbers become one loss, and what is summed or averaged to such a number.
_SCALAR_STEPS = {"Add", "AddV2", "AddN", "Sub", "Mul", "RealDiv", "Neg", "Identity", "Cast"}
_ENDS_OF_LOSS = {"Mean", "Sum", "L2Loss"}
_ERROR_STEPS = {"Neg", "Sub", "Square", "Pow", "SquaredDifference", "Abs", "Log", "Sum", "Mean"}
_START_OF_GRADIENT = re.compile(r"(?:^|/)gradients(?:_\d+)?/(?:grad_ys_\d+|Fill(?:_\d+)?)$")
_GRADIENT_OF = re.compile(r"(?:^|/)gradients(?:_\d+)?/(.+?)_grad/")


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
    training = _training(graph)
    feeds, labels = _feeds(graph, training)
    idle = _idle(graph, labels, training)
    fed = graph.descendants(feeds) if feeds else {node.name for node in graph}
    weighty = {op for op in graph.op_counts() if _WEIGHTY.fullmatch(op)}
    inner = graph.ancestors(
        text
        for node in graph
        if node.op in weighty and node.name not in idle
        for text in map(node_name, data_inputs(node))
    )
    in_loops = _inside_loops(graph)
    ranked: list[tuple[tuple[int, int, bool, int], Suggestion]] = []
    for position, node in enumerate(graph):
        if node.name in idle or node.name not in fed or node.name in in_loops:
            continue
        last = _is_last(graph, node, idle)
        scores = not last and _is_last(graph, node, idle, _DECISIONS)
        head = _head_behind(graph, node)
        is_head = node.op in _HEADS and node.name not in inner
        is_named = _CALLED_OUTPUT.fullmatch(node.name.rpartition("/")[2]) is not None
        if not last and not is_head and not scores and not is_named:
            continue
        kind, why = _judge(node, last, scores, head if last or is_head else "", feeds)
        if last and kind == _PLAIN and _leaves_loop(graph, node):
            kind += 2
            why = why.replace("last node", "what a loop leaves and nothing reads", 1)
        # Where two are equally likely the one that no training reads comes first, then the later
        # node: outputs are made last.
        is_read = any(True for _ in graph.consumers(node.name))
        rank = (kind, _hint(node.name), is_read, -position)
        ranked.append((rank, Suggestion(node.name, why)))
    ranked.sort(key=lambda item: item[0])
    # A value inside of a loop exists once a turn: no run can fetch it.
    looped = inside_frames(graph, [item.name for _, item in ranked])
    return [item for _, item in ranked if item.name not in looped]


def _judge(node: NodeDef, last: bool, scores: bool, head: str, feeds: set[str]) -> tuple[int, str]:
    """How likely (0 best) a node is the output, and the sentence that says why."""
    behind = f", depends on {_some(feeds)}" if feeds else ""
    if head and last:
        why = f"last node, {head}" if node.op in _HEADS else f"last node, a {head} right before it"
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
        is_training = _NOT_INFERENCE.search(key) is not None or key == "eval"
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


def _feeds(graph: Graph, training: set[str]) -> tuple[set[str], set[str]]:
    """The placeholders a prediction is made from, and those that hold the labels.

    Only a graph with training ops has labels: placeholders of such a name, and those that reach no
    weights while another does.
    """
    feeds, labels = set(), set()
    for node in graph:
        if node.op not in _PLACEHOLDERS or node.name.startswith("saver_filename"):
            continue
        if _LABEL.fullmatch(node.name.rpartition("/")[2]):
            labels.add(node.name)
        elif node.op != "PlaceholderWithDefault":
            feeds.add(node.name)
    if not _has_training(graph, training):
        return feeds | labels, set()
    if not feeds:  # The one feed is called y: then it is no label.
        return labels, set()
    weighty = [
        node.name for node in graph if node.name not in training and _WEIGHTY.fullmatch(node.op)
    ]
    used = graph.ancestors(weighty, stop=training) & feeds
    return (used, labels | feeds - used) if used else (feeds, labels)


def _training(graph: Graph) -> set[str]:
    """The nodes whose names say that they train, save, sum up or initialise.

    `_NOT_INFERENCE` speaks of one part of a name, so each part is looked at once.
    """
    known: dict[str, bool] = {}
    found = set()
    for node in graph:
        name = node.name
        for part in name.split("/"):
            is_training = known.get(part)
            if is_training is None:
                is_training = known[part] = _NOT_INFERENCE.search(part) is not None
            if is_training:
                found.add(name)
                break
    return found


def _has_training(graph: Graph, training: set[str]) -> bool:
    if training:
        return True
    return any(op in _LOSS_OPS or "Apply" in op for op in graph.op_counts())


def _idle(graph: Graph, labels: set[str], training: set[str]) -> set[str]:
    """The nodes that take no part in a prediction, and those that only feed them."""
    ops = {op for op in graph.op_counts() if _IDLE_OP.fullmatch(op) or op in _SHAPE_OPS}
    idle = training | {node.name for node in graph if node.op in ops}
    # The head of a network may stand in the scope where its loss is computed.
    idle -= {
        node.name
        for node in graph
        if (node.op in _HEADS or node.op == "BiasAdd")
        and _IN_LOSS.search(node.name)
        and not _NOT_INFERENCE.search(_IN_LOSS.sub("/", node.name))
    }
    roots = [node.name for node in graph if node.op in _LOSS_OPS or node.name in labels]
    behind = graph.descendants(roots)
    idle |= behind
    # What leads to a scalar summary or an assertion alone (a fraction of zeros) goes with it.
    _absorb(graph, idle, [node for node in graph if node.op in ("ScalarSummary", "Assert")])
    # And what a loss is computed by.
    _absorb(graph, idle, [node for node in graph if node.name in behind], _LOSS_STEPS)
    _absorb(graph, idle, _ends_of_losses(graph, idle), _ERROR_STEPS)
    # What is computed to be written into a variable: new centroids, running means.
    _absorb(graph, idle, [node for node in graph if _WRITING.fullmatch(node.op)])
    return idle


def _ends_of_losses(graph: Graph, idle: set[str]) -> list[NodeDef]:
    """The sums and means that the losses are made of; these and all between become idle.

    A gradient starts with ones, and what reads them stands in a scope that has the name of the
    loss (python/ops/gradients_util.py): so the loss is known, whatever it is called.
    """
    todo: list[str] = []
    for node in graph:
        if node.op in ("Fill", "Const") and _START_OF_GRADIENT.search(node.name):
            found = map(_GRADIENT_OF.search, graph.consumers(node.name))
            todo += [match[1] for match in found if match]
    ends, seen = [], set(todo)
    while todo:
        loss = graph.get(todo.pop())
        if loss is None or loss.op not in _SCALAR_STEPS | _ENDS_OF_LOSS:
            continue
        idle.add(loss.name)
        if loss.op in _ENDS_OF_LOSS:
            ends.append(loss)
            continue
        for name in map(node_name, data_inputs(loss)):
            if name not in seen and all(reader in idle for reader in graph.consumers(name)):
                seen.add(name)
                todo.append(name)
    return ends


def _absorb(
    graph: Graph, idle: set[str], todo: list[NodeDef], ops: Collection[str] | None = None
) -> None:
    """Add what only idle nodes read, going back from some, as far as it is no layer's output.

    Only nodes of `ops` are added, where these are given.
    """
    while todo:
        for text in data_inputs(todo.pop()):
            source = graph.get(node_name(text))
            if (
                source is None
                or source.name in idle
                or source.op in _HEADS
                or _WEIGHTY.fullmatch(source.op)
                or source.op == "BiasAdd"
                or source.op in _DECISIONS
                or (ops is not None and source.op not in ops)
                or not all(reader in idle for reader in graph.consumers(source.name))
            ):
                continue
            idle.add(source.name)
            todo.append(source)


def _is_last(graph: Graph, node: NodeDef, idle: set[str], passing: Collection[str] = ()) -> bool:
    """True where no reader of the node takes part in a prediction, and it has an output at all.

    Readers of an op in `passing` do not count either.
    """
    for name in graph.consumers(node.name):
        reader = graph.get(name)
        if name not in idle and name != node.name and reader and reader.op not in passing:
            return False
    # Asked last: it takes longest, and few nodes come here.
    return opdefs.output_dtypes(node, graph.library) != []


def _head_behind(graph: Graph, node: NodeDef) -> str:
    """``softmax`` or ``sigmoid`` where the node is one, or only reshapes one."""
    for _ in range(10):
        if node.op in _HEADS:
            return _HEADS[node.op]
        inputs = data_inputs(node)
        source = graph.get(node_name(inputs[0])) if node.op in _PASSING and inputs else None
        if source is None:
            return ""
        node = source
    return ""


def _inside_loops(graph: Graph) -> set[str]:
    """The nodes that have a value for each turn of a loop of TensorFlow 1: these give no answer."""
    ends = {node.name for node in graph if node.op in ("Exit", "RefExit")}
    starts = (node.name for node in graph if node.op in ("Enter", "RefEnter"))
    return graph.descendants(starts, stop=ends) - ends


def _leaves_loop(graph: Graph, node: NodeDef) -> bool:
    """True for a loop's result as it is. A recurrent layer makes them all, needed or not."""
    for _ in range(10):
        if _LEAVING.fullmatch(node.op):
            return True
        inputs = data_inputs(node)
        is_passing = node.op in _PASSING or node.op == "Transpose"
        source = graph.get(node_name(inputs[0])) if is_passing and inputs else None
        if source is None:
            return False
        node = source
    return False


def _some(names: set[str]) -> str:
    listed = sorted(names)
    more = f" and {len(listed) - 3} more" if len(listed) > 3 else ""
    return ", ".join(listed[:3]) + more
