"""An address says what was chosen and what is shown; what does not fit the model is left out."""

from __future__ import annotations

import shutil
from urllib.parse import parse_qs, urlencode

import pytest
from streamlit.testing.v1 import AppTest

from inspector import locations
from inspector.jobs.client.default_runner import default_runner
from inspector.passes.presets import PRESETS
from inspector.ui.session import address, job_status, state
from tests.pages import app

SOFTMAX = "dnn/head/predictions/probabilities"
LIST = "remove_nodes(op=Identity) fold_constants(ignore_errors=true)"


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_status, "PATIENCE_S", app.PATIENCE_S)


def linked(**params: str | list[str]) -> AppTest:
    """The app on its first page after an address was opened: it knows the model and the form."""
    at = AppTest.from_file(str(locations.app_root() / "app.py"), default_timeout=60)
    for key, value in params.items():
        at.query_params[key] = value
    return app.settled(at.run())


def written(at: AppTest) -> dict[str, list[str]]:
    """The parameters of the address once the app has been drawn."""
    app.home(at)
    return parse_qs(urlencode(dict(at.query_params), doseq=True), keep_blank_values=True)


def test_the_form_of_an_address_is_on_the_page_and_in_the_next_address() -> None:
    form = {
        "out": [SOFTMAX],
        "list": [LIST],
        "set": ["sepal_width=[0.5]"],
        "check": ["False"],
        "violation": ["rollback"],
    }
    at = linked(sample="iris", **form)
    at = app.on(at, "optimise")
    assert not at.exception
    assert not at.warning
    assert at.text_area(key="pipeline_text").value.split() == LIST.split()
    assert at.toggle(key="check_steps").value is False
    assert at.selectbox(key="on_violation").value == "rollback"
    names = app.names(at)
    assert SOFTMAX in names
    assert "sepal_width=[0.5]" in names
    assert written(at) == {"sample": ["iris"], **form}


def test_a_preset_is_named_and_the_defaults_are_not_written() -> None:
    at = linked(sample="iris", preset="smaller")
    at = app.on(at, "optimise")
    assert at.text_area(key="pipeline_text").value.split() == PRESETS["smaller"].transforms.split()
    assert written(at) == {"sample": ["iris"], "preset": ["smaller"]}
    assert written(app.on(linked(sample="iris"), "optimise")) == {"sample": ["iris"]}


@pytest.mark.parametrize(
    "wrong",
    [
        {"out": ["no such node", "x" * 5000]},
        {"in": ["no such node"]},
        {"check": "yes", "violation": "explode", "require": "1"},
        {"preset": "../../etc/passwd"},
        {"result": "0" * 64},
        {"result": "../../models/x"},
        {"result": "x" * 10_000},
        {"job": ["0" * 30] * 50},
        {"undo": ["-1", "1e9", "²", "9" * 30]},
        {"node": ["<script>"] * 300, "open": ["x"] * 300, "scopes": "zz.zz." * 900},
    ],
)
def test_what_does_not_fit_is_left_out(wrong: dict[str, str | list[str]]) -> None:
    at = linked(sample="iris", **wrong)
    assert not at.exception
    assert not at.error
    assert at.session_state["model"].name.startswith("Iris")
    assert at.session_state["outputs"] == []
    assert at.session_state["inputs"] == []
    assert "result" not in at.session_state
    assert "check_steps" not in at.session_state


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"list": "no_such_transform"}, "no_such_transform"),
        ({"list": "fold_constants("}, "The transforms in this address cannot be used"),
        ({"set": "no_such=1"}, "no input of this name"),
        ({"set": "sepal_width=[[["}, "The fixed inputs in this address cannot be used"),
    ],
)
def test_what_cannot_be_read_is_said_and_nothing_of_it_is_run(
    wrong: dict[str, str], why: str
) -> None:
    at = linked(sample="iris", **wrong)
    assert not at.exception
    messages = "".join(item.value for item in at.error).replace("\\", "")
    assert why in messages
    at = app.on(at, "optimise")
    assert at.text_area(key="pipeline_text").value.split()[0] == "remove_nodes(op=Identity)"
    assert not [name for name in app.names(at) if "=" in name and "sepal" in name]


def test_an_address_is_never_too_long_for_a_server() -> None:
    at = app.home(app.on(linked(sample="iris"), "operations"))
    names = [name for name in at.session_state["model"].names() if len(name) > 30]
    at.session_state["outputs"] = sorted(names)
    at.run()
    query = urlencode(dict(at.query_params), doseq=True)
    assert len(query) <= address.MAX_TEXT
    assert at.query_params["sample"] in ("iris", ["iris"])


@pytest.mark.parametrize(
    ("typed", "near"),
    [("probabilitie", SOFTMAX), (f"{SOFTMAX}s", SOFTMAX), (f"{SOFTMAX}:7", "has 1 output")],
)
def test_an_output_that_does_not_exist_is_refused_at_enter(typed: str, near: str) -> None:
    at = app.on(app.opened("iris"), "optimise")
    at.text_input(key="typed_output").set_value(typed).run()
    assert at.session_state["outputs"] == []
    assert at.text_input(key="typed_output").value == typed
    assert near in at.error[0].value.replace("\\", "")
    assert not at.button(key="run").disabled
    at.text_input(key="typed_output").set_value(SOFTMAX).run()
    assert not at.error
    assert at.session_state["outputs"] == [SOFTMAX]


def optimised(transforms: str) -> AppTest:
    at = app.on(linked(sample="iris", list=transforms, check="False", out=[SOFTMAX]), "optimise")
    at = app.settled(at.button(key="run").click().run())
    assert at.session_state["result"].link
    return at


@pytest.mark.tensorflow
def test_a_result_that_is_gone_is_computed_anew_on_a_click_alone() -> None:
    first = optimised(LIST)
    result = first.session_state["result"]
    params = written(first)
    assert params["result"] == [result.link]
    assert app.settled(linked(**params)).session_state["result"].folder == result.folder
    first.session_state["result"].lease.release()
    shutil.rmtree(result.folder.parent)
    at = app.on(linked(**params), "compare")
    assert "no longer on this server" in at.info[0].value
    assert "job:optimise" not in at.session_state
    at = app.settled(at.button(key="optimise_again").click().run())
    assert at.session_state["result"].folder == result.folder
    assert at.session_state["result"].value["transforms"] == result.value["transforms"]


@pytest.mark.tensorflow
def test_a_link_to_compare_runs_no_model_by_itself() -> None:
    params = written(optimised(f"{LIST} sort_by_execution_order"))
    at = app.on(linked(**params), "compare")
    assert "job:check" not in at.session_state
    assert "Top-1 agreement" not in app.metrics(at)
    at = app.settled(at.button(key="compare_start").click().run())
    figures = app.metrics(at)
    assert "Top-1 agreement" in figures
    params = written(at)  # what was measured is kept with the result
    again = app.on(linked(**params), "compare")
    assert app.metrics(again) == figures
    other = app.on(linked(**params | {"measured": [params["result"][0], "0" * 64]}), "compare")
    assert "Top-1 agreement" not in app.metrics(other)


def test_closing_the_model_is_undone() -> None:
    at = app.home(app.on(linked(sample="iris", out=[SOFTMAX], list=LIST), "operations"))
    at.button(key="close_model").click().run()
    assert "model" not in at.session_state
    assert "Undo" in at.toast[0].value
    at = app.settled(at.button(key="reopen_closed").click().run())
    assert at.session_state["model"].name.startswith("Iris")
    assert at.session_state["outputs"] == [SOFTMAX]


def test_a_job_cannot_write_a_link() -> None:
    """An entry of the workspace is a link only under the hash of what it says."""
    at = linked(sample="iris")
    model: state.OpenModel = at.session_state["model"]
    workspace = default_runner().workspace
    forged = {
        "model": model.source.hash,
        "choice": model.graph_choice,
        "options": {},
        "result": "0" * 64,
    }
    workspace.keep_result(workspace.new_result(), "f" * 64, forged, {}, 1 << 20)
    other = linked(sample="iris", result="f" * 64)
    assert not other.exception
    assert "result" not in other.session_state
