"""A TFLite model that runs beside another model, on the same feeds and with the same names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inspector.backend.litert import lite
from inspector.errors import BadFetch
from inspector.formats.tflite.lite_model import lite_model
from inspector.graph import tensors
from inspector.graph.graph import tensor_name
from inspector.graph.tensors import Array
from inspector.model.model import Model
from inspector.optimisation import corresponding
from inspector.optimisation.corresponding import End


class LiteBeside:
    """A loaded TFLite model whose outputs have the names of those of the first model.

    Args:
        keys: Key of an input of the first model to its tensor; the names that the file may have.
        feeds: By name of the first model's tensors.
        answers: The outputs of the first model; those without a counterpart are left out.
    Raises: BadFeed, BadFetch, RunFailed.
    """

    def __init__(
        self,
        model: Model,
        keys: Mapping[str, str],
        feeds: Mapping[str, Any],
        answers: Mapping[str, Array],
    ) -> None:
        lite_one = lite_model(model)
        lite.refuse_shapes(lite_one)
        inputs, outputs = lite.ends(lite_one)
        arrays = {key: feeds[name] for key, name in keys.items() if name in feeds}
        fed = [_end(key, keys[key], array) for key, array in arrays.items()]
        fetched = [_end(name, tensor_name(name), array) for name, array in answers.items()]
        self._outputs = {
            name: end.tensor for name, end in corresponding.correspond(fetched, outputs).items()
        }
        if not self._outputs:
            raise BadFetch(model.name, "outputs", "none corresponds to one of the first model")
        values = corresponding.for_model(arrays, fed, inputs, model.name)
        self._run = lite.LiteRun(lite_one, values, list(dict.fromkeys(self._outputs.values())))
        self.load_ms: float = self._run.load_ms

    def once(self) -> tuple[dict[str, Array], float]:
        """Run; the outputs and the milliseconds. Raises: RunFailed."""
        outputs, milliseconds = self._run.once()
        real = self._run.real(outputs)
        return {name: real[tensor] for name, tensor in self._outputs.items()}, milliseconds


def _end(key: str, tensor: str, value: Array) -> End:
    dtype = tensors.dtype_name(tensors.enum_of(value))
    return End(key, tensor, dtype, [None, *value.shape[1:]] if value.ndim else [])
