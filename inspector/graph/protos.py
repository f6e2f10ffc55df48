"""The one place protobuf messages come from: no TensorFlow, and no clash with it.

The descriptors are TensorFlow's, packed into ``data/descriptors.pb.z`` by
``scripts/write_descriptors.py``. They are loaded into a private `DescriptorPool` under their own
names, so that text with expanded ``Any`` resolves. A private pool cannot collide with the one that
TensorFlow fills.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar, cast

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import DecodeError, Message

from inspector.errors import CorruptModel
from inspector.graph import parse_limits

if TYPE_CHECKING:
    from tensorflow.core.framework.attr_value_pb2 import AttrValue, NameAttrList
    from tensorflow.core.framework.function_pb2 import FunctionDef, FunctionDefLibrary
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.framework.node_def_pb2 import NodeDef
    from tensorflow.core.framework.op_def_pb2 import OpDef, OpList
    from tensorflow.core.framework.tensor_pb2 import TensorProto
    from tensorflow.core.framework.tensor_shape_pb2 import TensorShapeProto
    from tensorflow.core.framework.tensor_slice_pb2 import TensorSliceProto
    from tensorflow.core.framework.types_pb2 import DataType
    from tensorflow.core.framework.versions_pb2 import VersionDef
    from tensorflow.core.protobuf.meta_graph_pb2 import (
        AssetFileDef,
        MetaGraphDef,
        SignatureDef,
        TensorInfo,
    )
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel
    from tensorflow.core.protobuf.saved_object_graph_pb2 import SavedObjectGraph
    from tensorflow.core.protobuf.saver_pb2 import SaverDef
    from tensorflow.core.protobuf.tensor_bundle_pb2 import BundleEntryProto, BundleHeaderProto
    from tensorflow.core.protobuf.trackable_object_graph_pb2 import TrackableObjectGraph
    from tensorflow.core.util.saved_tensor_slice_pb2 import SavedTensorSlices

    DTypeEnum: TypeAlias = DataType.ValueType
    """An enum value: a plain int, of which type checkers know that it is a DataType."""

    class CheckpointState(Message):
        """types-tensorflow leaves this message out; of its fields one is read."""

        model_checkpoint_path: str


__all__ = [
    "DATA_TYPES",
    "POOL",
    "AssetFileDef",
    "AttrValue",
    "BundleEntryProto",
    "BundleHeaderProto",
    "CheckpointState",
    "DTypeEnum",
    "FunctionDef",
    "FunctionDefLibrary",
    "GraphDef",
    "Message",
    "MetaGraphDef",
    "NameAttrList",
    "NodeDef",
    "OpDef",
    "OpList",
    "SavedModel",
    "SavedObjectGraph",
    "SavedTensorSlices",
    "SaverDef",
    "SignatureDef",
    "TensorInfo",
    "TensorProto",
    "TensorShapeProto",
    "TensorSliceProto",
    "TrackableObjectGraph",
    "VersionDef",
    "from_buffer",
    "message_class",
    "parse",
]

_Message = TypeVar("_Message", bound=Message)

_DATA = Path(__file__).parent / "data" / "descriptors.pb.z"


def _pool() -> descriptor_pool.DescriptorPool:
    files = descriptor_pb2.FileDescriptorSet.FromString(zlib.decompress(_DATA.read_bytes()))
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return pool


POOL = _pool()


def message_class(name: str) -> type[Message]:
    """The class of ``tensorflow.<name>`` in the private pool."""
    return message_factory.GetMessageClass(POOL.FindMessageTypeByName(f"tensorflow.{name}"))


if not TYPE_CHECKING:
    DTypeEnum = int
    GraphDef = message_class("GraphDef")
    NodeDef = message_class("NodeDef")
    AttrValue = message_class("AttrValue")
    NameAttrList = message_class("NameAttrList")
    TensorProto = message_class("TensorProto")
    TensorShapeProto = message_class("TensorShapeProto")
    VersionDef = message_class("VersionDef")
    FunctionDef = message_class("FunctionDef")
    FunctionDefLibrary = message_class("FunctionDefLibrary")
    OpDef = message_class("OpDef")
    OpList = message_class("OpList")
    MetaGraphDef = message_class("MetaGraphDef")
    SavedModel = message_class("SavedModel")
    SavedObjectGraph = message_class("SavedObjectGraph")
    TrackableObjectGraph = message_class("TrackableObjectGraph")
    SignatureDef = message_class("SignatureDef")
    TensorInfo = message_class("TensorInfo")
    SaverDef = message_class("SaverDef")
    AssetFileDef = message_class("AssetFileDef")
    BundleHeaderProto = message_class("BundleHeaderProto")
    BundleEntryProto = message_class("BundleEntryProto")
    TensorSliceProto = message_class("TensorSliceProto")
    SavedTensorSlices = message_class("SavedTensorSlices")
    CheckpointState = message_class("CheckpointState")

DATA_TYPES = {
    value.name: cast("DTypeEnum", value.number)
    for value in POOL.FindEnumTypeByName("tensorflow.DataType").values
}
"""Enum name, e.g. ``DT_FLOAT``, to its number."""


def from_buffer(kind: type[_Message], data: bytes | memoryview) -> _Message:
    """``kind.FromString``, which reads any buffer although its type hints say bytes.

    For data that was checked before, see `parse`. Raises: DecodeError.
    """
    return kind.FromString(cast("bytes", data))


def parse(
    kind: type[_Message],
    data: bytes | memoryview,
    what: str,
    where: str,
    most: int | None = None,
) -> _Message:
    """Parse one message.

    Args:
        most: How many messages and texts may be in it; by default `expansion.MAX_PARTS`.
    Raises: CorruptModel(what, where, ...) where the bytes are no message of this kind;
        LimitExceeded.
    """
    parse_limits.check(cast("Descriptor", kind.DESCRIPTOR), data, what, where, most)
    try:
        return from_buffer(kind, data)
    except DecodeError as err:
        reason = f"the bytes are no {kind.DESCRIPTOR.name} message (damaged, or cut short)"
        raise CorruptModel(what, where, reason) from err
