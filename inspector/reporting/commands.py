"""The command line and the Python that repeat an optimisation or a report, to be copied."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from inspector.optimisation.optimise_options import OptimiseJson
from inspector.optimisation.tflite.quantise_options import QuantiseJson
from inspector.printing.short_record import ShortRecord


@dataclass(frozen=True)
class Quantising:
    """How a TFLite model is quantised.

    Args:
        options: The JSON of `QuantiseOptions`.
        samples: The path of a file; None for the model's own rows or random ones.
    """

    options: QuantiseJson
    samples: str | None = None

    def words(self) -> list[str]:
        """The options of the command line."""
        options = self.options
        words = [f"--quantise={options['recipe']}"]
        if self.samples is not None:
            words.append(f"--samples={self.samples}")
        if options["min_elements"] is not None:
            words.append(f"--min-elements={options['min_elements']}")
        for flag, key in _KEEP_FLAGS.items():
            words += [f"--{flag}={value}" for value in options[key]]
        return words

    def arguments(self) -> dict[str, Any]:
        """The arguments of `inspector.convert`; ``samples`` are those of `samples_line`."""
        options = self.options
        keep: dict[str, Any] = {key: options[key] or None for key in _KEEP_FLAGS.values()}
        return {"quantise": options["recipe"], "min_elements": options["min_elements"], **keep}

    def samples_line(self) -> list[str]:
        """The line of Python that reads the samples; none without a file."""
        if self.samples is None:
            return []
        return [f"samples = inspector.read_feeds({self.samples!r}, model)"]


_KEEP_FLAGS: Mapping[str, Literal["keep", "keep_ops", "keep_nodes"]] = {
    "keep": "keep",
    "keep-op": "keep_ops",
    "keep-node": "keep_nodes",
}


@dataclass(frozen=True)
class Target:
    """The format of a result; `flex` and `quantising` are of ``tflite``."""

    form: str = "saved_model"
    flex: bool = False
    quantising: Quantising | None = None


def convert_command(
    source: str, out: str, quantising: Quantising, signature: str | None = None
) -> str:
    """``inspector convert`` that quantises a TFLite model."""
    words = ["inspector", "convert", *_positional(source), "-o", out, "--to=tflite"]
    if signature is not None:
        words.append(f"--signature={signature}")
    return shlex.join([*words, *quantising.words()])


def convert_python(
    source: str, out: str, quantising: Quantising, signature: str | None = None
) -> str:
    """The same in Python."""
    return "\n".join(
        [
            "import inspector",
            "",
            f"model = inspector.open_model({source!r})",
            *quantising.samples_line(),
            *_converted("model", quantising, {"signature": signature}),
            f"inspector.save(lite, {out!r}, format='tflite')",
        ]
    )


def _converted(
    model: str, quantising: Quantising | None, arguments: Mapping[str, Any]
) -> list[str]:
    """The lines that convert a model; `samples` are read before."""
    lines = ["lite = inspector.convert(", f"    {model},"]
    more = {} if quantising is None else quantising.arguments()
    lines += _arguments({**arguments, **more})
    if quantising is not None and quantising.samples is not None:
        lines.append("    samples=samples,")
    return [*lines, ")"]


def optimise_command(source: str, out: str, options: OptimiseJson, to: Target | None = None) -> str:
    """``inspector optimise`` with these options.

    Args:
        source, out: Paths of the model and of the result.
        options: The JSON of `OptimiseOptions`.
        to: What the result is; None for the format that the name of `out` says.
    """
    words = ["inspector", "optimise", *_positional(source), "-o", out]
    for flag, names in (("--inputs", options["inputs"]), ("--outputs", options["outputs"])):
        if names:
            words.append(f"{flag}={','.join(names)}")
    for name, value in (options["set"] or {}).items():
        words.append(f"--set={name}={value}")
    signature = options["signature"]
    for key in [signature] if isinstance(signature, str) else signature or []:
        words.append(f"--signature={key}")
    if options["all_signatures"]:
        words.append("--all-signatures")
    if options["init_op"]:
        words.append(f"--init-op={options['init_op']}")
    if options["transforms"] is not None:
        words.append(f"--transforms={options['transforms']}")
    elif options["preset"]:
        words.append(f"--preset={options['preset']}")
    if to is not None:
        words.append(f"--to={to.form}")
        words += ["--flex"] if to.flex else []
        words += [] if to.quantising is None else to.quantising.words()
    if options["check"] is not None:
        words += ["--check", f"--on-violation={options['check']['on_violation']}"]
    return shlex.join(words)


def optimise_python(source: str, out: str, options: OptimiseJson, to: Target | None = None) -> str:
    """The same in Python."""
    to = to or Target()
    lite = to.flex or to.quantising is not None
    quantising = to.quantising
    check = options["check"]
    arguments: dict[str, Any] = {
        "inputs": options["inputs"],
        "outputs": options["outputs"],
        "set": options["set"],
        "signature": options["signature"],
        "all_signatures": options["all_signatures"] or None,
        "init_op": options["init_op"],
        "transforms": options["transforms"],
        "preset": options["preset"] if options["transforms"] is None else None,
        "check": True if check is not None else None,
        "on_violation": check["on_violation"] if check is not None else None,
    }
    return "\n".join(
        [
            "import inspector",
            "",
            f"model = inspector.open_model({source!r})",
            "result = inspector.optimise(",
            "    model,",
            *_arguments(arguments),
            ")",
            *([] if quantising is None else quantising.samples_line()),
            *(_converted("result.model", quantising, {"flex": to.flex or None}) if lite else ()),
            f"inspector.save({'lite' if lite else 'result.model'}, {out!r}, format={to.form!r})",
        ]
    )


@dataclass(frozen=True, repr=False)
class Origin(ShortRecord):
    """Where the models and rows of a report come from.

    Args:
        a, b: Paths of the models, or their names where no path is known.
        feeds, labels: Paths of files; None for random rows and for none.
        label_column: The column of `labels`, where it has several.
    """

    a: str
    b: str
    feeds: str | None = None
    labels: str | None = None
    label_column: str | None = None


def report_command(origin: Origin, out: str, batches: Sequence[int] = ()) -> str:
    """``inspector report`` of two models."""
    words = ["inspector", "report", *_positional(origin.a), *_positional(origin.b), "-o", out]
    options = {
        "--feeds": origin.feeds,
        "--labels": origin.labels,
        "--label-column": origin.label_column,
        "--batches": ",".join(map(str, batches)) or None,
    }
    words += [f"{flag}={value}" for flag, value in options.items() if value is not None]
    return shlex.join(words)


def report_python(origin: Origin, out: str, batches: Sequence[int] = ()) -> str:
    """The same in Python."""
    lines = [
        "import inspector",
        "",
        f"a = inspector.open_model({origin.a!r})",
        f"b = inspector.open_model({origin.b!r})",
    ]
    arguments = ["a", "b", repr(out)]
    if origin.feeds is not None:
        lines.append(f"feeds = inspector.read_feeds({origin.feeds!r}, a)")
        arguments.append("feeds=feeds")
    if origin.labels is not None:
        lines.append(f"labels = inspector.read_labels({origin.labels!r}, {origin.label_column!r})")
        arguments.append("labels=labels")
    if batches:
        arguments.append(f"batches={tuple(batches)}")
    lines.append(f"inspector.report({', '.join(arguments)})")
    return "\n".join(lines)


def _positional(path: str) -> list[str]:
    """A path as an argument that click does not take for an option."""
    return [f"./{path}"] if path.startswith("-") else [path]


def _arguments(arguments: Mapping[str, Any]) -> list[str]:
    return [f"    {name}={value!r}," for name, value in arguments.items() if value is not None]
