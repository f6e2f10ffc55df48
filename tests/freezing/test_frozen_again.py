"""A graph that is frozen already: freezing it keeps its nodes, and reads its edges once."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector.formats import open_model
from inspector.freezing.freeze import freeze
from inspector.graph import columns
from tests.conftest import data_path


@pytest.mark.parametrize("outputs", [["dnn/head/predictions/probabilities"]])
def test_it_is_the_same_graph(tmp_path: Path, outputs: list[str]) -> None:
    first = freeze(open_model(data_path("models/seed/iris/frozen.pb")), outputs)
    (tmp_path / "again.pb").write_bytes(first.graph.to_bytes())
    again = freeze(open_model(tmp_path / "again.pb"), outputs)
    assert again.graph.to_proto() == first.graph.to_proto()
    assert again.graph.versions == first.graph.versions


def test_its_edges_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = ["dnn/head/predictions/probabilities"]
    first = freeze(open_model(data_path("models/seed/iris/frozen.pb")), outputs)
    (tmp_path / "again.pb").write_bytes(first.graph.to_bytes())
    sizes: list[int] = []
    read = columns.of_nodes
    monkeypatch.setattr(
        "inspector.graph.graph.of_nodes", lambda nodes: sizes.append(len(nodes)) or read(nodes)
    )
    freeze(open_model(tmp_path / "again.pb"), outputs)
    assert sizes.count(len(first.graph)) <= 1
