"""The Open page: an upload opens at once, and a session finds what it opened again."""

from __future__ import annotations

from pathlib import Path

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
    labels = [button.label for button in at.button]
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
