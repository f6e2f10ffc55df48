"""The options that quantise a TFLite model, of convert and optimise."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple

import click

from inspector import api
from inspector.cli.options import JSON, MODEL, SIGNATURE, TIMEOUT
from inspector.cli.output import open_model, progress_line, show
from inspector.cli.path_options import In
from inspector.printing import differences_text

_LISTED = "; ".join(f"{recipe.name}: {recipe.summary}" for recipe in api.RECIPES.values())
_SAMPLES, _SMALLEST = "--samples", "--min-elements"
_KEEP, _KEEP_OP, _KEEP_NODE = "--keep", "--keep-op", "--keep-node"


class Quantising(NamedTuple):
    """The values of the options."""

    recipe: str
    samples: str | None
    min_elements: int | None
    keep: tuple[str, ...]
    keep_ops: tuple[str, ...]
    keep_nodes: tuple[str, ...]

    def check(self, form: str, *, flex: bool = False) -> None:
        """Raises: click.UsageError where the options do not fit the format or each other."""
        if flex and form != "tflite":
            raise click.UsageError("--flex is for --to tflite")
        if self.recipe != "none":
            if form != "tflite":
                raise click.UsageError("--quantise is for --to tflite")
            return
        values = self[1:]
        flags = (_SAMPLES, _SMALLEST, _KEEP, _KEEP_OP, _KEEP_NODE)
        for flag, value in zip(flags, values, strict=True):
            if value not in (None, ()):
                raise click.UsageError(f"{flag} is for --quantise")

    def arguments(self, model: api.Model) -> dict[str, Any]:
        """The arguments of `api.convert`; reads the samples."""
        samples = None if self.samples is None else api.read_feeds(self.samples, model)
        return {
            "quantise": self.recipe,
            "samples": samples,
            "min_elements": self.min_elements,
            "keep": self.keep,
            "keep_ops": self.keep_ops,
            "keep_nodes": self.keep_nodes,
        }


_SAMPLES_OPTION = click.option(
    _SAMPLES,
    type=In(),
    metavar="FILE",
    help="Rows to measure ranges on (int8, int16) and to compare answers on: .npz, .csv or "
    ".json, keys as in predict; else random rows are compared.",
)
_SMALLEST_OPTION = click.option(
    _SMALLEST,
    type=click.IntRange(min=0),
    metavar="N",
    help="Operators with a weight of fewer elements stay float; by default "
    + ", ".join(
        f"{recipe.min_elements} for {recipe.name}"
        for recipe in api.RECIPES.values()
        if recipe.min_elements
    )
    + ", else 0.",
)
_OPTIONS = (
    click.option(
        "--quantise",
        type=click.Choice(api.RECIPE_NAMES),
        default="none",
        show_default=True,
        help=f"To tflite: {_LISTED}.",
    ),
    _SAMPLES_OPTION,
    _SMALLEST_OPTION,
    click.option(
        _KEEP,
        multiple=True,
        metavar="REGEX",
        help="Keep operators with an output of such a name in float; repeatable.",
    ),
    click.option(
        _KEEP_OP,
        "keep_ops",
        multiple=True,
        metavar="TYPE",
        help="Keep operators of a type in float, e.g. CONV_2D; repeatable.",
    ),
    click.option(
        _KEEP_NODE,
        "keep_nodes",
        multiple=True,
        metavar="NAME",
        help="Keep the operator of this node of the picture in float; repeatable.",
    ),
)


def quantise_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command these options; it gets them as one argument, `quantising`."""

    @wraps(command)
    def wrapped(
        *args: Any,
        quantise: str,
        samples: str | None,
        min_elements: int | None,
        keep: tuple[str, ...],
        keep_ops: tuple[str, ...],
        keep_nodes: tuple[str, ...],
        **more: Any,
    ) -> None:
        values = Quantising(quantise, samples, min_elements, keep, keep_ops, keep_nodes)
        command(*args, quantising=values, **more)

    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


@click.command()
@MODEL
@click.option("--quantise", type=click.Choice([*api.RECIPES]), required=True, help="The recipe.")
@_SAMPLES_OPTION
@_SMALLEST_OPTION
@SIGNATURE
@TIMEOUT
@JSON
def sensitivity(
    model: str,
    quantise: str,
    samples: str | None,
    min_elements: int | None,
    signature: str | None,
    timeout: float | None,
    as_json: bool,
) -> None:
    """How much each weight of a TFLite model, quantised alone, changes the outputs.

    The nodes at the top are for --keep-node of convert.
    """
    opened = open_model(model)
    rows = None if samples is None else api.read_feeds(samples, opened)
    with progress_line() as progress:
        answer = api.sensitivity(
            opened,
            quantise,
            rows,
            signature=signature,
            min_elements=min_elements,
            progress=progress,
            timeout=timeout,
        )
    content = answer.to_dict()
    show(content, as_json, lambda: differences_text.sensitivity(content))
