"""Finds the nodes that give variables and tables their values before the first run.

A GraphDef does not say which they are. The graph does: a node that fills a table, or that assigns a
variable, from values that need neither a feed nor a checkpoint. What training starts from is no
state: a variable that a restore op or an optimiser sets, or that starts at random, has no value.

Source: python/ops/lookup_ops.py, variables.py; python/framework/graph_util_impl.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace

from inspector.graph.graph import Graph, node_name
from inspector.graph.op_sets import (
    ASSIGNS,
    CALLS,
    REQUIRED_PLACEHOLDERS,
    RESTORES,
    TABLE_FILLS,
    TABLES,
    VARIABLES,
)
from inspector.graph.protos import FunctionDef
from inspector.model.model import Model
from inspector.model.resources import Identity, identity

_PASSING = ("Identity", "RefIdentity", "Enter", "RefEnter", "Switch", "RefSwitch")
_RANDOM = re.compile(r"\w*Random(?!Dataset)\w*|\w*TruncatedNormal\w*|Multinomial|StatefulUniform")
_UPDATE = re.compile(r"(Resource)?(Sparse)?Apply[A-Z]\w*")
RESTORED = "a checkpoint restores it"
"""The reason in `InitialState.missing` of a variable or table whose values a checkpoint holds."""

_HOPS = 64
_UPSTREAM = 1_000
_ROUNDS = 100
_STEPS = 1_000_000
"""Nodes looked at while groups are compared, and upstream of what sets one variable several times;
a graph may nest the ones without end, and share the others."""


@dataclass(frozen=True)
class InitialState:
    """What must run once before the first run.

    Attributes:
        nodes: The nodes that fill tables and assign variables.
        group: A NoOp of the graph that runs these, and the fewest others of their kind.
        exact: True where `group` runs no others.
        names: The tables and variables that get their values so.
        missing: Each other variable that the outputs need, and why it has no value, as a clause.
        empty: Each other table, and why it has no entries.
    """

    nodes: tuple[str, ...] = ()
    group: str | None = None
    exact: bool = True
    names: tuple[str, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    empty: Mapping[str, str] = field(default_factory=dict)

    @property
    def init_ops(self) -> tuple[str, ...]:
        """The group where it is exact, else the nodes."""
        return (self.group,) if self.group is not None and self.exact else self.nodes


def init_note(init_op: str, fills: str = "") -> str:
    """The sentence that a result needs its init op."""
    return f"The init op '{init_op}' must run once before the first run{fills}."


def find_in(model: Model, outputs: Iterable[str], feeds: Iterable[str] = ()) -> InitialState:
    """`find` for a model: of one with a checkpoint, or made to have one, tables only.

    And the variables that a training graph does not save, such as the local ones of metrics and
    counters: TensorFlow 1 runs `local_variables_initializer` after the checkpoint is restored.
    """
    checkpoint = model.checkpoint
    if checkpoint is None or model.format == "SavedModel":
        has_values = checkpoint is not None or model.format not in ("GraphDef", "SavedModel")
        return find(model.outline, outputs, feeds, variables=not has_values)
    outputs, feeds = list(outputs), list(feeds)
    state = find(model.outline, outputs, feeds)
    graph = model.outline
    saved = [
        name for name in state.names if name in checkpoint and graph.node(name).op in VARIABLES
    ]
    if saved:  # no restore op of the graph reads it, but its value is there
        return find(graph, outputs, feeds, variables=False)
    return replace(state, missing={})


def find(
    graph: Graph,
    outputs: Iterable[str] | None = None,
    feeds: Iterable[str] = (),
    *,
    variables: bool = True,
) -> InitialState:
    """What gives the variables and tables that the outputs need their values.

    Args:
        outputs, feeds: Node or tensor names. Without outputs all variables and tables count.
        variables: False where a checkpoint restores the variables: only tables count.
    """
    search = _Search(graph, TABLES | VARIABLES if variables else TABLES)
    return search.run(outputs, feeds) if search.held else InitialState()


class _Search:
    """One search; nodes are numbers of the columns."""

    def __init__(self, graph: Graph, held: frozenset[str]) -> None:
        self._graph = graph
        self._columns = columns = graph.columns()
        self.held = {number: self._identity(number) for number in columns.where(held)}
        self._fills: dict[Identity | None, list[int]] = {}
        self._reasons: dict[int, str] = {}
        self._steps = _STEPS
        if self.held:
            self._classify()

    def run(self, outputs: Iterable[str] | None, feeds: Iterable[str]) -> InitialState:
        """See `find`."""
        columns = self._columns
        ends = [] if outputs is None else list(self._numbers(outputs))
        walls = list(self._numbers(feeds))
        always = columns.needed(ends, walls)
        needed = always if outputs is not None else bytearray(b"\1" * len(columns))
        picks: dict[Identity | None, int] = {}
        missing: dict[Identity | None, str] = {}
        names: dict[Identity | None, str] = {}
        for _ in range(_ROUNDS):  # what an initialiser reads must have a value too
            more = {
                own: number
                for number, own in self.held.items()
                if needed[number] and own not in names
            }
            if not more:
                break
            for own, number in more.items():
                names[own] = columns.names[number]
                pick = self._pick(own, number, always)
                if isinstance(pick, int):
                    picks[own] = pick
                elif pick:
                    missing[own] = pick
            needed = columns.needed([*ends, *picks.values()], walls)
        nodes = sorted(dict.fromkeys(picks.values()))
        group, exact = self._group(set(nodes)) if nodes else (None, True)
        return InitialState(
            tuple(columns.names[number] for number in nodes),
            None if group is None else columns.names[group],
            exact,
            tuple(names[own] for own in picks),
            {names[own]: why for own, why in missing.items() if not _is_table(own)},
            {names[own]: why for own, why in missing.items() if _is_table(own)},
        )

    def _numbers(self, names: Iterable[str]) -> Iterator[int]:
        index = self._columns.index
        return (index[name] for name in map(node_name, names) if name in index)

    def _identity(self, number: int) -> Identity | None:
        columns = self._columns
        return identity(columns.kinds[int(columns.kind[number])], columns.names[number])

    def _classify(self) -> None:
        """Sort what fills or assigns by resource, with the reason where it is no initialiser."""
        columns = self._columns
        random = columns.where(op for op in columns.ops if _RANDOM.fullmatch(op))
        restored = columns.behind(columns.where(RESTORES))
        fed = columns.behind(columns.where(REQUIRED_PLACEHOLDERS))
        drawn = columns.behind(random)
        updated = {
            self._resource(number)
            for number in columns.where(op for op in columns.ops if _UPDATE.fullmatch(op))
        }
        from_checkpoint: set[Identity | None] = set()
        for number, own, ops in self._setters():
            self._fills.setdefault(own, []).append(number)
            name = columns.names[number]
            if restored[number] or not ops.isdisjoint(RESTORES):
                from_checkpoint.add(own)
            elif fed[number]:
                self._reasons[number] = f"'{name}' sets it, and needs a feed"
            elif drawn[number] or any(map(_RANDOM.fullmatch, ops)):
                self._reasons[number] = f"its initialiser '{name}' draws random numbers"
            elif own in updated:
                self._reasons[number] = f"its initialiser '{name}' gives the value before training"
        for stored in from_checkpoint:
            for number in self._fills[stored]:
                self._reasons[number] = RESTORED

    def _setters(self) -> Iterator[tuple[int, Identity, Set[str]]]:
        """Nodes that fill or assign: the node, its resource, the ops of the function it calls."""
        columns = self._columns
        for number in columns.where(ASSIGNS | TABLE_FILLS):
            if (own := self._resource(number)) is not None:
                yield number, own, frozenset()
        functions = {
            item.signature.name: list(_set_arguments(item)) for item in self._graph.library.function
        }
        for number in columns.where(CALLS) if functions else ():
            call = self._graph.get(columns.names[number])
            name = call.attr["f"].func.name if call is not None and "f" in call.attr else ""
            for argument, ops in functions.get(name, ()):
                if (passed := self._resource(number, argument)) is not None:
                    yield number, passed, ops

    def _resource(self, number: int, argument: int = 0) -> Identity | None:
        """The resource that an input of a node is the handle of."""
        columns = self._columns
        for _ in range(_HOPS):
            sources = columns.data(number)
            if argument >= len(sources) or sources[argument] >= len(columns):
                return None
            number, argument = sources[argument], 0
            if number in self.held:
                return self.held[number]
            if columns.op_of(number) not in _PASSING:
                return None
        return None

    def _pick(self, own: Identity | None, number: int, always: bytearray) -> int | str:
        """The node that gives a resource its value; else why none does; empty: none is needed."""
        fills = self._fills.get(own, [])
        usable = [node for node in fills if node not in self._reasons and not always[node]]
        if len(usable) > 1:
            upstream = {source for node in usable for source in self._upstream(node)}
            # Of two in a row the second one counts, and runs the first.
            usable = [node for node in usable if node not in upstream]
        if len(usable) > 1 and self._steps > 0:  # else which is the last is not known
            name = self._columns.names[number]
            usual = {f"{name}/{last}" for last in ("Assign", "restore")}
            usable = [node for node in usable if self._columns.names[node] in usual] or usable
        if len(usable) == 1:
            return usable[0]
        if usable:
            listed = ", ".join(f"'{self._columns.names[node]}'" for node in usable[:3])
            return f"several ops set it: {listed}"
        if any(always[node] for node in fills):
            return ""
        if fills:
            return self._reasons[fills[0]]
        op = self._columns.op_of(number)
        if op in TABLES:
            return "" if "Mutable" in op else "no op of the graph fills it"
        return "no op of the graph assigns it"

    def _upstream(self, node: int) -> set[int]:
        """What a node needs, itself not included, as far as a short search finds."""
        visited: set[int] = set()
        todo = [node]
        while todo and len(visited) < _UPSTREAM and self._steps > 0:
            sources = self._columns.sources(todo.pop())
            self._steps -= 1 + len(sources)
            for source in sources:
                if source < len(self._columns) and source not in visited:
                    visited.add(source)
                    todo.append(source)
        return visited - {node}

    def _group(self, leaves: set[int]) -> tuple[int | None, bool]:
        """The NoOp that runs these initialisers and the fewest others; True where no others."""
        best: tuple[int, int, int] | None = None
        steps = 0
        for group in self._groups():
            members, visited = set[int](), {group}
            todo = [group]
            while todo:
                for source in self._columns.sources(todo.pop()):
                    if source in visited:
                        continue
                    visited.add(source)
                    (todo.append if self._is_group(source) else members.add)(source)
            steps += len(visited)
            if leaves <= members:
                rank = (len(members), len(visited), group)
                best = rank if best is None else min(best, rank)
            if steps > _STEPS:
                break
        return (None, True) if best is None else (best[2], best[0] == len(leaves))

    def _groups(self) -> Iterator[int]:
        """NoOps that run initialisers only, directly or through others; the innermost first."""
        columns = self._columns
        todo = [n for nodes in self._fills.values() for n in nodes if n not in self._reasons]
        pure, waiting = set(todo), dict[int, int]()
        for number in todo:  # grows
            for reader in columns.readers(number):
                if not self._is_group(reader) or reader in pure:
                    continue
                if reader not in waiting:
                    waiting[reader] = len(set(columns.sources(reader)))
                waiting[reader] -= 1
                if not waiting[reader]:
                    pure.add(reader)
                    todo.append(reader)
                    yield reader

    def _is_group(self, number: int) -> bool:
        return number < len(self._columns) and self._columns.op_of(number) == "NoOp"


def _set_arguments(function: FunctionDef) -> Iterator[tuple[int, Set[str]]]:
    """The arguments that a body fills or assigns, by number, and the ops of the body."""
    numbers = {argument.name: at for at, argument in enumerate(function.signature.input_arg)}
    setters = [node for node in function.node_def if node.op in ASSIGNS | TABLE_FILLS]
    inputs = dict.fromkeys(node.input[0] for node in setters if node.input)
    arguments = [numbers[name] for name in inputs if name in numbers]
    ops = {node.op for node in function.node_def} if arguments else frozenset[str]()
    for argument in arguments:
        yield argument, ops


def _is_table(own: Identity | None) -> bool:
    return own is not None and own[0] == "table"
