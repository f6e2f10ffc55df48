"""Parses the transforms string: the original tool's grammar, with all its quirks.

    list   := { blanks call }
    call   := name [ "(" { [","] blanks key "=" value } ")" ]
    name, key := one or more of  A-Z a-z 0-9 _
    value  := one or more of     A-Z a-z 0-9 - . / _
            | '"' anything up to the next '"' without a backslash before it '"'

Differs from the tool: a missing ``)`` is an error, where the tool silently dropped the call.

Source: tensorflow/tools/graph_transforms/transform_graph.cc, ParseTransformParameters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from inspector.errors import TransformSyntaxError

_BLANKS = re.compile(r"[ \t\n\v\f\r]*")
_NAME = re.compile(r"[A-Za-z0-9_]+")
_BARE = re.compile(r"[A-Za-z0-9\-./_]+")
_QUOTED = re.compile(r'((?:[^"\\]|\\.)*)"', re.DOTALL)


@dataclass(frozen=True)
class Call:
    """One transform with its arguments as written: key and value, in order, keys may repeat."""

    name: str
    args: tuple[tuple[str, str], ...] = ()

    def values(self, key: str) -> list[str]:
        """All values of a key, in order."""
        return [value for name, value in self.args if name == key]

    def __str__(self) -> str:
        return format_call(self)


def parse(text: str) -> list[Call]:
    """Read a transforms string; an empty or blank one is an empty list.

    Raises: TransformSyntaxError, with the tool's message.
    """
    calls: list[Call] = []
    at = _skip(text, 0)
    while at < len(text):
        name = _NAME.match(text, at)
        if name is None:
            raise _error("Looking for transform name", text, at)
        at = name.end()
        args: list[tuple[str, str]] = []
        if text[at : at + 1] == "(":
            at = _arguments(text, at + 1, name.group(), args)
        calls.append(Call(name.group(), tuple(args)))
        at = _skip(text, at)
    return calls


def format_call(call: Call) -> str:
    """One call as text that `parse` reads back.

    Raises: TransformSyntaxError for a name or value that the grammar cannot express.
    """
    for name in (call.name, *(key for key, _ in call.args)):
        if not _NAME.fullmatch(name):
            raise TransformSyntaxError("transforms", name, "a name is letters, digits and _ only")
    if not call.args:
        return call.name
    written = ", ".join(f"{key}={_value(value, key)}" for key, value in call.args)
    return f"{call.name}({written})"


def format_calls(calls: Iterable[Call]) -> str:
    """Several calls as one transforms string. Raises: TransformSyntaxError."""
    return " ".join(format_call(call) for call in calls)


def _arguments(text: str, at: int, name: str, args: list[tuple[str, str]]) -> int:
    while text[at : at + 1] != ")":
        if at >= len(text):
            raise TransformSyntaxError("transforms", name, "the ')' that ends it is missing")
        if text[at] == ",":
            at += 1
        at = _skip(text, at)
        key = _NAME.match(text, at)
        if key is None:
            raise _error("Looking for parameter name", text, at)
        at = key.end()
        if text[at : at + 1] != "=":
            raise _error("Looking for =", text, at)
        at += 1
        quoted = text[at : at + 1] == '"'
        at += quoted
        value = (_QUOTED if quoted else _BARE).match(text, at)
        if value is None:
            raise _error("Looking for parameter name", text, at)
        args.append((key.group(), value.group(1) if quoted else value.group()))
        at = value.end()
        # The tool skips one stray quote of each kind here, and scripts contain them.
        at += text[at : at + 1] == '"'
        at += text[at : at + 1] == "'"
    return at + 1


def _skip(text: str, at: int) -> int:
    blanks = _BLANKS.match(text, at)
    return blanks.end() if blanks else at


def _value(value: str, key: str) -> str:
    if _BARE.fullmatch(value):
        return value
    quoted = _QUOTED.fullmatch(value + '"')
    if quoted is None or quoted.group(1) != value:
        reason = 'a value cannot hold a bare " or end with a backslash'
        raise TransformSyntaxError("transforms", key, reason)
    return f'"{value}"'


def _error(sought: str, text: str, at: int) -> TransformSyntaxError:
    rest = text[at:]
    excerpt = rest if len(rest) <= 60 else rest[:59] + "…"
    actual = excerpt or "the end"
    return TransformSyntaxError(
        "transforms", f"character {at + 1}", f"{sought}, but found {actual}"
    )
