"""Whether a transform keeps the effect it declares: runs the graph before and after it.

`verdicts` says what each effect allows. It is a violation as well when the graph no longer runs, or
draws random numbers that it did not draw. Outputs that draw random numbers are not compared until
a step removes these; that step is no violation, and later ones are compared with its result. The
caller passes in the function that runs a graph; this module does not import TensorFlow.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from inspector.errors import BlockedOp, InspectorError, WorkerDied
from inspector.graph import tensors
from inspector.graph.graph import Graph, node_name, tensor_name
from inspector.graph.op_sets import REQUIRED_PLACEHOLDERS
from inspector.graph.protos import NodeDef
from inspector.graph.tensors import Array
from inspector.optimisation import check_feeds, random_ops, same_graph
from inspector.optimisation.verdicts import NOISE, difference, judge, sixteen_bits, tolerance_of
from inspector.passes.records import Verdict

RunGraph = Callable[[Graph, Mapping[str, Array], list[str]], Mapping[str, Array]]
"""Runs a graph once: feeds and fetches by tensor name. Raises: InspectorError."""

BUDGET_S = 60.0
"""Seconds for all runs of one check on a page, where a user waits for it."""

_MORE_RUNS = 3
"""Runs that measure the noise of a graph, where a step seems to change as little as that."""

_RANDOM = "the outputs depend on random numbers: they are not compared until a step removes these"
_NO_LONGER_RANDOM = (
    "this step removes the random numbers that the outputs depended on; later steps are compared "
    "with its result"
)


@dataclass(frozen=True)
class _Outcome:
    """What a graph gave for the present feeds.

    Attributes:
        error: Why it did not run; None where it did.
        random: The outputs that depend on random numbers.
    """

    graph: Graph
    values: Mapping[str, Array]
    error: InspectorError | None = None
    random: frozenset[str] = frozenset()


class Checker:
    """Checks the steps of one pipeline in order; runs each graph once, a random one several times.

    Args:
        run: Runs a graph.
        inputs, outputs: Feeds and fetches of the pipeline, node or tensor names.
        feeds: Arrays by tensor name, see `check_feeds.named_feeds`; None generates them.
        keep: Nodes that are not fed here, such as the paths of assets.
        budget_s: Seconds for all runs; later steps are reported as unchecked.
    """

    def __init__(
        self,
        run: RunGraph,
        inputs: Iterable[str],
        outputs: Iterable[str],
        feeds: Mapping[str, Array] | None = None,
        *,
        keep: Iterable[str] = (),
        budget_s: float = BUDGET_S,
    ) -> None:
        self._run = run
        self._inputs = [tensor_name(name) for name in inputs]
        self._outputs = list(dict.fromkeys(map(tensor_name, outputs)))
        self._own_feeds = feeds
        self._feeds: Mapping[str, Array] | None = feeds
        self._keep = frozenset(map(node_name, keep))
        self._seconds_left = budget_s
        self._outcomes: list[_Outcome] = []
        self._noise: dict[str, float] = {}
        self._started = False
        self._blocked = ""
        self._hint = ""
        self._summary = ""
        self._summaries: dict[str, None] = {}

    @property
    def feeds_summary(self) -> str:
        """What the compared graphs were fed with, in a few words; empty where none was compared."""
        return "; then ".join(self._summaries)

    def __call__(self, before: Graph, after: Graph, effect: str) -> Verdict:
        """The verdict on a step that declares `effect`."""
        if same_graph.has_same_nodes(before, after):
            return Verdict("equal", "", tolerance_of(effect))
        why = self._blocked or self._prepare(before, after)
        if why:
            return Verdict("unchecked", why)
        if self._seconds_left <= 0:
            return Verdict("unchecked", "the time for checks is used up")
        expected, actual = self._outcome(before), self._outcome(after)
        if expected.error is not None:
            why = f"the graph before this step does not run: {expected.error.why}"
            return Verdict("unchecked", why)
        if actual.error is not None:
            return Verdict("violated", f"the graph no longer runs: {actual.error.why}")
        return self._compared(expected, actual, effect)

    def _prepare(self, before: Graph, after: Graph) -> str:
        """Find feeds that both graphs take, and that the first runs on; why there are none."""
        why = self._unfit(before, after)
        if self._started and (self._own_feeds is not None or not why):
            return why
        is_first, self._started = not self._started, True
        try:
            candidates = self._candidates(before, after)
        except InspectorError as err:
            return self._block(f"no feeds can be made up: {err.why}")
        earlier = (self._feeds, self._summary, self._outcomes)
        first: InspectorError | None = None
        for summary, candidate in candidates:
            self._feeds, self._summary, self._outcomes = candidate, summary, []
            error = self._outcome(before).error
            if error is None:
                return self._unfit(before, after)
            first = first or error
            if self._seconds_left <= 0 or isinstance(error, BlockedOp | WorkerDied):
                break
        self._feeds, self._summary, self._outcomes = earlier
        hint = "" if isinstance(first, BlockedOp | WorkerDied) else self._hint
        why = f"the graph cannot be run here{hint}: {first.why if first else 'no outputs'}"
        return self._block(why) if is_first else why

    def _block(self, why: str) -> str:
        self._blocked = why
        return why

    def _candidates(self, before: Graph, after: Graph) -> Iterable[tuple[str, Mapping[str, Array]]]:
        if self._own_feeds is not None:
            return [("given", self._own_feeds)]
        slots = check_feeds.slots_to_feed(before, self._inputs, self._outputs, self._keep)
        slots = {name: check_feeds.narrowed(slot, after) for name, slot in slots.items()}
        self._hint = check_feeds.request(slots.values())
        return list(check_feeds.generated_feeds(slots))

    def _outcome(self, graph: Graph) -> _Outcome:
        for outcome in self._outcomes:
            if outcome.graph is graph:
                return outcome
        outcome = self._measured(graph)
        self._outcomes = [*self._outcomes[-1:], outcome]
        return outcome

    def _measured(self, graph: Graph) -> _Outcome:
        """Run a graph; a second time where its values may differ between runs."""
        is_unsure = not self._outcomes or bool(self._outcomes[-1].random)
        first, *others = random_ops.variants(graph, self._outputs)
        try:
            values = self._timed(first)
            again = self._timed(first) if is_unsure else values
        except InspectorError as err:
            return _Outcome(graph, {}, err)
        self._note_noise(values, again)
        random = {name for name, value in values.items() if not _agree(value, again[name])}
        for other in others:
            try:
                drawn = self._timed(other)
            except InspectorError:  # with other numbers it fails
                return _Outcome(graph, values, None, frozenset(values))
            random |= {name for name, value in values.items() if not _agree(value, drawn[name])}
        return _Outcome(graph, values, None, frozenset(random))

    def _note_noise(self, values: Mapping[str, Array], again: Mapping[str, Array]) -> None:
        """Remember by how much two runs of one graph differ, twice that at most is noise."""
        for name, value in values.items():
            share = difference(name, value, again[name]).max_rel or 0.0
            if share <= NOISE:
                self._noise[name] = max(2 * share, self._noise.get(name, 0.0))

    def _timed(self, graph: Graph) -> Mapping[str, Array]:
        started = time.monotonic()
        feeds = {
            name: array for name, array in (self._feeds or {}).items() if node_name(name) in graph
        }
        try:
            return self._run(graph, feeds, self._outputs)
        finally:
            self._seconds_left -= time.monotonic() - started

    def _compared(self, expected: _Outcome, actual: _Outcome, effect: str) -> Verdict:
        started = sorted(actual.random - expected.random)
        if started:
            why = f"{started[0]}: depends on random numbers now, and did not before"
            return Verdict("violated", why, tolerance_of(effect))
        if len(expected.random) == len(expected.values) > 0:
            return Verdict("unchecked", _RANDOM if actual.random else _NO_LONGER_RANDOM)
        self._summaries[self._summary] = None
        verdict = self._judged(expected, actual, effect)
        if verdict.status == "violated" and _is_small(verdict):
            same = same_graph.has_same_arithmetic(
                expected.graph, actual.graph, self._outputs, self._feeds or ()
            )
            if not same:
                self._measure_noise(expected)
            verdict = self._judged(expected, actual, effect, NOISE if same else 0.0)
        if expected.random and verdict.status in ("equal", "within"):
            names = ", ".join(sorted(expected.random))
            why = f"{names} depends on random numbers; the other outputs are compared"
            verdict = replace(verdict, why=why)
        return verdict

    def _measure_noise(self, outcome: _Outcome) -> None:
        """Run a graph some more: how much its values differ decides on a small difference."""
        graph = random_ops.variants(outcome.graph, self._outputs)[0]
        for _ in range(_MORE_RUNS):
            if self._seconds_left <= 0:
                return
            with contextlib.suppress(InspectorError):  # it ran before: a time limit
                self._note_noise(outcome.values, self._timed(graph))

    def _judged(
        self, expected: _Outcome, actual: _Outcome, effect: str, noise: float = 0.0
    ) -> Verdict:
        differences = tuple(
            difference(name, value, actual.values[name], max(noise, self._noise.get(name, 0.0)))
            for name, value in expected.values.items()
            if name not in expected.random
        )
        return judge(differences, effect, sixteen_bits(expected.graph))

    def _unfit(self, *graphs: Graph) -> str:
        """Why the feeds do not fit one of the graphs; empty if they fit."""
        for graph in graphs:
            for name, array in (self._feeds or {}).items():
                node = graph.get(node_name(name))
                if node is None or node.op not in REQUIRED_PLACEHOLDERS:
                    continue
                dtype = node.attr["dtype"].type if "dtype" in node.attr else 0
                if dtype and tensors.numpy_dtype(dtype) != array.dtype:
                    return f"'{node.name}' takes {tensors.dtype_name(dtype)} now, not {array.dtype}"
                if not _takes(node, array):
                    return f"'{node.name}' does not take the shape {list(array.shape)} any more"
        return ""


def _is_small(verdict: Verdict) -> bool:
    """Whether a violation is no more than kernels may differ by for the same arithmetic."""
    differing = [item for item in verdict.outputs if not item.equal]
    return not any(item.why or item.max_rel is None or item.max_rel > NOISE for item in differing)


def _agree(a: Array, b: Array) -> bool:
    """Whether two runs of a graph gave one output alike, but for the noise of kernels."""
    return difference("", a, b, NOISE).equal


def _takes(node: NodeDef, array: Array) -> bool:
    shape = tensors.shape_of(node.attr["shape"].shape) if "shape" in node.attr else None
    if not shape:  # an old graph writes an unknown shape as a scalar's
        return True
    return len(shape) == array.ndim and all(
        size is None or size == actual for size, actual in zip(shape, array.shape, strict=True)
    )
