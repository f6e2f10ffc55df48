"""strip_unused_nodes: what stays, and what the inputs become."""

from __future__ import annotations

import pytest

from inspector.errors import BadParameter, TransformFailed
from inspector.graph import tensors
from inspector.passes import PASSES
from inspector.passes.base import PassContext
from tests.passes.running import assert_same_values, run
from tests.passes.text import graph, show

CHAIN = (
    "raw = Placeholder(dtype=string, shape=[]) ; png = DecodePng(raw, channels=3, dtype=uint8)"
    " ; x = Cast(png, SrcT=uint8, DstT=float) ; y = Relu(x) ; s = Neg(y) ; i = NoOp(^s)"
)
SPLIT = (
    "d = Const(dtype=int32) ; a = Placeholder(shape=[4,2]) ; s = Split(d, a, num_split=2)"
    " ; y = Neg(s:1)"
)


def strip(text, inputs=("x",), outputs=("y",), **params):
    found = PASSES["strip_unused_nodes"]
    given = [(k, v) for k, vs in params.items() for v in (vs if isinstance(vs, list) else [vs])]
    return found(graph(text), PassContext(tuple(inputs), tuple(outputs)), **found.read(given))


def spec(result, name):
    node = result.graph.node(name)
    assert node.op == "Placeholder"
    return tensors.dtype_name(node.attr["dtype"].type), tensors.shape_of(node.attr["shape"].shape)


def test_only_what_the_outputs_need_stays():
    result = strip(
        "x = Placeholder() ; w = Const() ; y = Add(x, w, ^g) ; g = NoOp() ; z = Neg(y)"
        " ; k = Const()"
    )
    assert show(result.graph) == "x = Placeholder()\nw = Const()\ny = Add(x, w, ^g)\ng = NoOp()"
    assert [change.kind for change in result.changed] == ["removed", "removed"]


def test_an_input_that_nothing_reads_stays_and_an_unknown_one_is_passed_over():
    result = strip("x = Placeholder() ; q = Placeholder() ; y = Neg(x)", ["x", "q", "nope"])
    assert show(result.graph) == "x = Placeholder()\nq = Placeholder()\ny = Neg(x)"


@pytest.mark.parametrize("port", ["", ":0"])
def test_an_input_on_the_way_becomes_a_placeholder_like_what_it_was(port):
    result = strip(CHAIN, [f"x{port}"], [f"y{port}"])
    assert show(result.graph) == "x = Placeholder()\ny = Relu(x)"
    assert spec(result, "x") == ("float32", [None, None, 3])


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"type": "int32"}, ("int32", [None, None, 3])),
        ({"shape": "1,4,4,3"}, ("float32", [1, 4, 4, 3])),
        ({"type": "double", "shape": "-1"}, ("float64", [None])),
        ({"shape": " 2 , -1"}, ("float32", [2, None])),
        (
            {
                "type": "half",
                "name": ["q", "x"],
                "type_for_name": ["int8", "quint8"],
                "shape_for_name": ["1", "7"],
            },
            ("quint8", [7]),
        ),
    ],
)
def test_arguments_override(params, expected):
    assert spec(strip(CHAIN, **params), "x") == expected


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"type": "DT_FLOAT"}, "Couldn't understand type argument 'DT_FLOAT'"),
        ({"type": "floaty"}, "Couldn't understand type argument 'floaty'"),
        ({"shape": ""}, "shape is empty"),
        ({"shape": "a"}, "parse as shape: 'a'"),
        ({"shape": "1,,2"}, "parse as shape: '1,,2'"),
        ({"name": ["x"]}, "You must pass a 'type_for_name'"),
        ({"type": ["float", "int32"]}, "found 2 occurrences"),
    ],
)
def test_arguments_that_cannot_be_read(params, message):
    with pytest.raises(BadParameter) as caught:
        strip(CHAIN, **params)
    assert message in str(caught.value)


def test_arguments_are_looked_at_only_when_needed():
    strip("x = Placeholder() ; y = Neg(x)", type="garbage", shape="junk")


def test_an_unknown_output_is_an_error():
    with pytest.raises(TransformFailed, match="Input node z not found in graph"):
        strip("x = Placeholder() ; y = Neg(x)", outputs=["z"])


def test_a_default_is_cut_off():
    result = strip("c = Const() ; x = PlaceholderWithDefault(c, shape=[3]) ; y = Neg(x)")
    assert show(result.graph) == "x = Placeholder()\ny = Neg(x)"
    assert spec(result, "x") == ("float32", [3])


@pytest.mark.tensorflow
def test_one_of_several_outputs_keeps_its_name():
    result = strip(SPLIT, ["s:1"])
    assert show(result.graph) == (
        "s/0 = Placeholder()\ns/1 = Placeholder()\ns = IdentityN(s/0, s/1)\ny = Neg(s:1)"
    )
    (found,) = run(result.graph, ["y"], {"s:1": [[1.0, 2.0], [3.0, 4.0]]})
    assert found.tolist() == [[-1.0, -2.0], [-3.0, -4.0]]
    assert spec(result, "s/1") == ("float32", [2, 2])
    again = PASSES["strip_unused_nodes"](result.graph, PassContext(("s:1",), ("y",)))
    assert not again.modified
    fold = PASSES["fold_constants"]
    assert not fold(result.graph, PassContext(("s:1",), ("y",)), **fold.read(())).modified


@pytest.mark.tensorflow
def test_an_output_that_is_needed_and_no_input_keeps_the_node():
    text = SPLIT + " ; z = Add(y, s)"
    result = strip(text, ["s:1"], ["z"])
    assert show(result.graph) == show(graph(text))
    assert "its output 0 is needed too" in result.skipped[0].why
    assert_same_values(graph(text), result.graph, ["z"])


def test_variables_become_what_they_hold():
    result = strip("x = VariableV2(dtype=float, shape=[2,3]) ; y = Neg(x)")
    assert spec(result, "x") == ("float32", [2, 3])


def test_control_inputs_on_an_input_stay():
    result = strip(
        "q = Placeholder() ; x = Neg(q) ; y = Relu(x, ^x) ; z = NoOp(^x)", outputs=["y", "z"]
    )
    assert show(result.graph) == "x = Placeholder()\ny = Relu(x, ^x)\nz = NoOp(^x)"
