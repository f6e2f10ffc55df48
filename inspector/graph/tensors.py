"""TensorProto to and from numpy: every dtype, every encoding, with a cap on what it may cost.

A TensorProto holds its values packed (``tensor_content``), as a typed list, or as a list that is
shorter than the tensor and whose last value repeats. The last form lets a file of 30 bytes ask
for terabytes: such tensors come back as a broadcast view, which costs nothing.

Source: tensorflow/core/framework/tensor.proto, tensorflow/core/framework/tensor.cc.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

import ml_dtypes
import numpy as np
import numpy.typing as npt

from inspector.errors import CorruptModel, LimitExceeded, UnsupportedModel
from inspector.graph import varint
from inspector.graph.protos import DATA_TYPES, DTypeEnum, TensorProto, TensorShapeProto

Array = npt.NDArray[Any]
Shape = list[int | None]
"""Dimensions, outermost first; None is a dimension that is not known."""

MAX_BYTES = 2 << 30
"""Largest array that is made from one TensorProto; a protobuf cannot hold more."""
MOST_ELEMENTS = (1 << 63) - 1
"""Elements are counted so far; no machine holds more."""

_POINTER = 8
"""Bytes that an element of an array of texts takes at least, once it is copied."""

REF = 100
"""``DT_FLOAT_REF`` is ``DT_FLOAT + 100``: a ref variable's dtype."""


@dataclass(frozen=True)
class DType:
    """One tensor dtype: TensorFlow's name, its enum number, numpy's type, the proto's field."""

    name: str
    enum: DTypeEnum
    numpy: np.dtype[Any]
    field: str


def _dtype(name: str, enum: str, numpy: Any, field: str) -> DType:
    return DType(name, DATA_TYPES[enum], np.dtype(numpy), field)


_ALL = (
    _dtype("float32", "DT_FLOAT", np.float32, "float_val"),
    _dtype("float64", "DT_DOUBLE", np.float64, "double_val"),
    _dtype("int32", "DT_INT32", np.int32, "int_val"),
    _dtype("uint8", "DT_UINT8", np.uint8, "int_val"),
    _dtype("int16", "DT_INT16", np.int16, "int_val"),
    _dtype("int8", "DT_INT8", np.int8, "int_val"),
    _dtype("string", "DT_STRING", np.object_, "string_val"),
    _dtype("complex64", "DT_COMPLEX64", np.complex64, "scomplex_val"),
    _dtype("int64", "DT_INT64", np.int64, "int64_val"),
    _dtype("bool", "DT_BOOL", np.bool_, "bool_val"),
    _dtype("qint8", "DT_QINT8", np.int8, "int_val"),
    _dtype("quint8", "DT_QUINT8", np.uint8, "int_val"),
    _dtype("qint32", "DT_QINT32", np.int32, "int_val"),
    _dtype("bfloat16", "DT_BFLOAT16", ml_dtypes.bfloat16, "half_val"),
    _dtype("qint16", "DT_QINT16", np.int16, "int_val"),
    _dtype("quint16", "DT_QUINT16", np.uint16, "int_val"),
    _dtype("uint16", "DT_UINT16", np.uint16, "int_val"),
    _dtype("complex128", "DT_COMPLEX128", np.complex128, "dcomplex_val"),
    _dtype("float16", "DT_HALF", np.float16, "half_val"),
    _dtype("uint32", "DT_UINT32", np.uint32, "uint32_val"),
    _dtype("uint64", "DT_UINT64", np.uint64, "uint64_val"),
    _dtype("float8_e5m2", "DT_FLOAT8_E5M2", ml_dtypes.float8_e5m2, "float8_val"),
    _dtype("float8_e4m3fn", "DT_FLOAT8_E4M3FN", ml_dtypes.float8_e4m3fn, "float8_val"),
    _dtype("int4", "DT_INT4", ml_dtypes.int4, "int_val"),
    _dtype("uint4", "DT_UINT4", ml_dtypes.uint4, "int_val"),
)
_PLAIN_FIELDS = frozenset(
    ("float_val", "double_val", "int_val", "int64_val", "bool_val", "uint32_val", "uint64_val")
)
_BY_ENUM: dict[int, DType] = {dtype.enum: dtype for dtype in _ALL}
_BY_NAME = {dtype.name: dtype for dtype in _ALL}
_BY_NAME |= {"float": _BY_NAME["float32"], "double": _BY_NAME["float64"]}
_BY_NAME |= {"half": _BY_NAME["float16"]}
_NAMES: dict[int, str] = {
    number: name.removeprefix("DT_").lower() for name, number in DATA_TYPES.items()
}
_NAMES |= {dtype.enum: dtype.name for dtype in _ALL}
_NAMES |= {dtype.enum + REF: dtype.name + "_ref" for dtype in _ALL}
# Of the dtypes that share one numpy type, the plain one is what an array turns into.
_FROM_NUMPY = {dtype.numpy: dtype.enum for dtype in reversed(_ALL) if "q" not in dtype.name[:2]}

INVALID = DATA_TYPES["DT_INVALID"]
RESOURCE = DATA_TYPES["DT_RESOURCE"]
VARIANT = DATA_TYPES["DT_VARIANT"]
FLOAT = DATA_TYPES["DT_FLOAT"]
INT32 = DATA_TYPES["DT_INT32"]
INT64 = DATA_TYPES["DT_INT64"]
STRING = DATA_TYPES["DT_STRING"]
BOOL = DATA_TYPES["DT_BOOL"]


def dtype_name(enum: int) -> str:
    """TensorFlow's name of a dtype, e.g. 1 to ``float32``; an unknown number to ``dtype(N)``."""
    return _NAMES.get(enum, f"dtype({enum})")


def dtype_enum(name: str) -> DTypeEnum:
    """The number of a dtype's name, e.g. ``float``, ``float32`` or ``resource``.

    Raises: KeyError.
    """
    if name in _BY_NAME:
        return _BY_NAME[name].enum
    return DATA_TYPES[f"DT_{name.upper()}"]


def base_dtype(enum: int) -> DTypeEnum:
    """The dtype without the mark of a ref variable: ``DT_FLOAT`` of ``DT_FLOAT_REF``."""
    return cast("DTypeEnum", enum % REF)


def ref_dtype(enum: DTypeEnum) -> DTypeEnum:
    """The dtype of a ref variable that holds values of this dtype."""
    return enum if enum >= REF else cast("DTypeEnum", enum + REF)


def numpy_dtype(enum: int) -> np.dtype[Any] | None:
    """The numpy type that holds this dtype's values, or None (resource, variant, unknown)."""
    dtype = _BY_ENUM.get(enum - REF if enum > REF else enum)
    return dtype.numpy if dtype else None


def itemsize(enum: int) -> int:
    """Bytes of one element; 0 for string, resource and variant, whose size varies."""
    numpy = numpy_dtype(enum)
    return 0 if numpy is None or numpy == np.object_ else numpy.itemsize


def value_field(enum: int) -> str:
    """The field of a TensorProto that lists values of this dtype; empty for one without values."""
    return _BY_ENUM[enum].field if enum in _BY_ENUM else ""


def enum_of(array: Array) -> DTypeEnum:
    """The dtype number an array has; text and bytes are strings.

    Raises: KeyError for a numpy type TensorFlow has no dtype for.
    """
    if array.dtype.kind in "OSU":
        return STRING
    return _FROM_NUMPY[array.dtype]


def shape_of(proto: TensorShapeProto) -> Shape | None:
    """TensorShapeProto to dimensions, -1 as None; unknown rank to None."""
    if proto.unknown_rank:
        return None
    return [None if dim.size < 0 else dim.size for dim in proto.dim]


def make_shape(shape: Shape | None) -> TensorShapeProto:
    """The inverse of `shape_of`."""
    proto = TensorShapeProto()
    if shape is None:
        proto.unknown_rank = True
    else:
        for size in shape:
            proto.dim.add(size=-1 if size is None else size)
    return proto


def count(sizes: Iterable[int]) -> int:
    """How many elements so many rows, columns and so on hold, at most `MOST_ELEMENTS`.

    A file may state thousands of sizes; a product of them all would be a number of megabytes.
    """
    listed = list(sizes)
    if 0 in listed:
        return 0
    product = 1
    for size in listed:
        product *= size
        if abs(product) > MOST_ELEMENTS:
            return MOST_ELEMENTS
    return product


def elements(proto: TensorProto) -> int:
    """The number of elements the shape declares; -1 where the shape is no constant's."""
    sizes = [dim.size for dim in proto.tensor_shape.dim]
    if proto.tensor_shape.unknown_rank or any(size < 0 for size in sizes):
        return -1
    return count(sizes)


def tensor_bytes(proto: TensorProto) -> int:
    """Bytes of the decoded tensor, without decoding it. Strings count their characters."""
    if proto.dtype == STRING:
        return len(proto.tensor_content) or sum(len(text) for text in proto.string_val)
    return max(elements(proto), 0) * itemsize(proto.dtype)


def to_numpy(proto: TensorProto, *, where: str = "tensor", max_bytes: int = MAX_BYTES) -> Array:
    """Decode a TensorProto; the array may be a read-only view of the proto's bytes.

    Quantised dtypes come as the plain integers (quint8 as uint8); strings as an object array of
    bytes. A tensor whose one value repeats comes as a broadcast view.

    Raises: CorruptModel (values and shape disagree), LimitExceeded (over `max_bytes`),
        UnsupportedModel (a dtype without values, e.g. resource).
    """
    dtype = _BY_ENUM.get(proto.dtype)
    if dtype is None:
        raise UnsupportedModel(
            where, "TensorProto", f"dtype {dtype_name(proto.dtype)} has no values"
        )
    count = elements(proto)
    if count < 0:
        raise CorruptModel(where, "TensorProto", "a constant's shape must be fully known")
    shape = tuple(dim.size for dim in proto.tensor_shape.dim)
    if len(shape) > 64:
        raise UnsupportedModel(
            where, "TensorProto", f"{len(shape)} dimensions, at most 64 are read"
        )
    flat = _packed(proto, dtype, count, where) if proto.tensor_content else _listed(proto, dtype)
    if flat.size == count:
        return flat.reshape(shape)
    if flat.size > count:
        reason = f"{flat.size} values for a shape of {count} elements"
        raise CorruptModel(where, "TensorProto", reason)
    if flat.size <= 1 and not (dtype.numpy == np.object_ and count * _POINTER > max_bytes):
        value = flat[0] if flat.size else _zero(dtype)
        fill = np.empty((), dtype.numpy)
        fill[()] = value
        return _broadcast(fill, shape, where)
    if count * max(dtype.numpy.itemsize, 1) > max_bytes:
        reason = f"{count} elements, the limit is {max_bytes} bytes"
        raise LimitExceeded(where, "TensorProto", reason)
    full = np.empty(count, dtype.numpy)
    full[: flat.size] = flat
    full[flat.size :] = flat[-1]
    return full.reshape(shape)


def from_numpy(array: Array, dtype: DTypeEnum | None = None) -> TensorProto:
    """Encode an array, packed; strings as ``string_val``; a broadcast view as its one value.

    Args:
        dtype: Enum number where the array's own type does not tell (quint8 and the like).
    """
    proto = TensorProto()
    fill(proto, array, dtype)
    return proto


def fill(proto: TensorProto, array: Array, dtype: DTypeEnum | None = None) -> None:
    """`from_numpy` into an empty message: a large value is not copied once more."""
    array = np.asarray(array)
    enum = enum_of(array) if dtype is None else dtype
    proto.dtype = enum
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
    if enum == STRING:
        proto.string_val.extend(
            text.encode() if isinstance(text, str) else bytes(text)
            for text in array.ravel().tolist()
        )
    elif array.size > 1 and not any(array.strides) and _BY_ENUM[enum].field in _PLAIN_FIELDS:
        getattr(proto, _BY_ENUM[enum].field).append(array[(0,) * array.ndim].item())
    else:
        numpy = _BY_ENUM[enum].numpy
        proto.tensor_content = np.ascontiguousarray(array, numpy).tobytes()


def _packed(proto: TensorProto, dtype: DType, count: int, where: str) -> Array:
    data = proto.tensor_content
    if dtype.numpy == np.object_:
        return _packed_strings(data, count, where)
    if len(data) != count * dtype.numpy.itemsize:
        reason = f"{len(data)} bytes for {count} elements of {dtype.name}"
        raise CorruptModel(where, "TensorProto", reason)
    return np.frombuffer(data, dtype.numpy)


def _packed_strings(data: bytes, count: int, where: str) -> Array:
    # Written by the C++ kernels only: all lengths as varints, then all the bytes.
    lengths, position = [], 0
    if count > len(data):
        raise CorruptModel(where, "TensorProto", f"{len(data)} bytes for {count} strings")
    try:
        for _ in range(count):
            length, position = varint.decode(data, position)
            lengths.append(length)
    except (IndexError, ValueError) as err:
        raise CorruptModel(where, "TensorProto", "the packed strings are cut short") from err
    if position + sum(lengths) != len(data):
        raise CorruptModel(where, "TensorProto", "the packed strings are cut short")
    flat = np.empty(count, np.object_)
    for index, length in enumerate(lengths):
        flat[index] = data[position : position + length]
        position += length
    return flat


def _listed(proto: TensorProto, dtype: DType) -> Array:
    values = getattr(proto, dtype.field)
    if dtype.field == "half_val":
        return np.array(values, np.uint16).view(dtype.numpy)
    if dtype.field == "float8_val":
        return np.frombuffer(values, dtype.numpy)
    if dtype.field in ("scomplex_val", "dcomplex_val"):
        part = np.float32 if dtype.field == "scomplex_val" else np.float64
        return np.array(values[: len(values) // 2 * 2], part).view(dtype.numpy)
    if dtype.numpy == np.object_:
        flat = np.empty(len(values), np.object_)
        flat[:] = list(values)
        return flat
    if dtype.field == "int_val":
        return np.array(values, np.int32).astype(dtype.numpy)
    return np.array(values, dtype.numpy)


def _zero(dtype: DType) -> Any:
    return b"" if dtype.numpy == np.object_ else dtype.numpy.type(0)


def _broadcast(fill: Array, shape: tuple[int, ...], where: str) -> Array:
    try:
        return np.broadcast_to(fill, shape)
    except ValueError as err:
        raise LimitExceeded(where, "TensorProto", f"shape {list(shape)} is too large") from err
