"""V1 checkpoints: every key and value as TensorFlow reads it, whole, sharded and damaged."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inspector.analysis.describe import describe
from inspector.errors import CorruptModel, InspectorError, MissingVariables, UnsupportedModel
from inspector.formats import open_model, saved_model_writer
from inspector.formats.checkpoint import locate
from inspector.formats.checkpoint.sstable import slice_key
from inspector.formats.checkpoint.v1 import TensorSlices
from inspector.freezing.freeze import freeze
from inspector.graph.protos import SavedTensorSlices
from inspector.graph.tensors import dtype_name
from inspector.model.checkpoint import OBJECT_GRAPH
from tests.formats.test_checkpoint_bundle import same, table, varint

DTYPES = ("float64", "float16", "int8", "int16", "int32", "int64", "uint8", "bool", "complex64")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """Folders ``whole`` and ``shards`` with one graph's checkpoints, and a run's answer."""
    tf = pytest.importorskip("tensorflow")
    v1 = tf.compat.v1
    folder = tmp_path_factory.mktemp("v1")
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [None, 3], name="x")
        rows = v1.get_variable(
            "rows",
            [9000, 2],
            initializer=v1.random_normal_initializer(seed=1),
            partitioner=v1.fixed_size_partitioner(3),
            use_resource=False,
        )
        kept: dict[str, Any] = {"rows": rows}
        for name in DTYPES:
            value = tf.cast(tf.constant([[1, 0, 3]]), getattr(tf, name))
            kept[name] = v1.get_variable(name, initializer=value, use_resource=False)
        with tf.device("/cpu:0"):
            start = np.arange(6, dtype=np.float32).reshape(3, 2)
            kept["w"] = v1.get_variable("w", initializer=start)
        v1.get_variable("scalar", initializer=2.5, use_resource=False)
        v1.get_variable("empty", [0, 3], initializer=v1.zeros_initializer(), use_resource=False)
        tf.add(x @ kept["w"], tf.convert_to_tensor(rows)[:1], name="y")
        session.run(v1.global_variables_initializer())
        for name, sharded in (("whole", False), ("shards", True)):
            saver = v1.train.Saver(write_version=v1.train.SaverDef.V1, sharded=sharded)
            (folder / name).mkdir()
            saver.save(session, str(folder / name / "m.ckpt"))
        return folder, session.run("y:0", {x: np.ones((1, 3))})


@pytest.mark.tensorflow
@pytest.mark.parametrize("way", ["whole", "whole/m.ckpt", "shards", "shards/m.ckpt"])
def test_values_are_those_that_tensorflow_reads(saved: tuple[Path, Any], way: str) -> None:
    import tensorflow as tf

    model = open_model(saved[0] / way)
    assert (model.format, model.name, model.warnings) == ("Checkpoint", "m.ckpt", [])
    checkpoint = model.checkpoint
    assert isinstance(checkpoint, TensorSlices)
    reader = tf.train.load_checkpoint(checkpoint.restore_path)
    shapes, dtypes = reader.get_variable_to_shape_map(), reader.get_variable_to_dtype_map()
    assert [item.name for item in model.variables] == sorted(shapes)
    assert {*DTYPES, "rows", "w", "scalar", "empty"} == {*shapes}
    assert OBJECT_GRAPH not in checkpoint
    for item in model.variables:
        assert item.shape == shapes[item.name]
        assert item.dtype == dtypes[item.name].name == dtype_name(checkpoint.dtype(item.name))
        # TensorFlow's reader, unlike its restore op, takes neither slices nor every dtype.
        value = tf.raw_ops.Restore(
            file_pattern=checkpoint.restore_path,
            tensor_name=item.name,
            dt=dtypes[item.name],
        ).numpy()
        assert same(checkpoint.read(item.name), value), item.name
        assert item.bytes == checkpoint.read(item.name).nbytes
    rows = checkpoint.read("rows")
    assert same(checkpoint.read("rows", "9000 2 100,7000:-"), rows[100:7100])


@pytest.mark.tensorflow
@pytest.mark.parametrize("way", ["whole", "shards"])
def test_frozen_and_restored_it_answers_the_same(saved: tuple[Path, Any], way: str) -> None:
    from inspector.backend.predict import predict

    model = open_model(saved[0] / way)
    frozen = freeze(model, ["y"])
    assert any("variables" in note for note in frozen.notes)
    for side in (model, frozen):
        done = predict(side, {"x:0": np.ones((1, 3))}, ["y:0"])
        np.testing.assert_allclose(done.outputs["y:0"], saved[1], rtol=1e-6)


@pytest.mark.tensorflow
def test_a_saved_model_cannot_hold_it(saved: tuple[Path, Any], tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModel, match="freeze the model first"):
        saved_model_writer.write(open_model(saved[0] / "whole"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.tensorflow
def test_a_file_cut_or_changed_anywhere_is_refused_or_read(
    saved: tuple[Path, Any], tmp_path: Path
) -> None:
    data = (saved[0] / "whole" / "m.ckpt").read_bytes()
    path = tmp_path / "m.ckpt"
    for length in range(1, len(data), 4999):
        path.write_bytes(data[:length])
        with pytest.raises(InspectorError):
            open_model(path)
    for position in [
        *range(0, 400, 9),
        *range(400, len(data), 997),
        *range(len(data) - 90, len(data)),
    ]:
        broken = bytearray(data)
        broken[position] ^= 0x41
        path.write_bytes(broken)
        with contextlib.suppress(InspectorError):
            checkpoint = open_model(path).checkpoint
            assert checkpoint is not None
            for item in checkpoint.variables():
                checkpoint.read(item.name)


def entry(key: bytes, value: bytes) -> bytes:
    return varint(0) + varint(len(key)) + varint(len(value)) + key + value


def listing(**change: Any) -> SavedTensorSlices:
    slices = SavedTensorSlices()
    tensor = slices.meta.tensor.add(name="v", type=change.get("type", 1))
    for size in change.get("shape", [4]):
        tensor.shape.dim.add(size=size)
    for start, length in change.get("slices", [(0, 4)]):
        tensor.slice.add().extent.add(start=start, length=length)
    return slices


def values(*numbers: float) -> SavedTensorSlices:
    slices = SavedTensorSlices()
    slices.data.name = "v"
    slices.data.data.float_val.extend(numbers)
    return slices


def written(path: Path, listed: SavedTensorSlices, *parts: tuple[tuple[int, int], Any]) -> Path:
    block = entry(b"", listed.SerializeToString())
    for extent, part in parts:
        block += entry(slice_key("v", [extent]), part.SerializeToString())
    path.write_bytes(table([(block + bytes(4) + b"\x01\0\0\0", 0)]))
    return path


def read(path: Path) -> list[float]:
    checkpoint = locate.open_at(path)
    assert [item.name for item in checkpoint.variables()] == ["v"]
    found: list[float] = checkpoint.read("v").tolist()
    return found


def test_slices_are_put_together(tmp_path: Path) -> None:
    listed = listing(slices=[(0, 1), (1, 3)])
    parts = ((0, 1), values(1)), ((1, 3), values(2, 3, 4))
    assert read(written(tmp_path / "a", listed, *parts)) == [1, 2, 3, 4]
    other = listing(slices=[(1, 3)])
    written(tmp_path / "b-00000-of-00002", listing(slices=[(0, 1)]), parts[0])
    written(tmp_path / "b-00001-of-00002", other, parts[1])
    assert read(tmp_path / "b-00001-of-00002") == [1, 2, 3, 4]
    (tmp_path / "b-00000-of-00002").unlink()
    model = open_model(tmp_path / "b")
    assert "b-00000-of-00002 is not there" in model.warnings[-1]


WRONG = {
    "fewer values than elements": (listing(), (0, 4), values(1), CorruptModel),
    "more values": (listing(), (0, 4), values(1, 2, 3, 4, 5), CorruptModel),
    "no values": (listing(), (0, 4), SavedTensorSlices(), CorruptModel),
    "no such slice": (listing(), (0, 3), values(1, 2, 3), CorruptModel),
    "a slice over the edge": (listing(slices=[(2, 4)]), (2, 4), values(1, 2, 3, 4), CorruptModel),
    "a hole": (listing(slices=[(0, 2)]), (0, 2), values(1, 2), CorruptModel),
    "no slices": (listing(slices=[]), (0, 4), values(1, 2, 3, 4), CorruptModel),
    "another rank": (listing(shape=[2, 2]), (0, 4), values(1, 2, 3, 4), CorruptModel),
    "terabytes": (listing(shape=[1 << 40]), (0, 4), values(1, 2, 3, 4), CorruptModel),
    "more than can be": (listing(shape=[1 << 62]), (0, 4), values(1, 2, 3, 4), CorruptModel),
    "a negative size": (listing(shape=[-4]), (0, 4), values(1, 2, 3, 4), CorruptModel),
    "resources": (listing(type=20), (0, 4), values(1, 2, 3, 4), UnsupportedModel),
    "no dtype": (listing(type=0), (0, 4), values(1, 2, 3, 4), UnsupportedModel),
    "another dtype": (listing(type=9), (0, 4), values(1, 2, 3, 4), CorruptModel),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_is_an_error(tmp_path: Path, case: str) -> None:
    listed, extent, part, kind = WRONG[case]
    with pytest.raises(kind):
        read(written(tmp_path / "m", listed, (extent, part)))


def test_the_name_of_an_index_does_not_mislead(tmp_path: Path) -> None:
    path = written(tmp_path / "m.index", listing(), ((0, 4), values(1, 2, 3, 4)))
    assert read(path) == [1, 2, 3, 4]
    assert open_model(tmp_path / "m").files == [("m.index", path.stat().st_size)]


def test_a_missing_key_and_a_table_without_a_list_are_told(tmp_path: Path) -> None:
    path = written(tmp_path / "m", listing(), ((0, 4), values(1, 2, 3, 4)))
    with pytest.raises(MissingVariables, match="did you mean 'v'"):
        locate.open_at(path).read("vv")
    (tmp_path / "n").write_bytes(table([(entry(b"k", b"") + bytes(4) + b"\x01\0\0\0", 0)]))
    with pytest.raises(CorruptModel):
        open_model(tmp_path / "n")
    shutil.copy(path, tmp_path / "p-00000-of-00001")
    (tmp_path / "p-00001-of-00001").write_bytes(
        table([(entry(b"k", b"") + bytes(4) + b"\x01\0\0\0", 0)])
    )
    with pytest.raises(CorruptModel, match="not a V1 checkpoint"):
        open_model(tmp_path / "p")


@pytest.mark.tensorflow
@pytest.mark.parametrize("way", ["whole", "shards"])
def test_the_first_format_is_told_with_what_to_do(saved: tuple[Path, Any], way: str) -> None:
    warnings = describe(open_model(saved[0] / way)).warnings
    assert any("first format (V1)" in text and "save it again" in text for text in warnings)
