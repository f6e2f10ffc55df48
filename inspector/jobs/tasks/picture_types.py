"""The arguments and the answer of the job that decodes pictures; see `request_types`."""

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from inspector.optimisation.feeding.feed_images import PicturesJson


class PicturesArgs(TypedDict):
    """Key, dtype and shape of the input, and the pictures for it, whose bytes are blobs."""

    key: str
    dtype: str
    shape: list[int | None]
    pictures: "PicturesJson"


class PicturesAnswer(TypedDict):
    """Shape of the array, which is a blob."""

    shape: list[int]
