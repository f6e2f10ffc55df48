"""Sweeps of real models: results, what a second run does, failures, the report and its table."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import inspector
from inspector.cli.main import cli
from inspector.errors import BadParameter, MissingFile, OutputExists, UnknownTransform
from inspector.graph.protos import GraphDef
from inspector.jobs.job import Job
from inspector.jobs.runner import LocalRunner
from tests.conftest import ROOT
from tests.json_schemas import checked

SAMPLES = ROOT / "sample_models"


def a_graph(path: Path, value: int = 1) -> Path:
    """A frozen graph: a placeholder plus a constant, and a node that no output needs."""
    graph = GraphDef()
    graph.versions.producer = 1395
    x = graph.node.add(name="x", op="Placeholder")
    x.attr["dtype"].type = 3
    x.attr["shape"].shape.dim.add(size=2)
    for name in ("c", "unused"):
        node = graph.node.add(name=name, op="Const")
        node.attr["dtype"].type = 3
        node.attr["value"].tensor.dtype = 3
        node.attr["value"].tensor.tensor_shape.dim.add(size=2)
        node.attr["value"].tensor.int_val.extend([value, value])
    y = graph.node.add(name="y", op="AddV2", input=["x", "c"])
    y.attr["T"].type = 3
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(graph.SerializeToString())
    return path


def swept(models: list[Path], out: Path, **options: Any) -> inspector.SweepResult:
    return inspector.sweep(models, out, "strip_unused_nodes", to="graphdef", **options)


def statuses(result: inspector.SweepResult) -> list[tuple[str, bool]]:
    return [(item.status, item.is_kept) for item in result.models]


def table_of(out: Path) -> list[dict[str, str]]:
    with (out / "results.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.tensorflow
def test_only_what_is_missing_or_changed_is_done_again(tmp_path: Path) -> None:
    models = [a_graph(tmp_path / name, number) for number, name in enumerate(("a.pb", "b.pb"))]
    out = tmp_path / "out"
    first = swept(models, out)
    assert statuses(first) == [("done", False)] * 2
    assert [item.answer and item.answer["nodes"] for item in first.models] == [4, 4]
    assert [item.answer and item.answer["result_nodes"] for item in first.models] == [3, 3]
    graph = inspector.open_model(out / "a.pb" / "optimised.pb").graph
    assert sorted(node.name for node in graph.nodes) == ["c", "x", "y"]
    assert json.loads((out / "a.pb" / "record.json").read_text())["steps"]

    models[0].touch()  # the content counts, not the time
    assert statuses(swept(models, out)) == [("done", True)] * 2
    a_graph(models[0], 7)
    assert statuses(swept(models, out)) == [("done", False), ("done", True)]
    (out / "b.pb" / "optimised.pb").unlink()
    assert statuses(swept(models, out)) == [("done", True), ("done", False)]
    other = inspector.sweep(models, out, "fold_constants", to="graphdef")
    assert statuses(other) == [("done", False)] * 2
    assert statuses(swept(models[1:], out, force=True)) == [("done", False)]


@pytest.mark.tensorflow
def test_a_result_is_never_looked_for_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, out = a_graph(tmp_path / "a.pb"), tmp_path / "out"
    honest = swept([model], out).models[0]
    entry = out / "a.pb" / "result.json"
    forged = json.loads(entry.read_text(encoding="utf-8"))
    forged["answer"]["result"] = "../../a.pb"
    forged["answer"]["result_bytes"] = model.stat().st_size
    entry.write_text(json.dumps(forged), encoding="utf-8")
    again = swept([model], out).models[0]
    assert (again.status, again.is_kept) == ("done", False)

    # What a worker that a model has taken over may answer.
    run = LocalRunner.submit

    def lying(self: LocalRunner, kind: str, *args: Any, **options: Any) -> Job:
        job = run(self, kind, *args, **options)
        job.result(60).value["result"] = "/"
        return job

    monkeypatch.setattr(LocalRunner, "submit", lying)
    (refused,) = swept([model], tmp_path / "other").models
    assert refused.status == "failed"
    assert refused.error is not None
    assert "its 'result' is missing or wrong" in refused.error
    assert honest.to_dict()["result"] == "a.pb/optimised.pb"
    assert not (tmp_path / "other" / "a.pb").exists()


@pytest.mark.tensorflow
def test_a_failure_stops_no_other_and_keeps_its_sentence(tmp_path: Path) -> None:
    good, bad = a_graph(tmp_path / "good.pb"), tmp_path / "=bad<b>.pb"
    bad.write_bytes(b"\x0a\xff\xff")
    out = tmp_path / "out"
    models = [str(bad), str(good), str(tmp_path / "none")]
    command = ["sweep", *models, "-o", str(out), "--preset", "tidy"]
    run = CliRunner().invoke(cli, command)
    assert run.exit_code == 1
    assert "1 of 3 models done" in run.stdout
    assert run.stderr.endswith("error: sweep: out: 2 of 3 models failed; the report says why\n")
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "=bad&lt;b&gt;.pb" in page
    assert "<b>" not in page
    assert "there is no such file or folder" in page
    assert not re.search(r"<script|https?:|src=", page)
    rows = table_of(out)
    assert [row["status"] for row in rows] == ["failed", "done", "failed"]
    assert (
        rows[0]["error"]
        == "'" + json.loads((out / "bad_b_.pb" / "result.json").read_text())["error"]
    )
    # The model that is at fault is not tried again, the one that was not there is.
    a_graph(tmp_path / "none")
    again = CliRunner().invoke(cli, [*command, "--json"])
    answer = checked("sweep", again.stdout)
    assert [(it["status"], it["kept"]) for it in answer["models"]] == [
        ("failed", True),
        ("done", True),
        ("done", False),
    ]


@pytest.mark.tensorflow
def test_names_are_no_formulas_and_no_markup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names = ["=HYPERLINK(1).pb", "@a.pb", "+1.pb", "\tb.pb", "<img src=x>.pb", "a\nb.pb", "-x.pb"]
    models = [a_graph(Path(name)) for name in names]
    inspector.sweep(models, tmp_path / "out", "", to="graphdef")
    rows = table_of(tmp_path / "out")
    shown = [row["path"] for row in rows]
    assert shown == [
        "'=HYPERLINK(1).pb",
        "'@a.pb",
        "'+1.pb",
        "\\x09b.pb",
        "<img src=x>.pb",
        "a\\x0ab.pb",
        "'-x.pb",
    ]
    page = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert "<img" not in page
    assert "&lt;img src=x&gt;.pb" in page


@pytest.mark.tensorflow
def test_a_folder_of_models_and_models_of_one_name(tmp_path: Path) -> None:
    for name in ("a", "b"):
        a_graph(tmp_path / "models" / name / "model.pb", ord(name))
    out = tmp_path / "out"
    single = swept([tmp_path / "models/a/model.pb"], out)
    assert single.models[0].folder == "model.pb"
    both = swept([tmp_path / "models"], out)
    assert [item.folder for item in both.models] == ["a_model.pb", "b_model.pb"]
    assert statuses(both) == [("done", True), ("done", False)]
    assert not (out / "model.pb").exists()


@pytest.mark.tensorflow
def test_a_sweep_that_is_stopped_goes_on_later(tmp_path: Path) -> None:
    models = [a_graph(tmp_path / f"{number}.pb", number) for number in range(6)]
    shares: list[float | None] = []
    texts: list[str] = []

    def progress(share: float | None, text: str) -> None:
        shares.append(share)
        texts.append(text)

    stopped = swept(
        models,
        tmp_path / "out",
        jobs=1,
        progress=progress,
        cancelled=lambda: bool(shares) and (shares[-1] or 0) > 0,
    )
    assert stopped.is_stopped
    assert any(text.startswith("0 of 6 models: 0.pb") for text in texts)
    assert texts[-1].startswith(f"{len(stopped.done)} of 6 models")
    assert 1 <= len(stopped.done) < 6
    assert "Not run" in stopped.report.read_text(encoding="utf-8")
    whole = swept(models, tmp_path / "out")
    assert len(whole.done) == 6
    assert [item.is_kept for item in whole.models].count(True) >= len(stopped.done)


def test_a_sweep_that_cannot_start_writes_nothing(tmp_path: Path) -> None:
    model, out = a_graph(tmp_path / "a.pb"), tmp_path / "out"
    with pytest.raises(UnknownTransform):
        inspector.sweep([model], out, "no_such_transform")
    with pytest.raises(BadParameter, match="no preset of this name"):
        inspector.sweep([model], out, preset="absent")
    with pytest.raises(BadParameter, match="takes saved_model, graphdef, tflite"):
        inspector.sweep([model], out, to="onnx")
    with pytest.raises(BadParameter, match="names no model"):
        inspector.sweep([], out)
    assert not out.exists()
    with pytest.raises(MissingFile, match="parent folder"):
        inspector.sweep([model], tmp_path / "absent" / "out")
    other = tmp_path / "other"
    other.mkdir()
    (other / "letter.txt").touch()
    with pytest.raises(OutputExists, match="not from a sweep"):
        inspector.sweep([model], other)
    assert [path.name for path in other.iterdir()] == ["letter.txt"]


@pytest.mark.tensorflow
@pytest.mark.slow
def test_samples_become_tflite_models_that_are_checked(tmp_path: Path) -> None:
    shutil.copytree(SAMPLES / "iris/saved_model", tmp_path / "iris")
    out = tmp_path / "out"
    result = inspector.sweep(
        [tmp_path / "iris"], out, preset="smaller", to="tflite", check=True, timeout=100
    )
    (item,) = result.models
    assert item.to_dict()["check"] == "passed"
    model = inspector.open_model(out / "iris" / "model.tflite")
    assert item.answer is not None
    assert item.answer["result_bytes"] == (out / "iris" / "model.tflite").stat().st_size
    assert model.graph_facts().nodes == item.answer["result_nodes"]
