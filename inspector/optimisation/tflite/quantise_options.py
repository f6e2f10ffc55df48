"""What a request to quantise a TFLite model says, checked before anything runs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TypedDict

from inspector.errors import BadParameter
from inspector.optimisation.tflite.recipes import Recipe, recipe_of


class QuantiseJson(TypedDict):
    """A `QuantiseOptions`."""

    recipe: str
    min_elements: int | None
    keep: list[str]
    keep_ops: list[str]
    keep_nodes: list[str]


@dataclass(frozen=True)
class QuantiseOptions:
    """A recipe, and the operators that stay float.

    Attributes:
        recipe: A key of `recipes.RECIPES`.
        min_elements: Operators with a smaller weight stay float; None for the recipe's default.
        keep: Regular expressions; an operator whose output's name has a match stays float.
        keep_ops: Types of operators that stay float, e.g. ``CONV_2D``.
        keep_nodes: Nodes of the picture that stay float.
    """

    recipe: str
    min_elements: int | None = None
    keep: tuple[str, ...] = ()
    keep_ops: tuple[str, ...] = ()
    keep_nodes: tuple[str, ...] = ()

    def check(self) -> Recipe:
        """The recipe. Raises: BadParameter for an unknown one, a negative size, a bad regex."""
        if self.min_elements is not None and self.min_elements < 0:
            raise BadParameter("quantise", "min_elements", f"is {self.min_elements}: 0 or more")
        for text in self.keep:
            try:
                re.compile(text)
            except re.error as err:
                why = f"is no regular expression: {err}"
                raise BadParameter("quantise", f"keep '{text}'", why) from err
        return recipe_of(self.recipe)

    @property
    def smallest(self) -> int:
        """The fewest elements of a weight that is quantised."""
        default = recipe_of(self.recipe).min_elements
        return default if self.min_elements is None else self.min_elements

    def to_json(self) -> QuantiseJson:
        """The way to a worker."""
        fields = asdict(self)
        return {
            "recipe": self.recipe,
            "min_elements": self.min_elements,
            "keep": list(fields["keep"]),
            "keep_ops": list(fields["keep_ops"]),
            "keep_nodes": list(fields["keep_nodes"]),
        }

    @classmethod
    def from_json(cls, data: QuantiseJson) -> QuantiseOptions:
        """What `to_json` gave."""
        return cls(
            data["recipe"],
            data["min_elements"],
            *(_texts(data[key]) for key in ("keep", "keep_ops", "keep_nodes")),
        )


def _texts(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(values)
