"""Messages without TensorFlow: the same bytes as TensorFlow's own, and beside it in one process."""

from __future__ import annotations

import subprocess
import sys
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, text_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor, FileDescriptor

from inspector.errors import CorruptModel
from inspector.graph import protos
from scripts import write_descriptors
from tests.conftest import ROOT

NAMES = tuple(
    name
    for name, value in vars(protos).items()
    if isinstance(getattr(value, "DESCRIPTOR", None), Descriptor)
)
AGAIN = "run python scripts/write_descriptors.py"


def packed_files() -> dict[str, descriptor_pb2.FileDescriptorProto]:
    """The files of the packed descriptor set, by name."""
    raw = zlib.decompress(write_descriptors.TARGET.read_bytes())
    return {file.name: file for file in descriptor_pb2.FileDescriptorSet.FromString(raw).file}


def our_messages() -> Iterator[Descriptor]:
    """Every message of the private pool, nested ones too."""
    stack: list[Descriptor] = []
    for name in packed_files():
        stack += protos.POOL.FindFileByName(name).message_types_by_name.values()
    while stack:
        message = stack.pop()
        yield message
        stack += message.nested_types


def field_facts(field: FieldDescriptor) -> tuple[object, ...]:
    """All of a field that decides how it is written and read, in binary form and as text."""
    return (
        field.name,
        field.number,
        field.type,
        field.is_repeated,
        field.is_packed,
        field.has_presence,
        field.default_value if not field.is_repeated and field.message_type is None else None,
        field.message_type and field.message_type.full_name,
        field.enum_type and field.enum_type.full_name,
        field.containing_oneof and field.containing_oneof.name,
    )


def filled(kind: Any, depth: int = 4) -> Any:
    """A message with a value in each field (the last of each oneof), down to so many levels."""
    message = kind()
    for field in kind.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            key_type = field.message_type.fields_by_name["key"].type
            key: Any = "key" if key_type == field.TYPE_STRING else 7
            inner = field.message_type.fields_by_name["value"]
            if inner.message_type is None:
                value[key] = scalar(inner)
            elif depth:
                value[key].CopyFrom(filled(type(value[key]), depth - 1))
        elif field.message_type is not None:
            if not depth:
                continue
            target = value.add() if field.is_repeated else value
            target.SetInParent()
            target.CopyFrom(filled(type(target), depth - 1))
        elif field.is_repeated:
            value.extend([scalar(field), scalar(field)])
        else:
            setattr(message, field.name, scalar(field))
    return message


def scalar(field: FieldDescriptor) -> Any:
    """A value that is not the default of the field."""
    if field.enum_type is not None:
        return field.enum_type.values[-1].number
    if field.type == field.TYPE_STRING:
        return f"text of {field.name}"
    if field.type == field.TYPE_BYTES:
        return b"\x00\xff" + field.name.encode()
    if field.type == field.TYPE_BOOL:
        return True
    return field.number + (0.5 if field.type in (field.TYPE_FLOAT, field.TYPE_DOUBLE) else 0)


def theirs(full_name: str) -> Any:
    """The class of TensorFlow's own message of this name."""
    from google.protobuf import message_factory

    pool = write_descriptors.sources()[0].pool
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(full_name))


def test_there_are_names() -> None:
    assert {"GraphDef", "SavedModel", "BundleEntryProto", "CheckpointState"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_package_is_tensorflows(name: str) -> None:
    assert getattr(protos, name).DESCRIPTOR.full_name == f"tensorflow.{name}"


def test_a_damaged_message_says_which_it_is() -> None:
    with pytest.raises(CorruptModel, match=r"m\.pb: GraphDef: the bytes are no GraphDef message"):
        protos.parse(protos.GraphDef, b"\x0a\xff", "m.pb", "GraphDef")
    assert protos.parse(protos.GraphDef, memoryview(b""), "m.pb", "GraphDef") == protos.GraphDef()


def test_the_numbers_of_dtypes() -> None:
    assert protos.DATA_TYPES["DT_FLOAT"] == 1
    assert protos.DATA_TYPES["DT_VARIANT"] == 21


def test_an_expanded_any_resolves() -> None:
    text = 'any_info { [type.googleapis.com/tensorflow.VariableDef] { variable_name: "w:0" } }'
    meta = protos.MetaGraphDef()
    text_format.Parse(f"meta_info_def {{ {text} }}", meta, descriptor_pool=protos.POOL)
    assert meta.meta_info_def.any_info.value == b"\x0a\x03w:0"
    number = meta.meta_info_def.any_info
    text = "[type.googleapis.com/google.protobuf.Int64Value] { value: 3 }"
    text_format.Parse(text, number, descriptor_pool=protos.POOL)
    assert number.value == b"\x08\x03"


@pytest.mark.tensorflow
def test_the_packed_file_is_what_the_script_makes() -> None:
    raw = zlib.decompress(write_descriptors.TARGET.read_bytes())
    assert raw == write_descriptors.descriptor_set(), AGAIN


@pytest.mark.tensorflow
def test_every_field_is_tensorflows() -> None:
    """Number, type, label, presence and default of each field; the numbers of each enum."""
    messages = list(our_messages())
    assert len(messages) > 60
    for ours in messages:
        other = theirs(ours.full_name).DESCRIPTOR
        assert ours is not other
        assert [*map(field_facts, ours.fields)] == [*map(field_facts, other.fields)], ours.full_name
        for mine, their in zip(ours.enum_types, other.enum_types, strict=True):
            assert mine.values_by_number.keys() == their.values_by_number.keys()
    pool: FileDescriptor = write_descriptors.sources()[0].pool
    for name, file in packed_files().items():
        for enum in file.enum_type:
            other = pool.FindEnumTypeByName(f"{file.package}.{enum.name}")
            numbers = {value.name: value.number for value in enum.value}
            assert numbers == {value.name: value.number for value in other.values}, name


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", NAMES)
def test_bytes_go_both_ways(name: str) -> None:
    """A message full of values, written by one side, is read, and written again, by the other."""
    own, foreign = getattr(protos, name), theirs(f"tensorflow.{name}")
    message = filled(own)
    data = message.SerializeToString(deterministic=True)
    assert data or not own.DESCRIPTOR.fields
    read = foreign.FromString(data)
    assert read == filled(foreign)
    assert read.SerializeToString(deterministic=True) == data
    assert text_format.MessageToString(read) == text_format.MessageToString(message)
    assert own.FromString(filled(foreign).SerializeToString()) == message


@pytest.mark.tensorflow
@pytest.mark.parametrize("first", ["tensorflow", "inspector.graph.protos"])
def test_both_live_in_one_process(first: str) -> None:
    second = {"tensorflow": "inspector.graph.protos"}.get(first, "tensorflow")
    code = f"""
import {first}
import {second}
import tensorflow as tf
from inspector.graph.protos import GraphDef
ours = GraphDef()
node = ours.node.add(name="a", op="Const")
node.attr["dtype"].type = 1
ours.versions.producer = 7
theirs = tf.compat.v1.GraphDef.FromString(ours.SerializeToString())
assert theirs.node[0].attr["dtype"].type == 1 and theirs.versions.producer == 7
assert GraphDef.FromString(theirs.SerializeToString()) == ours
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)
