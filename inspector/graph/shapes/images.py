"""Shape rules of ops on images: sizes, crops, boxes, blocks of pixels.

Source: tensorflow/core/ops/image_ops.cc, array_ops.cc.
"""

from __future__ import annotations

from inspector.graph.shapes.dims import (
    Contradiction,
    Shapes,
    View,
    layout,
    merge_dim,
    product,
    table,
    window,
    with_rank,
)
from inspector.graph.tensors import Shape


def resize(view: View) -> Shapes:
    """``ResizeBilinear`` and kin: input 1 holds height and width."""
    data = view.ranked(0, 4)
    size = view.dims(1) or [None, None]
    height, width = with_rank(size, 2)
    return [[data[0], height, width, data[3]], *[[]] * (view.outputs - 1)]


def crop_and_resize(view: View) -> Shapes:
    """``CropAndResize``: one crop per box."""
    height, width = with_rank(view.dims(3) or [None, None], 2)
    boxes = merge_dim(view.ranked(1, 2)[0], view.ranked(2, 1)[0])
    return [[boxes, height, width, view.ranked(0, 4)[3]]]


def decode_image(view: View) -> Shapes:
    """``DecodeJpeg``, ``DecodePng``: the size is in the file."""
    return [[None, None, view.number("channels") or None]]


def suppression(view: View) -> Shapes:
    """``NonMaxSuppression`` V1 to V5: as many boxes as are left."""
    padded = view.flag("pad_to_max_output_size")
    picked: Shape = [view.scalar(2) if padded else None]
    if view.node.op.endswith("V5"):
        return [picked, picked, []]
    return [picked, []] if view.outputs == 2 else [picked]


def space_to_batch_nd(view: View) -> Shapes:
    """``SpaceToBatchND``: padded, then cut into blocks that become batch."""
    return [_blocks(view, to_batch=True)]


def batch_to_space_nd(view: View) -> Shapes:
    """``BatchToSpaceND``: the inverse, cropped."""
    return [_blocks(view, to_batch=False)]


def _blocks(view: View, *, to_batch: bool) -> Shape | None:
    data, block, amounts = view.shapes[0], view.items(1), view.values[2]
    if data is None or block is None:
        return None if data is None else [None] * len(data)
    count = len(block)
    if len(data) <= count or any(size is not None and size < 1 for size in block):
        raise Contradiction("more blocks than axes")
    pairs = amounts.items if amounts is not None else (None,) * (2 * count)
    if len(pairs) != 2 * count:
        raise Contradiction("not two amounts for each block")
    whole, batch = product(block), data[0]
    out: list[int | None] = []
    if batch is None or whole is None:
        out.append(None)
    elif to_batch:
        out.append(batch * whole)
    else:
        out.append(_divide(batch, whole))
    for index, size in enumerate(data[1 : count + 1]):
        before, after, step = pairs[2 * index], pairs[2 * index + 1], block[index]
        if size is None or before is None or after is None or step is None:
            out.append(None)
        elif to_batch:
            out.append(_divide(size + before + after, step))
        else:
            out.append(size * step - before - after)
    return out + data[count + 1 :]


def _divide(size: int, by: int) -> int:
    if size % by:
        raise Contradiction(f"{size} in blocks of {by}")
    return size // by


def depth_and_space(view: View) -> Shapes:
    """``DepthToSpace`` and ``SpaceToDepth``."""
    data, block = view.ranked(0, 4), view.number("block_size")
    _, spatial = layout(view, 4)
    if block < 1:
        raise Contradiction("a block size below 1")
    out = list(data)
    to_space = view.node.op == "DepthToSpace"
    for place in range(1, 4):
        size, factor = data[place], block if place in spatial else block * block
        if size is not None:
            out[place] = size * factor if to_space == (place in spatial) else _divide(size, factor)
    return [out]


def extract_patches(view: View) -> Shapes:
    """``ExtractImagePatches``: each patch laid out along the depth."""
    data = view.ranked(0, 4)
    sizes, strides, rates = (view.numbers(key) for key in ("ksizes", "strides", "rates"))
    padding = view.text("padding")
    spatial = [
        window(data[place], sizes[place], strides[place], padding, rates[place]) for place in (1, 2)
    ]
    depth = None if data[3] is None else data[3] * sizes[1] * sizes[2]
    return [[data[0], *spatial, depth]]


RULES = table(
    (
        resize,
        "ResizeBilinear ResizeNearestNeighbor ResizeBicubic ResizeArea QuantizedResizeBilinear",
    ),
    (crop_and_resize, "CropAndResize"),
    (decode_image, "DecodeJpeg DecodePng"),
    (suppression, "NonMaxSuppression NonMaxSuppressionV2 NonMaxSuppressionV3 NonMaxSuppressionV4"),
    (suppression, "NonMaxSuppressionV5"),
    (space_to_batch_nd, "SpaceToBatchND"),
    (batch_to_space_nd, "BatchToSpaceND"),
    (depth_and_space, "DepthToSpace SpaceToDepth"),
    (extract_patches, "ExtractImagePatches"),
)
