"""State crosses the border of a .pb: what initialises it runs first, whatever reads the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow")
import tensorflow as tf

from inspector.backend.predict import predict
from inspector.errors import BlockedOp, MissingVariables, RunFailed
from inspector.formats import graphdef, open_model, saved_model_writer
from inspector.freezing.freeze import freeze
from inspector.jobs.tasks.transform import kernels
from inspector.model import signatures
from inspector.model.model import Model
from inspector.optimisation import optimise as optimising
from inspector.optimisation.optimise_options import CheckOptions, OptimiseOptions
from inspector.optimisation.transform_job import run_transforms
from tests import tf_models
from tests.conftest import data_path
from tests.graphs import graph, node
from tests.model.test_initial_state import table, variable, whole

pytestmark = pytest.mark.tensorflow

TRACKER, TABLE = "field/f01_frozen_needs_init", "field/f02_table_graphdef"
LOCAL = "field/g01_local_variable"
TRACKED = [2.41135, 4.36827, 0.51953, 6.43029]
CALL = "StatefulPartitionedCall"


def feeds(case: str) -> dict[str, np.ndarray]:
    with np.load(data_path(f"{case}/feeds.npz"), allow_pickle=False) as arrays:
        return dict(arrays)


def optimised(model: Model, outputs: list[str], transforms: str, *, check: bool = False):
    options = OptimiseOptions(
        outputs=tuple(outputs), transforms=transforms, check=CheckOptions() if check else None
    )
    run = lambda job, progress, cancelled: run_transforms(job, kernels(), progress, cancelled)  # noqa: E731
    return optimising.optimise(model, options, run=run)


@pytest.fixture(scope="module")
def tracker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tracker of f01, frozen by us."""
    path = tmp_path_factory.mktemp("tracker") / "frozen.pb"
    frozen = freeze(open_model(data_path(f"{TRACKER}/tracker")), signature="default")
    graphdef.write(frozen, path)
    return path


def test_a_frozen_tracker_runs_from_its_pb(tracker: Path) -> None:
    run = predict(open_model(tracker), feeds(TRACKER), [f"{CALL}:0"])
    np.testing.assert_allclose(run.outputs[f"{CALL}:0"], TRACKED, rtol=1e-5)


def test_a_frozen_tracker_becomes_a_saved_model(tracker: Path, tmp_path: Path) -> None:
    model = optimised(open_model(tracker), [CALL], "").model
    saved_model_writer.write(model, tmp_path / "saved")
    (x,) = feeds(TRACKER).values()
    loaded = tf.saved_model.load(str(tmp_path / "saved"))
    serve = loaded.signatures["serving_default"]
    (key,) = serve.structured_input_signature[1]
    (value,) = serve(**{key: tf.constant(x)}).values()
    np.testing.assert_allclose(value.numpy(), TRACKED, rtol=1e-5)


def test_a_local_variable_that_the_checkpoint_lacks_is_initialised(tmp_path: Path) -> None:
    opened, fetches = open_model(data_path(f"{LOCAL}/counter")), ["y", "running_total"]
    frozen = freeze(opened, fetches)
    assert [item.name for item in frozen.graph if item.op == "VariableV2"] == ["total"]
    graphdef.write(frozen, tmp_path / "frozen.pb")
    for model in (opened, open_model(tmp_path / "frozen.pb")):
        run = predict(model, feeds(LOCAL), fetches)
        np.testing.assert_allclose(run.outputs["running_total"], 3, rtol=1e-6)
        np.testing.assert_allclose(run.outputs["y"][0], [0.0906, 0.2875, 0.6218], atol=1e-4)


def test_a_table_is_filled_before_it_is_read() -> None:
    run = predict(open_model(data_path(f"{TABLE}/table.pb")), feeds(TABLE), ["vec"])
    assert run.outputs["vec"].shape[0] == len(feeds(TABLE)["words"])


def test_a_table_survives_every_way_out(tmp_path: Path) -> None:
    opened, fed = open_model(data_path(f"{TABLE}/table.pb")), feeds(TABLE)
    before = predict(opened, fed, ["vec"]).outputs["vec"]
    result = optimised(opened, ["vec"], "fold_constants strip_unused_nodes", check=True)
    assert {step.check.status for step in result.steps if step.check} == {"equal"}
    graphdef.write(result.model, tmp_path / "out.pb")
    after = predict(open_model(tmp_path / "out.pb"), fed, ["vec"]).outputs["vec"]
    np.testing.assert_array_equal(before, after)
    saved_model_writer.write(result.model, tmp_path / "saved")
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.compat.v1.saved_model.load(session, ["serve"], str(tmp_path / "saved"))
        loaded = session.run("vec:0", {"words:0": fed["words"]})
    np.testing.assert_array_equal(before, loaded)
    again = predict(open_model(tmp_path / "saved"), fed, ["vec"]).outputs["vec"]
    np.testing.assert_array_equal(before, again)


def real_table(name: str) -> list:
    """A table that TensorFlow runs."""
    nodes = table(name)
    string, number = nodes[1].attr["dtype"].type, nodes[2].attr["dtype"].type
    for item in nodes:
        if item.op == "HashTableV2":
            item.attr["key_dtype"].type, item.attr["value_dtype"].type = string, number
        elif item.op.startswith("Lookup"):
            item.attr["Tin"].type, item.attr["Tout"].type = string, number
    return nodes


def real_variable(name: str) -> list:
    nodes = variable(name)
    nodes[2].attr["dtype"].type = nodes[1].attr["dtype"].type
    return nodes


def written(path: Path, *nodes: object) -> Model:
    path.write_bytes(whole(*nodes).to_bytes())  # type: ignore[arg-type]
    return open_model(path)


def test_initialisers_without_a_group_run_too(tmp_path: Path) -> None:
    model = written(tmp_path / "two.pb", real_table("t"), real_variable("v"))
    names = ["t/find", "v/Read"]
    run = predict(model, {"words": np.array([b"a"], object)}, names)
    assert run.outputs["t/find"].tolist() == [1]
    assert run.outputs["v/Read"].tolist() == [1, 1]


def test_state_is_set_once_and_not_between_runs(tmp_path: Path) -> None:
    one = real_variable("v")
    add = node("add", "AssignAddVariableOp", "v", "v/value", dtype="float32")
    read = node("next", "ReadVariableOp", "v", "^add", dtype="float32")
    from inspector.backend.loading import LoadedModel
    from inspector.backend.predict import Run

    with LoadedModel(written(tmp_path / "count.pb", one, add, read)) as loaded:
        assert Run(loaded, {}, ["next"]).once()[0]["next"].tolist() == [2, 2]
        assert Run(loaded, {}, ["next"]).once()[0]["next"].tolist() == [3, 3]


def test_what_cannot_be_initialised_is_one_sentence(tmp_path: Path) -> None:
    nodes = real_table("t")
    model = written(tmp_path / "empty.pb", nodes[:3], nodes[4])
    words = {"words": np.array([b"a"], object)}
    with pytest.raises(RunFailed, match="it has no entries: no op of the graph fills it"):
        predict(model, words, ["t/find"])
    model = written(tmp_path / "none.pb", real_variable("v")[:2], real_variable("v")[3])
    with pytest.raises(MissingVariables, match="and no op of the graph assigns it"):
        predict(model, {}, ["v/Read"])


def test_an_initialiser_that_reads_a_file_is_refused(tmp_path: Path) -> None:
    nodes = real_table("t")
    del nodes[3]
    fill = node("t/fill", "InitializeTableFromTextFileV2", "t", "t/path")
    fill.attr["key_index"].i, fill.attr["value_index"].i = -2, -1
    path = nodes[1].__class__()
    path.CopyFrom(nodes[1])
    path.name = "t/path"
    path.attr["value"].tensor.tensor_shape.ClearField("dim")
    model = written(tmp_path / "file.pb", nodes, path, fill)
    with pytest.raises(BlockedOp, match="InitializeTableFromTextFileV2"):
        predict(model, {"words": np.array([b"a"], object)}, ["t/find"])


def test_a_named_init_op_runs_first(tmp_path: Path) -> None:
    two = node("two", "Const", dtype="float32", value=np.full(2, 2, np.float32))
    reset = node("reset", "AssignVariableOp", "v", "two", dtype="float32")
    model = written(tmp_path / "named.pb", real_variable("v"), two, reset)
    assert predict(model, {}, ["v/Read"]).outputs["v/Read"].tolist() == [1, 1]
    assert predict(model, {}, ["v/Read"], init_op="reset").outputs["v/Read"].tolist() == [2, 2]
    result = optimised(model, ["v/Read"], "").model
    assert graph(*result.graph).node("v").op == "Const"


@pytest.mark.parametrize("name", tf_models.BUILDERS)
def test_a_pb_of_any_model_answers_as_the_model(name: str, tmp_path: Path) -> None:
    fed = tf_models.BUILDERS[name](tmp_path / "model")
    frozen = freeze(open_model(tmp_path / "model"))
    graphdef.write(frozen, tmp_path / "frozen.pb")
    (signature,) = frozen.signatures.values()
    inputs = signatures.tensors_by_key(signature.inputs)
    outputs = signatures.tensors_by_key(signature.outputs)
    by_tensor = {inputs[key]: value for key, value in fed.items()}
    expected = tf_models.run_original(tmp_path / "model", fed)
    opened = open_model(tmp_path / "frozen.pb")
    answer = predict(opened, by_tensor, list(outputs.values())).outputs
    again = optimised(opened, list(outputs.values()), "").model
    saved_model_writer.write(again, tmp_path / "again")
    reloaded = predict(open_model(tmp_path / "again"), by_tensor, list(outputs.values())).outputs
    for key, tensor in outputs.items():
        for ours in (answer[tensor], reloaded[tensor]):
            if expected[key].dtype == object:
                assert ours.tolist() == expected[key].tolist()
            else:
                np.testing.assert_allclose(ours, expected[key], rtol=1e-6, atol=1e-6)
