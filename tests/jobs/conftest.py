from __future__ import annotations

from collections.abc import Iterator

import pytest

from inspector.jobs.forkserver import TemplateSpec
from inspector.jobs.runner import LIGHT, LocalRunner
from inspector.jobs.store.workspace import Workspace
from tests.jobs.worker_tasks import TASKS

LIGHT_SPEC = TemplateSpec(LIGHT, ("numpy", "tests.jobs.worker_tasks"))


@pytest.fixture(scope="package")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRunner]:
    workspace = Workspace(tmp_path_factory.mktemp("workspace"))
    runner = LocalRunner(workspace, requests=TASKS, max_jobs=4, templates={LIGHT: LIGHT_SPEC})
    yield runner
    runner.shutdown(wait=False)


@pytest.fixture
def fresh_runner(tmp_path) -> Iterator[LocalRunner]:
    """A runner of its own, for tests that break it."""
    workspace = Workspace(tmp_path / "workspace")
    runner = LocalRunner(workspace, requests=TASKS, max_jobs=2, templates={LIGHT: LIGHT_SPEC})
    yield runner
    runner.shutdown(wait=False)
