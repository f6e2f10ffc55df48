"""`describe` has all that ``saved_model_cli show --all`` prints.

tests/data/saved_model_cli holds what TensorFlow 2.21's prints of three models: two tag-sets of
TensorFlow 1, a Keras model with traces for training, functions with arguments of other dtypes.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

import inspector
from inspector.printing import describing
from tests.conftest import ROOT, data_path

MODELS = {
    "two_metagraphs": data_path("models/seed/ppscore/two_metagraphs"),
    "python_func_model": data_path("models/public/tfnet_python_func_model/model"),
    "forecast": ROOT / "sample_models/forecast/saved_model",
}


@pytest.fixture(params=MODELS)
def sides(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """What the tool printed, and the JSON of ``describe``."""
    printed = data_path(f"saved_model_cli/{request.param}.txt").read_text("utf-8")
    model = inspector.open_model(MODELS[request.param])
    return printed, inspector.describe(model).to_dict()


def dtype(text: str) -> str | None:
    """``DT_FLOAT`` as ``float32``."""
    names = {"DT_INVALID": None, "DT_FLOAT": "float32", "DT_BOOL": "bool", "DT_INT32": "int32"}
    return names[text]


def shape(text: str) -> list[int | None] | None:
    """``(-1, 50)`` as ``[None, 50]``."""
    if "unknown" in text:
        return None
    sizes = re.findall(r"-?\d+|None", text)
    return [None if size in ("-1", "None") else int(size) for size in sizes]


def test_signatures_and_ops_of_all_tag_sets(sides: tuple[str, dict[str, Any]]) -> None:
    printed, facts = sides
    ours = {",".join(item["tag_set"]): item for item in facts.get("meta_graphs", ())}
    if not ours:
        ops = [*facts["op_counts"], *facts["function_op_counts"]]
        ours = {"serve": {"signatures": facts["signatures"], "ops": ops}}
    groups = re.split(r"MetaGraphDef with tag-set: '(.*)' contains", printed)[1:]
    tags = groups[::2]
    assert sorted(tags) == sorted(",".join(tags) for tags in facts["tag_sets"])
    for tag, text in zip(tags, groups[1::2], strict=True):
        found = re.split(r"signature_def\['(.+)'\]:", text)[1:]
        assert sorted(found[::2]) == sorted(ours[tag]["signatures"])
        for key, body in zip(found[::2], found[1::2], strict=True):
            signature = ours[tag]["signatures"][key]
            method = re.search(r"Method name is: (.*)", body)
            assert method is not None
            assert method[1] == signature["method_name"]
            rows = re.findall(
                r"(inputs|outputs)\['(.+)'\] tensor_info:\s+dtype: (\S+)\s+"
                r"shape: (.+)\s+name: (.+)",
                body,
            )
            assert {(side, name): (dtype(kind), shape(dims), tensor)
                    for side, name, kind, dims, tensor in rows} == {
                (side, name): (info["dtype"], info["shape"], info["name"])
                for side in ("inputs", "outputs")
                for name, info in signature[side].items()
            }  # fmt: skip
        ops = re.search(r"contains the following ops: (\{.*\})", text)
        assert ops is not None
        assert ast.literal_eval(ops[1]) <= set(ours[tag]["ops"])


def options(printed: str) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Function name and arguments of each option."""
    text = printed.partition("Concrete Functions:")[2]
    parts = re.split(r"Function Name: '(.+)'", text)[1:]
    for name, body in zip(parts[::2], parts[1::2], strict=True):
        for option in re.split(r"Option #\d+", body)[1:]:
            yield name, tuple(map(argument, re.split(r"Argument #\d+", option)[1:]))


def argument(text: str) -> tuple[Any, ...]:
    spec = re.search(r"TensorSpec\(shape=(.+?), dtype=tf\.(\w+), name='(.*)'\)", text)
    if spec is not None:
        return spec[3], spec[2], str(shape(spec[1]))
    value = re.search(r"Value: (.+)", text)
    assert value is not None
    return (ast.literal_eval(value[1]),)


def test_functions_by_their_python_names(sides: tuple[str, dict[str, Any]]) -> None:
    printed, facts = sides
    ours = [
        (
            function["name"],
            tuple(
                (item["tensor"], item["dtype"], str(item["shape"]))
                if "dtype" in item
                else (item["value"],)
                for item in trace["arguments"]
            ),
        )
        for function in facts.get("python_functions", ())
        for trace in function["traces"]
    ]
    assert Counter(options(printed)) == Counter(ours)


def test_the_text_names_the_values_of_arguments() -> None:
    facts = inspector.describe(inspector.open_model(MODELS["python_func_model"])).to_dict()
    text = describing.describe("m", facts)
    assert "__call__(inputs: float32 [None, 784], training=False, mask=None)" in text
    assert "control edges" in text
    facts = inspector.describe(inspector.open_model(MODELS["two_metagraphs"])).to_dict()
    text = describing.describe("m", facts)
    assert "tag-set train\n  signature train" in text
    assert (facts["control_edges"], facts["parameters"], facts["constant_parameters"]) == (
        *(10, 2451, 16),
    )


def test_random_ops_count_where_a_prediction_uses_them() -> None:
    iris = inspector.describe(inspector.open_model(ROOT / "sample_models/iris/saved_model"))
    assert iris.op_counts["RandomUniform"]
    assert "RandomUniform" not in {row["op"] for row in iris.flagged_ops}
    dropout = inspector.describe(inspector.open_model(MODELS["two_metagraphs"], "train"))
    rows = {row["op"]: row["in_prediction"] for row in dropout.flagged_ops}
    assert rows["RandomUniform"] == 2
