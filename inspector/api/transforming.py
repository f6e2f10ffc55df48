"""The functions that change a model: freeze, optimise."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from inspector.api.arguments import LOG, names, terms_of
from inspector.freezing.freeze import freeze as _freeze
from inspector.model.model import Model, Runtime, check_model
from inspector.text import plain

if TYPE_CHECKING:
    from inspector.optimisation.result import Optimised
    from inspector.passes.pipeline import OnViolation, Progress, Transforms


def freeze(
    model: Model,
    outputs: Sequence[str] | None = None,
    *,
    signature: str | Sequence[str] | None = None,
    all_signatures: bool = False,
    init_op: str | None = None,
    set: Mapping[str, Any] | None = None,
    keep_devices: bool = False,
    progress: Progress | None = None,
    timeout: float | None = None,
) -> Model:
    """Turn variables into constants, inline calls, and keep only what the outputs need.

    Keras builds the graph of a Keras file, in a worker; its outputs are layers or nodes, by
    default ``output_node0`` and so on.

    Args:
        outputs: Names of nodes or tensors; by default the outputs of the signature.
        signature: Its key, or those of several; by default ``serving_default``, or the best.
        all_signatures: Keep all signatures that the outputs allow.
        init_op: The node that fills tables and assigns variables, in place of the one that the
            file declares or the graph holds.
        set: Inputs that become constants: ``{"phase_train": False}``. What this decides goes.
        keep_devices: Keep the device of each node.
        progress, timeout: As in `optimise`, for the worker that builds the graph of a Keras file.
    Raises: ModelError, GraphError, FreezeError, BadFetch, BadFeed; BlockedOp and JobError for a
        Keras file.
    """
    check_model(model, "freeze")
    if model.runs_with is Runtime.KERAS:
        from inspector.jobs.client import build

        terms = terms_of(progress, timeout)
        model = build.of_ops(model, outputs, keep_devices=keep_devices, terms=terms)
        if not set:
            return model
        outputs = None
    from inspector.model import callables, signature_choice
    from inspector.optimisation.fixed_inputs import fix_inputs

    model = callables.with_callables(model, signature)
    choice = signature_choice.choose(model, signature, outputs, every=all_signatures)
    model = fix_inputs(model, set or {}, choice.keys[0] if choice.keys else None)
    frozen = _freeze(
        model,
        outputs,
        signature,
        keep_devices,
        init_op,
        all_signatures,
        decide_branches=bool(set),
    )
    frozen.notes += choice.sentences()
    LOG.info("froze %s: %d nodes", plain(model.name), len(frozen.graph))
    return frozen


def optimise(
    model: Model,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    transforms: Transforms | None = None,
    preset: str | None = None,
    progress: Progress | None = None,
    *,
    signature: str | Sequence[str] | None = None,
    all_signatures: bool = False,
    init_op: str | None = None,
    set: Mapping[str, Any] | None = None,
    cancelled: Callable[[], bool] | None = None,
    check: bool = False,
    feeds: Mapping[str, Any] | None = None,
    on_violation: OnViolation = "keep",
    require_check: bool = False,
    timeout: float | None = None,
) -> Optimised:
    """Freeze the model if it is not, and run transforms on it.

    Args:
        inputs: Feeds, node or tensor names; by default those the outputs need, also in the end.
        outputs: Fetches; by default the signature's, else the likeliest.
        transforms: The tool's text, ``"fold_constants round_weights(num_steps=256)"``, or a list.
        preset: In place of `transforms`, the name of a list; ``tidy`` where there is neither.
        progress: Called in this thread with a fraction from 0 to 1, or None, and the current step.
        signature, all_signatures: As in `freeze`; ``warnings`` says which are left out.
        init_op, set: As in `freeze`.
        cancelled: Called often, in this thread; True ends the call with JobCancelled.
        check: Run the graph before and after each transform, in a worker: ``steps[0].check``.
        feeds: Feeds for the check: key to array, as in `predict`; by default random rows.
        on_violation: For a transform that changed the outputs by more than it declares: ``keep``,
            ``rollback``, or ``stop`` with an error, also at one that could not be checked.
        require_check: Check; an error at the end where one is in violation or was not checked.
        timeout: Seconds from now for all jobs in workers; by default each has its own limit.
    Returns: The new ``model``, and ``steps``: per transform what it changed and left alone.
    Raises: TransformError before work starts; ModelError, GraphError, FreezeError, JobError;
        BadFeed, BadFetch; TransformFailed; CheckViolated and CheckNotMade where a check is
        required. JobTimeout and WorkerUnavailable also for transforms with ``ignore_errors=true``.
    """
    check_model(model, "optimise")
    from inspector.jobs.client import build, transform
    from inspector.optimisation.optimise_options import CheckOptions, OptimiseOptions

    options = OptimiseOptions(
        names(inputs),
        names(outputs),
        transforms,
        preset,
        signature if isinstance(signature, str) else names(signature),
        CheckOptions.of(check, feeds, on_violation, require_check),
        set,
        allow_files=True,
        init_op=init_op,
        all_signatures=all_signatures,
    )
    terms = terms_of(progress, timeout, cancelled)
    return _logged(transform.optimise(build.of_ops(model, outputs, terms=terms), options, terms))


def _logged(result: Optimised) -> Optimised:
    for step in result.steps:
        nodes = (step.nodes_before, step.nodes_after)
        LOG.info("%s: %d -> %d nodes in %.3f s", plain(step.call), *nodes, step.seconds)
    return result


optimize = optimise
"""`optimise` in the other spelling."""
