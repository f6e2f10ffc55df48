"""Bad input in a page: one clear message, the page stays, and nothing is lost."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from inspector import locations
from inspector.jobs.client.default_runner import default_runner
from inspector.jobs.job import Job, JobResult, Order, Run
from inspector.jobs.requests import Limits, Request
from inspector.ui.session import open_model
from inspector.ui.session.job_links import LinkedJob
from tests.conftest import ROOT
from tests.graphs import const, graph, node
from tests.pages import app

IRIS = locations.sample_models() / "iris" / "saved_model"


def only_error(at: AppTest) -> str:
    assert not at.exception
    (error,) = at.error
    return str(error.value).replace("\\", "")


def opened_path(path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("INSPECTOR_ROOTS", str(path.parent))
    at = app.started()
    at.text_input(key="open_path_text").set_value(str(path)).run()
    at.button(key="open_path").click()
    return app.settled(at.run())


def test_a_file_that_is_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "notes.pb").write_text("this is a shopping list, not a graph\n" * 20)
    message = only_error(opened_path(tmp_path / "notes.pb", monkeypatch))
    assert message.startswith("notes.pb: ")
    assert str(tmp_path) not in message


def test_a_file_that_is_cut_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = (IRIS / "saved_model.pb").read_bytes()
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / "saved_model.pb").write_bytes(whole[: len(whole) // 2])
    message = only_error(opened_path(tmp_path / "cut", monkeypatch))
    assert "saved_model.pb" in message or "cut" in message


def test_a_path_outside_of_the_allowed_folders_tells_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSPECTOR_ROOTS", str(tmp_path))
    messages = []
    for path in ("/etc/passwd", "/etc/no_such_file", "../../etc/passwd"):
        at = app.started()
        at.text_input(key="open_path_text").set_value(path).run()
        at.button(key="open_path").click().run()
        messages.append(only_error(at).partition(": ")[2])
    assert len(set(messages)) == 1
    assert "INSPECTOR_ROOTS" in messages[0]


def test_missing_variables_open_with_a_warning_and_fail_to_freeze(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "saved_model.pb").write_bytes((IRIS / "saved_model.pb").read_bytes())
    at = opened_path(tmp_path / "bare", monkeypatch)
    assert not at.error
    assert any("variables" in warning.value for warning in at.warning)
    app.on(at, "optimise")
    at.button(key="run").click()
    app.settled(at.run())
    assert "variables" in only_error(at)
    assert app.on(at, "overview").metric


def test_what_failed_for_one_model_is_not_told_of_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "saved_model.pb").write_bytes((IRIS / "saved_model.pb").read_bytes())
    at = app.on(opened_path(tmp_path / "bare", monkeypatch), "optimise")
    at.button(key="run").click()
    app.settled(at.run())
    assert at.error
    app.home(at).button(key="sample_iris").click()
    app.on(app.settled(at.run()), "optimise")
    assert not at.error


def test_closing_a_model_stops_its_jobs() -> None:
    at = app.on(app.opened("iris"), "predict")
    at.segmented_control(key="feed_kind").set_value("range").run()
    at.number_input(key="feed_n").set_value(200_000).run()
    at.slider(key="runs").set_value(50).run()
    at.button(key="predict").click().run()
    job = at.session_state["job:predict"].job
    at.switch_page("app.py")
    at.run().button(key="close_model").click().run()
    assert job.cancelled() or job.exception(20) is not None
    assert not at.exception
    assert not app.on(at, "predict").error


def test_an_unknown_output_is_not_chosen_and_names_close_ones() -> None:
    at = app.on(app.opened("iris"), "optimise")
    at.text_input(key="typed_output").set_value("dnn/head/predictions/probabilitie").run()
    assert at.session_state["outputs"] == []
    (error,) = at.error
    assert "did you mean 'dnn/head/predictions/probabilities'" in error.value.replace("\\", "")
    at.text_input(key="typed_output").set_value("dnn/head/predictions/probabilities").run()
    assert not at.error
    assert at.session_state["outputs"] == ["dnn/head/predictions/probabilities"]


def test_an_output_port_that_does_not_exist_is_not_chosen() -> None:
    at = app.on(app.opened("iris"), "optimise")
    at.text_input(key="typed_output").set_value("dnn/head/predictions/probabilities:3").run()
    assert at.session_state["outputs"] == []
    assert "the node has 1 output" in at.error[0].value


def test_a_checkpoint_without_a_graph_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in (IRIS / "variables").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    at = app.on(opened_path(tmp_path / "variables.index", monkeypatch), "optimise")
    assert not at.button
    assert "holds weights and no graph" in at.info[0].value


def test_a_model_with_functions_alone_asks_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = ROOT / "tests" / "models" / "tf221" / "no_signatures"
    at = app.on(opened_path(folder, monkeypatch), "optimise")
    assert at.button(key="run").disabled
    assert "Select one of its functions under Signature" in at.warning[0].value


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("fold_everything", "not recognized"),
        ("remove_nodes(op=Identity", ")"),
        ("remove_nodes", "op"),
        ("quantize_weights(minimum_size=many)", "minimum_size"),
    ],
)
def test_transforms_that_cannot_be_read_leave_the_list_as_it_was(typed: str, reason: str) -> None:
    at = app.on(app.opened("iris"), "optimise")
    before = [item.call for item in at.session_state["pipeline_items"]]
    at.text_area(key="pipeline_text").set_value(typed)
    at.button(key="run").click()  # a browser sends the edit with the click
    app.settled(at.run())
    assert reason in only_error(at)
    assert [item.call for item in at.session_state["pipeline_items"]] == before
    assert at.button(key="run").disabled
    assert "not a valid list of transforms" in at.warning[0].value
    assert "result" not in at.session_state
    assert not at.success


def test_a_text_that_is_corrected_can_be_run() -> None:
    at = app.on(app.opened("iris"), "optimise")
    at.text_area(key="pipeline_text").set_value("fold_everything").run()
    assert at.button(key="run").disabled
    at.text_area(key="pipeline_text").set_value("sort_by_execution_order").run()
    assert not at.warning
    assert not at.button(key="run").disabled
    at.text_area(key="pipeline_text").set_value("fold_everything").run()
    at.radio(key="preset").set_value("tidy").run()
    assert not at.button(key="run").disabled


def test_the_text_form_and_the_list_are_one() -> None:
    at = app.on(app.opened("iris"), "optimise")
    at.text_area(key="pipeline_text").set_value("fold_constants remove_nodes(op=Identity)").run()
    items = at.session_state["pipeline_items"]
    assert [item.call.name for item in items] == ["fold_constants", "remove_nodes"]
    at.button(key=f"down_{items[0].id}").click().run()
    assert at.text_area(key="pipeline_text").value == "remove_nodes(op=Identity)\nfold_constants"
    at.button(key=f"drop_{items[0].id}").click().run()
    assert at.text_area(key="pipeline_text").value == "remove_nodes(op=Identity)"


def test_feeds_that_do_not_fit_say_what_would() -> None:
    at = app.on(app.opened("iris"), "predict")
    at.segmented_control(key="feed_kind").set_value("typed").run()
    run = at.button(key="predict")
    assert run.disabled
    reason = next(item.value for item in at.caption if "Fill in" in item.value)
    assert "petal\\_length" in reason
    assert not at.error


def test_numbers_of_a_picture_that_do_not_fit_say_so_at_the_field() -> None:
    at = app.on(app.opened("shapes"), "predict")
    at.segmented_control(key="feed_kind").set_value("typed").run()
    assert any("upload a PNG or JPEG" in item.value for item in at.caption)
    at.toggle(key="as_json_image").set_value(True).run()
    at.text_area(key="typed_image").set_value("[1.0, 2.0").run()
    assert "is no JSON list or number" in only_error(at).replace("\\", "")
    assert at.button(key="predict").disabled


def with_answer(change: Callable[[dict[str, Any]], None], blob: str) -> AppTest:
    """The app on its first page, with the answer to opening Iris after a change of one blob.

    A model that takes its worker over writes the answer that the page reads.
    """
    at = app.started()
    source = default_runner().workspace.add_folder(IRIS)
    answer = default_runner().submit("open", {"tag_set": None}, model=source).result(60)
    table = json.loads(answer.blobs[blob])
    change(table)
    blobs = {**answer.blobs, blob: json.dumps(table).encode()}
    order = Order(Request("open", "x:x"), {}, {}, Limits(), None, None, None, 0, False)
    job = Job(Run(order), "a session", lambda _job: False)
    job.set_result(JobResult(answer.value, blobs))
    at.session_state[open_model.PENDING] = (source, open_model.Extras(), None)
    at.session_state["job:open"] = LinkedJob("open", "Opening", job, "", time.monotonic())
    return at.run()


def test_a_malformed_node_table_of_a_worker_is_one_error() -> None:
    at = with_answer(lambda table: table.update(op=[[]] * len(table["op"])), "summary")
    assert only_error(at) == "node table: JSON: op has elements of wrong types"
    assert "model" not in at.session_state


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda table: table["bodies"].pop("op"), "no column op"),
        (lambda table: table["bodies"]["op"].append("If"), "columns of different lengths"),
        (lambda table: table["bodies"]["name"].append(5), "name has elements of wrong types"),
        (lambda table: table["functions"].update(a=5), "functions has elements of wrong types"),
    ],
)
def test_a_malformed_table_of_operations_is_one_error(
    change: Callable[[dict[str, Any]], None], reason: str
) -> None:
    at = app.on(with_answer(change, "operations"), "operations")
    assert only_error(at) == f"table of operations: JSON: {reason}"


def test_several_refused_ops_share_one_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = [
        node(f"read_{index}", op, "name")
        for index, op in enumerate(("ReadFile", "MatchingFiles", "WholeFileReaderV2"))
    ]
    nodes = graph(const("name", b"/etc/hosts"), *reading)
    path = tmp_path / "reading.pb"
    path.write_bytes(nodes.to_proto().SerializeToString())
    at = app.on(opened_path(path, monkeypatch), "overview")
    (warning,) = [str(item.value) for item in at.warning if "Inspecting is safe" in str(item.value)]
    assert "ReadFile" in warning
    assert "MatchingFiles" in warning


def test_more_rows_than_a_job_has_memory_for_are_said_before_it_runs() -> None:
    at = app.on(app.opened("iris"), "predict")
    at.segmented_control(key="feed_kind").set_value("range").run()
    assert not at.warning
    at.number_input(key="feed_n").set_value(300_000).run()
    (warning,) = at.warning
    assert warning.value == (
        "A job has 3.0 GiB of memory, which is enough for about 260,000 rows of this model."
    )
