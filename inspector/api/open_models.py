"""The functions that open a model and say what is in it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

from inspector import formats
from inspector.analysis.describe import Facts
from inspector.analysis.describe import describe as describe_model
from inspector.api.arguments import LOG, terms_of
from inspector.errors import BadFetch, MissingFile
from inspector.files import paths
from inspector.graph.graph import Graph
from inspector.graph.protos import GraphDef, SignatureDef
from inspector.model import foreign_classes
from inspector.model import signatures as signature_tools
from inspector.model.model import Model, check_model
from inspector.text import plain, size

if TYPE_CHECKING:
    from inspector.formats.tflite.quantisation_report import QuantisationReport
    from inspector.passes.pipeline import Progress
    from inspector.safety.scan import Scan

Tensors = Mapping[str, str]
"""Key to tensor name."""


def _html(model: Model) -> str:
    """How a notebook shows a Model."""
    from inspector.api import notebook

    return notebook.html(model)


def _widget(model: Model, **_: object) -> dict[str, Any]:
    """How a notebook with widgets shows a Model; it falls back to the HTML."""
    from inspector.api import notebook

    return notebook.widget(model)


# `Model` cannot define them: the table needs `describe`, which imports `Model`.
Model._repr_html_ = _html  # type: ignore[attr-defined]
Model._repr_mimebundle_ = _widget  # type: ignore[attr-defined]


def open_model(
    path: str | PathLike[str],
    tag_set: Sequence[str] | str | None = None,
    *,
    isolated: bool = False,
    progress: Progress | None = None,
    timeout: float | None = None,
) -> Model:
    """Open a model; nothing of it is run, and no variable is read.

    Args:
        path: A folder with a SavedModel or a checkpoint, a checkpoint's prefix, a file of any
            name, or an archive of any of these; or a URL of one: ``https://`` as it is, ``s3://``,
            ``gs://`` and others where fsspec (the extra ``urls``) and the package of that protocol
            are installed. The fetched files are removed with the Model.
        tag_set: Which MetaGraphDef of a SavedModel, e.g. ``["serve", "gpu"]`` or ``"serve,gpu"``;
            by default ``serve``.
        isolated: For a file that is not trusted: a worker in the sandbox reads it, within limits
            of memory and time, and sends the graph and the values of variables. This process
            decodes protobuf messages that the worker has encoded, and no file of the model but a
            TFLite file, whose reader is Python that checks every bound.
        progress: Called during a fetch, and with `isolated`, as in `optimise`.
        timeout: With `isolated`: seconds from now for the worker; by default 120 s.
    Raises: ModelError, LimitExceeded; with `isolated` JobError; TypeError for a GraphDef, which
        `from_graph_def` takes.
    """
    _check_path(path)
    start = time.perf_counter()
    model = _open(path, tag_set, progress, timeout, isolated=isolated)
    seconds = time.perf_counter() - start
    total = model.bytes.get("total", 0)
    LOG.info("opened %s: %s, %s, in %.2f s", plain(model.name), model.format, size(total), seconds)
    return model


def _open(
    path: str | PathLike[str],
    tag_set: Sequence[str] | str | None,
    progress: Progress | None,
    timeout: float | None,
    *,
    isolated: bool,
) -> Model:
    tags = [tag for tag in tag_set.split(",") if tag] if isinstance(tag_set, str) else tag_set

    def read(place: str | PathLike[str]) -> Model:
        if not isolated:
            return formats.open_model(place, tags)
        from inspector.jobs.handover import rebuilding

        return rebuilding.open_isolated(place, tags, terms_of(progress, timeout))

    if not (isinstance(path, str) and paths.is_url(path)):
        return read(path)
    from inspector.formats import archives
    from inspector.jobs.tasks import fetch

    home = archives.Scratch()
    try:
        model = read(fetch.fetch(path, home.path, progress=progress))
    except BaseException:
        home.remove()
        raise
    model.unpacked = (home, model.unpacked)
    return model


def _check_path(path: object) -> None:
    """Raises: TypeError; MissingFile for an empty path, which would be the current folder."""
    if not isinstance(path, str | PathLike):
        kind = type(path).__name__
        raise TypeError(f"open_model takes a path, not {kind}; from_graph_def takes a GraphDef")
    if path == "":
        raise MissingFile("the path", "file", "is empty; '.' is the current folder")


def from_graph_def(
    graph_def: GraphDef,
    signatures: Mapping[str, SignatureDef | Mapping[str, Tensors]] | None = None,
    *,
    name: str = "graph",
    init_op: str | None = None,
) -> Model:
    """A Model of a GraphDef in memory, such as `TransformGraph` or TensorFlow returns.

    Args:
        graph_def: Of TensorFlow's own class or Inspector's; it must not be changed afterwards.
        signatures: Key to a SignatureDef, or to ``{"inputs": {"x": "x:0"}, "outputs": {"y":
            "y:0"}}``: dtypes and shapes come from the graph. `save` writes them.
        name: What the model is called in messages and pictures.
        init_op: The node to run once before the first run, e.g. one that fills tables.
    Raises: TypeError for what is no GraphDef; BadFetch for a tensor that the graph does not have.
    """
    graph = foreign_classes.graph_of(graph_def)
    total = graph.byte_size()
    by_key = {key: _signature(graph, item, key) for key, item in (signatures or {}).items()}
    if init_op is not None and init_op not in graph:
        raise BadFetch(name, init_op, "the graph has no node of this name to initialise it")
    return Model(
        format="GraphDef",
        name=name,
        graph=graph,
        signatures=by_key,
        init_op=init_op,
        bytes={"graph": total, "variables": 0, "assets": 0, "total": total},
    )


def _signature(graph: Graph, entry: SignatureDef | Mapping[str, Tensors], key: str) -> SignatureDef:
    if not isinstance(entry, Mapping):
        return foreign_classes.signature_of(entry)
    if strange := entry.keys() - {"inputs", "outputs"}:
        raise BadFetch(f"signature '{key}'", min(strange), "a signature has inputs and outputs")
    signature = SignatureDef(method_name=signature_tools.PREDICT)
    for side, infos in (("inputs", signature.inputs), ("outputs", signature.outputs)):
        for tensor_key, tensor in entry.get(side, {}).items():
            info = signature_tools.tensor_info(graph, tensor)
            if info is None:
                raise BadFetch(f"signature '{key}'", tensor, "the graph has no such tensor")
            infos[tensor_key].CopyFrom(info)
    return signature


def to_tensorflow(model: Model) -> GraphDef:
    """The main graph as a GraphDef of TensorFlow's own class, for ``tf.import_graph_def``.

    Imports TensorFlow into this process; ``model.graph.to_proto()`` gives a GraphDef of Inspector's
    own class without it.

    Raises: UnsupportedModel for a Keras or TFLite model; MissingPackage without TensorFlow.
    """
    check_model(model, "to_tensorflow")
    model.check_tensorflow()
    from inspector.backend.own_messages import graph_def

    return graph_def(model.graph)


def describe(model: Model) -> Facts:
    """The facts of a model; ``.to_dict()`` is the JSON of ``inspector describe``.

    Raises: ModelError.
    """
    check_model(model, "describe")
    return describe_model(model)


def scan(model: Model) -> Scan:
    """The ops and Keras code in a model that reach beyond it, and the signatures that run them.

    ``.blocked``: a signature reaches something that would be refused; `sarif` gives SARIF.

    Raises: ModelError.
    """
    from inspector.safety.scan import scan as scan_model

    check_model(model, "scan")
    return scan_model(model)


def sarif(report: Scan, uri: str | None = None) -> dict[str, Any]:
    """A scan as SARIF 2.1.0; `uri` says where the model lies, relative to the repository."""
    from inspector.safety import sarif as sarif_format

    return sarif_format.of(report, uri)


def quantisation(model: Model) -> QuantisationReport | None:
    """How a model of `convert` was quantised; None for any other."""
    return getattr(model, "quantisation", None)
