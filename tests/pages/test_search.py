"""The Search page: goals, a search in the background, its table, and a candidate that is taken."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable
from urllib.parse import parse_qs, urlencode

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from inspector import locations
from inspector.jobs.client.default_runner import default_runner
from inspector.ui.screens import linked_state, pipeline_search
from inspector.ui.session import searches, state
from tests.pages import app

pytestmark = [pytest.mark.tensorflow, pytest.mark.timeout(900)]
PATIENCE_S = 600.0


def ended(at: AppTest) -> AppTest:
    """The page once its search has ended."""
    running = at.session_state[searches.KEY]
    running.thread.join(PATIENCE_S)
    assert not running.is_running, "the search does not end"
    return at.run()


def table(at: AppTest) -> pd.DataFrame:
    (frame,) = [item.value for item in at.dataframe if "candidate" in item.value.columns]
    return frame


def test_goals_are_met_by_the_best_and_a_candidate_opens_as_before_and_after() -> None:
    at = app.on(app.opened("bikes"), "search")
    assert not at.exception
    assert "bikes.npz" in app.texts(at).replace("\\", "")
    at.number_input(key="goal_size").set_value(0.02)
    at.button(key="start_search").click().run()
    at = ended(at)
    assert not at.exception, at.exception
    assert not at.error
    frame = table(at).set_index("candidate")
    # The sizes are those of the files that the search has made.
    result = at.session_state[searches.KEY].result()
    sizes = {item.name: item.bytes for item in result.measured}
    best = [name.removeprefix("★ ") for name in frame.index if name.startswith("★ ")]
    assert best == [item.name for item in result.measured if item.is_best]
    assert best
    assert all(sizes[name] <= 0.02 * 2**20 for name in best)
    assert frame["status"]["preset tidy"] == "outside the limits"
    files = [path for path in result.baseline.path.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) == sizes["freeze only"]
    (chart,) = at.get("arrow_vega_lite_chart") or at.get("vega_lite_chart")
    assert json.loads(chart.proto.spec)["layer"]

    at.selectbox(key="search_candidate").set_value("preset tidy").run()
    at.button(key="take_candidate").click().run()
    at = app.on(at, "optimise")
    assert not at.exception
    steps = at.session_state["result"].value["transforms"]
    assert steps.startswith("remove_dead_branches strip_unused_nodes")


def test_a_search_is_stopped_and_shows_what_it_has() -> None:
    at = app.on(app.opened("forecast"), "search")
    at.button(key="start_search").click().run()
    running = at.session_state[searches.KEY]
    assert waited(lambda: running.result() is not None or not running.is_running)
    running.stop()
    at = ended(at)
    assert not at.exception
    assert "continues from here" in app.texts(at)
    assert "freeze only" in {name.removeprefix("★ ") for name in table(at)["candidate"]}


def test_a_reload_takes_over_the_search() -> None:
    first = app.on(app.opened("forecast"), "search")
    first.button(key="start_search").click().run()
    search = first.session_state[searches.KEY]
    second = AppTest.from_file(str(locations.app_root() / "app.py"), default_timeout=60)
    app.home(first)
    for key, values in first.query_params.items():
        second.query_params[key] = values
    assert waited(lambda: searches.KEY in second.run().session_state)
    second = app.on(second, "search")
    assert not second.exception
    taken = second.session_state[searches.KEY]
    assert taken is not search
    assert taken.id == search.id
    # The page before the reload is dropped: the search is not.
    del first.session_state[searches.KEY], search
    gc.collect()
    assert taken.is_running
    second.button(key="stop_search").click().run()
    ended(second)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("size", "2.5", 2.5),
        ("difference", "0", 0.0),
        ("agreement", "101", None),
        ("accuracy", "97.5", 97.5),
        ("accuracy", "nan", None),
        ("latency", "inf", None),
        ("latency", "fast", None),
        ("size", "1" * 5000, None),
    ],
)
def test_goals_of_an_address_are_read_within_their_bounds(name, text, value) -> None:
    fields = {field.param: field for field in linked_state.PAGES["search"]}
    assert fields[name].read(None, text) == value  # type: ignore[arg-type]  # needs no model


def test_a_search_of_another_model_is_not_taken_over() -> None:
    at = app.on(app.opened("forecast"), "search")
    at.button(key="start_search").click().run()
    running = at.session_state[searches.KEY]
    other = AppTest.from_file(str(locations.app_root() / "app.py"), default_timeout=60)
    other.query_params["sample"] = "bikes"
    other.query_params[searches.PARAM] = running.id
    other = app.settled(other.run())
    assert searches.KEY not in other.session_state
    running.stop()
    ended(at)


def test_labels_of_a_file_give_accuracy_and_a_limit_of_it(tmp_path) -> None:
    at = app.on(app.opened("iris"), "search")
    assert at.number_input(key="goal_accuracy").disabled
    species = pd.read_csv(locations.sample_models() / "iris" / "iris.csv")["species"]
    path = tmp_path / "flowers.csv"
    numbers = {"setosa": 0, "virginica": 1, "versicolor": 2}
    pd.DataFrame({"name": species, "class": species.map(numbers)}).to_csv(path, index=False)
    at.session_state[
        f"inbox:{pipeline_search.LABELS}"
    ].model = default_runner().workspace.add_folder(path)
    at.run()
    at.selectbox(key=pipeline_search.LABEL_COLUMN).set_value("class").run()
    assert not at.error
    assert at.selectbox(key=pipeline_search.LABEL_COLUMN).options == ["name", "class"]
    assert "150 labels" in app.texts(at)
    at.number_input(key="goal_accuracy").set_value(97.0).run()
    file = at.session_state[f"inbox:{pipeline_search.LABELS}"].model
    address = {"labels": [file.hash], "column": ["class"]}
    other = at_address(at.session_state["model"], address)
    assert "150 labels" in app.texts(other)
    assert other.selectbox(key=pipeline_search.LABEL_COLUMN).value == "class"
    written = parse_qs(urlencode(dict(other.query_params), doseq=True))
    assert {key: written[key] for key in address} == address
    assert not at_address(at.session_state["model"], {"labels": ["../x"]}).exception
    at.button(key="start_search").click().run()
    running = at.session_state[searches.KEY]
    # Enough is known once some are compared: what follows is timed only.
    assert waited(lambda: bool(accuracies(running)))
    running.stop()
    at = ended(at)
    assert not at.error
    # One versicolor and one virginica are taken for each other.
    assert pytest.approx(148 / 150) in accuracies(running).values()
    result = running.result()
    assert {limit.limit for item in result.measured for limit in item.limits} == {0.97}
    assert f"{100 * 148 / 150:.2f} %" in set(table(at)["accuracy"])


def at_address(model: state.OpenModel, params: dict[str, list[str]]) -> AppTest:
    """Rows and labels of the page in a new session, after an address was followed."""

    def page() -> None:
        import streamlit as st

        from inspector.ui.screens import linked_state, pipeline_search

        model = st.session_state["model"]
        linked_state.restore(model, st.session_state["params"], "search")
        pipeline_search.rows_and_labels(model)
        linked_state.write(model, "search")

    at = AppTest.from_function(page, default_timeout=60)
    at.session_state["model"] = model
    at.session_state["params"] = params
    return app.settled(at.run())


def accuracies(running: searches.RunningSearch) -> dict[str, float]:
    result = running.result()
    items = () if result is None else result.measured
    return {item.name: item.accuracy for item in items if item.accuracy is not None}


def waited(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + PATIENCE_S
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


def test_closing_the_model_ends_its_search() -> None:
    at = app.on(app.opened("forecast"), "search")
    at.button(key="start_search").click().run()
    thread = at.session_state[searches.KEY].thread
    at = app.home(at)
    at.button(key="close_model").click().run()
    assert searches.KEY not in at.session_state
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
