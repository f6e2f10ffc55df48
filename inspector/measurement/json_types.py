"""What the figures of measurements are as JSON."""

# No postponed annotations: `typed_json` reads these at run time.
from typing import TypedDict


class JudgementJson(TypedDict):
    """A `paired_ratio.Judgement`."""

    verdict: str
    ratio: float | None
    interval: list[float] | None
    clock: str
    pairs: int


class HistogramJson(TypedDict):
    """Differences by size: edges, and the number of values between them."""

    edges: list[float]
    counts: list[int]


class OutputDifference(TypedDict):
    """One output of A and B.

    Attributes:
        max_rel: The largest difference as a share of A's largest absolute value.
        percentiles: Of the absolute differences, by percent.
        argmax_equal: Share of rows with the largest entry in the same place; of text and whole
            numbers, of equal rows. None for an output without classes.
        changed_rows: The first of the other rows; ``changed`` counts them.
        worst_rows: Row and largest difference in it, the ten largest.
        is_whole: Text or whole numbers.
        why: Why the two could not be compared.
    """

    grade: str
    equal: bool
    max_abs: float | None
    mean_abs: float | None
    max_rel: float | None
    percentiles: dict[str, float] | None
    argmax_equal: float | None
    changed: int
    changed_rows: list[int]
    worst_rows: list[dict[str, float]]
    histogram: HistogramJson | None
    non_finite: list[int]
    is_whole: bool
    why: str


class ClassChange(TypedDict):
    """A row whose largest entry is elsewhere: the class of A and that of B, by name or number."""

    row: int
    a: str
    b: str


class AccuracyJson(TypedDict):
    """Share of right rows of A and B, and the rows whose answer turned.

    Attributes:
        output: The output that was scored.
        mcnemar_p: Probability of so many more turns one way than the other, if both models were
            as good.
        turned_wrong, turned_right: The first hundred of these rows.
    """

    output: str
    a: float
    b: float
    changed_right_to_wrong: int
    changed_wrong_to_right: int
    mcnemar_p: float
    turned_wrong: list[int]
    turned_right: list[int]


class MeanErrorJson(TypedDict):
    """Mean absolute error of A and B; rows that B gets closer to the label, and further from it."""

    output: str
    a: float
    b: float
    closer: int
    further: int


class NodeTimeJson(TypedDict):
    """A node of a profile; see `node_times.NodeTime`."""

    name: str
    op: str
    ms: float
    output_bytes: int
    flops: float
    parameters: int


class ProfileJson(TypedDict):
    """What a job measured of the nodes of a model; see `node_times.Profile`."""

    runtime: str
    method: str
    rows: int
    runs: int
    run_ms: float
    start_ms: float
    nodes: list[NodeTimeJson]
    not_measured: dict[str, str]


class TensorErrorJson(TypedDict):
    """A `tensor_errors.TensorError`; None for what is infinite."""

    max_abs: float | None
    max_rel: float | None
    not_finite: bool


class NodeErrorJson(TypedDict):
    """A `node_errors.NodeError`."""

    before: str
    after: str
    op: str
    by: str
    accumulated: TensorErrorJson
    local: TensorErrorJson | None


class BlameJson(TypedDict):
    """A `node_errors.Blame` as a worker finds it, who does not know the steps."""

    first: NodeErrorJson | None
    first_not_finite: NodeErrorJson | None
    causes: dict[str, list[str]]
    nodes: list[NodeErrorJson]
    not_compared: list[str]
