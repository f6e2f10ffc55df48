"""What the graphs of a check are fed: the slots, the caller's values, and values made for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from inspector.errors import BadFeed, LimitExceeded, did_you_mean
from inspector.graph import tensors
from inspector.graph.graph import Graph, node_name, split_input, tensor_name
from inspector.graph.op_sets import PLACEHOLDERS, REQUIRED_PLACEHOLDERS
from inspector.graph.protos import SignatureDef
from inspector.graph.shapes import infer
from inspector.graph.shapes.sources import OLD_PLACEHOLDER
from inspector.graph.tensors import Array, Shape
from inspector.model import signatures
from inspector.optimisation import feeds
from inspector.optimisation.feed_roles import Roles
from inspector.optimisation.feeds import Slot

BATCH, SEED, OPEN_SIZE = 4, 0, 32
"""Of generated feeds: rows, seed, and the size tried for unknown dimensions after the first."""


def slots_to_feed(
    graph: Graph, inputs: Iterable[str], outputs: Iterable[str], keep: Iterable[str] = ()
) -> dict[str, Slot]:
    """What a run of these outputs needs: tensor name to slot.

    Args:
        inputs: Names at which the graph is cut.
        keep: Nodes that are not fed.
    Raises: BadFeed for a dtype that cannot be fed.
    """
    fed_tensors = {tensor_name(name) for name in inputs} - {f"{name}:0" for name in keep}
    needed = graph.ancestors(map(node_name, outputs), map(node_name, fed_tensors))
    names = {name: None for name in fed_tensors if node_name(name) in needed}
    for node in graph:
        if node.name in needed and node.op in REQUIRED_PLACEHOLDERS and node.name not in keep:
            names[f"{node.name}:0"] = None
    inner = any(graph.node(node_name(name)).op not in PLACEHOLDERS for name in names)
    shapes = infer.infer(graph) if inner else {}
    roles = Roles(graph)
    slots: dict[str, Slot] = {}
    for name in sorted(names):
        info = signatures.tensor_info(graph, name)
        if info is None or not info.dtype:
            raise BadFeed("feeds", name, "has no dtype that is known")
        shape = tensors.shape_of(info.tensor_shape)
        source = split_input(name)
        inferred = shapes.get(source.name) or []
        if shape is None and source.port < len(inferred):
            shape = inferred[source.port]
        dtype, is_old = tensors.dtype_name(info.dtype), _is_open_scalar(graph, source.name, shape)
        role = roles.of(name, dtype, None if is_old else shape)
        if is_old and role.shape is not None:
            shape = None
        slots[name] = Slot(name, dtype, shape, role)
    return slots


def _is_open_scalar(graph: Graph, name: str, shape: Shape | None) -> bool:
    """Whether a scalar's shape may say nothing: an old graph writes an unknown shape like that."""
    is_old = graph.versions.producer < OLD_PLACEHOLDER
    return is_old and shape == [] and graph.node(name).op in PLACEHOLDERS


def named_feeds(
    graph: Graph,
    slots: Mapping[str, Slot],
    values: Mapping[str, object],
    signature_defs: Iterable[SignatureDef],
) -> dict[str, Array]:
    """Feeds by tensor name from values by signature key, tensor or node name.

    Leaves out values for inputs of the model that the slots do not need.

    Args:
        slots: What has to be fed, by tensor name.
    Raises: BadFeed for an unknown key, a value that does not fit, and one that is missing.
    """
    tensor_of_key: dict[str, str] = {}
    for signature in signature_defs:
        for key, info in sorted(signature.inputs.items()):
            tensor_of_key.setdefault(key, info.name)
    arrays: dict[str, Array] = {}
    for key, value in values.items():
        name = tensor_name(key)
        if name not in slots and (key in tensor_of_key or node_name(name) not in graph):
            name = tensor_of_key.get(key, name)
        if name in slots:
            arrays[name] = feeds.fit(value, replace(slots[name], key=key))
        elif key not in tensor_of_key and node_name(name) not in graph:
            hint = did_you_mean(key, [*tensor_of_key, *map(node_name, slots)])
            raise BadFeed("feeds", key, f"the model has no input of this name{hint}")
    missing = [str(slot) for name, slot in slots.items() if name not in arrays]
    if missing:
        raise BadFeed("feeds", "missing", f"the outputs also need {'; '.join(missing[:12])}")
    return arrays


def narrowed(slot: Slot, graph: Graph) -> Slot:
    """The slot with the sizes that a placeholder of the same name fixes in another graph."""
    node = graph.get(node_name(slot.key))
    if node is None or node.op not in REQUIRED_PLACEHOLDERS or "shape" not in node.attr:
        return slot
    shape = tensors.shape_of(node.attr["shape"].shape)
    if not shape or slot.shape is None:
        return replace(slot, shape=shape or slot.shape)
    if len(shape) != len(slot.shape):
        return slot
    pairs = zip(slot.shape, shape, strict=True)
    return replace(slot, shape=[other if size is None else size for size, other in pairs])


def request(slots: Iterable[Slot]) -> str:
    """A part of a sentence that asks for feeds, after a graph did not run on generated ones."""
    slots = list(slots)
    for slot in slots:
        content = slot.role.content
        if content is not None and content.is_opaque:
            name = node_name(slot.key)
            return f" (give '{name}', which {content.reader} decodes, with --feeds)"
    return " on generated feeds (others: --feeds)" if slots else ""


def generated_feeds(slots: Mapping[str, Slot]) -> Iterator[tuple[str, dict[str, Array]]]:
    """Feeds to try, the likeliest first, each with a summary in a few words."""
    as_declared = list(slots.values())
    if not as_declared:
        yield "nothing", {}
        return
    tried: list[dict[str, Array]] = []
    for attempt in _attempts(as_declared):
        try:
            arrays = attempt.arrays()
        except LimitExceeded:
            if not tried:
                raise
            continue  # larger than those before
        if not any(_same(arrays, earlier) for earlier in tried):
            tried.append(arrays)
            yield attempt.summary(arrays), arrays


@dataclass(frozen=True)
class _Attempt:
    """How to generate feeds.

    Attributes:
        counts: The numbers from 0 on, else random ones.
        note: What the summary adds.
    """

    slots: Sequence[Slot]
    rows: int = BATCH
    counts: bool = False
    note: str = ""

    def arrays(self) -> dict[str, Array]:
        """Raises: BadFeed, LimitExceeded."""
        if self.counts:
            return feeds.range_feeds(self.slots, self.rows)
        return feeds.random_feeds(self.slots, self.rows, SEED)

    def summary(self, arrays: Mapping[str, Array]) -> str:
        if self.counts:
            return f"range({self.rows})"
        return f"random, {_rows(arrays)}{self.note}, seed {SEED}"


def _attempts(slots: Sequence[Slot]) -> Iterator[_Attempt]:
    yield _Attempt(slots)
    sized = [_sized(slot) for slot in slots]
    if sized != slots:
        yield _Attempt(sized, note=f", open sizes {OPEN_SIZE}")
    yield _Attempt(slots, counts=True)
    yield _Attempt(slots, rows=1)
    yield _Attempt([_of_low_numbers(slot) for slot in slots])
    yield _Attempt([_of_other_rank(slot) for slot in slots])


def _of_low_numbers(slot: Slot) -> Slot:
    """The slot with features of 0 and 1, which nearly every table that they index has."""
    content = slot.role.content
    if content is None or not content.features:
        return slot
    return replace(slot, role=replace(slot.role, content=replace(content, below=2)))


def _of_other_rank(slot: Slot) -> Slot:
    """An open slot as a vector where its readers ask for another shape, else as a scalar."""
    if slot.shape is not None:
        return slot
    return replace(slot, role=replace(slot.role, shape=[] if slot.role.shape is None else None))


def _rows(arrays: Mapping[str, Array]) -> str:
    """The number of rows, as text: the first dimension of what is no scalar."""
    rows = max((array.shape[0] for array in arrays.values() if array.shape), default=1)
    return "1 row" if rows == 1 else f"{rows:,} rows"


def _same(a: Mapping[str, Array], b: Mapping[str, Array]) -> bool:
    return all(a[name].shape == b[name].shape and np.array_equal(a[name], b[name]) for name in a)


def _sized(slot: Slot) -> Slot:
    """The slot with `OPEN_SIZE` for each unknown dimension after the first."""
    shape = feeds.likely_shape(slot)
    sizes = [OPEN_SIZE if size is None and place else size for place, size in enumerate(shape)]
    return slot if sizes == shape else replace(slot, shape=sizes)
