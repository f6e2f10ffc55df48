"""TFLite as the target of Optimise, recipes for given files, samples, what stays float."""

from __future__ import annotations

import json
import shlex
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from streamlit.testing.v1 import AppTest

from inspector import api, locations
from inspector.cli.main import cli
from inspector.jobs.client.default_runner import default_runner
from inspector.reporting import from_answers
from inspector.ui.screens import latency, output_comparison, predict
from inspector.ui.screens.quantising import failed_nodes, layer_table, samples_choice, target
from inspector.ui.screens.reports import report_file
from inspector.ui.screens.timing import batch_sizes
from inspector.ui.session.state import COMPARE_VIEW
from inspector.view.state import actions, overlay
from tests.pages import app

pytestmark = pytest.mark.tensorflow

IRIS = locations.sample_models() / "iris" / "saved_model"
ROWS = locations.sample_models() / "iris" / "iris.csv"


def widget(at: AppTest, kind: str, key: str) -> Any:
    return next(item for item in at.get(kind) if item.key == key)


def to_tflite(at: AppTest, recipe: str) -> AppTest:
    """The Optimise page with TFLite and a recipe chosen."""
    at = app.on(at, "optimise")
    widget(at, "button_group", target.TARGET).set_value(target.TFLITE)
    at = app.settled(at.run())
    at.selectbox(key=target.RECIPE).set_value(recipe)
    return app.settled(at.run())


def run(at: AppTest) -> AppTest:
    at.button(key="run").click()
    at = app.settled(at.run())
    assert not at.exception
    return at


def result_file(at: AppTest) -> Path:
    return Path(at.session_state["result"].folder) / "model.tflite"


def lite_answers(path: Path) -> dict[str, np.ndarray]:
    """What LiteRT answers on the rows of the sample, without any of our code."""
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(str(path)).get_signature_runner()
    columns = np.genfromtxt(ROWS, delimiter=",", names=True)
    names = runner.get_input_details()
    return dict(runner(**{name: columns[name].astype(np.float32) for name in names}))


@pytest.fixture(scope="module")
def dynamic() -> AppTest:
    return run(to_tflite(app.opened("iris"), "dynamic"))


def test_a_saved_model_becomes_a_quantised_tflite_file(dynamic: AppTest) -> None:
    text = app.texts(dynamic)
    assert "TFLite, quantised by dynamic" in text
    answers = lite_answers(result_file(dynamic))["probabilities"]
    reference = tensorflow_answers(result_file(dynamic).with_name("optimised.pb"))
    assert answers.shape == (150, 3)
    # Weights of 8 bits, one scale for each channel, move the probabilities by less than 0.05 here.
    assert 0 < np.abs(answers - reference).max() < 0.05
    assert (answers.argmax(1) == reference.argmax(1)).all()


def test_compare_and_predict_run_the_tflite_file(
    dynamic: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(latency, "cores", lambda: 2)
    file = result_file(dynamic)
    at = app.on(dynamic, "compare")
    assert not at.exception
    text = app.texts(at)
    assert "Predictions" in text
    assert widget(at, "download_button", "download_model.tflite")
    answer = at.session_state[output_comparison.ANSWER][1]
    by_name = {side["name"]: side for side in answer["sides"]}
    difference = by_name["optimised"]["outputs"]["dnn/head/predictions/probabilities:0"]
    opened = tensorflow_answers(IRIS)
    expected = np.abs(lite_answers(file)["probabilities"] - opened)[: answer["rows"]].max()
    assert difference["max_abs"] == pytest.approx(expected, rel=1e-3)
    at.button(key="measure_latency").click()
    at = app.settled(at.run())
    (measured,) = at.session_state[latency.ANSWER].values()
    assert [side["runtime"] for side in measured["sides"]][:1] == ["TensorFlow"]
    assert {side["name"]: side["runtime"] for side in measured["sides"]}["optimised"] == "LiteRT"
    assert batch_sizes.ANSWER not in at.session_state, "no batch size is timed unasked"
    monkeypatch.setattr(batch_sizes, "BUDGET_S", 0.5)
    at.segmented_control(key="latency_threads").set_value(2).run()
    at.button(key="measure_batch_sizes").click()
    at = app.settled(at.run())
    assert not at.exception
    assert not at.error
    (swept,) = at.session_state[batch_sizes.ANSWER].values()
    assert (swept["runtimes"], swept["threads"]) == (["TensorFlow", "LiteRT"], 2)
    assert [batch["batch"] for batch in swept["batches"]] == [1, 2, 4, 8, 16, 32]
    timed = [batch for batch in swept["batches"] if batch["sides"]]
    rows = next(item.value for item in at.dataframe if "rows per run" in item.value)
    assert list(rows["rows per run"]) == [batch["batch"] for batch in timed]
    assert all(cell.endswith(" ms") for cell in rows["median, optimised"])
    charts = [json.loads(item.proto.spec) for item in at.get("vega_lite_chart")]
    axes = [chart["encoding"]["x"] for chart in charts]
    scales = [axis["scale"] for axis in axes if axis.get("field") == "batch"]
    assert scales == [{"base": 2, "nice": False, "type": "log"}] * 2
    session = at.session_state._state.filtered_state
    said = report_file.answers(session["model"], session["result"], session)
    in_report = from_answers.contents(said).batch_rows()
    assert [row["batch"] for row in in_report] == [batch["batch"] for batch in timed]
    at = app.on(at, "predict")
    at.button(key="predict").click()
    at = app.settled(at.run())
    assert not at.exception
    value = at.session_state[predict.ANSWER]
    heads = value["outputs"]["dnn/head/predictions/probabilities:0"]["heads"]
    np.testing.assert_allclose(heads["optimised"], lite_answers(file)["probabilities"], atol=1e-6)


def test_the_copied_command_makes_the_same_file(dynamic: AppTest, tmp_path: Path) -> None:
    at = app.on(dynamic, "optimise")
    command = shlex.split(next(name for name in app.names(at) if "inspector optimise" in name))
    assert "--to=tflite" in command
    assert "--quantise=dynamic" in command
    folder = str(locations.sample_models())
    words = [word.replace("sample_models/", f"{folder}/") for word in command[1:]]
    out = tmp_path / "out.tflite"
    words[words.index("-o") + 1] = str(out)
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.output
    assert out.read_bytes() == result_file(dynamic).read_bytes()


def test_int8_needs_samples_that_fit(tmp_path: Path) -> None:
    at = to_tflite(app.opened("iris"), "int8")
    assert "150 rows; they fit the model" in app.texts(at)
    at.session_state[samples_choice.KIND] = samples_choice.FILE
    at = app.settled(at.run())
    assert at.button(key="run").disabled
    for name, data, error in (
        ("rows.csv", b"petal\n1\n", "petal"),
        ("nan.json", rows_json(float("nan")), "holds nan"),
        ("text.json", b"[1, 2]", "no object of lists"),
    ):
        send(at, name, data)
        at = app.settled(at.run())
        assert any(error in item.value for item in at.error), (name, app.texts(at))
        assert at.button(key="run").disabled
    send(at, "good.json", rows_json(1.5))
    at = app.settled(at.run())
    assert not at.error
    at = run(at)
    lite = at.session_state["result"].lite
    assert (lite["quantised"]["rows"], lite["quantised"]["rows_from"]) == (2, "samples")
    assert "QUANTIZE" in lite["ops"]


def test_samples_are_rows_of_predict() -> None:
    at = app.opened("iris")
    at = to_tflite(at, "int8")
    at.session_state[samples_choice.KIND] = samples_choice.PREDICT
    at = app.settled(at.run())
    assert at.button(key="run").disabled
    at = app.on(at, "predict")
    at.button(key="predict").click()
    at = app.on(app.settled(at.run()), "optimise")
    assert not at.button(key="run").disabled
    assert "150 rows; they fit the model" in app.texts(at)


def test_what_stays_float_and_the_worst_layers() -> None:
    at = run(to_tflite(app.opened("iris"), "dynamic"))
    before = at.session_state["result"].lite
    at.button(key="measure_layers").click()
    at = app.settled(at.run())
    measured = layer_table.differences_of(at.session_state[layer_table.ANSWER])
    assert len(measured) > 1
    worst = max(measured, key=measured.__getitem__)
    at.button(key="keep_worst").click()
    at = app.settled(at.run())
    assert at.session_state[target.KEEP_NODES] == [worst]
    at = run(at)
    after = at.session_state["result"].lite
    assert after["quantised"]["types"]["int8"] == before["quantised"]["types"]["int8"] - 1
    # Exactly the weights of the worst layer are stored in four times the bytes.
    assert after["bytes"] > before["bytes"] + 3 * 512 * 512 * 0.9
    at.text_area(key=target.KEEP).set_value("(")
    at = app.settled(at.run())
    assert at.button(key="run").disabled
    assert any("no regular expression" in item.value for item in at.error)
    at.text_area(key=target.KEEP).set_value("dnn/")
    at = app.settled(at.run())
    at.button(key="run").click()
    at = app.settled(at.run())
    assert any("nothing was quantised" in item.value for item in at.error)


def test_a_given_tflite_file_is_quantised_and_then_recognised(
    dynamic: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSPECTOR_ROOTS", str(tmp_path))
    given = tmp_path / "given.tflite"
    shutil.copyfile(result_file(dynamic).with_name("float.tflite"), given)
    at = app.on(opened_file(given), "optimise")
    assert not at.exception
    command = next(name for name in app.names(at) if "inspector convert" in name)
    assert "--quantise=dynamic" in command
    at = run(at)
    assert "TFLite, quantised by dynamic" in app.texts(at)
    file = result_file(at)
    assert file.stat().st_size < 0.4 * given.stat().st_size
    at = app.on(at, "compare")
    assert not at.exception
    answer = at.session_state[output_comparison.ANSWER][1]
    assert answer["sides"][0]["name"] == "optimised"
    at = app.on(at, "predict")
    at.button(key="predict").click()
    at = app.settled(at.run())
    assert not at.exception
    assert not at.error
    value = at.session_state[predict.ANSWER]
    assert [side["name"] for side in value["sides"]] == ["as opened", "optimised"]
    assert value["agreement"]["optimised"]["probabilities"]["argmax_equal"] > 0.9
    shutil.copyfile(file, tmp_path / "small.tflite")
    at = app.on(opened_file(tmp_path / "small.tflite"), "optimise")
    assert any("is already quantised" in item.value for item in at.info)


def test_a_click_in_the_picture_keeps_a_node_in_float(
    dynamic: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSPECTOR_ROOTS", str(tmp_path))
    shutil.copyfile(result_file(dynamic).with_name("float.tflite"), tmp_path / "given.tflite")
    at = opened_file(tmp_path / "given.tflite")
    tree, node = at.session_state["model"].hierarchy, "dnn/hiddenlayer_1/MatMul"
    at.session_state["view_state"] = actions.show(tree, actions.first(tree), [node])
    at = app.on(at, "graph")
    at.button(key="pick_float").click()
    at = app.settled(at.run())
    assert not at.exception
    assert at.session_state[target.KEEP_NODES] == [node]
    at = run(app.on(at, "optimise"))
    # Three weights are large enough for the recipe.
    assert at.session_state["result"].lite["quantised"]["types"] == {"int8": 2}


def test_keep_in_float_on_compare_and_the_overlay_of_sensitivity(tmp_path: Path) -> None:
    at = run(to_tflite(app.opened("iris"), "dynamic"))
    at.button(key="measure_layers").click()
    at = app.settled(at.run())
    differences = layer_table.differences_of(at.session_state[layer_table.ANSWER])
    at = app.on(at, "graph")
    at.selectbox(key="colour_by").set_value(overlay.SENSITIVITY)
    at = app.settled(at.run())
    assert not at.exception
    tree = at.session_state["model"].hierarchy
    strengths = overlay.boxes(tree, list(differences), overlay.SENSITIVITY, differences)
    assert {name: figure.value for name, figure in strengths.items()} == pytest.approx(differences)
    tree, node = at.session_state["result"].both, max(differences, key=differences.__getitem__)
    at.session_state[COMPARE_VIEW] = actions.show(tree, actions.first(tree), [node])
    at = app.on(at, "compare")
    next(button for button in at.button if button.label == "Keep in float").click()
    at = app.settled(at.run())
    assert not at.exception
    assert at.session_state[target.KEEP_NODES] == [node]


def test_a_fixed_batch_is_in_the_file_and_flex_keeps_what_has_no_operator() -> None:
    at = to_tflite(app.opened("iris"), "none")
    at.number_input(key=target.BATCH).set_value(7)
    at = run(app.settled(at.run()))
    inputs = api.describe(api.open_model(result_file(at))).to_dict()["placeholders"]
    assert {tuple(one["shape"]) for one in inputs} == {(7,)}
    at = app.on(app.opened("reviews"), "optimise")
    widget(at, "button_group", target.TARGET).set_value(target.TFLITE)
    at = app.settled(at.run())
    next(item for item in at.toggle if item.key == target.FLEX).set_value(True)
    at = run(app.settled(at.run()))
    assert not at.error
    assert at.session_state["result"].lite["flex_ops"]
    assert any("LiteRT needs the Flex delegate" in item.value for item in at.warning)


def test_what_does_not_convert_is_listed_and_marked_in_the_picture() -> None:
    at = app.on(app.opened("reviews"), "optimise")
    widget(at, "button_group", target.TARGET).set_value(target.TFLITE)
    at = app.settled(at.run())
    at.button(key="run").click()
    at = app.settled(at.run())
    nodes = job_status_nodes(at)
    assert nodes
    assert any("has no operator" in item.value for item in at.error)
    shown = at.session_state[failed_nodes.MARKED]
    assert set(shown) <= set(at.session_state["model"].summary.names)
    assert any(row["node"] in name for row in nodes for name in shown)
    at = app.on(at, "graph")
    assert not at.exception


def tensorflow_answers(path: Path) -> np.ndarray:
    """The probabilities that TensorFlow computes on the rows of the sample."""
    model = api.open_model(path)
    feeds = api.read_feeds(str(ROWS), api.open_model(IRIS))
    name = "dnn/head/predictions/probabilities:0"
    return api.predict(model, feeds, [name]).outputs[name]


def rows_json(value: float) -> bytes:
    """Two rows of the inputs of the sample, with a value in the second."""
    names = ("petal_length", "petal_width", "sepal_length", "sepal_width")
    return json.dumps({name: [1.0, value] for name in names}).encode()


def send(at: AppTest, name: str, data: bytes) -> None:
    """What the server does with a file that the browser sends to the field."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(data)
        box = at.session_state[f"inbox:{samples_choice.FILE_FIELD}"]
        box.model = default_runner().workspace.add_folder(path)


def opened_file(path: Path) -> AppTest:
    """The app with a file of an allowed folder open."""
    at = app.started()
    at.text_input(key="open_path_text").set_value(str(path)).run()
    at.button(key="open_path").click()
    return app.on(app.settled(at.run()), "overview")


def job_status_nodes(at: AppTest) -> list[dict[str, str]]:
    return list(at.session_state["failed_nodes:optimise"])
