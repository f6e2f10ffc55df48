"""The tree of errors: what a message says, and the trip out of a worker and back."""

from __future__ import annotations

import json
import pickle

import pytest

from inspector import errors
from inspector.errors import (
    ConversionFailed,
    CorruptModel,
    InspectorError,
    JobFailed,
    ModelError,
    TransformFailed,
    did_you_mean,
    from_dict,
)


def kinds() -> list[type[InspectorError]]:
    return [
        found
        for found in vars(errors).values()
        if isinstance(found, type) and issubclass(found, InspectorError)
    ]


def test_a_message_says_what_where_and_why():
    err = CorruptModel("m.pb", "GraphDef", "cut short")
    assert str(err) == "m.pb: GraphDef: cut short"
    assert (err.what, err.where, err.why) == ("m.pb", "GraphDef", "cut short")
    assert isinstance(err, ModelError)
    assert str(TransformFailed("t", "", "why")) == "t: why"


def test_a_message_is_one_short_printable_line():
    text = str(CorruptModel("a\nb\t c", "\x1b[31mred\x00", "x" * 10_000))
    assert text.startswith("a b c: ")
    assert text.isprintable()
    assert len(text) < 700


@pytest.mark.parametrize("kind", kinds())
def test_every_error_survives_json_and_pickle(kind):
    err = kind("what", "where", "why")
    back = from_dict(err.to_dict())
    assert type(back) is kind
    assert back.to_dict() == err.to_dict()
    assert pickle.loads(pickle.dumps(err)).to_dict() == err.to_dict()


def test_a_failed_conversion_names_its_nodes_as_data():
    nodes = [{"op": "AsString", "node": "a/b", "function": ""}]
    err = ConversionFailed("m", "TFLite", "why", nodes)
    back = from_dict(json.loads(json.dumps(err.to_dict())))
    assert back.nodes == pickle.loads(pickle.dumps(err)).nodes == nodes
    odd = {"type": "ConversionFailed", "nodes": [1, {"op": 2}, {"node": "n", "x": "y"}]}
    assert from_dict(odd).nodes == [
        {"op": "2", "node": "", "function": ""},
        {"op": "", "node": "n", "function": ""},
    ]
    assert from_dict({**odd, "nodes": "text"}).nodes == []


@pytest.mark.parametrize("data", [{}, {"type": "Exception", "what": 1}, {"type": "SystemExit"}])
def test_an_unknown_type_is_a_failed_job(data):
    assert type(from_dict(data)) is JobFailed


def test_the_tree_is_the_one_drawn_at_the_top():
    for kind in kinds():
        assert kind.__name__ in (errors.__doc__ or "") or kind is InspectorError


def test_close_matches_are_offered():
    assert (
        did_you_mean("remove_node", ["remove_nodes", "other"]) == "; did you mean 'remove_nodes'?"
    )
    twice = ["input_1", "input_1", "input_1:0"]
    assert did_you_mean("input_", twice) == "; did you mean 'input_1' or 'input_1:0'?"
    assert did_you_mean("zzz", ["remove_nodes"]) == ""
    assert did_you_mean("x" * 1_000_000, ["y" * 1_000_000] * 10) == ""
