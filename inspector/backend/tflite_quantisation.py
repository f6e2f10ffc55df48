"""Quantises TFLite models with `litert_quantizer`, which is imported only here, and in a worker.

It is the maintained successor of ai-edge-quantizer and of the converter's own quantisation. Ranges
are the minimum and the maximum over all samples: its own way, a moving average, forgets the first
samples, and lost a third of the classes of the iris sample.

Source: litert_quantizer 0.11: quantizer.py, calibrator.py, recipe_manager.py.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from inspector.errors import InspectorError, QuantisationFailed
from inspector.formats.tflite import file_edits
from inspector.formats.tflite.lite_model import LiteModel
from inspector.graph.tensors import Array
from inspector.optimisation.tflite import lite_operators
from inspector.optimisation.tflite.lite_operators import Weighted
from inspector.optimisation.tflite.quantise_options import QuantiseOptions
from inspector.optimisation.tflite.recipes import Recipe

_EVERY = ".*"
_LONGEST_LABEL = 10_000
"""Characters of a label that the quantiser compares."""
_NO_QUANTIZE = "no_quantize"

Rule = dict[str, Any]
Batches = Sequence[Mapping[str, Array]]


class LiteQuantiser:
    """A float TFLite model and a recipe; ranges are measured once.

    Args:
        model: Its file is modern, see `file_edits.modernised`, and has a signature where the
            recipe needs samples.
        batches: Rows of samples by key of the signature; used where the recipe needs them.
    Raises: UnsupportedModel for a model that is quantised already; BadParameter for operators to
        keep that it does not have; QuantisationFailed where it cannot be run on the samples.
    """

    def __init__(self, model: LiteModel, options: QuantiseOptions, batches: Batches = ()) -> None:
        assert model.path is not None
        self._model, self._options = model, options
        self._recipe = options.check()
        lite_operators.refuse_quantised(model)
        self._floats = lite_operators.labels_kept(model, options)
        self._data = Path(model.path).read_bytes()
        self._ranges = self._measure(batches) if self._recipe.needs_samples else None

    def whole(self) -> bytes:
        """The model, quantised as the options say.

        Raises: QuantisationFailed, also where nothing in the model is quantised by the recipe.
        """
        small = lite_operators.too_small(self._model, self._options.smallest)
        floats = [*self._floats, *small]
        return self._quantised([_rule(self._recipe), *_float_rules(floats)])

    def one(self, operator: Weighted) -> bytes:
        """The model with this operator alone quantised. Raises: QuantisationFailed."""
        return self._quantised([_rule(self._recipe, _expression([operator.label]))])

    def _quantised(self, rules: list[Rule]) -> bytes:
        from litert_quantizer import Quantizer

        with self._translated():
            quantiser = Quantizer(self._data, rules)
            result = quantiser.quantize(
                self._ranges, enable_progress_bar=False, enable_progress_report=False
            )
            data = bytes(result.quantized_model)
            if self._recipe.needs_samples:
                data = file_edits.with_float_outputs(data, self._model.lite.file)
            return data

    def _measure(self, batches: Batches) -> dict[str, Any]:
        """The range of each tensor over all batches."""
        from litert_quantizer import Quantizer, calibrator

        subgraphs = {item.subgraph for item in self._model.lite.file.signatures}
        if len(subgraphs) > 1:
            why = "has several signatures, and samples are rows of one: convert each by itself"
            raise self._failed(why)
        with self._translated():
            mode = calibrator.CalibrationMode.CALIBRATION_PROFILER_BASED
            measuring = calibrator.Calibrator(
                self._data, num_threads=os.cpu_count() or 1, mode=mode, qsv_update_func=_wider
            )
            manager = Quantizer(self._data, [_rule(self._recipe)])._recipe_manager
            # A list: a generator would be used up by counting it.
            samples = [dict(batch) for batch in batches]
            measuring.calibrate({self._model.key(): samples}, manager)
            ranges: dict[str, Any] = measuring.get_model_qsvs()
            return ranges

    @contextmanager
    def _translated(self) -> Iterator[None]:
        with translated(self._model.name, self._options.recipe):
            yield

    def _failed(self, why: str) -> QuantisationFailed:
        return QuantisationFailed(self._model.name, f"recipe {self._recipe.name}", why)


@contextmanager
def translated(name: str, recipe: str) -> Iterator[None]:
    """What goes wrong in the quantiser as one sentence; it raises whatever it meets."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (InspectorError, MemoryError, ImportError):
        raise
    except Exception as err:
        lines = str(err).strip().splitlines() or [""]
        text = f"{type(err).__name__}: {lines[0]}".rstrip(": ")
        why = f"the quantiser does not take this model ({text})"
        raise QuantisationFailed(name, f"recipe {recipe}", why) from err


def _wider(before: Mapping[str, Array], batch: Mapping[str, Array]) -> dict[str, Array]:
    return {
        "min": np.minimum(before["min"], batch["min"]),
        "max": np.maximum(before["max"], batch["max"]),
    }


def _rule(recipe: Recipe, expression: str = _EVERY) -> Rule:
    """The recipe as the quantiser's own JSON, for the operators whose label matches."""
    is_half = recipe.weight_bits == 16
    config: dict[str, Any] = {
        "weight_tensor_config": _numbers(recipe.weight_bits, "TENSORWISE" if is_half else None),
        "compute_precision": "FLOAT" if recipe.computes_in_float else "INTEGER",
        "explicit_dequantize": recipe.computes_in_float,
    }
    if is_half:
        config["weight_tensor_config"]["dtype"] = "FLOAT"
    if recipe.activation_bits is not None:
        config["activation_tensor_config"] = _numbers(recipe.activation_bits, "TENSORWISE")
        config["activation_tensor_config"]["symmetric"] = recipe.activation_bits > 8
    return {
        "regex": expression,
        "operation": "*",
        "algorithm_key": "float_casting" if is_half else "min_max_uniform_quantize",
        "op_config": config,
    }


def _numbers(bits: int, granularity: str | None) -> dict[str, Any]:
    return {
        "num_bits": bits,
        "symmetric": True,
        "granularity": granularity or "CHANNELWISE",
        "dtype": "INT",
    }


def _float_rules(labels: Sequence[str]) -> Iterator[Rule]:
    """Rules that come last and so win: the inputs of the model, and these operators."""
    rules = [(_EVERY, "INPUT"), *([(_expression(labels), "*")] if labels else [])]
    for expression, operation in rules:
        yield {
            "regex": expression,
            "operation": operation,
            "algorithm_key": _NO_QUANTIZE,
            "op_config": {},
        }


def _expression(labels: Sequence[str]) -> str:
    """A regular expression for exactly these operators."""
    texts = [re.escape(f"{label};"[:_LONGEST_LABEL]) for label in dict.fromkeys(labels)]
    return rf"\A(?:{'|'.join(texts)})\Z"
