"""The arguments and the answers of the jobs that make the candidates of a search."""

# No postponed annotations, for the reasons given in `request_types`.
from typing import TYPE_CHECKING, TypedDict

from inspector.jobs.request_types import ModelArgs

if TYPE_CHECKING:
    from inspector.optimisation.feed_source import FeedsJson, PackedFeeds
    from inspector.optimisation.optimise_options import OptimiseJson
    from inspector.optimisation.tflite.quantise_options import QuantiseJson


class CandidateArgs(ModelArgs):
    """What a search makes of a model.

    Attributes:
        to: ``saved_model`` or ``tflite``.
    """

    options: "OptimiseJson"
    to: str


class QuantisedArgs(ModelArgs):
    """How a search quantises a TFLite model.

    Attributes:
        name: Of the model, for errors.
        feeds: Rows to measure ranges on; None for a recipe that needs none.
    """

    name: str
    options: "QuantiseJson"
    feeds: "FeedsJson | PackedFeeds | None"


class CandidateAnswer(TypedDict):
    """Bytes of the files, which are in the job's folder."""

    bytes: int
