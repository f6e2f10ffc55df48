"""Input strings and tensor names: ``a``, ``a:1``, ``^a``, read and written."""

from __future__ import annotations

from typing import NamedTuple


class Input(NamedTuple):
    """One entry of ``NodeDef.input``: ``name``, ``name:1`` or ``^name``."""

    name: str
    port: int
    control: bool

    def __str__(self) -> str:
        if self.control:
            return "^" + self.name
        return f"{self.name}:{self.port}" if self.port else self.name


def split_input(text: str) -> Input:
    """Read an input string or a tensor name: ``a``, ``a:1``, ``^a``; port 0 where none is given."""
    # Called for every edge of every graph: the tuple's own constructor takes half the time.
    if text[:1] == "^":
        return tuple.__new__(Input, (text[1:], -1, True))
    if ":" in text:
        name, _, port = text.rpartition(":")
        if port.isascii() and port.isdigit() and len(port) < 10:
            return tuple.__new__(Input, (name, int(port), False))
    return tuple.__new__(Input, (text, 0, False))


def node_name(text: str) -> str:
    """The node of an input string or tensor name: ``^a`` and ``a:1`` to ``a``."""
    if ":" in text:
        return split_input(text).name
    return text[1:] if text[:1] == "^" else text


def tensor_name(text: str) -> str:
    """The tensor of a node or tensor name, port written out: ``a`` to ``a:0``."""
    name, port, _ = split_input(text)
    return f"{name}:{port}"
