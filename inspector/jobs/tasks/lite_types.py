"""The arguments and the answers of the jobs that make TFLite models for the pages."""

# No postponed annotations, for the reasons given in `request_types`.
from typing import TYPE_CHECKING, NotRequired, TypedDict

from inspector.formats.tflite.quantisation_report import QuantiseAnswer
from inspector.jobs.request_types import Json, ModelArgs, OptimiseAnswer

if TYPE_CHECKING:
    from inspector.optimisation.feed_source import FeedsJson
    from inspector.optimisation.optimise_options import OptimiseJson
    from inspector.optimisation.tflite.quantise_options import QuantiseJson


class RecipeArgs(ModelArgs):
    """How to quantise.

    Attributes:
        name: Of the model, for errors.
        quantise: None leaves the model in float32.
        samples: Rows to measure ranges on and to compare answers on; None for the requests that
            the model keeps for TensorFlow Serving, else random rows.
        against: The float TFLite model of a result, for `sensitivity` of that.
    """

    name: str
    quantise: "QuantiseJson | None"
    samples: "FeedsJson | None"
    against: NotRequired[dict[str, str]]


class ToLiteArgs(RecipeArgs):
    """What to do before the conversion; ``flex`` keeps ops that TFLite has no operator for."""

    options: "OptimiseJson"
    flex: bool


class LiteResultJson(TypedDict):
    """A TFLite model beside the float one.

    Attributes:
        recipe: Name of the recipe; empty for a model of float32.
        options: The JSON of `QuantiseOptions`; None for a model of float32.
        samples: Name of the file of samples; None without a file.
        flex: Ops without operator were allowed.
        was_lite: The model was a TFLite model already.
        bytes, float_bytes: Of the file, and of that of the float model.
        flex_ops: Names of the operators that need the Flex delegate.
        ops: Types of the operators.
        quantised: None for a model of float32.
    """

    recipe: str
    options: Json | None
    samples: str | None
    flex: bool
    was_lite: bool
    bytes: int
    float_bytes: int
    flex_ops: list[str]
    ops: list[str]
    quantised: QuantiseAnswer | None


class LiteAnswer(OptimiseAnswer):
    """The answer of ``optimise``, with what only a TFLite model has."""

    lite: LiteResultJson


class SamplesAnswer(TypedDict):
    """How many rows the samples have, and why they cannot be used; empty where they can."""

    rows: int
    why: str
