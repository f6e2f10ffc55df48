"""The pipelines that a search tries: one table for command line, Python, page and docs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inspector.optimisation.tflite.recipes import RECIPES
from inspector.passes.parser import parse
from inspector.passes.presets import PRESETS

FREEZE_ONLY = "freeze only"
AS_IT_IS = "as it is"
"""The names of the candidate that all others are compared with; the second for a TFLite model."""
FLOAT = "TFLite"
"""The name of the candidate that the quantised ones are made from."""
SAVED_MODEL, TFLITE = "saved_model", "tflite"

_NOT_TRIED = {"int16"}
"""Recipes whose warning says that they are slow here, so that a time would mislead."""
_TIDY = PRESETS["tidy"].transforms
_FASTER = PRESETS["faster"].transforms


@dataclass(frozen=True)
class Candidate:
    """One pipeline.

    Attributes:
        name: For people, and the key of the candidate in JSON.
        transforms: The list of transforms, after freezing.
        to: ``saved_model`` or ``tflite``.
        quantise: A recipe for the TFLite model, see `recipes.RECIPES`; None for float32.
        spares_worst: A tenth of the operators stays float32, at least one: those whose weights
            change the answers most when they alone are quantised.
    """

    name: str
    transforms: str = ""
    to: str = SAVED_MODEL
    quantise: str | None = None
    spares_worst: bool = False

    @property
    def complexity(self) -> tuple[int, int]:
        """Of two candidates that cannot be told apart, the one with the smaller value is chosen.

        A model that TensorFlow runs needs no other runtime; then the fewer steps the better.
        Samples count as a step.
        """
        calls = len(parse(self.transforms)) if self.transforms else 0
        steps = [self.quantise is not None, self.needs_samples, self.spares_worst]
        return int(self.to == TFLITE), calls + sum(steps)

    @property
    def needs_samples(self) -> bool:
        """Whether its recipe measures ranges on the rows of the user."""
        return self.quantise is not None and RECIPES[self.quantise].needs_samples


def _then(start: str, *more: str) -> str:
    """A list of transforms that ends with ``sort_by_execution_order``, with others before that."""
    head = start.removesuffix(" sort_by_execution_order")
    return " ".join((head, *more, "sort_by_execution_order"))


_QUANTISED = (
    *(
        Candidate(f"TFLite {name}", to=TFLITE, quantise=name)
        for name in RECIPES
        if name not in _NOT_TRIED
    ),
    *(
        Candidate(f"TFLite {name}, the worst float", to=TFLITE, quantise=name, spares_worst=True)
        for name in ("dynamic", "weights")
    ),
)

_OF_GRAPHS = (
    Candidate(FREEZE_ONLY),
    *(Candidate(f"preset {name}", preset.transforms) for name, preset in PRESETS.items()),
    Candidate("Grappler", _then(_TIDY, "grappler")),
    Candidate("Grappler and remap", f"{_then(_FASTER, 'grappler')} grappler_remap"),
    Candidate("16-bit weights", _then(_FASTER, "quantize_weights(mode=float16, minimum_size=64)")),
    Candidate(
        "8-bit weights per channel",
        _then(_FASTER, "quantize_weights(mode=per_channel, minimum_size=1024)"),
    ),
    Candidate(FLOAT, to=TFLITE),
    *_QUANTISED,
)


def candidates(*, is_lite: bool) -> Sequence[Candidate]:
    """The candidates, the one that the others are compared with first.

    Args:
        is_lite: For a TFLite model, which is not frozen and not transformed.
    """
    return (Candidate(AS_IT_IS, to=TFLITE), *_QUANTISED) if is_lite else _OF_GRAPHS
