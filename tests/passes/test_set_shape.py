"""set_shape: placeholders get another shape or batch, and what contradicts it is named."""

from __future__ import annotations

from typing import Any

import pytest

import inspector
from inspector.errors import BadParameter, TransformFailed
from inspector.graph import tensors
from inspector.graph.shapes import infer
from inspector.model.model import Model
from inspector.model.signatures import for_outputs
from inspector.passes.pipeline import PipelineResult
from inspector.passes.pipeline import run as run_pipeline
from tests.passes.running import run as run_graph
from tests.passes.text import graph

CONV = """
x = Placeholder(shape=[2,8,8,3])
w = Const(value=random(3,3,3,4))
c = Conv2D(x, w, _output_shapes=[[2,8,8,4]])
d = Const(value=[2,-1], dtype=int32)
r = Reshape(c, d)
y = Relu(r)
"""
FLAT = CONV.replace("[2,-1]", "[2,256]")


def run(text: str, arguments: str, inputs: tuple[str, ...] = ("x",)) -> PipelineResult:
    return run_pipeline(graph(text), inputs, ["y"], f"set_shape({arguments})")


def shape(result: PipelineResult, name: str = "x") -> Any:
    return tensors.shape_of(result.graph.node(name).attr["shape"].shape)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("batch=4", [4, 8, 8, 3]),
        ("batch=-1", [None, 8, 8, 3]),
        ('shape="2,16,16,3"', [2, 16, 16, 3]),
        ('batch=4, name="x:0"', [4, 8, 8, 3]),
    ],
)
def test_the_placeholder_has_the_new_shape(arguments: str, expected: list[int | None]) -> None:
    result = run(CONV, arguments)
    assert shape(result) == expected
    assert "_output_shapes" not in result.graph.node("c").attr
    inferred = infer.infer(result.graph)["c"][0]
    assert inferred == [*expected[:3], 4]


def test_a_constant_that_holds_the_old_batch_is_named() -> None:
    (step,) = run(CONV, "batch=4").steps
    assert [(skip.name, skip.why) for skip in step.skipped] == [
        ("r", "its constant shape [2, -1] still has the old batch")
    ]
    (step,) = run(CONV, 'shape="2,4,4,3"').steps
    assert step.skipped == ()


def test_everything_that_contradicts_is_named() -> None:
    text = FLAT + "e = Const(value=[4,128], dtype=int32) ; q = Reshape(c, e) ; z = Neg(q)"
    with pytest.raises(TransformFailed) as caught:
        run_pipeline(graph(text), ["x"], ["y", "z"], "set_shape(batch=4)")
    message = str(caught.value)
    assert "contradicts 'r' (Reshape: " in message
    assert "'q' (Reshape: " in message
    assert message.endswith("'x' had [2, 8, 8, 3]")


def test_channels_that_the_weights_do_not_have() -> None:
    with pytest.raises(
        TransformFailed, match=r"set_shape: c: the new shape contradicts 'c' .Conv2D"
    ):
        run(CONV, 'shape="2,8,8,1"')


def test_what_did_not_fit_before_is_not_blamed() -> None:
    text = (
        "x = Placeholder(shape=[2]) ; y = Neg(x) ; a = Const(value=zeros(2,3)) ; b = MatMul(a, a)"
    )
    assert shape(run(text, "batch=3")) == [3]


@pytest.mark.parametrize(
    ("text", "arguments", "error", "says"),
    [
        (CONV, "", BadParameter, "give a shape or a batch"),
        (CONV, 'batch=1, shape="1"', BadParameter, "give a shape or a batch"),
        (CONV, 'shape="a"', BadParameter, "Could not parse as shape"),
        (CONV, "batch=-2", BadParameter, "too small"),
        (CONV, "batch=1, name=xx", TransformFailed, "no node of this name"),
        (CONV, "batch=1, name=c", TransformFailed, "no placeholder but a node of op Conv2D"),
        (
            "k = Const(value=zeros(2)) ; x = PlaceholderWithDefault(k, shape=[2]) ; y = Neg(x)",
            "batch=3",
            TransformFailed,
            "its default has shape [2]",
        ),
    ],
)
def test_what_cannot_be_asked(text: str, arguments: str, error: Any, says: str) -> None:
    with pytest.raises(error) as caught:
        run(text, arguments)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("attributes", "why"),
    [("", "the rank is not known"), ("shape=[]", "is a scalar, which has no batch")],
)
def test_a_batch_needs_a_rank(attributes: str, why: str) -> None:
    (step,) = run(f"x = Placeholder({attributes}) ; y = Neg(x)", "batch=4").steps
    assert step.skipped[0].why == f"{why}: give a shape"
    assert not step.modified


def test_only_the_named_one_changes() -> None:
    text = "x = Placeholder(shape=[2]) ; z = Placeholder(shape=[2]) ; y = Neg(x) ; u = Neg(z)"
    result = run(text, "batch=5, name=z", ("x", "z"))
    assert (shape(result), shape(result, "z")) == ([2], [5])


def test_the_signature_follows() -> None:
    text = "x = Placeholder(shape=[2,3]) ; w = Const(value=random(3,4)) ; y = MatMul(x, w)"
    model = Model("GraphDef", "m.pb", graph(text))
    model.signatures["predict"] = for_outputs(model.graph, ["y"])
    result = inspector.optimise(model, transforms="set_shape(batch=7)")
    signature = result.model.signatures["predict"]
    assert tensors.shape_of(signature.inputs["x"].tensor_shape) == [7, 3]
    assert tensors.shape_of(signature.outputs["y"].tensor_shape) == [7, 4]
    assert tensors.shape_of(model.signatures["predict"].inputs["x"].tensor_shape) == [2, 3]


@pytest.mark.tensorflow
def test_tensorflow_takes_the_new_batch() -> None:
    import numpy as np

    text = CONV.replace("[2,-1]", "[-1,256]")
    result = run(text, "batch=5")
    feeds = {"x": np.ones((5, 8, 8, 3), np.float32)}
    assert run_graph(result.graph, ["y"], feeds)[0].shape == (5, 256)
