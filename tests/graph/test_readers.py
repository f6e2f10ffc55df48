"""Who reads a node, after any changes of an edit, against a count over all nodes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inspector.graph.edit import GraphEdit
from inspector.graph.graph import Graph, Input, split_input
from inspector.graph.protos import NodeDef

NAMES = [f"n{number}" for number in range(12)]
TEXTS = [text for name in [*NAMES, "gone"] for text in (name, f"{name}:1", f"^{name}", f"{name}:0")]
inputs = st.lists(st.sampled_from(TEXTS), max_size=4)
graphs = st.lists(inputs, min_size=1, max_size=8)
steps = st.lists(
    st.tuples(
        st.sampled_from(("inputs", "add", "replace", "remove", "rewire", "rename", "take", "look")),
        st.sampled_from(NAMES),
        inputs,
        st.sampled_from(NAMES),
    ),
    max_size=12,
)


def counted(edit: GraphEdit) -> dict[str, dict[str, list[int]]]:
    reads: dict[str, dict[str, list[int]]] = {}
    for node in edit.nodes():
        for text in node.input:
            source, port, _ = split_input(text)
            reads.setdefault(source, {}).setdefault(node.name, []).append(port)
    return reads


def looked_up(edit: GraphEdit) -> dict[str, dict[str, list[int]]]:
    reads = {
        name: {reader: list(ports) for reader, ports in edit.reads(name).items()}
        for name in [*NAMES, "gone", "new"]
    }
    return {name: readers for name, readers in reads.items() if readers}


def step(edit: GraphEdit, what: str, name: str, texts: list[str], other: str) -> None:
    if what == "look":
        looked_up(edit)
    elif what == "rewire":
        source, target = Input(name, 0, False), Input(other, 1, False)
        edit.rewire({source: target, Input(other, -1, True): Input(name, -1, True)})
    elif what == "add":
        if name not in edit:
            edit.add(NodeDef(name=name, op="Neg", input=texts))
    elif name not in edit:
        return
    elif what == "inputs":
        edit.set_inputs(name, texts)
    elif what == "replace":
        edit.replace(NodeDef(name=name, op="Relu", input=texts))
    elif what == "remove":
        edit.remove(name)
    elif what == "rename" and "new" not in edit:
        edit.rename({name: "new"})
    elif what == "take":
        nodes = {node.name: node for node in edit.nodes() if node.name != name}
        edit.take({**nodes, name: NodeDef(name=name, op="Add", input=texts)}, {})


@given(graphs, steps)
def test_the_readers_are_those_that_a_count_finds(listed, changes):
    nodes = [NodeDef(name=NAMES[at], op="Op", input=texts) for at, texts in enumerate(listed)]
    graph = Graph(nodes)
    before = graph.to_bytes()
    edit = GraphEdit(graph)
    for change in changes:
        step(edit, *change)
    assert looked_up(edit) == counted(edit)
    assert graph.to_bytes() == before


def test_an_edit_without_changes_looks_things_up_in_the_graph_itself():
    edit = GraphEdit(Graph([NodeDef(name="a", op="Op")]))
    assert edit.current() is edit.graph
    edit.mutable("a").device = "/cpu:0"
    assert edit.current() is not edit.graph
    assert edit.current().node("a").device == "/cpu:0"


def test_looking_up_one_node_makes_no_list_for_the_others():
    nodes = [NodeDef(name=f"n{at}", op="Op", input=[f"n{at - 1}"][: at > 0]) for at in range(1000)]
    edit = GraphEdit(Graph(nodes))
    assert list(edit.reads("n5")) == ["n6"]
    edit.set_inputs("n6", ["n4"])
    assert edit._read_by is not None
    assert len(edit._read_by._reads) < 5
