"""The arguments and the answer of each kind of job.

mypy checks arguments; the runner checks answers (`typed_json`), since a model may own the worker.
"""

# No postponed annotations: these would cost several milliseconds of each start to compile, and hide
# which fields are NotRequired.
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

if TYPE_CHECKING:
    from inspector.optimisation.feed_source import FeedsJson
    from inspector.optimisation.optimise_options import OptimiseJson
    from inspector.optimisation.tflite.quantise_options import QuantiseJson
    from inspector.optimisation.transform_job import TransformJson

Json = dict[str, Any]
"""A JSON object whose fields its producer documents, such as the facts of a model."""


class ModelArgs(TypedDict):
    """The model that a job reads.

    Attributes:
        path: The runner fills it in where the model lies in the workspace.
        tag_set: Tags of the MetaGraphDef of a SavedModel; None or none for the default.
        signature: Key of the chosen signature; None or none for the default.
        part: Which model of a folder or archive of several; the worker appends it to ``path``.
    """

    path: NotRequired[str]
    part: NotRequired[str]
    tag_set: NotRequired[list[str] | None]
    signature: NotRequired[str | None]


class OpenAnswer(TypedDict):
    """Facts (with the scan), key of the drawn signature, files and assets."""

    facts: Json
    signature: str | None
    contents: Json


class FetchArgs(TypedDict):
    """A URL, and the prefixes one of which it must have; None allows every URL."""

    url: str
    allowed: list[str] | None


class FetchAnswer(TypedDict):
    """Name of the file or folder in the job's folder."""

    name: str


class VariableArgs(ModelArgs):
    """Key of a variable in the checkpoint."""

    name: str


class VariableAnswer(TypedDict):
    """Figures of a variable, see `statistics.Statistics`, and its first values as texts."""

    elements: int
    nan: int
    infinite: int
    zeros: int
    min: float | None
    max: float | None
    mean: float | None
    std: float | None
    histogram: dict[str, list[float]]
    lengths: list[int] | None
    first: list[str]


class NodeArgs(ModelArgs):
    """Name of an operation; ``known``: the caller has its tensors and neighbours already."""

    name: str
    known: NotRequired[bool]


class NodeAnswer(TypedDict):
    """Attributes and value of an operation; the rest only where the caller does not know it.

    Attributes:
        value: Figures of a Const.
        tensors: Of a TFLite model: the tensors as the file has them.
        function: Name of the function whose body holds the operation.
    """

    attrs: dict[str, str]
    value: Json | None
    name: NotRequired[str]
    op: NotRequired[str]
    device: NotRequired[str]
    outputs: NotRequired[list[Json]]
    inputs: NotRequired[list[Json]]
    control_inputs: NotRequired[list[str]]
    consumers: NotRequired[list[str]]
    function: NotRequired[str]
    tensors: NotRequired[list[Json]]


class CountsJson(TypedDict):
    """Nodes, or bytes, of a graph before and after a step."""

    before: int
    after: int


class OpCountsJson(TypedDict):
    """Nodes by op before and after a step."""

    before: dict[str, int]
    after: dict[str, int]


class ChangeCountsJson(TypedDict):
    """How many nodes a step changed and skipped."""

    changed: int
    skipped: int


class ChangeJson(TypedDict):
    """A node that a step changed."""

    name: str
    kind: str
    op: str
    rule: str
    sources: list[str]


class SkipJson(TypedDict):
    """A node that a step skipped, and the reason."""

    name: str
    why: str


class ErrorJson(TypedDict):
    """An InspectorError."""

    type: str
    what: str
    where: str
    why: str


class DifferenceJson(TypedDict):
    """A `records.Difference`."""

    name: str
    equal: bool
    max_abs: float | None
    max_rel: float | None
    changed: int
    rows: int
    whole: bool
    why: str


class VerdictJson(TypedDict):
    """A `records.Verdict`."""

    status: str
    why: str
    tolerance: float | None
    max_abs: float | None
    max_rel: float | None
    outputs: list[DifferenceJson]


class StepJson(TypedDict):
    """A `records.Step`; docs/record.md explains the fields."""

    name: str
    call: str
    effect: str
    seconds: float
    nodes: CountsJson
    bytes: CountsJson
    op_counts: OpCountsJson
    modified: bool
    counts: ChangeCountsJson
    changed: list[ChangeJson]
    skipped: list[SkipJson]
    note: str
    warnings: list[str]
    error: ErrorJson | None
    check: VerdictJson | None
    rolled_back: bool


class OptimiseArgs(ModelArgs):
    """What to do with the model."""

    options: "OptimiseJson"


class OptimiseAnswer(TypedDict):
    """Facts and differences of the models, the record of the run, and its `OptimiseOptions`."""

    before: Json
    frozen: Json
    after: Json
    diff: Json
    diff_frozen: Json
    steps: list[StepJson]
    check: Json | None
    notes: list[str]
    warnings: list[str]
    inputs: list[str]
    outputs: list[str]
    set: Json | None
    transforms: str
    options: Json


class PredictArgs(ModelArgs):
    """What to fetch and to feed, how often, and further GraphDefs by name to run beside."""

    outputs: list[str]
    feeds: "FeedsJson"
    files: NotRequired[bool]
    runs: NotRequired[int]
    against: NotRequired[dict[str, str]]


class SideJson(TypedDict):
    """Times of one of the models that were run, in milliseconds."""

    name: str
    load_ms: float
    first_ms: float
    p50_ms: float
    p90_ms: float
    rows_per_s: float


class OutputJson(TypedDict):
    """One output: dtype, shape, first rows by name of the model, and their likeliest classes."""

    dtype: str
    shape: list[int]
    heads: dict[str, list[Any]]
    top: NotRequired[dict[str, list[list[list[float]]]]]


class PredictAnswer(TypedDict):
    """Times by model, agreement by model and output, and the outputs; see `class_answers`."""

    sides: list[SideJson]
    classes: NotRequired[dict[str, Json]]
    agreement: dict[str, dict[str, Json]]
    outputs: dict[str, OutputJson]
    rows: int
    runs: int
    runtime: NotRequired[str]


class GraphJson(TypedDict):
    """A model whose graph and signatures travel as blobs."""

    name: str
    init_op: str | None
    producer: NotRequired[str]
    notes: NotRequired[list[str]]
    warnings: NotRequired[list[str]]


class RunArgs(ModelArgs):
    """What to fetch; ``result`` in place of a path for a model that travels as blobs."""

    fetches: list[str] | None
    init_op: NotRequired[str | None]
    result: NotRequired[GraphJson]


class RunAnswer(TypedDict):
    """Times in milliseconds, and the key of the signature that named feeds and fetches."""

    load_ms: float
    first_ms: float
    run_ms: float
    signature: str | None


class BuildArgs(TypedDict):
    """A Keras file, and the layers or nodes that its graph is for; None for its outputs."""

    path: str
    outputs: list[str] | None
    keep_devices: bool


class TransformArgs(TypedDict):
    """A list of transforms; ``reads``: the files that they and the model name."""

    job: "TransformJson"
    reads: list[str]


class TransformAnswer(TypedDict):
    """The record of the steps, and what the graphs were fed with."""

    steps: list[StepJson]
    feeds_summary: str


class GrapplerArgs(TypedDict):
    """Feeds and fetches to keep, and the optimisers to run."""

    inputs: list[str]
    outputs: list[str]
    optimizers: list[str]


class GrapplerAnswer(TypedDict):
    """Nothing: the graph is a blob."""


class ConvertArgs(TypedDict):
    """A model that travels as blobs.

    Attributes:
        flex: Keep ops that TFLite has no operator for.
        short_names: Give tensors other than inputs and outputs short names.
    """

    result: GraphJson
    flex: bool
    short_names: bool


class ConvertAnswer(TypedDict):
    """Nothing: the file is a blob."""


class QuantiseArgs(ModelArgs):
    """How to quantise a TFLite model, or each of its weights alone.

    ``name`` is the model's, for errors; ``short_names`` as in `ConvertArgs`, for a whole model.
    """

    name: str
    options: "QuantiseJson"
    short_names: NotRequired[bool]


class EvaluateArgs(TypedDict):
    """Tensors to compute; a larger value than ``max_bytes`` is left out."""

    fetches: list[str]
    max_bytes: int


class EvaluateAnswer(TypedDict):
    """Tensor to the reason why it has no value."""

    why: dict[str, str]


class SelfTestArgs(TypedDict):
    """Path of a file that the job must not be able to read."""

    secret: str


class SelfTestAnswer(TypedDict):
    """Which attempts succeeded, and what the kernel says of the process."""

    reads_outside: bool
    writes_outside: bool
    has_network: bool
    starts_processes: bool
    writes_own_folder: bool
    no_new_privileges: bool
    capabilities: int
    runs_an_op: bool
