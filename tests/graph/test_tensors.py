"""TensorProto to numpy and back: every dtype, every encoding, and what a hostile one may cost."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from inspector.errors import CorruptModel, LimitExceeded, UnsupportedModel
from inspector.graph import tensors
from inspector.graph.protos import TensorProto, TensorShapeProto

NUMERIC = [
    name
    for name in tensors._BY_NAME
    if tensors._BY_NAME[name].numpy != np.object_ and "int4" not in name
]


def proto(dtype, shape=(), **fields):
    made = TensorProto(dtype=tensors.dtype_enum(dtype), **fields)
    for size in shape:
        made.tensor_shape.dim.add(size=size)
    return made


@pytest.mark.parametrize("name", NUMERIC)
def test_every_dtype_goes_there_and_back(name):
    enum = tensors.dtype_enum(name)
    array = np.array([[0, 1], [1, 0]]).astype(tensors.numpy_dtype(enum))
    made = tensors.from_numpy(array, enum)
    assert made.dtype == enum
    assert made.tensor_content
    back = tensors.to_numpy(made)
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)
    assert tensors.tensor_bytes(made) == 4 * tensors.itemsize(enum)


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", NUMERIC)
def test_tensorflow_reads_the_same(name):
    import tensorflow as tf

    enum = tensors.dtype_enum(name)
    array = np.array([0, 1, 1, 0]).astype(tensors.numpy_dtype(enum))
    data = tensors.from_numpy(array, enum).SerializeToString()
    theirs = tf.make_ndarray(type(tf.make_tensor_proto(1)).FromString(data))
    assert theirs.view(array.dtype).tobytes() == array.tobytes()


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", NUMERIC)
def test_what_tensorflow_lists_is_read(name):
    """TensorFlow writes scalars as lists: half as bits, complex as pairs."""
    import tensorflow as tf

    dtype = tf.as_dtype(tensors.dtype_enum(name))
    value = np.array(1 if not dtype.is_quantized else (1,), dtype.as_numpy_dtype)
    theirs = tf.make_tensor_proto(value, dtype=dtype, shape=[])
    assert not theirs.tensor_content
    found = tensors.to_numpy(TensorProto.FromString(theirs.SerializeToString()))
    assert found.shape == ()
    assert found == 1


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (proto("float", (3,), float_val=[1.5]), [1.5, 1.5, 1.5]),
        (proto("float", (4,), float_val=[1, 2]), [1, 2, 2, 2]),
        (proto("float", (2,)), [0, 0]),
        (proto("float"), 0),
        (proto("int32", (0,)), []),
        (proto("int64", (2,), int64_val=[-5]), [-5, -5]),
        (proto("bool", (2,), bool_val=[True, False]), [True, False]),
        (proto("uint8", (2,), int_val=[255]), [255, 255]),
        (proto("quint8", (2,), int_val=[3, 4]), [3, 4]),
        (proto("half", (2,), half_val=[0x3C00]), [1, 1]),
        (proto("bfloat16", (), half_val=[0x3F80]), 1),
        (proto("complex64", (2,), scomplex_val=[1, 2]), [1 + 2j, 1 + 2j]),
        (proto("complex128", (), dcomplex_val=[1, -2]), 1 - 2j),
        (proto("string", (2,), string_val=[b"a"]), [b"a", b"a"]),
        (proto("string", (2,)), [b"", b""]),
        (proto("string", (2,), tensor_content=b"\x01\x02abb"), [b"a", b"bb"]),
        (proto("uint32", (2,), uint32_val=[7]), [7, 7]),
        (proto("uint64", (2,), uint64_val=[2**63]), [2**63, 2**63]),
    ],
)
def test_every_encoding(made, expected):
    assert tensors.to_numpy(made).tolist() == expected


def test_a_claim_of_a_trillion_costs_nothing():
    view = tensors.to_numpy(proto("float", (10**6, 10**6), float_val=[1]))
    assert view.shape == (10**6, 10**6)
    assert not any(view.strides)
    back = tensors.from_numpy(view)
    assert back.ByteSize() < 40
    assert tensors.to_numpy(back)[5, 5] == 1


def test_what_repeats_stays_short_only_where_a_list_can_say_it():
    for dtype in (np.float32, np.int64, np.bool_, np.uint8, np.float64, np.uint32, np.uint64):
        made = tensors.from_numpy(np.broadcast_to(np.array(1, dtype), (50, 50)))
        assert not made.tensor_content
        np.testing.assert_array_equal(tensors.to_numpy(made), np.ones((50, 50), dtype))
    made = tensors.from_numpy(np.broadcast_to(np.array(1, ml_dtypes.bfloat16), (5, 5)))
    assert len(made.tensor_content) == 50


@pytest.mark.parametrize(
    ("made", "error", "words"),
    [
        (proto("float", (3,), float_val=[1, 2, 3, 4]), CorruptModel, "4 values for a shape of 3"),
        (
            proto("float", (3,), tensor_content=b"123"),
            CorruptModel,
            "3 bytes for 3 elements of float32",
        ),
        (proto("float", (-1,)), CorruptModel, "fully known"),
        (proto("string", (2,), tensor_content=b"\x01\x05a"), CorruptModel, "cut short"),
        (proto("string", (1,), tensor_content=b"\xff"), CorruptModel, "cut short"),
        (proto("string", (10**9,), tensor_content=b"abc"), CorruptModel, "for 1000000000 strings"),
        (proto("resource"), UnsupportedModel, "dtype resource has no values"),
        (proto("float", (1,) * 65), UnsupportedModel, "65 dimensions"),
        (proto("float", (10**12,), float_val=[1, 2]), LimitExceeded, "the limit is"),
        (proto("float", (2**40, 2**40), float_val=[1]), LimitExceeded, "too large"),
        (proto("string", (2**32 - 1,), string_val=[b"w"]), LimitExceeded, "the limit is"),
    ],
)
def test_what_is_refused(made, error, words):
    with pytest.raises(error, match="m") as caught:
        tensors.to_numpy(made, where="m")
    assert words in str(caught.value)


def test_the_cap_is_the_callers():
    made = proto("float", (1000,), float_val=[1, 2])
    with pytest.raises(LimitExceeded):
        tensors.to_numpy(made, max_bytes=3999)
    assert tensors.to_numpy(made, max_bytes=4000).size == 1000


def test_packed_values_are_a_view():
    made = tensors.from_numpy(np.zeros(4, np.float32))
    assert not tensors.to_numpy(made).flags.writeable


def test_names_and_numbers():
    assert tensors.dtype_name(1) == "float32"
    assert tensors.dtype_name(101) == "float32_ref"
    assert tensors.dtype_name(20) == "resource"
    assert tensors.dtype_name(999) == "dtype(999)"
    assert tensors.dtype_enum("float") == tensors.dtype_enum("float32") == 1
    assert tensors.dtype_enum("half") == 19
    with pytest.raises(KeyError):
        tensors.dtype_enum("floaty")
    assert tensors.numpy_dtype(101) == np.float32
    assert tensors.numpy_dtype(tensors.RESOURCE) is None
    assert tensors.itemsize(tensors.STRING) == 0
    assert tensors.enum_of(np.array(["text"])) == tensors.STRING
    assert tensors.enum_of(np.zeros(1, np.uint8)) == tensors.dtype_enum("uint8")
    with pytest.raises(KeyError):
        tensors.enum_of(np.zeros(1, "datetime64[s]"))


def test_text_is_encoded():
    assert tensors.from_numpy(np.array(["ä", b"\xff"], np.object_)).string_val == [
        "ä".encode(),
        b"\xff",
    ]


@pytest.mark.parametrize("shape", [None, [], [1, None, 3], [0]])
def test_shapes_go_there_and_back(shape):
    assert tensors.shape_of(tensors.make_shape(shape)) == shape


def test_a_negative_dimension_is_unknown():
    made = TensorShapeProto()
    made.dim.add(size=-7)
    assert tensors.shape_of(made) == [None]


def test_bytes_of_strings_are_their_characters():
    assert tensors.tensor_bytes(proto("string", (2,), string_val=[b"abc", b"d"])) == 4
    assert tensors.tensor_bytes(proto("float", (-1,))) == 0


@given(
    arrays.arrays(
        st.sampled_from([np.float32, np.int32, np.complex64, np.bool_, np.int8, np.float16]),
        arrays.array_shapes(min_dims=0, max_dims=3, max_side=4),
    )
)
def test_any_array_goes_there_and_back(array):
    back = tensors.to_numpy(tensors.from_numpy(array))
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    assert back.tobytes() == array.tobytes()


@given(st.lists(st.binary(max_size=5), max_size=4))
def test_any_strings_go_there_and_back(texts):
    array = np.empty(len(texts), np.object_)
    array[:] = texts
    assert tensors.to_numpy(tensors.from_numpy(array)).tolist() == texts
