"""What can be asked of an optimisation: one dataclass, and its JSON in a job request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np

from inspector.optimisation.check import BUDGET_S
from inspector.optimisation.feed_source import FeedsJson, FeedSource
from inspector.passes.parser import Call, format_calls
from inspector.passes.pipeline import OnViolation, Transforms

_LIBRARY_S = 300.0
"""Seconds for all runs of a check; longer than on a page, where a user waits for it."""


class CheckJson(TypedDict):
    """JSON of `CheckOptions`; ``feeds`` is None for generated feeds."""

    feeds: FeedsJson | None
    on_violation: OnViolation
    require: bool
    roll_back: list[int]
    budget_s: float


class OptimiseJson(TypedDict):
    """JSON of `OptimiseOptions`."""

    inputs: list[str] | None
    outputs: list[str] | None
    transforms: str | None
    preset: str | None
    signature: str | list[str] | None
    all_signatures: bool
    init_op: str | None
    check: CheckJson | None
    set: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """How the graph is run before and after each transform, to compare the outputs.

    Attributes:
        feeds: Key of a signature, tensor or node name to array; or a source of such values, whose
            rows may not fit the chosen outputs: then generated ones are used. None generates them.
        on_violation: What happens to a step that changed the outputs by more than it declares.
        require: End with an error where such a step stays, or a step could not be checked.
        roll_back: Indices in the list of transforms, from 0, of steps to undo in any case.
        budget_s: Seconds for all runs together; later steps are not checked.
    """

    feeds: Mapping[str, Any] | FeedSource | None = None
    on_violation: OnViolation = "keep"
    roll_back: tuple[int, ...] = ()
    budget_s: float = BUDGET_S
    require: bool = False

    @classmethod
    def of(
        cls,
        check: bool,
        feeds: Mapping[str, Any] | None = None,
        on_violation: OnViolation = "keep",
        require: bool = False,
    ) -> CheckOptions | None:
        """The options of a library call; None for one without a check."""
        if not (check or require or on_violation != "keep"):
            return None
        return cls(feeds, on_violation, budget_s=_LIBRARY_S, require=require)

    @property
    def is_required(self) -> bool:
        """True where a step that could not be checked ends the run."""
        return self.require or self.on_violation == "stop"

    def to_json(self) -> CheckJson:
        """As JSON, without arrays and without the bytes of a file: these travel as a blob."""
        return {
            "feeds": self.feeds.json if isinstance(self.feeds, FeedSource) else None,
            "on_violation": self.on_violation,
            "require": self.require,
            "roll_back": list(self.roll_back),
            "budget_s": self.budget_s,
        }

    @classmethod
    def from_json(cls, json: CheckJson, feeds_file: bytes = b"") -> CheckOptions:
        """From `to_json`, with the bytes of the file that ``feeds`` names."""
        source = None if json["feeds"] is None else FeedSource(json["feeds"], feeds_file)
        return cls(
            source,
            json["on_violation"],
            tuple(json["roll_back"]),
            json["budget_s"],
            json["require"],
        )


@dataclass(frozen=True, slots=True)
class OptimiseOptions:
    """Options of `optimise`; the defaults choose what the model's signature says.

    Attributes:
        inputs: Feeds, node or tensor names; None for those that the outputs need.
        outputs: Fetches, likewise; None for those of the signature, else the likeliest.
        transforms: The tool's text, a list of such texts, or parsed calls.
        preset: Name of a list of transforms, in place of `transforms`; None for the first preset.
        signature: Key of the signature whose outputs are kept, and whose keys the new one gets; or
            several keys, the main one first; None for the model's default.
        check: How to compare the graph before and after each transform; None does not run it.
        set: Inputs that become constants: key of a signature, tensor or node name to a value, or to
            its text; see `fixed_inputs`.
        allow_files: Parameters of transforms may name files of this machine. Not part of the
            JSON: a request from a page never may.
        init_op: The node that fills tables and assigns variables; None for the one that the file
            declares or the graph holds.
        all_signatures: Keep all signatures that the outputs allow.
    """

    inputs: tuple[str, ...] | None = None
    outputs: tuple[str, ...] | None = None
    transforms: Transforms | None = None
    preset: str | None = None
    signature: str | tuple[str, ...] | None = None
    check: CheckOptions | None = None
    set: Mapping[str, Any] | None = None
    allow_files: bool = False
    init_op: str | None = None
    all_signatures: bool = False

    def to_json(self) -> OptimiseJson:
        """As JSON, for a job request and for the record."""
        return {
            "inputs": None if self.inputs is None else list(self.inputs),
            "outputs": None if self.outputs is None else list(self.outputs),
            "transforms": None if self.transforms is None else _as_text(self.transforms),
            "preset": self.preset,
            "signature": list(key) if isinstance(key := self.signature, tuple) else key,
            "all_signatures": self.all_signatures,
            "init_op": self.init_op,
            "check": None if self.check is None else self.check.to_json(),
            "set": None if not self.set else {key: _plain(self.set[key]) for key in self.set},
        }

    @classmethod
    def from_json(cls, json: OptimiseJson, feeds_file: bytes = b"") -> OptimiseOptions:
        """From `to_json`, with the bytes of the file that the check feeds."""
        inputs, outputs, check = json["inputs"], json["outputs"], json["check"]
        return cls(
            None if inputs is None else tuple(inputs),
            None if outputs is None else tuple(outputs),
            json["transforms"],
            json["preset"],
            tuple(key) if isinstance(key := json["signature"], list) else key,
            None if check is None else CheckOptions.from_json(check, feeds_file),
            json["set"],
            init_op=json["init_op"],
            all_signatures=json["all_signatures"],
        )


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _as_text(transforms: Transforms) -> str:
    if isinstance(transforms, str):
        return transforms
    calls = [item for item in transforms if isinstance(item, Call)]
    return format_calls(calls) if calls else " ".join(map(str, transforms))
