"""The one place protobuf messages come from: no TensorFlow, and no clash with it.

TensorBoard ships TensorFlow's framework descriptors under its own package name. They are copied
into a private `DescriptorPool` under the name ``tensorflow``, so that text with expanded ``Any``
resolves, and the messages that TensorBoard lacks (SavedModel, the tensor bundle, the V1
checkpoint) are added. A private pool cannot collide with the one TensorFlow fills.

Source: the .proto files of tensorflow/core/framework, core/protobuf and core/util.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from google.protobuf import (
    any_pb2,
    descriptor_pb2,
    descriptor_pool,
    message,
    message_factory,
    wrappers_pb2,
)
from tensorboard.compat.proto import (
    attr_value_pb2,
    full_type_pb2,
    function_pb2,
    graph_debug_info_pb2,
    graph_pb2,
    meta_graph_pb2,
    node_def_pb2,
    op_def_pb2,
    resource_handle_pb2,
    saved_object_graph_pb2,
    saver_pb2,
    struct_pb2,
    tensor_pb2,
    tensor_shape_pb2,
    trackable_object_graph_pb2,
    types_pb2,
    variable_pb2,
    versions_pb2,
)

from inspector import expansion
from inspector.errors import CorruptModel

if TYPE_CHECKING:
    GraphDef: TypeAlias = Any
    NodeDef: TypeAlias = Any
    AttrValue: TypeAlias = Any
    NameAttrList: TypeAlias = Any
    TensorProto: TypeAlias = Any
    TensorShapeProto: TypeAlias = Any
    VersionDef: TypeAlias = Any
    FunctionDef: TypeAlias = Any
    FunctionDefLibrary: TypeAlias = Any
    GradientDef: TypeAlias = Any
    OpDef: TypeAlias = Any
    OpList: TypeAlias = Any
    MetaGraphDef: TypeAlias = Any
    SavedModel: TypeAlias = Any
    SignatureDef: TypeAlias = Any
    TensorInfo: TypeAlias = Any
    SaverDef: TypeAlias = Any
    CollectionDef: TypeAlias = Any
    AssetFileDef: TypeAlias = Any
    VariableDef: TypeAlias = Any
    SavedObjectGraph: TypeAlias = Any
    BundleHeaderProto: TypeAlias = Any
    BundleEntryProto: TypeAlias = Any
    TensorSliceProto: TypeAlias = Any
    SavedTensorSlices: TypeAlias = Any
    CheckpointState: TypeAlias = Any
    Message: TypeAlias = Any
else:
    Message = message.Message

_BORROWED = (
    types_pb2,
    tensor_shape_pb2,
    resource_handle_pb2,
    tensor_pb2,
    attr_value_pb2,
    full_type_pb2,
    node_def_pb2,
    op_def_pb2,
    function_pb2,
    versions_pb2,
    graph_debug_info_pb2,
    graph_pb2,
    variable_pb2,
    struct_pb2,
    trackable_object_graph_pb2,
    saved_object_graph_pb2,
    saver_pb2,
    meta_graph_pb2,
)

_FIELD = descriptor_pb2.FieldDescriptorProto
_INT32, _INT64 = _FIELD.TYPE_INT32, _FIELD.TYPE_INT64
_STRING, _FIXED32, _BOOL = _FIELD.TYPE_STRING, _FIELD.TYPE_FIXED32, _FIELD.TYPE_BOOL
_BYTES, _DOUBLE = _FIELD.TYPE_BYTES, _FIELD.TYPE_DOUBLE

# name -> (number, scalar type or ".package.Message", repeated)
_ADDED: dict[str, dict[str, tuple[int, int | str, bool]]] = {
    "SavedModel": {
        "saved_model_schema_version": (1, _INT64, False),
        "meta_graphs": (2, ".tensorflow.MetaGraphDef", True),
    },
    "TensorSliceExtent": {"start": (1, _INT64, False), "length": (2, _INT64, False)},
    "TensorSliceProto": {"extent": (1, ".tensorflow.TensorSliceExtent", True)},
    "BundleHeaderProto": {
        "num_shards": (1, _INT32, False),
        "endianness": (2, _INT32, False),
        "version": (3, ".tensorflow.VersionDef", False),
    },
    "BundleEntryProto": {
        "dtype": (1, ".tensorflow.DataType", False),
        "shape": (2, ".tensorflow.TensorShapeProto", False),
        "shard_id": (3, _INT32, False),
        "offset": (4, _INT64, False),
        "size": (5, _INT64, False),
        "crc32c": (6, _FIXED32, False),
        "slices": (7, ".tensorflow.TensorSliceProto", True),
    },
    "SavedSliceMeta": {
        "name": (1, _STRING, False),
        "shape": (2, ".tensorflow.TensorShapeProto", False),
        "type": (3, ".tensorflow.DataType", False),
        "slice": (4, ".tensorflow.TensorSliceProto", True),
    },
    "SavedTensorSliceMeta": {
        "tensor": (1, ".tensorflow.SavedSliceMeta", True),
        "versions": (2, ".tensorflow.VersionDef", False),
    },
    "SavedSlice": {
        "name": (1, _STRING, False),
        "slice": (2, ".tensorflow.TensorSliceProto", False),
        "data": (3, ".tensorflow.TensorProto", False),
    },
    "SavedTensorSlices": {
        "meta": (1, ".tensorflow.SavedTensorSliceMeta", False),
        "data": (2, ".tensorflow.SavedSlice", False),
    },
    "CheckpointState": {
        "model_checkpoint_path": (1, _STRING, False),
        "all_model_checkpoint_paths": (2, _STRING, True),
        "all_model_checkpoint_timestamps": (3, _DOUBLE, True),
        "last_preserved_timestamp": (4, _DOUBLE, False),
    },
}


def _rename(text: str) -> str:
    return text.replace("tensorboard/compat/proto/", "tensorflow/").replace(
        ".tensorboard.", ".tensorflow."
    )


def _pool() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    for well_known in (any_pb2, wrappers_pb2):
        pool.AddSerializedFile(well_known.DESCRIPTOR.serialized_pb)
    for module in _BORROWED:
        file = descriptor_pb2.FileDescriptorProto.FromString(module.DESCRIPTOR.serialized_pb)
        file.name = _rename(file.name)
        file.package = "tensorflow"
        file.dependency[:] = [_rename(name) for name in file.dependency]
        todo: list[Any] = list(file.message_type)
        while todo:
            item = todo.pop()
            todo += item.nested_type
            for field in item.field:
                if field.type_name:
                    field.type_name = _rename(field.type_name)
        pool.Add(file)
    pool.Add(_added_file())
    return pool


def _added_file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(
        name="tensorflow/inspector_added.proto", package="tensorflow", syntax="proto3"
    )
    file.dependency.append("tensorflow/meta_graph.proto")
    file.dependency.append("tensorflow/tensor.proto")
    file.dependency.append("tensorflow/tensor_shape.proto")
    file.dependency.append("tensorflow/types.proto")
    file.dependency.append("tensorflow/versions.proto")
    for name, fields in _ADDED.items():
        item = file.message_type.add(name=name)
        for field_name, (number, kind, repeated) in fields.items():
            field = item.field.add(
                name=field_name,
                number=number,
                label=_FIELD.LABEL_REPEATED if repeated else _FIELD.LABEL_OPTIONAL,
            )
            if isinstance(kind, int):
                field.type = kind  # type: ignore[assignment]
            else:
                is_enum = kind == ".tensorflow.DataType"
                field.type = _FIELD.TYPE_ENUM if is_enum else _FIELD.TYPE_MESSAGE
                field.type_name = kind
    return file


POOL = _pool()


def message_class(name: str) -> Any:
    """The class of ``tensorflow.<name>`` in the private pool."""
    return message_factory.GetMessageClass(POOL.FindMessageTypeByName(f"tensorflow.{name}"))


if not TYPE_CHECKING:
    GraphDef = message_class("GraphDef")
    NodeDef = message_class("NodeDef")
    AttrValue = message_class("AttrValue")
    NameAttrList = message_class("NameAttrList")
    TensorProto = message_class("TensorProto")
    TensorShapeProto = message_class("TensorShapeProto")
    VersionDef = message_class("VersionDef")
    FunctionDef = message_class("FunctionDef")
    FunctionDefLibrary = message_class("FunctionDefLibrary")
    GradientDef = message_class("GradientDef")
    OpDef = message_class("OpDef")
    OpList = message_class("OpList")
    MetaGraphDef = message_class("MetaGraphDef")
    SavedModel = message_class("SavedModel")
    SignatureDef = message_class("SignatureDef")
    TensorInfo = message_class("TensorInfo")
    SaverDef = message_class("SaverDef")
    CollectionDef = message_class("CollectionDef")
    AssetFileDef = message_class("AssetFileDef")
    VariableDef = message_class("VariableDef")
    SavedObjectGraph = message_class("SavedObjectGraph")
    BundleHeaderProto = message_class("BundleHeaderProto")
    BundleEntryProto = message_class("BundleEntryProto")
    TensorSliceProto = message_class("TensorSliceProto")
    SavedTensorSlices = message_class("SavedTensorSlices")
    CheckpointState = message_class("CheckpointState")

_types: Any = POOL.FindEnumTypeByName("tensorflow.DataType")
DATA_TYPES: dict[str, int] = {value.name: value.number for value in _types.values}
"""Enum name, e.g. ``DT_FLOAT``, to its number."""


def parse(
    kind: Any,
    data: bytes | memoryview,
    what: str,
    where: str,
    most: int | None = None,
) -> Any:
    """Parse one message.

    Args:
        most: How many messages and texts may be in it; by default `expansion.MAX_PARTS`.
    Raises: CorruptModel(what, where, ...) where the bytes are no message of this kind;
        LimitExceeded.
    """
    expansion.check(kind.DESCRIPTOR, data, what, where, most)
    try:
        return kind.FromString(data)
    except message.DecodeError as err:
        reason = f"the bytes are no {kind.DESCRIPTOR.name} message (damaged, or cut short)"
        raise CorruptModel(what, where, reason) from err
