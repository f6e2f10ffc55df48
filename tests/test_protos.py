"""Messages without TensorFlow: the same bytes as TensorFlow's own, and beside it in one process."""

from __future__ import annotations

import subprocess
import sys

import pytest

from inspector import protos
from inspector.errors import CorruptModel
from tests.conftest import ROOT

NAMES = (
    "GraphDef",
    "NodeDef",
    "AttrValue",
    "NameAttrList",
    "TensorProto",
    "TensorShapeProto",
    "VersionDef",
    "FunctionDef",
    "FunctionDefLibrary",
    "OpDef",
    "OpList",
    "MetaGraphDef",
    "SavedModel",
    "SignatureDef",
    "TensorInfo",
    "SaverDef",
    "CollectionDef",
    "AssetFileDef",
    "VariableDef",
    "SavedObjectGraph",
    "BundleHeaderProto",
    "BundleEntryProto",
)


@pytest.mark.parametrize("name", NAMES)
def test_the_package_is_tensorflows(name):
    assert getattr(protos, name).DESCRIPTOR.full_name == f"tensorflow.{name}"


def test_a_damaged_message_says_which_it_is():
    with pytest.raises(CorruptModel, match=r"m\.pb: GraphDef: the bytes are no GraphDef message"):
        protos.parse(protos.GraphDef, b"\x0a\xff", "m.pb", "GraphDef")
    assert protos.parse(protos.GraphDef, memoryview(b""), "m.pb", "GraphDef") == protos.GraphDef()


def test_the_numbers_of_dtypes():
    assert protos.DATA_TYPES["DT_FLOAT"] == 1
    assert protos.DATA_TYPES["DT_VARIANT"] == 21


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", NAMES)
def test_the_fields_are_tensorflows(name):
    """Number, type and label of every field; what we lack would be kept as unknown bytes."""
    from tensorflow.core.framework import graph_pb2, op_def_pb2, variable_pb2
    from tensorflow.core.protobuf import (
        meta_graph_pb2,
        saved_model_pb2,
        saved_object_graph_pb2,
        saver_pb2,
        tensor_bundle_pb2,
    )

    pool = graph_pb2.DESCRIPTOR.pool
    assert all(
        module.DESCRIPTOR.pool is pool
        for module in (
            op_def_pb2,
            variable_pb2,
            meta_graph_pb2,
            saved_model_pb2,
            saved_object_graph_pb2,
            saver_pb2,
            tensor_bundle_pb2,
        )
    )
    theirs = pool.FindMessageTypeByName(f"tensorflow.{name}")
    ours = getattr(protos, name).DESCRIPTOR
    assert ours is not theirs
    for field in ours.fields:
        other = theirs.fields_by_name[field.name]
        assert (field.number, field.is_repeated) == (other.number, other.is_repeated)
        enum_as_number = {field.TYPE_INT32, field.TYPE_ENUM}  # one and the same in the bytes
        assert field.type == other.type or {field.type, other.type} == enum_as_number


@pytest.mark.tensorflow
@pytest.mark.parametrize("first", ["tensorflow", "inspector.protos"])
def test_both_live_in_one_process(first):
    second = {"tensorflow": "inspector.protos"}.get(first, "tensorflow")
    code = f"""
import {first}
import {second}
import tensorflow as tf
from inspector.protos import GraphDef
ours = GraphDef()
node = ours.node.add(name="a", op="Const")
node.attr["dtype"].type = 1
ours.versions.producer = 7
theirs = tf.compat.v1.GraphDef.FromString(ours.SerializeToString())
assert theirs.node[0].attr["dtype"].type == 1 and theirs.versions.producer == 7
assert GraphDef.FromString(theirs.SerializeToString()) == ours
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)
