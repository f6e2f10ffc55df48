"""Arithmetic of dimensions and shapes where some are not known, and what a shape rule sees.

A dimension is an int or None (not known), a shape a list of them or None (rank not known). Lists
are shared between nodes and never written to. What cannot be is a `Contradiction`; the engine then
gives up on the node's outputs.

Source: tensorflow/core/framework/shape_inference.cc, common_shape_fns.cc.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from inspector.graph import opdefs
from inspector.graph.protos import AttrValue, NodeDef
from inspector.graph.tensors import Shape, shape_of

Shapes = Sequence[Shape | None]
"""What a rule returns: a shape for each output."""

MAX_RANK = 254
"""More dimensions than that TensorFlow does not take."""

MAX_DIM = (1 << 63) - 1


class Contradiction(ValueError):
    """The inputs of a node do not fit together; no shape is claimed for its outputs."""


class Value(NamedTuple):
    """A small integer tensor, known in part: its elements in row-major order, and its shape."""

    items: tuple[int | None, ...]
    shape: tuple[int, ...]


class View:
    """One node as a rule sees it: attrs, and the shapes and values of its data inputs.

    Attributes:
        producer: The GraphDef version of the graph; rules of old graphs differ.
        handle: What the resource in input 0 holds, where that is known.
        new_handle: Set by a rule that makes a resource: the shape of what it holds.
    """

    __slots__ = ("handle", "new_handle", "node", "outputs", "producer", "shapes", "values")

    def __init__(
        self,
        node: NodeDef,
        shapes: list[Shape | None],
        values: list[Value | None],
        producer: int = 0,
        outputs: int = 1,
    ) -> None:
        self.node: NodeDef = node
        self.shapes: list[Shape | None] = shapes
        self.values: list[Value | None] = values
        self.producer: int = producer
        self.outputs: int = outputs
        self.handle: Shape | None = None
        self.new_handle: Shape | None = None

    def ranked(self, index: int, rank: int) -> list[int | None]:
        """The shape of an input that must have this rank."""
        return with_rank(self.shapes[index], rank)

    def items(self, index: int) -> tuple[int | None, ...] | None:
        """The elements of an input that is a scalar or a vector; None where it is not known."""
        value = self.values[index]
        if value is not None:
            return value.items if len(value.shape) < 2 else None
        shape = self.shapes[index]
        if shape is not None and len(shape) == 1 and shape[0] is not None and shape[0] <= MAX_RANK:
            return (None,) * shape[0]
        return None

    def scalar(self, index: int) -> int | None:
        """The value of an input that holds one element; None where it is not known."""
        value = self.values[index]
        return value.items[0] if value is not None and len(value.items) == 1 else None

    def dims(self, index: int) -> Shape | None:
        """The shape that the value of an input spells; -1 stands for a dimension not known."""
        items = self.items(index)
        if items is None:
            return None
        if any(item is not None and item < -1 for item in items):
            raise Contradiction("a negative dimension")
        return [None if item == -1 else item for item in items]

    def attr(self, key: str) -> AttrValue | None:
        """The attribute, or the op's default for it."""
        return opdefs.attr(self.node, key)

    def number(self, key: str, default: int = 0) -> int:
        """An int attribute."""
        value = self.attr(key)
        return default if value is None else int(value.i)

    def numbers(self, key: str) -> list[int]:
        """A list of ints; empty where the attribute is missing."""
        value = self.attr(key)
        return [] if value is None else list(value.list.i)

    def flag(self, key: str) -> bool:
        """A bool attribute."""
        value = self.attr(key)
        return value is not None and bool(value.b)

    def text(self, key: str) -> str:
        """A string attribute, decoded."""
        value = self.attr(key)
        return "" if value is None else value.s.decode("utf-8", "replace")


Rule = Callable[[View], Sequence[Shape | None]]


def table(*entries: tuple[Rule, str]) -> dict[str, Rule]:
    """Op to rule, from rules with the ops they serve, separated by spaces."""
    return {op: rule for rule, ops in entries for op in ops.split()}


def with_rank(shape: Shape | None, rank: int) -> list[int | None]:
    """The shape, which must have this rank; its dimensions unknown where the rank was not."""
    if shape is None:
        return [None] * rank
    if len(shape) != rank:
        raise Contradiction(f"rank {len(shape)}, not {rank}")
    return shape


def merge_dim(a: int | None, b: int | None) -> int | None:
    """The dimension that both describe."""
    if a is None or a == b:
        return b
    if b is None:
        return a
    raise Contradiction(f"{a} and {b}")


def merge(a: Shape | None, b: Shape | None) -> Shape | None:
    """The shape that both describe."""
    if a is None or a is b:
        return b
    if b is None:
        return a
    if len(a) != len(b):
        raise Contradiction(f"ranks {len(a)} and {len(b)}")
    return [merge_dim(x, y) for x, y in zip(a, b, strict=True)]


def merge_all(shapes: Iterable[Shape | None]) -> Shape | None:
    """The shape that all of them describe."""
    merged: Shape | None = None
    for shape in shapes:
        merged = merge(merged, shape)
    return merged


def join(a: Shape | None, b: Shape | None) -> Shape | None:
    """What holds for either of two shapes."""
    if a is None or b is None or len(a) != len(b):
        return None
    return [x if x == y else None for x, y in zip(a, b, strict=True)]


def broadcast(a: Shape | None, b: Shape | None) -> Shape | None:
    """The shape of an elementwise operation on two tensors."""
    if a is None or b is None:
        return None
    if a is b or a == b:
        # Two dimensions that are not known need not be equal: None stays None either way.
        return a
    if len(a) < len(b):
        a, b = b, a
    extra = len(a) - len(b)
    dims = a[:extra]
    for x, y in zip(a[extra:], b, strict=True):
        if x == 1 or x == y:
            dims.append(y)
        elif y == 1:
            dims.append(x)
        elif x is None or y is None:
            dims.append(y if x is None else x)
        else:
            raise Contradiction(f"{x} and {y} do not broadcast")
    return dims


def axis(index: int, rank: int) -> int:
    """An axis counted from the front."""
    if not -rank <= index < rank:
        raise Contradiction(f"axis {index} of {rank}")
    return index % rank


def layout(view: View, rank: int) -> tuple[int, list[int]]:
    """Where an image's channel axis and its spatial axes are."""
    text = view.text("data_format") or "NHWC"
    if text in ("NHWC", "NDHWC", "NWC"):
        return rank - 1, list(range(1, rank - 1))
    if text in ("NCHW", "NCDHW", "NCW"):
        return 1, list(range(2, rank))
    raise Contradiction(f"data format {text[:20]}")


def product(dims: Iterable[int | None]) -> int | None:
    """The number of elements; None where a dimension is not known (unless another one is 0)."""
    listed = list(dims)
    if 0 in listed:
        return 0
    return None if None in listed else math.prod(size or 0 for size in listed)


def window(
    size: int | None,
    filter_size: int | None,
    stride: int,
    padding: str,
    dilation: int = 1,
    explicit: tuple[int, int] = (0, 0),
) -> int | None:
    """The output size of a sliding window along one axis."""
    if stride < 1 or dilation < 1:
        raise Contradiction("a stride or dilation below 1")
    if size is None:
        return None
    if padding == "SAME":
        return -(-size // stride)
    if padding not in ("VALID", "EXPLICIT"):
        raise Contradiction(f"padding {padding}")
    if filter_size is None:
        return None
    reach = (filter_size - 1) * dilation + 1
    room = size - reach + (sum(explicit) if padding == "EXPLICIT" else 0)
    if filter_size < 1 or room + stride < 0:
        raise Contradiction("the window is larger than the input")
    return room // stride + 1


def is_possible(shape: list[int | None]) -> bool:
    """Whether TensorFlow can have a tensor of this shape."""
    if len(shape) > MAX_RANK:
        return False
    return all(size is None or 0 <= size <= MAX_DIM for size in shape)


def refined(node: NodeDef, inferred: Sequence[Shape | None]) -> Sequence[Shape | None]:
    """The inferred shapes with what the writer of the graph knew; where both differ, inferred."""
    stated = node.attr["_output_shapes"].list.shape
    if len(stated) != len(inferred):
        return inferred
    shapes: list[Shape | None] = []
    for shape, proto in zip(inferred, stated, strict=True):
        try:
            both = merge(shape, shape_of(proto))
        except Contradiction:
            both = shape
        shapes.append(both if both is None or is_possible(both) else shape)
    return shapes
