"""Hostile models through everything that runs one: refused with the reason, canary untouched."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner

import inspector
from inspector.cli.main import COMMANDS, cli
from inspector.errors import BlockedOp, InspectorError
from inspector.graph.protos import GraphDef
from inspector.passes.presets import PRESETS
from inspector.safety.reach import blocked_ops
from tests.attack_models import ATTACKS, KINDS, SECRET, const, node, of, placeholder

pytestmark = pytest.mark.tensorflow

v1 = tf.compat.v1


@pytest.fixture(params=sorted(ATTACKS))
def attack(request, tmp_path):
    return ATTACKS[request.param](tmp_path / "canary")


@pytest.fixture
def path(attack, tmp_path):
    if attack.assets or attack.init_op:
        return attack.save_model(tmp_path / "saved_model")
    return attack.save_graph(tmp_path / "model.pb")


def assert_untouched(attack, *texts):
    """Nothing was written, and no line of the file that was to be read came out."""
    if attack.writes:
        assert not attack.target.exists()
    elif attack.name != "descriptor_source":  # what comes out there is the model's own
        assert not any(SECRET in text for text in texts)


def inputs_of(attack):
    return [name.partition(":")[0] for name in attack.feeds if name != "pair:0"]


def test_there_is_an_attack_of_each_kind(tmp_path):
    made = [build(tmp_path / name) for name, build in ATTACKS.items()]
    assert {item.kind for item in made} == set(KINDS)
    assert [item.name for item in made] == list(ATTACKS)


def test_each_attack_works_in_plain_tensorflow(attack, path):
    config = v1.ConfigProto()
    if not attack.optimised:  # Grappler fails on some of these, after the deed
        config.graph_options.rewrite_options.disable_meta_optimizer = True
        config.graph_options.optimizer_options.opt_level = -1
    with v1.Session(graph=tf.Graph(), config=config) as session:
        if path.is_dir():
            v1.saved_model.load(session, ["serve"], str(path))
        else:
            v1.import_graph_def(v1.GraphDef.FromString(path.read_bytes()), name="")
        values = session.run(list(attack.fetches), attack.feeds)
    if attack.writes:
        assert attack.target.exists()
    else:
        assert SECRET in np.asarray(values[0]).item().decode()


def test_predict_refuses(attack, path):
    model = inspector.open_model(path)
    if attack.harmless_fetch:
        done = inspector.predict(model, attack.feeds, list(attack.fetches))
        assert done.outputs[attack.fetches[0]] == -1
        assert_untouched(attack)
        return
    with pytest.raises(BlockedOp, match=attack.refused) as refused:
        inspector.predict(model, attack.feeds, list(attack.fetches))
    assert "not run for a model you may not know" in str(refused.value)
    assert_untouched(attack, str(refused.value))


CHANGING = f"{PRESETS['tidy'].transforms} set_device(device=/cpu:0)"
"""Changes a node of every graph, so that a check runs it."""


@pytest.mark.parametrize("check", [False, True], ids=["plain", "check"])
def test_optimise_runs_nothing_of_it(attack, path, check):
    model = inspector.open_model(path)
    outputs = [name.partition(":")[0] for name in attack.fetches]
    try:
        done = inspector.optimise(model, inputs_of(attack), outputs, CHANGING, check=check)
    except InspectorError as err:
        assert_untouched(attack, str(err))
        return
    record = json.dumps(done.record())
    assert_untouched(attack, record, str(done.model.graph.to_proto()))
    if attack.foldable:
        whys = [skip.why for step in done.steps for skip in step.skipped]
        assert any(attack.refused in why and "not computed ahead" in why for why in whys)
    if check and not attack.harmless_fetch:
        checks = [step.check for step in done.steps if step.check is not None and step.changes]
        assert checks
        assert {item.status for item in checks} == {"unchecked"}
        assert any(attack.refused in item.why for item in checks)


def test_blame_runs_nothing_of_it(attack, path):
    model = inspector.open_model(path)
    try:
        done = inspector.blame(model, model, attack.feeds, outputs=list(attack.fetches), every=True)
    except InspectorError as err:
        assert_untouched(attack, str(err))
        return
    assert_untouched(attack, json.dumps(done.to_dict()))


def test_freeze_runs_nothing_of_it(attack, path):
    try:
        frozen = inspector.freeze(inspector.open_model(path), list(attack.fetches))
    except InspectorError as err:
        assert_untouched(attack, str(err))
    else:
        assert_untouched(attack, str(frozen.graph.to_proto()) if not attack.init_op else "")


def test_the_command_line_refuses(attack, path, tmp_path):
    feeds = tmp_path / "feeds.npz"
    np.savez(feeds, **{name: np.asarray(value) for name, value in attack.feeds.items()})
    fetches = ",".join(attack.fetches)
    arguments = ["predict", str(path), "--fetches", fetches, "--feeds", str(feeds)]
    done = CliRunner().invoke(cli, arguments)
    assert_untouched(attack, done.output)
    if not attack.harmless_fetch and "pair:0" not in attack.feeds:
        assert done.exit_code == 1
        assert attack.refused in done.output


@pytest.mark.parametrize("kind", [GraphDef, v1.GraphDef], ids=["ours", "tensorflow"])
def test_folding_a_hostile_graph_by_hand_runs_nothing(attack, kind):
    if attack.init_op:
        pytest.skip("works as a SavedModel only")
    graph = kind.FromString(attack.graph.SerializeToString())
    transforms = ["fold_constants(ignore_errors=true)"]
    outputs = [name.partition(":")[0] for name in attack.fetches]
    inspector.TransformGraph(graph, inputs_of(attack), outputs, transforms)
    assert_untouched(attack)


@pytest.mark.parametrize("fed", [True, False])
def test_tensorflow_runs_nothing_for_a_placeholder_that_is_fed(fed, tmp_path):
    """What `reach` takes for granted of control edges: only a fed placeholder ends them."""
    target = tmp_path / "canary"
    waiting = placeholder("x")
    waiting.input.append("^write")
    graph = of(
        [
            const("path", str(target)),
            node("write", "WriteFile", "path", "path"),
            waiting,
            node("y", "Identity", "x", "^x", T=1),
            const("other", np.float32(1), "^x"),
        ]
    )
    with v1.Session(graph=tf.Graph()) as session:
        v1.import_graph_def(v1.GraphDef.FromString(graph.SerializeToString()), name="")
        if fed:
            assert session.run("y:0", {"x:0": 1.0}) == 1
        else:
            with pytest.raises(tf.errors.InvalidArgumentError):
                session.run("other:0")
    assert target.exists() != fed
    assert blocked_ops(graph, ["y:0"], feeds=["x:0"] if fed else []) == (
        [] if fed else [("WriteFile", "writes files on the server")]
    )


def test_optimise_with_a_check_on_the_command_line(attack, path, tmp_path):
    outputs = ",".join(name.partition(":")[0] for name in attack.fetches)
    arguments = ["optimise", str(path), "-o", str(tmp_path / "out.pb"), "--outputs", outputs]
    record = tmp_path / "record.json"
    done = CliRunner().invoke(cli, [*arguments, "--check", "--record", str(record)])
    assert done.exit_code in (0, 1), done.output
    assert_untouched(attack, done.output, record.read_text() if record.exists() else "")
    if attack.foldable:
        assert f"not computed ahead: {attack.refused}" in record.read_text()


# The arguments of every other command that takes a model.
OTHER_COMMANDS = {
    "describe": ["{model}", "--json"],
    "ops": ["{model}", "--json"],
    "scan": ["{model}"],
    "diff": ["{model}", "{model}"],
    "render": ["{model}", "-o", "{folder}/picture.svg"],
    "freeze": ["{model}", "-o", "{folder}/frozen.pb", "--outputs", "{outputs}"],
    "convert": ["{model}", "-o", "{folder}/new", "--to", "saved_model", "--outputs", "{outputs}"],
    "sensitivity": ["{model}", "--quantise", "dynamic"],
    "benchmark": ["{model}", "--runs", "1"],
    "benchmark --batches 1,2": ["{model}", "--budget", "0.01"],
    "profile": ["{model}", "--budget", "0.01"],
    "compare": ["{model}", "{model}"],
    "report": ["{model}", "{model}", "-o", "{folder}/report.html"],
    "sweep": ["{model}", "-o", "{folder}/swept", "--preset", "tidy"],
    "search": ["{model}", "--outputs", "{outputs}", "--budget", "0.1"],
    "transform_graph": [
        *("--in_graph={model}", "--out_graph={folder}/transformed.pb", "--outputs={outputs}"),
        "--transforms=fold_constants(ignore_errors=true)",
    ],
}


def test_every_command_that_takes_a_model_is_attacked() -> None:
    without_model = {"app", "doctor", "schema", "transforms"}
    attacked = {*(words.split()[0] for words in OTHER_COMMANDS), "predict", "optimise"}
    assert {command.name for command in COMMANDS} == attacked | without_model


@pytest.mark.parametrize("command", OTHER_COMMANDS)
def test_other_commands_run_nothing_of_it(attack, path, tmp_path, command):
    outputs = ",".join(name.partition(":")[0] for name in attack.fetches)
    folder = tmp_path / "written"
    folder.mkdir()
    values = {"model": str(path), "folder": str(folder), "outputs": outputs}
    arguments = [argument.format(**values) for argument in OTHER_COMMANDS[command]]
    done = CliRunner().invoke(cli, [*command.split(), *arguments])
    assert done.exit_code in (0, 1, 3), done.output
    written = [file.read_text("utf-8", "replace") for file in folder.glob("report.html")]
    assert_untouched(attack, done.output, *written)
