"""Which nodes are drawn, folded into a reader, or set apart."""

from __future__ import annotations

from benchmarks.support.node_tables import layered
from inspector.view.tree.folding import fold
from inspector.view.tree.hierarchy import PLUMBING, build
from tests.view.graphs import table


def verdict(text: str, **kwargs: object) -> dict[str, str]:
    found = table(text, **kwargs)
    folding = fold(found)
    return {
        name: found.names[folding.into[node]]
        if folding.into[node] >= 0
        else "apart"
        if folding.plumbing[node]
        else "drawn"
        for node, name in enumerate(found.names)
    }


def test_what_a_batch_norm_computes_from_weights_folds_into_its_reader():
    found = verdict(
        """
        x = Placeholder()
        gamma = Const()
        variance = Const()
        rsqrt = Rsqrt(variance)
        scale = Mul(rsqrt, gamma)
        shaped = Reshape(scale, gamma)
        y = Mul(x, shaped)
        """,
        fetches=["y"],
    )
    assert found == {
        "x": "drawn", "y": "drawn",
        "gamma": "y", "variance": "y", "rsqrt": "y", "scale": "y", "shaped": "y",
    }  # fmt: skip


def test_a_shared_weight_folds_into_the_first_reader():
    found = verdict("x = Placeholder()\nw = Const()\na = Mul(x, w)\nb = Mul(a, w)", fetches=["b"])
    assert found["w"] == "a"


def test_a_constant_that_is_fetched_is_drawn():
    assert verdict("c = Const()\nd = Identity(c)", fetches=["d:0"])["d"] == "drawn"


def test_savers_and_initialisers_are_set_apart():
    found = verdict(
        """
        x = Placeholder()
        w = VariableV2()
        zeros = Const()
        w/Assign = Assign(w, zeros)
        w/read = Identity(w)
        y = MatMul(x, w/read)
        save/name = Const()
        save/Const = PlaceholderWithDefault(save/name)
        save/SaveV2 = SaveV2(save/Const, w)
        save/RestoreV2 = RestoreV2(save/Const)
        save/Assign = Assign(w, save/RestoreV2)
        init = NoOp(^w/Assign)
        """,
        fetches=["y:0"],
        feeds=["x:0"],
    )
    assert found["w"] == found["w/read"] == "y"
    apart = {"w/Assign", "save/SaveV2", "save/RestoreV2", "save/Assign", "init", "save/Const"}
    assert {name for name, what in found.items() if what == "apart"} == apart
    assert found["zeros"] == "w/Assign"


def test_summaries_and_assertions_are_set_apart_with_what_only_they_read():
    found = verdict(
        """
        x = Placeholder()
        y = Relu(x, ^check)
        ok = Less(x, x)
        check = Assert(ok, x)
        mean = Mean(y, y)
        summary = ScalarSummary(mean, mean)
        """,
        fetches=["y"],
    )
    assert found == {
        "x": "drawn", "y": "drawn", "ok": "apart", "check": "apart",
        "mean": "apart", "summary": "apart",
    }  # fmt: skip


def test_without_a_placeholder_every_computation_is_drawn():
    found = verdict("a = Const()\nb = Relu(a)\nc = Relu(b)")
    assert found == {"a": "b", "b": "drawn", "c": "drawn"}


def test_a_source_that_is_not_in_the_graph_does_not_make_its_reader_a_weight():
    assert verdict("y = Relu(gone)\nz = Relu(y)") == {"y": "drawn", "z": "drawn"}


def test_a_loop_with_a_back_edge_ends():
    found = verdict(
        """
        x = Placeholder()
        enter = Enter(x)
        merge = Merge(enter, next)
        body = Relu(merge)
        next = NextIteration(body)
        """,
        fetches=["body"],
    )
    assert set(found.values()) == {"drawn"}


def test_a_long_chain_does_not_recurse():
    lines = ["n0 = Placeholder()", *(f"n{i} = Relu(n{i - 1})" for i in range(1, 20_000))]
    assert fold(table("\n".join(lines))).order[-1] == 19_999


def test_plumbing_is_one_closed_group():
    found = table(
        "x = Placeholder()\ny = Relu(x)\nw = VariableV2()\nzero = Const()\nset = Assign(w, zero)",
        fetches=["y"],
    )
    tree = build(found)
    group = [scope for scope in tree.order if tree.kinds[scope] == "plumbing"]
    assert [tree.labels[scope] for scope in group] == [PLUMBING]
    assert tree.path(tree.drawn(found.find("set"))) == group


def test_weights_are_most_of_a_network():
    found = layered(8)
    assert sum(owner >= 0 for owner in fold(found).into) > 0.4 * len(found)


def test_what_only_orders_belongs_to_the_first_that_waits_for_it():
    found = verdict(
        """
        x = Placeholder()
        w = VarHandleOp()
        read = ReadVariableOp(w)
        unused = ReadVariableOp(w)
        y = MatMul(x, read)
        done = NoOp(^read, ^unused)
        out = Identity(y, ^done)
        last = NoOp(^out)
        """,
        fetches=["out"],
    )
    # Nobody waits for the last one, and there is no other plumbing to set it apart with.
    assert found == {
        "x": "drawn", "y": "drawn", "out": "drawn", "w": "y", "read": "y",
        "unused": "out", "done": "out", "last": "out",
    }  # fmt: skip


def test_a_fetch_that_only_orders_is_drawn():
    found = verdict("x = Placeholder()\nrun = NoOp(^x)", fetches=["run"])
    assert found == {"x": "drawn", "run": "drawn"}
