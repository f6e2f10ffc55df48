"""The one tree of errors. A message says what, where and why, and is safe to show as it stands.

InspectorError
├── ModelError: UnknownFormat, CorruptModel, UnsupportedModel, MissingVariables, MissingFile,
│               UnknownTagSet, UnknownSignature
├── GraphError: InvalidGraph, UnknownNode
├── FreezeError
├── TransformError: TransformSyntaxError, UnknownTransform, BadParameter, TransformFailed
├── RunError: BadFeed, BadFetch, RunFailed, BlockedOp
├── JobError: JobTimeout, JobCancelled, WorkerDied, JobFailed
├── LayoutError
├── LimitExceeded
└── OutputExists
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping


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

    def to_dict(self) -> dict[str, str]:
        """The JSON form in which an error leaves a worker; `from_dict` turns it back."""
        return {
            "type": type(self).__name__,
            "what": self.what,
            "where": self.where,
            "why": self.why,
        }


class ModelError(InspectorError):
    """The model's files are at fault."""


class UnknownFormat(ModelError):
    """The content is of no format that Inspector reads."""


class CorruptModel(ModelError):
    """The format is known, the content breaks its rules."""


class UnsupportedModel(ModelError):
    """The content is sound, and Inspector cannot do this with it."""


class MissingVariables(ModelError):
    """The checkpoint, or a part of it, is not there."""


class MissingFile(ModelError):
    """There is nothing at this path, or a file the model names is not there."""


class UnknownTagSet(ModelError):
    """The SavedModel has no MetaGraphDef of this tag-set."""


class UnknownSignature(ModelError):
    """The model has no signature of this key."""


class GraphError(InspectorError):
    """A graph breaks a rule, or does not have what was asked of it."""


class InvalidGraph(GraphError):
    """Duplicate names, dangling inputs, cycles outside of loops."""


class UnknownNode(GraphError):
    """The graph has no node of this name."""


class FreezeError(InspectorError):
    """A variable cannot become a constant."""


class TransformError(InspectorError):
    """A transform, or the text that asks for it, is at fault."""


class TransformSyntaxError(TransformError):
    """The transforms string does not follow the tool's grammar."""


class UnknownTransform(TransformError):
    """No transform of this name."""


class BadParameter(TransformError):
    """A transform's parameter is missing, repeated, or of the wrong kind."""


class TransformFailed(TransformError):
    """A transform met a graph that it cannot work on."""


class RunError(InspectorError):
    """A graph could not be run as asked."""


class BadFeed(RunError):
    """A feed is unknown, missing, or of the wrong dtype or shape."""


class BadFetch(RunError):
    """A fetch is not a tensor of the graph."""


class RunFailed(RunError):
    """TensorFlow refused the graph or a kernel failed."""


class BlockedOp(RunError):
    """The graph holds an op that is not run for a model that may come from a stranger."""


class JobError(InspectorError):
    """A job ended without a result."""


class JobTimeout(JobError):
    """The job's wall-clock limit passed."""


class JobCancelled(JobError):
    """The user took the job back."""


class WorkerDied(JobError):
    """The worker process ended by a signal or without an answer."""


class JobFailed(JobError):
    """The job met an error that nobody foresaw."""


class LayoutError(InspectorError):
    """Graphviz is missing or could not lay out the picture."""


class LimitExceeded(InspectorError):
    """A file or request is larger than the limits of this installation allow."""


class OutputExists(InspectorError):
    """The output is there already and was not to be overwritten."""


def from_dict(data: Mapping[str, object]) -> InspectorError:
    """Rebuild an error from `InspectorError.to_dict`; an unknown type becomes `JobFailed`."""
    kinds = {kind.__name__: kind for kind in _subclasses(InspectorError)}
    kind = kinds.get(str(data.get("type", "")), JobFailed)
    return kind(*(str(data.get(key, "")) for key in ("what", "where", "why")))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A half sentence that names up to three close matches, or the empty string."""
    # difflib is quadratic in the candidates' length; a hostile model has names of megabytes.
    candidates = [text for text in known if len(text) < 300][:20_000]
    close = difflib.get_close_matches(name[:300], candidates, n=3, cutoff=0.6)
    return f"; did you mean {' or '.join(repr(text) for text in close)}?" if close else ""


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
