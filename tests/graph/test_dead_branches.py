"""Branches that constants decide are removed, and TensorFlow computes what it did."""

from __future__ import annotations

import pytest

from inspector.graph.branches.dead_branches import Pruned, without_dead_branches
from inspector.graph.graph import Graph, validate
from inspector.graph.op_sets import BRANCHES, CALLS, MERGES, SWITCHES
from inspector.graph.protos import FunctionDef
from tests.function_graphs import FLOAT, function
from tests.function_graphs import node as fnode
from tests.passes.running import assert_same_values
from tests.passes.text import graph, graph_def

X = "x = Placeholder(shape=[2])"
BRANCH = (
    f"{X} ; s = Switch(x, p) ; v = Switch(p, p, T=bool) ; on = Identity(v:1, T=bool)"
    " ; off = Identity(v, T=bool)"
    " ; k = Const(^on, value=[2, 3]) ; t = Mul(s:1, k)"
    " ; c = Const(^off, value=[5, 7]) ; f = Sub(s, c) ; m = Merge(f, t)"
)
LOOP = (
    " ; z = Const(ENTRY, value=0, dtype=int32) ; ez = Enter(z, T=int32, frame_name=loop)"
    " ; es = Enter(DATA, frame_name=loop) ; mz = Merge(ez, nz, T=int32, N=2)"
    " ; ms = Merge(es, ns, N=2) ; three = Const(^mz, value=3, dtype=int32)"
    " ; less = Less(mz, three, T=int32) ; cond = LoopCond(less) ; sz = Switch(mz, cond, T=int32)"
    " ; ss = Switch(ms, cond) ; one = Const(^sz, value=1, dtype=int32)"
    " ; iz = Identity(sz:1, T=int32) ; az = Add(iz, one, T=int32)"
    " ; nz = NextIteration(az, T=int32) ; BODY ; ns = NextIteration(body) ; out = Exit(ss)"
).replace("^sz", "^iz")


def pruned(text: str, fetches: tuple[str, ...] = ("y",), feeds: tuple[str, ...] = ("x",)) -> Pruned:
    before = graph(text)
    found = without_dead_branches(before, fetches, feeds)
    validate(found.graph)
    return found


def ops(found: Graph) -> set[str]:
    return {node.op for node in found}


PREDICATES = {
    "constant": "p = Const(value=True, dtype=bool)",
    "not": "q = Const(value=False, dtype=bool) ; p = LogicalNot(q)",
    "copies": "q = Const(value=True, dtype=bool) ; i = Identity(q, T=bool)"
    " ; p = StopGradient(i, T=bool)",
    "and": "q = Const(value=True, dtype=bool) ; p = LogicalAnd(q, q)",
    "or with an input": "q = Const(value=True, dtype=bool) ; g = Placeholder(dtype=bool, shape=[])"
    " ; p = LogicalOr(g, q)",
    "cast": "q = Const(value=2, dtype=int32) ; p = Cast(q, SrcT=int32, DstT=bool)",
    "comparison": "q = Const(value=0.5) ; o = Const(value=1) ; p = Less(q, o)",
    "text": "q = Const(value='train', dtype=string) ; o = Const(value='train', dtype=string)"
    " ; p = Equal(q, o, T=string)",
}


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", PREDICATES)
@pytest.mark.parametrize("end", ["m = Merge", "y = Merge"])
def test_a_decided_branch_is_all_that_stays(name: str, end: str) -> None:
    text = f"{PREDICATES[name]} ; {BRANCH}".replace("m = Merge", end)
    text += "" if end[0] == "y" else " ; y = Neg(m)"
    found = pruned(text).graph
    assert ops(found) - {"Neg", "Identity", "Placeholder"} == {"Const", "Mul"}
    assert not {"p", "q", "v", "on", "off", "f", "c", "m"} & {node.name for node in found}
    assert list(found.node("k").input) == []
    assert_same_values(graph(text), found, ["y"])


@pytest.mark.tensorflow
def test_the_other_branch() -> None:
    text = f"p = Const(value=False, dtype=bool) ; {BRANCH} ; y = Neg(m)"
    found = pruned(text).graph
    assert ops(found) == {"Placeholder", "Const", "Sub", "Neg"}
    assert_same_values(graph(text), found, ["y"])


@pytest.mark.tensorflow
@pytest.mark.parametrize("value", ["True", "False"])
def test_the_number_of_the_branch_is_a_constant(value: str) -> None:
    text = (
        f"p = Const(value={value}, dtype=bool) ; {BRANCH} ; n = Cast(m:1, SrcT=int32, DstT=float)"
    )
    text += " ; y = Add(m, n)"
    found = pruned(text).graph
    assert not ops(found) & (SWITCHES | MERGES)
    assert_same_values(graph(text), found, ["y"])


@pytest.mark.tensorflow
@pytest.mark.parametrize("outer", ["True", "False"])
@pytest.mark.parametrize("inner", ["True", "False"])
def test_branches_in_branches(outer: str, inner: str) -> None:
    text = (
        f"p = Const(value={outer}, dtype=bool) ; r = Const(value={inner}, dtype=bool) ; {X}"
        " ; s = Switch(x, p) ; w = Switch(r, p, T=bool) ; u = Switch(s:1, w:1)"
        " ; a = Exp(u:1) ; b = Neg(u) ; i = Merge(b, a) ; f = Abs(s) ; m = Merge(f, i)"
        " ; y = Relu(m)"
    )
    found = pruned(text).graph
    assert not ops(found) & (SWITCHES | MERGES | {"Const"})
    assert_same_values(graph(text), found, ["y"])


@pytest.mark.tensorflow
@pytest.mark.parametrize("decided", ["outer", "inner"])
def test_a_branch_that_an_input_decides_stays(decided: str) -> None:
    p, r = "Const(value=True, dtype=bool)", "Greater(h, l)"
    p, r = (p, r) if decided == "outer" else (r, p)
    text = (
        f"{X} ; h = Const(value=1) ; n = Const(value=[0], dtype=int32) ; l = Sum(x, n, Tidx=int32)"
        f" ; p = {p} ; r = {r} ; s = Switch(x, p)"
        " ; w = Switch(r, p, T=bool) ; u = Switch(s:1, w:1)"
        " ; a = Exp(u:1) ; b = Neg(u) ; i = Merge(b, a) ; f = Abs(s) ; m = Merge(f, i)"
        " ; y = Relu(m)"
    )
    found = pruned(text).graph
    assert [node.name for node in found if node.op == "Switch"] == (
        ["u"] if decided == "outer" else ["s"]
    )
    assert sum(node.op == "Merge" for node in found) == 1
    assert_same_values(graph(text), found, ["y"])


@pytest.mark.tensorflow
@pytest.mark.parametrize("value", ["True", "False"])
def test_a_loop_in_a_branch(value: str) -> None:
    loop = LOOP.replace("ENTRY", "^on").replace("DATA", "s:1").replace("BODY", "body = Neg(ss:1)")
    text = (
        f"p = Const(value={value}, dtype=bool) ; {X} ; s = Switch(x, p) ; v = Switch(p, p, T=bool)"
        f" ; on = Identity(v:1, T=bool){loop} ; f = Exp(s) ; m = Merge(f, out) ; y = Relu(m)"
    )
    found = pruned(text).graph
    assert ("LoopCond" in ops(found)) is (value == "True")
    assert sum(node.op == "Switch" for node in found) == (2 if value == "True" else 0)
    assert_same_values(graph(text), found, ["y"])


@pytest.mark.tensorflow
@pytest.mark.parametrize("value", ["True", "False"])
def test_a_branch_in_a_loop(value: str) -> None:
    body = (
        "d = Switch(ss:1, e) ; v = Switch(e, e, T=bool) ; on = Identity(v:1, T=bool)"
        " ; k = Const(^on, value=[2, 2]) ; g = Mul(d:1, k) ; h = Neg(d) ; body = Merge(h, g)"
    )
    loop = LOOP.replace("ENTRY, ", "").replace("DATA", "x").replace("BODY", body)
    text = (
        f"p = Const(value={value}, dtype=bool) ; {X} ; e = Enter(p, T=bool, frame_name=loop,"
        f" is_constant=true){loop} ; y = Abs(out)"
    )
    found = pruned(text).graph
    assert sum(node.op == "Switch" for node in found) == 2  # those of the loop
    assert ("Mul" in ops(found)) is (value == "True")
    assert_same_values(graph(text), found, ["y"])


@pytest.mark.tensorflow
def test_a_switch_of_several_branches() -> None:
    text = (
        f"{X} ; p = Const(value=7, dtype=int32) ; s = _SwitchN(x, p, num_outs=3)"
        " ; a = Neg(s) ; b = Exp(s:1) ; c = Abs(s:2) ; m = Merge(a, b, c) ; y = Relu(m)"
    )
    found = pruned(text).graph
    assert ops(found) == {"Placeholder", "Abs", "Relu"}


def test_a_merge_keeps_what_may_run() -> None:
    text = (
        f"{X} ; p = Const(value=True, dtype=bool) ; g = Placeholder(dtype=bool, shape=[])"
        " ; s = Switch(x, p) ; w = Switch(x, g) ; m = Merge(s, w, w:1) ; y = Relu(m)"
    )
    found = pruned(text).graph
    assert list(found.node("m").input) == ["w", "w:1"]
    assert found.node("m").attr["N"].i == 2


def test_a_ref_switch_hands_on_its_variable() -> None:
    text = (
        f"{X} ; p = Const(value=True, dtype=bool) ; v = VariableV2(shape=[2])"
        " ; s = RefSwitch(v, p) ; a = AssignAdd(s:1, x) ; b = AssignSub(s, x)"
        " ; m = Merge(b, a) ; y = Relu(m)"
    )
    found = pruned(text).graph
    assert list(found.node("a").input) == ["v", "x"]
    assert "AssignSub" not in ops(found)


@pytest.mark.parametrize(
    ("fetches", "feeds"),
    [(("f",), ("x",)), (("y",), ("x", "p")), (("y",), ("x", "m"))],
    ids=["output in the dead branch", "predicate fed", "end of the branch fed"],
)
def test_nothing_of_the_boundary_changes(fetches: tuple[str, ...], feeds: tuple[str, ...]) -> None:
    text = f"p = Const(value=True, dtype=bool) ; {BRANCH} ; y = Neg(m)"
    before = graph(text)
    found = without_dead_branches(before, fetches, feeds)
    assert found.graph is before
    assert bool(found.stays) is (feeds == ("x",))


def test_a_switch_that_is_an_output_stays() -> None:
    found = pruned(f"p = Const(value=True, dtype=bool) ; {BRANCH} ; y = Neg(m)", ("s:1", "y"))
    assert found.graph.node("s").op == "Switch"
    assert "an output itself" in found.stays["s"]


def functions() -> list[FunctionDef]:
    inner = fnode("inner", "StatelessIf", "q", "a", then_branch="exp", else_branch="neg")
    inner.attr["Tcond"].type = FLOAT
    for key in ("Tin", "Tout"):
        inner.attr[key].list.type.append(FLOAT)
    return [
        function("exp", "a", [fnode("r", "Exp", "a", T=FLOAT)], {"b": "r:y:0"}),
        function("neg", "a", [fnode("r", "Neg", "a", T=FLOAT)], {"b": "r:y:0"}),
        function("nested", "q a", [inner], {"b": "inner:output:0"}),
        function("second", "q a", [fnode("r", "Neg", "a", T=FLOAT)], {"b": "r:y:0"}),
    ]


def branch(op: str, predicate: str, branches: str, inputs: str) -> Graph:
    count = len(inputs.split(","))
    types = f"[{', '.join(['float'] * count)}]"
    cond = "" if op.endswith("Case") else ", Tcond=DTYPE"
    proto = graph_def(
        f"{X} ; {predicate} ; n = {op}(p, {inputs}, Tin={types}, Tout=[float]{cond})"
        " ; y = Relu(n)".replace("DTYPE", "bool" if "bool" in predicate else "float")
    )
    (node,) = (item for item in proto.node if item.name == "n")
    names = branches.split()
    if op.endswith("Case"):
        for name in names:
            node.attr["branches"].list.func.add(name=name)
    else:
        node.attr["then_branch"].func.name, node.attr["else_branch"].func.name = names
    proto.library.function.extend(functions())
    return Graph.of(proto)


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("op", "predicate", "branches", "inputs", "runs"),
    [
        ("StatelessIf", "p = Const(value=True, dtype=bool)", "exp neg", "x", "Exp"),
        ("If", "p = Const(value=False, dtype=bool)", "exp neg", "x", "Neg"),
        ("StatelessIf", "p = Const(value=0.5)", "exp neg", "x", "Exp"),
        ("StatelessCase", "p = Const(value=1, dtype=int32)", "exp neg exp", "x", "Neg"),
        ("StatelessCase", "p = Const(value=-1, dtype=int32)", "neg neg exp", "x", "Exp"),
        ("StatelessIf", "p = Const(value=1)", "nested second", "p, x", "Exp"),
    ],
    ids=["then", "else", "number", "case", "out of range", "nested"],
)
def test_if_and_case(op: str, predicate: str, branches: str, inputs: str, runs: str) -> None:
    before = branch(op, predicate, branches, inputs)
    found = without_dead_branches(before, ["y"], ["x"])
    validate(found.graph)
    assert ops(found.graph) & {"Exp", "Neg"} == {runs}
    assert not ops(found.graph) & (BRANCHES | CALLS)
    assert "n" in found.calls
    assert_same_values(before, found.graph, ["y"])


def test_a_branch_without_its_function_stays() -> None:
    before = branch("StatelessIf", "p = Const(value=True, dtype=bool)", "gone neg", "x")
    found = without_dead_branches(before, ["y"], ["x"])
    assert found.graph is before
    assert "'gone' is not in the library" in found.stays["n"]


def test_a_chain_of_many_branches_takes_one_pass() -> None:
    lines = [X, "p = Const(value=False, dtype=bool)", "m0 = Identity(x)"]
    for at in range(1, 3001):
        lines += [
            f"s{at} = Switch(m{at - 1}, p)",
            f"m{at} = Merge(s{at}, s{at}:1)",
        ]
    found = pruned(" ; ".join([*lines, "y = Neg(m3000)"])).graph
    assert [node.name for node in found] == ["x", "m0", "y"]
    assert list(found.node("y").input) == ["m0"]


def test_a_function_that_calls_itself_ends() -> None:
    inner = fnode("n", "StatelessIf", "q", "q", "a", then_branch="again", else_branch="again")
    inner.attr["Tcond"].type = FLOAT
    inner.attr["Tin"].list.type.extend([FLOAT, FLOAT])
    inner.attr["Tout"].list.type.append(FLOAT)
    again = function("again", "q a", [inner], {"b": "n:output:0"})
    text = f"{X} ; o = Placeholder(shape=[]) ; k = Const(value=1)"
    text += " ; n = StatelessIf(o, k, x, Tcond=float, Tin=[float, float], Tout=[float])"
    proto = graph_def(f"{text} ; y = Relu(n)")
    (node,) = (item for item in proto.node if item.name == "n")
    node.attr["then_branch"].func.name = node.attr["else_branch"].func.name = "again"
    proto.library.function.append(again)
    found = without_dead_branches(Graph.of(proto), ["y"], ["x", "o"]).graph
    validate(found)
    assert "y" in found


@pytest.mark.tensorflow
def test_a_constant_argument_decides_within_a_branch() -> None:
    before = branch("StatelessIf", "p = Placeholder(shape=[])", "nested second", "k, x")
    proto = before.to_proto()
    proto.node.extend(graph_def("k = Const(value=0)").node)
    before = Graph.of(proto)
    found = without_dead_branches(before, ["y"], ["x", "p"]).graph
    names = {item.signature.name: item for item in found.library.function}
    assert [item.op for item in names["nested_decided"].node_def if item.op != "Identity"] == [
        "Neg"
    ]
    assert found.node("n").attr["then_branch"].func.name == "nested_decided"
    assert found.node("n").attr["else_branch"].func.name == "second"
    assert_same_values(before, found, ["y"])


def test_a_loop_that_a_dead_branch_would_feed_stays() -> None:
    loop = LOOP.replace("ENTRY, ", "").replace("DATA", "x")
    loop = loop.replace("BODY", "d = Switch(ss:1, e) ; body = Neg(d)")
    text = (
        f"p = Const(value=True, dtype=bool) ; {X} ; e = Enter(p, T=bool, frame_name=loop,"
        f" is_constant=true){loop} ; y = Abs(out)"
    )
    before = graph(text)
    found = without_dead_branches(before, ["y"], ["x"])
    assert found.graph is before
    assert found.stays == {"ms": "starts the iterations of a loop"}
