"""Runs a model once: resolves feeds and fetches by name, and measures the run."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from inspector.analysis import outputs as suggesting
from inspector.analysis.valueless import refuse_valueless
from inspector.backend.loading import LoadedModel, translated
from inspector.errors import BadFeed, BadFetch, did_you_mean
from inspector.freezing.freeze import freeze
from inspector.freezing.initialise import with_init_op
from inspector.graph.graph import node_name, tensor_name
from inspector.graph.op_sets import PLACEHOLDERS, REQUIRED_PLACEHOLDERS
from inspector.graph.tensors import Array
from inspector.model import signatures
from inspector.model.callables import name_a_function, with_callables
from inspector.model.model import Model
from inspector.model.signatures import tensors_by_key
from inspector.optimisation import feed_shapes
from inspector.optimisation import feeds as feeding
from inspector.optimisation.feeds import Slot

_AGAIN_MS = 2000.0
_LISTED = 12
_TEXT = 64
"""Bytes that a text takes, where nobody knows its length."""


@dataclass(frozen=True)
class Prediction:
    """The outputs of one run, in the order asked for; times in milliseconds."""

    outputs: dict[str, Array]
    load_ms: float
    first_ms: float
    """The first run, in which TensorFlow also prepares the graph."""
    run_ms: float
    """A second run of the same; the first, where that took more than two seconds."""
    signature: str | None = None
    """The signature key that named feeds and fetches, if one did."""


def predict(
    model: Model,
    feeds: Mapping[str, Any],
    fetches: Sequence[str] | None = None,
    *,
    signature: str | None = None,
    init_op: str | None = None,
    allow: bool = False,
) -> Prediction:
    """Run a model once, in this process.

    Args:
        feeds: Key to array. A key is an input of the signature, a tensor name or a node name.
        fetches: Keys in the same sense; without it all outputs of the signature, or what the
            graph's outputs seem to be where there is none.
        signature: Its key; without it the one whose inputs are fed.
        init_op: The node to run first, in place of the one that the file declares.
        allow: Run ops that reach beyond the model.
    Raises: UnknownNode (no such init op), BadFeed, BadFetch, UnknownSignature, BlockedOp,
        RunFailed, MissingVariables.
    """
    model = with_callables(model, signature)
    if model.has_more_than_file:  # a function that the main graph does not call
        model = freeze(model, signature=signature)
    if init_op is not None:
        model = with_init_op(model, (), init_op)
    with LoadedModel(model, allow=allow) as loaded:
        run = Run(loaded, feeds, fetches, signature=signature)
        outputs, first_ms = run.once()
        run_ms = run.once()[1] if first_ms < _AGAIN_MS else first_ms
        return Prediction(outputs, loaded.load_ms, first_ms, run_ms, run.signature)


class Run:
    """Feeds and fetches of a loaded model, checked and ready to be run any number of times.

    Args:
        lenient: Leave out feeds that the fetches do not need or the model does not know, as when
            two models get the same feeds.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        feeds: Mapping[str, Any],
        fetches: Sequence[str] | None = None,
        *,
        signature: str | None = None,
        lenient: bool = False,
    ) -> None:
        self._loaded = loaded
        model = loaded.model
        keys = set(feeds)
        if lenient:
            keys &= {
                key for entry in model.signatures.values() for key in tensors_by_key(entry.inputs)
            }
        self.signature: str | None = (
            signatures.of_feeds(model.signatures, keys, fetches)
            if signature is None
            else signatures.choose(model.signatures, signature, model.name)
        )
        chosen = model.signatures[self.signature] if self.signature is not None else None
        inputs = tensors_by_key(chosen.inputs) if chosen is not None else {}
        outputs = tensors_by_key(chosen.outputs) if chosen is not None else {}
        names = list(fetches) if fetches is not None else list(outputs) or _likely(model)
        self.tensors: dict[str, str] = {}
        """Fetch as asked for, to the name of its tensor."""
        self._fetched: dict[str, Any] = {}
        for name in names:
            tensor = self._tensor(name, outputs, BadFetch)
            self._fetched[name] = tensor
            self.tensors[name] = tensor.name
        self._fed = self._feed(feeds, inputs, lenient)
        # Before anything is missed: what is refused stands in the session as a placeholder.
        loaded.refuse(fetches=self.tensors.values(), feeds=[tensor.name for tensor in self._fed])
        self._need_no_more(inputs, lenient)
        fed = [tensor.name for tensor in self._fed]
        loaded.initialise(self.tensors.values(), fed)
        self._refuse_shapes(inputs)
        with translated(model, "run"):
            self._call = loaded.session.make_callable(self._fetched, list(self._fed))

    @property
    def rows(self) -> int:
        """The first dimension of the feeds; 1 where there is none."""
        return max((array.shape[0] for array in self._fed.values() if array.shape), default=1)

    @property
    def load_ms(self) -> float:
        """Milliseconds that the session took to load the model."""
        return self._loaded.load_ms

    def once(self) -> tuple[dict[str, Array], float]:
        """Run; the outputs and the milliseconds. Raises: RunFailed."""
        with translated(self._loaded.model, "run"):
            start = time.perf_counter()
            values = self._call(*self._fed.values())
            milliseconds = 1000 * (time.perf_counter() - start)
        return {name: plain_array(value) for name, value in values.items()}, milliseconds

    def sizes(self) -> dict[str, int]:
        """The bytes of each fetched tensor; a run tells them without holding the tensors.

        Raises: RunFailed.
        """
        with self._loaded.graph.as_default():
            counts = {
                name: tf.size(tensor, out_type=tf.int64) for name, tensor in self._fetched.items()
            }
        with translated(self._loaded.model, "run"):
            values = self._loaded.session.run(counts, self._fed)
        width = {name: tensor.dtype.size or _TEXT for name, tensor in self._fetched.items()}
        return {name: int(count) * width[name] for name, count in values.items()}

    def _feed(self, feeds: Mapping[str, Any], inputs: Mapping[str, str], lenient: bool) -> Any:
        fed: dict[Any, Array] = {}
        # Without a signature that fits, a key that none has is the one to name.
        likely = self._likely_inputs()
        for key, value in sorted(feeds.items(), key=lambda item: item[0] in likely):
            try:
                tensor = self._tensor(key, inputs, BadFeed)
            except BadFeed:
                if lenient:
                    continue
                raise
            if tensor in fed:
                raise BadFeed("feeds", key, f"{tensor.name} is fed twice")
            if not self._loaded.graph.is_feedable(tensor):
                raise BadFeed("feeds", key, "TensorFlow does not let this tensor be fed")
            fed[tensor] = native_array(feeding.fit(value, _slot(key, tensor)), tensor.dtype)
        return fed

    def _need_no_more(self, inputs: Mapping[str, str], lenient: bool) -> None:
        """Raise BadFeed for a placeholder without a feed; drop unused feeds where lenient."""
        reached, missing = _reached(self._fetched.values(), set(self._fed))
        if missing:
            keys = {tensor: key for key, tensor in inputs.items()}
            slots = [_slot(keys.get(t.name, node_name(t.name)), t) for t in missing[:_LISTED]]
            more = f" and {len(missing) - _LISTED} more" if len(missing) > _LISTED else ""
            lacking = "; ".join(map(str, slots)) + more
            raise BadFeed("feeds", "missing", f"the model also needs {lacking}")
        if lenient:
            self._fed = {tensor: array for tensor, array in self._fed.items() if tensor in reached}

    def _refuse_shapes(self, inputs: Mapping[str, str]) -> None:
        """See `feed_shapes.refuse`; of what has a rank, TensorFlow checked the graph itself."""
        if not any(_is_open(tensor) for tensor in self._fed):
            return
        shapes = {tensor.name: array.shape for tensor, array in self._fed.items()}
        keys = {name: key for key, name in inputs.items()}
        feed_shapes.refuse(self._loaded.model, shapes, self.tensors.values(), keys)

    def _tensor(self, key: str, keys: Mapping[str, str], error: type[BadFeed | BadFetch]) -> Any:
        """The tensor of a signature key, tensor name or node name."""
        graph = self._loaded.graph
        what = "feeds" if error is BadFeed else "fetches"
        try:
            tensor = graph.get_tensor_by_name(tensor_name(keys.get(key, key)))
        except (KeyError, ValueError):
            self._loaded.need_known([keys.get(key, key)])
            if error is BadFetch:
                refuse_valueless(self._loaded.model, self._loaded.model.graph, [keys.get(key, key)])
            candidates = list(keys)
            if not candidates and error is BadFeed:
                candidates = self._likely_inputs() or [slot.key for slot in self._placeholders()]
            names = [*candidates, *(op.name for op in graph.get_operations())]
            listed = f"; known: {', '.join(candidates[:_LISTED])}" if candidates else ""
            reason = f"no such tensor{did_you_mean(key, names) or listed}"
            raise error(what, key, reason) from None
        if tensor.dtype in (tf.resource, tf.variant):
            raise error(what, key, f"is a {tensor.dtype.name}, not values")
        return tensor

    def _likely_inputs(self) -> list[str]:
        """The input keys of the likeliest signature."""
        by_key = self._loaded.model.signatures
        return [
            name
            for key in signatures.ranked(by_key)[:1]
            for name in tensors_by_key(by_key[key].inputs)
        ]

    def _placeholders(self) -> list[Slot]:
        return [
            _slot(op.name, op.outputs[0])
            for op in self._loaded.graph.get_operations()
            if op.type in PLACEHOLDERS
        ]


def _likely(model: Model) -> list[str]:
    """The likeliest output of a graph without a signature."""
    if reason := name_a_function(model):
        raise BadFetch(model.name, "fetches", reason)
    suggested = [item.name for item in suggesting.of_graph(model.outline)]
    if not suggested:
        raise BadFetch(model.name, "fetches", "the model has no signature; say what to fetch")
    return suggested[:1]


def _reached(fetched: Iterable[Any], fed: set[Any]) -> tuple[set[Any], list[Any]]:
    """The fed tensors that the fetches need, and the placeholders that are not fed."""
    used: set[Any] = set()
    missing: list[Any] = []
    visited: set[Any] = set()
    todo = list(fetched)
    while todo:
        tensor = todo.pop()
        if tensor in fed:
            used.add(tensor)
            continue
        op = tensor.op
        if op in visited:
            continue
        waiting = [op]
        while waiting:
            op = waiting.pop()
            if op in visited:
                continue
            visited.add(op)
            if op.type in REQUIRED_PLACEHOLDERS:
                if op.outputs[0] not in fed:
                    missing.append(op.outputs[0])
                continue
            todo += op.inputs
            waiting += op.control_inputs
    return used, sorted(missing, key=lambda tensor: str(tensor.name))


def _is_open(tensor: Any) -> bool:
    """Whether a feed decides on ranks: its own, or as a vector of any length that of a reshape."""
    return tensor.shape.rank is None or tensor.shape.as_list() == [None]


def _slot(key: str, tensor: Any) -> Slot:
    shape = None if tensor.shape.rank is None else tensor.shape.as_list()
    return Slot(key, tensor.dtype.base_dtype.name, shape)


def native_array(array: Array, dtype: Any) -> Array:
    """The array as a session takes it: quantised integers as records of one field."""
    native = dtype.base_dtype.as_numpy_dtype
    if getattr(native, "fields", None):
        return array.view(native)
    return array


def plain_array(value: Any) -> Array:
    """The array with a plain dtype: a session returns quantised integers as records."""
    array: Array = np.asarray(value)
    if array.dtype.fields:
        array = array.view(array.dtype[0])
    return array
