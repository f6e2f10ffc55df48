"""The kinds of ops, a dozen, and the colour of each.

A colour is one mid-tone; the canvas and the exported SVG mix it with the background for the fill
and with the text colour for the border, so one value serves light and dark. The tones are far apart
for colour-blind eyes too; tests/view/test_kinds.py measures it. Colour is never the only sign: a
box has its op as text, and the kind of the box under the pointer or in focus stands below the
canvas. The kind of a closed scope is that of most of its work.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One kind of op.

    Args:
        weight: Of one op of this kind, when the kind of its scope is computed.
    """

    key: str
    label: str
    color: str
    weight: int
    pattern: str


KINDS = (
    Kind(
        "input", "Input", "#3c8c3b", 1,
        r"Placeholder|_Arg|Input(Layer)?|(Iterator|OneShotIterator|MakeIterator).*|.*Queue.*|.*Reader.*|.*DatasetV?\d?",
    ),
    Kind(
        "convolution", "Convolution", "#1b75e8", 12,
        r".*Conv\d?D.*|.*Conv2d.*|.*Dilation2D.*|_FusedConv.*|Conv|Conv3d.*|TransposeConv",
    ),
    Kind(
        "matmul", "MatMul / dense", "#9731b2", 12,
        r".*Mat[Mm]ul.*|Einsum|XlaEinsum|XlaDot.*|.*FusedDense.*|FullyConnected|(Einsum)?Dense|"
        r"(Multi|Group).*Attention",
    ),
    Kind(
        "recurrent", "Recurrent", "#98619a", 12,
        r".*LSTM.*|.*GRU.*|CudnnRNN.*|.*RNNV?\d?|.*Lstm|.*Rnn",
    ),
    Kind(
        "norm", "Normalisation", "#37beb5", 3,
        r".*BatchNorm.*|LRN|L2Normalize|.*LayerNorm.*|L2Loss|.*Normalization",
    ),
    Kind(
        "activation", "Activation", "#d37f0c", 2,
        r"Relu.*|(Leaky|P|Thresholded)?ReLU|ELU|Activation|Elu|Selu|Sigmoid|LogSoftmax|Softmax|Softplus|Softsign|Tanh|LeakyRelu|Erf|Swish|"
        r"Logistic|HardSwish|Prelu|Gelu|.*ReluGrad|.*SoftmaxCrossEntropy.*|Quantized(Relu.*|Sigmoid|Tanh|Softmax)",
    ),
    Kind(
        "pool", "Pooling and resize", "#4e9ec8", 4,
        r".*Pool(3D|V2|2d|WithArgmax)?|.*(Max|Avg)Pool.*|.*Pooling\dD|UpSampling\dD|Resize.*|CropAndResize|"
        r".*NonMaxSuppression.*|ImageProjective.*",
    ),
    Kind(
        "lookup", "Lookup and text", "#b3ac49", 3,
        r"Gather.*|ResourceGather.*|.*Table.*|Embedding.*|String.*|Regex.*|AsString|.*Hash.*|"
        r".*Lookup|TextVectorization|CategoryEncoding|OneHot|Parse.*|Decode.*|Encode.*|Substr|Unicode.*|Sparse.*|Tokenize.*|Bucketize",
    ),
    Kind(
        "quantize", "Quantisation", "#f58ab2", 2,
        r"Quantize.*|Dequantize|FakeQuant.*|Requantiz.*|.*Requantize",
    ),
    Kind(
        "control", "Control flow and calls", "#b31b14", 2,
        r"(Ref)?(Switch|Merge|Enter|Exit|NextIteration|LoopCond|Select)|NoOp|ControlTrigger|"
        r"(Stateless)?(While|If|Case)|Call|CallOnce|.*PartitionedCall|For|.*TensorArray.*|TensorList.*|Assert|"
        r"XlaLaunch|PyFunc.*|EagerPyFunc|SymbolicGradient|TPU.*|TRTEngineOp",
    ),
    Kind(
        "shape", "Shape and layout", "#405468", 1,
        r"Shape(N)?|Rank|Size|Reshape|Squeeze|ExpandDims|(Conjugate)?Transpose|Concat(V2|Offset|enation)?|"
        r"Split(V)?|Pack|Unpack|Stack|Unstack|StridedSlice|Slice|Tile|(Mirror)?Pad([Vv]2)?|Fill|Range|"
        r"Identity(N)?|Cast|Bitcast|StopGradient|Broadcast(To|Args|GradientArgs)|EnsureShape|"
        r"Reverse(V2)?|ReverseSequence|SpaceTo.*|.*ToSpace(ND)?|ZerosLike|OnesLike|Snapshot|Copy.*|"
        r"PreventGradient|Where|(Parallel)?Dynamic(Stitch|Partition)|InvertPermutation|Roll|"
        r"LinSpace|PlaceholderWithDefault|Flatten|Permute|RepeatVector|Concatenate|ZeroPadding\dD|"
        r"Cropping\dD",
    ),
    Kind(
        "weights", "Weights and state", "#8b8a84", 0,
        r"Const|HostConst|State|Variable(V2)?|VarHandle(Op)?|.*ReadVariable.*|Assign.*|ResourceApply.*|"
        r"Apply.*|Save.*|Restore.*|.*Checkpoint.*|.*Summary.*|ShardedFilename|VarIsInitializedOp|"
        r"IsVariableInitialized|AutoReloadVariable",
    ),
    Kind("math", "Arithmetic", "#b9856d", 1, r".*"),
)  # fmt: skip
INDEX = {kind.key: number for number, kind in enumerate(KINDS)}
"""Kind's key to its number; the number is what a layout carries."""

_PATTERNS = [re.compile(kind.pattern) for kind in KINDS]
_CAPITALS = re.compile(r"[A-Z][A-Z0-9_]+")
_KNOWN: dict[str, int] = {}
_MAX_KNOWN = 10_000
"""Ops come from the file; hostile ones must not grow the cache without bound."""


def kind_of(op: str) -> int:
    """The number in `KINDS` of an op's kind; an op that matches no pattern is arithmetic."""
    kind = _KNOWN.get(op)
    if kind is None:
        text = op[:80]
        order = _ORDER
        kind = next(number for number in order if _PATTERNS[number].fullmatch(text))
        if kind == INDEX["math"] and (plain := camel(text)) != text:
            kind = next(number for number in order if _PATTERNS[number].fullmatch(plain))
        if len(_KNOWN) < _MAX_KNOWN:
            _KNOWN[op] = kind
    return kind


def camel(op: str) -> str:
    """An op of TFLite as TensorFlow writes such names: ``CONV_2D`` to ``Conv2d``."""
    return "".join(map(str.capitalize, op.split("_"))) if _CAPITALS.fullmatch(op) else op


# Specific before general: `QuantizedConv2D` is a convolution, `Dequantize` is not arithmetic.
_ORDER = [
    INDEX[key]
    for key in (
        "convolution", "matmul", "recurrent", "norm", "activation", "shape", "weights",
        "control", "lookup", "pool", "quantize", "input", "math",
    )
]  # fmt: skip
