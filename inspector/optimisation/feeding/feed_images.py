"""Pictures as feeds: PNG and JPEG decoded, resized and scaled to what an input takes.

The decoders are native code, and a picture may be made to attack them: `from_pictures` is called in
a worker only.
"""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Sequence
from typing import Any, TypedDict

import numpy as np

from inspector.errors import BadFeed, LimitExceeded
from inspector.graph.tensors import Array
from inspector.optimisation import feeds
from inspector.optimisation.feeds import Slot

SUFFIXES = (".png", ".jpg", ".jpeg")
MOST_PIXELS = 50_000_000
"""Of one picture as it is decoded; a few kilobytes can claim billions."""
FITS = {
    "stretch": "Stretch to the input's size",
    "crop": "Fill the size, cut off what is outside",
    "pad": "Fit inside, black around it",
}
SCALES = {
    "unit": "0 to 1",
    "symmetric": "−1 to 1",
    "raw": "0 to 255",
    "torch": "0 to 1, less ImageNet's mean, by its deviation",
    "caffe": "BGR, 0 to 255, less ImageNet's mean",
}
"""What the numbers of a pixel become; the last four are modes of `keras.applications`."""

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_LEAST_SIDE = 8
"""Pixels; a smaller known height or width is taken for something else than a picture."""
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_MEAN_BGR = (103.939, 116.779, 123.68)
_FLOATS = ("float16", "bfloat16", "float32", "float64")
_INTEGERS = ("uint8", "int8", "int16", "int32", "int64")


class PicturesJson(TypedDict):
    """Pictures for one input: their names, and a key of `FITS` and of `SCALES`.

    Attributes:
        scale: None for 0 to 1 where the input takes floats, for whole pixels otherwise.
    """

    names: list[str]
    fit: str
    scale: str | None


def takes_pictures(dtype: str, shape: Sequence[int | None] | None) -> bool:
    """Whether an input looks like pictures: ``[rows, height, width, 1, 3 or 4]`` of numbers."""
    if shape is None or len(shape) != 4 or shape[3] not in _MODES:
        return False
    sides = all(side is None or side >= _LEAST_SIDE for side in shape[1:3])
    return sides and dtype in (*_FLOATS, *_INTEGERS)


def scales_for(dtype: str, channels: int | None) -> list[str]:
    """The keys of `SCALES` that fit an input, the default first."""
    if dtype not in _FLOATS:
        return ["raw"]
    return [key for key in SCALES if channels == 3 or key not in ("torch", "caffe")]


def from_pictures(pictures: Sequence[bytes], json: PicturesJson, slot: Slot) -> Array:
    """One row per picture: ``[rows, height, width, channels]`` in the dtype of the slot.

    A size that the slot leaves open is that of the picture. Pixels of ``int8`` are shifted by -128,
    as quantised models have them.

    Raises: BadFeed for what is no picture, or an input that takes none; LimitExceeded.
    """
    if not takes_pictures(slot.dtype, slot.shape):
        raise BadFeed("feeds", slot.key, f"takes no pictures; needs {slot}")
    assert slot.shape is not None
    height, width, channels = slot.shape[1:]
    allowed = scales_for(slot.dtype, channels)
    scale = json["scale"] or allowed[0]
    if json["fit"] not in FITS or scale not in allowed:
        why = f"the scale of pixels is one of {', '.join(allowed)}, the fit of {', '.join(FITS)}"
        raise BadFeed("feeds", slot.key, why)
    size = (height or 0) * (width or 0) * (channels or 1) * len(pictures) * 8
    if size > feeds.MAX_BYTES:
        why = f"{len(pictures)} pictures take more than {feeds.MAX_BYTES >> 20:,} MiB"
        raise LimitExceeded("feeds", slot.key, why)
    rows = [
        _resized(data, name, slot, json["fit"])
        for data, name in zip(pictures, json["names"], strict=True)
    ]
    if len({row.shape for row in rows}) > 1:
        why = "the pictures differ in size, and the input leaves the size open; give one at a time"
        raise BadFeed("feeds", slot.key, why)
    return feeds.fit(_scaled(np.stack(rows), scale, slot.dtype), slot)


def _resized(data: bytes, name: str, slot: Slot, fit: str) -> Array:
    """The pixels of a picture, ``uint8``."""
    from PIL import Image, ImageOps

    assert slot.shape is not None
    _, height, width, channels = slot.shape
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image: Any = Image.open(io.BytesIO(data), formats=("PNG", "JPEG"))
            if math.prod(image.size) > MOST_PIXELS:
                raise Image.DecompressionBombError
            image = ImageOps.exif_transpose(_eight_bits(image)).convert(_MODES[channels or 3])
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError) as err:
        why = f"has more than {MOST_PIXELS // 1_000_000} million pixels"
        raise LimitExceeded(name, "picture", why) from err
    except (OSError, ValueError, SyntaxError, IndexError, KeyError, TypeError) as err:
        raise BadFeed(name, "picture", "is no PNG or JPEG that can be read") from err
    target = (width or image.width, height or image.height)
    if fit == "crop":
        image = ImageOps.fit(image, target, Image.Resampling.BILINEAR)
    elif fit == "pad":
        image = ImageOps.pad(image, target, Image.Resampling.BILINEAR)
    elif image.size != target:
        image = image.resize(target, Image.Resampling.BILINEAR)
    pixels = np.asarray(image, np.uint8)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _eight_bits(image: Any) -> Any:
    """A picture of 16 bits in 8: Pillow's own conversion cuts off all that is above 255."""
    from PIL import Image

    if not image.mode.startswith("I"):
        return image
    return Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8))


def _scaled(pixels: Array, scale: str, dtype: str) -> Array:
    if dtype == "int8":
        return (pixels.astype(np.int16) - 128).astype(np.int8)
    if dtype not in _FLOATS:
        return pixels
    values: Array = pixels.astype(np.float32)
    if scale == "raw":
        return values
    if scale == "symmetric":
        return values / np.float32(127.5) - np.float32(1)
    if scale == "caffe":
        return values[..., ::-1] - np.array(_MEAN_BGR, np.float32)
    values = values / np.float32(255)
    if scale == "torch":
        values = (values - np.array(_MEAN, np.float32)) / np.array(_DEVIATION, np.float32)
    return values
