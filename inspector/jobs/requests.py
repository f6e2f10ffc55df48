"""The kinds of job: which function does each, whether it needs TensorFlow, what it may use.

A task is ``def task(args: XArgs, job: JobContext) -> TaskResult``, where `request_types` has the
JSON of its arguments and of its answer. Large data travels as blobs (``job.blobs``,
``TaskResult.blobs``) or as files in ``job.folder``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from inspector.errors import JobFailed
from inspector.formats.tflite import quantisation_report
from inspector.jobs import request_types as types
from inspector.jobs import typed_json
from inspector.jobs.handover.handover_types import ReadAnswer
from inspector.jobs.tasks import candidate_types, lite_types, side_types
from inspector.jobs.tasks.picture_types import PicturesAnswer
from inspector.jobs.tasks.sweeping import sweep_types
from inspector.measurement.json_types import BlameJson, ProfileJson

MIB = 1 << 20
GIB = 1 << 30

_LIGHT_MEMORY, _TENSORFLOW_MEMORY = 64 * MIB, 512 * MIB
_QUICK_BELOW = 32 * MIB
_QUICK_PREDICTION_BELOW = 8 * MIB


@dataclass(frozen=True)
class Limits:
    """What one job may use; past a limit the job ends, and its error names the limit.

    The memory rule is measured: running or converting a model of 103 MB peaks at 1.8 to 2.1 GB.
    """

    wall_s: float = 120.0
    """Seconds from the start of the job's process to the last byte of its answer."""
    cpu_s: int = 240
    """Seconds of processor time, all threads together."""
    memory_bytes: int = 3 * GIB
    """Address space beyond that of the empty worker, before the part that grows with the input."""
    memory_per_byte: float = 12.0
    """Address space added for every byte of the input file or folder."""
    file_bytes: int = 4 * GIB
    """The largest single file that the job may write."""
    folder_bytes: int = 8 * GIB
    """All files together that the job may leave in its folder."""
    value_bytes: int = 64 * MIB
    """The JSON part of an answer."""
    result_bytes: int = 512 * MIB
    """A whole answer, blobs included."""
    stall_s: float = 20.0
    """Seconds without a byte in the middle of a message."""
    stack_bytes: int = 512 * MIB
    """Stack of the main thread; TensorFlow needs 8 MiB for about 30,000 nodes in a chain."""

    def for_input(self, size: int) -> Limits:
        """These limits for an input of ``size`` bytes: the growing part added, once and for all."""
        memory = self.memory_bytes + int(self.memory_per_byte * size)
        return replace(self, memory_bytes=memory, memory_per_byte=0.0)

    def to_dict(self) -> dict[str, Any]:
        """As JSON, for the way to the worker."""
        return asdict(self)


@dataclass(frozen=True)
class Request:
    """One kind of job."""

    kind: str
    function: str
    """``module:function`` of the task; the worker imports it."""
    answer: type | None = None
    """The TypedDict that the value of an answer has to match; None checks nothing."""
    blobs: frozenset[str] = frozenset()
    """The names of the blobs that such an answer has."""
    tensorflow: bool = False
    """True sends it to the template that has TensorFlow imported."""
    limits: Limits = field(default_factory=Limits)
    cached: bool = True
    """The same model and args give the same answer, so it is kept in the workspace."""
    reads: tuple[str, ...] = ("path",)
    """The args with paths of what the job reads: a path, a list of paths, or a name to each."""
    runs: bool = False
    """The job runs ops of a model, where the others only read it."""
    network: bool = False
    """The job may connect to other machines."""
    confined: bool = True
    """See `access.Access`: every request of `REQUESTS` runs in the sandbox."""
    quick_below: int = 0
    """With an input of fewer bytes it takes seconds, and does not wait behind long jobs."""

    def expected_memory(self, size: int) -> int:
        """Bytes that the job is likely to take of its own for an input of ``size`` bytes.

        Far below its limit: address space that is reserved and never touched counts there.
        """
        base = _TENSORFLOW_MEMORY if self.tensorflow else _LIGHT_MEMORY
        return base + int(self.limits.memory_per_byte * size)

    @property
    def module(self) -> str:
        """The module that holds the task."""
        return self.function.partition(":")[0]


def check_answer(request: Request, value: dict[str, Any], blobs: Collection[str]) -> None:
    """Compare a worker's answer with its type.

    Args:
        blobs: The names of its blobs.
    Raises: JobFailed, which names the wrong field.
    """
    if request.answer is None:
        return
    field = typed_json.mismatch(value, request.answer)
    if field is None and request.blobs != set(blobs):
        field = "blobs"
    if field is not None:
        why = f"the answer is not of its type: its '{field}' is missing or wrong"
        raise JobFailed(request.kind, "worker", why)


def table(*requests: Request) -> dict[str, Request]:
    """The requests by kind. Raises: ValueError for two of the same kind."""
    by_kind = {request.kind: request for request in requests}
    if len(by_kind) != len(requests):
        raise ValueError("two requests have the same kind")
    return by_kind


def _light(kind: str, function: str, answer: type, blobs: str = "") -> Request:
    """A quick job that reads a model without TensorFlow; `blobs` are names between blanks."""
    names = frozenset(blobs.split())
    return Request(kind, f"{_TASKS}.{function}", answer, names, quick_below=_QUICK_BELOW)


def _runs(kind: str, function: str, answer: type, blobs: str = "", **options: Any) -> Request:
    """A job that runs ops of a model; by default with TensorFlow, and its answer is not kept."""
    options = {"tensorflow": True, "cached": False, **options}
    names = frozenset(blobs.split())
    return Request(kind, f"{_TASKS}.{function}", answer, names, runs=True, **options)


_TASKS = "inspector.jobs.tasks"
_CONVERSION = Limits(wall_s=900.0, cpu_s=1800, result_bytes=2 * GIB)

REQUESTS: Mapping[str, Request] = table(
    _light("open", "read:open_model", types.OpenAnswer, "summary hierarchy operations"),
    Request(
        "read",
        "inspector.jobs.handover.handing_over:read",
        ReadAnswer,
        frozenset(("graph", "signatures", "meta_graph", "objects", "values", "file")),
        cached=False,
        limits=Limits(result_bytes=2 * GIB),
    ),
    _light("variable", "variable:variable", types.VariableAnswer),
    _light("node", "read:node", types.NodeAnswer),
    Request(
        "fetch",
        f"{_TASKS}.fetch:fetch_task",
        types.FetchAnswer,
        cached=False,
        reads=(),
        network=True,
    ),
    # It decodes pictures that nobody vouches for, and runs none of a model.
    Request(
        "pictures",
        f"{_TASKS}.picture_decoding:decode",
        PicturesAnswer,
        frozenset(("feeds",)),
        cached=False,
        reads=(),
    ),
    _runs("optimise", "optimise:optimise", types.OptimiseAnswer, "summary hierarchy", cached=True),
    _runs(
        "candidate",
        "candidate:candidate",
        candidate_types.CandidateAnswer,
        cached=True,
        # Measured for conversion, which is the most that it does.
        limits=replace(_CONVERSION, memory_per_byte=18.0),
    ),
    _runs(
        "quantised_candidate",
        "candidate:quantise",
        candidate_types.CandidateAnswer,
        cached=True,
        tensorflow=False,
        limits=_CONVERSION,
    ),
    _runs(
        "candidate_sensitivity",
        "candidate:sensitivity",
        quantisation_report.SensitivityAnswer,
        cached=True,
        tensorflow=False,
        limits=_CONVERSION,
    ),
    _runs(
        "sweep",
        "sweeping.sweep:sweep",
        sweep_types.SweepAnswer,
        limits=replace(_CONVERSION, memory_per_byte=18.0),
    ),
    # Measured for the conversion, which takes the most.
    _runs(
        "optimise_to_lite",
        "optimise_lite:optimise",
        lite_types.LiteAnswer,
        "summary hierarchy",
        limits=replace(_CONVERSION, memory_per_byte=18.0),
        cached=True,
    ),
    *(
        _runs(
            kind,
            f"optimise_lite:{function}",
            answer,
            blobs,
            tensorflow=False,
            limits=_CONVERSION,
            reads=("path", "against"),
            cached=True,
        )
        for kind, function, answer, blobs in (
            ("optimise_lite", "quantise", lite_types.LiteAnswer, "summary hierarchy"),
            ("layers", "layers", quantisation_report.SensitivityAnswer, ""),
        )
    ),
    _light("samples", "sample_rows:check", lite_types.SamplesAnswer),
    _runs(
        "predict",
        "predict:predict",
        types.PredictAnswer,
        "npz csv",
        reads=("path", "against"),
        quick_below=_QUICK_PREDICTION_BELOW,
    ),
    *(
        _runs(
            kind,
            "answers:compare",
            side_types.CompareAnswer,
            reads=("path", "against"),
            tensorflow=kind == "compare",
            cached=True,
        )
        for kind in ("compare", "compare_lite")
    ),
    *(
        _runs(
            kind,
            f"timing:{function}",
            answer,
            limits=Limits(wall_s=900.0, cpu_s=1800),
            reads=("path", "against"),
            tensorflow=kind == function,
        )
        for function, answer in (
            ("benchmark", side_types.BenchmarkAnswer),
            ("benchmark_batches", side_types.BatchesAnswer),
        )
        for kind in (function, f"{function}_lite")
    ),
    *(
        _runs(
            kind,
            "profile:profile",
            ProfileJson,
            limits=Limits(wall_s=900.0, cpu_s=1800),
            tensorflow=kind == "profile",
        )
        for kind in ("profile", "profile_lite")
    ),
    *(
        _runs(
            kind,
            "blaming.task:blame",
            BlameJson,
            limits=Limits(wall_s=900.0, cpu_s=1800),
            reads=("path", "against"),
            tensorflow=kind == "blame",
            cached=True,
        )
        for kind in ("blame", "blame_lite")
    ),
    _runs("run", "read:run", types.RunAnswer, "outputs"),
    _runs(
        "build",
        "read:build",
        types.GraphJson,
        "graph signatures",
        limits=Limits(result_bytes=2 * GIB),
    ),
    _runs("run_lite", "lite:run", types.RunAnswer, "outputs", tensorflow=False),
    _runs(
        "predict_lite",
        "lite:predict",
        types.PredictAnswer,
        "npz csv",
        reads=("path", "against"),
        tensorflow=False,
    ),
    _runs(
        "transform",
        "transform:transform",
        types.TransformAnswer,
        "graph",
        limits=Limits(wall_s=900.0, cpu_s=1800, result_bytes=2 * GIB, value_bytes=256 * MIB),
        reads=("reads",),
    ),
    _runs("grappler", "read:grappler", types.GrapplerAnswer, "graph"),
    # Measured: 11 times the bytes of the graph, with a margin; 18 times through a SavedModel.
    *(
        _runs(
            kind,
            "convert:convert",
            types.ConvertAnswer,
            "file",
            limits=replace(_CONVERSION, memory_per_byte=factor),
        )
        for kind, factor in (("convert", 13.0), ("convert_state", 18.0))
    ),
    _runs(
        "quantise",
        "quantise:quantise",
        quantisation_report.QuantiseAnswer,
        "file",
        tensorflow=False,
        limits=_CONVERSION,
    ),
    _runs(
        "sensitivity",
        "quantise:sensitivity",
        quantisation_report.SensitivityAnswer,
        tensorflow=False,
        limits=_CONVERSION,
        cached=True,
    ),
    _runs("evaluate", "read:evaluate", types.EvaluateAnswer, "values"),
    # It runs two ops of our own and none of a model.
    Request(
        "self_test",
        "inspector.jobs.sandbox.self_test:task",
        types.SelfTestAnswer,
        tensorflow=True,
        cached=False,
    ),
)
"""What the library asks of a worker process."""
