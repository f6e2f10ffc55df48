"""Where the values of feeds come from: a generator, typed texts, or a file."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NotRequired, TypedDict

from inspector.errors import BadFeed
from inspector.graph.graph import node_name
from inspector.optimisation import feeds
from inspector.optimisation.feeding import feed_images, feed_text
from inspector.optimisation.feeding.feed_images import PicturesJson
from inspector.optimisation.feeds import Slot


class RandomFeeds(TypedDict):
    """Random values: number of rows, and the seed of the generator."""

    kind: Literal["random"]
    batch: int
    seed: int


class RangeFeeds(TypedDict):
    """The numbers from 0 to ``n`` - 1 along the first dimension."""

    kind: Literal["range"]
    n: int


class TypedFeeds(TypedDict):
    """JSON texts by key of a slot or by node name; see `feed_text.from_text`.

    Attributes:
        pictures: In the same way; the bytes travel beside the JSON, see `picture_blob`.
    """

    kind: Literal["typed"]
    values: dict[str, str]
    pictures: NotRequired[dict[str, PicturesJson]]


class FileFeeds(TypedDict):
    """The file of this name, ``.npz``, JSON or CSV; its bytes travel beside the JSON."""

    kind: Literal["file"]
    name: str


class PackedFeeds(TypedDict):
    """Arrays of the caller, which travel beside the JSON; a task unpacks them itself."""

    kind: Literal["packed"]


FeedsJson = RandomFeeds | RangeFeeds | TypedFeeds | FileFeeds


@dataclass(frozen=True, slots=True)
class FeedSource:
    """A source of feeds as a job request names it.

    Attributes:
        json: The source and its parameters.
        file: The bytes of the file; empty for the other sources.
        blobs: The bytes of pictures, among others; see `picture_blob`.
    """

    json: FeedsJson
    file: bytes = b""
    blobs: Mapping[str, bytes] = field(default_factory=dict)

    def values(self, by_tensor: Mapping[str, Slot]) -> Mapping[str, Any]:
        """Arrays by key of their slots.

        Args:
            by_tensor: Tensor name to the slot to fill.
        Raises: BadFeed, LimitExceeded.
        """
        slots = list(by_tensor.values())
        source = self.json
        if source["kind"] == "random":
            return feeds.random_feeds(slots, source["batch"], source["seed"])
        if source["kind"] == "range":
            return feeds.range_feeds(slots, source["n"])
        if source["kind"] == "typed":
            return self._typed(source, by_tensor)
        name = source["name"]
        if name.lower().endswith(".npz"):
            return feeds.from_npz(io.BytesIO(self.file), name)
        try:
            text = self.file.decode("utf-8-sig")
        except UnicodeDecodeError as err:
            raise BadFeed(name, "feeds", "is neither .npz nor text in UTF-8") from err
        if name.lower().endswith(".json"):
            return feed_text.from_json(text, name)
        return feeds.from_csv(text, slots, name)

    def _typed(self, source: TypedFeeds, by_tensor: Mapping[str, Slot]) -> dict[str, Any]:
        """What was typed, and pictures, by key; what belongs to no slot is left out."""
        by_name = {slot.key: slot for slot in by_tensor.values()}
        by_name |= {node_name(name): slot for name, slot in by_tensor.items()}
        arrays = {
            by_name[key].key: feed_text.from_text(text, by_name[key])
            for key, text in source["values"].items()
            if key in by_name
        }
        for at, (key, json) in enumerate(source.get("pictures", {}).items()):
            if key in by_name:
                names = range(len(json["names"]))
                data = [self.blobs.get(picture_blob(at, number), b"") for number in names]
                slot = by_name[key]
                arrays[slot.key] = feed_images.from_pictures(data, json, slot)
        return arrays


def picture_blob(at: int, number: int) -> str:
    """The name of the blob with a picture: `number` of the input `at` of ``pictures``."""
    return f"picture.{at}.{number}"
