"""List the ops and attributes of the op list that lack a decision in `data/op_safety.txt`.

    python scripts/op_safety.py

Run it after `python -m inspector.backend.write_opdefs`. Each line is a proposal from the OpDef;
nothing is written: a person reads what the op does, and puts it into a class by hand. With
``--review`` all ops that may be computed ahead, or may run, are listed with what speaks against it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from inspector.graph import op_safety, opdefs, tensors
from inspector.graph.protos import OpDef

_NAMES = ("string", "list(string)", "tensor", "list(tensor)")
_FUNCTIONS = ("func", "list(func)")
_TELLING = ("file", "path", "dir", "url", "address", "host", "server", "token", "container")


def doubts(op: OpDef) -> list[str]:
    """What in an OpDef speaks against computing it ahead; empty where nothing does."""
    args = [*op.input_arg, *op.output_arg]
    reasons = []
    if op.is_stateful:
        reasons.append("stateful")
    if op.name.startswith("_"):
        reasons.append("internal")
    if any(arg.is_ref for arg in args):
        reasons.append("references")
    if any(arg.type == tensors.RESOURCE for arg in args):
        reasons.append("resources")
    for attr in op.attr:
        if attr.type in _FUNCTIONS:
            reasons.append(f"function {attr.name}")
        elif attr.type in _NAMES and attr.name not in harmless():
            reasons.append(f"attribute {attr.name}")
    texts = [arg.name for arg in op.input_arg if arg.type == tensors.STRING]
    reasons += [f"input {name}" for name in texts if any(word in name for word in _TELLING)]
    return reasons


def harmless() -> frozenset[str]:
    """The attributes that were reviewed and need no rule."""
    return frozenset(op_safety.sections()["harmless attributes"])


def proposals() -> Iterator[str]:
    """One line for each op and each attribute without a decision."""
    for name in sorted(opdefs.known_ops()):
        op = opdefs.get(name)
        if op is None:
            continue
        if op_safety.class_of(name) is op_safety.UNKNOWN:
            against = doubts(op)
            proposal = f"not pure: {', '.join(against)}" if against else "pure?"
            yield f"{name}: {proposal}"
        elif not op_safety.is_refused(name):
            rule = op_safety.ATTRIBUTE_RULES.get(name)
            for attr in op.attr:
                ruled = rule is not None and rule.attribute == attr.name
                if attr.type in _NAMES and attr.name not in harmless() and not ruled:
                    yield f"{name}: attribute {attr.name} ({attr.type}) needs a rule or a review"


def review() -> Iterator[str]:
    """Every op that may run, its class, and what speaks against computing it ahead."""
    for name in sorted(opdefs.known_ops()):
        op, op_class = opdefs.get(name), op_safety.class_of(name)
        if op is not None and not op_safety.is_refused(name):
            against = doubts(op)
            if against or op_class.verdict != op_safety.FOLD:
                yield f"{name}: {op_class.name}: {', '.join(against) or 'nothing against it'}"


if __name__ == "__main__":
    for line in review() if "--review" in sys.argv[1:] else proposals():
        print(line)
