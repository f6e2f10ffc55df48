"""Each hostile file has the outcomes that the manifest tells, and no operation does it harm."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from inspector import errors
from inspector.api import predict
from inspector.cli.main import cli
from inspector.formats import open_model
from inspector.graph import parse_limits
from inspector.jobs.client.default_runner import default_runner
from tests.hostile import corpus, graph_files
from tests.hostile.battery import OK, outcome, outcomes

MAKERS = corpus.makers()
ENTRIES = corpus.entries()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


def path_of(name: str, folder: Path) -> Path:
    """The kept file, else one that is made."""
    kept = ENTRIES[name]["path"]
    if kept is not None:
        return corpus.FOLDER / kept
    (folder / name).parent.mkdir(exist_ok=True)
    return MAKERS[name](folder / name)


def test_the_manifest_tells_of_every_file() -> None:
    kept = {name for name in ENTRIES if not name.startswith(corpus.FOUND)}
    assert kept == set(MAKERS)
    files = {file for file in corpus.FOLDER.rglob("*") if file.is_file()} - {corpus.MANIFEST}
    listed = [corpus.FOLDER / entry["path"] for entry in ENTRIES.values() if entry["path"]]
    told = {path for path in files if any(path.is_relative_to(item.parent) for item in listed)}
    assert files == told
    assert sum(file.stat().st_size for file in files) < 1 << 20


@pytest.mark.parametrize("name", ENTRIES)
def test_outcomes(name: str, made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = made / "scratch"
    scratch.mkdir(exist_ok=True)
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    path = path_of(name, made)
    found = corpus.told(path)
    assert found["outcomes"] == ENTRIES[name]["outcomes"]
    assert found["warnings"] == ENTRIES[name]["warnings"]
    assert str(path.parent) not in json.dumps(found)
    assert not any(file.is_file() for file in scratch.rglob("*"))


@pytest.mark.parametrize("name", graph_files.LARGE)
def test_large_ones_open_in_seconds(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.pb"
    path.write_bytes(graph_files.LARGE[name]())
    started = time.process_time()
    found = outcomes(path)
    assert time.process_time() - started < 20
    assert found["open"] == found["describe"] == found["view"] == found["save"] == OK
    assert max(map(len, found.values())) < 2000


@pytest.mark.parametrize("name", graph_files.AMPLIFIED)
def test_what_grows_in_memory_is_not_parsed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parse_limits, "MAX_PARTS", 100_000)
    monkeypatch.setattr(parse_limits, "_COUNTED_FIRST", 1000)
    path = tmp_path / "m.pb"
    path.write_bytes(graph_files.AMPLIFIED[name]())
    with pytest.raises(errors.LimitExceeded, match="more than 100,000"):
        open_model(path)


def test_what_does_not_grow_is_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.pb"
    path.write_bytes(graph_files.LARGE["chain"]())
    monkeypatch.setattr(parse_limits, "_COUNTED_FIRST", 1000)
    for most, fits in ((150_000, True), (80_000, True), (15_000, False)):
        monkeypatch.setattr(parse_limits, "MAX_PARTS", most)
        told = outcome(lambda: open_model(path))
        assert (told == OK) == fits, (most, told)


def test_the_number_of_nodes_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.pb"
    path.write_bytes(graph_files.SMALL["duplicate_names"]())
    monkeypatch.setenv("INSPECTOR_NODES", "3")
    with pytest.raises(errors.LimitExceeded, match=r"4 nodes, the limit is 3 \(INSPECTOR_NODES\)"):
        open_model(path)


def test_text_of_very_many_messages_is_not_parsed(tmp_path: Path) -> None:
    (tmp_path / "m.pbtxt").write_bytes(b"node{}" * 2_000_001)
    with pytest.raises(errors.LimitExceeded, match="more than 2,000,000 messages"):
        open_model(tmp_path / "m.pbtxt")


COMMANDS = ("graph/cut_in_half", "graph/dangling_input", "graph/name_newline", "archive/bomb")
COMMANDS += ("saved_model/schema_99", "checkpoint/index_checksum", "archive/pax_traversal")


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("command", ["describe", "ops", "diff", "freeze", "optimise"])
def test_a_command_tells_in_one_line(name: str, command: str, made: Path, tmp_path: Path) -> None:
    path = str(path_of(name, made))
    out = ["-o", str(tmp_path / "out.pb")] if command in ("freeze", "optimise") else []
    more = [path] if command == "diff" else out
    result = CliRunner().invoke(cli, [command, path, *more])
    assert result.exit_code in (0, 1)
    assert not isinstance(result.exception, Exception) or isinstance(result.exception, SystemExit)
    if result.exit_code:
        (line,) = result.stderr.splitlines()
        assert line.startswith("error: ")
        assert str(Path(path).parent) not in line
        assert list(tmp_path.iterdir()) == []
    if ENTRIES[name]["outcomes"]["open"] != OK:
        assert result.exit_code == 1


IN_JOBS = ("graph/random", "graph/cycle", "graph/name_html", "graph/functions_billion")
IN_JOBS += ("saved_model/asset_outside", "saved_model/cut", "archive/link", "archive/gzip_bomb")


@pytest.mark.parametrize("name", IN_JOBS)
def test_a_job_gives_the_same_answer_and_the_server_lives(
    name: str, made: Path, tmp_path: Path
) -> None:
    path = path_of(name, made)
    if path.is_dir():
        shutil.copytree(path, tmp_path / path.name)
        source = default_runner().workspace.add_folder(tmp_path / path.name)
    else:
        with path.open("rb") as file:
            source = default_runner().workspace.add_file(file, path.name)
    before = default_runner().status().templates["light"]
    expected = ENTRIES[name]["outcomes"]["open"]
    job = default_runner().submit("open", {"tag_set": None}, model=source)
    err = job.exception()
    if err is None:
        assert expected == OK
        assert job.result().value["facts"]["warnings"] == ENTRIES[name]["warnings"]
    else:
        assert f"{type(err).__name__}: {err}" == expected
    after = default_runner().status().templates["light"]
    assert before.pid in (None, after.pid)


NOT_RUN = {
    "graph/cycle": "3 nodes in a cycle",
    "graph/duplicate_names": "two nodes have this name",
    "graph/dangling_input": "no such node",
    "graph/no_such_output": "an output that is not there",
    "graph/const_terabytes": "more than the 2 GiB",
    "graph/const_300_dims": "300 dimensions",
    "graph/const_negative": "not fully known",
    "graph/attr_conv_strides_floats": "is no list",
    "graph/attr_cast_type_gone": "DstT",
    "graph/function_calls_itself": "calls itself",
    "graph/functions_billion": "nodes, too many to run",
    "graph/conv_stride_zero": ".",
    "saved_model/data_gone": ".",
}
"""What is said of each when it is to be run; TensorFlow's own words differ between versions."""


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", NOT_RUN)
def test_it_is_not_run(name: str, made: Path) -> None:
    model = open_model(path_of(name, made))
    feed = {"x": [[1.0, 2.0]]} if "x" in model.graph else {}
    with pytest.raises(errors.InspectorError, match=NOT_RUN[name]) as caught:
        predict(model, feed, ["y"])
    assert not isinstance(caught.value, errors.JobError)
