"""The collector rests while tables are read, and is on again afterwards whatever happens."""

from __future__ import annotations

import gc

import pytest

from inspector.errors import CorruptModel
from inspector.view.paused import collector_paused
from inspector.view.summary import Summary
from tests.view.graphs import layered


def test_the_collector_is_on_again_after_reading_and_after_an_error():
    assert gc.isenabled()
    Summary.from_json(layered(3).to_json())
    assert gc.isenabled()
    with pytest.raises(CorruptModel):
        Summary.from_json("{")
    assert gc.isenabled()


def test_who_has_turned_it_off_finds_it_off():
    gc.disable()
    try:
        with collector_paused():
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()
