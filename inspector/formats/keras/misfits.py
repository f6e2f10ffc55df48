"""Weights of a Keras file that do not fit its config, by layer. Nothing is built, no value is read.

For common layers the config and the shape of the input determine the weights. Other layers are not
checked.

Source: the `build` of the layers in tf_keras 2.21 and Keras 3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from inspector.formats.keras import code
from inspector.formats.keras import shapes as keras_shapes
from inspector.formats.keras.config import Architecture, Layer
from inspector.formats.keras.weights import Weight, is_counted
from inspector.graph.tensors import Shape
from inspector.text import shape as shape_text

Config = Mapping[str, Any]
Needs = list[tuple[str, Shape]]
"""The weights of a layer: what each is called, and its shape."""

_CLASS_NAMES = """
    AbstractRNNCell Activation ActivityRegularization AdaptiveAveragePooling1D
    AdaptiveAveragePooling2D AdaptiveAveragePooling3D AdaptiveMaxPooling1D AdaptiveMaxPooling2D
    AdaptiveMaxPooling3D Add AddLoss AddMetric AdditiveAttention AlphaDropout Attention AugMix
    AutoContrast Average AveragePooling1D AveragePooling2D AveragePooling3D AvgPool1D AvgPool2D
    AvgPool3D BatchNormalization BatchNormalizationV1 BatchNormalizationV2 Bidirectional
    CategoryEncoding CenterCrop ClassMethod Concatenate
    ContrastLimitedAdaptiveHistogramEqualization Conv1D Conv1DTranspose Conv2D Conv2DTranspose
    Conv3D Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D Convolution1D Convolution1DTranspose
    Convolution2D Convolution2DTranspose Convolution3D Convolution3DTranspose Cropping1D
    Cropping2D Cropping3D CuDNNGRU CuDNNLSTM CutMix Dense DenseFeatures DepthwiseConv1D
    DepthwiseConv2D Discretization Dot Dropout DropoutWrapper ELU EinsumDense Embedding
    Equalization Flatten FlaxLayer Functional GRU GRUCell GRUCellV1 GRUCellV2 GRUV1 GRUV2
    GaussianDropout GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D
    GlobalAveragePooling3D GlobalAvgPool1D GlobalAvgPool2D GlobalAvgPool3D GlobalMaxPool1D
    GlobalMaxPool2D GlobalMaxPool3D GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D
    GroupNormalization GroupQueryAttention GroupedQueryAttention HashedCrossing Hashing Identity
    InputLayer InstanceMethod InstanceProperty IntegerLookup JaxLayer LSTM LSTMCell LSTMCellV1
    LSTMCellV2 LSTMV1 LSTMV2 Lambda LayerNormalization LeakyReLU LinearModel LocallyConnected1D
    LocallyConnected2D Masking MaxNumBoundingBoxes MaxPool1D MaxPool2D MaxPool3D MaxPooling1D
    MaxPooling2D MaxPooling3D Maximum MelSpectrogram Minimum MixUp Model MultiHeadAttention
    Multiply Normalization PReLU Permute Pipeline RMSNormalization RNN RandAugment
    RandomBrightness RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop
    RandomElasticTransform RandomErasing RandomFlip RandomGaussianBlur RandomGrayscale
    RandomHeight RandomHue RandomInvert RandomPerspective RandomPosterization RandomRotation
    RandomSaturation RandomSharpness RandomShear RandomTranslation RandomWidth RandomZoom ReLU
    RepeatVector Rescaling Reshape ResidualWrapper Resizing ReversibleEmbedding STFTSpectrogram
    SeparableConv1D SeparableConv2D SeparableConvolution1D SeparableConvolution2D SequenceFeatures
    Sequential SimpleRNN SimpleRNNCell SlicingOpLambda Softmax Solarization SpatialDropout1D
    SpatialDropout2D SpatialDropout3D SpectralNormalization StackedRNNCells StringLookup Subtract
    SyncBatchNormalization TFOpLambda TFSMLayer TensorFlowOpLayer TextVectorization
    ThresholdedReLU TimeDistributed TorchModuleWrapper UnitNormalization UpSampling1D UpSampling2D
    UpSampling3D WideDeepModel ZeroPadding1D ZeroPadding2D ZeroPadding3D
"""
_CLASSES = frozenset(_CLASS_NAMES.split())
"""The layer classes of Keras 2 and 3, under all of their names."""

_LISTED = 5
_SHOWN = 8
_NAME = 100


def find(
    architecture: Architecture, shapes: Mapping[str, list[Shape | None]], weights: Sequence[Weight]
) -> list[str]:
    """One sentence for each layer whose weights are not those that its config asks for."""
    held: dict[str, list[Shape]] = {}
    for weight in weights:
        if is_counted(weight):
            held.setdefault(weight.layer, []).append(weight.data.shape)
    faults = []
    for name, layer in architecture.layers.items():
        needs = _needs(layer, keras_shapes.inputs(layer, shapes))
        if needs is None or _fits(held.get(name, []), needs):
            continue
        # Old versions of Keras named weights of a nested model by names that are not in the config.
        if name not in held and _take_out(held.get("", []), needs):
            continue
        faults.append(_fault(name, layer, held.get(name, []), needs))
    loose = [weight.name for weight in weights if not weight.layer and is_counted(weight)]
    if faults and loose:
        more = f" and {len(loose) - 1} more" if len(loose) > 1 else ""
        faults.append(f"The weight '{loose[0][:_NAME]}'{more} belongs to no layer of the config.")
    return faults


def unknown(architecture: Architecture, config: Config) -> list[str]:
    """One sentence for each layer of a class that Keras does not have.

    Where the config names a module, `keras.code` reports it.
    """
    with_module = {
        entry["class_name"]
        for entry, _ in code.entries(config)
        if isinstance(entry.get("class_name"), str) and "module" in entry
    }
    return [
        f"The layer '{name[:_NAME]}' is of the class '{layer.kind[:_NAME]}', which is none of "
        "Keras' own: its Python code is not in the file, and the model can neither be frozen nor "
        "run."
        for name, layer in architecture.layers.items()
        if architecture.members and layer.kind not in _CLASSES | with_module and layer.kind
    ]


def listed(faults: Sequence[str]) -> list[str]:
    """The first sentences, and how many more there are."""
    more = len(faults) - _LISTED
    return [*faults[:_LISTED], *([f"The same holds for {more} more layers."] if more > 0 else [])]


def _fault(name: str, layer: Layer, held: Sequence[Shape], needs: Needs) -> str:
    right = ", ".join(f"{key} {_text(shape)}" for key, shape in needs) or "no weights"
    got = ", ".join(map(_text, held[:_SHOWN])) + (", ..." if len(held) > _SHOWN else "")
    has = f"has weights of the shapes {got}" if held else "has no weights in the file"
    return (
        f"The layer '{name[:_NAME]}' ({layer.kind[:_NAME]}) {has}, and by its config it needs "
        f"{right}."
    )


def _text(shape: Shape) -> str:
    return shape_text(shape, _SHOWN)


def _fits(held: Sequence[Shape], needs: Needs) -> bool:
    """Whether these are the shapes, in any order; an unknown size is like any other."""
    shapes = list(held)
    return _take_out(shapes, needs) and not shapes


def _take_out(shapes: list[Shape], needs: Needs) -> bool:
    """Whether weights of these shapes are there; if all are, they are taken out of the list."""
    remaining = list(shapes)
    # Those that are fully known first, so that an open one does not take their place.
    for _, need in sorted(needs, key=lambda item: item[1].count(None)):
        match = next((shape for shape in remaining if _alike(shape, need)), None)
        if match is None:
            return False
        remaining.remove(match)
    shapes[:] = remaining
    return True


def _alike(shape: Shape, need: Shape) -> bool:
    return len(shape) == len(need) and all(
        b is None or a == b for a, b in zip(shape, need, strict=True)
    )


def _needs(layer: Layer, inputs: Sequence[Shape | None]) -> Needs | None:
    """The weights that a layer must have; None where they are unknown."""
    rule = _RULES.get(layer.kind.rpartition(">")[2])
    first = inputs[0] if inputs else None
    if rule is None:
        return None
    try:
        needs = rule(layer.config, first)
    except (KeyError, IndexError, TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    sizes = [size for _, shape in needs for size in shape if size is not None]
    return needs if all(type(size) is int and size >= 0 for size in sizes) else None


def _channels(config: Config, first: Shape | None) -> int | None:
    if first is None or len(first) < 2:
        return None
    return first[1] if config.get("data_format") == "channels_first" else first[-1]


def _biased(config: Config, needs: Needs, size: Any) -> Needs:
    return [*needs, ("bias", [size])] if config.get("use_bias", True) else needs


def _dense(config: Config, first: Shape | None) -> Needs:
    units = config["units"]
    kernel: Shape = [None if first is None else first[-1], units]
    return _biased(config, [("kernel", kernel)], units)


def _embedding(config: Config, _: Shape | None) -> Needs:
    return [("embeddings", [config["input_dim"], config["output_dim"]])]


def _window(config: Config, rank: int) -> Shape:
    size = config["kernel_size"]
    return [size] * rank if isinstance(size, int) else list(size)


def _convolution(rank: int, transposed: bool = False) -> Callable[[Config, Shape | None], Needs]:
    def rule(config: Config, first: Shape | None) -> Needs:
        channels, filters = _channels(config, first), config["filters"]
        if channels is not None and not transposed:
            channels //= config.get("groups") or 1
        ends: Shape = [filters, channels] if transposed else [channels, filters]
        return _biased(config, [("kernel", [*_window(config, rank), *ends])], filters)

    return rule


def _depthwise(rank: int) -> Callable[[Config, Shape | None], Needs]:
    def rule(config: Config, first: Shape | None) -> Needs:
        channels, times = _channels(config, first), config["depth_multiplier"]
        kernel: Shape = [*_window(config, rank), channels, times]
        return _biased(
            config, [("depthwise_kernel", kernel)], None if channels is None else channels * times
        )

    return rule


def _separable(rank: int) -> Callable[[Config, Shape | None], Needs]:
    def rule(config: Config, first: Shape | None) -> Needs:
        channels, times = _channels(config, first), config["depth_multiplier"]
        inner = None if channels is None else channels * times
        needs: Needs = [
            ("depthwise_kernel", [*_window(config, rank), channels, times]),
            ("pointwise_kernel", [*[1] * rank, inner, config["filters"]]),
        ]
        return _biased(config, needs, config["filters"])

    return rule


def _normed(config: Config, first: Shape | None) -> int | None:
    """The size of the one axis that is normalised."""
    axis = config.get("axis", -1)
    if isinstance(axis, list):
        (axis,) = axis
    return None if first is None else first[axis]


def _batch_norm(config: Config, first: Shape | None) -> Needs:
    size = _normed(config, first)
    keys = ["gamma"] * bool(config["scale"]) + ["beta"] * bool(config["center"])
    return [(key, [size]) for key in [*keys, "moving_mean", "moving_variance"]]


def _layer_norm(config: Config, first: Shape | None) -> Needs:
    if config.get("rms_scaling"):
        raise ValueError("its weights are others")
    size = _normed(config, first)
    keys = ["gamma"] * bool(config["scale"]) + ["beta"] * bool(config["center"])
    return [(key, [size]) for key in keys]


def _recurrent(gates: int) -> Callable[[Config, Shape | None], Needs]:
    def rule(config: Config, first: Shape | None) -> Needs:
        units = config["units"]
        needs: Needs = [
            ("kernel", [None if first is None else first[-1], gates * units]),
            ("recurrent_kernel", [units, gates * units]),
        ]
        if not config["use_bias"]:
            return needs
        twice = gates == _GRU and config.get("reset_after")
        return [*needs, ("bias", [2, gates * units] if twice else [gates * units])]

    return rule


def _none(_: Config, __: Shape | None) -> Needs:
    return []


_GRU, _LSTM = 3, 4
_RULES: dict[str, Callable[[Config, Shape | None], Needs]] = {
    "Dense": _dense,
    "Embedding": _embedding,
    "BatchNormalization": _batch_norm,
    "BatchNormalizationV1": _batch_norm,
    "BatchNormalizationV2": _batch_norm,
    "LayerNormalization": _layer_norm,
    "LSTM": _recurrent(_LSTM),
    "GRU": _recurrent(_GRU),
    "SimpleRNN": _recurrent(1),
    "DepthwiseConv1D": _depthwise(1),
    "DepthwiseConv2D": _depthwise(2),
    "SeparableConv1D": _separable(1),
    "SeparableConv2D": _separable(2),
    **dict.fromkeys(("InputLayer", "Flatten", "Reshape", "Permute", "Concatenate"), _none),
    **dict.fromkeys(("MaxPooling1D", "MaxPooling2D", "AveragePooling2D", "ReLU"), _none),
}
for _rank in (1, 2, 3):
    _RULES[f"Conv{_rank}D"] = _convolution(_rank)
    _RULES[f"Conv{_rank}DTranspose"] = _convolution(_rank, transposed=True)
