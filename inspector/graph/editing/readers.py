"""Who reads each node of an edit session, kept up to date with every change.

The readers of a node are taken from the columns of the graph when they are first asked for or
change: a pass that looks at few nodes pays for few, however large the graph is.
"""

from __future__ import annotations

from collections.abc import Sequence

from inspector.graph.columns import Columns
from inspector.graph.names import split_input
from inspector.graph.protos import NodeDef

Reads = dict[str, Sequence[int]]
"""Reader to the output ports it reads, in the order of its inputs; -1 for a control input."""

_ONE = {port: (port,) for port in range(-1, 16)}
"""Nearly every node reads another one once: these are shared by all of them."""


class Readers:
    """Who reads what in a graph, and in what becomes of it.

    Args:
        columns: The graph at the start, in which no name repeats.
    """

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._reads: dict[str, Reads] = {}

    def of(self, name: str) -> Reads:
        """The readers of a node now; not to be written to."""
        reads = self._reads.get(name)
        if reads is None:
            reads = self._reads[name] = {}
            number = self._columns.number(name)
            for reader, port in () if number is None else self._columns.reads(number):
                _note(reads, self._columns.names[reader], port)
        return reads

    def add(self, node: NodeDef) -> None:
        """Take in what a node reads."""
        name = node.name
        for text in node.input:
            source, port, _ = split_input(text)
            _note(self.of(source), name, port)

    def remove(self, node: NodeDef) -> None:
        """Forget what a node reads."""
        name = node.name
        for text in node.input:
            self.of(split_input(text)[0]).pop(name, None)


def _note(reads: Reads, reader: str, port: int) -> None:
    ports = reads.get(reader)
    if ports is None:
        reads[reader] = _ONE.get(port) or (port,)
    elif isinstance(ports, list):
        ports.append(port)
    else:
        reads[reader] = [*ports, port]
