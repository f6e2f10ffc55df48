"""Shape rules of ops that compute each element by itself, or give a shape that is spelled out.

Source: tensorflow/core/ops/math_ops.cc, array_ops.cc, random_ops.cc, string_ops.cc.
"""

from __future__ import annotations

from inspector.graph.shapes.dims import Shapes, View, broadcast, merge, merge_all, table


def same(view: View) -> Shapes:
    """Every output has the shape of the first input."""
    return [view.shapes[0]] * view.outputs


def same_each(view: View) -> Shapes:
    """Output i has the shape of input i."""
    return view.shapes[: view.outputs]


def rows(view: View) -> Shapes:
    """One element for each row of the first input: its last axis goes."""
    data = view.shapes[0]
    return [data[:-1] if data else None]


def scalars(view: View) -> Shapes:
    """Every output is a scalar."""
    return [[]] * view.outputs


def vectors(view: View) -> Shapes:
    """Every output is a vector of unknown length."""
    return [[None]] * view.outputs


def binary(view: View) -> Shapes:
    """Elementwise on two tensors that broadcast."""
    return [broadcast(view.shapes[0], view.shapes[1])]


def broadcast_all(view: View) -> Shapes:
    """Elementwise on any number of tensors that broadcast."""
    common = view.shapes[0]
    for shape in view.shapes[1:]:
        common = broadcast(common, shape)
    return [common]


def merged(view: View) -> Shapes:
    """Elementwise on tensors of one shape."""
    return [merge_all(view.shapes)]


def select(view: View) -> Shapes:
    """``Select``: the two choices have one shape; the condition may be a vector."""
    return [merge(view.shapes[1], view.shapes[2])]


def from_value_0(view: View) -> Shapes:
    """The first input spells the shape: ``Fill``, ``RandomUniform``."""
    return [view.dims(0)] * view.outputs


def from_value_1(view: View) -> Shapes:
    """The second input spells the shape."""
    return [view.dims(1)]


def shape_n(view: View) -> Shapes:
    """``Shape`` and ``ShapeN``: a vector as long as the rank, for each input."""
    return [[None if shape is None else len(shape)] for shape in view.shapes]


def same_second(view: View) -> Shapes:
    """The shape of the second input: what is pushed, written or assigned."""
    return [view.shapes[1]]


def bitcast(view: View) -> Shapes:
    """``Bitcast`` between dtypes of one size; others are not looked at."""
    sizes = [view.attr(key) for key in ("T", "type")]
    if sizes[0] is None or sizes[1] is None or sizes[0].type != sizes[1].type:
        return [None]
    return [view.shapes[0]]


_UNARY = """
Abs Acos Acosh AsString Asin Asinh Assign AssignAdd AssignSub Atan Atanh BesselI0e BesselI1e
Bucketize Cast Ceil CheckNumerics CheckNumericsV2 Cholesky ClipByValue Conj Copy CopyHost Cos Cosh
Cumprod Cumsum CumulativeLogsumexp DebugIdentity DecodeBase64 DeepCopy Dequantize Digamma Elu
EncodeBase64 Erf Erfc Erfinv Exp Expm1 FFT FFT2D FFT3D FakeQuantWithMinMaxArgs
FakeQuantWithMinMaxVars FakeQuantWithMinMaxVarsPerChannel Floor GuaranteeConst IFFT IFFT2D
Identity Imag Inv Invert InvertPermutation IsFinite IsInf IsNan LeakyRelu Lgamma Log Log1p
LogSoftmax LogicalNot MatrixBandPart MatrixInverse MatrixSetDiag MatrixSetDiagV2 MatrixSetDiagV3
MatrixSquareRoot Ndtri Neg OnesLike PreventGradient Print QuantizeAndDequantize
QuantizeAndDequantizeV2 QuantizeAndDequantizeV3 QuantizeAndDequantizeV4 RandomShuffle Real
Reciprocal RegexReplace Relu Relu6 Reverse ReverseSequence ReverseV2 Rint Roll Round Rsqrt
ScatterNdUpdate ScatterUpdate Selu Sigmoid Sign Sin Sinh Snapshot Softmax Softplus Softsign Sqrt
Square StaticRegexFullMatch StaticRegexReplace RegexFullMatch StopGradient StringLength
StringLower StringStrip StringToHashBucket StringToHashBucketFast StringToHashBucketStrong
StringToNumber StringUpper Tan Tanh TensorScatterAdd TensorScatterSub TensorScatterUpdate
TensorScatterMax TensorScatterMin TensorStridedSliceUpdate UnicodeScript UnicodeTranscode
ZerosLike RefIdentity LRN MatrixExponential Angle ComplexAbs Reciprocal LoopCond Exit RefExit
NextIteration RefNextIteration Enter RefEnter _UnaryOpsComposition DebugGradientIdentity
"""
_BINARY = """
Add AddV2 Sub Mul Div RealDiv FloorDiv TruncateDiv DivNoNan MulNoNan Mod FloorMod TruncateMod
Maximum Minimum Pow SquaredDifference Less LessEqual Greater GreaterEqual Equal NotEqual
LogicalAnd LogicalOr Atan2 BitwiseAnd BitwiseOr BitwiseXor LeftShift RightShift Xdivy Xlogy
Xlog1py Zeta Igamma Igammac Polygamma NextAfter Complex
"""
_FROM_SHAPE = """
Fill RandomUniform RandomStandardNormal TruncatedNormal ParameterizedTruncatedNormal
RandomUniformInt StatelessRandomUniform StatelessRandomNormal StatelessTruncatedNormal
StatelessRandomUniformV2 StatelessRandomNormalV2 StatelessTruncatedNormalV2
StatelessRandomUniformInt StatelessRandomUniformIntV2 StatelessRandomUniformFullInt Empty
StatelessRandomUniformFullIntV2
"""
_SAME_SHAPE = """
AddN AccumulateNV2 ApproximateEqual ReluGrad Relu6Grad EluGrad SeluGrad SigmoidGrad TanhGrad
SoftplusGrad SoftsignGrad RsqrtGrad SqrtGrad InvGrad ReciprocalGrad LeakyReluGrad
"""

_UPDATES = """
ApplyAdam ApplyGradientDescent ApplyMomentum ApplyAdagrad ApplyRMSProp ApplyFtrl ApplyAdadelta
ScatterAdd ScatterSub ScatterMul ScatterDiv ScatterMax ScatterMin
"""
_SCALARS = """
Size Rank L2Loss VarIsInitializedOp IsVariableInitialized LookupTableSize LookupTableSizeV2
ScalarSummary HistogramSummary MergeSummary TensorSummary TensorSummaryV2 ImageSummary AudioSummary
AudioSummaryV2 ShardedFilename ReadFile TensorArraySizeV3 TensorArrayWriteV3 TensorArrayScatterV3
TensorListLength TensorListReserve TensorListSetItem TensorListFromTensor EmptyTensorList
TensorListPushBack TensorListScatterV2 TensorArraySplitV3 TensorListResize Timestamp HashTableV2
MutableHashTableV2 MutableDenseHashTableV2 MutableHashTableOfTensorsV2 IteratorV2 Iterator
OneShotIterator AnonymousIterator  QueueSizeV2 QueueSize FIFOQueueV2 RandomShuffleQueueV2

"""
RULES = table(
    (same, _UNARY),
    (binary, _BINARY),
    (merged, _SAME_SHAPE),
    (broadcast_all, "SelectV2 Betainc"),
    (select, "Select"),
    (same_each, "IdentityN BoostedTreesBucketize"),
    (scalars, _SCALARS),
    (from_value_0, _FROM_SHAPE),
    (from_value_1, "BroadcastTo"),
    (shape_n, "Shape ShapeN"),
    (same, _UPDATES),
    (same_second, "StackPushV2 StackPush"),
    (vectors, "BroadcastGradientArgs BroadcastArgs ListDiff"),
    (rows, "EncodeProto"),
    (bitcast, "Bitcast"),
)
