"""Whether a transform kept what it declares: the graph before and after it, run on the same feeds.

    exact      every fetched value is the same, bit by bit
    rounding   the largest difference is at most 1e-4 of the output's largest value (2e-2 where the
               graph computes in 16 bits); of whole numbers and text, 1 % of the rows may differ
    lossy      at most 20 %; of whole numbers and text, half of the rows
    unchecked  promises nothing about values

Whatever is declared, a graph that no longer runs, a value that turns NaN or infinite, another shape
and another dtype are violations. What runs the graph is handed in: no TensorFlow here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from inspector import agreement, examples, feeds, shapes, signatures, tensors
from inspector.errors import BadFeed, InspectorError, did_you_mean
from inspector.feeds import Slot
from inspector.graph import Graph, node_name, split_input, tensor_name
from inspector.passes.records import Difference, Verdict
from inspector.protos import NodeDef, SignatureDef
from inspector.tensors import Array

RunGraph = Callable[[Graph, Mapping[str, Array], list[str]], Mapping[str, Array]]
"""Runs a graph once: feeds and fetches by tensor name. Raises: InspectorError."""

LARGEST = {"exact": 0.0, "rounding": 1e-4, "lossy": 0.2}
"""Effect to the largest difference, as a share of the output's largest absolute value."""
ROWS = {"exact": 0.0, "rounding": 0.01, "lossy": 0.5}
"""The same of whole numbers and text, as the share of the rows that differ."""
SIXTEEN_BITS = 2e-2
BATCH, SEED, OPEN_SIZE = 4, 0, 32
"""Of generated feeds: rows, seed, and the size tried for unknown dimensions after the first."""
BUDGET_S = 60.0

_HALF = tuple(tensors.dtype_enum(name) for name in ("float16", "bfloat16"))


class Checker:
    """Checks step after step of one pipeline; each graph is run once.

    Args:
        run: Runs a graph.
        inputs, outputs: What the pipeline was told to keep, node or tensor names.
        given: Feeds by tensor name, see `named_feeds`; without them they are made up.
        keep: Nodes that are not fed here: the paths of assets, say.
        budget_s: Seconds for all runs; what comes later is left unchecked, and says so.
    """

    def __init__(
        self,
        run: RunGraph,
        inputs: Iterable[str],
        outputs: Iterable[str],
        given: Mapping[str, Array] | None = None,
        *,
        keep: Iterable[str] = (),
        budget_s: float = BUDGET_S,
    ) -> None:
        self._run = run
        self._inputs = [tensor_name(name) for name in inputs]
        self._outputs = [tensor_name(name) for name in outputs]
        self._feeds: Mapping[str, Array] | None = given
        self._keep = frozenset(map(node_name, keep))
        self._left = budget_s
        self._known: list[tuple[Graph, Mapping[str, Array] | InspectorError]] = []
        self._restless: set[str] = set()
        self._blocked = ""
        self.fed = "given" if given is not None else ""
        """Where the feeds are from, in a few words; empty before the first run."""

    def __call__(self, before: Graph, after: Graph, effect: str) -> Verdict:
        """What to say of a step."""
        if not self._known and not self._blocked:
            self._start(before)
        if self._blocked:
            return Verdict("unchecked", self._blocked)
        if self._left <= 0:
            return Verdict("unchecked", "the time for checks is used up")
        for graph in (before, after):
            if why := self._unfit(graph):
                return Verdict("unchecked", why)
        was = self._outcome(before)
        if isinstance(was, InspectorError):
            return Verdict("unchecked", f"the graph before this step does not run: {was.why}")
        now = self._outcome(after)
        if isinstance(now, InspectorError):
            return Verdict("violated", f"the graph no longer runs: {now.why}")
        names = [name for name in was if name not in self._restless]
        found = tuple(difference(name, was[name], now[name]) for name in names)
        return judge(found, effect, sixteen_bits(before))

    def _start(self, graph: Graph) -> None:
        """Find feeds that the graph runs on, and outputs that are the same in two runs."""
        try:
            candidates = self._candidates(graph)
        except InspectorError as err:
            self._blocked = f"no feeds can be made up: {err.why}"
            return
        first: InspectorError | None = None
        for told, made in candidates:
            self._feeds = made
            values = self._timed(graph)
            if not isinstance(values, InspectorError):
                self.fed = told
                again = self._timed(graph)
                if isinstance(again, InspectorError):
                    first = again
                    break
                same = {name: agreement.compare_arrays(values[name], again[name]) for name in again}
                self._restless = {name for name, found in same.items() if not found.equal}
                self._known = [(graph, values)]
                if len(self._restless) == len(values):
                    self._blocked = "every run of the graph gives other values"
                return
            first = first or values
            if self._left <= 0 or type(values).__name__ in ("BlockedOp", "WorkerDied"):
                break
        self._blocked = f"the graph cannot be run here: {first.why if first else 'no outputs'}"

    def _candidates(self, graph: Graph) -> Iterable[tuple[str, Mapping[str, Array]]]:
        if self._feeds is not None:
            return [("given", self._feeds)]
        slots = wanted(graph, self._inputs, self._outputs, self._keep)
        return list(made_up(slots))

    def _outcome(self, graph: Graph) -> Mapping[str, Array] | InspectorError:
        for known, values in self._known:
            if known is graph:
                return values
        values = self._timed(graph)
        self._known = [*self._known[-1:], (graph, values)]
        return values

    def _timed(self, graph: Graph) -> Mapping[str, Array] | InspectorError:
        started = time.monotonic()
        fed = {name: array for name, array in (self._feeds or {}).items() if self._has(graph, name)}
        try:
            return self._run(graph, fed, list(dict.fromkeys(self._outputs)))
        except InspectorError as err:
            return err
        finally:
            self._left -= time.monotonic() - started

    def _unfit(self, graph: Graph) -> str:
        """Why the feeds do not suit this graph: a transform was told to change its inputs."""
        for name, array in (self._feeds or {}).items():
            node = graph.get(node_name(name))
            if node is None or node.op not in signatures.PLACEHOLDERS:
                continue
            dtype = node.attr["dtype"].type if "dtype" in node.attr else 0
            if dtype and tensors.numpy_dtype(dtype) != array.dtype:
                return f"'{node.name}' takes {tensors.dtype_name(dtype)} now, not {array.dtype}"
            if not _takes(node, array):
                return f"'{node.name}' takes another shape now than {list(array.shape)}"
        return ""

    @staticmethod
    def _has(graph: Graph, name: str) -> bool:
        return node_name(name) in graph


def wanted(
    graph: Graph, inputs: Iterable[str], outputs: Iterable[str], keep: Iterable[str] = ()
) -> dict[str, Slot]:
    """What a run of these outputs has to be fed: tensor name to what it takes.

    Raises: BadFeed for a dtype that cannot be fed.
    """
    walls = {tensor_name(name) for name in inputs} - {f"{name}:0" for name in keep}
    needed = graph.ancestors(map(node_name, outputs), map(node_name, walls))
    names = {name: None for name in walls if node_name(name) in needed}
    for node in graph:
        if node.name in needed and node.op in signatures.PLACEHOLDERS and node.name not in keep:
            names[f"{node.name}:0"] = None
    inner = any(graph.node(node_name(name)).op not in _FED for name in names)
    known = shapes.infer(graph) if inner else {}
    slots: dict[str, Slot] = {}
    for name in sorted(names):
        info = signatures.tensor_info(graph, name)
        if info is None or not info.dtype:
            raise BadFeed("feeds", name, "has no dtype that is known")
        shape = tensors.shape_of(info.tensor_shape)
        source = split_input(name)
        inferred = known.get(source.name) or []
        if shape is None and source.port < len(inferred):
            shape = inferred[source.port]
        slots[name] = Slot(
            name, tensors.dtype_name(info.dtype), shape, examples.wanted(graph, source.name)
        )
    return slots


def named_feeds(
    graph: Graph,
    slots: Mapping[str, Slot],
    found: Mapping[str, object],
    known: Iterable[SignatureDef],
) -> dict[str, Array]:
    """Feeds by tensor name from feeds by signature key, tensor or node name, checked.

    What the model knows and the outputs do not need is left out.

    Raises: BadFeed for an unknown key, a value that does not fit, and one that is missing.
    """
    keys: dict[str, str] = {}
    for signature in known:
        for key, info in sorted(signature.inputs.items()):
            keys.setdefault(key, info.name)
    made: dict[str, Array] = {}
    for key, value in found.items():
        name = tensor_name(key)
        if name not in slots and (key in keys or node_name(name) not in graph):
            name = keys.get(key, name)
        if name in slots:
            made[name] = feeds.fit(value, replace(slots[name], key=key))
        elif key not in keys and node_name(name) not in graph:
            hint = did_you_mean(key, [*keys, *map(node_name, slots)])
            raise BadFeed("feeds", key, f"the model has no input of this name{hint}")
    missing = [str(slot) for name, slot in slots.items() if name not in made]
    if missing:
        raise BadFeed("feeds", "missing", f"the outputs also need {'; '.join(missing[:12])}")
    return made


def made_up(slots: Mapping[str, Slot]) -> Iterator[tuple[str, dict[str, Array]]]:
    """Feeds to try, the likeliest first, each with what it is in a few words."""
    plain = list(slots.values())
    if not plain:
        yield "nothing", {}
        return
    opened = [_opened(slot) for slot in plain]
    yield f"random, {BATCH} rows, seed {SEED}", feeds.random_feeds(plain, BATCH, SEED)
    if opened != plain:
        told = f"random, {BATCH} rows, open sizes {OPEN_SIZE}, seed {SEED}"
        yield told, feeds.random_feeds(opened, BATCH, SEED)
    yield f"range({BATCH})", feeds.range_feeds(plain, BATCH)
    yield f"random, 1 row, seed {SEED}", feeds.random_feeds(plain, 1, SEED)


def difference(name: str, before: Array, after: Array) -> Difference:
    """One output before and after a step."""
    before, after = np.asarray(before), np.asarray(after)
    rows = int(before.shape[0]) if before.ndim else 1
    if before.dtype != after.dtype:
        return Difference(name, False, why=f"{before.dtype} became {after.dtype}", rows=rows)
    found = agreement.compare_arrays(before, after)
    why = found.why
    if before.dtype.kind not in "OSUbiu" and not why:
        lost = int(np.sum(np.isfinite(_wide(before)) & ~np.isfinite(_wide(after))))
        if lost:
            why = f"{lost:,} of {after.size:,} values turned NaN or infinite"
    relative = None
    if found.max_abs is not None:
        relative = found.max_abs / (_largest(before) or 1.0)
    whole = before.dtype.kind in "OSUbiu"
    return Difference(name, found.equal, found.max_abs, relative, found.changed, rows, whole, why)


def judge(found: tuple[Difference, ...], effect: str, half: bool = False) -> Verdict:
    """The verdict on a step of this declared effect.

    Args:
        half: The graph computes in 16 bits, whose roundings are larger.
    """
    tolerance = LARGEST.get(effect)
    if effect == "rounding" and half:
        tolerance = SIXTEEN_BITS
    for item in found:
        if item.why:
            return Verdict("violated", f"{item.name}: {item.why}", tolerance, found)
    if all(item.equal for item in found):
        return Verdict("equal", "", tolerance, found)
    if tolerance is None:
        return Verdict("within", "", None, found)
    for item in found:
        if item.equal:
            continue
        if effect == "exact":
            why = "differs, and was declared exact"
        elif item.max_rel is not None and not item.whole and item.max_rel > tolerance:
            why = (
                f"differs by {item.max_rel:.2g} of its largest value, {effect} allows {tolerance:g}"
            )
        elif item.whole and item.changed > ROWS[effect] * item.rows:
            why = (
                f"{item.changed:,} of {item.rows:,} rows differ, {effect} allows {ROWS[effect]:.0%}"
            )
        else:
            continue
        return Verdict("violated", f"{item.name}: {why}", tolerance, found)
    return Verdict("within", "", tolerance, found)


def sixteen_bits(graph: Graph) -> bool:
    """True if an op computes in float16 or bfloat16; stored and cast values do not count."""
    return any(
        "T" in node.attr and node.attr["T"].type in _HALF
        for node in graph
        if node.op not in ("Const", "Identity")
    )


_FED = (*signatures.PLACEHOLDERS, "PlaceholderWithDefault")


def _largest(array: Array) -> float:
    values = np.abs(_wide(array))
    return float(np.max(values[np.isfinite(values)], initial=0.0))


def _wide(array: Array) -> Array:
    return array.astype(np.complex128 if np.iscomplexobj(array) else np.float64)


def _opened(slot: Slot) -> Slot:
    if slot.shape is None:
        return slot
    sizes = [OPEN_SIZE if size is None and place else size for place, size in enumerate(slot.shape)]
    return replace(slot, shape=sizes)


def _takes(node: NodeDef, array: Array) -> bool:
    shape = tensors.shape_of(node.attr["shape"].shape) if "shape" in node.attr else None
    if not shape:  # an old graph writes an unknown shape as a scalar's
        return True
    return len(shape) == array.ndim and all(
        size is None or size == given for size, given in zip(shape, array.shape, strict=True)
    )
