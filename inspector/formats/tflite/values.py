"""The values of a TFLite model's constants, as TensorProto."""

from __future__ import annotations

import struct
from itertools import pairwise

import numpy as np

from inspector.errors import CorruptModel, LimitExceeded, UnsupportedModel
from inspector.formats.tflite.file import LiteFile, Tensor
from inspector.graph import tensors
from inspector.graph.protos import DTypeEnum, TensorProto


def dtype_enum(tensor: Tensor) -> DTypeEnum:
    """TensorFlow's number for a tensor's type; DT_INVALID for one it does not have."""
    try:
        return tensors.dtype_enum(tensor.dtype)
    except KeyError:
        return tensors.INVALID


def value(file: LiteFile, tensor: Tensor) -> TensorProto:
    """The value of a constant tensor.

    Raises: CorruptModel, LimitExceeded, UnsupportedModel (sparse, or a type without values).
    """
    where = f"tensor '{tensor.label}'"
    data = file.buffer(tensor.buffer)
    if tensor.is_sparse:
        raise UnsupportedModel(file.name, where, "a sparse tensor is not unpacked to be looked at")
    count = tensor.elements
    if count is None:
        raise CorruptModel(file.name, where, tensor.fault or "its shape is not that of a constant")
    dtype = dtype_enum(tensor)
    proto = TensorProto(dtype=dtype, tensor_shape=tensors.make_shape([*tensor.shape]))
    if dtype == tensors.STRING:
        proto.string_val.extend(_strings(file, where, data))
        held = len(proto.string_val)
    elif tensor.type in ("INT4", "UINT4"):
        if (count + 1) // 2 != len(data):
            raise CorruptModel(file.name, where, f"{len(data)} bytes for {count} of {tensor.type}")
        packed = np.frombuffer(data, np.uint8)
        both = np.stack([packed & 15, packed >> 4], -1).ravel()[:count]
        proto.tensor_content = both.tobytes()
        held = count
    else:
        size = tensors.itemsize(dtype)
        if not size:
            raise UnsupportedModel(file.name, where, f"{tensor.type} has no values to look at")
        if len(data) > tensors.MAX_BYTES:
            raise LimitExceeded(file.name, where, f"holds more than {tensors.MAX_BYTES >> 20} MiB")
        proto.tensor_content = bytes(data)
        held = count if len(data) == count * size else -1
    if held != count:
        reason = f"{len(data):,} bytes for a shape of {count:,} elements of {tensor.type}"
        raise CorruptModel(file.name, where, reason)
    return proto


def _strings(file: LiteFile, where: str, data: memoryview) -> list[bytes]:
    """Texts: their number, where each starts and where the last ends, then all bytes."""
    with file.reading():
        (count,) = struct.unpack_from("<i", data)
        if not 0 <= count <= len(data) // 4 - 1:
            raise CorruptModel(file.name, where, f"{len(data)} bytes for {count} texts")
        starts = np.frombuffer(data, "<i4", count + 1, 4).tolist()
    if sorted(starts) != starts or starts[0] < 0 or starts[-1] > len(data):
        raise CorruptModel(file.name, where, "the texts do not lie one behind the other")
    return [bytes(data[start:end]) for start, end in pairwise(starts)]
