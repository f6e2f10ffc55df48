"""The collector rests while tables are read, and is on again afterwards whatever happens."""

from __future__ import annotations

import gc

import pytest

from benchmarks.support.node_tables import layered
from inspector.errors import CorruptModel
from inspector.view.table.node_table import NodeTable
from inspector.view.tree.paused import collector_paused


def test_the_collector_is_on_again_after_reading_and_after_an_error():
    assert gc.isenabled()
    NodeTable.from_json(layered(3).to_json())
    assert gc.isenabled()
    with pytest.raises(CorruptModel):
        NodeTable.from_json("{")
    assert gc.isenabled()


def test_who_has_turned_it_off_finds_it_off():
    gc.disable()
    try:
        with collector_paused():
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()
