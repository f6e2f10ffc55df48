"""What a pass is: a function over an edit session, and a signature that says its parameters.

The signature is also the form on the page, the grammar of the transforms string, the table of
``inspector transforms`` and the docs: a keyword parameter with type, default and one sentence.

    @graph_pass(effect="unchecked", source="graph_transforms/remove_nodes.cc")
    def remove_nodes(
        edit: GraphEdit,
        ctx: PassContext,
        *,
        op: Annotated[tuple[str, ...], Arg("Op types to take out.", example="Identity")],
    ) -> None:
        ...

A tuple takes a key any number of times, every other type once. Without a default it is required.
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

from inspector.edit import Change, GraphEdit, Skip
from inspector.errors import BadParameter, JobCancelled, did_you_mean
from inspector.graph import Graph, node_name, split_input
from inspector.passes.ordering import BEFORE
from inspector.protos import FunctionDefLibrary, NodeDef, TensorProto, VersionDef

Effect = Literal["exact", "rounding", "lossy", "unchecked"]
"""The promise about fetched values: equal, equal but for rounding, close on purpose, none."""

MAX_CONSTANT = 10 << 20
"""Bytes of the largest result that is worth a constant: larger ones make the model grow."""

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
    """What a signature cannot say about a parameter.

    Attributes:
        sentence: What it does, for the form and the docs.
        example: A value, for the message that says it is missing.
        bits: An integer's size in the tool.
        least: The smallest number allowed.
        choices: The only values allowed, where there are few.
        missing: The tool's message where none is given, if it has one of its own.
        file: Names a file, which only a context that allows files opens.
        commas: One value may hold several, with commas between.
        first: Of several values the first counts, as in the tool.
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
    """One parameter of a pass: name, kind, default (None where it is required), sentence."""

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
        """The typed value of what was written for this key.

        Args:
            example: The call as it would be right, for the message that it is missing.
        Raises: BadParameter, with the tool's message.
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
            # Python refuses to convert digits without end; no number of 64 bits needs 40.
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
    """Runs kernels: a closed sub-graph and tensor names in, values or a reason why not out."""

    def __call__(
        self,
        nodes: Sequence[NodeDef],
        fetches: Sequence[str],
        library: FunctionDefLibrary,
        *,
        versions: VersionDef | None = None,
        max_bytes: int = MAX_CONSTANT,
    ) -> Mapping[str, TensorProto | str]:
        """Per tensor name its value, or a sentence saying why it could not be computed."""


class Grappler(Protocol):
    """TensorFlow's own graph optimiser: a graph in, a graph out."""

    def __call__(
        self, graph: Graph, inputs: Sequence[str], outputs: Sequence[str], optimizers: Sequence[str]
    ) -> Graph:
        """The graph after these optimisers, in its own order of them.

        Args:
            inputs, outputs: Names of the nodes that must stay.
        Raises: TransformFailed, or a RunError or JobError that says why.
        """


def _never() -> bool:
    return False


@dataclass
class PassContext:
    """What a pass may know beside the graph.

    Attributes:
        inputs: Feeds as the user wrote them, node or tensor names.
        outputs: Fetches, likewise.
        evaluate: Runs kernels; None where there are none at hand.
        grappler: Runs TensorFlow's graph optimiser; likewise.
        ignore_errors: The user wants what can be done, and no error for the rest.
        warnings: Sentences for the record.
        files: Parameters may name files of this machine: so on the command line and in Python,
            never for somebody on a web page.
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
        """Names of the nodes that must keep name and meaning: feeds and fetches."""
        return self.feeds | self.fetches

    def fed_ports(self, name: str) -> set[int]:
        """Output ports of this node that are fed."""
        return _ports(self.inputs, name)

    def fetched_ports(self, name: str) -> set[int]:
        """Output ports of this node that are fetched."""
        return _ports(self.outputs, name)

    def file(self, transform: str, key: str, text: str) -> Path:
        """The file that a parameter names. Raises: BadParameter where files are not allowed."""
        if not self.files:
            reason = "names a file, and files are open to the command line and Python only"
            raise BadParameter(transform, key, reason)
        if "\0" in text:
            raise BadParameter(transform, key, "is no name of a file")
        return Path(text)

    def check_cancelled(self, where: str) -> None:
        """Raise JobCancelled if the user has taken the work back."""
        if self.cancelled():
            raise JobCancelled("transforms", where, "taken back before it was done")


def _ports(texts: Sequence[str], name: str) -> set[int]:
    return {port for found, port, _ in map(split_input, texts) if found == name}


@dataclass(frozen=True)
class PassResult:
    """A graph, and the record of how it came about. `modified` is True if anything differs."""

    graph: Graph
    changed: tuple[Change, ...]
    skipped: tuple[Skip, ...]
    modified: bool


@dataclass(frozen=True)
class Pass:
    """One entry of the table of passes; calling it runs it on a graph, which stays as it is."""

    name: str
    function: Callable[..., None]
    params: tuple[Param, ...]
    effect: Effect
    source: str
    doc: str
    needs_kernels: bool

    @property
    def summary(self) -> str:
        """The first sentence of the docstring."""
        return " ".join(self.doc.split("\n\n")[0].split())

    def read(self, args: Sequence[tuple[str, str]]) -> dict[str, Any]:
        """Typed parameters from keys and values as written; keys it does not know are ignored.

        Raises: BadParameter.
        """
        given: dict[str, list[str]] = {}
        for key, value in args:
            given.setdefault(key, []).append(value)
        needed = (f"{param.name}={param.arg.example}" for param in self.params if param.required)
        example = f"{self.name}({', '.join(needed)})"
        return {
            param.name: param.read(self.name, given.get(param.name, ()), example)
            for param in self.params
        }

    def unknown(self, args: Sequence[tuple[str, str]]) -> list[str]:
        """Keys that this pass does not know, each once."""
        known = {param.name for param in self.params} | {"ignore_errors"}
        return list(dict.fromkeys(key for key, _ in args if key not in known))

    def __call__(self, graph: Graph, ctx: PassContext, **params: Any) -> PassResult:
        """Run the pass.

        Raises: TransformFailed, InvalidGraph, BadParameter; JobCancelled.
        """
        edit = GraphEdit(graph)
        self.function(edit, ctx, **params)
        after = edit.finish()
        changed = () if after is graph else tuple(edit.changes())
        moved = after is not graph and [n.name for n in after.nodes] != [
            n.name for n in graph.nodes
        ]
        return PassResult(after, changed, tuple(edit.skipped), bool(changed) or moved)

    def to_dict(self) -> dict[str, Any]:
        """For ``inspector transforms --json`` and the pages."""
        return {
            "name": self.name,
            "summary": self.summary,
            "effect": self.effect,
            "needs_kernels": self.needs_kernels,
            "source": self.source,
            "before": BEFORE.get(self.name, ""),
            "params": [param.to_dict() for param in self.params],
        }


def graph_pass(
    *, effect: Effect, source: str, needs_kernels: bool = False
) -> Callable[[Callable[..., None]], Pass]:
    """Make a pass of a function ``(edit, ctx, *, parameters) -> None`` that changes the edit.

    Args:
        effect: What it promises about fetched values; tests and the diff take their tolerance
            from it.
        source: Where the tool's own version of it is, below tensorflow/tools/; ``inspector`` for
            what the tool does not have.
        needs_kernels: True if it calls `PassContext.evaluate`.
    """

    def wrap(function: Callable[..., None]) -> Pass:
        name = function.__name__
        doc = inspect.cleandoc(function.__doc__ or "")
        return Pass(name, function, _params(function), effect, source, doc, needs_kernels)

    return wrap


def _params(function: Callable[..., None]) -> tuple[Param, ...]:
    hints = typing.get_type_hints(function, include_extras=True)
    found = []
    for item in inspect.signature(function).parameters.values():
        if item.kind is not inspect.Parameter.KEYWORD_ONLY:
            continue
        plain, arg = typing.get_args(hints[item.name])
        required = item.default is inspect.Parameter.empty
        default = None if required else item.default
        found.append(Param(item.name, _KINDS[plain], default, required, arg))
    return tuple(found)
