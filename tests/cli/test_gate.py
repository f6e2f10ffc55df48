"""The command compare, and what it rests on, with models of TensorFlow and of LiteRT."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import inspector
from inspector.cli.main import cli
from inspector.errors import BadFeed, BadParameter
from tests import lite_models
from tests.conftest import ROOT
from tests.json_schemas import checked
from tests.passes.text import graph

IRIS = ROOT / "sample_models/iris"
LABELS = ["--labels", str(IRIS / "iris.csv"), "--label-column", "species"]
ROWS = ["--feeds", str(IRIS / "iris.csv")]


def run(*command: object) -> tuple[int, str, str]:
    """Exit status, standard output and standard error."""
    done = CliRunner().invoke(cli, ["compare", *map(str, command)])
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Iris as the founding notebook made it small: one class of 150 changes."""
    path = tmp_path_factory.mktemp("gate") / "small"
    model = inspector.open_model(IRIS / "saved_model")
    inspector.save(inspector.optimise(model, preset="seed").model, path)
    return path


def written(tmp_path: Path, name: str, text: str) -> Path:
    path = tmp_path / f"{name}.pb"
    path.write_bytes(graph(text).to_bytes())
    return path


@pytest.mark.tensorflow
def test_the_json_is_that_of_the_contract(small: Path) -> None:
    limits = ["--max-difference", "0.5", "--min-agreement", "0.99", "--max-bytes", "900000"]
    status, printed, errors = run(IRIS / "saved_model", small, *ROWS, *LABELS, *limits, "--json")
    assert (status, errors) == (0, "")
    answer = checked("compare", printed)
    assert answer["rows"] == 150
    assert answer["bytes"]["a"] == 3221059
    assert answer["bytes"]["ratio"] == pytest.approx(3221059 / answer["bytes"]["b"])
    output = answer["outputs"]["probabilities"]
    # As measured on the real tool: shared notes of the study, and sample_models.json.
    assert output["max_abs"] == pytest.approx(0.0968, abs=1e-3)
    assert output["argmax_equal"] == pytest.approx(149 / 150)
    assert (output["equal"], output["grade"]) == (False, "top-1 changes")
    assert answer["class_changes"]["probabilities"] == [
        {"row": 73, "a": "versicolor", "b": "virginica"}
    ]
    table = "lookup table dnn/head/predictions/class_string_lookup"
    assert answer["names_from"] == f"{table} of A"
    score = answer["accuracy"]
    assert (score["a"], score["b"]) == (pytest.approx(148 / 150), pytest.approx(147 / 150))
    assert (score["changed_right_to_wrong"], score["changed_wrong_to_right"]) == (1, 0)
    assert score["turned_wrong"] == [73]
    assert [limit["name"] for limit in answer["limits"]] == [
        *("max_difference", "min_agreement", "max_bytes"),
    ]
    assert answer["met"]
    assert all(limit["met"] for limit in answer["limits"])


@pytest.mark.tensorflow
def test_a_limit_that_is_not_met_is_status_3_with_every_limit_and_value(small: Path) -> None:
    limits = ["--max-difference", "0.02", "--min-agreement", "0.9", "--max-bytes", "1000"]
    limits += ["--min-accuracy", "0.985"]
    status, printed, errors = run(IRIS / "saved_model", small, *ROWS, *LABELS, *limits)
    assert (status, errors) == (3, "")
    lines = printed.splitlines()
    accuracy = lines.pop(-2)
    assert accuracy == "limit min_accuracy 0.985: 0.98, NOT MET"
    assert lines[-3].startswith("limit max_difference 0.02: 0.4")
    assert lines[-3].endswith("NOT MET")
    assert lines[-2] == "limit min_agreement 0.9: 0.993333, met"
    assert lines[-1].startswith("limit max_bytes 1,000: 8")
    assert lines[-1].endswith("NOT MET")
    assert "probabilities: row 73 versicolor -> virginica" in lines
    assert "McNemar's exact test: p = 1, may be chance" in lines


@pytest.mark.tensorflow
def test_tensorflow_against_litert_by_shape_alone(tmp_path: Path) -> None:
    (tmp_path / "add.tflite").write_bytes(lite_models.add(batch=-1))
    text = "p = Placeholder(shape=[-1, 2]) ; b = Const(value={}) ; s = Add(p, b) ; y = Relu(s)"
    same = written(tmp_path, "same", text.format("[1, 2]"))
    judged = inspector.compare(
        inspector.open_model(same), inspector.open_model(tmp_path / "add.tflite")
    )
    assert (judged.rows, judged.grade, judged.met) == (32, "identical", True)
    other = written(tmp_path, "other", text.format("[1, 3]"))
    status, printed, _ = run(other, tmp_path / "add.tflite", "--max-difference", "0.5")
    assert status == 3
    assert "max_difference 0.5: 1, NOT MET" in printed


def test_a_tflite_model_of_a_fixed_batch_runs_batch_by_batch(tmp_path: Path) -> None:
    (tmp_path / "open.tflite").write_bytes(lite_models.add(batch=-1))
    (tmp_path / "fixed.tflite").write_bytes(lite_models.add())
    feeds = {"x": np.arange(10, dtype=np.float32).reshape(5, 2)}
    a, b = (inspector.open_model(tmp_path / f"{name}.tflite") for name in ("open", "fixed"))
    judged = inspector.compare(a, b, feeds)
    assert (judged.rows, judged.grade) == (5, "identical")


def test_real_labels_give_a_mean_error(tmp_path: Path) -> None:
    (tmp_path / "add.tflite").write_bytes(lite_models.add(batch=-1))
    model = inspector.open_model(tmp_path / "add.tflite")
    feeds = {"x": np.zeros((4, 2), np.float32)}
    with pytest.raises(BadFeed, match="no output fits labels that are real numbers"):
        inspector.compare(model, model, feeds, labels=[0.5] * 4)
    scored = inspector.compare(model, model, feeds, labels=[1, 1, 0, 1])
    assert scored.to_dict()["accuracy"]["a"] == 0.75
    for labels, why in (
        ([1, 1], "2 of them for 4 rows"),
        ([[1, 1], [0, 1]], "one per row|per row"),
    ):
        with pytest.raises(BadFeed, match=why):
            inspector.compare(model, model, feeds, labels=labels)
    with pytest.raises(BadParameter, match="tolerance"):
        inspector.compare(model, model, tolerance=2)


def test_a_limit_of_latency_runs_the_benchmark(tmp_path: Path) -> None:
    (tmp_path / "add.tflite").write_bytes(lite_models.add(batch=-1))
    path = tmp_path / "add.tflite"
    status, printed, errors = run(path, path, "--max-latency-ratio", "100")
    # A machine that is too busy for a verdict at 100 times leaves no doubt about this limit.
    assert (status, errors) == (0, "")
    assert "limit max_latency_ratio 100: " in printed
    assert "latency: " in printed
    assert run(path, path, "--max-latency-ratio", "0.01")[0] == 3


def test_class_names_of_a_file_and_wrong_options(tmp_path: Path) -> None:
    path, names, labels = (tmp_path / name for name in ("add.tflite", "names.txt", "labels.txt"))
    path.write_bytes(lite_models.add(batch=-1))
    names.write_text("cat\ndog\n")
    labels.write_text("dog\n" * 31 + "cat\n")
    status, printed, _ = run(path, path, "--labels", labels, "--classes", names, "--json")
    assert status == 0
    answer = checked("compare", printed)
    assert (answer["class_names"], answer["names_from"]) == (["cat", "dog"], None)
    assert 0 < answer["accuracy"]["a"] < 1
    status, _, errors = run(path, path, "--labels", labels)
    assert status == 1
    assert "name the classes with --classes" in errors
    assert run(path, path, "--label-column", "x")[0] == 2
    assert run(path, path, "--min-agreement", "1.5")[0] == 2


@pytest.mark.tensorflow
def test_the_workflow_in_the_docs_runs_as_it_is_written(tmp_path: Path) -> None:
    """Its commands, on iris: the preset meets the limits."""
    page = (ROOT / "docs/measuring.md").read_text(encoding="utf-8")
    steps = page.partition("```yaml")[2].partition("```")[0].partition("pip install")[2]
    words = " ".join(line.strip().removeprefix("- run:") for line in steps.splitlines()[1:])
    optimising, comparing = words.replace(">", "").split("inspector ")[1:]
    (tmp_path / "labels.txt").write_text(
        "".join(
            f"{line.rpartition(',')[2]}\n"
            for line in (IRIS / "iris.csv").read_text(encoding="utf-8").splitlines()[1:]
        )
    )
    paths = {
        "model/saved_model": str(IRIS / "saved_model"),
        "model/rows.npz": str(IRIS / "iris.csv"),
        "model/labels.txt": str(tmp_path / "labels.txt"),
        "small": str(tmp_path / "small"),
    }
    for command in (optimising, comparing):
        options = [paths.get(word, word) for word in command.split()]
        more = ["--outputs", "dnn/head/predictions/probabilities"]
        done = CliRunner().invoke(cli, options + (more if options[0] == "optimise" else []))
        assert (done.exit_code, done.stderr) == (0, ""), done.output
    assert "limit min_agreement 0.99: 1, met" in done.stdout


@pytest.mark.tensorflow
def test_blame_names_the_first_node_that_differs(small: Path) -> None:
    status, printed, errors = run(IRIS / "saved_model", small, *ROWS, "--blame", "--json")
    assert (status, errors) == (0, "")
    blame = checked("compare", printed)["blame"]
    assert blame["first"]["op"] == "MatMul"
    assert blame["first"]["before"] == "dnn/hiddenlayer_0/MatMul"
    assert blame["causes"]
    assert blame["first_not_finite"] is None
    printed = run(IRIS / "saved_model", small, *ROWS, "--blame")[1]
    assert "first node that differs: dnn/hiddenlayer_0/MatMul, MatMul, " in printed
    printed = run(IRIS / "saved_model", small, *ROWS, "--blame", "--every-node")[1]
    head, _, *rows = printed[printed.index("node    ") :].splitlines()
    assert head.split("  ")[0] == "node"
    assert [word.strip() for word in head.split("  ") if word][1:] == [
        *("op", "alone", "in the run", "in B", "paired by")
    ]
    by_node = {row.split()[0]: row.split()[1:] for row in rows}
    op, alone, in_run, by = by_node["dnn/hiddenlayer_0/MatMul"]
    assert (op, by) == ("MatMul", "name")
    assert alone == in_run != "0"
    # Nothing but its input differs there.
    assert (
        float(by_node["dnn/hiddenlayer_0/Relu"][1])
        == 0
        < float(by_node["dnn/hiddenlayer_0/Relu"][2])
    )
    printed = run(small, small, *ROWS, "--blame")[1]
    assert "no node differs by more than rounding" in printed
    status, _, errors = run(small, small, *ROWS, "--every-node")
    assert (status, "--every-node is for --blame" in errors) == (2, True)
    status, _, errors = run(small, small, "--blame")
    assert status == 2
    assert "--blame needs --feeds" in errors


def test_a_limit_of_the_accuracy_without_labels_is_refused() -> None:
    status, _, errors = run(IRIS / "saved_model", IRIS / "saved_model", "--min-accuracy", "0.9")
    assert status == 2
    assert "--min-accuracy needs --labels" in errors
    with pytest.raises(BadParameter, match="min_accuracy: needs labels"):
        inspector.search(inspector.open_model(IRIS / "saved_model"), min_accuracy=0.9)
