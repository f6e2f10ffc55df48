"""The arguments and the answer of the job that does one model of a sweep."""

# No postponed annotations, for the reasons given in `request_types`.
from typing import TYPE_CHECKING, TypedDict

from inspector.jobs.request_types import Json, ModelArgs

if TYPE_CHECKING:
    from inspector.optimisation.optimise_options import OptimiseJson


class SweepArgs(ModelArgs):
    """What a sweep makes of each model.

    Attributes:
        to: A format of `api.FORMATS`.
    """

    options: "OptimiseJson"
    to: str


class SweepAnswer(TypedDict):
    """Figures of the model and of the result, whose files are in the job's folder.

    Attributes:
        format: Of the model, as in `describe`.
        bytes, nodes: Of all its files; of its main graph, its layers or its operators.
        result: Name of the file or folder.
        result_bytes, result_nodes: Of the result, as above.
        check: As in the record; None without a check.
        warnings, notes: Sentences.
    """

    format: str
    bytes: int
    nodes: int
    result: str
    result_bytes: int
    result_nodes: int
    check: Json | None
    warnings: list[str]
    notes: list[str]
