"""A check as a gate: the exit status tells violation, missing check and other errors apart."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

import inspector
from inspector.cli.main import cli
from inspector.errors import CheckNotMade, CheckViolated
from tests.conftest import ROOT
from tests.passes.text import graph

IRIS = ROOT / "sample_models" / "iris" / "saved_model"
OUTPUT = "dnn/head/predictions/probabilities"
SPOILS = "round_weights(num_steps=1)"
HARMLESS = "remove_nodes(op=Identity) strip_unused_nodes"


@pytest.fixture(scope="module")
def opaque(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A graph for which no feeds can be made up."""
    path = tmp_path_factory.mktemp("gate") / "opaque.pb"
    text = "p = Placeholder(dtype=string) ; y = ParseTensor(p, out_type=float)"
    path.write_bytes(graph(text).to_bytes())
    return path


def optimise(model: Path, transforms: str, out: Path, *options: str) -> tuple[int, str, str]:
    """Exit status, standard output and standard error."""
    output = OUTPUT if model == IRIS else "y"
    command = ["optimise", str(model), "--outputs", output, "--transforms", transforms]
    done = CliRunner().invoke(cli, [*command, "-o", str(out), *options])
    return done.exit_code, done.stdout, done.stderr


@pytest.mark.tensorflow
@pytest.mark.parametrize("gate", [["--require-check"], ["--on-violation", "stop"]])
def test_a_violation_has_status_3_and_writes_nothing(tmp_path: Path, gate: list[str]) -> None:
    out, record = tmp_path / "out.pb", tmp_path / "record.json"
    status, printed, errors = optimise(IRIS, SPOILS, out, *gate, "--record", str(record))
    assert (status, printed) == (3, "")
    assert errors.startswith("error: round_weights: check: ")
    assert errors.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.tensorflow
@pytest.mark.parametrize("gate", [["--require-check"], ["--on-violation", "stop"]])
def test_a_check_that_cannot_be_made_has_status_4(
    tmp_path: Path, opaque: Path, gate: list[str]
) -> None:
    out = tmp_path / "out.pb"
    status, printed, errors = optimise(opaque, "set_device(device=cpu)", out, *gate)
    assert (status, printed) == (4, "")
    assert "not checked: " in errors
    assert "--feeds" in errors
    assert not out.exists()


@pytest.mark.tensorflow
def test_what_passes_is_written(tmp_path: Path, opaque: Path) -> None:
    out = tmp_path / "out.pb"
    status, printed, _ = optimise(IRIS, HARMLESS, out, "--require-check")
    assert status == 0, "it checks without --check"
    assert "checked on these feeds: random, 4 rows, seed 0" in printed
    assert out.exists()
    rolled_back = ("--require-check", "--on-violation", "rollback", "--force")
    status, printed, _ = optimise(IRIS, f"{HARMLESS} {SPOILS}", out, *rolled_back)
    assert status == 0
    assert "rolled back" in printed
    assert optimise(opaque, "set_device(device=cpu)", out, "--check", "--force")[0] == 0


def test_other_errors_keep_their_statuses(tmp_path: Path) -> None:
    out = tmp_path / "out.pb"
    assert optimise(tmp_path / "none.pb", HARMLESS, out, "--require-check")[0] == 1
    assert optimise(IRIS, "no_such_transform", out, "--require-check")[0] == 1
    assert optimise(IRIS, HARMLESS, out, "--require-check", "--on-violation", "ask")[0] == 2
    assert optimise(IRIS, HARMLESS, out, "--feeds", "x.npz")[0] == 2


@pytest.mark.tensorflow
def test_a_check_is_reported_once(tmp_path: Path, opaque: Path) -> None:
    transforms = "set_device(device=cpu) set_device(device=gpu)"
    status, printed, _ = optimise(opaque, transforms, tmp_path / "out.pb", "--check")
    assert status == 0
    assert printed.count("not checked: all steps: ") == 1
    assert "checked on these feeds" not in printed


@pytest.mark.tensorflow
def test_the_library_raises_the_same(opaque: Path) -> None:
    iris = inspector.open_model(IRIS)
    with pytest.raises(CheckViolated):
        inspector.optimise(iris, outputs=[OUTPUT], transforms=SPOILS, require_check=True)
    with pytest.raises(CheckViolated):
        inspector.optimise(iris, outputs=[OUTPUT], transforms=SPOILS, on_violation="stop")
    with pytest.raises(CheckNotMade):
        inspector.optimise(
            inspector.open_model(opaque),
            outputs=["y"],
            transforms="set_device(device=cpu)",
            require_check=True,
        )
