"""The models of a request that runs several on the same rows: read, with feeds and outputs paired.

The first one is the reference: it is fed as the request says, and the others get the same values
under their own names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np

from inspector.errors import BadFeed, BadFetch
from inspector.freezing.freeze import freeze
from inspector.graph import tensors
from inspector.graph.graph import node_name, split_input, tensor_name
from inspector.graph.op_sets import PLACEHOLDERS, REQUIRED_PLACEHOLDERS
from inspector.graph.tensors import Array
from inspector.jobs import packing
from inspector.jobs.tasks import predict as predicting
from inspector.jobs.tasks.read import model_of_blobs, of_ops, read_model
from inspector.jobs.tasks.side_types import SideArgs, SidesArgs
from inspector.jobs.worker import JobContext
from inspector.model import signatures
from inspector.model.model import Model, Runtime
from inspector.optimisation import corresponding, feeds
from inspector.optimisation.corresponding import End
from inspector.optimisation.feed_roles import Roles
from inspector.optimisation.feeds import Slot


@dataclass(frozen=True)
class Side:
    """One model that is ready to be run.

    Attributes:
        feeds: By tensor name.
        outputs: Those that the first model has, too, under its keys; of the first one all.
    """

    name: str
    model: Model
    inputs: list[End]
    outputs: dict[str, End]
    feeds: dict[str, Array]

    @property
    def is_lite(self) -> bool:
        """Whether LiteRT runs it; else TensorFlow does."""
        return self.model.runs_with is Runtime.LITERT


def sides(args: SidesArgs, job: JobContext) -> list[Side]:
    """The models of a request.

    Blobs: ``feeds``; ``NAME.graph`` and ``NAME.signatures`` of a model without a path.

    Raises: ModelError, BadFeed, BadFetch, LimitExceeded.
    """
    ready: list[Side] = []
    values: dict[str, Array] = {}
    for number, side in enumerate(args["sides"]):
        job.progress(0.0, f"read: {side['name']}")
        model = model_of(args, side, job, is_first=not number)
        inputs, outputs = _ends(model, side.get("outputs"))
        if not ready:
            values = _values(args, inputs, model, job)
            own = {end.key: end for end in outputs}
            fed = {end.tensor: values[end.key] for end in inputs if end.key in values}
        else:
            first = ready[0]
            own = corresponding.correspond(list(first.outputs.values()), outputs)
            fed = corresponding.for_model(values, first.inputs, inputs, model.name)
            if not own:
                why = f"has no output that corresponds to one of {first.model.name}"
                raise BadFetch(model.name, "outputs", why)
        ready.append(Side(side["name"], model, inputs, own, fed))
    return ready


def model_of(args: SidesArgs, side: SideArgs, job: JobContext, *, is_first: bool) -> Model:
    """The model of a side, frozen where its outputs need it; blobs as of `sides`."""
    name = side["name"]
    if "result" in side:
        blobs = {part: job.blobs[f"{name}.{part}"] for part in ("graph", "signatures")}
        model = model_of_blobs(side["result"], blobs)
        model.signature = side.get("signature")
    else:
        path = args["path"] if is_first else args["against"][name]
        path = str(predicting.runnable(path)) if not is_first else path
        model = read_model(
            {
                "path": path,
                "tag_set": side.get("tag_set"),
                "signature": side.get("signature"),
            }
        )
    outputs = side.get("outputs")
    model = of_ops(model, outputs)
    if model.runs_with is Runtime.LITERT:
        return model
    in_graph = all(node_name(item) in model.outline for item in outputs or ())
    if in_graph and not model.has_more_than_file:
        return model
    return freeze(model, outputs, model.signature)


def _values(
    args: SidesArgs, inputs: Sequence[End], model: Model, job: JobContext
) -> dict[str, Array]:
    """The values to feed, by key of the first model's inputs."""
    name = model.name
    spec = args["feeds"]
    by_tensor = {end.tensor: end.slot for end in inputs if end.slot and not end.optional}
    if spec["kind"] == "packed":
        named: Mapping[str, Any] = packing.unpack(job.blobs["feeds"])
    else:
        named = predicting.feed_source(spec, job).values(by_tensor)
    unneeded = _unneeded(model, inputs)
    named = {key: value for key, value in named.items() if key not in unneeded}
    by_key = corresponding.by_key(named, inputs, name)
    slots = {end.key: end.slot for end in inputs if end.slot}
    values = {key: feeds.fit(value, slots[key]) for key, value in by_key.items()}
    lacking = [str(end.slot) for end in inputs if end.key not in values and not end.optional]
    if lacking:
        raise BadFeed("feeds", "missing", f"{name} also needs {'; '.join(lacking[:12])}")
    batch = args.get("batch")
    return values if batch is None else repeated(values, batch)


def _unneeded(model: Model, inputs: Sequence[End]) -> set[str]:
    """The names of inputs that the outputs do not need; files of feeds often hold them."""
    if model.runs_with is Runtime.LITERT:
        return set()
    every = {node.name: tensor_name(node.name) for node in model.graph if node.op in PLACEHOLDERS}
    for signature in model.signatures.values():
        every |= signatures.tensors_by_key(signature.inputs)
    needed = {end.tensor for end in inputs}
    gone = {key: tensor for key, tensor in every.items() if tensor not in needed}
    return {*gone, *gone.values()} - {end.key for end in inputs}


def repeated(values: Mapping[str, Array], batch: int) -> dict[str, Array]:
    """Feeds with this number of rows: the first ones, again from the start where there are fewer.

    Feeds without the common first dimension stay as they are.
    """
    rows = corresponding.rows(values.values())
    places = np.arange(batch) % rows
    return {
        key: value[places] if value.ndim and value.shape[0] == rows else value
        for key, value in values.items()
    }


def _ends(model: Model, names: Sequence[str] | None) -> tuple[list[End], list[End]]:
    """The inputs that the outputs need, and the outputs."""
    if model.runs_with is Runtime.LITERT:
        return _of_lite(model, names)
    key = model.key()
    signature = model.signatures[key] if key is not None else None
    keys = {} if signature is None else signatures.tensors_by_key(signature.outputs)
    if names:
        fetched = {name: keys.get(name, name) for name in names}
    else:
        fetched = keys or {name: name for name in predicting.default_outputs(model)}
    outputs = [_end(model, name, tensor) for name, tensor in fetched.items()]
    return _inputs(model, [end.tensor for end in outputs]), outputs


def _inputs(model: Model, outputs: Sequence[str]) -> list[End]:
    roles = Roles(model.graph)
    ends = [_end(model, key, name, roles) for key, name in predicting.slots(model, outputs).items()]
    needed = model.graph.ancestors(map(node_name, outputs))
    key = model.key()
    signature = model.signatures[key] if key is not None else None
    inputs = {} if signature is None else signatures.tensors_by_key(signature.inputs)
    tensors_of = {end.tensor for end in ends}
    for key, name in inputs.items():
        node = model.graph.get(node_name(name))
        is_placeholder = node is not None and node.op in PLACEHOLDERS - REQUIRED_PLACEHOLDERS
        if is_placeholder and name not in tensors_of and node_name(name) in needed:
            ends.append(_end(model, key, name, roles, optional=True))
    return ends


def _end(
    model: Model, key: str, name: str, roles: Roles | None = None, *, optional: bool = False
) -> End:
    name = tensor_name(name)
    info = signatures.tensor_info(model.graph, name)
    if info is None:
        raise BadFetch(model.name, split_input(name).name, "the model has no such tensor")
    dtype, shape = tensors.dtype_name(info.dtype), tensors.shape_of(info.tensor_shape)
    slot = None if roles is None else Slot(key, dtype, shape, roles.of(name, dtype, shape))
    return End(key, name, dtype, shape, slot, optional)


def _of_lite(model: Model, names: Sequence[str] | None) -> tuple[list[End], list[End]]:
    from inspector.backend.litert import lite
    from inspector.formats.tflite.lite_model import lite_model

    lite_one = lite_model(model)
    lite.refuse_shapes(lite_one)
    ends = lite.ends(lite_one)
    if names:
        by_name = {name: end for end in ends[1] for name in (end.tensor, end.key)}
        unknown = [name for name in names if name not in by_name]
        if unknown:
            keys = ", ".join(end.key for end in ends[1])
            raise BadFetch(model.name, unknown[0], f"is no output; known: {keys}")
        return ends[0], [by_name[name] for name in names]
    return ends


def run_of(side: Side, stack: ExitStack, threads: int = 0, loaded: Any = None) -> Any:
    """A model that is loaded with its feeds: ``once()``, ``rows``, ``load_ms``.

    Args:
        stack: Closes the session.
        threads: For each op and between ops; 0 for the runtime's default.
        loaded: What `load` gave for the model, to run it on other feeds.
    Raises: BadFeed, BadFetch, BlockedOp, RunFailed, MissingVariables.
    """
    fetches = [end.tensor for end in side.outputs.values()]
    if side.is_lite:
        from inspector.backend.litert.lite import LiteRun

        return LiteRun(side.model, side.feeds, fetches, threads=threads or None)
    from inspector.backend.predict import Run

    return Run(loaded or load(side, stack, threads), side.feeds, fetches)


def load(side: Side, stack: ExitStack, threads: int = 0) -> Any:
    """A session for a model; None for a TFLite model, whose interpreter depends on its feeds."""
    if side.is_lite:
        return None
    from inspector.backend.loading import LoadedModel
    from inspector.backend.sessions import IN_CALLER

    session_threads = IN_CALLER if threads == 1 else threads
    return stack.enter_context(LoadedModel(side.model, threads=session_threads))
