"""All errors. A message names what, where and why, and is safe to display.

InspectorError
├── ModelError: UnknownFormat (AmbiguousModel), CorruptModel, UnsupportedModel, MissingVariables,
│               MissingFile, UnknownTagSet, UnknownSignature
├── GraphError: InvalidGraph, UnknownNode
├── FreezeError
├── ConversionFailed, QuantisationFailed
├── TransformError: TransformSyntaxError, UnknownTransform, BadParameter,
│                   TransformFailed (CheckViolated), CheckNotMade
├── RunError: BadFeed, BadFetch, RunFailed, BlockedOp, RunRefused
├── JobError: JobTimeout, JobCancelled, WorkerDied (WorkerUnavailable), JobFailed
├── MissingPackage
├── LayoutError
├── LimitExceeded
├── OutputExists
└── WorkspaceError
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

__all__ = [
    "AmbiguousModel",
    "BadFeed",
    "BadFetch",
    "BadParameter",
    "BlockedOp",
    "CheckNotMade",
    "CheckViolated",
    "ConversionFailed",
    "CorruptModel",
    "FreezeError",
    "GraphError",
    "InspectorError",
    "InvalidGraph",
    "JobCancelled",
    "JobError",
    "JobFailed",
    "JobTimeout",
    "LayoutError",
    "LimitExceeded",
    "MissingFile",
    "MissingPackage",
    "MissingVariables",
    "ModelError",
    "OutputExists",
    "QuantisationFailed",
    "RunError",
    "RunFailed",
    "RunRefused",
    "TransformError",
    "TransformFailed",
    "TransformSyntaxError",
    "UnknownFormat",
    "UnknownNode",
    "UnknownSignature",
    "UnknownTagSet",
    "UnknownTransform",
    "UnsupportedModel",
    "WorkerDied",
    "WorkerUnavailable",
    "WorkspaceError",
    "did_you_mean",
    "from_dict",
]


class InspectorError(Exception):
    """Base of every error a user may see; reads ``what: where: why``.

    Args:
        what: The thing at fault, e.g. a file's name. Never a path of the server.
        where: The part of it, e.g. ``GraphDef`` or a node's name.
        why: What is wrong, and what would be right.
    """

    def __init__(self, what: str, where: str, why: str) -> None:
        super().__init__(what, where, why)
        self.what = what
        self.where = where
        self.why = why

    def __str__(self) -> str:
        return ": ".join(_one_line(part) for part in (self.what, self.where, self.why) if part)

    def to_dict(self) -> dict[str, Any]:
        """The JSON form in which an error leaves a worker; `from_dict` turns it back."""
        return {
            "type": type(self).__name__,
            "what": self.what,
            "where": self.where,
            "why": self.why,
        }

    @classmethod
    def of(cls, data: Mapping[str, object]) -> InspectorError:
        """The error of this class in the form of `to_dict`."""
        return cls(*_parts(data))


class ModelError(InspectorError):
    """Something is wrong with the model's files."""


class UnknownFormat(ModelError):
    """The content is in no format that Inspector reads."""


class AmbiguousModel(UnknownFormat):
    """A folder or an archive holds several models, and nothing says which one to open.

    Args:
        parts: The models in it, as in `parts`.

    Attributes:
        parts: One mapping per model: ``name`` (its path in the folder), ``kind`` (the name of its
            format) and ``bytes``.
    """

    def __init__(
        self, what: str, where: str, why: str, parts: Iterable[Mapping[str, object]] = ()
    ) -> None:
        super().__init__(what, where, why)
        self.parts: list[dict[str, str | int]] = [
            {"name": str(part["name"]), "kind": str(part["kind"]), "bytes": _count(part["bytes"])}
            for part in parts
            if {"name", "kind", "bytes"} <= part.keys()
        ]

    def to_dict(self) -> dict[str, Any]:
        """As `InspectorError.to_dict`, with the models."""
        return {**super().to_dict(), "parts": self.parts}

    @classmethod
    def of(cls, data: Mapping[str, object]) -> AmbiguousModel:
        """The error of `to_dict`; what is no model of that form is left out."""
        listed = data.get("parts", [])
        parts = listed if isinstance(listed, list) else []
        return cls(*_parts(data), [part for part in parts if isinstance(part, dict)])

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.what, self.where, self.why, self.parts)


class CorruptModel(ModelError):
    """The format is known, the content breaks its rules."""


class UnsupportedModel(ModelError):
    """The content is valid, but Inspector does not support this operation on it."""


class MissingVariables(ModelError):
    """The checkpoint, or a part of it, is missing."""


class MissingFile(ModelError):
    """Nothing exists at this path, or a file that the model names is missing."""


class UnknownTagSet(ModelError):
    """The SavedModel has no MetaGraphDef of this tag-set."""


class UnknownSignature(ModelError):
    """The model has no signature of this key."""


class GraphError(InspectorError):
    """A graph is invalid, or does not have the requested node."""


class InvalidGraph(GraphError):
    """Duplicate names, dangling inputs, cycles outside of loops."""


class UnknownNode(GraphError):
    """The graph has no node of this name."""


class FreezeError(InspectorError):
    """A variable cannot become a constant."""


class ConversionFailed(InspectorError):
    """The graph cannot become a TFLite model: an op of it has no operator there.

    Args:
        nodes: The nodes that have no operator, as in `nodes`.

    Attributes:
        nodes: One mapping per node: ``op``, ``node`` (its name) and ``function`` (the library
            function whose body holds it; empty for the graph itself).
    """

    NODE_KEYS = ("op", "node", "function")

    def __init__(
        self, what: str, where: str, why: str, nodes: Iterable[Mapping[str, str]] = ()
    ) -> None:
        super().__init__(what, where, why)
        self.nodes: list[dict[str, str]] = [
            {key: node[key] for key in self.NODE_KEYS} for node in nodes
        ]

    def to_dict(self) -> dict[str, Any]:
        """As `InspectorError.to_dict`, with the nodes."""
        return {**super().to_dict(), "nodes": self.nodes}

    @classmethod
    def of(cls, data: Mapping[str, object]) -> ConversionFailed:
        """The error of `to_dict`; what is no node of that form is left out."""
        listed = data.get("nodes", [])
        nodes = [
            {key: str(node.get(key, "")) for key in cls.NODE_KEYS}
            for node in (listed if isinstance(listed, list) else [])
            if isinstance(node, dict)
        ]
        return cls(*_parts(data), nodes)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.what, self.where, self.why, self.nodes)


class QuantisationFailed(InspectorError):
    """A TFLite model cannot be quantised by a recipe, or there is nothing in it to quantise."""


class TransformError(InspectorError):
    """Something is wrong with a transform or its text."""


class TransformSyntaxError(TransformError):
    """The transforms string does not follow the tool's grammar."""


class UnknownTransform(TransformError):
    """No transform of this name."""


class BadParameter(TransformError):
    """A parameter of a transform is missing, repeated, or of the wrong type."""


class TransformFailed(TransformError):
    """A transform does not support the graph."""


class CheckViolated(TransformFailed):
    """A required check found that a transform did more to the outputs than it declares."""


class CheckNotMade(TransformError):
    """A required check could not be made, so that nothing can be said about a transform."""


class RunError(InspectorError):
    """A graph could not be run."""


class BadFeed(RunError):
    """A feed is unknown, missing, or of the wrong dtype or shape."""


class BadFetch(RunError):
    """A fetch is not a tensor of the graph."""


class RunFailed(RunError):
    """TensorFlow rejected the graph, or a kernel failed."""


class BlockedOp(RunError):
    """The graph has an op that is not run for untrusted models."""


class RunRefused(RunError):
    """Models are not run here: the sandbox is incomplete, or a setting forbids it."""


class JobError(InspectorError):
    """A job ended without a result."""


class JobTimeout(JobError):
    """The job exceeded its wall-clock limit."""


class JobCancelled(JobError):
    """The user cancelled the job."""


class WorkerDied(JobError):
    """The worker process ended with a signal or without an answer."""


class WorkerUnavailable(WorkerDied):
    """No worker could be started, or its template ended: a fault of the installation.

    No `ignore_errors` continues after it: nothing is skipped or left unchecked because of it.
    """


class JobFailed(JobError):
    """An unexpected error in a job."""


class MissingPackage(InspectorError):
    """A package that an extra installs is missing."""


class LayoutError(InspectorError):
    """Graphviz is missing or could not lay out the picture."""


class LimitExceeded(InspectorError):
    """A file or request is larger than the limits of this installation allow."""


class OutputExists(InspectorError):
    """The output exists and may not be overwritten."""


class WorkspaceError(InspectorError):
    """The workspace cannot be read or written: full, read-only, not ours, or a failing disk."""


def from_dict(data: Mapping[str, object]) -> InspectorError:
    """The error of `InspectorError.to_dict`; an unknown type becomes `JobFailed`."""
    kinds = {kind.__name__: kind for kind in _subclasses(InspectorError)}
    kind = kinds.get(str(data.get("type", "")), JobFailed)
    return kind.of(data)


def _parts(data: Mapping[str, object]) -> tuple[str, str, str]:
    what, where, why = (str(data.get(key, "")) for key in ("what", "where", "why"))
    return what, where, why


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """``; did you mean ...?`` with up to three close matches, or the empty string."""
    return or_rather(close_names(name, names))


def close_names(name: str, names: Iterable[str]) -> list[str]:
    """Up to three of the names that are like this one, the closest first."""
    # difflib is quadratic in the candidates' length; a hostile model has names of megabytes.
    candidates = [text for text in dict.fromkeys(names) if len(text) < 300][:20_000]
    return difflib.get_close_matches(name[:300], candidates, n=3, cutoff=0.6)


def or_rather(names: Sequence[str]) -> str:
    """``; did you mean 'a' or 'b'?`` with the first three names; the empty string for none.

    A name that occurs twice counts once.
    """
    names = list(dict.fromkeys(names))
    more = f" (and {len(names) - 3} more)" if len(names) > 3 else ""
    return f"; did you mean {' or '.join(map(repr, names[:3]))}{more}?" if names else ""


def _one_line(text: str, limit: int = 600) -> str:
    text = " ".join(text.split())
    text = "".join(char if char.isprintable() else "�" for char in text[: limit + 1])
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _subclasses(kind: type[InspectorError]) -> Iterator[type[InspectorError]]:
    todo = [kind]
    while todo:
        current = todo.pop()
        yield current
        todo += current.__subclasses__()
