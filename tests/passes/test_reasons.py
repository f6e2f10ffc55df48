"""A step that could do nothing says why, and what would help."""

from __future__ import annotations

import pytest

from inspector.passes import PASSES
from inspector.passes.pipeline import run
from tests.passes.running import context
from tests.passes.text import graph

CONV = (
    "x = Placeholder(shape=[1,5,5,3]) ; w = Const(value=random(3,3,3,4))"
    " ; v = Const(value=uniform(4)) ; g = Const(value=random(4)) ; r = Rsqrt(v) ; f = Mul(r, g)"
)
COMPUTED = "the factor 'f' is computed from constants: run fold_constants before"


def skips(text: str, transform: str, **params: object) -> dict[str, str]:
    result = PASSES[transform](graph(text), context(), **params)
    return {skip.name: skip.why for skip in result.skipped}


@pytest.mark.parametrize("product", ["y = Mul(c, f)", "y = Mul(f, c)", "y = RealDiv(c, f)"])
def test_a_computed_factor_names_fold_constants(product: str) -> None:
    text = f"{CONV} ; c = Conv2D(x, w) ; {product}"
    assert skips(text, "fold_batch_norms") == {"y": COMPUTED}


def test_computed_weights_name_it_too() -> None:
    text = f"{CONV} ; i = Identity(w) ; c = Conv2D(x, i) ; y = Mul(c, g)"
    why = "the weights 'i' are computed from constants: run fold_constants before"
    assert skips(text, "fold_batch_norms") == {"y": why}


@pytest.mark.tensorflow
def test_what_is_named_helps() -> None:
    text = f"{CONV} ; i = Identity(w) ; c = Conv2D(x, i) ; y = Mul(c, f)"
    folded = PASSES["fold_constants"](graph(text), context()).graph
    after = PASSES["fold_batch_norms"](folded, context()).graph
    assert [node.op for node in after if node.op != "Const"] == ["Placeholder", "Conv2D"]


@pytest.mark.parametrize(
    "factor", ["f2 = Placeholder(shape=[4])", "z = Placeholder(shape=[4]) ; f2 = Neg(z)"]
)
def test_a_factor_that_an_input_gives_is_no_batch_norm(factor: str) -> None:
    text = f"{CONV} ; c = Conv2D(x, w) ; {factor} ; y = Mul(c, f2)"
    assert skips(text, "fold_batch_norms") == {}


@pytest.mark.parametrize("arguments", ["(type=half)", '(shape="9,9")'])
def test_a_placeholder_that_already_is_one_keeps_its_shape(arguments: str) -> None:
    text = "x = Placeholder(shape=[2]) ; y = Neg(x)"
    (step,) = run(graph(text), ["x"], ["y"], f"strip_unused_nodes{arguments}").steps
    assert [(skip.name, skip.why) for skip in step.skipped] == [
        ("x", "is a Placeholder already: it keeps dtype and shape; set_shape changes the shape")
    ]


@pytest.mark.parametrize("arguments", ["", "(type=float)", '(shape="2")'])
def test_a_placeholder_that_is_as_asked_is_not_worth_a_word(arguments: str) -> None:
    text = "x = Placeholder(shape=[2]) ; y = Neg(x)"
    (step,) = run(graph(text), ["x"], ["y"], f"strip_unused_nodes{arguments}").steps
    assert step.skipped == ()


def test_an_input_that_decides_branches_is_named() -> None:
    text = (
        "x = Placeholder(shape=[2]) ; train = Placeholder(dtype=bool, shape=[])"
        " ; p = LogicalNot(train) ; s = Switch(x, p) ; t = Switch(x, train)"
        " ; m = Merge(s, s:1) ; n = Merge(t, t:1) ; y = Add(m, n)"
    )
    why = "decides 2 branches and is no constant: --set train=... makes it one"
    assert skips(text, "remove_dead_branches") == {"train": why}
