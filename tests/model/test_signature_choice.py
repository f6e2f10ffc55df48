"""Which signatures a result keeps, and what is said of the others."""

from __future__ import annotations

import pytest

from inspector.errors import UnknownSignature
from inspector.graph.protos import SignatureDef
from inspector.model import signatures
from inspector.model.model import Model
from inspector.model.signature_choice import (
    MOST_KEPT,
    NOT_ALLOWED,
    NOT_CHOSEN,
    TOO_MANY,
    choose,
    unmet,
)
from tests.graphs import graph, node, placeholder


def signature(inputs: dict[str, str], outputs: dict[str, str]) -> SignatureDef:
    made = SignatureDef(method_name=signatures.PREDICT)
    for key, name in inputs.items():
        made.inputs[key].name = name
    for key, name in outputs.items():
        made.outputs[key].name = name
    return made


def model(**by_key: dict[str, str]) -> Model:
    by_name = {key: signature({"x": "x:0"}, outputs) for key, outputs in by_key.items()}
    return Model("SavedModel", "m", graph(placeholder("x", [1])), signatures=by_name)


SEVERAL = {
    "serving_default": {"c": "c:0", "p": "p:0"},
    "classify": {"p": "p:0"},
    "names": {"n": "n:0"},
}


def test_one_is_kept_and_the_others_are_named() -> None:
    choice = choose(model(**SEVERAL), None, None)
    assert choice.keys == ("serving_default",)
    assert choice.left_out == {"classify": NOT_CHOSEN, "names": NOT_CHOSEN}
    assert choice.sentences() == [
        "Left out the signatures 'classify', 'names': "
        "--all-signatures (all_signatures=True in Python) keeps all."
    ]


def test_several_are_kept_in_the_order_of_the_request() -> None:
    choice = choose(model(**SEVERAL), ["names", "classify", "names"], None)
    assert choice.keys == ("names", "classify")
    assert list(choice.left_out) == ["serving_default"]


def test_all_are_kept_with_the_requested_one_first() -> None:
    assert choose(model(**SEVERAL), "names", None, every=True).keys == (
        "names",
        "serving_default",
        "classify",
    )
    assert choose(model(**SEVERAL), None, None, every=True).left_out == {}


def test_the_keys_of_the_result_decide_what_is_left_out() -> None:
    choice = choose(model(**SEVERAL), "names", ["p"])
    assert choice.left_out == {"serving_default": NOT_ALLOWED, "classify": NOT_CHOSEN}
    settled = choice.settled(["classify"])
    assert settled.left_out == {"serving_default": NOT_ALLOWED, "names": NOT_ALLOWED}
    assert choice.settled(["names"]) == choice


def test_of_thousands_the_likeliest_are_kept() -> None:
    many = {f"key_{number:04}": {"y": "y:0"} for number in range(1_000)}
    choice = choose(model(**many), "key_0999", None, every=True)
    assert choice.keys[0] == "key_0999"
    assert len(choice.keys) == MOST_KEPT + 1
    assert set(choice.left_out.values()) == {TOO_MANY}
    assert len(choice.keys) + len(choice.left_out) == 1_000


def test_of_chosen_outputs_all_must_be_there() -> None:
    choice = choose(model(**SEVERAL), None, ["c", "p:0"], every=True)
    assert choice.keys == ("serving_default", "classify")
    assert choice.left_out == {"names": NOT_ALLOWED}
    assert choose(model(**SEVERAL), None, ["p"]).left_out == {
        "classify": NOT_CHOSEN,
        "names": NOT_ALLOWED,
    }


def test_the_main_signature_is_one_whose_outputs_are_kept() -> None:
    assert choose(model(**SEVERAL), None, ["p", "n"], every=True).keys == ("classify", "names")
    assert choose(model(**SEVERAL), None, ["other"], every=True).keys == ("serving_default",)


def test_an_unknown_one_is_an_error_and_none_is_none() -> None:
    with pytest.raises(UnknownSignature, match="did you mean 'names'"):
        choose(model(**SEVERAL), ["classify", "name"], None)
    assert choose(model(), None, ["x"], every=True).keys == ()


def test_many_are_listed_in_part() -> None:
    many = {f"s{number}": {"y": f"y{number}:0"} for number in range(12)}
    (sentence,) = choose(model(**many), None, None).sentences()
    assert sentence.startswith("Left out the signatures 's")
    assert " and 3 more: " in sentence


def test_outputs_are_divided_among_signatures() -> None:
    by_key = model(**SEVERAL).signatures
    two = {key: by_key[key] for key in ("serving_default", "names")}
    assert signatures.divide(["c", "p:0", "n:0", "more"], two) == {
        "serving_default": ["c", "p:0", "more"],
        "names": ["n:0"],
    }
    one = {"names": by_key["names"]}
    assert signatures.divide(["n:0", "more"], one) == {"names": ["n:0", "more"]}


def test_a_signature_that_lacks_a_feed_is_unmet() -> None:
    before = graph(
        placeholder("x", [1]), node("inner", "Identity", "x"), node("y", "Relu", "inner")
    )
    after = graph(placeholder("x", [1]), placeholder("inner", [1]), node("y", "Relu", "inner"))
    outer = signature({"x": "x:0"}, {"y": "y:0"})
    inner = signature({"inner": "inner:0"}, {"y": "y:0"})
    assert unmet(after, {"outer": outer, "inner": inner}, before) == ["outer"]
