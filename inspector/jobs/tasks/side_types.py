"""The arguments and the answers of the jobs that run several models on the same rows.

As in `request_types`, whose module would be too long with them.
"""

# No postponed annotations, for the reasons given in `request_types`.
from typing import TYPE_CHECKING, NotRequired, TypedDict

from inspector.jobs.request_types import GraphJson
from inspector.measurement.json_types import (
    AccuracyJson,
    ClassChange,
    JudgementJson,
    MeanErrorJson,
    OutputDifference,
)

if TYPE_CHECKING:
    from inspector.optimisation.feed_source import FeedsJson, PackedFeeds


class SideArgs(TypedDict):
    """One model of several that run on the same rows.

    Attributes:
        outputs: What to fetch; None or none for the outputs of the signature.
        result: In place of a path for a model that travels as blobs.
    """

    name: str
    tag_set: NotRequired[list[str] | None]
    signature: NotRequired[str | None]
    outputs: NotRequired[list[str] | None]
    result: NotRequired[GraphJson]


class SidesArgs(TypedDict):
    """Several models, the first one the reference, and what to feed them.

    Attributes:
        path: Of the first model. ``against`` has the paths of others by name.
        feeds: For the inputs of the first model; of the kind ``packed`` the blob has arrays.
        batch: Rows of a run; None for all rows of the feeds.
    """

    path: NotRequired[str]
    against: dict[str, str]
    sides: list[SideArgs]
    feeds: "FeedsJson | PackedFeeds"
    batch: NotRequired[int | None]


class BenchmarkArgs(SidesArgs):
    """How long to measure.

    Attributes:
        threads: That each model may use.
        runs: Of each model; None for as many as a certain verdict needs in ``budget_s`` seconds.
    """

    threads: int
    runs: int | None
    budget_s: float


class ProfileArgs(SidesArgs):
    """One side, and the seconds for its runs."""

    budget_s: float


class BlameArgs(SidesArgs):
    """Two sides, of which the second may have no corresponding output.

    Attributes:
        tolerance, part_bytes: As of `node_search.Bounds`.
        every: Compare all nodes, not only those around the first that differs.
    """

    tolerance: float
    part_bytes: int
    every: bool


class RunTimesJson(TypedDict):
    """A `run_times.RunTimes`."""

    load_ms: float
    first_ms: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    rows_per_s: float
    peak_rss_bytes: int


class TimedSideJson(TypedDict):
    """One model of a benchmark, judged against the first one."""

    name: str
    runtime: str
    runs: int
    times: RunTimesJson
    judgement: JudgementJson


class BenchmarkAnswer(TypedDict):
    """The models in their order, and why there were no more rounds."""

    batch: int
    threads: int
    sides: list[TimedSideJson]
    ended: str


class BatchesArgs(SidesArgs):
    """The rows of a run to measure one after the other, within one budget."""

    batches: list[int]
    threads: int
    budget_s: float


class SteadyTimesJson(TypedDict):
    """A `batch_sweep.SteadyTimes`."""

    p50_ms: float
    p90_ms: float
    p99_ms: float
    rows_per_s: float


class BatchSideJson(TypedDict):
    """One model with one batch size, judged against the first one."""

    name: str
    times: SteadyTimesJson
    judgement: JudgementJson


class BatchJson(TypedDict):
    """One batch size: its models in their order, or no model and the reason."""

    batch: int
    sides: list[BatchSideJson]
    why: str


class BatchesAnswer(TypedDict):
    """The batch sizes in the order they were measured; runtimes of the models in their order."""

    threads: int
    budget_s: float
    runtimes: list[str]
    batches: list[BatchJson]


class CompareArgs(SidesArgs):
    """How to compare.

    Attributes:
        tolerance: See `grades.difference`.
        classes: Names of the classes; None to look for them in the models.
        budget_s: Rows are cut and the last models left out where they would take longer; None for
            all rows and all models.
    """

    tolerance: float
    classes: list[str] | None
    budget_s: NotRequired[float | None]


class ComparedSideJson(TypedDict):
    """One model beside the first one.

    Attributes:
        grade: The worst of its outputs.
        class_changes: Of outputs with classes, the rows that have another one.
        missing: Outputs of the first model that it has not.
    """

    name: str
    grade: str
    outputs: dict[str, OutputDifference]
    class_changes: dict[str, list[ClassChange]]
    missing: list[str]
    accuracy: AccuracyJson | None
    mean_error: MeanErrorJson | None


class CompareAnswer(TypedDict):
    """The other models, and the names of the classes with where they are from.

    Attributes:
        rows: That were run; ``rows_given`` are those of the feeds.
        left_out: Models that the budget had no time for.
    """

    rows: int
    rows_given: int
    left_out: list[str]
    class_names: list[str] | None
    names_from: str | None
    sides: list[ComparedSideJson]
