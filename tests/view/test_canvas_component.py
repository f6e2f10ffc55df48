"""The canvas' Python side without a browser: what it sends, and how little it believes."""

from __future__ import annotations

import json

import pytest
from streamlit.testing.v1 import AppTest

from inspector.ui.canvas import MAX_NAMES, CanvasEvent, _event, pick_marks
from inspector.view.kinds import KINDS
from tests.conftest import ROOT

APP = ROOT / "tests" / "browser" / "canvas_app.py"


@pytest.mark.parametrize(
    ("state", "name", "event"),
    [
        ({"selected": ["a", "b"]}, "selected", CanvasEvent("select", names=("a", "b"))),
        ({"selected": {"n": 3, "names": ["a"]}}, "selected", CanvasEvent("select", names=("a",))),
        ({"selected": ["a", 3, None]}, "selected", CanvasEvent("select", names=("a",))),
        ({"act": {"do": "expand", "name": "a/"}}, "act", CanvasEvent("expand", name="a/")),
        ({"act": {"do": "remove", "name": "a/"}}, "act", None),
        ({"act": {"do": ["expand"], "name": "a/"}}, "act", None),
        ({"act": {"do": "expand", "name": 3}}, "act", None),
        ({"act": "expand"}, "act", None),
        ({"selected": "abc"}, "selected", None),
        ({"selected": {"names": {}}}, "selected", None),
        ({}, "act", None),
        (None, "selected", None),
    ],
)
def test_what_a_browser_sends_is_read_or_ignored(state, name, event):
    assert _event(state, name) == event


def test_a_browser_cannot_select_without_end():
    found = _event({"selected": ["x"] * 10_000}, "selected")
    assert found is not None
    assert len(found.names) == MAX_NAMES


def test_marks_of_picks():
    assert pick_marks(["a", "b"], ["b"]) == {"a": ["output"], "b": ["output", "input"]}


def test_the_component_gets_the_picture_and_no_more():
    page = AppTest.from_file(str(APP)).run(timeout=30)
    assert not page.exception
    data = json.loads(page.get("bidi_component")[0].proto.json)
    assert set(data) == {"rev", "graph", "kinds", "height"}
    assert len(data["kinds"]) == len(KINDS)


def test_a_selection_that_the_page_makes_is_told_once_under_a_number():
    page = AppTest.from_file(str(APP)).run(timeout=30)
    page.text_input(key="show").set_value("model/stage_1/block_6/b/Relu").run()
    data = json.loads(page.get("bidi_component")[0].proto.json)
    assert data["select"][1] == ["model/stage_1/block_6/b/Relu"]
    page.run()
    assert json.loads(page.get("bidi_component")[0].proto.json)["select"] == data["select"]
