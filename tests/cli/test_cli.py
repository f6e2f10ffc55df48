"""The command line: what goes to which stream, exit status, and nothing written on failure."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from google.protobuf import text_format

import inspector
from benchmarks import digits
from inspector.cli.main import cli
from inspector.errors import InspectorError
from inspector.graph.protos import GraphDef, SavedModel
from tests import json_schemas
from tests.conftest import ROOT
from tests.graphs import graph, node, placeholder

IRIS = ROOT / "sample_models" / "iris" / "saved_model"
SHAPES = ROOT / "sample_models" / "shapes" / "saved_model"
BIKES = ROOT / "sample_models" / "bikes" / "saved_model"
OUTPUT = "dnn/head/predictions/probabilities"
CHEAP = "remove_nodes(op=Identity) strip_unused_nodes sort_by_execution_order"


class Done:
    """What a command left behind."""

    def __init__(self, command, result):
        self.command = command
        self.status, self.out, self.err = result.exit_code, result.stdout, result.stderr

    @property
    def json(self):
        return json_schemas.checked(self.command, self.out)


def run(*args, status=0) -> Done:
    done = Done(args[0] if args else "", CliRunner().invoke(cli, [str(arg) for arg in args]))
    assert done.status == status, done.out + done.err
    return done


def fails(*args) -> str:
    """The one line on standard error of a command that fails with status 1."""
    done = run(*args, status=1)
    assert done.out == ""
    assert done.err.startswith("error: ")
    assert done.err.count("\n") == 1
    assert "Traceback" not in done.err
    return done.err


def script(*args, **options):
    """The real command in a process of its own."""
    command = [sys.executable, "-m", "inspector", *map(str, args)]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=100, **options
    )


@pytest.fixture(scope="module")
def frozen(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("frozen") / "iris.pb"
    run("freeze", IRIS, "-o", path, "--outputs", OUTPUT)
    return path


def test_describe_prints_one_json_object():
    facts = run("describe", IRIS, "--json").json
    assert (facts["nodes"], facts["constants"], facts["variables"]) == (252, 84, 11)
    assert facts["op_counts"]["Identity"] == 23
    assert {row["name"] for row in facts["placeholders"]} == {
        "sepal_length",
        "sepal_width",
        "petal_length",
        "petal_width",
    }


def test_describe_for_people_names_the_figures():
    text = run("describe", IRIS).out
    for part in ("SavedModel", "tag-set serve", "252", "792,068", "signature predict", OUTPUT):
        assert part in text


def test_describe_shows_the_serving_function_of_tensorflow_2():
    facts = run("describe", BIKES, "--json").json
    assert facts["nodes"] == 169
    assert facts["serving"]["op_counts"]["MatMul"] == 3
    assert "serving function" in run("describe", BIKES).out


def test_a_tag_set_that_is_not_there():
    assert "'gpu'" in fails("describe", IRIS, "--tag-set", "gpu")


def test_ops_filters():
    rows = run("ops", IRIS, "--json").json["operations"]
    assert len(rows) == 252
    (softmax,) = run("ops", IRIS, "--type", "Softmax", "--json").json["operations"]
    assert softmax["outputs"] == [{"name": f"{OUTPUT}:0", "dtype": "float32", "shape": [None, 3]}]
    kernels = run("ops", IRIS, "--match", "^dnn/hiddenlayer_[0-3]/kernel", "--json").json
    assert all("kernel" in row["name"] for row in kernels["operations"])
    assert kernels["operations"]
    assert "Softmax" in run("ops", IRIS, "--type", "Softmax").out
    function = next(
        row["function"] for row in run("ops", BIKES, "--json").json["operations"] if row["function"]
    )
    body = run("ops", BIKES, "--function", function, "--json").json["operations"]
    assert body
    assert {row["function"] for row in body} == {function}
    assert f"function {function}\n" in run("ops", BIKES).out


def test_a_bad_expression_is_the_command_lines_fault():
    assert "--match" in run("ops", IRIS, "--match", "(", status=2).err


def test_freeze_writes_a_graph(frozen):
    graph = GraphDef.FromString(frozen.read_bytes())
    assert len(graph.node) == 91
    assert not [node.name for node in graph.node if "Variable" in node.op]
    assert [path.name for path in frozen.parent.iterdir()] == ["iris.pb"]


def test_keep_devices(tmp_path):
    run("freeze", SHAPES, "-o", tmp_path / "a.pb", "--outputs", "probabilities", "--keep-devices")
    assert (tmp_path / "a.pb").exists()


def test_optimise_writes_model_and_record(tmp_path):
    out, record = tmp_path / "small", tmp_path / "record.json"
    flags = ["--outputs", OUTPUT, "--transforms", CHEAP, "--record", record]
    done = run("optimise", IRIS, "-o", out, *flags)
    assert "remove_nodes(op=Identity)" in done.out
    assert done.err == ""
    saved = SavedModel.FromString((out / "saved_model.pb").read_bytes())
    signature = saved.meta_graphs[0].signature_def["serving_default"]
    assert signature.outputs["probabilities"].name == f"{OUTPUT}:0"
    assert set(signature.inputs) == {"sepal_length", "sepal_width", "petal_length", "petal_width"}
    told = json_schemas.checked("record", record.read_text())
    assert [step["name"] for step in told["steps"]] == [
        "remove_nodes",
        "strip_unused_nodes",
        "sort_by_execution_order",
    ]
    assert told["steps"][0]["nodes"] == {"before": 91, "after": 71}
    assert (told["before"]["nodes"], told["after"]["nodes"]) == (91, 71)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["record.json", "small"]


def test_the_suffix_says_what_is_written(tmp_path):
    flags = ["--outputs", OUTPUT, "--transforms", CHEAP]
    run("optimise", IRIS, "-o", tmp_path / "small.pb", *flags)
    assert len(GraphDef.FromString((tmp_path / "small.pb").read_bytes()).node) == 71
    run("optimise", IRIS, "-o", tmp_path / "x.pb", "--to", "saved_model", *flags)
    assert (tmp_path / "x.pb" / "saved_model.pb").exists()


def test_a_preset_and_transforms_are_one_too_many(tmp_path):
    flags = ["--preset", "tidy", "--transforms", CHEAP]
    assert "not both" in run("optimise", IRIS, "-o", tmp_path / "o", *flags, status=2).err


def test_without_a_preset_and_transforms_it_is_tidied(tmp_path):
    file = tmp_path / "model.pb"
    file.write_bytes(
        graph(placeholder("x", [None, 2]), node("y", "Relu", "x", T="float32")).to_bytes()
    )
    flags = ["--outputs", "y", "--record", tmp_path / "record.json", "-o", tmp_path / "small.pb"]
    run("optimise", file, *flags)
    record = json.loads((tmp_path / "record.json").read_text(encoding="utf-8"))
    assert record["transforms"] == inspector.presets()["tidy"].transforms
    assert len(record["steps"]) > 5
    assert "tidy" in run("optimise", "--help").out


def test_convert_there_and_back(tmp_path, frozen):
    run("convert", frozen, "-o", tmp_path / "model", "--to", "saved_model", "--outputs", OUTPUT)
    facts = run("describe", tmp_path / "model", "--json").json
    outputs = facts["signatures"]["serving_default"]["outputs"]
    assert [info["name"] for info in outputs.values()] == [f"{OUTPUT}:0"]
    run("convert", tmp_path / "model", "-o", tmp_path / "again.pb", "--to", "graphdef")
    delta = run("diff", frozen, tmp_path / "again.pb", "--json").json
    assert delta["nodes"]["unchanged"] == 91
    assert delta["nodes"]["added"] == delta["nodes"]["removed"] == delta["nodes"]["changed"] == []


@pytest.mark.tensorflow
def test_convert_to_tflite(tmp_path, frozen):
    path = tmp_path / "iris.tflite"
    answer = run("convert", IRIS, "-o", path, "--to", "tflite", "--outputs", OUTPUT, "--json").json
    assert answer["path"] == str(path)
    assert answer["notes"][0] == "Froze 10 variables."
    assert {
        key: answer[key]
        for key in (
            "bytes",
            "operators",
            "signature",
            "flex_ops",
            "quantised_tensors",
            "max_difference",
            "quantisation",
        )
    } == {
        "bytes": path.stat().st_size,
        "operators": {"FULLY_CONNECTED": 5, "EXPAND_DIMS": 4, "CONCATENATION": 1, "SOFTMAX": 1},
        "signature": "serving_default",
        "flex_ops": [],
        "quantised_tensors": 0,
        "max_difference": None,
        "quantisation": None,
    }
    again = tmp_path / "again.tflite"
    done = run("optimise", frozen, "-o", again, "--outputs", OUTPUT, "--preset", "tidy")
    assert "wrote again.tflite: 11 operators" in done.out
    assert run("describe", again, "--json").json["format"] == "TFLite"
    fixed = tmp_path / "fixed.tflite"
    run("convert", frozen, "-o", fixed, "--to", "tflite", "--batch", "2", "--outputs", OUTPUT)
    (output,) = (
        run("describe", fixed, "--json").json["signatures"]["serving_default"]["outputs"].values()
    )
    assert output["shape"] == [2, 3]


@pytest.mark.tensorflow
def test_quantise(tmp_path, frozen):
    path = tmp_path / "iris.tflite"
    rows = ["--samples", IRIS.parent / "iris.csv"]
    flags = ["--to", "tflite", "--signature", "predict", "--quantise", "dynamic", *rows]
    answer = run("convert", IRIS, "-o", path, *flags, "--json").json
    assert answer["bytes"] == path.stat().st_size
    assert answer["quantised_tensors"] == answer["quantisation"]["tensors"] == 3
    outputs = answer["quantisation"]["outputs"]
    assert answer["max_difference"] == outputs["logits"]["max_abs"]
    assert outputs["classes"]["argmax_equal"] == 1.0
    assert answer["quantisation"]["rows"] == 150
    done = run("convert", path, "-o", tmp_path / "b.tflite", "--to", "tflite", "--quantise", "int8",
               *rows, status=1)  # fmt: skip
    assert "is quantised already" in done.err
    half = tmp_path / "half.tflite"
    done = run("optimise", frozen, "-o", half, "--outputs", OUTPUT, "--quantise", "float16",
               "--keep", "logits", "--min-elements", "5000")  # fmt: skip
    assert "Quantised by the recipe float16: 3 as float16." in done.out
    assert "on 16 random rows, the largest entry is the same in 100 %." in done.out


def test_quantise_a_tflite_file(tmp_path):
    path = tmp_path / "q.tflite"
    images, _ = digits.rows("test")
    rows = tmp_path / "rows.json"
    rows.write_text(json.dumps({"image": images[:50].tolist()}))
    flags = ["--to", "tflite", "--quantise", "int8", "--samples", rows]
    done = run("convert", digits.network("conv"), "-o", path, *flags, "--keep-op", "SOFTMAX")
    assert "on 50 rows, the largest entry is the same in 100 %." in done.out
    assert run("describe", path, "--json").json["format"] == "TFLite"
    done = run("convert", digits.network("conv"), "-o", tmp_path / "no", *flags[:4], status=1)
    assert "error: samples: missing: the recipe int8 measures ranges" in done.err
    assert [item.name for item in tmp_path.iterdir() if item.name == "no"] == []


def test_convert_checks_its_options(tmp_path):
    out = tmp_path / "m.pb"
    done = run("convert", IRIS, "-o", out, "--to", "graphdef", "--quantise", "int8", status=2)
    assert "--quantise is for --to tflite" in done.err
    for flags in (["--keep", "x"], ["--samples", "x.npz"], ["--min-elements", "0"]):
        done = run("convert", IRIS, "-o", out, "--to", "tflite", *flags, status=2)
        assert f"{flags[0]} is for --quantise" in done.err
    done = run("convert", IRIS, "-o", out, "--to", "graphdef", "--flex", status=2)
    assert "--flex is for --to tflite" in done.err
    done = run("convert", IRIS, "-o", out, "--to", "graphdef", "--short-names", status=2)
    assert "--short-names is for --to tflite" in done.err
    run("convert", IRIS, "-o", out, "--to", "tflite", "--batch", "0", status=2)
    assert list(tmp_path.iterdir()) == []


def test_diff(frozen):
    delta = run("diff", IRIS, frozen, "--json").json
    assert delta["before"]["nodes"] == 252
    assert delta["after"]["nodes"] == 91
    counts = {row["op"]: (row["before"], row["after"]) for row in delta["op_counts"]}
    assert counts["VariableV2"] == (11, 0)
    text = run("diff", IRIS, frozen).out
    assert "VariableV2" in text
    assert "removed" in text


def test_transforms_are_the_table_of_passes():
    found = run("transforms", "--json").json
    rows = {row["name"]: row for row in found["transforms"]}
    assert rows["remove_nodes"]["params"][0]["name"] == "op"
    assert rows["remove_nodes"]["params"][0]["required"] is True
    assert any(row["name"] == "seed" for row in found["presets"])
    text = run("transforms").out
    assert all(name in text for name in rows)


@pytest.mark.tensorflow
def test_predict(tmp_path):
    feeds = tmp_path / "rows.npz"
    rows = np.loadtxt(IRIS.parent / "iris.csv", delimiter=",", skiprows=1, usecols=range(4))
    names = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
    np.savez(feeds, **dict(zip(names, rows.T.astype(np.float32), strict=True)))
    answers = tmp_path / "answers.npz"
    done = run("predict", IRIS, "--feeds", feeds, "-o", answers, "--json")
    shown = done.json["outputs"]["probabilities"]
    assert (shown["dtype"], shown["shape"]) == ("float32", [150, 3])
    with np.load(answers, allow_pickle=False) as arrays:
        np.testing.assert_allclose(arrays["probabilities"], shown["values"], rtol=1e-6)
        assert arrays["classes"].dtype.kind == "S"
        assert set(arrays["classes"].ravel()) == {b"setosa", b"virginica", b"versicolor"}
    # The rows as CSV, one tensor by its name.
    flags = ["--feeds", IRIS.parent / "iris.csv", "--fetches", f"{OUTPUT}:0", "--json"]
    by_name = run("predict", IRIS, *flags).json["outputs"]
    np.testing.assert_allclose(by_name[f"{OUTPUT}:0"]["values"], shown["values"], rtol=1e-6)
    assert "[150, 3]" in run("predict", IRIS, "--feeds", feeds).out
    none_named = run("predict", IRIS, "--feeds", feeds, "--fetches", "", "--json").json["outputs"]
    assert len(none_named) == 4
    assert "petal_width" in fails("predict", IRIS)
    assert "nonsense" in fails("predict", IRIS, "--feeds", feeds, "--fetches", "nonsense")


def test_feeds_that_cannot_be_read(tmp_path):
    bad = tmp_path / "bad.npz"
    bad.write_bytes(b"PK\x03\x04 and no more")
    assert "bad.npz" in fails("predict", IRIS, "--feeds", bad)
    np.savez(tmp_path / "objects.npz", x=np.array([{}], object))
    assert "objects.npz" in fails("predict", IRIS, "--feeds", tmp_path / "objects.npz")
    assert "gone.npz" in fails("predict", IRIS, "--feeds", tmp_path / "gone.npz")


def test_transform_graph_is_the_old_binary(tmp_path, frozen):
    out = tmp_path / "out.pb"
    flags = [f"--outputs={OUTPUT}", "--inputs=", f"--transforms={CHEAP}"]
    done = run("transform_graph", f"--in_graph={frozen}", f"--out_graph={out}", *flags)
    assert done.out == ""
    graph = GraphDef.FromString(out.read_bytes())
    assert len(graph.node) == 71
    # Text in and text out; it overwrites, as the binary did.
    text = tmp_path / "graph.pbtxt"
    text.write_text(text_format.MessageToString(GraphDef.FromString(frozen.read_bytes())))
    for switch in ("--output_as_text", "--output_as_text=true"):
        run("transform_graph", f"--in_graph={text}", f"--out_graph={out}", *flags, switch)
        assert len(text_format.Parse(out.read_text(), GraphDef()).node) == 71


def test_transform_graph_knows_the_home_folder_and_writes_nothing_on_failure(
    tmp_path, frozen, monkeypatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "in.pb").write_bytes(Path(frozen).read_bytes())
    flags = ["--in_graph=~/in.pb", "--inputs=", "--outputs=y"]
    run("transform_graph", *flags, "--out_graph=~/out.pb", "--transforms=remove_device")
    assert (tmp_path / "out.pb").is_file()
    for bad in ("remove_device nope", "remove_nodes", "rename_op(old_op_name=A)", "a(b"):
        fails("transform_graph", *flags, "--out_graph=~/none.pb", f"--transforms={bad}")
    missing = "strip_unused_nodes"
    fails(
        "transform_graph", flags[0], "--outputs=nope", "--out_graph=~/none.pb",
        f"--transforms={missing}",
    )  # fmt: skip
    fails("transform_graph", "--in_graph=~nobody/x", "--out_graph=o", "--transforms=remove_device")
    away = "--out_graph=~/away/out.pb"
    fails("transform_graph", *flags, away, "--transforms=remove_device")
    assert {path.name for path in tmp_path.glob("*.pb")} == {"in.pb", "out.pb"}


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--out_graph=o", "--transforms=x"], "in_graph graph can't be empty"),
        (["--in_graph=i", "--transforms=x"], "out_graph graph can't be empty"),
        (["--in_graph=i", "--out_graph=o"], "You must specify at least one transform"),
        (["--in_graph=i", "--out_graph=o", "--transforms= "], "at least one transform"),
        (["--nonsense=1"], "No such option"),
        (["--in_graph=i", "--out_graph=o", "--transforms=x", "--output_as_text=2"], "true or"),
    ],
)
def test_transform_graph_and_a_bad_command_line(flags, says):
    assert says in run("transform_graph", *flags, status=2).err


def damaged(folder: Path, what: str) -> Path:
    model = folder / "model"
    shutil.copytree(IRIS, model)
    graph = model / "saved_model.pb"
    if what == "truncated":
        graph.write_bytes(graph.read_bytes()[:30_000])
    elif what == "no variables":
        shutil.rmtree(model / "variables")
    elif what == "truncated variables":
        data = next((model / "variables").glob("*.data-*"))
        data.write_bytes(data.read_bytes()[:100_000])
    elif what == "text":
        shutil.rmtree(model)
        model.write_text("not a model at all")
    elif what == "nothing":
        shutil.rmtree(model)
    return model


@pytest.mark.parametrize("what", ["truncated", "text", "nothing"])
@pytest.mark.parametrize("command", ["describe", "ops", "freeze", "optimise", "convert", "predict"])
def test_a_model_that_is_none(tmp_path, what, command):
    model = damaged(tmp_path, what)
    before = sorted(tmp_path.rglob("*"))
    flags = {"convert": ["--to", "graphdef"], "optimise": ["--transforms", CHEAP]}.get(command, [])
    writes = command in ("freeze", "optimise", "convert")
    line = fails(command, model, *(["-o", tmp_path / "out.pb"] if writes else []), *flags)
    assert line.startswith("error: model: ")
    assert str(tmp_path) not in line
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("what", ["no variables", "truncated variables"])
def test_variables_that_are_not_there(tmp_path, what):
    model = damaged(tmp_path, what)
    run("describe", model, "--json")  # there is still a graph to look at
    before = sorted(tmp_path.rglob("*"))
    for command in ("freeze", "optimise"):
        line = fails(command, model, "-o", tmp_path / "out.pb")
        assert "variables" in line
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--transforms", "fold_everything"], "fold_everything"),
        (["--transforms", "remove_nodes"], "op"),
        (["--transforms", "remove_nodes(op=Identity"], "')'"),
        (["--preset", "nonsense"], "tidy"),
        (["--outputs", "no/such/node"], "no/such/node"),
        (["--outputs", f"{OUTPUT}:7"], ":7"),
        (["--inputs", "no_such_input"], "no_such_input"),
        (["--signature", "no_such_key"], "predict"),
    ],
)
def test_a_request_that_cannot_be_done(tmp_path, flags, says):
    out = tmp_path / "out"
    flags = flags if {"--transforms", "--preset"} & {*flags} else [*flags, "--transforms", CHEAP]
    assert says in fails("optimise", IRIS, "-o", out, *flags)
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_not_overwritten(tmp_path, frozen):
    out = tmp_path / "out.pb"
    out.write_text("mine")
    for command in (["freeze"], ["optimise"], ["convert", "--to", "graphdef"]):
        assert "--force" in fails(command[0], IRIS, "-o", out, *command[1:])
    assert out.read_text() == "mine"
    run("freeze", IRIS, "-o", out, "--outputs", OUTPUT, "--force")
    assert out.read_bytes() == frozen.read_bytes()


def test_the_record_is_looked_at_before_the_work(tmp_path):
    record = tmp_path / "record.json"
    record.write_text("mine")
    flags = ["--transforms", CHEAP, "--record", record]
    assert "record.json" in fails("optimise", IRIS, "-o", tmp_path / "out", *flags)
    assert [path.name for path in tmp_path.iterdir()] == ["record.json"]


def test_the_record_and_the_model_come_together(tmp_path, monkeypatch):
    flags = ["--transforms", CHEAP, "--outputs", OUTPUT]
    out = tmp_path / "out"
    assert "same place" in run("optimise", IRIS, "-o", out, "--record", out, *flags, status=2).err

    def broken(*_args, **_more):
        raise InspectorError("disk", "output", "is full")

    monkeypatch.setattr("inspector.api.save", broken)
    assert "is full" in fails("optimise", IRIS, "-o", out, "--record", tmp_path / "r.json", *flags)
    assert list(tmp_path.iterdir()) == []


def test_the_old_binary_reads_files_only(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    flags = ["--outputs=y", "--transforms=strip_unused_nodes", f"--out_graph={tmp_path / 'o'}"]
    for path in (tmp_path / "pipe", tmp_path, "/dev/zero"):
        assert "is no file" in fails("transform_graph", f"--in_graph={path}", *flags)
    assert "null" in fails("transform_graph", "--in_graph=a\0b", *flags)


def test_a_port_that_is_none():
    assert "--port" in run("app", "--port", "65536", "--no-browser", status=2).err


def test_the_folder_one_is_in_has_a_name(monkeypatch, tmp_path):
    monkeypatch.chdir(IRIS)
    assert run("describe", ".").out.startswith("saved_model  ")
    monkeypatch.chdir(IRIS / "variables")
    assert run("describe", "..").out.startswith("saved_model  ")
    assert run("describe", ".").out.startswith("variables  ·  Checkpoint")
    monkeypatch.chdir(tmp_path)
    assert fails("describe", ".").startswith(f"error: {tmp_path.name}: folder: ")


def test_hostile_names_stay_on_their_line(tmp_path):
    graph = GraphDef()
    graph.node.add(name="plain", op="NoOp")
    graph.node.add(name="\x1b[2Jgone\nerror: fake", op="Custom\r\x07", device="\u202e")
    model = tmp_path / "hostile.pb"
    model.write_bytes(graph.SerializeToString())
    for command in ("describe", "ops"):
        text = run(command, model).out
        assert not any(char in text for char in "\x1b\r\x07\u202e")
        assert "\nerror: fake" not in text
    line = fails("freeze", model, "-o", tmp_path / "o.pb", "--outputs", "\x1b[31mred\n")
    assert "\x1b" not in line


def test_the_app_says_what_is_wrong_before_it_starts():
    assert "there is no such file" in fails("app", "no_such_model", "--no-browser")


def test_no_command_line_at_all():
    assert "Usage" in run(status=2).err
    assert "Usage" in run("--help").out
    for name in cli.commands:
        assert "Usage" in run(name, "--help").out


def test_the_real_command():
    done = script("describe", IRIS, "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["nodes"] == 252
    assert done.stderr == ""
    done = script("describe", "no_such_model")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: no_such_model: file: there is no such file or folder\n"
    assert script("describe").returncode == 2


def test_a_reader_that_goes_away_is_no_error():
    command = f"{sys.executable} -m inspector ops {IRIS} | head -1"
    done = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr


HEAVY = ("tensorflow", "streamlit", "pandas", "altair", "keras", "matplotlib")


def test_describe_starts_light():
    """Heavy modules would cost more than describing does."""
    code = (
        "import sys\n"
        "from inspector.cli.main import cli\n"
        f"cli(['describe', {str(IRIS)!r}, '--json'], standalone_mode=False)\n"
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip() == "[]"


def test_a_mistake_of_ours_is_one_line_too(monkeypatch):
    def broken(*_args):
        raise ZeroDivisionError("surprise")

    monkeypatch.setattr("inspector.api.describe", broken)
    assert "a mistake of ours" in fails("describe", IRIS)
    monkeypatch.setenv("INSPECTOR_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        CliRunner().invoke(cli, ["describe", str(IRIS)], catch_exceptions=False)


WHILE_IMPORTING = """
import importlib.abc, os, signal, sys

class Interrupt(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "inspector.cli.reading":
            os.kill(os.getpid(), signal.SIGINT)

# Where a shell started the tests in the background, they and their children ignore the signal.
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, Interrupt())
from inspector.__main__ import main
main()
"""


def test_ctrl_c_is_status_130(monkeypatch):
    done = subprocess.run(
        [sys.executable, "-c", WHILE_IMPORTING],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")

    def interrupted(*_args):
        raise KeyboardInterrupt

    monkeypatch.setattr("inspector.api.describe", interrupted)
    done = run("describe", IRIS, status=130)
    assert (done.out, done.err) == ("", "")


def test_optimize_is_optimise(tmp_path):
    flags = ["--outputs", OUTPUT, "--transforms", CHEAP]
    assert "wrote small.pb" in run("optimize", IRIS, "-o", tmp_path / "small.pb", *flags).out


@pytest.mark.skipif(os.name != "posix", reason="a terminal of POSIX")
def test_progress_goes_to_a_terminal_only(tmp_path):
    done = script("freeze", IRIS, "-o", tmp_path / "o.pb", "--outputs", OUTPUT)
    assert done.stderr == ""


def test_the_root_of_the_file_system_is_told_by_name_too():
    (line,) = run("describe", "/", status=1).err.splitlines()
    assert line.startswith("error: /: folder: the folder holds no saved_model.pb")
