"""Compares the values of paired nodes, so many at a time that they fit into a bound of bytes.

First the tensors through which all else passes are compared, then what lies between the last that
agrees and the first that differs. The local error of a node is that of the node alone, fed what the
nodes of the other model give.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from inspector.analysis.diff import diff
from inspector.analysis.node_errors import NodeError, parts
from inspector.analysis.paired_tensors import PairedTensors, Row
from inspector.analysis.tensor_errors import tensor_error
from inspector.errors import RunError
from inspector.graph.graph import Graph
from inspector.graph.tensors import Array
from inspector.model.model import Model

Report = Callable[[float], None]
_Value = TypeVar("_Value")


class Values(Protocol):
    """Values of the nodes of a loaded model on one set of feeds."""

    def sizes(self, names: Sequence[str]) -> dict[str, int]:
        """Bytes by name of a node or tensor. Raises: RunError."""

    def values(self, names: Sequence[str]) -> dict[str, Array]:
        """Values by name. Raises: RunError."""


class Part(Protocol):
    """Nodes of B that read values of A.

    Attributes:
        fed: Key of a value to feed, to the tensor of A that has it.
    """

    fed: dict[str, str]

    def values(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """Values by node name, of those that can be run alone. Raises: RunError."""


class NodesAlone(Protocol):
    """The nodes of B, to be run without those before them."""

    def cut(self, names: Sequence[str], tensor_of: Mapping[str, str]) -> Part:
        """Nodes of B, and what lies between them and the nodes with values of A.

        Args:
            tensor_of: Node of B to the node of A whose values it has.
        """


@dataclass(frozen=True)
class Bounds:
    """What counts, and what may be held.

    Attributes:
        tolerance: Differences above this part of a tensor's largest value count.
        part_bytes: The values that are held at a time, of both models together; one that is
            larger is compared alone.
    """

    tolerance: float
    part_bytes: int


class NodeSearch:
    """The errors of the pairs of nodes of two models.

    Args:
        models, values: A and B.
        paired: Their nodes.
        fed: The names of the fed nodes of A.
        alone: The nodes of B.

    Attributes:
        failed: Nodes of A whose values could not be had.
    """

    def __init__(
        self,
        models: tuple[Model, Model],
        values: tuple[Values, Values],
        paired: PairedTensors,
        fed: Iterable[str],
        alone: NodesAlone,
        bounds: Bounds,
    ) -> None:
        (self._first, self._second), (self._a, self._b) = models, values
        self._alone, self._bounds = alone, bounds
        self.paired = paired
        self._fed = list(fed)
        self.failed: dict[str, None] = {}

    def all_nodes(self, report: Report) -> list[NodeError]:
        """The errors of all rows."""
        return self._errors(self.paired.rows, True, report)

    def around_the_first(self, report: Report) -> list[NodeError]:
        """The errors of the rows from the last cut that agrees to the first that differs behind it.

        What differs before a cut that agrees does no harm: a factor that moved into the weights.
        """
        rows = self.paired.rows
        cuts = [row for row in rows if row.is_cut]
        errors = {
            item.before: item for item in self._errors(cuts, False, lambda share: report(share / 2))
        }
        place = {row.before: at for at, row in enumerate(rows)}
        start, stop = 0, len(rows)
        for row in reversed(cuts):
            if row.before not in errors:
                continue
            if not errors[row.before].accumulated.exceeds(self._bounds.tolerance):
                start = place[row.before]
                break
            stop = place[row.before] + 1
        return self._errors(rows[start:stop], True, lambda share: report(0.5 + share / 2))

    def causes(self, item: NodeError) -> dict[str, list[str]]:
        """What differs at a node and in the constants that it reads, and what one model lacks."""
        delta = diff(self._first, self._second)
        fields = {change.name: change.fields for change in delta.changed}
        back = {other: name for name, other in self.paired.partner.items()}
        causes = {item.before: fields[item.before]} if item.before in fields else {}
        first, second = self._first.outline, self._second.outline
        for name in _segment(first, item.before, self.paired.partner, self.paired.varying):
            if name not in self.paired.partner:
                causes[name] = ["removed"]
            elif name in fields:
                causes[name] = fields[name]
        for name in _segment(second, item.after, back, self.paired.varying_after):
            if name not in back:
                causes[name] = ["added"]
        return causes

    def _errors(self, rows: Sequence[Row], is_local: bool, report: Report) -> list[NodeError]:
        of_a = values_of_most(self._a.sizes, [row.before for row in rows], needs_one=True)
        of_b = values_of_most(self._b.sizes, [row.after for row in rows], needs_one=True)
        sized = [row for row in rows if row.before in of_a and row.after in of_b]
        self.failed |= dict.fromkeys(row.before for row in rows if row not in sized)
        sizes = [of_a[row.before] + of_b[row.after] for row in sized]
        errors: list[NodeError] = []
        for start, stop in parts(sizes, self._bounds.part_bytes):
            report(start / len(sized))
            part = self._local if is_local else self._accumulated
            errors += part(sized[start:stop])
        return errors

    def _accumulated(self, rows: Sequence[Row]) -> list[NodeError]:
        of_a = values_of_most(self._a.values, [row.before for row in rows])
        return self._against(rows, of_a)

    def _local(self, rows: Sequence[Row]) -> list[NodeError]:
        """Both errors: the values of A serve for both."""
        part = self._alone.cut([row.after for row in rows], self._tensor_of())
        sources = list(dict.fromkeys(part.fed.values()))
        sizes = values_of_most(self._a.sizes, [*sources, *(row.before for row in rows)])
        if sum(sizes.values()) > self._bounds.part_bytes and len(rows) > 1:
            half = len(rows) // 2
            return [*self._local(rows[:half]), *self._local(rows[half:])]
        of_a = values_of_most(self._a.values, list(sizes))
        errors = self._against(rows, of_a)
        of_b = self._values_alone(part, [item.after for item in errors], of_a)
        return [
            replace(item, local=tensor_error(of_a[item.before], of_b[item.after]))
            if item.after in of_b
            else item
            for item in errors
        ]

    def _values_alone(
        self, part: Part, names: Sequence[str], of_a: Mapping[str, Array]
    ) -> dict[str, Array]:
        """Values of nodes of B; where a run of several fails, of those that run with fewer."""
        feeds = {key: of_a[tensor] for key, tensor in part.fed.items() if tensor in of_a}
        try:
            return part.values(feeds)
        except RunError:
            if len(names) < 2:
                return {}
        half, tensor_of = len(names) // 2, self._tensor_of()
        answers: dict[str, Array] = {}
        for some in (names[:half], names[half:]):
            answers |= self._values_alone(self._alone.cut(some, tensor_of), some, of_a)
        return answers

    def _against(self, rows: Sequence[Row], of_a: Mapping[str, Array]) -> list[NodeError]:
        of_b = values_of_most(self._b.values, [row.after for row in rows])
        errors = []
        for row in rows:
            if row.before in of_a and row.after in of_b:
                error = tensor_error(of_a[row.before], of_b[row.after])
                errors.append(NodeError(row.before, row.after, row.op, row.by, error))
            else:
                self.failed[row.before] = None
        return errors

    def _tensor_of(self) -> dict[str, str]:
        """Node of B to the node of A whose values it is fed."""
        partner = self.paired.partner
        tensor_of = {row.after: row.before for row in self.paired.rows}
        tensor_of |= {partner[name]: name for name in self._fed if name in partner}
        for name in self.failed:
            tensor_of.pop(partner.get(name, ""), None)
        return tensor_of


def values_of_most(
    ask: Callable[[list[str]], dict[str, _Value]], names: Sequence[str], *, needs_one: bool = False
) -> dict[str, _Value]:
    """What a run gives for names; where it fails, half of them is tried, until one is left out.

    Raises: RunError where it gives nothing for any, and `needs_one`.
    """
    answers: dict[str, _Value] = {}
    error: RunError | None = None
    todo = [list(dict.fromkeys(names))]
    while todo:
        some = todo.pop()
        if not some:
            continue
        try:
            answers |= ask(some)
        except RunError as err:
            error = error or err
            half = len(some) // 2
            todo += [some[:half], some[half:]] if half else []
    if needs_one and error is not None and not answers:
        raise error
    return answers


def _segment(graph: Graph, name: str, partner: Mapping[str, str], varying: Any) -> list[str]:
    """What a node reads: constants, and nodes without a partner; not past nodes that have one."""
    columns = graph.columns()
    visited: dict[str, None] = {}
    todo = [name]
    while todo:
        for source in columns.data(columns.index[todo.pop()]):
            near = columns.name(source)
            if near in visited or near not in columns.index:
                continue
            if near in varying and near in partner:
                continue
            visited[near] = None
            todo.append(near)
    return list(visited)
