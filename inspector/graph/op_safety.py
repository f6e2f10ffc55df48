"""What TensorFlow's ops may do here: an allow-list, one decision for every op of the op list.

A graph is a program. Whether an op is declared stateful says nothing about safety: ``ReadFile``,
``DatasetFromGraph`` and ``DebugIdentity`` are declared stateless. So each op has a class, in
``data/op_safety.txt``, and a class has a verdict: its ops may be computed ahead (`FOLD`), may run
for predictions and checks (`RUN`), may run on the model's own files only (`OWN`), or are refused.
An op without a class is refused. Attributes decide too: `ruling` judges a node.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from inspector.graph import tensors
from inspector.graph.op_sets import RESTORES, SAVES, TABLE_FILES
from inspector.graph.opdefs import RELEASE
from inspector.graph.protos import AttrValue, NodeDef

Verdict = Literal["fold", "run", "own", "refuse"]
FOLD: Verdict = "fold"
RUN: Verdict = "run"
OWN: Verdict = "own"
REFUSE: Verdict = "refuse"

BLOCK, WARN = "block", "warn"
"""Severities in ``flagged_ops`` of the JSON of ``describe``."""

_DATA = Path(__file__).parent / "data" / "op_safety.txt"
BY_ATTRIBUTE = "attribute"
_NAMES_LISTED = 5


@dataclass(frozen=True)
class OpClass:
    """What the ops of one section of ``data/op_safety.txt`` do.

    Attributes:
        why: What such an op does, in words that follow its name.
        warns: It may run, and the user gets a warning.
    """

    name: str
    verdict: Verdict
    why: str
    warns: bool = False


@dataclass(frozen=True)
class Ruling:
    """The decision on one node.

    Attributes:
        kind: The name of the class of ops, or ``attribute`` where an attribute decided.
        attribute: The one that decided, empty where the op did.
    """

    verdict: Verdict
    why: str
    warns: bool = False
    kind: str = ""
    attribute: str = ""

    @property
    def severity(self) -> str:
        """``block``, ``warn``, or empty for a node that needs no mention."""
        if self.verdict in (OWN, REFUSE):
            return BLOCK
        return WARN if self.warns else ""


CLASSES: Mapping[str, OpClass] = {
    item.name: item
    for item in (
        OpClass("pure", FOLD, "computes its outputs from its inputs alone"),
        OpClass("images", FOLD, "decodes images: a small one may grow to gigabytes", warns=True),
        OpClass("call", FOLD, "runs functions of the model"),
        OpClass("input", RUN, "stands for a value that is fed"),
        OpClass("control_flow", RUN, "decides which nodes run"),
        OpClass("stateful_call", RUN, "runs functions of the model, which may keep state"),
        OpClass("state", RUN, "keeps state in the session"),
        OpClass("in_place", RUN, "writes into the memory of its input"),
        OpClass("effect", RUN, "may end the run, or waits for the device"),
        OpClass("random", RUN, "gives different values on every run", warns=True),
        OpClass("waits", RUN, "may wait for ever for data that nobody sends", warns=True),
        OpClass("prints", RUN, "prints values to the server's log", warns=True),
        OpClass("checks", RUN, "stops the run when its condition does not hold", warns=True),
        OpClass("data_set", RUN, "is part of a data set, which calls functions of the model"),
        OpClass("own_table", OWN, "fills a table from a file, which must be an asset of the model"),
        OpClass("own_checkpoint", OWN, "reads a checkpoint, which must be the model's own"),
        OpClass("reads", REFUSE, "reads any file of the server"),
        OpClass("writes", REFUSE, "writes files on the server"),
        OpClass("code", REFUSE, "runs code that is not in the model"),
        OpClass("network", REFUSE, "talks to other processes or machines"),
        OpClass("graph", REFUSE, "runs or makes a graph that is held in a value, unseen"),
        OpClass("handle", REFUSE, "takes an object of the process by a handle held in a string"),
        OpClass("compiled", REFUSE, "compiles and runs a program that is held in an attribute"),
        OpClass("xla", REFUSE, "needs the XLA compiler, which is not run here"),
        OpClass("accelerator", REFUSE, "drives accelerators of a cluster"),
        OpClass("debugger", REFUSE, "is a hook of TensorFlow's debugger or calibration"),
        OpClass("ends", REFUSE, "ends the process"),
        OpClass("internal", REFUSE, "is made by the runtime itself, which trusts its inputs"),
        OpClass("test", REFUSE, "belongs to TensorFlow's own tests"),
    )
}
UNKNOWN = OpClass(
    "unknown", REFUSE, f"is no op of TensorFlow {RELEASE}; it needs a library of its own"
)

# What every SavedModel carries to save and restore itself. It is on no fetch's way.
PLUMBING = SAVES | RESTORES | TABLE_FILES | {"MergeV2Checkpoints"}


# Attributes that decide


def _is_stream(value: AttrValue) -> bool:
    return value.s in (b"stdout", b"stderr", b"log(info)", b"log(warning)", b"log(error)")


def _is_inline(value: AttrValue) -> bool:
    return value.s in (b"", b"local://") or value.s.startswith(b"bytes://")


def _is_plain_type(value: AttrValue) -> bool:
    return value.type not in (tensors.RESOURCE, tensors.VARIANT)


def _is_plain_tensor(value: AttrValue) -> bool:
    """True for values and for the lists of TensorFlow 2, whatever lies in them likewise."""
    todo = [value.tensor]
    while todo:
        tensor = todo.pop()
        if tensor.dtype == tensors.RESOURCE:
            return False
        if tensor.dtype == tensors.VARIANT:
            items = tensor.variant_val
            if not items or any(item.type_name != "tensorflow::TensorList" for item in items):
                return False
            todo += [inner for item in items for inner in item.tensors]
    return True


@dataclass(frozen=True)
class AttributeRule:
    """An attribute whose value `allows` must accept; absent, it has its default."""

    attribute: str
    allows: Callable[[AttrValue], bool]
    why: str


_FROM_FILE = "reads the file that its attribute names"
_HANDLE = "holds a handle or an object of a process, in serialised form"
ATTRIBUTE_RULES: Mapping[str, AttributeRule] = {
    "PrintV2": AttributeRule(
        "output_stream", _is_stream, "writes to the file that its attribute names"
    ),
    "DecodeProtoV2": AttributeRule("descriptor_source", _is_inline, _FROM_FILE),
    "EncodeProto": AttributeRule("descriptor_source", _is_inline, _FROM_FILE),
    **{op: AttributeRule("value", _is_plain_tensor, _HANDLE) for op in ("Const", "HostConst")},
    "_EagerConst": AttributeRule("T", _is_plain_type, _HANDLE),
    "ParseTensor": AttributeRule("out_type", _is_plain_type, _HANDLE),
    **{
        op: AttributeRule("dtype", _is_plain_type, _HANDLE)
        for op in ("DeserializeSparse", "DeserializeManySparse")
    },
}


@functools.cache
def sections() -> Mapping[str, tuple[str, ...]]:
    """Section of the data file to its words: class to op names, and the reviewed attributes."""
    listed: dict[str, list[str]] = {}
    words: list[str] = []
    for line in _DATA.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            words = listed.setdefault(line.strip("[] "), [])
        elif not line.startswith("#"):
            words += line.split()
    return {name: tuple(words) for name, words in listed.items()}


@functools.cache
def _class_by_op() -> Mapping[str, OpClass]:
    listed = sections()
    return {op: item for name, item in CLASSES.items() for op in listed.get(name, ())}


def class_of(op: str) -> OpClass:
    """The class of an op; `UNKNOWN` for a name in no list."""
    return _class_by_op().get(op, UNKNOWN)


@functools.cache
def op_ruling(op: str) -> Ruling:
    """The decision on an op whose attributes are as they should be."""
    class_ = class_of(op)
    return Ruling(class_.verdict, class_.why, class_.warns, class_.name)


def ruling(node: NodeDef) -> Ruling:
    """The decision on a node, by its op and attributes; calls of functions are not followed."""
    decision = op_ruling(node.op)
    rule = ATTRIBUTE_RULES.get(node.op)
    # A look at an attribute that is not there would make it.
    if rule is None or decision.verdict == REFUSE or rule.attribute not in node.attr:
        return decision
    value = node.attr[rule.attribute]
    # In the body of a function, the caller decides: nothing says on what.
    if not value.placeholder and rule.allows(value):
        return decision
    return Ruling(REFUSE, rule.why, kind=BY_ATTRIBUTE, attribute=rule.attribute)


def is_refused(op: str) -> bool:
    """True for an op that does not run, or on the model's own files only."""
    return op_ruling(op).severity == BLOCK


# Texts for the user


def advice(*rows: Mapping[str, Any]) -> str:
    """Rows of `flagged` as sentences: each op with its reason, then once what to do."""
    sentences = [
        f"{row['op']} ({row['count']} node{'' if row['count'] == 1 else 's'}) {row['why']}."
        for row in rows
    ]
    if any(row.get("severity") != WARN for row in rows):
        ops = "it" if len(rows) == 1 else "them"
        sentences.append(
            f"Inspecting is safe, but what needs {ops} is not run here: select outputs that do not "
            "depend on it, or run the model elsewhere if you trust its source."
        )
    return " ".join(sentences)


def flagged(
    op_counts: Mapping[str, int],
    functions: Collection[str] = (),
    decided: Iterable[tuple[NodeDef, int]] = (),
    *,
    plumbing: bool = False,
) -> list[dict[str, Any]]:
    """The flagged ops among these, the refused ones first.

    Args:
        op_counts: Op to number of nodes, of the graph and its functions.
        functions: Names of library functions, which are ops of the model's own.
        decided: Nodes that an attribute may decide about, and how often each stands there.
        plumbing: Also those that every SavedModel carries to save and restore itself.
    Returns: ``op``, ``count``, ``why`` and ``severity`` of each.
    """
    counts = dict(op_counts)
    by_attribute: dict[tuple[str, str], int] = {}
    for node, count in decided:
        decision = ruling(node)
        if decision.attribute:
            key = (node.op, decision.why)
            by_attribute[key] = by_attribute.get(key, 0) + count
            counts[node.op] = counts.get(node.op, 0) - count
    rows = [
        {"op": op, "count": count, "why": why, "severity": BLOCK}
        for (op, why), count in by_attribute.items()
    ]
    for op, count in sorted(counts.items()):
        ours = op in functions and class_of(op) is UNKNOWN
        if count < 1 or ours or (op in PLUMBING and not plumbing):
            continue
        decision = op_ruling(op)
        if decision.severity:
            rows.append(
                {"op": op, "count": count, "why": decision.why, "severity": decision.severity}
            )
    return sorted(rows, key=lambda row: (row["severity"] != BLOCK, row["op"]))


def refusal(rows: Iterable[tuple[str, str]]) -> str:
    """Why a run is refused, of op and reason of each: at most five are named."""
    listed = list(rows)
    more = f"; and {len(listed) - _NAMES_LISTED} more" if len(listed) > _NAMES_LISTED else ""
    named = "; ".join(f"{op} {why}" for op, why in listed[:_NAMES_LISTED])
    return f"not run for a model you may not know: {named}{more}"
