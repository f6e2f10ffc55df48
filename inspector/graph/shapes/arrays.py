"""Shape rules of ops that move elements around, or reduce.

Source: tensorflow/core/ops/array_ops.cc, math_ops.cc.
"""

from __future__ import annotations

from inspector.graph.shapes.dims import (
    MAX_RANK,
    Contradiction,
    Shapes,
    View,
    axis,
    merge_all,
    merge_dim,
    product,
    table,
    with_rank,
)
from inspector.graph.tensors import Shape


def reshape(view: View) -> Shapes:
    """``Reshape``: one dimension may follow from the number of elements."""
    data, target = view.shapes[0], view.items(1)
    if target is None:
        return [None]
    if any(item is not None and item < -1 for item in target):
        raise Contradiction("a negative dimension")
    dims: list[int | None] = [None if item == -1 else item for item in target]
    open_places = dims.count(None)
    total = None if data is None else product(data)
    if total is None or open_places > 1:
        return [dims]
    rest = product(size for size in dims if size is not None)
    if open_places == 0:
        if rest != total:
            raise Contradiction(f"{total} elements as {rest}")
        return [dims]
    if not rest:
        return [dims]
    if total % rest:
        raise Contradiction(f"{total} elements in rows of {rest}")
    return [[total // rest if size is None else size for size in dims]]


def expand_dims(view: View) -> Shapes:
    """``ExpandDims``: an axis of 1 more."""
    data, at = view.shapes[0], view.scalar(1)
    if data is None:
        return [None]
    if at is None:
        return [[None] * (len(data) + 1)]
    place = axis(at, len(data) + 1)
    return [[*data[:place], 1, *data[place:]]]


def squeeze(view: View) -> Shapes:
    """``Squeeze``: the named axes go, or all of size 1."""
    data, dims = view.shapes[0], view.numbers("squeeze_dims")
    if data is None:
        return [None]
    if not dims:
        return [None if None in data else [size for size in data if size != 1]]
    places = {axis(at, len(data)) for at in dims}
    if any(data[place] not in (1, None) for place in places):
        raise Contradiction("an axis that is not 1")
    return [[size for place, size in enumerate(data) if place not in places]]


def transpose(view: View) -> Shapes:
    """``Transpose``: by a permutation that is known or not."""
    data, order = view.shapes[0], view.items(1)
    if order is None or None in order:
        rank = len(data) if data is not None else None if order is None else len(order)
        return [None if rank is None else [None] * rank]
    data = with_rank(data, len(order))
    places = [axis(at, len(order)) for at in order if at is not None]
    if len(set(places)) != len(places):
        raise Contradiction("no permutation")
    return [[data[place] for place in places]]


def concat(view: View, parts: list[Shape | None], at: int | None) -> Shapes:
    """Join tensors along one axis."""
    ranked = [shape for shape in parts if shape is not None]
    if not ranked:
        return [None]
    rank = len(ranked[0])
    if at is None:
        return [[None] * len(with_rank(shape, rank)) for shape in ranked[:1]]
    place = axis(at, rank)
    out: list[int | None] = [None] * rank
    total: int | None = 0
    for shape in parts:
        dims = with_rank(shape, rank)
        size = dims[place]
        total = None if total is None or size is None else total + size
        for other in range(rank):
            if other != place:
                out[other] = merge_dim(out[other], dims[other])
    out[place] = total
    return [out]


def concat_v1(view: View) -> Shapes:
    """``Concat``: the axis comes first."""
    return concat(view, view.shapes[1 : 1 + max(view.number("N"), 1)], view.scalar(0))


def concat_v2(view: View) -> Shapes:
    """``ConcatV2``: the axis comes last."""
    return concat(view, view.shapes[:-1], view.scalar(len(view.shapes) - 1))


def split(view: View) -> Shapes:
    """``Split``: equal parts along an axis, which is input 0."""
    return _parts(view, view.shapes[1], view.scalar(0), [None] * view.outputs, even=True)


def split_v(view: View) -> Shapes:
    """``SplitV``: parts of given sizes, one of which may be -1."""
    sizes = view.items(1) or (None,) * view.outputs
    if len(sizes) != view.outputs:
        raise Contradiction("sizes and outputs differ in number")
    data, at = view.shapes[0], view.scalar(2)
    rest = [size for size in sizes if size != -1]
    if data is not None and at is not None and len(rest) == len(sizes) - 1 and None not in rest:
        whole = data[axis(at, len(data))]
        remainder = None if whole is None else whole - sum(size or 0 for size in rest)
        if remainder is not None and remainder < 0:
            raise Contradiction("parts larger than the whole")
        sizes = tuple(remainder if size == -1 else size for size in sizes)
    return _parts(view, data, at, [None if size == -1 else size for size in sizes], even=False)


def _parts(
    view: View, data: Shape | None, at: int | None, sizes: list[int | None], *, even: bool
) -> Shapes:
    if data is None:
        return [None] * view.outputs
    if at is None:
        return [[None] * len(data)] * view.outputs
    place = axis(at, len(data))
    whole = data[place]
    if even and whole is not None:
        if whole % len(sizes):
            raise Contradiction("no equal parts")
        part = [*data[:place], whole // len(sizes), *data[place + 1 :]]
        return [part] * len(sizes)
    return [[*data[:place], size, *data[place + 1 :]] for size in sizes]


def pack(view: View) -> Shapes:
    """``Pack``: tensors of one shape along a new axis."""
    part = merge_all(view.shapes)
    if part is None:
        return [None]
    place = axis(view.number("axis"), len(part) + 1)
    return [[*part[:place], len(view.shapes), *part[place:]]]


def unpack(view: View) -> Shapes:
    """``Unpack``: the parts along an axis."""
    data = view.shapes[0]
    if data is None:
        return [None] * view.outputs
    place = axis(view.number("axis"), len(data))
    merge_dim(data[place], view.number("num"))
    return [[*data[:place], *data[place + 1 :]]] * view.outputs


def tile(view: View) -> Shapes:
    """``Tile``: each dimension times its multiple."""
    times = view.items(1)
    if times is None:
        data = view.shapes[0]
        return [None if data is None else [None] * len(data)]
    data = with_rank(view.shapes[0], len(times))
    return [[_times(size, count) for size, count in zip(data, times, strict=True)]]


def _times(size: int | None, count: int | None) -> int | None:
    if count is not None and count < 0:
        raise Contradiction("a negative multiple")
    return None if size is None or count is None else size * count


def pad(view: View) -> Shapes:
    """``Pad`` and kin: before and after each axis."""
    data, amounts, table = view.shapes[0], view.values[1], view.shapes[1]
    if amounts is None:
        rank = len(data) if data is not None else table[0] if table else None
        return [None if rank is None or rank > MAX_RANK else [None] * rank]
    if len(amounts.shape) != 2 or amounts.shape[1] != 2:
        raise Contradiction("no pairs of paddings")
    data = with_rank(data, amounts.shape[0])
    pairs = zip(amounts.items[::2], amounts.items[1::2], strict=True)
    return [[_sum(size, *pair) for size, pair in zip(data, pairs, strict=True)]]


def _sum(*parts: int | None) -> int | None:
    return None if None in parts else sum(part or 0 for part in parts)


def reduction(view: View) -> Shapes:
    """``Sum``, ``Mean`` and kin: the axes of input 1 go, or become 1."""
    data, axes, keep = view.shapes[0], view.items(1), view.flag("keep_dims")
    if data is None:
        return [None]
    if axes is None or None in axes:
        return [[None] * len(data) if keep else None]
    places = {axis(at, len(data)) for at in axes if at is not None}
    if keep:
        return [[1 if place in places else size for place, size in enumerate(data)]]
    return [[size for place, size in enumerate(data) if place not in places]]


def arg_max(view: View) -> Shapes:
    """``ArgMax``: one axis goes."""
    data, at = view.shapes[0], view.scalar(1)
    if data is None:
        return [None]
    if len(data) < 2:
        return [[]]
    if at is None:
        return [[None] * (len(data) - 1)]
    place = axis(at, len(data))
    return [[*data[:place], *data[place + 1 :]]]


def one_hot(view: View) -> Shapes:
    """``OneHot``: a new axis of the depth."""
    data, depth, at = view.shapes[0], view.scalar(1), view.number("axis", -1)
    if data is None:
        return [None]
    place = axis(at, len(data) + 1)
    return [[*data[:place], depth, *data[place:]]]


def range_op(view: View) -> Shapes:
    """``Range``: as many as fit between two ints."""
    start, stop, step = (view.scalar(index) for index in (0, 1, 2))
    if start is None or stop is None or step is None:
        return [[None]]
    if step == 0:
        raise Contradiction("a step of 0")
    return [[max(0, -((start - stop) // step))]]


def lin_space(view: View) -> Shapes:
    """``LinSpace``: a vector of input 2 elements."""
    return [[view.scalar(2)]]


def matrix_diag(view: View) -> Shapes:
    """``MatrixDiag``: the last axis twice."""
    data = view.shapes[0]
    return [None if data is None else [*data, data[-1]]]


RULES = table(
    (reshape, "Reshape"),
    (expand_dims, "ExpandDims"),
    (squeeze, "Squeeze"),
    (transpose, "Transpose ConjugateTranspose"),
    (concat_v1, "Concat"),
    (concat_v2, "ConcatV2"),
    (split, "Split"),
    (split_v, "SplitV"),
    (pack, "Pack"),
    (unpack, "Unpack"),
    (tile, "Tile"),
    (pad, "Pad PadV2 MirrorPad"),
    (reduction, "Sum Mean Max Min Prod All Any EuclideanNorm ReduceJoin"),
    (arg_max, "ArgMax ArgMin"),
    (one_hot, "OneHot"),
    (range_op, "Range"),
    (lin_space, "LinSpace"),
    (matrix_diag, "MatrixDiag"),
)
