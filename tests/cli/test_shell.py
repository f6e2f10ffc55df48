"""What a shell relies on: standard input and output, empty paths, completion, -v and -q."""

from __future__ import annotations

import json
import logging
import os
import shlex
from pathlib import Path

import numpy as np
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner, Result

from inspector import api
from inspector.cli.main import cli
from inspector.graph.protos import GraphDef
from inspector.schemas import SCHEMA
from inspector.version import __version__
from tests.conftest import ROOT

IRIS = ROOT / "sample_models" / "iris" / "saved_model"
CSV = IRIS.parent / "iris.csv"
OUTPUT = "dnn/head/predictions/probabilities"
WITHOUT_JSON = {"app", "schema", "transform_graph"}
"""A server; a command whose output is JSON; a drop-in with the output of the original."""


def run(*args, status: int = 0, stdin: bytes | None = None) -> Result:
    done = CliRunner().invoke(cli, [str(arg) for arg in args], input=stdin)
    assert done.exit_code == status, done.output
    return done


@pytest.fixture(scope="module")
def frozen() -> bytes:
    return run("freeze", IRIS, "-o", "-", "--outputs", OUTPUT, "-q").stdout_bytes


def test_every_command_that_answers_has_json() -> None:
    flags = {name: {flag for p in c.params for flag in p.opts} for name, c in cli.commands.items()}
    assert {name for name, opts in flags.items() if "--json" not in opts} == WITHOUT_JSON


def test_a_model_goes_through_a_pipe(frozen: bytes) -> None:
    assert len(GraphDef.FromString(frozen).node) == 91
    facts = json.loads(run("describe", "-", "--json", stdin=frozen).stdout)
    assert (facts["nodes"], facts["format"]) == (91, "GraphDef")
    assert (facts["schema"], facts["inspector"]) == (SCHEMA, __version__)
    assert run("describe", "-", stdin=frozen).stdout.startswith("stdin  ")
    flags = ["--outputs", OUTPUT, "--transforms", "remove_nodes(op=Identity)", "-o", "-"]
    done = run("optimise", "-", *flags, stdin=frozen)
    assert len(GraphDef.FromString(done.stdout_bytes).node) == 71
    assert "wrote standard output: 71 nodes" in done.stderr
    assert run("render", "-", "-o", "-", "-q", stdin=frozen).stdout.startswith("<?xml")
    delta = json.loads(run("diff", IRIS, "-", "--json", stdin=frozen).stdout)
    assert delta["after"]["nodes"] == 91


def test_standard_input_is_a_temporary_file_that_goes(frozen: bytes, monkeypatch) -> None:
    paths: list[str] = []
    opened = api.open_model

    def noting(path, *args, **more):
        paths.append(path)
        return opened(path, *args, **more)

    monkeypatch.setattr("inspector.api.open_model", noting)
    run("describe", "-", stdin=frozen)
    assert len(paths) == 1
    assert not Path(paths[0]).parent.exists()


def test_rows_come_from_standard_input(tmp_path: Path) -> None:
    model = api.open_model(IRIS)
    np.savez(tmp_path / "rows.npz", **api.read_feeds(CSV, model))
    for file in (CSV, tmp_path / "rows.npz"):
        done = run("predict", IRIS, "--feeds", "-", "--fetches", "nowhere", status=1,
                   stdin=file.read_bytes())  # fmt: skip
        assert "nowhere" in done.stderr  # the rows were read, and the model was asked
    template = run("predict", IRIS, "--template", "-").stdout
    assert template.splitlines()[0] == "petal_length,petal_width,sepal_length,sepal_width"


def test_the_record_on_standard_output(frozen: bytes, tmp_path: Path) -> None:
    flags = ["--outputs", OUTPUT, "--transforms", "remove_device", "-o", tmp_path / "x.pb"]
    record = json.loads(run("optimise", "-", *flags, "--record", "-", stdin=frozen).stdout)
    assert [step["name"] for step in record["steps"]] == ["remove_device"]
    again = json.loads(run("optimise", "-", *flags, "--force", "--json", stdin=frozen).stdout)
    written = again.pop("written")
    assert written["path"] == str(tmp_path / "x.pb")
    assert written["bytes"] == (tmp_path / "x.pb").stat().st_size
    assert again.keys() == record.keys()


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["describe", ""], "the path is empty"),
        (["diff", "-", "-"], "standard input can be read once"),
        (["freeze", IRIS, "-o", ""], "names no file"),
        (["freeze", IRIS, "-o", "new/"], "names a folder"),
        (["freeze", IRIS, "-o", "-", "--json"], "only one of"),
        (["optimise", IRIS, "-o", "-", "--record", "-"], "name the same place"),
        (["optimise", IRIS, "-o", "-", "--to", "saved_model"], "a SavedModel is a folder"),
        (["report", IRIS, IRIS, "-o", "-"], "name a file"),
        (["search", IRIS, "-o", "-"], "name a file"),
        (["predict", IRIS, "--feeds", ""], "the path is empty"),
    ],
)
def test_what_a_path_cannot_be(args: list[str], says: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert says in run(*args, status=2, stdin=b"").stderr
    assert list(tmp_path.iterdir()) == []


MODELS = ROOT / "tests" / "models"


@pytest.mark.parametrize(
    ("model", "options"),
    [
        (IRIS, "--template feeds.csv"),
        ("tf110/dtypes", "--template feeds.npz"),  # inputs that are no columns
        ("tf110/frozen.pb", "--outputs probabilities"),
        ("tf110/two_metagraphs", "--tag-set serve,gpu"),
        ("tf221/no_signatures", "--signature classify"),
    ],
)
def test_the_commands_of_describe_can_be_pasted(
    model: str | Path, options: str, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "a model"
    path.symlink_to(MODELS / model)
    commands = run("describe", path).stdout.partition("to go on\n")[2].splitlines()
    assert options in "\n".join(commands)
    template, optimise = (shlex.split(line)[1:] for line in commands)
    run(*template)
    assert Path(template[-1]).stat().st_size
    # What needs no kernels: the transforms of the preset have tests of their own.
    at = optimise.index("--preset")
    run(*optimise[:at], "--transforms", "strip_unused_nodes", *optimise[at + 3 :])
    assert (tmp_path / "smaller").exists()


@pytest.mark.parametrize("model", ["tf110/alone.meta", "tf110/empty", "tf221/object_checkpoint"])
def test_describe_names_no_command_that_would_fail(model: str) -> None:
    assert "to go on" not in run("describe", MODELS / model).stdout


def test_a_pipe_is_called_one(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "is a pipe" in run("describe", tmp_path / "pipe", status=1).stderr


def test_a_link_is_called_one(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    flags = ["--to", "saved_model", "--outputs", OUTPUT, "-o", tmp_path / "link", "--force"]
    assert "is a link" in run("convert", IRIS, *flags, status=1).stderr


@pytest.mark.parametrize(
    ("args", "word", "offered"),
    [
        ([], "opt", ["optimise"]),
        (["optimise", IRIS, "--preset"], "small", ["smaller", "smallest"]),
        (["optimise", IRIS, "--transforms"], "fold_c", ["fold_constants"]),
        (["optimise", IRIS, "--transforms"], "a b fold_c", ["a b fold_constants"]),
        (["freeze", IRIS, "--signature"], "", ["predict"]),
        (["freeze", IRIS, "--outputs"], "x,dnn/head/predictions/prob", [f"x,{OUTPUT}"]),
        (["predict", IRIS, "--fetches"], "dnn/head/predictions/prob", [OUTPUT]),
        (["describe", IRIS, "--tag-set"], "", ["serve"]),
        (["ops", IRIS, "--type"], "Soft", ["Softmax"]),
        (["freeze", "no_such_model", "--signature"], "", []),
        (["schema"], "desc", ["describe"]),
    ],
)
def test_what_the_shell_completes(args: list[str], word: str, offered: list[str]) -> None:
    completer = ShellComplete(cli, {}, "inspector", "_INSPECTOR_COMPLETE")
    items = completer.get_completions([str(arg) for arg in args], word)
    assert [item.value for item in items] == offered


@pytest.mark.parametrize(
    "args", [["describe"], ["diff", "a"], ["freeze", "a", "-o"], ["predict", "a", "--feeds"]]
)
def test_the_shell_completes_paths(args: list[str]) -> None:
    completer = ShellComplete(cli, {}, "inspector", "_INSPECTOR_COMPLETE")
    assert [item.type for item in completer.get_completions(args, "./sa")] == ["file"]


def test_milestones_with_v_and_nothing_with_q(tmp_path: Path) -> None:
    level = logging.getLogger("inspector").level
    flags = ["--outputs", OUTPUT, "-o", tmp_path / "x.pb", "--force"]
    plain = run("freeze", IRIS, *flags)
    assert plain.stderr == ""
    assert "wrote x.pb" in plain.stdout
    told = run("freeze", IRIS, *flags, "-v").stderr.splitlines()
    assert [line.split(" ")[1] for line in told] == ["opened", "froze", "wrote"]
    assert all(line.startswith("info: ") for line in told)
    quiet = run("freeze", IRIS, *flags, "-q")
    assert (quiet.stdout, quiet.stderr) == ("", "")
    assert logging.getLogger("inspector").level == level
    assert run("describe", "nowhere", "-q", status=1).stderr.startswith("error: nowhere")


def test_the_library_logs_milestones(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "inspector"):
        model = api.open_model(IRIS)
        api.optimise(model, outputs=[OUTPUT], transforms="remove_device")
    assert {record.name for record in caplog.records} == {"inspector"}
    assert [record.getMessage().split(" ")[0] for record in caplog.records] == [
        "opened",
        "remove_device:",
    ]
