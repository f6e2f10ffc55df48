"""The instructions of the Containerfile, as far as they can be followed without a container."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from benchmarks.support.serving import running, unused_port
from tests.conftest import ROOT

TEXT = (ROOT / "Containerfile").read_text(encoding="utf-8")


def instructions(name: str) -> list[str]:
    return re.findall(rf"^{name} (.+)$", TEXT, re.MULTILINE)


def test_it_runs_without_privileges_and_writes_to_one_volume() -> None:
    (user,), (volume,) = instructions("USER"), instructions("VOLUME")
    assert not user.startswith(("0", "root"))
    assert f"INSPECTOR_WORKSPACE={volume}" in TEXT
    assert f"--owner={user.partition(':')[0]} " in TEXT
    assert TEXT.index("\nUSER ") < TEXT.index("\nENTRYPOINT ")


def test_what_it_copies_is_enough_for_a_wheel_with_its_extras(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    copies = [line.split() for line in instructions("COPY") if not line.startswith("--from")]
    for *names, target in copies:
        for name in names:
            place = ROOT / name
            if place.is_dir():
                skipped = shutil.ignore_patterns("__pycache__")
                shutil.copytree(place, source / target, ignore=skipped)
            else:
                shutil.copy(place, source / target)
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=source, check=True, capture_output=True)
    assert list(tmp_path.glob("*.whl"))
    extras = re.search(r'"\.\[([\w,]+)\]"', TEXT)
    assert extras is not None
    project = tomllib.loads((source / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(extras[1].split(",")) <= set(project["optional-dependencies"])


@pytest.mark.slow
def test_its_health_check_tells_a_running_app_from_none(tmp_path: Path) -> None:
    port = unused_port()
    (check,) = instructions("HEALTHCHECK")
    command = json.loads(check.partition("CMD ")[2])
    command = [sys.executable, *(part.replace("8501", str(port)) for part in command[1:])]
    (entry,), (arguments,) = instructions("ENTRYPOINT"), instructions("CMD")
    assert json.loads(entry) == ["inspector"]
    app = [part.replace("8501", str(port)) for part in json.loads(arguments)]
    environ = {"INSPECTOR_WORKSPACE": str(tmp_path / "workspace"), "PYTHONPATH": str(ROOT)}

    def status() -> int:
        return subprocess.run(command, check=False, capture_output=True).returncode

    assert status() != 0
    with running([sys.executable, "-m", "inspector", *app], cwd=tmp_path, env=environ):
        assert status() == 0
    assert status() != 0
