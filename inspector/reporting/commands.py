"""The command line and the Python that repeat an optimisation or a report, to be copied."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inspector.optimisation.optimise_options import OptimiseJson


def optimise_command(source: str, out: str, options: OptimiseJson, to: str | None = None) -> str:
    """``inspector optimise`` with these options.

    Args:
        source, out: Paths of the model and of the result.
        options: The JSON of `OptimiseOptions`.
        to: The format of the result; None for the one that the name of `out` says.
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
        words.append(f"--to={to}")
    if options["check"] is not None:
        words += ["--check", f"--on-violation={options['check']['on_violation']}"]
    return shlex.join(words)


def optimise_python(source: str, out: str, options: OptimiseJson, to: str = "saved_model") -> str:
    """The same in Python."""
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
            f"inspector.save(result.model, {out!r}, format={to!r})",
        ]
    )


@dataclass(frozen=True)
class Origin:
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


def report_command(origin: Origin, out: str) -> str:
    """``inspector report`` of two models."""
    words = ["inspector", "report", *_positional(origin.a), *_positional(origin.b), "-o", out]
    options = {
        "--feeds": origin.feeds,
        "--labels": origin.labels,
        "--label-column": origin.label_column,
    }
    words += [f"{flag}={value}" for flag, value in options.items() if value is not None]
    return shlex.join(words)


def report_python(origin: Origin, out: str) -> str:
    """The same in Python."""
    lines = [
        "import inspector",
        "",
        f"a = inspector.open_model({origin.a!r})",
        f"b = inspector.open_model({origin.b!r})",
    ]
    arguments = ["a", "b", repr(out)]
    if origin.feeds is not None:
        lines.append(f"feeds = inspector.api.read_feeds({origin.feeds!r}, a)")
        arguments.append("feeds=feeds")
    if origin.labels is not None:
        lines.append(
            f"labels = inspector.api.read_labels({origin.labels!r}, {origin.label_column!r})"
        )
        arguments.append("labels=labels")
    lines.append(f"inspector.report({', '.join(arguments)})")
    return "\n".join(lines)


def _positional(path: str) -> list[str]:
    """A path as an argument that click does not take for an option."""
    return [f"./{path}"] if path.startswith("-") else [path]


def _arguments(arguments: Mapping[str, Any]) -> list[str]:
    return [f"    {name}={value!r}," for name, value in arguments.items() if value is not None]
