"""The choice of the signature: one for all pages, and what is picked stays where it can."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.conftest import ROOT, data_path
from tests.pages import app


def choice(at: AppTest) -> Any:
    (select_box,) = (box for box in at.selectbox if box.label == "Signature")
    return select_box


def chosen(at: AppTest, key: str, page: str) -> AppTest:
    """The page after another signature was chosen on it."""
    box = choice(at)
    box.set_value(box.options.index(key)).run()
    app.home(at)
    return app.on(at, page)


def test_every_page_where_it_matters_offers_the_signatures() -> None:
    at = app.opened("forecast")
    for page in ("overview", "graph", "optimise", "predict"):
        box = choice(app.on(at, page))
        assert box.options == ["next", "serving_default"], page
        assert box.options[box.value] == at.session_state["model"].signature


def test_another_function_is_drawn_and_picks_of_the_first_go() -> None:
    at = app.opened("forecast")
    before = at.session_state["model"]
    at.session_state["outputs"] = ["StatefulPartitionedCall_1/NoOp"]
    at = chosen(at, "next", "graph")
    assert not at.exception
    assert at.get("bidi_component")
    after = at.session_state["model"]
    assert (before.signature, after.signature) == ("serving_default", "next")
    assert before.key != after.key
    assert before.names() != after.names()
    assert after.facts["suggested_outputs"][0]["why"].startswith("signature next: ")
    assert at.session_state["outputs"] == []


def test_picks_that_the_other_signature_has_too_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    path = data_path("models/public/serving_half_plus_two_cpu/model_base/00000123")
    monkeypatch.setenv("INSPECTOR_ROOTS", str(path.parent))
    at = opened(path)
    at.session_state["outputs"] = ["y3", "y:0", "not_in_any_graph"]
    at = chosen(at, "regress_x2_to_y3", "overview")
    assert at.session_state["outputs"] == ["y3", "y:0"]
    assert at.session_state["model"].facts["suggested_outputs"][0]["name"] == "y3"


@pytest.mark.tensorflow
def test_without_picks_the_chosen_signature_is_frozen_and_run() -> None:
    at = app.on(app.opened("forecast"), "predict")
    at = chosen(at, "next", "predict")
    at.segmented_control(key="feed_kind").set_value("random").run()
    at.slider(key="runs").set_value(1).run()
    at.button(key="predict").click()
    app.settled(at.run())
    assert not at.error
    run = list(at.session_state["of_model:prediction"]["outputs"])
    app.on(at, "optimise")
    assert "Using the outputs of signature next" in app.texts(at)
    at.text_area(key="pipeline_text").set_value("strip_unused_nodes").run()
    at.button(key="run").click()
    app.settled(at.run())
    assert not at.error
    assert at.session_state["result"].outputs == ["StatefulPartitionedCall:0"] == run


def opened(path: Path) -> AppTest:
    at = app.started()
    at.text_input(key="open_path_text").set_value(str(path)).run()
    at.button(key="open_path").click()
    return app.on(app.settled(at.run()), "overview")


@pytest.mark.tensorflow
def test_a_result_says_which_signatures_it_lacks_unless_all_are_kept() -> None:
    at = app.on(app.opened("forecast"), "optimise")
    at.toggle(key="check_steps").set_value(False).run()
    at.button(key="run").click()
    at = app.settled(at.run())
    left_out = [item.value for item in at.caption if item.value.startswith("Left out")]
    assert left_out[0].startswith("Left out the signature 'next'")
    at.toggle(key="all_signatures").set_value(True).run()
    at.button(key="run").click()
    at = app.settled(at.run())
    assert not [item for item in at.caption if item.value.startswith("Left out")]
    result = at.session_state["result"]
    assert set(result.value["after"]["signatures"]) == {"next", "serving_default"}


@pytest.mark.tensorflow
def test_a_function_without_a_signature_is_chosen_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    path = ROOT / "tests" / "models" / "tf221" / "no_signatures"
    monkeypatch.setenv("INSPECTOR_ROOTS", str(path.parent))
    at = opened(path)
    assert "Functions without a signature" in app.texts(at)
    assert choice(at).options == ["none", "classify", "logits", "scaled"]
    at = chosen(at, "scaled", "predict")
    assert choice(at).options == ["classify", "logits", "scaled"]
    model = at.session_state["model"]
    assert model.signature == "scaled"
    assert model.drawn["op_counts"]["MatMul"] == 3
    at.segmented_control(key="feed_kind").set_value("random").run()
    at.slider(key="runs").set_value(1).run()
    at.button(key="predict").click()
    app.settled(at.run())
    assert not at.error
    assert list(at.session_state["of_model:prediction"]["outputs"]) == ["scaled:0"]


def test_what_runs_before_the_first_run_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    path = data_path("field/f02_table_graphdef/table.pb")
    monkeypatch.setenv("INSPECTOR_ROOTS", str(path.parent))
    assert "Before the first run" in app.texts(opened(path))
