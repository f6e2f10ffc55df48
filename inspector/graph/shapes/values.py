"""Small integer tensors, computed as far as they are known: what spells the shapes of others.

``Reshape`` and its like take their shape from a tensor, which graphs compute by
``Shape → StridedSlice → Pack``. Only integers are followed, vectors up to `MAX_ITEMS` elements
(constants: tables too), each element known or not.

Source: tensorflow/core/common_runtime/eval_const_tensor.cc, shape_refiner.cc.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence

import numpy as np

from inspector.errors import InspectorError
from inspector.graph import tensors
from inspector.graph.shapes.dims import MAX_RANK, Contradiction, Value, View
from inspector.graph.tensors import Shape

ValueRule = Callable[[View, Sequence[Shape | None]], Sequence[Value | None]]

MAX_ITEMS = 512
"""Longer vectors are no shapes, and are not followed."""

_LIMIT = 1 << 31
"""Sums and products beyond this would wrap around in an int32 kernel: then nothing is claimed."""

_INTEGERS = frozenset(
    tensors.dtype_enum(name) for name in ("int32", "int64", "int16", "int8", "uint8", "uint16")
)


def const(view: View, shapes: Sequence[Shape | None]) -> Sequence[Value | None]:
    """The elements of a small integer Const."""
    value = view.attr("value")
    if value is None:
        return ()
    tensor = value.tensor
    if tensor.dtype not in _INTEGERS or not 0 <= tensors.elements(tensor) <= MAX_ITEMS:
        return ()
    try:
        array = tensors.to_numpy(tensor)
    except InspectorError:
        return ()
    return [Value(tuple(array.ravel().tolist()), array.shape)]


def shape(view: View, shapes: Sequence[Shape | None]) -> Sequence[Value | None]:
    """``Shape``: the dimensions of the input."""
    return [None if dims is None else vector(dims) for dims in view.shapes]


def size(view: View, shapes: Sequence[Shape | None]) -> Sequence[Value | None]:
    """``Size``: the product of the dimensions."""
    dims = view.shapes[0]
    return () if dims is None else [scalar(_fold(_multiply, 1, dims))]


def rank(view: View, shapes: Sequence[Shape | None]) -> Sequence[Value | None]:
    """``Rank``: the number of dimensions."""
    dims = view.shapes[0]
    return () if dims is None else [scalar(len(dims))]


def same(view: View, shapes: Sequence[Shape | None]) -> Sequence[Value | None]:
    """The value of the first input."""
    return view.values[:1]


def cast(view: View, shapes: Sequence[Shape | None]) -> Sequence[Value | None]:
    """``Cast`` between integers; a narrower one could wrap, so nothing is claimed then."""
    target = view.attr("DstT")
    value = view.values[0]
    if target is None or value is None or target.type not in (tensors.INT32, tensors.INT64):
        return ()
    return [Value(tuple(_small(item) for item in value.items), value.shape)]


def elementwise(view: View, shapes: Sequence[Shape | None]) -> Sequence[Value | None]:
    """Sums, products and the like of scalars and vectors."""
    a, b = view.values[0], view.values[1]
    if a is None and b is None:
        return ()
    first, second = view.items(0), view.items(1)
    if first is None or second is None:
        return ()
    is_vector = not all(_is_scalar(view, index) for index in (0, 1))
    length = max(len(first), len(second))
    if len(first) != len(second) and 1 not in (len(first), len(second)):
        return ()
    length = 0 if 0 in (len(first), len(second)) else length
    compute = _OPERATORS[view.node.op]
    items = tuple(
        compute(first[index % len(first)], second[index % len(second)]) for index in range(length)
    )
    return [vector(items) if is_vector else scalar(items[0])]


def negate(view: View, shapes: Sequence[Shape | None]) -> Sequence[Value | None]:
    """``Neg``."""
    value = view.values[0]
    if value is None:
        return ()
    return [Value(tuple(None if item is None else -item for item in value.items), value.shape)]


def reduce(view: View, shapes: Sequence[Shape | None]) -> Sequence[Value | None]:
    """``Prod``, ``Sum``, ``Max``, ``Min`` of a vector."""
    value, axes = view.values[0], view.items(1)
    if value is None or len(value.shape) != 1 or axes not in ((0,), (-1,)):
        return ()
    operation, start = _REDUCTIONS[view.node.op]
    if start is None and not value.items:
        return ()
    first = value.items[0] if start is None else start
    total = _fold(operation, first, value.items)
    return [vector((total,)) if view.flag("keep_dims") else scalar(total)]


def pack(view: View, shapes: Sequence[Shape | None]) -> Sequence[Value | None]:
    """``Pack`` of scalars into a vector."""
    if not all(shape == [] for shape in view.shapes) or len(view.shapes) > MAX_ITEMS:
        return ()
    return [vector([view.scalar(index) for index in range(len(view.shapes))])]


def unpack(view: View, shapes: Sequence[Shape | None]) -> Sequence[Value | None]:
    """``Unpack`` of a vector into scalars."""
    value = view.values[0]
    if value is None or len(value.shape) != 1 or len(value.items) != view.outputs:
        return ()
    return [scalar(item) for item in value.items]


def concat(view: View, shapes: Sequence[Shape | None]) -> Sequence[Value | None]:
    """``ConcatV2`` of vectors."""
    parts = (
        range(len(view.shapes) - 1) if view.node.op == "ConcatV2" else range(1, len(view.shapes))
    )
    items: list[int | None] = []
    for index in parts:
        part = view.items(index)
        if part is None or _is_scalar(view, index) or len(items) + len(part) > MAX_ITEMS:
            return ()
        items += part
    return [vector(items)]


def strided_slice(view: View, shapes: Sequence[Shape | None]) -> Sequence[Value | None]:
    """``StridedSlice`` of a vector, by one plain slice or one index."""
    data = view.values[0]
    begin, end, strides = (view.items(index) for index in (1, 2, 3))
    if data is None or len(data.shape) != 1 or not begin or not end or not strides:
        return ()
    if len(begin) != 1 or view.number("new_axis_mask") & 1 or view.number("ellipsis_mask") & 1:
        return ()
    start, stop, step = begin[0], end[0], strides[0]
    if view.number("shrink_axis_mask") & 1:
        if start is None or not -len(data.items) <= start < len(data.items):
            return ()
        return [scalar(data.items[start])]
    from_start, to_end = view.number("begin_mask") & 1, view.number("end_mask") & 1
    if not step or (start is None and not from_start) or (stop is None and not to_end):
        return ()
    return [
        vector(data.items[slice(None if from_start else start, None if to_end else stop, step)])
    ]


def slice_op(view: View, shapes: Sequence[Shape | None]) -> Sequence[Value | None]:
    """``Slice`` of a vector."""
    data, begin, count = view.values[0], view.scalar(1), view.scalar(2)
    if data is None or len(data.shape) != 1 or begin is None or count is None or begin < 0:
        return ()
    return [vector(data.items[begin:] if count == -1 else data.items[begin : begin + count])]


def gather(view: View, shapes: Sequence[Shape | None]) -> Sequence[Value | None]:
    """``Gather`` and V2 from a vector."""
    data, indices = view.values[0], view.values[1]
    if data is None or indices is None or len(data.shape) != 1 or len(indices.shape) > 1:
        return ()
    if any(index is not None and not 0 <= index < len(data.items) for index in indices.items):
        raise Contradiction("an index out of range")
    items = tuple(None if index is None else data.items[index] for index in indices.items)
    return [Value(items, indices.shape)]


def reshape(view: View, shapes: Sequence[Shape | None]) -> Sequence[Value | None]:
    """``Reshape``, ``ExpandDims``, ``Squeeze``: the same elements, where the shape is known."""
    data, target = view.values[0], shapes[0]
    if data is None or target is None or None in target or len(target) > 2:
        return ()
    dims = tuple(size or 0 for size in target)
    return [Value(data.items, dims)] if int(np.prod(dims)) == len(data.items) else ()


def range_op(view: View, shapes: Sequence[Shape | None]) -> Sequence[Value | None]:
    """``Range`` of ints."""
    start, stop, step = (view.scalar(index) for index in (0, 1, 2))
    if start is None or stop is None or not step:
        return ()
    numbers = range(start, stop, step)
    return [vector(tuple(numbers))] if -1 < (stop - start) // step <= MAX_RANK else ()


def fill(view: View, shapes: Sequence[Shape | None]) -> Sequence[Value | None]:
    """``Fill``: one integer, repeated."""
    dims = view.items(0)
    if view.values[1] is None or not dims or len(dims) != 1 or dims[0] is None:
        return ()
    return [vector((view.scalar(1),) * dims[0])] if 0 <= dims[0] <= MAX_RANK else ()


def like(view: View, shapes: Sequence[Shape | None]) -> Sequence[Value | None]:
    """``OnesLike``, ``ZerosLike`` of a small integer tensor."""
    value = view.values[0]
    if value is None:
        return ()
    return [Value((int(view.node.op == "OnesLike"),) * len(value.items), value.shape)]


def variable_shape(view: View, shapes: Sequence[Shape | None]) -> Sequence[Value | None]:
    """``VariableShape``: of the variable in input 0."""
    return () if view.handle is None else [vector(view.handle)]


def vector(items: Sequence[int | None]) -> Value | None:
    """A vector of these elements."""
    return Value(tuple(items), (len(items),)) if len(items) <= MAX_ITEMS else None


def scalar(item: int | None) -> Value:
    """A scalar."""
    return Value((item,), ())


def _is_scalar(view: View, index: int) -> bool:
    value = view.values[index]
    return value.shape == () if value is not None else view.shapes[index] == []


def _small(item: int | None) -> int | None:
    return item if item is not None and -_LIMIT < item < _LIMIT else None


def _lift(compute: Callable[[int, int], int]) -> Callable[[int | None, int | None], int | None]:
    def lifted(a: int | None, b: int | None) -> int | None:
        return None if a is None or b is None else _small(compute(a, b))

    return lifted


def _multiply(a: int | None, b: int | None) -> int | None:
    if a == 0 or b == 0:
        return 0
    return None if a is None or b is None else _small(a * b)


def _divide(a: int | None, b: int | None) -> int | None:
    # ``Div`` of integers drops the fraction, ``FloorDiv`` rounds down: the same for these.
    return a // b if a is not None and b is not None and a >= 0 and b > 0 else None


def _modulo(a: int | None, b: int | None) -> int | None:
    return a % b if a is not None and b is not None and a >= 0 and b > 0 else None


def _fold(
    compute: Callable[[int | None, int | None], int | None],
    start: int | None,
    items: Sequence[int | None],
) -> int | None:
    total = start
    for item in items:
        total = compute(total, item)
    return total


_add, _maximum, _minimum = _lift(operator.add), _lift(max), _lift(min)
_OPERATORS: dict[str, Callable[[int | None, int | None], int | None]] = {
    "Add": _add,
    "AddV2": _add,
    "Sub": _lift(operator.sub),
    "Mul": _multiply,
    "Div": _divide,
    "FloorDiv": _divide,
    "TruncateDiv": _divide,
    "Mod": _modulo,
    "FloorMod": _modulo,
    "TruncateMod": _modulo,
    "Maximum": _maximum,
    "Minimum": _minimum,
}
_REDUCTIONS: dict[str, tuple[Callable[[int | None, int | None], int | None], int | None]] = {
    "Prod": (_multiply, 1),
    "Sum": (_add, 0),
    "Max": (_maximum, None),
    "Min": (_minimum, None),
}
_TABLE: tuple[tuple[ValueRule, str], ...] = (
    (const, "Const"),
    (shape, "Shape ShapeN"),
    (size, "Size"),
    (rank, "Rank"),
    (
        same,
        "Identity StopGradient PreventGradient Snapshot EnsureShape GuaranteeConst",
    ),
    (cast, "Cast"),
    (elementwise, " ".join(_OPERATORS)),
    (negate, "Neg"),
    (reduce, " ".join(_REDUCTIONS)),
    (pack, "Pack"),
    (unpack, "Unpack"),
    (concat, "ConcatV2 Concat"),
    (strided_slice, "StridedSlice"),
    (slice_op, "Slice"),
    (gather, "Gather GatherV2"),
    (reshape, "Reshape ExpandDims Squeeze"),
    (range_op, "Range"),
    (fill, "Fill"),
    (like, "OnesLike ZerosLike"),
    (variable_shape, "VariableShape"),
)
VALUES: dict[str, ValueRule] = {op: rule for rule, ops in _TABLE for op in ops.split()}
