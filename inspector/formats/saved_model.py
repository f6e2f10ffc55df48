"""SavedModel folders: the reader. Only the index of the variables is read, never their values.

Source: tensorflow/core/protobuf/saved_model.proto, meta_graph.proto; python/saved_model/
loader_impl.py for where the init op and the assets are recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from inspector.errors import (
    CorruptModel,
    InspectorError,
    LimitExceeded,
    UnknownTagSet,
    UnsupportedModel,
)
from inspector.files import git_lfs
from inspector.files.paths import is_file, is_folder, is_link
from inspector.formats import meta_graph
from inspector.formats.checkpoint.bundle import open_checkpoint
from inspector.formats.file_names import BINARY, SAVED_MODEL_PARTS, TEXT
from inspector.formats.mapped import list_files
from inspector.graph import wire
from inspector.graph.graph import node_name
from inspector.graph.protos import AssetFileDef, MetaGraphDef, SavedModel, parse
from inspector.graph.wire import Field
from inspector.model.checkpoint import Checkpoint
from inspector.model.lazy_graph import LazyGraph
from inspector.model.model import Asset, Model

MAX_META_GRAPHS = 1000
"""Most MetaGraphDefs of one SavedModel; there is one per tag-set."""

INIT_SIGNATURE = "__saved_model_init_op"

_INIT_COLLECTIONS = ("saved_model_main_op", "legacy_init_op")
_ASSETS_COLLECTION = "saved_model_assets"
_SCHEMA, _META_GRAPHS, _META_INFO = 1, 2, 1
_SHOWN = 120


def read(path: Path, data: memoryview, tag_set: Sequence[str] | None = None) -> Model:
    """Read a SavedModel from its ``saved_model.pb``; variables and assets lie beside the file.

    Args:
        data: The message in binary form, also where the file holds it as text.

    A missing or damaged ``variables`` folder is a warning: there is still a graph to look at.

    Raises: CorruptModel, UnsupportedModel (another schema), UnknownTagSet, LimitExceeded.
    """
    folder = path.parent
    is_folder = path.name in (BINARY, TEXT)
    name = folder.name if is_folder and folder.name else path.name
    try:
        spans = _meta_graphs(data, name)
        metas = [_meta_info(data, span, name) for span in spans]
    except wire.WireError as err:
        raise wire.read_error(err, name, "SavedModel") from err
    tag_sets = [list(meta.meta_info_def.tags) for meta in metas]
    chosen = _choose(tag_sets, tag_set, name)
    try:
        meta, graph, objects = meta_graph.split(data, spans[chosen].start, spans[chosen].end, name)
    except wire.WireError as err:
        raise wire.read_error(err, name, "SavedModel") from err
    files = list_files(folder, (path.name, *SAVED_MODEL_PARTS))
    warnings: list[str] = []
    checkpoint, no_values = _checkpoint(folder, meta, warnings)
    model = Model(
        format="SavedModel",
        name=name,
        path=path.parent if is_folder else path,
        graph=LazyGraph(graph),
        source=graph,
        tag_sets=tag_sets,
        tag_set=tag_sets[chosen],
        signatures={key: meta.signature_def[key] for key in sorted(meta.signature_def)},
        producer=meta.meta_info_def.tensorflow_version,
        variables=[] if checkpoint is None else checkpoint.variables(),
        assets=_assets(folder, meta, name, warnings),
        files=files,
        bytes=_sizes(files, path.name),
        meta_graph=meta,
        objects=objects,
        checkpoint=checkpoint,
        warnings=warnings,
        no_values=no_values,
    )
    model.init_op = _init_op(model, warnings)
    return model


def _meta_graphs(data: memoryview, name: str) -> list[Field]:
    """Where the MetaGraphDefs are."""
    spans = []
    for field in wire.fields(data):
        if field.number == _META_GRAPHS and field.wire == wire.BYTES:
            spans.append(field)
            if len(spans) > MAX_META_GRAPHS:
                reason = f"more than {MAX_META_GRAPHS:,} MetaGraphDefs"
                raise LimitExceeded(name, "SavedModel", reason)
        elif field.number == _SCHEMA:
            stated = parse(SavedModel, data[field.tag : field.end], name, "SavedModel")
            version = stated.saved_model_schema_version
            # Left out it is 0; every TensorFlow has written 1.
            if version not in (0, 1):
                reason = f"its schema is of version {version}, and only version 1 is known"
                raise UnsupportedModel(name, "SavedModel", reason)
    if not spans:
        raise CorruptModel(name, "SavedModel", "it holds no MetaGraphDef")
    return spans


def _meta_info(data: memoryview, span: Field, name: str) -> MetaGraphDef:
    parts = [
        bytes(data[field.tag : field.end])
        for field in wire.fields(data, span.start, span.end)
        if field.number == _META_INFO
    ]
    return parse(MetaGraphDef, b"".join(parts), name, "MetaGraphDef")


def _choose(tag_sets: list[list[str]], requested: Sequence[str] | None, name: str) -> int:
    sets = [set(tags) for tags in tag_sets]
    if requested is not None:
        if set(requested) in sets:
            return sets.index(set(requested))
        listed = " and ".join("'" + ",".join(tags) + "'" for tags in tag_sets)
        tags = ",".join(requested)
        raise UnknownTagSet(name, f"tag-set '{tags}'", f"the SavedModel has {listed}")
    if {"serve"} in sets:
        return sets.index({"serve"})
    return next((index for index, tags in enumerate(sets) if "serve" in tags), 0)


def _checkpoint(
    folder: Path, meta: MetaGraphDef, warnings: list[str]
) -> tuple[Checkpoint | None, str]:
    """The checkpoint of the variables, or None and the reason for `Model.no_values`."""
    prefix = folder / "variables" / "variables"
    missing = "there is no variables folder"
    # A frozen SavedModel has no saver, and at most an empty folder.
    if not meta.HasField("saver_def") and not is_file(prefix.with_name("variables.index")):
        return None, missing
    try:
        checkpoint = open_checkpoint(prefix)
    except InspectorError as err:
        if is_folder(prefix.parent):
            warnings.append(f"The values of the variables cannot be read: {err}.")
            return None, f"the checkpoint cannot be read: {err}"
        warnings.append("The variables folder is missing: variables have no values.")
        return None, missing
    warnings += meta_graph.missing_shards(checkpoint)
    return checkpoint, ""


def _assets(folder: Path, meta: MetaGraphDef, name: str, warnings: list[str]) -> list[Asset]:
    listed = list(meta.asset_file_def)
    if not listed and _ASSETS_COLLECTION in meta.collection_def:
        # TensorFlow 1 lists them here only.
        for item in meta.collection_def[_ASSETS_COLLECTION].any_list.value:
            try:
                listed.append(parse(AssetFileDef, item.value, name, _ASSETS_COLLECTION))
            except InspectorError as err:
                warnings.append(f"An asset cannot be read: {err}.")
                break
    assets = []
    for asset in listed:
        path = _asset_path(folder / "assets", asset.filename)
        if path is None:
            warnings.append(f"The asset {asset.filename[:_SHOWN]!r} is not there.")
        elif (pointer := git_lfs.reason_of(path)) is not None:
            warnings.append(f"The asset {asset.filename[:_SHOWN]!r} is {pointer}.")
            path = None
        assets.append(Asset(asset.filename, asset.tensor_info.name, path))
    return assets


def _asset_path(folder: Path, name: str) -> Path | None:
    # The name comes from the model: it must not lead out of the assets folder.
    parts = PurePosixPath(name)
    if parts.is_absolute() or ".." in parts.parts or "\0" in name:
        return None
    path = folder / name
    return path if is_file(path) and not is_link(path) else None


def _init_op(model: Model, warnings: list[str]) -> str | None:
    signature = model.signatures.get(INIT_SIGNATURE)
    names = [] if signature is None else [info.name for info in signature.outputs.values()]
    if model.meta_graph is not None:
        for key in _INIT_COLLECTIONS:
            if key in model.meta_graph.collection_def:
                names += model.meta_graph.collection_def[key].node_list.value
    for name in names:
        if node_name(name) in model.outline:
            return node_name(name)
        warnings.append(f"The init op {name[:_SHOWN]!r} is not in the graph.")
    return None


def _sizes(files: list[tuple[str, int]], graph: str) -> dict[str, int]:
    sizes = {"graph": 0, "variables": 0, "assets": 0}
    for name, size in files:
        part = "graph" if name == graph else name.split("/")[0]
        if part in sizes:
            sizes[part] += size
    return {**sizes, "total": sum(sizes.values())}
