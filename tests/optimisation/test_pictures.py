"""Pictures as feeds, held against TensorFlow's decoder and the preprocessing of Keras."""

from __future__ import annotations

import io
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from inspector.errors import BadFeed, LimitExceeded
from inspector.optimisation.feeding import feed_images
from inspector.optimisation.feeding.feed_images import from_pictures, takes_pictures
from inspector.optimisation.feeds import Slot

RGB = Slot("image", "float32", [None, 24, 32, 3])


def photo(height: int = 24, width: int = 32, mode: str = "RGB") -> Image.Image:
    """A gradient with a bright corner."""
    rows, columns = np.mgrid[0:height, 0:width]
    pixels = np.stack([rows * 255 // height, columns * 255 // width, rows * 0 + 90], -1)
    pixels[: height // 4, : width // 4] = 255
    return Image.fromarray(pixels.astype(np.uint8)).convert(mode)


def saved(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def fed(*pictures: bytes, slot: Slot = RGB, fit: str = "stretch", scale: str | None = None) -> Any:
    names = [f"{number}.png" for number in range(len(pictures))]
    return from_pictures(pictures, {"names": names, "fit": fit, "scale": scale}, slot)


@pytest.mark.parametrize(
    ("dtype", "shape", "expected"),
    [
        ("float32", [None, 224, 224, 3], True),
        ("uint8", [1, None, None, 1], True),
        ("float32", [None, 32, 32, 4], True),
        ("float32", [None, 32, 32, 5], False),
        ("float32", [None, 4, 4, 3], False),
        ("float32", [None, 32, 3], False),
        ("string", [None, 32, 32, 3], False),
        ("float32", None, False),
    ],
)
def test_which_inputs_take_pictures(dtype: str, shape: Any, expected: bool) -> None:
    assert takes_pictures(dtype, shape) is expected


@pytest.mark.tensorflow
@pytest.mark.parametrize("form", ["PNG", "JPEG"])
@pytest.mark.parametrize(("mode", "channels"), [("RGB", 3), ("L", 1), ("RGBA", 4)])
def test_pixels_are_those_that_tensorflow_decodes(form: str, mode: str, channels: int) -> None:
    import tensorflow as tf

    if form == "JPEG" and channels == 4:
        return
    data = saved(photo(mode=mode), form)
    slot = Slot("x", "uint8", [None, 24, 32, channels])
    if form == "PNG":
        expected = tf.io.decode_png(data, channels=channels).numpy()
    else:  # by default TensorFlow decodes faster and less exactly
        options = {"channels": channels, "dct_method": "INTEGER_ACCURATE"}
        expected = tf.io.decode_jpeg(data, **options).numpy()
    # The colours of a JPEG may be rounded differently.
    assert np.abs(fed(data, slot=slot)[0].astype(int) - expected).max() <= (form == "JPEG")


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("scale", "mode"), [("symmetric", "tf"), ("torch", "torch"), ("caffe",) * 2]
)
def test_scales_are_those_of_keras(scale: str, mode: str) -> None:
    from keras.applications.imagenet_utils import preprocess_input

    image = photo()
    expected = preprocess_input(np.asarray(image, np.float32)[None], mode=mode)
    np.testing.assert_allclose(fed(saved(image), scale=scale), expected, atol=1e-4)


@pytest.mark.tensorflow
def test_a_larger_picture_is_resized_as_tensorflow_does_with_antialias() -> None:
    import tensorflow as tf

    image = photo(60, 80)
    expected = tf.image.resize(np.asarray(image), (24, 32), antialias=True).numpy()
    # Pillow rounds to whole pixels after each direction.
    assert np.abs(fed(saved(image), scale="raw")[0] - expected).max() <= 2


def test_defaults_by_dtype() -> None:
    data = saved(photo())
    pixels = np.asarray(photo())
    np.testing.assert_allclose(fed(data)[0], pixels / np.float32(255), rtol=1e-6)
    assert (fed(data, slot=Slot("x", "uint8", [1, 24, 32, 3]))[0] == pixels).all()
    signed = fed(data, slot=Slot("x", "int8", [1, 24, 32, 3]))
    assert signed.dtype == np.int8
    assert (signed[0].astype(int) == pixels.astype(int) - 128).all()


def test_several_pictures_are_rows() -> None:
    assert fed(saved(photo()), saved(photo(9, 9))).shape == (2, 24, 32, 3)
    with pytest.raises(BadFeed, match=r"\[2, 24, 32, 3\]"):
        fed(saved(photo()), saved(photo()), slot=Slot("x", "uint8", [1, 24, 32, 3]))
    open_size = Slot("x", "float32", [None, None, None, 3])
    assert fed(saved(photo(40, 50)), slot=open_size).shape == (1, 40, 50, 3)
    with pytest.raises(BadFeed, match="differ in size"):
        fed(saved(photo(40, 50)), saved(photo(50, 40)), slot=open_size)


def test_crop_and_pad_keep_the_proportions() -> None:
    white = saved(Image.new("RGB", (100, 50), "white"))
    square = Slot("x", "uint8", [None, 40, 40, 3])
    assert (fed(white, slot=square, fit="crop") == 255).all()
    padded = fed(white, slot=square, fit="pad")[0]
    assert (padded[10:30] == 255).all()
    assert not padded[:10].any()
    assert not padded[30:].any()


def test_sixteen_bits_and_turned_pictures() -> None:
    wide = Image.fromarray(np.full((24, 32), 0x80FF, np.uint16))
    assert (fed(saved(wide), slot=Slot("x", "uint8", [None, 24, 32, 1])) == 0x80).all()
    turned = photo().getexif()
    turned[0x0112] = 3  # upside down
    data = saved(photo(), "JPEG", exif=turned, quality=100, subsampling=0)
    pixels = fed(data, slot=Slot("x", "uint8", [None, 24, 32, 3]))[0].astype(int)
    assert np.abs(pixels - np.asarray(photo()).astype(int)[::-1, ::-1]).mean() < 3


def test_what_is_no_picture_is_named() -> None:
    whole = saved(photo())
    for data in (b"", b"GIF89a", whole[: len(whole) // 2], saved(photo(), "BMP")):
        with pytest.raises(BadFeed, match="is no PNG or JPEG"):
            fed(data)
    with pytest.raises(BadFeed, match="takes no pictures"):
        fed(saved(photo()), slot=Slot("x", "float32", [None, 4]))
    with pytest.raises(BadFeed, match="the scale of pixels"):
        fed(saved(photo()), slot=Slot("x", "uint8", [None, 24, 32, 3]), scale="unit")
    with pytest.raises(BadFeed, match="the scale of pixels"):
        fed(saved(photo()), slot=Slot("x", "float32", [None, 24, 32, 1]), scale="caffe")


def test_a_picture_that_claims_billions_of_pixels_is_refused() -> None:
    data = bytearray(saved(Image.new("L", (8, 8))))
    for width, height in ((8000, 8000), (60_000, 60_000)):
        data[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
        crc = zlib.crc32(bytes(data[12:29])).to_bytes(4, "big")
        data[29:33] = crc
        with pytest.raises(LimitExceeded, match="million pixels"):
            fed(bytes(data))


def test_every_scale_and_fit_has_a_title() -> None:
    assert set(feed_images.scales_for("float32", 3)) == set(feed_images.SCALES)
    assert feed_images.scales_for("float32", 3)[0] == "unit"
    assert feed_images.scales_for("int8", 3) == ["raw"]
