"""Every page without a model: it says what to do, and nothing else happens."""

from __future__ import annotations

import pytest

from inspector.ui.screens.shell import PAGES
from tests.pages import app

NEEDS_MODEL = [entry.file for entry in PAGES if entry.file != "open"]


@pytest.mark.parametrize("page", NEEDS_MODEL)
def test_a_page_without_a_model_says_where_to_open_one(page: str) -> None:
    at = app.on(app.started(), page)
    assert not at.exception
    assert [info.value for info in at.info] == ["No model is open yet."]
    assert not at.button


def test_the_first_page_offers_every_sample() -> None:
    at = app.started()
    assert not at.exception
    keys = {button.key for button in at.button}
    assert {"sample_iris", "sample_shapes", "sample_bikes"} <= keys


def test_a_page_file_stands_behind_every_entry_and_no_other() -> None:
    from inspector import locations

    files = {path.stem for path in (locations.app_root() / "pages").glob("*.py")}
    assert files == {entry.file for entry in PAGES}


def test_compare_without_a_result_points_to_optimise() -> None:
    at = app.on(app.opened("iris"), "compare")
    assert not at.exception
    assert [info.value for info in at.info] == ["Nothing to compare yet. Optimise the model first."]
