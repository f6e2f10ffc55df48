"""What the tool of TensorFlow 1.15.5 itself made of random graphs: recorded, and made here anew.

``recorded.json`` holds graphs with devices, colocation, loops, function libraries and constants in
every encoding, each with transforms and the tool's result; messages are compressed.
"""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path
from typing import Any

import pytest

from inspector.graph.graph import Graph
from inspector.graph.protos import GraphDef
from inspector.passes import pipeline
from tests.passes.running import differences, evaluate

CASES: list[dict[str, Any]] = json.loads(Path(__file__).with_name("recorded.json").read_text())


def unpacked(text: str) -> Graph:
    return Graph.of(GraphDef.FromString(zlib.decompress(base64.b64decode(text))))


@pytest.mark.tensorflow
@pytest.mark.parametrize("case", CASES, ids=[case["transforms"] for case in CASES])
def test_it_is_what_the_old_tool_made(case):
    before, theirs = unpacked(case["before"]), unpacked(case["after"])
    after = pipeline.run(
        before,
        case["inputs"],
        case["outputs"],
        case["transforms"],
        pipeline.PipelineOptions(evaluate=evaluate),
    ).graph
    assert after is not before
    assert after.versions == before.versions
    found = differences(
        theirs, after, case["inputs"], case["outputs"], internal_attrs=True, **case["options"]
    )
    assert not found
