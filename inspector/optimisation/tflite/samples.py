"""Rows for a TFLite model: checked before anything runs, and cut into batches that it takes.

LiteRT and the quantiser accept NaN without a word, and what they say of a wrong name or dtype does
not help; see `feeds.fit` for what is said here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from inspector.errors import BadFeed, did_you_mean
from inspector.formats import warmup_requests
from inspector.graph import tensors
from inspector.graph.graph import tensor_name
from inspector.graph.tensors import Array, shape_of
from inspector.model.model import Model
from inspector.optimisation import feeds
from inspector.optimisation.feeds import Slot
from inspector.optimisation.optimise_options import OptimiseOptions
from inspector.optimisation.tflite.lite_preparation import Ends

_BATCH = 32
"""Rows of a batch where the model takes any number."""
_LISTED = 12


def own_samples(model: Model, options: OptimiseOptions) -> dict[str, Array] | None:
    """The example data of a SavedModel for the signature that is converted, where it has some.

    Raises: CorruptModel, LimitExceeded, UnknownSignature.
    """
    if model.format != "SavedModel" or model.path is None or options.inputs or options.set:
        return None
    key = model.key(options.signature if isinstance(options.signature, str) else None)
    rows = None if key is None else warmup_requests.rows(model.path, key)
    if rows is None or key is None or rows.keys() != model.signatures[key].inputs.keys():
        return None
    return rows


def check_samples(model: Model, samples: Mapping[str, Any] | None) -> None:
    """Compare samples with the inputs of the signature that a model is to be converted by.

    Raises: BadFeed.
    """
    slots = slots_of(model)
    if samples is not None and slots:
        checked(samples, list(slots.values()))


def slots_of(model: Model) -> dict[str, Slot]:
    """Tensor name to slot, of the inputs of the signature that a model is to be converted by.

    Empty where it has no signature, and where some are parts of an input, which the file names.
    """
    key = model.key()
    if key is None:
        return {}
    inputs = Ends.of(key, model.signatures[key]).inputs
    infos = {tensor_name(info.name): info for info in model.signatures[key].inputs.values()}
    slots = {
        tensor: Slot(
            name, tensors.dtype_name(infos[tensor].dtype), shape_of(infos[tensor].tensor_shape)
        )
        for name, tensor in inputs.items()
        if tensor in infos
    }
    return slots if len(slots) == len(inputs) else {}


def checked(samples: Mapping[str, Any], slots: Sequence[Slot]) -> dict[str, Array]:
    """The samples as the inputs take them; the first dimension may be any number of rows.

    Raises: BadFeed for names, dtypes and shapes that do not fit, for NaN and infinity, for inputs
        with different numbers of rows, and for no rows.
    """
    by_key = {slot.key: slot for slot in slots}
    for key in samples:
        if key not in by_key:
            hint = did_you_mean(key, by_key) or f"; known: {', '.join(list(by_key)[:_LISTED])}"
            raise BadFeed("samples", key, f"the model has no such input{hint}")
    missing = [slot for key, slot in by_key.items() if key not in samples]
    if missing:
        lacking = "; ".join(map(str, missing[:_LISTED]))
        raise BadFeed("samples", "missing", f"the model also needs {lacking}")
    arrays = {key: feeds.fit(samples[key], _of_rows(slot)) for key, slot in by_key.items()}
    for key, array in arrays.items():
        _refuse_values(key, array)
    _refuse_rows(arrays, by_key)
    return arrays


def batches(arrays: Mapping[str, Array], slots: Sequence[Slot]) -> list[dict[str, Array]]:
    """What `checked` gave, cut into batches of the size that the model has, else of up to 32 rows.

    An input without dimensions is the same in each.
    """
    by_key = {slot.key: slot for slot in slots}
    rows = max((len(array) for array in arrays.values() if array.ndim), default=1)
    fixed = [_batch(by_key[key]) for key, array in arrays.items() if array.ndim]
    size = next((size for size in fixed if size is not None), _BATCH)
    return [
        {key: array[start : start + size] if array.ndim else array for key, array in arrays.items()}
        for start in range(0, rows, max(size, 1))
    ]


def random_rows(slots: Sequence[Slot], rows: int) -> dict[str, Array]:
    """Random values; the rows are a multiple of the size that the model takes.

    Raises: BadFeed, LimitExceeded.
    """
    size = next((size for size in map(_batch, slots) if size), 1)
    rows = -(-rows // size) * size
    return feeds.random_feeds(map(_of_rows, slots), rows)


def _of_rows(slot: Slot) -> Slot:
    """The slot with any number of rows."""
    return slot if not slot.shape else replace(slot, shape=[None, *slot.shape[1:]])


def _batch(slot: Slot) -> int | None:
    return slot.shape[0] if slot.shape else None


def _refuse_values(key: str, array: Array) -> None:
    """Raises: BadFeed for NaN and infinity, which would be the range of every value."""
    try:
        bad = ~np.isfinite(array)
    except TypeError:  # text
        return
    if bad.any():
        value = array[bad].flat[0]
        row = f" in row {int(np.argwhere(bad)[0][0])}" if array.ndim else ""
        raise BadFeed("samples", key, f"holds {value}{row}; needs finite numbers")


def _refuse_rows(arrays: Mapping[str, Array], by_key: Mapping[str, Slot]) -> None:
    counts = {key: len(array) for key, array in arrays.items() if array.ndim}
    if not counts:
        return
    first, rows = next(iter(counts.items()))
    for key, count in counts.items():
        if count != rows:
            raise BadFeed("samples", key, f"has {count} rows, and '{first}' has {rows}")
        size = _batch(by_key[key])
        if size and count % size:
            why = f"has {count} rows; the model takes {size} at a time: give a multiple of that"
            raise BadFeed("samples", key, why)
    if rows == 0:
        raise BadFeed("samples", first, "has no rows")
