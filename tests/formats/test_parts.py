"""Folders and archives of several models: which there are, and how one of them is named."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from inspector import errors
from inspector.api import open_model
from inspector.cli.main import cli
from inspector.formats import parts
from inspector.jobs.client.default_runner import default_runner
from tests.conftest import data_path
from tests.hostile import model_files

CHECKPOINT = "models/seed/ppscore/two_metagraphs/variables"


def several(folder: Path) -> Path:
    """A SavedModel, a frozen graph and two checkpoints in a folder, none of them at its top."""
    model_files.saved(folder / "export" / "a")
    (folder / "b.pb").write_bytes((folder / "export" / "a" / "saved_model.pb").read_bytes())
    frozen = Path(__file__).parents[1] / "models" / "tf115" / "frozen.pbtxt"
    shutil.copyfile(frozen, folder / "b.pbtxt")
    (folder / "b.pb").unlink()
    (folder / "run").mkdir()
    for number in (1, 2):
        for file in data_path(CHECKPOINT).iterdir():
            name = file.name.replace("variables", f"ckpt-{number}", 1)
            shutil.copyfile(file, folder / "run" / name)
    (folder / "notes.txt").write_text("words")
    (folder / ".hidden").mkdir()
    model_files.saved(folder / ".hidden" / "c")
    return folder


NAMES = ["b.pbtxt", "run/ckpt-1", "run/ckpt-2", "export/a"]


def test_the_models_of_a_folder_have_names_kinds_and_sizes(tmp_path: Path) -> None:
    folder = several(tmp_path / "m")
    (folder / "link").symlink_to(folder / "export")
    listed = parts.of(folder)
    assert [part.name for part in listed] == NAMES
    assert [part.kind for part in listed] == ["GraphDef", "Checkpoint", "Checkpoint", "SavedModel"]
    sizes = {part.name: part.bytes for part in listed}
    assert sizes["b.pbtxt"] == (folder / "b.pbtxt").stat().st_size
    assert sizes["run/ckpt-1"] == sum(
        file.stat().st_size for file in (folder / "run").glob("ckpt-1*")
    )


@pytest.mark.parametrize("packed", ["", "zip", "gztar"])
def test_one_of_several_is_opened_by_its_path(tmp_path: Path, packed: str) -> None:
    folder = several(tmp_path / "m")
    path = Path(shutil.make_archive(str(tmp_path / "p"), packed, folder)) if packed else folder
    with pytest.raises(errors.AmbiguousModel, match=r"b\.pbtxt, run/ckpt-1, .*as in ") as caught:
        open_model(path)
    assert [part["name"] for part in caught.value.parts] == NAMES
    for error in (
        errors.from_dict(caught.value.to_dict()),
        pickle.loads(pickle.dumps(caught.value)),
    ):
        assert isinstance(error, errors.AmbiguousModel)
        assert error.parts == caught.value.parts
    assert open_model(path / "run" / "ckpt-2").name == "ckpt-2"
    assert open_model(path / "export" / "a").format == "SavedModel"
    with pytest.raises(errors.MissingFile):
        open_model(path / "run" / "ckpt-9")


def test_the_only_model_of_several_folders_is_opened(tmp_path: Path) -> None:
    model_files.saved(tmp_path / "m" / "export")
    (tmp_path / "m" / "docs").mkdir()
    (tmp_path / "m" / "docs" / "notes.txt").write_text("words")
    assert open_model(shutil.make_archive(str(tmp_path / "p"), "zip", tmp_path / "m")).name


def test_a_part_does_not_lead_out_of_the_archive(tmp_path: Path) -> None:
    model_files.saved(tmp_path / "secret")
    path = Path(shutil.make_archive(str(tmp_path / "p"), "zip", several(tmp_path / "m")))
    with pytest.raises(errors.MissingFile, match="no such model in the archive"):
        open_model(f"{path}/../../secret/../..{tmp_path}/secret")
    with pytest.raises(errors.MissingFile, match=r"did you mean 'run/ckpt-2'"):
        open_model(path / "run" / "ckpt-3")
    with pytest.raises(errors.MissingFile, match="no archive"):
        open_model(tmp_path / "m" / "notes.txt" / "a")


def test_a_job_reads_the_part_that_is_meant(tmp_path: Path) -> None:
    runner = default_runner()
    source = runner.workspace.add_folder(several(tmp_path / "m"))
    answer = runner.submit("open", {"part": "run/ckpt-2"}, model=source).result().value
    assert answer["facts"]["format"] == "Checkpoint"
    assert answer["contents"]["part"] == "run/ckpt-2"
    assert [part["name"] for part in answer["contents"]["parts"]] == NAMES
    with pytest.raises(errors.UnsupportedModel, match="not a safe relative path"):
        runner.submit("open", {"part": "../x"}, model=source).result()


def test_the_latest_checkpoint_is_one_of_several(tmp_path: Path) -> None:
    folder = several(tmp_path / "m") / "run"
    (folder / "checkpoint").write_text('model_checkpoint_path: "ckpt-2"')
    source = default_runner().workspace.add_folder(folder)
    contents = default_runner().submit("open", {}, model=source).result().value["contents"]
    assert contents["part"] == "ckpt-2"
    assert [part["name"] for part in contents["parts"]] == ["ckpt-1", "ckpt-2"]


def test_the_command_line_lists_them(tmp_path: Path) -> None:
    path = shutil.make_archive(str(tmp_path / "p"), "zip", several(tmp_path / "m"))
    asked = CliRunner().invoke(cli, ["describe", path])
    assert asked.exit_code == 1
    assert "open one by its path, as in p.zip/b.pbtxt" in asked.stderr
    described = CliRunner().invoke(cli, ["describe", f"{path}/run/ckpt-1"])
    assert described.exit_code == 0
    assert "ckpt-1" in described.stdout
