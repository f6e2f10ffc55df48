"""The table of all operations: drawn nodes out of the node table, then bodies that are not drawn.

The worker sends what the node table does not hold (`OperationDetails.beside`); rows become texts
when they are shown, so that a graph of a million nodes costs no more than one of a thousand.

Example:
    >>> operations = OperationTable(table, blob)
    >>> operations.rows(operations.find("dense kernel", [])[:500])["name"]
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import zip_longest

import numpy as np
import numpy.typing as npt

from inspector.errors import CorruptModel
from inspector.text import shape as shape_text
from inspector.view.table import element_types
from inspector.view.table.node_table import NodeTable

COLUMNS = ("name", "op", "outputs", "inputs", "device", "function")
LISTED = 200
"""Outputs of a node that count."""
_JOINED = 12
"""Tensors of a node in one cell."""

Mask = npt.NDArray[np.bool_]


class OperationTable:
    """Rows are numbers: those of the nodes, then those of the operations in other bodies.

    Args:
        beside: JSON of `OperationDetails.beside`.
    Raises: CorruptModel for a malformed answer of a worker.
    """

    def __init__(self, table: NodeTable, beside: bytes) -> None:
        self._table = table
        try:
            data = json.loads(beside)
            self._bodies: dict[str, list[str]] = data["bodies"]
            element_types.check_operations(self._bodies)
            texts = [text for pair in data["functions"].items() for text in pair]
            element_types.check_list("functions", texts, str)
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as err:
            raise CorruptModel("table of operations", "JSON", str(err)) from err
        self._functions: dict[str, str] = data["functions"]

    def __len__(self) -> int:
        return len(self._table) + len(self._bodies["name"])

    def names(self) -> set[str]:
        """The names of all operations."""
        return {*self._table.names, *self._bodies["name"]}

    def op_counts(self) -> dict[str, int]:
        """Op to number of rows, the most frequent first."""
        numbers = np.bincount(self._table.op, minlength=len(self._table.ops)).tolist()
        counts = Counter(dict(zip(self._table.ops, numbers, strict=True)))
        counts.update(self._bodies["op"])
        return {op: count for op, count in counts.most_common() if count}

    def find(self, words: str, ops: Sequence[str] = ()) -> list[int]:
        """Rows with every word in their name, op, inputs or outputs, and with one of `ops`.

        A search between slashes, e.g. ``/^dense.*kernel$/``, is a regular expression for the name.

        Raises: ValueError for a malformed expression.
        """
        table, bodies = self._table, self._bodies
        hits = np.ones(len(self), np.bool_)
        if ops:
            is_chosen = set(ops).__contains__
            hits &= self._mask(_per_op(table, is_chosen), map(is_chosen, bodies["op"]))
        words = words.strip()
        if len(words) > 2 and words.startswith("/") and words.endswith("/"):
            try:
                matches = re.compile(words[1:-1]).search
            except re.error as err:
                raise ValueError(f"{words} is no regular expression: {err}") from err
            places = np.flatnonzero(hits).tolist()
            return [row for row in places if matches(self._name(row))]
        for word in words.lower().split():
            drawn = _Word(table, word).hits()
            hits &= self._mask(drawn, (word in text for text in self._body_texts))
        return list(np.flatnonzero(hits).tolist())

    def rows(self, rows: Sequence[int]) -> dict[str, list[str]]:
        """The cells of some rows, one list per column."""
        cells = [self._row(row) for row in rows]
        return {key: [row[at] for row in cells] for at, key in enumerate(COLUMNS)}

    def _name(self, row: int) -> str:
        count = len(self._table)
        return self._table.names[row] if row < count else self._bodies["name"][row - count]

    @property
    def _body_texts(self) -> Iterator[str]:
        """Per operation of other bodies, what a word is looked for in."""
        columns = (self._bodies[key] for key in ("name", "op", "outputs", "inputs"))
        return (" ".join(cells).lower() for cells in zip(*columns, strict=True))

    def _mask(self, drawn: Mask, others: Iterable[bool]) -> Mask:
        count = len(self._bodies["name"])
        return np.append(drawn, np.fromiter(others, np.bool_, count))

    def _row(self, row: int) -> tuple[str, ...]:
        table = self._table
        if row >= len(table):
            return tuple(self._bodies[key][row - len(table)] for key in COLUMNS)
        name = table.names[row]
        outputs = [f"{name}:{port} {text}" for port, text in enumerate(_outputs(table, row))]
        inputs = [text.removesuffix(":0") for text in table.input_names(row)]
        device = table.devices[table.device[row]] if len(table.device) else ""
        function = self._functions.get(name, "")
        return name, table.op_of(row), joined(outputs), joined(inputs), device, function


class _Word:
    """One word of a search over the drawn nodes."""

    def __init__(self, table: NodeTable, word: str) -> None:
        self._table = table
        # Of ``conv:1,`` the comma separates tensors of a cell, and the number is a port.
        self._word = word.removesuffix(",")
        self._stem, colon, self._port = self._word.rpartition(":")
        self._has_port = bool(colon) and (not self._port or self._port.isdigit())

    def hits(self) -> Mask:
        """Per node, whether the word is in its name, op, inputs or outputs."""
        table, word = self._table, self._word
        is_named = np.fromiter((word in name.lower() for name in table.names), np.bool_, len(table))
        hits = is_named | _per_op(table, lambda op: word in op.lower()) | self._in_outputs()
        source, port, reader = table.edges
        hits[reader[is_named[source]]] = True
        if self._has_port:
            ends = (name.lower().endswith(self._stem) for name in table.names)
            is_stem = np.fromiter(ends, np.bool_, len(table))
            hits |= is_stem
            ports = [at for at in np.unique(port) if str(at).startswith(self._port)]
            of_port = np.isin(port, ports)
            hits[reader[of_port & is_stem[source]]] = True
        missing = [-1 - at for at, name in enumerate(table.missing) if self._is_in(name.lower())]
        hits[table.inputs.reader[np.isin(table.inputs.source, missing)]] = True
        control = word.removeprefix("^")
        for node, sources in table.controls.items():
            hits[node] |= any(control in table.names[at].lower() for at in sources)
        return hits

    def _is_in(self, name: str) -> bool:
        return self._word in name or (self._has_port and name.endswith(self._stem))

    def _in_outputs(self) -> Mask:
        """Per node, whether a dtype or a shape of its outputs has the word."""
        table = self._table
        if not len(table.dtype) or not len(table.shape):
            return np.zeros(len(table), np.bool_)
        keys = table.dtype.astype(np.int64) * (len(table.shapes) + 1) + table.shape
        _, first, number = np.unique(keys, return_index=True, return_inverse=True)
        hits = [self._word in ", ".join(_outputs(table, node)).lower() for node in first.tolist()]
        return np.array(hits, np.bool_)[number]


def _per_op(table: NodeTable, test: Callable[[str], bool]) -> Mask:
    return table.of_ops({op for op in table.ops if test(op)})


def _outputs(table: NodeTable, node: int) -> list[str]:
    """Dtype and shape of each output of a node."""
    outputs = zip_longest(table.dtypes_of(node)[:LISTED], table.shapes_of(node)[:LISTED])
    return [f"{dtype or '?'} {shape_text(shape)}" for dtype, shape in outputs]


def joined(texts: Sequence[str]) -> str:
    """The texts of one cell; of many the first."""
    more = f", … {len(texts) - _JOINED} more" if len(texts) > _JOINED else ""
    return ", ".join(texts[:_JOINED]) + more
