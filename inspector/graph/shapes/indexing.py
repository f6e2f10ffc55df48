"""Shape rules of ops that pick elements: slices, gathers, the best k, what is not zero.

Source: tensorflow/core/ops/array_ops.cc; core/util/strided_slice_op.cc.
"""

from __future__ import annotations

from inspector.graph.shapes.dims import (
    Contradiction,
    Shapes,
    View,
    axis,
    merge_dim,
    table,
    with_rank,
)


def slice_op(view: View) -> Shapes:
    """``Slice``: from `begin`, `size` elements, -1 for all that follow."""
    begin, size = view.items(1), view.items(2)
    data = view.shapes[0]
    if begin is None or size is None:
        rank = next((len(x) for x in (data, begin, size) if x is not None), None)
        return [None if rank is None else [None] * rank]
    data = with_rank(data, len(begin))
    out: list[int | None] = []
    for whole, start, count in zip(data, begin, size, strict=True):
        if count == -1:
            out.append(None if whole is None or start is None else whole - start)
        else:
            if None not in (whole, start, count) and start + count > whole:  # type: ignore[operator]
                raise Contradiction("a slice past the end")
            out.append(count)
    return [out]


def strided_slice(view: View) -> Shapes:
    """``StridedSlice``: Python's slices, with masks."""
    begin, end, strides = (view.items(index) for index in (1, 2, 3))
    count = next((len(items) for items in (begin, end, strides) if items is not None), None)
    data = view.shapes[0]
    if count is None or data is None:
        return [None]
    masks = {key: view.number(f"{key}_mask") for key in ("begin", "end", "ellipsis", "new_axis")}
    shrink = view.number("shrink_axis_mask")
    kinds = []
    for index in range(count):
        bit = 1 << index
        kinds.append(
            "..."
            if masks["ellipsis"] & bit
            else "new"
            if masks["new_axis"] & bit
            else "one"
            if shrink & bit
            else "range"
        )
    if kinds.count("...") > 1:
        raise Contradiction("two ellipses")
    used = kinds.count("one") + kinds.count("range")
    if used > len(data):
        raise Contradiction("more slices than axes")
    out: list[int | None] = []
    place = 0
    for index, kind in enumerate(kinds):
        if kind == "...":
            out += data[place : place + len(data) - used]
            place += len(data) - used
            continue
        if kind == "new":
            out.append(1)
            continue
        start, stop, step = (None if x is None else x[index] for x in (begin, end, strides))
        if kind == "one":
            size = data[place]
            if size is not None and start is not None and not -size <= start < size:
                raise Contradiction("an index out of range")
        else:
            from_start, to_end = (bool(masks[key] & 1 << index) for key in ("begin", "end"))
            out.append(_range(data[place], start, stop, step, from_start, to_end))
        place += 1
    return [out + data[place:]]


def _range(
    size: int | None,
    start: int | None,
    stop: int | None,
    step: int | None,
    from_start: bool,
    to_end: bool,
) -> int | None:
    if step == 0:
        raise Contradiction("a stride of 0")
    unknown = (start is None and not from_start) or (stop is None and not to_end)
    if size is None or step is None or unknown:
        return None
    picked = slice(None if from_start else start, None if to_end else stop, step)
    return len(range(*picked.indices(size)))


def gather(view: View) -> Shapes:
    """``Gather``: rows of input 0 by indices of any shape."""
    data, indices = view.shapes[0], view.shapes[1]
    if data is None or indices is None:
        return [None]
    if not data:
        raise Contradiction("nothing to gather from a scalar")
    return [[*indices, *data[1:]]]


def gather_v2(view: View) -> Shapes:
    """``GatherV2``: along an axis, with leading batch axes."""
    data, indices, at = view.shapes[0], view.shapes[1], view.scalar(2)
    if data is None or indices is None:
        return [None]
    batch = view.number("batch_dims")
    batch = batch + len(indices) if batch < 0 else batch
    if not 0 <= batch <= len(indices):
        raise Contradiction("more batch axes than indices have")
    if at is None:
        return [[None] * (len(data) + len(indices) - 1 - batch)]
    place = axis(at, len(data))
    if batch > place:
        raise Contradiction("the axis is a batch axis")
    leading = [merge_dim(x, y) for x, y in zip(data[:batch], indices[:batch], strict=True)]
    return [[*leading, *data[batch:place], *indices[batch:], *data[place + 1 :]]]


def gather_nd(view: View) -> Shapes:
    """``GatherNd``: the last axis of the indices names axes of the data."""
    data, indices = view.shapes[0], view.shapes[1]
    if data is None or indices is None:
        return [None]
    depth = indices[-1]
    if depth is None:
        return [None]
    if depth > len(data):
        raise Contradiction("indices deeper than the data")
    return [[*indices[:-1], *data[depth:]]]


def where(view: View) -> Shapes:
    """``Where``: the positions, one row each."""
    data = view.shapes[0]
    return [[None, None if data is None else len(data)]]


def unique(view: View) -> Shapes:
    """``Unique``: values, the place of each element among them, and their counts."""
    return [[None], view.shapes[0], [None]]


def top_k(view: View) -> Shapes:
    """``TopK``: values and indices of the best k along the last axis."""
    data = view.shapes[0]
    k = view.scalar(1) if len(view.shapes) > 1 else view.number("k")
    if data is None:
        return [None, None]
    if not data:
        raise Contradiction("a scalar has no best k")
    return [[*data[:-1], k]] * 2


RULES = table(
    (slice_op, "Slice"),
    (strided_slice, "StridedSlice"),
    (gather, "Gather"),
    (gather_v2, "GatherV2"),
    (gather_nd, "GatherNd"),
    (top_k, "TopK TopKV2"),
    (where, "Where"),
    (unique, "Unique UniqueWithCounts"),
)
