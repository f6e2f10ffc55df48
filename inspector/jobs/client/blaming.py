"""Where two models part: the first node whose value differs, found by running both in workers.

Both run on the same rows. First the tensors through which all else passes are compared, then what
lies between the last that agrees and the first that differs: so few tensors are held at a time.
The local error of a node is that of the node alone, fed what the nodes of the other model give.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from inspector.analysis.diff import diff
from inspector.analysis.outputs import suggest
from inspector.analysis.paired_tensors import PairedTensors, Row, cut_graph
from inspector.analysis.tensor_errors import TensorError, tensor_error
from inspector.errors import BadFeed, BadFetch, RunError
from inspector.freezing.freeze import freeze
from inspector.graph.graph import Graph, node_name
from inspector.graph.op_sets import PLACEHOLDERS
from inspector.graph.tensors import Array
from inspector.jobs.client.ask import Deadline, Terms
from inspector.jobs.client.predict import predict
from inspector.model import signatures
from inspector.model.model import Model, Runtime
from inspector.optimisation.optimise import Optimised
from inspector.schemas import stamped

if TYPE_CHECKING:
    from inspector.passes.pipeline import Progress
    from inspector.passes.records import Step

TOLERANCE = 1e-4
"""A part of a tensor's largest value: what other kernels and another order of sums may change."""
_AT_ONCE = 24
"""Tensors that one run returns."""


@dataclass(frozen=True)
class NodeError:
    """A node of A, its partner in B, and how far its values are apart.

    Attributes:
        before, after: Its name in A, and that of its partner in B.
        op: Its op in A.
        by: ``name`` or ``structure``, how the two were paired.
        accumulated: In a run of both models on the same rows.
        local: Of B's node alone, and of nodes before it that A lacks, fed A's values; None where
            it was not computed, as for operators of TFLite.
    """

    before: str
    after: str
    op: str
    by: str
    accumulated: TensorError
    local: TensorError | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        names = {"before": self.before, "after": self.after, "op": self.op, "by": self.by}
        local = None if self.local is None else self.local.to_dict()
        return {**names, "accumulated": self.accumulated.to_dict(), "local": local}


@dataclass(frozen=True)
class Blame:
    """Where B's values leave those of A.

    Attributes:
        first: The first node, in the order of A, that differs by itself: its local error is above
            the tolerance, or where that is not known its accumulated one. None where none differs.
        first_not_finite: The first node with a NaN or infinity that A does not have.
        causes: What differs at `first`: the node itself, constants that it reads, and nodes of one
            model alone right before it; each with what differs, e.g. ``attr:value``.
        step: The call of the step that changed one of these; None where no step names them.
        nodes: What was compared, in the order of A.
        not_compared: Nodes of A whose values could not be had.
    """

    first: NodeError | None
    first_not_finite: NodeError | None
    causes: dict[str, list[str]]
    step: str | None
    nodes: list[NodeError]
    not_compared: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return stamped(
            {
                "first": None if self.first is None else self.first.to_dict(),
                "first_not_finite": (
                    None if self.first_not_finite is None else self.first_not_finite.to_dict()
                ),
                "causes": self.causes,
                "step": self.step,
                "nodes": [item.to_dict() for item in self.nodes],
                "not_compared": self.not_compared,
            }
        )


def blame(
    before: Model,
    after: Model | Optimised,
    feeds: Mapping[str, Any],
    *,
    outputs: Sequence[str] | None = None,
    tolerance: float = TOLERANCE,
    every: bool = False,
    progress: Progress | None = None,
    timeout: float | None = None,
) -> Blame:
    """The first node whose values differ between two models, and what differs there.

    Args:
        after: May be a TFLite model; then nodes have no local error. With an answer of `optimise`
            the step that did it is named.
        feeds: For the inputs of `before`, as in `predict`; `after` gets the same values.
        outputs: Nodes or tensors of `before`; by default the outputs of its signature, or
            the likeliest one.
        tolerance: Differences above this part of a tensor's largest value count.
        every: Compare all nodes, not only those around the first that differs.
        progress, timeout: As in `predict`; the timeout is for all runs together.
    Raises: BadFeed, BadFetch (no outputs known), and the errors of `freeze` and `predict`.
    """
    if outputs is None and before.key() is None:
        outputs = [item.name for item in suggest(before)[:1]] or None
    terms = Terms(Deadline.after(timeout), progress)
    steps = after.steps if isinstance(after, Optimised) else ()
    model = after.model if isinstance(after, Optimised) else after
    first = freeze(before, outputs)
    has_variables = model.runs_with is Runtime.TENSORFLOW and bool(model.variables)
    second = freeze(model) if has_variables else model
    search = _Search(first, second, feeds, tolerance, terms)
    nodes = search.all_nodes() if every else search.around_the_first()
    culprit = next(filter(search.differs, nodes), None)
    causes = {} if culprit is None else search.causes(culprit)
    broken = (item for item in nodes if item.accumulated.not_finite)
    return Blame(
        culprit, next(broken, None), causes, _step(steps, culprit, causes), nodes, search.failed
    )


class _Search:
    def __init__(
        self, a: Model, b: Model, feeds: Mapping[str, Any], tolerance: float, terms: Terms
    ) -> None:
        self.a, self.b, self.terms, self.tolerance = a, b, terms, tolerance
        key = a.key()
        outputs = [] if key is None else signatures.output_tensors(a.signatures[key])
        if not outputs:
            raise BadFetch(a.name, "outputs", "the model names none: choose at least one")
        self.paired = PairedTensors(a, b, map(node_name, outputs))
        self.feeds = self._fed(feeds)
        self.failed: list[str] = []

    def all_nodes(self) -> list[NodeError]:
        """The errors of all rows."""
        return self._with_local(self._accumulated(self.paired.rows))

    def around_the_first(self) -> list[NodeError]:
        """The errors of the rows from the last cut that agrees to the first that differs."""
        rows = self.paired.rows
        last = rows[-1:]
        cuts = [row for row in rows if row.is_cut or row in last]
        errors = {item.before: item for item in self._accumulated(cuts)}
        place = {row.before: at for at, row in enumerate(rows)}
        start, stop = 0, len(rows)
        for row in cuts:
            if row.before not in errors:
                continue
            if errors[row.before].accumulated.exceeds(self.tolerance):
                stop = place[row.before] + 1
                break
            start = place[row.before]
        else:
            # The cuts agree; outputs that are no cut are in the rest of the rows.
            start = start if cuts else 0
        return self._with_local(self._accumulated(rows[start:stop]))

    def differs(self, item: NodeError) -> bool:
        """Whether the node itself makes a difference."""
        if not item.accumulated.exceeds(self.tolerance):
            return False
        return item.local is None or item.local.exceeds(self.tolerance)

    def causes(self, item: NodeError) -> dict[str, list[str]]:
        """What differs at a node and in the constants that it reads, and what one model lacks."""
        delta = diff(self.a, self.b)
        fields = {change.name: change.fields for change in delta.changed}
        back = {other: name for name, other in self.paired.partner.items()}
        causes = {item.before: fields[item.before]} if item.before in fields else {}
        for name in _segment(self.a.outline, item.before, self.paired.partner, self.paired.varying):
            if name not in self.paired.partner:
                causes[name] = ["removed"]
            elif name in fields:
                causes[name] = fields[name]
        for name in _segment(self.b.outline, item.after, back, self.paired.varying_after):
            if name not in back:
                causes[name] = ["added"]
        return causes

    def _fed(self, feeds: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The feeds of both models, by tensor name."""
        key = self.a.key()
        named = {} if key is None else signatures.tensors_by_key(self.a.signatures[key].inputs)
        of_a = {node_name(named.get(name, name)): value for name, value in feeds.items()}
        for name in of_a:
            if name not in self.a.outline:
                raise BadFeed(self.a.name, name, "the model has no input of this name")
        needed = {self.paired.partner.get(name): value for name, value in of_a.items()}
        if self.b.runs_with is Runtime.LITERT:
            of_b = {name: value for name, value in needed.items() if name is not None}
        else:
            ops = {node.name for node in self.b.outline if node.op in PLACEHOLDERS}
            of_b = {name: value for name, value in needed.items() if name in ops}
        return of_a, of_b

    def _accumulated(self, rows: Sequence[Row]) -> list[NodeError]:
        errors = []
        for part in _parts(rows):
            of_a = self._values(self.a, self.feeds[0], [row.before for row in part])
            of_b = self._values(self.b, self.feeds[1], [row.after for row in part])
            for row in part:
                if row.before in of_a and row.after in of_b:
                    error = tensor_error(of_a[row.before], of_b[row.after])
                    errors.append(NodeError(row.before, row.after, row.op, row.by, error))
                else:
                    self.failed.append(row.before)
        self.failed = list(dict.fromkeys(self.failed))
        return errors

    def _with_local(self, errors: list[NodeError]) -> list[NodeError]:
        if self.b.runs_with is Runtime.LITERT:
            return errors
        tensor_of = {row.after: row.before for row in self.paired.rows}
        tensor_of |= {self.paired.partner.get(name, ""): name for name in self.feeds[0]}
        for name in self.failed:
            tensor_of.pop(self.paired.partner.get(name, ""), None)
        rows = {row.before: row for row in self.paired.rows}
        complete: list[NodeError] = []
        for part in _parts(errors):
            graph, fed = cut_graph(self.b.graph, [rows[item.before] for item in part], tensor_of)
            fetched = list(dict.fromkeys([*fed.values(), *(item.before for item in part)]))
            of_a = self._values(self.a, self.feeds[0], fetched)
            alone = replace(self.b, graph=graph, path=None, source=None, signatures={})
            feeds = {name: of_a[tensor] for name, tensor in fed.items() if tensor in of_a}
            of_b = self._values(alone, feeds, [item.after for item in part])
            for item in part:
                local = None
                if item.before in of_a and item.after in of_b:
                    local = tensor_error(of_a[item.before], of_b[item.after])
                complete.append(replace(item, local=local))
        return complete

    def _values(
        self, model: Model, feeds: Mapping[str, Any], names: Sequence[str]
    ) -> dict[str, Array]:
        """The values of nodes, first outputs, and of tensors; without those that a run refuses."""
        values = {name: feeds[name] for name in names if name in feeds}
        values |= {
            name: feeds[node_name(name)]
            for name in names
            if name.endswith(":0") and node_name(name) in feeds
        }
        todo = [[name for name in names if name not in values]]
        while todo:
            some = todo.pop()
            if not some:
                continue
            fetches = [name if ":" in name or not model.holds_ops else f"{name}:0" for name in some]
            try:
                outputs = predict(model, feeds, fetches, terms=self.terms).outputs
            except RunError:
                if len(some) == len(names) and len(feeds) == 0:
                    raise
                half = len(some) // 2
                todo += [some[:half], some[half:]] if half else []
                continue
            values |= {name: outputs[fetch] for name, fetch in zip(some, fetches, strict=True)}
        return values


def _parts(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (items[start : start + _AT_ONCE] for start in range(0, len(items), _AT_ONCE))


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


def _step(
    steps: Sequence[Step], culprit: NodeError | None, causes: Mapping[str, list[str]]
) -> str | None:
    """The call of the first step that changed the node, or what differs there."""
    names = set(causes) | ({culprit.before, culprit.after} if culprit is not None else set())
    for step in steps:
        if not step.rolled_back and any(
            names.intersection((change.name, *change.sources)) for change in step.changed
        ):
            return step.call
    return None
