"""Run a model: what to feed and fetch by name, one run, its outputs and how long it took."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from inspector import feeds as feeding
from inspector import outputs as suggesting
from inspector.backend.loading import LoadedModel, translated
from inspector.errors import BadFeed, BadFetch, UnknownSignature, did_you_mean
from inspector.feeds import Slot
from inspector.graph import node_name, tensor_name
from inspector.model import Model
from inspector.signatures import tensors_by_key
from inspector.tensors import Array

DEFAULT_KEY = "serving_default"
_AGAIN_MS = 2000.0
_LISTED = 12


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
    allow: bool = False,
) -> Prediction:
    """Run a model once, in this process.

    Args:
        feeds: Key to array. A key is an input of the signature, a tensor name or a node name.
        fetches: Keys in the same sense; without it all outputs of the signature, or what the
            graph's outputs seem to be where there is none.
        signature: Its key; without it the one whose inputs are fed.
        allow: Run ops that reach beyond the model.
    Raises: BadFeed, BadFetch, UnknownSignature, BlockedOp, RunFailed, MissingVariables.
    """
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
        self.signature = _choose(model, keys, fetches, signature)
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
        self._need_no_more(inputs, lenient)
        fed = [tensor.name for tensor in self._fed]
        loaded.refuse(fetches=self.tensors.values(), feeds=fed)
        loaded.need_values(self.tensors.values(), fed)
        with translated(model, "run"):
            self._call = loaded.session.make_callable(self._fetched, list(self._fed))

    @property
    def rows(self) -> int:
        """The first dimension of the feeds; 1 where there is none."""
        return max((array.shape[0] for array in self._fed.values() if array.shape), default=1)

    def once(self) -> tuple[dict[str, Array], float]:
        """Run; the outputs and the milliseconds. Raises: RunFailed."""
        with translated(self._loaded.model, "run"):
            start = time.perf_counter()
            values = self._call(*self._fed.values())
            milliseconds = 1000 * (time.perf_counter() - start)
        return {name: plain_array(value) for name, value in values.items()}, milliseconds

    def _feed(self, feeds: Mapping[str, Any], inputs: Mapping[str, str], lenient: bool) -> Any:
        fed: dict[Any, Array] = {}
        for key, value in feeds.items():
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
        """Every placeholder behind the fetches is fed; what is not needed goes, when lenient."""
        reached, missing = _reached(self._fetched.values(), set(self._fed))
        if missing:
            keys = {tensor: key for key, tensor in inputs.items()}
            slots = [_slot(keys.get(t.name, node_name(t.name)), t) for t in missing[:_LISTED]]
            more = f" and {len(missing) - _LISTED} more" if len(missing) > _LISTED else ""
            told = "; ".join(map(str, slots)) + more
            raise BadFeed("feeds", "missing", f"the model also needs {told}")
        if lenient:
            self._fed = {tensor: array for tensor, array in self._fed.items() if tensor in reached}

    def _tensor(self, key: str, keys: Mapping[str, str], error: type[BadFeed | BadFetch]) -> Any:
        """The tensor of a signature key, tensor name or node name."""
        graph = self._loaded.graph
        what = "feeds" if error is BadFeed else "fetches"
        try:
            tensor = graph.get_tensor_by_name(tensor_name(keys.get(key, key)))
        except (KeyError, ValueError):
            known = list(keys) or [slot.key for slot in self._placeholders()]
            names = [*known, *(op.name for op in graph.get_operations())]
            listed = f"; known: {', '.join(known[:_LISTED])}" if known else ""
            reason = f"no such tensor{did_you_mean(key, names) or listed}"
            raise error(what, key, reason) from None
        if tensor.dtype in (tf.resource, tf.variant):
            raise error(what, key, f"is a {tensor.dtype.name}, not values")
        return tensor

    def _placeholders(self) -> list[Slot]:
        return [
            _slot(op.name, op.outputs[0])
            for op in self._loaded.graph.get_operations()
            if op.type in ("Placeholder", "PlaceholderWithDefault", "PlaceholderV2")
        ]


def _choose(
    model: Model, keys: set[str], fetches: Sequence[str] | None, signature: str | None
) -> str | None:
    """The signature that is meant: the one named, else the first whose inputs are what is fed."""
    if signature is not None:
        if signature not in model.signatures:
            known = ", ".join(sorted(model.signatures)) or "none"
            raise UnknownSignature(model.name, signature, f"the model has {known}")
        return signature
    ranked = sorted(
        (key for key in model.signatures if not key.startswith("__")),
        key=lambda key: (key != DEFAULT_KEY, key),
    )
    outputs = set(fetches or ())
    inputs = {key: set(tensors_by_key(model.signatures[key].inputs)) for key in ranked}
    fitting = [key for key in ranked if keys and keys <= inputs[key]]
    exact = [key for key in fitting if keys == inputs[key]]
    for group in (exact, fitting):
        for key in group:
            if outputs <= set(tensors_by_key(model.signatures[key].outputs)):
                return key
    if fetches is not None:
        return next(iter(fitting), None)
    fed = {tensor_name(key) for key in keys}
    for key in ranked:
        if fed == set(tensors_by_key(model.signatures[key].inputs).values()):
            return key
    return ranked[0] if ranked and not keys else None


def _likely(model: Model) -> list[str]:
    """What to fetch of a graph without a signature."""
    found = [item.name for item in suggesting.of_graph(model.outline)]
    if not found:
        raise BadFetch(model.name, "fetches", "the model has no signature; say what to fetch")
    return found[:1]


def _reached(fetched: Iterable[Any], fed: set[Any]) -> tuple[set[Any], list[Any]]:
    """The fed tensors that a run meets, and the placeholders that it would lack."""
    used: set[Any] = set()
    missing: list[Any] = []
    seen: set[Any] = set()
    todo = list(fetched)
    while todo:
        tensor = todo.pop()
        if tensor in fed:
            used.add(tensor)
            continue
        op = tensor.op
        if op in seen:
            continue
        waiting = [op]
        while waiting:
            op = waiting.pop()
            if op in seen:
                continue
            seen.add(op)
            if op.type in ("Placeholder", "PlaceholderV2"):
                if op.outputs[0] not in fed:
                    missing.append(op.outputs[0])
                continue
            todo += op.inputs
            waiting += op.control_inputs
    return used, sorted(missing, key=lambda tensor: str(tensor.name))


def _slot(key: str, tensor: Any) -> Slot:
    shape = None if tensor.shape.rank is None else tensor.shape.as_list()
    return Slot(key, tensor.dtype.base_dtype.name, shape)


def native_array(array: Array, dtype: Any) -> Array:
    """As the session takes it: quantised integers are records of one field there."""
    native = dtype.base_dtype.as_numpy_dtype
    if getattr(native, "fields", None):
        return array.view(native)
    return array


def plain_array(value: Any) -> Array:
    """As numpy knows it: what the session gives for quantised integers is a record."""
    array: Array = np.asarray(value)
    if array.dtype.fields:
        array = array.view(array.dtype[0])
    return array
