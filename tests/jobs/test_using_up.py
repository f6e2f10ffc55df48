"""A worker that was taken over uses up disk, threads or the runner: others lose nothing."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from inspector.errors import JobFailed, LimitExceeded, UnsupportedModel
from inspector.jobs.forkserver import TemplateSpec
from inspector.jobs.runner import LIGHT, LocalRunner
from inspector.jobs.store import staging
from inspector.jobs.store.workspace import Workspace
from tests.jobs.hostile_tasks import TASKS


@pytest.fixture
def runner(tmp_path) -> Iterator[LocalRunner]:
    spec = TemplateSpec(LIGHT, ("numpy", "tests.jobs.hostile_tasks"))
    with LocalRunner(
        Workspace(tmp_path / "workspace"), requests=TASKS, templates={LIGHT: spec}
    ) as runner:
        yield runner


def assert_nothing_left(runner: LocalRunner) -> None:
    root = runner.workspace.root
    assert not list((root / "tmp").iterdir())
    assert not list((root / "results").iterdir())
    Workspace(root)  # the next start finds nothing that stops it


def test_folders_too_deep_for_a_path_are_refused_and_removed(runner):
    with pytest.raises(LimitExceeded, match="more than 100 folders deep"):
        runner.run("deep_folders", {"number": 2500})
    assert_nothing_left(runner)


def test_what_a_killed_process_left_is_removed_however_deep_it_is(tmp_path):
    root = tmp_path / "workspace"
    Workspace(root)
    left = root / "tmp" / "stage-left"
    left.mkdir()
    here = os.open(left, os.O_RDONLY)
    for _ in range(2500):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    Workspace(root)
    assert not left.exists()


def test_a_tree_is_removed_with_links_and_closed_folders(tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "stays").touch()
    tree = tmp_path / "tree"
    (tree / "a" / "b" / "c").mkdir(parents=True)
    (tree / "a" / "b" / "file").touch()
    (tree / "a" / "link").symlink_to(other)
    (tree / "link").symlink_to(other)
    (tree / "a" / "b" / "c").chmod(0)
    (tree / "a" / "b").chmod(0)
    (tree / "a").chmod(0)
    staging.remove(tree)
    assert not tree.exists()
    assert (other / "stays").exists()


@pytest.mark.parametrize("folders", [False, True], ids=["files", "folders"])
def test_a_job_that_makes_too_many_files_is_refused(runner, monkeypatch, folders):
    monkeypatch.setenv("INSPECTOR_FILES", "10")
    with pytest.raises(LimitExceeded, match="more than 40 files and folders"):
        runner.run("many_files", {"number": 50, "folders": folders})
    assert_nothing_left(runner)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads folders without permissions")
def test_a_folder_without_permissions_is_the_models_fault(runner):
    with pytest.raises(UnsupportedModel, match="a folder that cannot be read"):
        runner.run("closed_folder")
    assert_nothing_left(runner)


@pytest.mark.parametrize("nameless", [False, True], ids=["named", "nameless"])
def test_a_job_that_fills_its_folder_is_stopped_at_once(runner, nameless):
    start = time.monotonic()
    with pytest.raises(LimitExceeded, match="more than 64 MiB"):
        runner.run("fill_disk", {"mib": 128, "nameless": nameless})
    assert time.monotonic() - start < 10
    assert_nothing_left(runner)


def test_a_job_that_starts_threads_without_end_is_stopped_at_once(runner):
    start = time.monotonic()
    with pytest.raises(LimitExceeded, match="threads: the job starts more than"):
        runner.run("many_threads")
    assert time.monotonic() - start < 10


def test_short_messages_without_end_are_an_error(runner):
    start = time.monotonic()
    with pytest.raises(JobFailed, match="larger than its limit"):
        runner.run("flood_short_messages")
    assert time.monotonic() - start < 10
