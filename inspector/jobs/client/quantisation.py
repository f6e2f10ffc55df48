"""Quantised TFLite models, made in a worker for the library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

from inspector import extras
from inspector.errors import BadFeed, BadParameter, UnsupportedModel
from inspector.formats.tflite.quantisation_report import (
    LayerSensitivity,
    QuantisationReport,
    QuantiseAnswer,
    QuantisedOutput,
    QuantisedOutputJson,
    Sensitivity,
    SensitivityAnswer,
)
from inspector.jobs import packing
from inspector.jobs.client import conversion
from inspector.jobs.client.ask import Terms, ask
from inspector.jobs.request_types import QuantiseArgs
from inspector.model.model import Model
from inspector.optimisation.optimise_options import OptimiseOptions
from inspector.optimisation.tflite.quantise_options import QuantiseOptions

if TYPE_CHECKING:  # reading TFLite is an extra; the search is imported without it, too
    from inspector.formats.tflite.lite_model import LiteModel

Samples = Mapping[str, Any]

_PACKAGE = "litert_quantizer"


def check(name: str, options: QuantiseOptions, samples: Samples | None) -> None:
    """Refuse what can be refused before anything runs.

    Args:
        name: Of the model, for errors.
    Raises: BadParameter; UnsupportedModel where the extra is not installed; BadFeed where the
        recipe needs samples and there are none.
    """
    recipe = options.check()
    if find_spec(_PACKAGE) is None:
        why = f"needs litert-quantizer: {extras.advice('quantise')}"
        raise UnsupportedModel(name, "quantise", why)
    if recipe.needs_samples and samples is None:
        why = f"the recipe {recipe.name} measures ranges on rows like those the model is used on: "
        why += "give some, e.g. --samples rows.npz (samples= in Python), by key of the inputs"
        raise BadFeed("samples", "missing", why)


def _lite_model(model: Model) -> LiteModel:
    """Raises: UnsupportedModel for another model; MissingPackage."""
    with extras.needed("tflite"):
        from inspector.formats.tflite.lite_model import lite_model

    return lite_model(model)


def check_alone(options: OptimiseOptions, **others: Any) -> None:
    """Raises: BadParameter for an option that a TFLite model does not have."""
    refused = {
        "inputs": options.inputs,
        "outputs": options.outputs,
        "set": options.set,
        "init_op": options.init_op,
        "all_signatures": options.all_signatures,
        "signature": not isinstance(options.signature, str | None),
        **others,
    }
    for name, value in refused.items():
        if value:
            why = "is for a model that is converted; a TFLite model is quantised as it is"
            raise BadParameter("convert", name, why)


def quantise(
    model: Model,
    options: QuantiseOptions,
    samples: Samples | None,
    terms: Terms,
    *,
    signature: str | Sequence[str] | None = None,
    short_names: bool = False,
) -> LiteModel:
    """A float TFLite model quantised; its `quantisation` is the report.

    Raises: QuantisationFailed, UnsupportedModel, BadParameter, BadFeed, RunFailed, CorruptModel,
        JobError.
    """
    lite = _lite_model(model)
    check(lite.name, options, samples)
    args: QuantiseArgs = {
        "path": str(lite.path),
        "signature": signature if isinstance(signature, str) else lite.signature,
        "name": lite.name,
        "options": options.to_json(),
        "short_names": short_names,
    }
    answer = ask("quantise", args, blobs=_blobs(samples), terms=terms)
    value = cast("QuantiseAnswer", answer.value)
    result = _lite_model(conversion.of_bytes(answer.blobs["file"], lite.name))
    result.quantisation = QuantisationReport(
        options.recipe,
        value["types"],
        value["rows"],
        value["rows_from"],
        _differences(value["outputs"]),
        value["unchecked"],
        tuple(value["notes"]),
    )
    result.notes = [*lite.notes, *result.quantisation.sentences()]
    return result


def sensitivity(
    model: Model,
    options: QuantiseOptions,
    samples: Samples | None,
    terms: Terms,
    *,
    signature: str | None = None,
) -> Sensitivity:
    """How much each large weight changes the outputs when it alone is quantised.

    Raises: As `quantise`.
    """
    lite = _lite_model(model)
    check(lite.name, options, samples)
    args: QuantiseArgs = {
        "path": str(lite.path),
        "signature": signature or lite.signature,
        "name": lite.name,
        "options": options.to_json(),
    }
    answer = ask("sensitivity", args, blobs=_blobs(samples), terms=terms)
    return sensitivity_of(options.recipe, cast("SensitivityAnswer", answer.value))


def sensitivity_of(recipe: str, value: SensitivityAnswer) -> Sensitivity:
    """The answer of a job of the kind ``sensitivity``."""
    layers = (
        LayerSensitivity(
            layer["node"],
            layer["op"],
            layer["weight"],
            layer["elements"],
            _differences(layer["outputs"]),
            layer["error"],
        )
        for layer in value["layers"]
    )
    return Sensitivity.of(recipe, layers, value["rows"], value["rows_from"])


def _blobs(samples: Samples | None) -> dict[str, bytes]:
    return {} if samples is None else {"samples": packing.pack(samples)}


def _differences(outputs: Mapping[str, QuantisedOutputJson]) -> dict[str, QuantisedOutput]:
    return {name: QuantisedOutput(**item) for name, item in outputs.items()}
