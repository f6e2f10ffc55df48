"""Runs a TFLite model with LiteRT. The interpreter is imported only here, and only in a worker.

Numbers are given and answered as the model has them: an input of ``int8`` takes whole numbers that
are quantised already, ``round(value / scale) + zero_point``. A float is not turned into one behind
the caller's back. A dimension that the file says may vary takes any size; others are as they are.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from inspector.errors import BadFeed, BadFetch, CorruptModel, RunFailed, did_you_mean
from inspector.formats.tflite import facts
from inspector.formats.tflite.file import Quantisation, Signature, Tensor
from inspector.formats.tflite.graph import LiteGraph
from inspector.formats.tflite.lite_model import LiteModel, lite_model
from inspector.formats.tflite.real_numbers import real
from inspector.graph.graph import split_input
from inspector.graph.tensors import Array
from inspector.measurement.peak_memory import address_space_left
from inspector.model import signatures
from inspector.model.model import Model
from inspector.optimisation import feeds as feeding
from inspector.optimisation.corresponding import End
from inspector.optimisation.feeds import Slot

_LISTED = 12
_TEXT = 64
"""Bytes that a text takes, where nobody knows its length."""
_AGAIN_MS = 2000.0
_LITTLE_MEMORY = 1 << 30
"""Bytes left under which a refusal of LiteRT may be one of memory."""


def predict(
    model: Model,
    feeds: Mapping[str, Any],
    fetches: Sequence[str] | None = None,
    *,
    signature: str | None = None,
) -> dict[str, Any]:
    """Run a TFLite model once, in this process.

    Args:
        feeds: Key to array. A key is an input of the signature, the name or the number of a
            tensor, or a node's name.
        fetches: Keys in the same sense; by default the outputs of the signature if its keys or
            nothing was fed, else the model's outputs under the names of their tensors.
    Returns: ``outputs``, ``load_ms``, ``first_ms``, ``run_ms`` and ``signature``.
    Raises: BadFeed, BadFetch, UnknownSignature, RunFailed (a custom op, or LiteRT refuses).
    """
    run = LiteRun(model, feeds, fetches, signature=signature)
    outputs, first_ms = run.once()
    run_ms = run.once()[1] if first_ms < _AGAIN_MS else first_ms
    return {
        "outputs": outputs,
        "load_ms": run.load_ms,
        "first_ms": first_ms,
        "run_ms": run_ms,
        "signature": run.signature.key if run.signature is not None else None,
    }


class LiteRun:
    """A loaded model with its feeds, checked and ready to be run any number of times.

    Args:
        keeps_tensors: So that `tensor` has the values of all; without it LiteRT reuses memory.
    """

    def __init__(
        self,
        model: Model,
        feeds: Mapping[str, Any],
        fetches: Sequence[str] | None = None,
        *,
        signature: str | None = None,
        threads: int | None = None,
        keeps_tensors: bool = False,
    ) -> None:
        self._model = lite_model(model)
        self._threads = threads
        self._keeps_tensors = keeps_tensors
        self._lite: LiteGraph = self._model.lite
        refuse_shapes(self._model)
        self.signature: Signature | None = self._choose(feeds, fetches, signature)
        self.subgraph: int = self.signature.subgraph if self.signature is not None else 0
        self._graph = self._lite.file.subgraphs[self.subgraph]
        self._fed = self._feed(feeds)
        self._fetched = self._fetch(fetches)
        refuse(self._model)
        start = time.perf_counter()
        self._load()
        self.load_ms: float = 1000 * (time.perf_counter() - start)

    @property
    def fed(self) -> Mapping[int, Array]:
        """The feeds by tensor of `subgraph`, as it stores them."""
        return self._fed

    @property
    def rows(self) -> int:
        """The first dimension of the feeds; 1 where there is none."""
        return max((array.shape[0] for array in self._fed.values() if array.shape), default=1)

    def once(self) -> tuple[dict[str, Array], float]:
        """Run; the outputs and the milliseconds. Raises: RunFailed."""
        with self._translated():
            start = time.perf_counter()
            if self.subgraph:
                answers = self._runner(**self._by_key())
            else:
                for index, array in self._fed.items():
                    self._interpreter.set_tensor(index, array)
                self._interpreter.invoke()
            if self.subgraph:
                assert self.signature is not None
                keys = {index: key for key, index in self.signature.outputs.items()}
                outputs = {name: answers[keys[index]] for name, index in self._fetched.items()}
            else:
                outputs = {
                    name: self._interpreter.get_tensor(index)
                    for name, index in self._fetched.items()
                }
            # With the copies of the outputs, which a session's run makes as well.
            milliseconds = 1000 * (time.perf_counter() - start)
        return {name: np.asarray(array) for name, array in outputs.items()}, milliseconds

    def feed(self, feeds: Mapping[str, Any]) -> None:
        """Other values for the next runs. Raises: BadFeed, RunFailed."""
        shapes = {index: array.shape for index, array in self._fed.items()}
        self._fed = self._feed(feeds)
        if shapes != {index: array.shape for index, array in self._fed.items()}:
            self._load()

    def tensor(self, index: int) -> Array:
        """The value of a tensor of `subgraph` in the last run."""
        with self._translated():
            return np.asarray(self._interpreter.get_tensor(index, self.subgraph))

    def shapes(self) -> dict[int, tuple[int, ...]]:
        """The shape of each tensor of `subgraph` in the last run, as LiteRT says it."""
        return {index: tuple(map(int, item["shape"])) for index, item in self._details().items()}

    def sizes(self) -> dict[int, int]:
        """The bytes of each tensor of `subgraph`, by its number."""
        return {
            index: (np.dtype(item["dtype"]).itemsize or _TEXT) * math.prod(map(int, item["shape"]))
            for index, item in self._details().items()
        }

    def _details(self) -> dict[int, Any]:
        with self._translated():
            details = self._interpreter.get_tensor_details(self.subgraph)
        return {item["index"]: item for item in details}

    def real(self, outputs: Mapping[str, Array]) -> dict[str, Array]:
        """Outputs as real numbers: those with one scale for the whole tensor are dequantised."""
        values = dict(outputs)
        for name, index in self._fetched.items():
            if name in values:
                values[name] = real(values[name], self._graph.tensors[index].quantisation)
        return values

    def _load(self) -> None:
        from ai_edge_litert.interpreter import Interpreter

        with self._translated():
            inner = set(self._fetched.values()) - set(self._graph.outputs)
            self._interpreter = Interpreter(
                model_path=str(self._model.path),
                num_threads=self._threads,
                experimental_preserve_all_tensors=self._keeps_tensors or bool(inner),
            )
            if self.subgraph:
                assert self.signature is not None
                self._runner = self._interpreter.get_signature_runner(self.signature.key)
                return
            for index, array in self._fed.items():
                if list(array.shape) != self._graph.tensors[index].shape:
                    self._interpreter.resize_tensor_input(index, array.shape)
            self._interpreter.allocate_tensors()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (RuntimeError, ValueError, TypeError, OSError) as err:
            why = str(err).strip().splitlines() or [type(err).__name__]
            text = " ".join(why[:2]) + _perhaps_memory()
            raise RunFailed(self._model.name, "LiteRT", text) from err

    def _by_key(self) -> dict[str, Array]:
        assert self.signature is not None
        return {key: self._fed[index] for key, index in self.signature.inputs.items()}

    def _choose(
        self, feeds: Mapping[str, Any], fetches: Sequence[str] | None, key: str | None
    ) -> Signature | None:
        """The signature that is named or chosen, else the one whose keys are fed, else none."""
        model = self._model
        if key is not None or model.signature is not None:
            key = model.key(key)
        else:
            key = signatures.of_feeds(model.signatures, set(feeds), fetches, by_tensor=False)
        by_key = {item.key: item for item in self._lite.file.signatures}
        return None if key is None else by_key[key]

    def _feed(self, feeds: Mapping[str, Any]) -> dict[int, Array]:
        inputs = list(dict.fromkeys(self._graph.inputs))
        keys = dict(self.signature.inputs) if self.signature is not None else {}
        if self.subgraph:
            inputs = list(dict.fromkeys(keys.values()))
        fed: dict[int, Array] = {}
        for key, value in feeds.items():
            index = self._number(key, keys)
            if index not in inputs:
                labels = list(keys) or [self._graph.tensors[number].label for number in inputs]
                listed = did_you_mean(key, labels) or f"; known: {', '.join(labels[:_LISTED])}"
                reason = "the model has no such input" if index is None else "is not an input"
                raise BadFeed("feeds", key, reason + listed)
            assert index is not None
            if index in fed:
                raise BadFeed("feeds", key, f"tensor {index} is fed twice")
            fed[index] = _fit(value, slot(key, self._graph.tensors[index]), self._graph, index)
        missing = [self._graph.tensors[index] for index in inputs if index not in fed]
        if missing:
            named = {index: key for key, index in keys.items()}
            slots = [slot(named.get(item.index, item.label), item) for item in missing[:_LISTED]]
            more = f" and {len(missing) - _LISTED} more" if len(missing) > _LISTED else ""
            lacking = "; ".join(map(str, slots)) + more
            raise BadFeed("feeds", "missing", f"the model also needs {lacking}")
        return fed

    def _fetch(self, fetches: Sequence[str] | None) -> dict[str, int]:
        keys = dict(self.signature.outputs) if self.signature is not None else {}
        if fetches is None:
            return keys or named_outputs(self._lite)
        tensors: dict[str, int] = {}
        for name in fetches:
            index = self._number(name, keys)
            if index is None or (self.subgraph and index not in keys.values()):
                labels = [*keys, *(tensor.label for tensor in self._graph.tensors)]
                listed = ", ".join(list(keys) or list(named_outputs(self._lite)))
                hint = did_you_mean(name, labels) or f"; known: {listed}"
                raise BadFetch("fetches", name, f"no such tensor{hint}")
            tensors[name] = index
        return tensors

    def _number(self, key: str, keys: Mapping[str, int]) -> int | None:
        """The tensor of a signature's key, of a tensor's name or number, of a node's name."""
        if key in keys:
            return keys[key]
        for tensor in self._graph.tensors:
            if tensor.label == key:
                return tensor.index
        name, port, _ = split_input(key)
        for node, at in ((key, 0), (name, port)):
            tensors = self._lite.outputs.get(node, [])
            if 0 <= at < len(tensors) and tensors[at][0] == self.subgraph:
                return tensors[at][1]
        if (
            key.isascii()
            and key.isdigit()
            and len(key) < 10
            and int(key) < len(self._graph.tensors)
        ):
            return int(key)
        return None


def _perhaps_memory() -> str:
    """What LiteRT does not say: that an allocation may have met the job's limit."""
    free = address_space_left()
    if free is None or free > _LITTLE_MEMORY:
        return ""
    return f"; the job has {free >> 20:,} MiB of memory left, which may be why: feed fewer rows"


def refuse_shapes(model: LiteModel) -> None:
    """Raises: CorruptModel where a tensor has an impossible shape."""
    for fault in facts.faults(model.lite.file):
        raise CorruptModel(model.name, "TFLite", fault)


def refuse(model: LiteModel) -> None:
    """Raises: RunFailed, with the names of the operators that LiteRT has no kernel for."""
    file = model.lite.file
    rows = facts.flagged(file)
    if file.external:
        reason = "a part of its weights lies in other files, which are not read"
        raise RunFailed(model.name, "buffers", reason)
    if rows:
        listed = ", ".join(row["op"] for row in rows[:_LISTED])
        more = f" and {len(rows) - _LISTED} more" if len(rows) > _LISTED else ""
        why = sorted({row["why"] for row in rows})
        raise RunFailed(model.name, f"{listed}{more}", "; or ".join(why))


def named_outputs(lite: LiteGraph) -> dict[str, int]:
    """The main subgraph's outputs under the names of their tensors, or of nodes where two share."""
    graph = lite.file.subgraphs[0]
    outputs: dict[str, int] = {}
    for index in graph.outputs:
        label = graph.tensors[index].label
        if outputs.get(label, index) != index:
            label = lite.source[0, index]
        outputs[label] = index
    return outputs


def ends(model: LiteModel) -> tuple[list[End], list[End]]:
    """The inputs and outputs of the chosen signature, else of the first subgraph."""
    file, key = model.lite.file, model.key()
    signature = next((item for item in file.signatures if item.key == key), None)
    graph = model.lite.subgraph(key)
    inputs = {graph.tensors[index].label: index for index in graph.inputs}
    outputs = named_outputs(model.lite)
    if signature is not None:
        inputs, outputs = dict(signature.inputs), dict(signature.outputs)
    pairs = [
        (key, graph.tensors[index], is_input)
        for is_input, indices in ((True, inputs), (False, outputs))
        for key, index in indices.items()
    ]
    sides: dict[bool, list[End]] = {True: [], False: []}
    for key, tensor, is_input in pairs:
        values = slot(key, tensor) if is_input else None
        sides[is_input].append(End(key, tensor.label, tensor.dtype, tensor.dims, values))
    return sides[True], sides[False]


def slot(key: str, tensor: Tensor) -> Slot:
    """What an input takes."""
    return Slot(key, tensor.dtype, tensor.dims)


def _fit(value: Any, expected: Slot, graph: Any, index: int) -> Array:
    """A value as the input takes it; of a quantised input the error says how floats become it."""
    quantisation: Quantisation | None = graph.tensors[index].quantisation
    try:
        return feeding.fit(value, expected)
    except BadFeed as err:
        if (
            quantisation is None
            or len(quantisation.scale) != 1
            or np.asarray(value).dtype.kind != "f"
        ):
            raise
        scale, zero = quantisation.scale[0], quantisation.zero_point[0]
        how = f"round(value / {scale:.7g}) + {zero}"
        raise BadFeed(err.what, err.where, f"{err.why}, quantised: give {how}") from err
