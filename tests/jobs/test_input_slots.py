"""Which inputs a run is asked for: those of the signature, which may lie inside the graph."""

from __future__ import annotations

import pytest

from inspector.formats import open_model
from inspector.graph.protos import SignatureDef
from inspector.jobs.tasks.predict import slots
from inspector.model.model import Model
from tests.conftest import data_path
from tests.passes.text import graph


@pytest.mark.parametrize(
    ("signature", "outputs", "expected"),
    [
        (None, ["y:0"], {"x": "x:0"}),
        ("regress_x_to_y", ["y:0"], {"inputs": "tf_example:0"}),
        ("regress_x2_to_y3", ["y3:0"], {"inputs": "x2:0"}),
        (None, ["y:0", "y3:0"], {"inputs": "tf_example:0"}),
    ],
)
def test_a_signature_that_starts_inside_the_graph_is_fed_there(signature, outputs, expected):
    model = open_model(data_path("models/public/serving_half_plus_two_cpu/model_base/00000123"))
    model.signature = signature
    assert slots(model, outputs) == expected


def test_a_node_is_not_replaced_by_a_feed_when_its_other_output_is_read():
    lines = """
        both = Placeholder(shape=[2])
        part = Unpack(both, num=2)
        y = Add(part, part:1)"""
    signature = SignatureDef()
    signature.inputs["x"].name = "part:0"
    signature.outputs["y"].name = "y:0"
    model = Model("GraphDef", "m.pb", graph(lines), signatures={"serving_default": signature})
    assert slots(model, ["y"]) == {"both": "both:0", "x": "part:0"}
