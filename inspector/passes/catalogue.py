"""The table of transforms and presets, as scripts and the command line read it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from inspector.passes import PASSES
from inspector.passes.base import Kind
from inspector.passes.gains import GAINS
from inspector.passes.presets import PRESETS, Preset
from inspector.printing.short_record import ShortRecord


@dataclass(frozen=True, repr=False)
class Parameter(ShortRecord):
    """A parameter of a transform.

    Attributes:
        name: As it is written in the transforms string.
        kind: ``text``, ``texts`` (repeatable), ``integer``, ``number`` or ``switch``.
        default: Its value where it is left out; None for one that is required.
        required: It has to be given.
        sentence: What it does.
        choices: The allowed values, if they are few.
    """

    name: str
    kind: Kind
    default: str | int | float | bool | list[str] | None
    required: bool
    sentence: str
    choices: list[str]


@dataclass(frozen=True, repr=False)
class Transform(ShortRecord):
    """A transform that `optimise` runs.

    Attributes:
        name: As it is written in the transforms string.
        summary: What it does, in one sentence.
        effect: What it promises about the outputs: ``exact``, ``rounding``, ``lossy`` or
            ``unchecked``.
        size: What it does to the size of the file, in a few words.
        speed: What it does to the speed of a run, likewise.
        needs_kernels: It runs ops of the model, in a worker with TensorFlow.
        source: The original implementation, below tensorflow/tools/; ``inspector`` if there is
            none.
        before: Which transforms should run before it, and why; empty where it can run at any time.
        params: Its parameters.
    """

    name: str
    summary: str
    effect: str
    size: str
    speed: str
    needs_kernels: bool
    source: str
    before: str
    params: tuple[Parameter, ...]

    def to_dict(self) -> dict[str, Any]:
        """An entry of ``transforms`` in the JSON of ``inspector transforms``."""
        return asdict(self)


def transforms() -> dict[str, Transform]:
    """All transforms by name: what each does, promises and takes."""
    rows = {name: PASSES[name].to_dict() | GAINS[name]._asdict() for name in sorted(PASSES)}
    return {
        name: Transform(**{**row, "params": tuple(Parameter(**item) for item in row["params"])})
        for name, row in rows.items()
    }


def presets() -> dict[str, Preset]:
    """The named lists of transforms, from the least to the most invasive."""
    return dict(PRESETS)
