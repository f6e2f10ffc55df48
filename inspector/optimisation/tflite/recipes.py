"""The ways to quantise a TFLite model: one table for command line, Python, pages and docs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from inspector.errors import BadParameter, did_you_mean

NONE = "none"
"""In place of a recipe: the model stays as it is."""

_WEIGHT_OPS = frozenset(
    ("CONV_2D", "DEPTHWISE_CONV_2D", "EMBEDDING_LOOKUP", "FULLY_CONNECTED", "TRANSPOSE_CONV")
)
_STATIC_OPS = _WEIGHT_OPS - {"EMBEDDING_LOOKUP"} | {"BATCH_MATMUL"}


@dataclass(frozen=True)
class Recipe:
    """What becomes of weights and of the values between operators.

    Attributes:
        summary: What it does, for help and docs.
        weight_bits: Of a stored weight; 16 are a float16, fewer a whole number with a scale for
            each channel.
        activation_bits: Of the values between operators; None leaves them float32.
        computes_in_float: Weights are turned back into float32 when the model is loaded or run,
            else the operators compute with whole numbers.
        weight_ops: Operators whose weights it quantises.
        min_elements: By default, operators with a smaller weight stay float.
        warning: What to know before it is used; empty where there is nothing.
    """

    name: str
    summary: str
    weight_bits: int
    activation_bits: int | None = None
    computes_in_float: bool = False
    weight_ops: frozenset[str] = _WEIGHT_OPS | {"BATCH_MATMUL"}
    min_elements: int = 0
    warning: str = ""

    @property
    def needs_samples(self) -> bool:
        """Whether it measures the ranges of values on samples."""
        return self.activation_bits is not None


RECIPES: Mapping[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            "float16",
            "weights as float16; half the size, nearly the same answers",
            weight_bits=16,
            computes_in_float=True,
            weight_ops=_WEIGHT_OPS,
        ),
        Recipe(
            "dynamic",
            "8-bit weights; operators quantise their inputs as they run, in whole numbers",
            weight_bits=8,
            min_elements=4096,
        ),
        Recipe(
            "weights",
            "8-bit weights; operators compute in float32",
            weight_bits=8,
            computes_in_float=True,
            min_elements=4096,
        ),
        Recipe(
            "int8",
            "8-bit weights and activations, in ranges measured on samples",
            weight_bits=8,
            activation_bits=8,
            weight_ops=_STATIC_OPS,
        ),
        Recipe(
            "int4",
            "as dynamic, with 4-bit weights where LiteRT has kernels for them",
            weight_bits=4,
            weight_ops=frozenset(("CONV_2D", "EMBEDDING_LOOKUP", "FULLY_CONNECTED")),
            min_elements=4096,
            warning="4-bit weights change many answers of most networks, and convolutions with "
            "them run slower than in float32: compare the answers on rows of your own",
        ),
        Recipe(
            "int16",
            "8-bit weights and 16-bit activations, in ranges measured on samples",
            weight_bits=8,
            activation_bits=16,
            weight_ops=_STATIC_OPS,
            warning="on x86 a model with 16-bit activations runs 3 to 50 times slower than in "
            "float32, because LiteRT has no fast kernels for them there",
        ),
    )
}
"""Recipe by name."""

RECIPE_NAMES = (NONE, *RECIPES)
"""What may be asked for."""


def recipe_of(name: str) -> Recipe:
    """The recipe of this name. Raises: BadParameter."""
    if name not in RECIPES:
        why = f"no recipe{did_you_mean(name, RECIPES)}; there are {', '.join(RECIPES)}"
        raise BadParameter("quantise", name, why)
    return RECIPES[name]
