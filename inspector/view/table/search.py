"""Search over a node table: ``dense kernel``, ``op:Conv2D``, ``shape:[None,64]``, ``/^b.*x$/``.

Words are separated by spaces and all must match. A plain word matches a part of name or op in any
case. ``op:``, ``shape:`` and ``attr:`` take ``*`` for anything; ``attr:padding`` matches the
attribute, ``attr:padding=SAME`` its value too. A word between slashes is a regular expression over
the name. Time is bounded: an expression that may take exponential time runs in a child process,
which is killed.
"""

from __future__ import annotations

import contextlib
import fnmatch
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from inspector.errors import InspectorError
from inspector.graph.op_sets import ASSIGNS, RESTORES, SAVES, VARIABLES
from inspector.view.table.node_table import NodeTable

SECONDS = 2.0
MAX_TEXT = 300
MAX_NAME = 400
"""Characters of a name that a regular expression sees."""

_CHILD = (
    "import json,re,sys\n"
    "query = json.load(sys.stdin)\n"
    "found = re.compile(query['pattern'], re.I).search\n"
    "json.dump([i for i, name in enumerate(query['names']) if found(name)], sys.stdout)\n"
)
Test = Callable[[int], bool]


class SearchError(InspectorError):
    """A search text with a syntax error, or one that takes too long."""


_SUPPLYING = VARIABLES | ASSIGNS | SAVES | RESTORES | {"Const", "Identity", "ReadVariableOp"}
"""Ops that hold, hand on, write or store a weight."""


@dataclass(frozen=True)
class SearchResult:
    """The matches of a search.

    Args:
        nodes: Indices, best first, at most ``limit`` of them: nodes of that name, then nodes that
            compute from an input, then others that compute, as initialisers do, then those that
            only supply a weight.
        total: How many there are in all.
    """

    nodes: list[int]
    total: int


def search(table: NodeTable, text: str, limit: int = 500) -> SearchResult:
    """The nodes that match every word of a search text; an empty text matches nothing.

    Raises: SearchError.
    """
    words = text[:MAX_TEXT].split()
    if not words:
        return SearchResult([], 0)
    hits: list[int] | range = range(len(table))
    # The cheap tests first, so that an expression sees few names.
    for word in sorted(words, key=_is_expression):
        if _is_expression(word):
            hits = _expression(table, word[1:-1], hits)
        else:
            test = _test(table, word)
            hits = [node for node in hits if test(node)]
    plain = [word.lower() for word in words if not _is_expression(word) and ":" not in word]
    supplying = {number for number, op in enumerate(table.ops) if op in _SUPPLYING}

    def rank(node: int) -> tuple[bool, bool, bool, bool, bool, int]:
        name = table.names[node].lower()
        last = name.rpartition("/")[2]
        word = plain[0] if plain else ""
        supplies = table.op[node] in supplying
        starts = last.startswith(word)
        return name != word, last != word, supplies, not table.fed[node], not starts, node

    return SearchResult(sorted(hits, key=rank)[:limit], len(hits))


def _is_expression(word: str) -> bool:
    return len(word) > 2 and word.startswith("/") and word.endswith("/")


def _test(table: NodeTable, word: str) -> Test:
    key, colon, value = word.partition(":")
    if colon and value and key.lower() == "op":
        ops = {number for number, op in enumerate(table.ops) if _like(op, value)}
        return lambda node: table.op[node] in ops
    if colon and value and key.lower() == "shape":
        pattern = _shape_pattern(value)
        shapes = {
            number
            for number, outputs in enumerate(table.shapes)
            if any(
                shape is not None and _like("x".join(map(str, shape)), pattern) for shape in outputs
            )
        }
        return lambda node: table.shape[node] in shapes
    if colon and value and key.lower() == "attr":
        lists = {
            number
            for number, texts in enumerate(table.attrs)
            if any(_like(text, value) or _like(text.partition("=")[0], value) for text in texts)
        }
        return lambda node: len(table.attr) > 0 and table.attr[node] in lists
    needle = word.lower()
    ops = {number for number, op in enumerate(table.ops) if needle in op.lower()}
    return lambda node: table.op[node] in ops or needle in table.names[node].lower()


def _shape_pattern(typed: str) -> str:
    """The pattern of a shape such as ``?x64``, ``None×64`` or ``[None,64]``."""
    sizes = typed.lower()
    if sizes.startswith("[") and sizes.endswith("]"):
        sizes = sizes[1:-1]
    return sizes.replace("×", "x").replace(",", "x").replace("?", "none")


def _like(text: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(text.lower(), pattern.lower())


def _expression(table: NodeTable, pattern: str, nodes: list[int] | range) -> list[int]:
    try:
        search = re.compile(pattern, re.IGNORECASE).search
    except (re.error, OverflowError, RecursionError) as err:
        raise SearchError("search", f"/{pattern}/", f"not a regular expression: {err}") from err
    names = [table.names[node][:MAX_NAME] for node in nodes]
    if _harmless(pattern):
        deadline = time.monotonic() + SECONDS
        hits = []
        for node, name in zip(nodes, names, strict=True):
            if search(name):
                hits.append(node)
            if time.monotonic() > deadline:
                raise _too_slow(pattern)
        return hits
    return [nodes[place] for place in _in_child(pattern, names)]


def _harmless(pattern: str) -> bool:
    """Whether matching is at most quadratic in the name: two repeats, and none of a group."""
    return len(re.findall(r"[*+{]", pattern)) <= 2 and not re.search(
        r"[)\]][*+{]|\\\d|\(\?", pattern
    )


def _in_child(pattern: str, names: list[str]) -> list[int]:
    query = json.dumps({"pattern": pattern, "names": names}).encode()
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _CHILD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            output, _ = process.communicate(query, timeout=SECONDS)
        except subprocess.TimeoutExpired as err:
            raise _too_slow(pattern) from err
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
    if process.returncode != 0:
        raise _too_slow(pattern)
    places: list[int] = json.loads(output)
    return places


def _too_slow(pattern: str) -> SearchError:
    return SearchError("search", f"/{pattern}/", f"took longer than {SECONDS:g} seconds")
