"""Defines passes: functions that edit a graph, with parameters read from their signature.

Form on the page, grammar of the transforms string, ``inspector transforms`` and docs all read the
signature: each keyword parameter has a type, a default and one sentence.

    @graph_pass(effect="unchecked", source="graph_transforms/remove_nodes.cc")
    def remove_nodes(
        edit: GraphEdit,
        ctx: PassContext,
        *,
        op: Annotated[tuple[str, ...], Arg("Op types to remove.", example="Identity")],
    ) -> None:
        ...

A tuple parameter may be given any number of times, every other type once. A parameter without a
default is required.
"""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Protocol

from inspector.collector import collector_paused
from inspector.errors import BadParameter, JobCancelled, did_you_mean
from inspector.graph.edit import Change, GraphEdit, Skip
from inspector.graph.graph import Graph, node_name, split_input
from inspector.graph.protos import FunctionDefLibrary, NodeDef, TensorProto, VersionDef

Effect = Literal["exact", "rounding", "lossy", "unchecked"]
"""What a pass promises about fetched values: equal, equal up to rounding, close, nothing."""

MAX_CONSTANT = 10 << 20
"""Bytes of the largest result that becomes a constant: larger ones make the model grow."""

Kind = Literal["text", "texts", "integer", "number", "switch"]

_KINDS: dict[Any, Kind] = {
    str: "text",
    str | None: "text",
    tuple[str, ...]: "texts",
    int: "integer",
    float: "number",
    bool: "switch",
}
_INTEGER = re.compile(r"\s*-?[0-9]+\s*", re.ASCII)
_NUMBER = re.compile(r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*", re.ASCII)
_SWITCH = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True)
class Arg:
    """What a type annotation cannot say about a parameter.

    Attributes:
        sentence: What it does, for the form and the docs.
        example: A value for the error message about a missing argument.
        bits: An integer's size in the original tool.
        least: The smallest number allowed.
        choices: The allowed values, if they are few.
        missing: The original tool's message about a missing argument, if it has a special one.
        file: True if the value names a file, which `PassContext.files` must allow.
        commas: True if one value may hold several, separated by commas.
        first: True if the first of several values counts, as in the original tool.
    """

    sentence: str
    example: str = ""
    bits: int = 64
    least: int | None = None
    choices: tuple[str, ...] = ()
    missing: str = ""
    file: bool = False
    commas: bool = False
    first: bool = False


@dataclass(frozen=True)
class Param:
    """One parameter of a pass; the default is None if it is required."""

    name: str
    kind: Kind
    default: Any
    required: bool
    arg: Arg

    @property
    def sentence(self) -> str:
        """What the parameter does."""
        return self.arg.sentence

    def read(self, transform: str, values: Sequence[str], example: str = "") -> Any:
        """Convert the arguments of this key to a typed value.

        Args:
            values: The texts given for this key, in order.
            example: A correct call, for the message about a missing argument.
        Raises: BadParameter, with the original tool's message.
        """

        def bad(why: str) -> BadParameter:
            return BadParameter(transform, self.name, why)

        if not values:
            if not self.required:
                return self.default
            least = "at least" if self.kind == "texts" else "exactly"
            expected = f"{transform} expects {least} one '{self.name}' argument, e.g. {example}"
            raise bad(self.arg.missing or expected)
        if self.arg.commas and values:
            values = [part.strip() for text in values for part in text.split(",") if part.strip()]
            if not values:
                raise bad("names nothing")
        if self.arg.first:
            values = values[:1]
        if self.kind == "texts":
            chosen: Any = tuple(values)
        else:
            if len(values) > 1:
                count = len(values)
                reason = f"Expected a single '{self.name}' parameter, but found {count} occurrences"
                raise bad(reason)
            chosen = self._single(values[0], bad)
        for text in values if self.arg.choices else ():
            if text not in self.arg.choices:
                hint = did_you_mean(text, self.arg.choices)
                raise bad(f"'{text}' is none of {', '.join(self.arg.choices)}{hint}")
        return chosen

    def _single(self, text: str, bad: Callable[[str], BadParameter]) -> Any:
        what = f"Couldn't interpret the {self.name} argument as a"
        if self.kind == "integer":
            # Python refuses to convert very long digit strings; 64 bits need fewer than 40.
            number = int(text) if _INTEGER.fullmatch(text) and len(text) < 40 else None
            half = 1 << self.arg.bits - 1
            if number is None or not -half <= number < half:
                raise bad(
                    f"{what} number:{text} (expected a whole number from {-half} to {half - 1})"
                )
            if self.arg.least is not None and number < self.arg.least:
                raise bad(f"{number} is too small, it must be at least {self.arg.least}")
            return number
        if self.kind == "number":
            if not _NUMBER.fullmatch(text):
                raise bad(f"{what} float number:{text} (expected one like 0.5 or 1e-3)")
            return float(text)
        if self.kind == "switch":
            if text not in _SWITCH:
                raise bad(f"{what} boolean:{text} (expected true, false, 0 or 1)")
            return _SWITCH[text]
        return text

    def to_dict(self) -> dict[str, Any]:
        """For ``inspector transforms --json`` and the pages."""
        default = list(self.default) if isinstance(self.default, tuple) else self.default
        return {
            "name": self.name,
            "kind": self.kind,
            "default": default,
            "required": self.required,
            "sentence": self.sentence,
            "choices": list(self.arg.choices),
        }


class Evaluate(Protocol):
    """Runs kernels on a self-contained sub-graph; returns values, or a reason for each failure."""

    def __call__(
        self,
        nodes: Sequence[NodeDef],
        fetches: Sequence[str],
        library: FunctionDefLibrary,
        *,
        versions: VersionDef | None = None,
        max_bytes: int = MAX_CONSTANT,
    ) -> Mapping[str, TensorProto | str]:
        """Tensor name to its value, or to a sentence that says why it could not be computed."""


class Grappler(Protocol):
    """Runs TensorFlow's own graph optimiser."""

    def __call__(
        self, graph: Graph, inputs: Sequence[str], outputs: Sequence[str], optimizers: Sequence[str]
    ) -> Graph:
        """The graph after these optimisers, which run in Grappler's own order.

        Args:
            inputs, outputs: Names of the nodes that must stay.
        Raises: TransformFailed, RunError, JobError.
        """


def _never() -> bool:
    return False


@dataclass
class PassContext:
    """What a pass may use besides the graph.

    Attributes:
        inputs: Feeds as the user wrote them, node or tensor names.
        outputs: Fetches as the user wrote them, node or tensor names.
        evaluate: Runs kernels; None if they are not available.
        grappler: Runs TensorFlow's graph optimiser; None if it is not available.
        cancelled: Returns True once the user has cancelled the run.
        ignore_errors: Do what is possible, without an error for the rest.
        warnings: Sentences for the record.
        files: Parameters may name files of this machine: True on the command line and in Python,
            never for a user of a web page.
    """

    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    evaluate: Evaluate | None = None
    grappler: Grappler | None = None
    cancelled: Callable[[], bool] = _never
    ignore_errors: bool = False
    warnings: list[str] = field(default_factory=list)
    files: bool = False

    @cached_property
    def feeds(self) -> frozenset[str]:
        """Names of the nodes that are fed, whatever the port."""
        return frozenset(node_name(text) for text in self.inputs)

    @cached_property
    def fetches(self) -> frozenset[str]:
        """Names of the nodes that are fetched, whatever the port."""
        return frozenset(node_name(text) for text in self.outputs)

    @cached_property
    def boundary(self) -> frozenset[str]:
        """Names of feeds and fetches, whose name and value must not change."""
        return self.feeds | self.fetches

    @cached_property
    def _fed_ports(self) -> dict[str, set[int]]:
        return _ports(self.inputs)

    @cached_property
    def _fetched_ports(self) -> dict[str, set[int]]:
        return _ports(self.outputs)

    def fed_ports(self, name: str) -> set[int]:
        """Output ports of this node that are fed."""
        return set(self._fed_ports.get(name, ()))

    def fetched_ports(self, name: str) -> set[int]:
        """Output ports of this node that are fetched."""
        return set(self._fetched_ports.get(name, ()))

    def upstream(self, graph: Graph) -> frozenset[str]:
        """Names of the nodes that only the feeds need: a border that no pass looks beyond."""
        fed = [name for name in self.feeds if (node := graph.get(name)) is not None and node.input]
        if not fed:
            return frozenset()
        beside = graph.ancestors(self.fetches, self.feeds)
        return frozenset(graph.ancestors(fed) - self.feeds - beside)

    def file(self, transform: str, key: str, text: str) -> Path:
        """The file that a parameter names. Raises: BadParameter if files are not allowed."""
        if not self.files:
            reason = "names a file, which only the command line and Python may open"
            raise BadParameter(transform, key, reason)
        if "\0" in text:
            raise BadParameter(transform, key, "is no valid file name: it has a NUL character")
        return Path(text)

    def check_cancelled(self, where: str) -> None:
        """Raise JobCancelled if the user has cancelled the run."""
        if self.cancelled():
            raise JobCancelled("transforms", where, "cancelled before it was finished")


def _ports(texts: Sequence[str]) -> dict[str, set[int]]:
    """Node name to the output ports that these texts name."""
    ports: dict[str, set[int]] = {}
    for name, port, _control in map(split_input, texts):
        ports.setdefault(name, set()).add(port)
    return ports


@dataclass(frozen=True)
class PassResult:
    """The new graph and its changes; `modified` is True if anything differs, also the order."""

    graph: Graph
    changed: tuple[Change, ...]
    skipped: tuple[Skip, ...]
    modified: bool


@dataclass(frozen=True)
class Pass:
    """One entry of the table of passes. Calling it runs the pass and leaves its argument alone."""

    name: str
    function: Callable[..., None]
    params: tuple[Param, ...]
    effect: Effect
    source: str
    doc: str
    needs_kernels: bool
    after: str = ""

    @property
    def summary(self) -> str:
        """The first sentence of the docstring."""
        return " ".join(self.doc.split("\n\n")[0].split())

    def read(self, args: Sequence[tuple[str, str]]) -> dict[str, Any]:
        """Typed parameters from keys and values as written; unknown keys are ignored.

        Raises: BadParameter.
        """
        values: dict[str, list[str]] = {}
        for key, value in args:
            values.setdefault(key, []).append(value)
        needed = (f"{param.name}={param.arg.example}" for param in self.params if param.required)
        example = f"{self.name}({', '.join(needed)})"
        return {
            param.name: param.read(self.name, values.get(param.name, ()), example)
            for param in self.params
        }

    def unknown(self, args: Sequence[tuple[str, str]]) -> list[str]:
        """Keys that are no parameter of this pass, each once."""
        names = {param.name for param in self.params} | {"ignore_errors"}
        return list(dict.fromkeys(key for key, _ in args if key not in names))

    @collector_paused()
    def __call__(self, graph: Graph, ctx: PassContext, **params: Any) -> PassResult:
        """Run the pass.

        Raises: TransformFailed, InvalidGraph, BadParameter; JobCancelled.
        """
        edit = GraphEdit(graph, ctx.upstream(graph))
        self.function(edit, ctx, **params)
        after = edit.finish()
        changed = () if after is graph else tuple(edit.changes())
        moved = (new.name != old.name for new, old in zip(after, graph, strict=True))
        return PassResult(after, changed, tuple(edit.skipped), bool(changed) or any(moved))

    def to_dict(self) -> dict[str, Any]:
        """For ``inspector transforms --json`` and the pages."""
        return {
            "name": self.name,
            "summary": self.summary,
            "effect": self.effect,
            "needs_kernels": self.needs_kernels,
            "source": self.source,
            "before": self.after,
            "params": [param.to_dict() for param in self.params],
        }


def graph_pass(
    *, effect: Effect, source: str, needs_kernels: bool = False, after: str = ""
) -> Callable[[Callable[..., None]], Pass]:
    """Turn a function ``(edit, ctx, *, parameters) -> None`` that changes the edit into a pass.

    Args:
        effect: What it promises about fetched values; tests and checks take their tolerance
            from it.
        source: The original implementation, below tensorflow/tools/; ``inspector`` if there is
            none.
        needs_kernels: True if it calls `PassContext.evaluate`.
        after: One sentence, Markdown: which transforms should run before it, and why; empty where
            it can run at any time.
    """

    def wrap(function: Callable[..., None]) -> Pass:
        name = function.__name__
        doc = inspect.cleandoc(function.__doc__ or "")
        return Pass(name, function, _params(function), effect, source, doc, needs_kernels, after)

    return wrap


def _params(function: Callable[..., None]) -> tuple[Param, ...]:
    hints = typing.get_type_hints(function, include_extras=True)
    params = []
    for item in inspect.signature(function).parameters.values():
        if item.kind is not inspect.Parameter.KEYWORD_ONLY:
            continue
        plain, arg = typing.get_args(hints[item.name])
        required = item.default is inspect.Parameter.empty
        default = None if required else item.default
        params.append(Param(item.name, _KINDS[plain], default, required, arg))
    return tuple(params)
