"""Which inputs, and which outputs, of two models are the same: by key, by tensor, else by shape.

A SavedModel, its frozen graph and its TFLite model name the same tensor in different ways.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inspector.errors import BadFeed, did_you_mean
from inspector.graph.graph import node_name
from inspector.graph.tensors import Array, Shape
from inspector.optimisation.feeds import Slot

_LISTED = 12
_REAL = frozenset(("float64", "float32", "float16", "bfloat16", "int8", "uint8", "int16"))


@dataclass(frozen=True)
class End:
    """An input or an output of a model.

    Attributes:
        key: What the signature calls it, else the name of its node or tensor.
        tensor: The name under which it is fed or fetched.
        shape: As in `Slot`.
        slot: Of an input: what generated values should be like.
        optional: The model runs without a value for it.
    """

    key: str
    tensor: str
    dtype: str
    shape: Shape | None
    slot: Slot | None = None
    optional: bool = False

    def fits(self, other: End) -> bool:
        """Whether dtypes agree, and shapes where both are known."""
        return self.dtype == other.dtype and self._has_shape_of(other)

    def is_like(self, other: End) -> bool:
        """Whether one may be the other one quantised: the dtypes of both can stand for reals."""
        return {self.dtype, other.dtype} <= _REAL and self._has_shape_of(other)

    def _has_shape_of(self, other: End) -> bool:
        if self.shape is None or other.shape is None:
            return True
        pairs = zip(self.shape, other.shape, strict=False)
        return len(self.shape) == len(other.shape) and all(
            a is None or b is None or a == b for a, b in pairs
        )


def correspond(a: Sequence[End], b: Sequence[End]) -> dict[str, End]:
    """Key of an end of A to the end of B; those that have no counterpart are left out."""
    pairs: dict[str, End] = {}
    for name in (_by_key, _by_tensor, _by_node):
        free = {name(end): end for end in b if end not in pairs.values()}
        for end in a:
            if end.key not in pairs and name(end) in free:
                pairs[end.key] = free.pop(name(end))
    for end in a:
        if end.key in pairs:
            continue
        rest = [other for other in b if other not in pairs.values()]
        unpaired = [one for one in a if one.key not in pairs]
        fitting = [other for other in rest if end.fits(other)]
        if len(fitting) == 1 and sum(one.fits(fitting[0]) for one in unpaired) == 1:
            pairs[end.key] = fitting[0]
        elif len(rest) == len(unpaired) == 1 and end.is_like(rest[0]):
            pairs[end.key] = rest[0]
    return pairs


def by_key(feeds: Mapping[str, Any], inputs: Sequence[End], name: str) -> dict[str, Any]:
    """Feeds under the keys of the inputs: they may be named by key, tensor or node.

    Raises: BadFeed for a name that is no input of the model `name`, and for one that is fed twice.
    """
    values: dict[str, Any] = {}
    ways: tuple[Callable[[End], str], ...] = (_by_key, _by_tensor, _by_node)
    for key, value in feeds.items():
        end = next((end for way in ways for end in inputs if way(end) == key), None)
        if end is None:
            keys = [item.key for item in inputs]
            listed = did_you_mean(key, keys) or f"; known: {', '.join(keys[:_LISTED])}"
            raise BadFeed("feeds", key, f"{name} has no such input{listed}")
        if end.key in values:
            raise BadFeed("feeds", key, f"'{end.key}' is fed twice")
        values[end.key] = value
    return values


def for_model(
    values: Mapping[str, Array], of: Sequence[End], inputs: Sequence[End], name: str
) -> dict[str, Array]:
    """The same feeds for another model.

    Args:
        values: By key of the ends in `of`, the inputs of the model that they were made for.
        inputs: The inputs of the other model, called `name`.
    Returns: By name of its tensors, those that it has.
    Raises: BadFeed where it needs an input that none of these is.
    """
    pairs = correspond(of, inputs)
    fed = {pairs[key].tensor: value for key, value in values.items() if key in pairs}
    for end in inputs:
        if end.tensor not in fed and not end.optional:
            raise BadFeed("feeds", end.key, f"{name} needs it, and no feed corresponds to it")
    return fed


def rows(values: Iterable[Array]) -> int:
    """The first dimension of feeds; 1 where there is none."""
    return max((array.shape[0] for array in values if array.ndim), default=1)


def first_rows(feeds: Mapping[str, Array], count: int) -> dict[str, Array]:
    """The first rows of feeds; those without the common first dimension stay as they are."""
    every = rows(feeds.values())
    return {
        key: value[:count] if value.ndim and value.shape[0] == every else value
        for key, value in feeds.items()
    }


def _by_key(end: End) -> str:
    return end.key


def _by_tensor(end: End) -> str:
    return end.tensor


def _by_node(end: End) -> str:
    return node_name(end.tensor)
