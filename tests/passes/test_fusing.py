"""fuse_pad_and_conv and its siblings: what they make, and that values stay."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inspector.graph import opdefs
from inspector.graph.graph import Graph
from inspector.passes import PASSES
from inspector.passes.base import PassContext, PassResult
from tests.passes.running import assert_same_values, cpp_tool, differences
from tests.passes.text import graph, show, value

PADS = [[0, 0], [1, 1], [2, 1], [0, 0]]
KINDS = ("fuse_pad_and_conv", "fuse_resize_and_conv", "fuse_resize_pad_and_conv")


def text(
    *,
    pad: str = "mode=REFLECT",
    resize: str = "align_corners=false",
    conv: str = "padding=VALID",
    batch: Any = 1,
    pads: Any = PADS,
    taps: Any = (3, 3),
    more: str = "",
) -> str:
    """A convolution, before it a pad, before that a resize; an empty text leaves one out."""
    lines = [
        f"x = Placeholder(shape=[{batch},6,5,2])",
        f"w = Const(value=random({taps[0]},{taps[1]},2,3))",
    ]
    source = "x"
    if resize:
        lines.append("z = Const(value=[9, 8], dtype=int32)")
        lines.append(f"r = ResizeBilinear(x, z, {resize})")
        source = "r"
    if pad:
        lines.append(f"p = Const(value={pads}, dtype=int32)")
        lines.append(f"m = MirrorPad({source}, p, {pad})")
        source = "m"
    return "\n".join([*lines, f"y = Conv2D({source}, w, {conv})", more])


def fuse(name: str, before: Graph, outputs: Any = ("y",), **params: Any) -> PassResult:
    return PASSES[name](before, PassContext(("x",), tuple(outputs)), **params)


def options(name: str) -> dict[str, str]:
    return {
        "fuse_pad_and_conv": {"resize": ""},
        "fuse_resize_and_conv": {"pad": ""},
        "fuse_resize_pad_and_conv": {},
    }[name]


def test_pad():
    after = fuse("fuse_pad_and_conv", graph(text(resize="", pad="mode=SYMMETRIC"))).graph
    assert show(after).splitlines()[-1] == "y = FusedPadConv2D(x, p, w)"
    assert after.node("y").attr["mode"].s == b"SYMMETRIC"
    assert len(after) == 4


def test_resize():
    after = fuse("fuse_resize_and_conv", graph(text(pad="", resize="align_corners=true"))).graph
    assert after.node("y").op == "FusedResizeAndPadConv2D"
    assert after.node("y").input == ["x", "z", "y_dummy_paddings", "w"]
    assert after.node("y").attr["resize_align_corners"].b
    assert value(after, "y_dummy_paddings").tolist() == [[0, 0]] * 4


def test_resize_and_pad():
    after = fuse("fuse_resize_pad_and_conv", graph(text())).graph
    assert show(after).splitlines()[-1] == "y = FusedResizeAndPadConv2D(x, z, p, w)"


def test_a_pad_behind_a_resize_is_fused_alone_too():
    after = fuse("fuse_pad_and_conv", graph(text())).graph
    assert after.node("y").input == ["r", "p", "w"]


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("batch", [3, -1])
def test_a_batch_that_is_not_one_stays_right(name, batch):
    before = graph(text(batch=batch, **options(name)))
    result = fuse(name, before)
    assert "the batch is" in result.skipped[0].why
    assert_same_values(before, result.graph, ["y"])
    assert fuse(name, before, any_batch=True).modified


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", KINDS)
def test_a_batch_of_one_is_found_behind_other_nodes(name):
    source = text(**options(name)).replace("(x,", "(n,") + " ; n = Neg(x)"
    before = graph(source)
    result = fuse(name, before)
    assert result.modified
    assert_same_values(before, result.graph, ["y"], atol=1e-5)


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"conv": "padding=SAME, dilations=[1,2,2,1]"}, "dilations"),
        ({"conv": "padding=EXPLICIT, explicit_paddings=[0,0,1,1,1,1,0,0]"}, "explicit"),
        ({"resize": "half_pixel_centers=true"}, "half-pixel"),
        ({"pads": [[0, 0], [1, 1], [2, 1], [0, 1]], "taps": (3, 3)}, "batch or channels"),
        ({"conv": "padding=SAME, strides=[1,3,3,1]", "taps": (1, 2)}, "SAME with a stride"),
        ({"more": "q = Neg(m)"}, "read by 'q' too"),
        ({"more": "q = Neg(r)"}, "read by 'q' too"),
    ],
)
def test_what_the_fused_op_cannot_say_stays(change, why):
    source = text(**change)
    if why == "batch or channels":
        source = source.replace("random(3,3,2,3)", "random(3,3,3,3)")
    before = graph(source)
    result = fuse("fuse_resize_pad_and_conv", before)
    assert result.graph is before
    assert why in result.skipped[0].why
    assert_same_values(before, result.graph, ["y"])


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("padding=VALID", "padding=VALID, data_format=NCHW", "NCHW"),
        ("padding=VALID", "padding=VALID, T=int32", "no kernel"),
        ("align_corners=false", "T=int32", "another dtype"),
        ("m = MirrorPad(r, p", "q = Identity(p) ; m = MirrorPad(r, q", "no constant"),
        (f"{PADS}, dtype=int32", f"{PADS}, dtype=int64", "not int32"),
        (f"{PADS}", "[[0, 0], [1, 1]]", "shape [2, 2]"),
    ],
)
def test_left_alone(old, new, why):
    before = graph(text().replace(old, new))
    result = fuse("fuse_resize_pad_and_conv", before)
    assert result.graph is before
    assert why in result.skipped[0].why


def test_what_is_asked_for_stays():
    before = graph(text())
    for outputs in (["m"], ["r:0"]):
        assert fuse("fuse_resize_pad_and_conv", before, outputs).graph is before
    found = PASSES["fuse_resize_pad_and_conv"]
    assert found(before, PassContext(("x", "y"), ("y",))).graph is before
    assert found(before, PassContext(("x", "p"), ("y",))).graph is before


def test_order_is_kept():
    before = graph(text(more="n = NoOp() ; o = NoOp()"))
    before.node("y").input.append("^n")
    before.node("r").input.append("^o")
    after = fuse("fuse_resize_pad_and_conv", before).graph
    assert after.node("y").input == ["x", "z", "p", "w", "^n", "^o"]


def test_missing_attributes_have_their_defaults():
    before = graph(text())
    before.node("r").attr.clear()
    before.node("r").attr["T"].type = 1
    after = fuse("fuse_resize_pad_and_conv", before).graph
    assert not after.node("y").attr["resize_align_corners"].b


@st.composite
def fused_text(draw):
    name = draw(st.sampled_from(KINDS))
    corner = draw(st.booleans())
    pads = [[0, 0], *[[draw(st.integers(0, 2)), draw(st.integers(0, 2))] for _ in "hw"], [0, 0]]
    steps = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    conv = (
        f"padding={draw(st.sampled_from(['SAME', 'VALID']))}, strides=[1,{steps[0]},{steps[1]},1]"
    )
    given_ = {
        "pad": f"mode={draw(st.sampled_from(['REFLECT', 'SYMMETRIC']))}",
        "resize": f"align_corners={str(corner).lower()}",
        **options(name),
    }
    taps = draw(st.tuples(st.integers(2, 3), st.integers(2, 3)))
    return name, text(conv=conv, pads=pads, taps=taps, **given_)


@pytest.mark.tensorflow
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(fused_text())
def test_it_is_the_tools_and_values_stay(drawn):
    name, source = drawn
    before = graph(source)
    full = before.with_nodes([opdefs.with_defaults(node) for node in before.nodes])
    after = fuse(name, full).graph
    theirs = cpp_tool(full, ["x"], ["y"], name)  # aborts where defaults are missing
    assert not differences(theirs, after, ["x"], ["y"])
    assert_same_values(before, after, ["y"], atol=1e-5)
