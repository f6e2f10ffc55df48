"""The Open page: an upload opens at once, and a session finds what it opened again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests import sending
from tests.pages import app

PURPOSE = (
    "Inspector shows what is inside a TensorFlow, Keras or TFLite model, makes it smaller and "
    "faster, and measures what that changes."
)
FROZEN = Path(__file__).parents[1] / "models" / "tf115" / "frozen.pbtxt"


def test_the_page_says_what_inspector_is_for_and_names_its_buttons() -> None:
    at = app.started()
    assert at.markdown[0].value == PURPOSE
    labels = [button.label for button in at.button if button.label.startswith("Open")]
    assert {"Open Iris classifier", "Open Shapes", "Open Forecast"} <= set(labels)
    assert len(set(labels)) == len(labels)
    assert "Recent" not in [header.value for header in at.header]


def test_an_upload_opens_at_once_and_is_listed_in_its_own_session_only() -> None:
    at = app.started()
    token = at.session_state["inbox:upload_file"].token
    sending.send_file(token, "mine.pbtxt", FROZEN.read_bytes())
    at = app.on(app.settled(at.run()), "overview")
    assert at.session_state["model"].name == "mine.pbtxt"
    app.on(at, "open").button(key="sample_iris").click()
    at = app.on(app.settled(at.run()), "overview")
    assert at.session_state["model"].name != "mine.pbtxt"
    at = app.on(at, "open")
    assert "Recent" in [header.value for header in at.header]
    again = next(button for button in at.button if (button.key or "").startswith("recent_"))
    assert again.label.replace("\\", "").startswith("Open mine.pbtxt (GraphDef, ")
    again.click()
    app.settled(at.run())
    assert at.session_state["model"].name == "mine.pbtxt"
    other = app.started()
    assert not [button for button in other.button if (button.key or "").startswith("recent_")]


def test_what_the_browser_has_stored_is_listed_and_bounded() -> None:
    at = app.opened("iris")
    rows = [
        {
            "ref": ["sample", "shapes"],
            "name": "*S*",
            "format": "SavedModel",
            "bytes": 5,
            "part": "",
        },
        {"ref": ["sample", "iris"], "name": "Iris", "format": "SavedModel", "bytes": 5, "part": ""},
        {"ref": ["start", "1"], "name": "x", "format": "GraphDef", "bytes": None, "part": ""},
        *[
            {"ref": ["model", f"{n}"], "name": "m" * 900, "format": "", "bytes": [], "part": ""}
            for n in range(9)
        ],
    ]
    at.session_state["recent_store_module"] = {"stored": json.dumps(rows)}
    at = app.on(app.home(at), "open")
    labels = [item.label for item in at.button if (item.key or "").startswith("recent_")]
    assert labels[0] == r"Open \*S\* \(SavedModel, 5 bytes\)"
    assert len(labels) == 3  # five of the list without the open model and the one of this server
    at.button(key="recent_1").click()
    at = app.on(app.settled(at.run()), "overview")
    assert at.session_state["model"].ref == ("sample", "shapes")
    assert [row["ref"] for row in recent_rows(at)][:2] == [("sample", "shapes"), ("sample", "iris")]


@pytest.mark.parametrize("stored", ["{", "[1]", '{"a": 1}', '[{"ref": 3}]', "[" * 30_000, "null"])
def test_what_is_no_list_is_ignored(stored: str) -> None:
    at = app.started()
    at.session_state["recent_store_module"] = {"stored": stored}
    at.run()
    assert not at.exception
    assert "Recent" not in [header.value for header in at.header]


def recent_rows(at: AppTest) -> list[dict[str, Any]]:
    """What the page gives the browser to store."""
    (entry,) = [
        json.loads(item.proto.json)
        for item in app.home(at).get("bidi_component")
        if "inspector.recent" in item.proto.json
    ]
    return [{**row, "ref": tuple(row["ref"])} for row in entry["models"]]
