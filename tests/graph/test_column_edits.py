"""Changes to columns agree with the same changes to the input strings of messages."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.graph.columns import CONTROL, Columns, of_nodes
from inspector.graph.editing.column_edits import last_read, redirected, without
from inspector.graph.editing.references import with_controls
from inspector.graph.names import Input, split_input
from inspector.graph.protos import NodeDef

NAMES = [f"n{number}" for number in range(6)]
TEXTS = st.builds(
    "{}{}".format, st.sampled_from(NAMES), st.sampled_from(["", ":0", ":1"])
) | st.sampled_from([f"^{name}" for name in NAMES])


def columns_of(inputs: list[list[str]]) -> Columns:
    rows = zip(NAMES, inputs, strict=True)
    return of_nodes([NodeDef(name=name, op="Add", input=own) for name, own in rows])


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.lists(TEXTS, max_size=5), min_size=6, max_size=6),
    st.dictionaries(st.integers(0, 5), st.integers(0, 5)),
)
def test_readers_of_a_replaced_node_read_the_other_one(
    inputs: list[list[str]], other: dict[int, int]
) -> None:
    columns = columns_of(inputs)
    keepers = np.array([other.get(number, number) for number in range(6)], np.int32)
    touched = np.zeros(6, np.bool_)
    touched[columns.reader[np.isin(columns.source, list(other))]] = True
    after, edits = redirected(columns, keepers[columns.source], columns.port, touched)
    expected = []
    for number, texts in enumerate(inputs):
        now = []
        for text in texts:
            source = split_input(text)
            target = NAMES[keepers[NAMES.index(source.name)]]
            now.append(text if target == source.name else str(Input(target, *source[1:])))
        expected.append(with_controls(now, [], NAMES[number]) if touched[number] else now)
    assert after.inputs() == expected
    assert edits.tolist() == [own != now for own, now in zip(inputs, expected, strict=True)]


def test_nodes_that_go_take_their_edges_along_and_others_get_new_numbers() -> None:
    columns = columns_of([[], ["n0:1"], ["gone", "^n0"], ["n1"], [], ["n3:0", "n1:2"]])
    after = without(columns, np.array([False, False, True, False, True, False]))
    assert after.names == ["n0", "n1", "n3", "n5"]
    assert after.inputs() == [[], ["n0:1"], ["n1"], ["n3:0", "n1:2"]]
    assert [after.number(name) for name in ("n5", "n2", "gone")] == [3, None, 4]


def test_the_last_of_the_nodes_that_one_reads() -> None:
    columns = columns_of([[], ["n0"], ["n0", "^n1"], ["n1:1"], ["n5"], []])
    assert last_read(columns, [1, 0]).tolist() == [-1, 0, 0, 1, -1, -1]
    assert columns.edges(2) == [(0, 0), (1, CONTROL)]
    assert columns.data_edges(2) == [(0, 0)]
    assert columns.texts(2) == ["n0", "^n1"]
