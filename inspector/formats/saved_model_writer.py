"""SavedModel folders: the writer. What it writes loads in TensorFlow 1.10, 1.15 and 2.

The assets are told in both ways that loaders look for them: the collection of TensorFlow 1 and the
field of TensorFlow 2; the init op in a collection that all of them read. The OpDefs of the ops used
are written too: by them an older TensorFlow drops attributes that it does not know and that have
their default.

Source: tensorflow/core/protobuf/meta_graph.proto; python/saved_model/builder_impl.py.
"""

from __future__ import annotations

import shutil
from pathlib import Path, PurePosixPath

from inspector.errors import LimitExceeded, MissingFile, OutputExists, UnsupportedModel
from inspector.formats.checkpoint.bundle import Bundle
from inspector.formats.file_names import BINARY
from inspector.graph import opdefs, parse_limits
from inspector.graph.graph import Graph
from inspector.graph.protos import AssetFileDef, GraphDef, MetaGraphDef, SavedModel
from inspector.model import signatures
from inspector.model.model import Model

_MAIN_OP, _LEGACY_INIT_OP = "saved_model_main_op", "legacy_init_op"
_ASSETS = "saved_model_assets"
_ANY = "type.googleapis.com/tensorflow.AssetFileDef"


def write(model: Model, folder: Path) -> None:
    """Write a model as a SavedModel.

    Args:
        folder: Made where it is not there; it must be empty.
    Raises: OutputExists, MissingFile (an asset), LimitExceeded (the graph is 2 GiB or more),
        UnsupportedModel (variables in a V1 checkpoint).
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputExists(folder.name, "output", "the folder is there already and is not empty")
    check_size(model.graph, model.name)
    saved = SavedModel(saved_model_schema_version=1)
    meta = saved.meta_graphs.add()
    variables = _variables(model)
    if variables and model.meta_graph is not None:
        # What tells of the variables: collections, the saver, where they are restored.
        meta.CopyFrom(model.meta_graph)
        meta.ClearField("signature_def")
        meta.ClearField("asset_file_def")
    graph: GraphDef = meta.graph_def
    graph.node.extend(model.graph.nodes)
    graph.library.CopyFrom(model.graph.library)
    graph.versions.CopyFrom(model.graph.versions)
    _set_info(model, meta)
    _set_signatures(model, meta)
    assets = _set_assets(model, meta)
    _set_init_op(model, meta)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / BINARY).write_bytes(saved.SerializeToString(deterministic=True))
    # TensorFlow makes this folder also where there are no variables.
    (folder / "variables").mkdir()
    for name, source in variables:
        shutil.copyfile(source, folder / "variables" / name)
    for name, source in assets:
        target = folder / "assets" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def check_size(graph: Graph, what: str) -> None:
    """Raises: LimitExceeded for a graph that no file can hold."""
    size = graph.byte_size()
    if size > parse_limits.MAX_MESSAGE:
        reason = (
            f"{size:,} bytes, and a graph in one file ends at 2 GiB: use the SavedModel without "
            "freezing it, whose checkpoint has no such limit, or store weights in fewer bits "
            "(quantize_weights)"
        )
        raise LimitExceeded(what, "GraphDef", reason)


def _variables(model: Model) -> list[tuple[str, Path]]:
    """The files of the checkpoint of a model that is not frozen, by the names they get."""
    checkpoint = model.checkpoint
    if checkpoint is None:
        return []
    if not isinstance(checkpoint, Bundle):
        reason = "a SavedModel cannot hold a V1 checkpoint: freeze the model first"
        raise UnsupportedModel(model.name, "checkpoint", reason)
    length = len(checkpoint.name)
    return [(f"variables{file.name[length:]}", file) for file in checkpoint.files()]


def _set_info(model: Model, meta: MetaGraphDef) -> None:
    info = meta.meta_info_def
    info.tags[:] = model.tag_set or ["serve"]
    if model.producer:
        info.tensorflow_version = model.producer
    ops = {node.op for node in model.graph}
    for function in model.graph.library.function:
        ops.update(node.op for node in function.node_def)
    if not info.HasField("stripped_op_list"):
        for op in sorted(ops):
            definition = opdefs.get(op)
            if definition is not None:
                copy = info.stripped_op_list.op.add()
                copy.CopyFrom(definition)
                copy.ClearField("summary")
                copy.ClearField("description")


def _set_signatures(model: Model, meta: MetaGraphDef) -> None:
    keys = signatures.serving_keys(model.signatures)
    if not keys:
        sinks = [n.name for n in model.graph if not model.graph.consumers(n.name)]
        signature = signatures.for_outputs(model.graph, sinks)
        meta.signature_def[signatures.DEFAULT].CopyFrom(signature)
    for name in keys:
        meta.signature_def[name].CopyFrom(model.signatures[name])


def _set_assets(model: Model, meta: MetaGraphDef) -> list[tuple[str, Path]]:
    _drop_collection(meta, _ASSETS)
    files: dict[str, Path] = {}
    for asset in model.assets:
        parts = PurePosixPath(asset.name)
        if asset.path is None or parts.is_absolute() or ".." in parts.parts:
            raise MissingFile(model.name, f"asset '{asset.name}'", "the file is not there")
        files[asset.name] = asset.path
        entry = AssetFileDef(filename=asset.name)
        entry.tensor_info.name = asset.tensor
        meta.asset_file_def.add().CopyFrom(entry)
        meta.collection_def[_ASSETS].any_list.value.add(
            type_url=_ANY, value=entry.SerializeToString()
        )
    return list(files.items())


def _set_init_op(model: Model, meta: MetaGraphDef) -> None:
    for key in (_MAIN_OP, _LEGACY_INIT_OP):
        _drop_collection(meta, key)
    if model.init_op is not None:
        # Not as a signature: TensorFlow 2 cannot load one that needs an asset's placeholder.
        meta.collection_def[_MAIN_OP].node_list.value.append(model.init_op)


def _drop_collection(meta: MetaGraphDef, key: str) -> None:
    if key in meta.collection_def:
        del meta.collection_def[key]
