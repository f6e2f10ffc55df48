"""What quantising a model changed, and by how much its outputs differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypedDict

from inspector.printing import differences_text
from inspector.printing.short_record import ShortRecord
from inspector.printing.text_tables import html
from inspector.schemas import stamped
from inspector.text import count, plain


class QuantisedOutputJson(TypedDict):
    """An `QuantisedOutput`."""

    max_abs: float | None
    mean_abs: float | None
    max_rel: float | None
    argmax_equal: float | None
    changed: int
    real: bool


class QuantiseAnswer(TypedDict):
    """The fields of a `QuantisationReport`, from a worker."""

    types: dict[str, int]
    rows: int
    rows_from: str
    outputs: dict[str, QuantisedOutputJson]
    unchecked: str
    notes: list[str]


class LayerJson(TypedDict):
    """A `LayerSensitivity`."""

    node: str
    op: str
    weight: str
    elements: int
    outputs: dict[str, QuantisedOutputJson]
    error: str


class SensitivityAnswer(TypedDict):
    """The layers in the order of the file, and the rows that they were tried on, from a worker."""

    rows: int
    rows_from: str
    layers: list[LayerJson]


@dataclass(frozen=True, repr=False)
class QuantisedOutput(ShortRecord):
    """One output on the same rows before and after; None where a figure does not apply.

    Attributes:
        max_abs, mean_abs: The largest and the mean difference.
        max_rel: The largest difference by the largest absolute value of the output before.
        argmax_equal: Share of rows with the largest entry in the same place; of text and whole
            numbers, of equal rows.
        changed: Number of the other rows.
        real: The output is real numbers.
    """

    max_abs: float | None
    mean_abs: float | None
    max_rel: float | None
    argmax_equal: float | None
    changed: int
    real: bool


@dataclass(frozen=True, repr=False)
class QuantisationReport:
    """What a recipe did.

    Attributes:
        recipe: Its name.
        types: Type to the number of tensors that are stored in it now.
        rows: Rows that both models were run on; 0 where they were not.
        rows_from: ``samples``, or ``random``.
        outputs: Differences by output.
        unchecked: Why the models were not compared; empty where they were.
        notes: Sentences on the recipe and the file.
    """

    recipe: str
    types: Mapping[str, int]
    rows: int
    rows_from: str
    outputs: Mapping[str, QuantisedOutput]
    unchecked: str = ""
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        tensors, most = count(self.tensors, "tensor"), self.max_difference
        far = "not compared" if most is None else f"differs by at most {most:.3g}"
        return f"<QuantisationReport {self.recipe}: {tensors}, {far}>"

    def _repr_html_(self) -> str:
        return html("\n".join(map(plain, self.sentences())))

    @property
    def tensors(self) -> int:
        """How many tensors are stored in another type now."""
        return sum(self.types.values())

    @property
    def max_difference(self) -> float | None:
        """The largest difference of an output of real numbers; of any, where there is none."""
        return largest(self.outputs, "max_abs")

    def to_dict(self) -> dict[str, Any]:
        """As JSON, see docs/tflite.md."""
        return {**asdict(self), "tensors": self.tensors, "max_difference": self.max_difference}

    def sentences(self) -> Iterator[str]:
        """The report as text, a sentence each."""
        types = ", ".join(f"{number} as {name}" for name, number in self.types.items())
        yield f"Quantised by the recipe {self.recipe}: {types}."
        if self.unchecked:
            yield f"The answers were not compared: {self.unchecked}."
        rows = f"{self.rows:,} {'random rows' if self.rows_from == 'random' else 'rows'}"
        for name, item in self.outputs.items():
            yield f"{name}: {_difference(item, rows, self.rows)}."
        yield from self.notes


@dataclass(frozen=True, repr=False)
class LayerSensitivity(ShortRecord):
    """One operator whose weight alone was quantised.

    Attributes:
        node: The operator's name, as the picture and `convert(keep_nodes=..)` have it.
        op: Its type.
        weight: The name of the weight, of `elements` numbers.
        outputs: Differences to the float model by output.
        error: Why it was not tried; empty where it was.
    """

    node: str
    op: str
    weight: str
    elements: int
    outputs: Mapping[str, QuantisedOutput]
    error: str = ""

    @property
    def difference(self) -> float | None:
        """The largest difference of an output, by that output's largest value."""
        return largest(self.outputs, "max_rel")


@dataclass(frozen=True, repr=False)
class Sensitivity:
    """How much each weight, quantised alone, changes the outputs.

    Attributes:
        recipe: The recipe that was tried on each.
        layers: The largest difference first; those that were not tried last.
        rows: Rows that the models were run on.
        rows_from: ``samples``, or ``random``.
    """

    recipe: str
    layers: tuple[LayerSensitivity, ...]
    rows: int
    rows_from: str

    def __repr__(self) -> str:
        weights, rows = count(len(self.layers), "weight"), count(self.rows, "row")
        return f"<Sensitivity to {self.recipe}: {weights} on {rows}>"

    def _repr_html_(self) -> str:
        return html(differences_text.sensitivity(self.to_dict()))

    @classmethod
    def of(
        cls, recipe: str, layers: Iterable[LayerSensitivity], rows: int, rows_from: str
    ) -> Sensitivity:
        """The layers in the order of their differences."""
        ordered = sorted(layers, key=lambda layer: (layer.error != "", -(layer.difference or 0.0)))
        return cls(recipe, tuple(ordered), rows, rows_from)

    def worst(self, count: int) -> list[str]:
        """The nodes with the largest differences, for ``convert(keep_nodes=..)``."""
        return [layer.node for layer in self.layers if not layer.error][:count]

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        layers = [{**asdict(layer), "difference": layer.difference} for layer in self.layers]
        return stamped({**asdict(self), "layers": layers})


def largest(outputs: Mapping[str, QuantisedOutput], figure: str) -> float | None:
    """The largest of a figure over the outputs of real numbers; over all, where there is none."""
    real = [item for item in outputs.values() if item.real]
    values = [getattr(item, figure) for item in real or outputs.values()]
    return max((value for value in values if value is not None), default=None)


def _difference(item: QuantisedOutput, text: str, rows: int) -> str:
    if not item.real:
        return f"{item.changed:,} of {text} differ"
    if item.max_abs is None:
        return f"cannot be compared on {text}"
    far = f"differs by at most {item.max_abs:.3g} on {text}"
    if item.argmax_equal is None:
        return far
    return f"{far}, the largest entry is the same in {100 * item.argmax_equal:.4g} %"
