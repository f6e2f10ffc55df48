"""What refers to a node by its name: input strings, and constraints to share its device."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from inspector.graph.names import Input, split_input

COLOCATE = b"loc:@"


def place_of(constraint: bytes) -> str:
    """The node that an entry of ``_class`` names; empty where it names none."""
    if not constraint.startswith(COLOCATE):
        return ""
    return constraint[len(COLOCATE) :].decode("utf-8", "replace")


def renamed_input(text: str, table: Mapping[str, str]) -> str:
    """An input string after nodes got other names.

    Args:
        table: Old name to new.
    """
    if ":" in text:
        name, port, control = split_input(text)
        return str(Input(table[name], port, control)) if name in table else text
    if text[:1] == "^":
        return "^" + table.get(text[1:], text[1:])
    return table.get(text, text)


def renamed_constraint(constraint: bytes, table: Mapping[str, str]) -> bytes:
    """An entry of ``_class`` after nodes got other names."""
    name = place_of(constraint)
    return COLOCATE + table[name].encode() if name in table else constraint


def with_controls(inputs: Iterable[str], controls: Iterable[str], name: str) -> list[str]:
    """Input strings with control inputs added: data first, each control once, none on `name`."""
    data: list[str] = []
    waits: dict[str, None] = {}
    for text in inputs:
        if text.startswith("^"):
            waits[text] = None
        else:
            data.append(text)
    waits.update(dict.fromkeys(controls))
    waits.pop(f"^{name}", None)
    return data + list(waits)
