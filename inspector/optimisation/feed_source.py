"""Where the values of feeds come from: a generator, typed texts, or a file."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from inspector.errors import BadFeed
from inspector.graph.graph import node_name
from inspector.optimisation import feeds
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
    """JSON texts by key of a slot or by node name; see `feeds.from_text`."""

    kind: Literal["typed"]
    values: dict[str, str]


class FileFeeds(TypedDict):
    """The file of this name, ``.npz`` or CSV; its bytes travel beside the JSON."""

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
    """

    json: FeedsJson
    file: bytes = b""

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
            by_name = {slot.key: slot for slot in slots}
            by_name |= {node_name(name): slot for name, slot in by_tensor.items()}
            texts = {key: text for key, text in source["values"].items() if key in by_name}
            return {
                by_name[key].key: feeds.from_text(text, by_name[key]) for key, text in texts.items()
            }
        name = source["name"]
        if name.lower().endswith(".npz"):
            return feeds.from_npz(io.BytesIO(self.file), name)
        try:
            return feeds.from_csv(self.file.decode("utf-8-sig"), slots, name)
        except UnicodeDecodeError as err:
            raise BadFeed(name, "feeds", "is neither .npz nor text in UTF-8") from err
