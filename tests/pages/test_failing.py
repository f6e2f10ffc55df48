"""Bad input in a page: one clear message, the page stays, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from inspector import locations
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
    job = at.session_state["job:predict"][0]
    at.switch_page("app.py")
    at.run().button(key="close_model").click().run()
    assert job.cancelled() or job.exception(20) is not None
    assert not at.exception
    assert not app.on(at, "predict").error


def test_an_unknown_output_names_close_ones() -> None:
    at = app.on(app.opened("iris"), "optimise")
    at.text_input(key="typed_output").set_value("dnn/head/predictions/probabilitie").run()
    at.button(key="run").click()
    app.settled(at.run())
    assert "did you mean 'dnn/head/predictions/probabilities'" in only_error(at)


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("fold_everything", "not recognized"),
        ("remove_nodes(op=Identity", ")"),
        ("remove_nodes", "op"),
        ("quantize_weights(minimum_size=many)", "minimum_size"),
    ],
)
def test_transforms_that_cannot_be_read_leave_the_list_as_it_was(typed: str, told: str) -> None:
    at = app.on(app.opened("iris"), "optimise")
    before = [item.call for item in at.session_state["pipeline_items"]]
    at.text_area(key="pipeline_text").set_value(typed).run()
    assert told in only_error(at)
    assert [item.call for item in at.session_state["pipeline_items"]] == before


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
    at.text_area(key="typed_petal_length").set_value("[1.0, 2.0").run()
    at.button(key="predict").click()
    app.settled(at.run())
    assert "petal_length" in only_error(at)
    assert at.button(key="predict")
    assert "prediction" not in at.session_state
