"""The canvas' Python side without a browser: what it sends, and how little it believes."""

from __future__ import annotations

import json

import pytest
from streamlit.testing.v1 import AppTest

from inspector.view.canvas.content import pick_marks
from inspector.view.canvas.events import MAX_NAMES, CanvasEvent, read_actions, read_selection
from inspector.view.table.op_kinds import KINDS
from tests.conftest import ROOT

APP = ROOT / "tests" / "browser" / "canvas_app.py"


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (["a", "b"], ("a", "b")),
        ({"n": 3, "names": ["a"]}, ("a",)),
        (["a", 3, None], ("a",)),
        ("abc", None),
        ({"names": {}}, None),
        ({}, None),
        (None, None),
    ],
)
def test_a_selection_from_a_browser_is_read_or_ignored(value, names):
    event = None if names is None else CanvasEvent("select", names=names)
    assert read_selection(value) == event


@pytest.mark.parametrize(
    "bad",
    [
        {"n": 2, "do": "remove", "name": "a/"},
        {"n": 2, "do": ["expand"], "name": "a/"},
        {"n": 2, "do": "expand", "name": 3},
        {"n": "2", "do": "expand", "name": "a/"},
        {"n": True, "do": "expand", "name": "a/"},
        {"do": "expand", "name": "a/"},
        "expand",
        None,
    ],
)
def test_acts_from_a_browser_are_read_or_left_out(bad):
    good = {"n": 7, "do": "expand", "name": "a/"}
    events = [(7, CanvasEvent("expand", name="a/"))]
    assert read_actions({"acts": [bad, good]}) == events
    assert read_actions(bad) == read_actions({"acts": bad}) == read_actions({}) == []


def test_a_browser_cannot_select_without_end():
    event = read_selection(["x"] * 10_000)
    assert event is not None
    assert len(event.names) == MAX_NAMES


def test_marks_of_picks():
    assert pick_marks(["a", "b"], ["b"]) == {"a": ["output"], "b": ["output", "input"]}


def test_the_component_gets_the_picture_and_no_more():
    page = AppTest.from_file(str(APP), default_timeout=60).run()
    assert not page.exception
    data = json.loads(page.get("bidi_component")[0].proto.json)
    assert set(data) == {"rev", "graph", "kinds", "height", "search"}
    assert len(data["kinds"]) == len(KINDS)


def test_a_selection_that_the_page_makes_is_told_once_under_a_number():
    page = AppTest.from_file(str(APP), default_timeout=60).run()
    page.text_input(key="show").set_value("model/stage_1/block_6/b/Relu").run()
    data = json.loads(page.get("bidi_component")[0].proto.json)
    assert data["select"][1] == ["model/stage_1/block_6/b/Relu"]
    page.run()
    assert json.loads(page.get("bidi_component")[0].proto.json)["select"] == data["select"]
