"""The collector rests while tables are read and transforms run, and is on again afterwards."""

from __future__ import annotations

import gc

import pytest

from benchmarks.support.node_tables import layered
from inspector.collector import collector_paused
from inspector.errors import CorruptModel
from inspector.graph.edit import GraphEdit
from inspector.graph.graph import Graph
from inspector.passes.base import PassContext, graph_pass
from inspector.view.table.node_table import NodeTable


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


def test_it_rests_while_a_transform_runs():
    switched_on: list[bool] = []

    @graph_pass(effect="exact", source="inspector")
    def look(edit: GraphEdit, ctx: PassContext) -> None:
        """Note whether the collector is on."""
        switched_on.append(gc.isenabled())

    look(Graph([]), PassContext())
    assert switched_on == [False]
    assert gc.isenabled()
