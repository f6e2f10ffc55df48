"""The output shapes of Keras layers, from their configs alone.

Shapes that a config of Keras 3 states are used; for common layers the shape is computed; all
others, and layers that depend on them, have an unknown shape.

Source: `compute_output_shape` of the layers in tf_keras 2.21.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from inspector.formats.keras.config import INPUT, Architecture, Layer, shape_of
from inspector.graph.tensors import Shape

Config = Mapping[str, Any]
Rule = Callable[[Config, Sequence[Shape]], Shape | None]

_SAME = [
    "Activation",
    "ActivityRegularization",
    "AlphaDropout",
    "BatchNormalization",
    "BatchNormalizationV1",
    "BatchNormalizationV2",
    "Dropout",
    "ELU",
    "GaussianDropout",
    "GaussianNoise",
    "GroupNormalization",
    "LayerNormalization",
    "LeakyReLU",
    "Masking",
    "Normalization",
    "PReLU",
    "ReLU",
    "Rescaling",
    "Softmax",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "SyncBatchNormalization",
    "ThresholdedReLU",
    "UnitNormalization",
    "RandomFlip",
    "RandomRotation",
    "RandomZoom",
    "RandomContrast",
    "RandomTranslation",
    "RandomBrightness",
    "Identity",
    "SpectralNormalization",
]
_MERGES = ["Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract"]
_RNN = ["LSTM", "GRU", "SimpleRNN", "CuDNNLSTM", "CuDNNGRU"]
_MAX_SIZE = 1 << 62


def infer(architecture: Architecture) -> dict[str, list[Shape | None]]:
    """The output shapes of each layer; a layer that is called twice has those of its first call."""
    shapes: dict[str, list[Shape | None]] = {}
    for name in order(architecture):
        layer = architecture.layers[name]
        declared = {
            port: shape for (at, port), (shape, _) in _declared_of(architecture, name).items()
        }
        if declared:
            count = max(declared) + 1
            shapes[name] = [declared.get(port) for port in range(min(count, 1000))]
            if shapes[name][0] is not None:
                continue
        shapes[name] = [_of_layer(layer, inputs(layer, shapes)), *shapes.get(name, [])[1:]]
    return shapes


def inputs(layer: Layer, shapes: Mapping[str, list[Shape | None]]) -> list[Shape | None]:
    """Input shapes of a layer's first call, else the one that it declares; empty where neither."""
    first = layer.calls[0] if layer.calls else []
    input_shapes = [_output(shapes, ref[0], ref[1]) for ref in first]
    if not input_shapes and layer.config.get("batch_input_shape") is not None:
        input_shapes = [_declared(layer.config)]
    return input_shapes


def _declared_of(
    architecture: Architecture, name: str
) -> dict[tuple[str, int], tuple[Shape | None, str]]:
    tensors = {}
    port = 0
    while (name, port) in architecture.declared:
        tensors[name, port] = architecture.declared[name, port]
        port += 1
    return tensors


def _output(shapes: Mapping[str, list[Shape | None]], name: str, port: int) -> Shape | None:
    outputs = shapes.get(name, [])
    return outputs[port] if port < len(outputs) else None


def order(architecture: Architecture) -> list[str]:
    """The layers in topological order; those in a cycle follow in the order of the config."""
    waits = {
        name: {ref[0] for ref in (layer.calls[0] if layer.calls else ())}
        & architecture.layers.keys()
        for name, layer in architecture.layers.items()
    }
    readers: dict[str, list[str]] = {}
    for name, sources in waits.items():
        for source in sources:
            readers.setdefault(source, []).append(name)
    ready = [name for name, sources in reversed(waits.items()) if not sources]
    ordered: dict[str, None] = {}
    while ready:
        name = ready.pop()
        ordered[name] = None
        for reader in readers.get(name, ()):
            waits[reader].discard(name)
            if not waits[reader]:
                ready.append(reader)
    return [*ordered, *(name for name in architecture.layers if name not in ordered)]


def _of_layer(layer: Layer, inputs: Sequence[Shape | None]) -> Shape | None:
    if layer.kind == INPUT and not inputs:
        return _declared(layer.config)
    rule = RULES.get(layer.kind.rpartition(">")[2])
    known_inputs = [shape for shape in inputs if shape is not None]
    if layer.kind == INPUT:
        return known_inputs[0] if known_inputs else None
    if rule is None or not known_inputs or len(known_inputs) != len(inputs):
        return None
    try:
        shape = rule(layer.config, known_inputs)
    except (KeyError, IndexError, TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    if shape is None or any(size is not None and not 0 <= size < _MAX_SIZE for size in shape):
        return None
    return [None if size is None else int(size) for size in shape]


def _declared(config: Config) -> Shape | None:
    for key in ("batch_shape", "batch_input_shape"):
        if (shape := shape_of(config.get(key))) is not None:
            return shape
    shape = shape_of(config.get("shape", config.get("input_shape")))
    return None if shape is None else [None, *shape]


def _same(_: Config, inputs: Sequence[Shape]) -> Shape | None:
    return inputs[0]


def _merge(_: Config, inputs: Sequence[Shape]) -> Shape | None:
    rank = len(inputs[0])
    if any(len(shape) != rank for shape in inputs):
        return None
    merged: Shape = []
    for sizes in zip(*inputs, strict=True):
        fixed = {size for size in sizes if size != 1}
        merged.append(1 if not fixed else fixed.pop() if len(fixed) == 1 else None)
    return merged


def _concatenate(config: Config, inputs: Sequence[Shape]) -> Shape | None:
    axis = config.get("axis", -1)
    sizes = [shape[axis] for shape in inputs]
    joined = list(inputs[0])
    joined[axis] = None if None in sizes else sum(size or 0 for size in sizes)
    return joined


def _dense(config: Config, inputs: Sequence[Shape]) -> Shape | None:
    return [*inputs[0][:-1], config["units"]]


def _embedding(config: Config, inputs: Sequence[Shape]) -> Shape | None:
    return [*inputs[0], config["output_dim"]]


def _flatten(_: Config, inputs: Sequence[Shape]) -> Shape | None:
    rest = inputs[0][1:]
    return [inputs[0][0], None if None in rest else math.prod(size or 0 for size in rest)]


def _reshape(config: Config, inputs: Sequence[Shape]) -> Shape | None:
    target = shape_of([None if size == -1 else size for size in config["target_shape"]])
    rest = inputs[0][1:]
    if target is None or target.count(None) > 1:
        return None
    if None in target and None not in rest:
        count = math.prod(size for size in target if size is not None)
        target[target.index(None)] = math.prod(size or 0 for size in rest) // count
    return [inputs[0][0], *target]


def _permute(config: Config, inputs: Sequence[Shape]) -> Shape | None:
    return [inputs[0][0], *(inputs[0][axis] for axis in config["dims"])]


def _repeat(config: Config, inputs: Sequence[Shape]) -> Shape | None:
    return [inputs[0][0], config["n"], inputs[0][1]]


def _rnn(config: Config, inputs: Sequence[Shape]) -> Shape | None:
    batch, steps = inputs[0][:2]
    return (
        [batch, steps, config["units"]] if config["return_sequences"] else [batch, config["units"]]
    )


def _wrapped(config: Config) -> Layer:
    entry = config["layer"]
    return Layer("", entry["class_name"], entry["config"])


def _bidirectional(config: Config, inputs: Sequence[Shape]) -> Shape | None:
    shape = _of_layer(_wrapped(config), inputs)
    if shape is not None and config["merge_mode"] == "concat":
        return [*shape[:-1], (shape[-1] or 0) * 2]
    return shape if config["merge_mode"] else None


def _time_distributed(config: Config, inputs: Sequence[Shape]) -> Shape | None:
    shape = _of_layer(_wrapped(config), [[inputs[0][0], *inputs[0][2:]]])
    return None if shape is None else [shape[0], inputs[0][1], *shape[1:]]


def _spatial(config: Config, shape: Shape, rank: int) -> tuple[Shape, Callable[..., Shape]]:
    """The sizes between batch and channels, and a function that returns a shape with other ones."""
    if len(shape) != rank + 2:
        raise ValueError("the rank does not fit")
    first = config.get("data_format") == "channels_first"
    sizes = shape[2:] if first else shape[1:-1]

    def back(new: Shape, channels: int | None = None) -> Shape:
        size = (shape[1] if first else shape[-1]) if channels is None else channels
        return [shape[0], size, *new] if first else [shape[0], *new, size]

    return sizes, back


def _per_axis(value: Any, rank: int) -> list[Any]:
    return [value] * rank if isinstance(value, int) else list(value)


def _window(size: int | None, window: int, stride: int, padding: str) -> int | None:
    if size is None:
        return None
    if padding in ("same", "causal"):
        return -(-size // stride)
    return (size - window) // stride + 1


def _convolution(rank: int, channels: str, transposed: bool = False) -> Rule:
    def rule(config: Config, inputs: Sequence[Shape]) -> Shape | None:
        sizes, back = _spatial(config, inputs[0], rank)
        kernel = _per_axis(config["kernel_size"], rank)
        strides = _per_axis(config["strides"], rank)
        wide = _per_axis(config.get("dilation_rate", 1), rank)
        windows = [(size - 1) * far + 1 for size, far in zip(kernel, wide, strict=True)]
        if channels == "filters":
            channels_out = config["filters"]
        else:  # depthwise
            channels_out = (back([])[1] or 0) * config["depth_multiplier"]
        if transposed:
            if config.get("output_padding") is not None:
                return None
            more = [0 if config["padding"] == "same" else max(w - s, 0)
                    for w, s in zip(windows, strides, strict=True)]  # fmt: skip
            new = [None if size is None else size * stride + extra
                   for size, stride, extra in zip(sizes, strides, more, strict=True)]  # fmt: skip
        else:
            new = [_window(*of, config["padding"])
                   for of in zip(sizes, windows, strides, strict=True)]  # fmt: skip
        return back(new, channels_out)

    return rule


def _pooling(rank: int) -> Rule:
    def rule(config: Config, inputs: Sequence[Shape]) -> Shape | None:
        sizes, back = _spatial(config, inputs[0], rank)
        windows = _per_axis(config["pool_size"], rank)
        strides = windows if config["strides"] is None else _per_axis(config["strides"], rank)
        return back([_window(*of, config["padding"])
                     for of in zip(sizes, windows, strides, strict=True)])  # fmt: skip

    return rule


def _global_pooling(rank: int) -> Rule:
    def rule(config: Config, inputs: Sequence[Shape]) -> Shape | None:
        _, back = _spatial(config, inputs[0], rank)
        return back([1] * rank) if config.get("keepdims") else back([])

    return rule


def _resized(rank: int, key: str, sign: int) -> Rule:
    """Padding (sign 1) and cropping (sign -1)."""

    def rule(config: Config, inputs: Sequence[Shape]) -> Shape | None:
        sizes, back = _spatial(config, inputs[0], rank)
        value = config[key]
        pairs = [value] if rank == 1 and not isinstance(value, int) else _per_axis(value, rank)
        both = [pair * 2 if isinstance(pair, int) else sum(pair) for pair in pairs]
        return back([None if size is None else size + sign * more
                     for size, more in zip(sizes, both, strict=True)])  # fmt: skip

    return rule


def _up_sampling(rank: int) -> Rule:
    def rule(config: Config, inputs: Sequence[Shape]) -> Shape | None:
        sizes, back = _spatial(config, inputs[0], rank)
        times = _per_axis(config["size"], rank)
        return back([None if size is None else size * by
                     for size, by in zip(sizes, times, strict=True)])  # fmt: skip

    return rule


RULES: dict[str, Rule] = {
    **dict.fromkeys(_SAME, _same),
    **dict.fromkeys(_MERGES, _merge),
    **dict.fromkeys(_RNN, _rnn),
    "Concatenate": _concatenate,
    "Dense": _dense,
    "Embedding": _embedding,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Permute": _permute,
    "RepeatVector": _repeat,
    "Bidirectional": _bidirectional,
    "TimeDistributed": _time_distributed,
    "SeparableConv1D": _convolution(1, "filters"),
    "SeparableConv2D": _convolution(2, "filters"),
    "DepthwiseConv1D": _convolution(1, "depth_multiplier"),
    "DepthwiseConv2D": _convolution(2, "depth_multiplier"),
}
for _rank in (1, 2, 3):
    RULES |= {
        f"Conv{_rank}D": _convolution(_rank, "filters"),
        f"Conv{_rank}DTranspose": _convolution(_rank, "filters", transposed=True),
        f"MaxPooling{_rank}D": _pooling(_rank),
        f"AveragePooling{_rank}D": _pooling(_rank),
        f"GlobalMaxPooling{_rank}D": _global_pooling(_rank),
        f"GlobalAveragePooling{_rank}D": _global_pooling(_rank),
        f"ZeroPadding{_rank}D": _resized(_rank, "padding", 1),
        f"Cropping{_rank}D": _resized(_rank, "cropping", -1),
        f"UpSampling{_rank}D": _up_sampling(_rank),
    }
