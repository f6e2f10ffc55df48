"""Nodes added to a sketch get places, names and inputs as those added to an edit session."""

from __future__ import annotations

from inspector.graph.columns import CONTROL
from inspector.graph.graph import Graph
from inspector.graph.protos import NodeDef
from inspector.passes.rewrite.sketch import Sketch

NODES = [
    NodeDef(name="a", op="Const"),
    NodeDef(name="b", op="Relu", input=["a:0", "elsewhere", "^a"]),
    NodeDef(name="c", op="Relu", input=["b"]),
]


def test_new_nodes_stand_in_front_of_others_and_unchanged_ones_are_the_same() -> None:
    sketch = Sketch(Graph(NODES))
    kind = sketch.template(NodeDef(op="Neg", device="/cpu:0"))
    unchanged = not sketch.changed
    first = sketch.add(kind, "b", [(0, 0), (1, CONTROL)], before=1)
    second = sketch.add(kind, "b", [(first, 1), (2, 0), (3, 0)], before=1)
    sketch.spell(1, "c:0")
    sketch.put(2, kind, [(second, 0)])
    assert (unchanged, sketch.changed) == (True, True)
    assert [sketch.name(first), sketch.name(second)] == ["b_1", "b_2"]
    sketch.settle()
    nodes = sketch.nodes()
    assert [(node.name, node.op, list(node.input)) for node in nodes] == [
        ("a", "Const", []),
        ("b_1", "Neg", ["a", "^b"]),
        ("b_2", "Neg", ["b_1:1", "c:0", "elsewhere"]),
        ("b", "Relu", ["a:0", "elsewhere", "^a"]),
        ("c", "Neg", ["b_2"]),
    ]
    assert nodes[0] is NODES[0]
    assert nodes[3] is NODES[1]
    assert {node.device for node in nodes if node.op == "Neg"} == {"/cpu:0"}
