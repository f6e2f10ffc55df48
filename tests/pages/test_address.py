"""Links: the same model and the same picture in another session, and nothing not allowed."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from inspector import locations
from inspector.ui.session import job_status
from tests.pages import app

SOFTMAX = "dnn/head/predictions/probabilities"
IRIS = locations.sample_models() / "iris" / "saved_model"


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page waits for its job: AppTest runs what comes after without what is around a page."""
    monkeypatch.setattr(job_status, "PATIENCE_S", app.PATIENCE_S)


def linked(**params: str | list[str]) -> AppTest:
    at = AppTest.from_file(str(locations.app_root() / "app.py"), default_timeout=60)
    for key, value in params.items():
        at.query_params[key] = value
    return at.run()


def test_a_link_to_a_sample_opens_it_with_what_was_seen() -> None:
    at = linked(sample="iris", node=SOFTMAX, out=[SOFTMAX], trace="up", shut=["dnn/"])
    assert at.session_state["model"].name.startswith("Iris")
    assert at.session_state["outputs"] == [SOFTMAX]
    view = at.session_state["view_state"]
    assert view.selected == (SOFTMAX,)
    assert view.trace == "up"
    assert not at.error


def test_a_link_to_no_page_goes_where_opening_goes() -> None:
    at = linked(sample="iris")
    assert [title.value for title in at.title] == ["Overview"]
    assert at.query_params["sample"] in ("iris", ["iris"])


def test_a_link_to_a_path_is_held_against_the_allowed_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSPECTOR_ROOTS", str(IRIS.parent))
    assert linked(path="saved_model").session_state["model"].name == "saved_model"
    for outside in (str(tmp_path), "../../../etc", "/etc/passwd"):
        at = linked(path=outside)
        assert "model" not in at.session_state
        (error,) = at.error
        assert "may be opened" in error.value


@pytest.mark.parametrize("which", ["0" * 64, "../../x", "a" * 63, ""])
def test_a_link_to_what_is_gone_says_so(which: str) -> None:
    at = linked(model=which)
    assert "model" not in at.session_state
    assert "no longer on the server" in at.error[0].value
    assert at.button(key="sample_iris")


def test_what_was_uploaded_is_found_by_its_content() -> None:
    first = app.opened("iris")
    key = first.session_state["model"].source.hash
    again = linked(model=key)
    assert again.session_state["model"].source.hash == key
    assert again.session_state["model"].ref == ("model", key)


def test_closing_a_model_leaves_no_link_to_it() -> None:
    at = linked(sample="iris")
    assert at.query_params["sample"] in ("iris", ["iris"])
    at.session_state["of_model:a page's"] = 1
    at.button(key="close_model").click().run()
    assert "model" not in at.session_state
    assert "of_model:a page's" not in at.session_state
    assert "sample" not in at.query_params
