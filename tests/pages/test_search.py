"""The Search page: goals, a search in the background, its table, and a candidate that is taken."""

from __future__ import annotations

import json
import time

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from inspector.ui.session import searches
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
    assert all(sizes[name] <= 20_000 for name in best)
    assert frame["state"]["preset tidy"] == "outside of the limits"
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
    end = time.monotonic() + PATIENCE_S
    while running.result() is None and running.is_running and time.monotonic() < end:
        time.sleep(0.05)
    running.stop()
    at = ended(at)
    assert not at.exception
    assert "goes on from here" in app.texts(at)
    assert "freeze only" in {name.removeprefix("★ ") for name in table(at)["candidate"]}


def test_closing_the_model_ends_its_search() -> None:
    at = app.on(app.opened("forecast"), "search")
    at.button(key="start_search").click().run()
    thread = at.session_state[searches.KEY].thread
    at = app.home(at)
    at.button(key="close_model").click().run()
    assert searches.KEY not in at.session_state
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
