"""merge_duplicate_nodes on random graphs: nothing equal is left, and every value stays the same."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inspector.graph.graph import Graph
from inspector.graph.protos import NodeDef
from inspector.passes import PASSES
from inspector.passes.base import PassContext
from inspector.passes.rewrite.constants import constant

sources = st.tuples(st.integers(0, 30), st.sampled_from(("", ":0", "^")))
nodes = st.lists(
    st.tuples(
        st.sampled_from(("Const", "Neg", "Add", "Split")),
        st.lists(sources, min_size=1, max_size=3),
        st.sampled_from((1, 2)),
    ),
    min_size=2,
    max_size=25,
)


def text_of(names: list[str], at: int, form: str) -> str:
    name = names[at % len(names)]
    return f"^{name}" if form == "^" else name + form


def built(listed) -> Graph:
    result = [NodeDef(name="x", op="Placeholder")]
    for number, (op, inputs, value) in enumerate(listed):
        names = [node.name for node in result]
        if op == "Const":
            result.append(constant(f"n{number}", value))
            continue
        node = NodeDef(name=f"n{number}", op=op, input=[text_of(names, *item) for item in inputs])
        node.attr["N"].i = value
        result.append(node)
    names = [node.name for node in result]
    result.append(NodeDef(name="y", op="Pack", input=names[1:]))
    return Graph(result)


def form_of(node: NodeDef, inputs: list[object]) -> object:
    attrs = sorted((key, value.SerializeToString()) for key, value in node.attr.items())
    return node.op, tuple(inputs), tuple(attrs)


def expressions(graph: Graph) -> dict[str, int]:
    """A number per node, equal where two nodes compute the same from the same."""
    forms: dict[object, int] = {}
    numbers: dict[str, int] = {}
    for node in graph:
        inputs: list[object] = []
        for text in node.input:
            name = text.removeprefix("^").removesuffix(":0")
            inputs.append((text.startswith("^"), numbers[name]))
        form = node.name if node.op == "Placeholder" else form_of(node, inputs)
        numbers[node.name] = forms.setdefault(form, len(forms))
    return numbers


@given(nodes)
def test_what_is_equal_becomes_one(listed):
    graph = built(listed)
    result = PASSES["merge_duplicate_nodes"](graph, PassContext(("x",), ("y",)))
    before, after = expressions(graph), expressions(result.graph)
    left = {node.name for node in result.graph}
    assert len(set(after.values())) == len(left)
    assert len(left) == len(set(before.values()))
    assert set(before.values()) == {before[name] for name in left}
    assert [before[text] for text in graph.node("y").input] == [
        before[text.removesuffix(":0")] for text in result.graph.node("y").input
    ]
    removed = [change for change in result.changed if change.kind == "removed"]
    assert {change.name for change in removed} == before.keys() - left
    assert {change.rule for change in removed} <= {"computes the same as another"}
