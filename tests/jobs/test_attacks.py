"""Hostile models run with no check at all: the sandbox alone keeps the server's files."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from inspector.jobs import packing
from inspector.jobs.forkserver import TemplateSpec
from inspector.jobs.requests import Limits, Request, table
from inspector.jobs.runner import TENSORFLOW, LocalRunner
from inspector.jobs.sandbox import enter
from inspector.jobs.store.workspace import Workspace
from tests.attack_models import ATTACKS, KINDS, SECRET

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.slow,
    pytest.mark.skipif(not enter.parts().landlock, reason="needs Landlock"),
]

LIMITS = Limits(wall_s=60, memory_bytes=8 << 30)
TASK = "tests.jobs.attack_tasks:run_unchecked"
REQUESTS_HERE = table(
    Request("confined", TASK, tensorflow=True, limits=LIMITS),
    Request("unconfined", TASK, tensorflow=True, limits=LIMITS, confined=False),
)


@pytest.fixture(scope="module")
def runner(tmp_path_factory) -> Iterator[LocalRunner]:
    modules = ("tests.jobs.attack_tasks", "inspector.backend.self_test")
    specs = {TENSORFLOW: TemplateSpec(TENSORFLOW, modules)}
    workspace = Workspace(tmp_path_factory.mktemp("workspace"))
    with LocalRunner(workspace, requests=REQUESTS_HERE, templates=specs) as runner:
        yield runner


def run(runner, kind, name, folder):
    """Run an attack on a canary. Gives: whether it was a success, and TensorFlow's error."""
    (folder / "canary").mkdir(parents=True)
    attack = ATTACKS[name](folder / "canary" / "file")
    is_saved_model = attack.assets or attack.init_op
    save = attack.save_model if is_saved_model else attack.save_graph
    args = {"path": str(save(folder / "model")), "fetches": list(attack.fetches)}
    value = runner.run(kind, args, blobs={"feeds": packing.pack(attack.feeds)}).value
    if attack.writes:
        return attack.target.exists(), value["error"]
    return SECRET in value["answer"], value["error"]


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_the_sandbox_alone_stops_an_attack(runner, tmp_path, name):
    succeeded, error = run(runner, "unconfined", name, tmp_path / "unconfined")
    assert succeeded, f"not an attack: {error}"
    succeeded, error = run(runner, "confined", name, tmp_path / "confined")
    assert not succeeded, error


def test_every_kind_of_hole_is_tried(tmp_path):
    assert {build(tmp_path / name).kind for name, build in ATTACKS.items()} == set(KINDS)
