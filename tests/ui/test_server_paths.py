"""Paths that a browser names: nothing outside of the roots is opened, listed, or told of."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from inspector import locations
from inspector.errors import InspectorError, LimitExceeded, MissingFile, UnsupportedModel
from inspector.ui.server import server_paths

SAVED_MODEL = locations.sample_models() / "iris" / "saved_model"


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``allowed`` with a model in it is the root; ``secret`` beside it is not."""
    for name in ("allowed", "secret", "allowed_not"):
        (tmp_path / name / "model" / "variables").mkdir(parents=True)
        (tmp_path / name / "model" / "saved_model.pb").write_bytes(b"\x08\x01")
        (tmp_path / name / "model" / "variables" / "variables.index").write_bytes(b"x")
    monkeypatch.setenv("INSPECTOR_ROOTS", str(tmp_path / "allowed"))
    monkeypatch.chdir(tmp_path / "secret")
    return tmp_path.resolve()


def why(call: object, *args: object) -> str:
    with pytest.raises(InspectorError) as caught:
        call(*args)  # type: ignore[operator]
    return f"{caught.value.where}: {caught.value.why}"


def test_what_lies_below_a_root_is_found_relative_and_absolute(house: Path) -> None:
    model = house / "allowed" / "model"
    for typed in ("model", "./model/", "model/../model", str(model), f"{model}/../model"):
        assert server_paths.resolve(typed) == model
    server_paths.check(model)
    assert server_paths.resolve("") == house / "allowed"


@pytest.mark.parametrize("there", ["secret", "nothing"])
def test_outside_reads_the_same_whether_it_is_there_or_not(house: Path, there: str) -> None:
    (house / "allowed" / "link").symlink_to(house / there)
    (house / "allowed" / "up").symlink_to("..")
    (house / "allowed" / "process").symlink_to("/proc/self")
    outside = [
        str(house / there),
        str(house / there / "model"),
        f"../{there}",
        f"model/../../{there}/model",
        f"link/{there}",
        "link",
        "link/model/saved_model.pb",
        f"up/{there}",
        f"up/up/{there}/model",
        "process/environ",
        "process/cwd/model",
        "/proc/self/cwd/model",
        "/proc/self/root/etc/passwd",
        "/etc/passwd",
        "/",
        str(house),
        str(house / "allowed_not"),
        "\0",
        "model\0/../../secret",
    ]
    reasons = {why(server_paths.resolve, typed) for typed in outside}
    assert reasons == {"path: only paths below the folders of INSPECTOR_ROOTS may be opened"}


def test_a_tilde_is_a_name_and_no_home(house: Path) -> None:
    for typed in ("~", "~root", "~/x", "~nobody_of_this_name/x"):
        assert why(server_paths.resolve, typed) == "path: there is no such file or folder"


def test_what_cannot_be_followed_is_refused(house: Path) -> None:
    (house / "allowed" / "loop").symlink_to("loop")
    for typed in ("loop", "loop/x", "a" * 5000, "a/" * 3000):
        assert why(server_paths.resolve, typed)


def test_a_root_may_be_a_link_and_there_may_be_several(
    house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (house / "alias").symlink_to("allowed")
    monkeypatch.setenv("INSPECTOR_ROOTS", f"{house / 'alias'}:{house / 'secret'}")
    model = house / "allowed" / "model"
    assert server_paths.resolve(str(house / "alias" / "model")) == model
    assert server_paths.resolve(str(model)) == model
    (house / "secret" / "other.pb").write_bytes(b"x")
    assert server_paths.resolve("other.pb") == house / "secret" / "other.pb"
    assert why(server_paths.resolve, str(house / "allowed_not")).startswith("path: only paths")


def test_the_prefix_of_a_checkpoint_is_a_path(house: Path) -> None:
    (house / "allowed" / "m.ckpt.index").write_bytes(b"x")
    (house / "secret" / "m.ckpt.index").write_bytes(b"x")
    assert server_paths.resolve("m.ckpt") == house / "allowed" / "m.ckpt"
    server_paths.check(house / "allowed" / "m.ckpt")
    with pytest.raises(MissingFile):
        server_paths.resolve("m.ckp")
    assert "only paths" in why(server_paths.resolve, str(house / "secret" / "m.ckpt"))


@pytest.mark.parametrize(
    "inside",
    ["saved_model.pb", "variables", "variables/variables.index", "assets", "assets/words.txt"],
)
def test_a_link_inside_of_a_model_must_not_lead_outside(house: Path, inside: str) -> None:
    model = house / "allowed" / "model"
    (model / "assets").mkdir()
    place = model / inside
    if place.is_dir():
        place.rename(house / "moved")
    place.unlink(missing_ok=True)
    target = house / "secret" / "model"
    for to in (target, target / "saved_model.pb", house / "not_there"):
        place.symlink_to(to)
        assert "leads out of the folders" in why(server_paths.check, model)
        place.unlink()
    place.symlink_to(house / "allowed")  # inside of the root: only odd
    server_paths.check(model)


def test_a_link_of_a_checkpoint_must_not_lead_outside(house: Path) -> None:
    folder = house / "allowed" / "training"
    folder.mkdir()
    (folder / "m.index").write_bytes(b"x")
    (folder / "m.data-00000-of-00001").symlink_to(house / "secret" / "model" / "saved_model.pb")
    for path in (folder, folder / "m.index", folder / "m"):
        assert "leads out of the folders" in why(server_paths.check, path)


def test_what_became_a_link_after_it_was_opened_is_refused(house: Path) -> None:
    model = server_paths.resolve("model")
    model.rename(house / "moved")
    model.symlink_to(house / "secret" / "model")
    assert why(server_paths.check, model).startswith("path: only paths")


def test_pipes_are_refused_and_folders_have_a_limit(
    house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = house / "allowed" / "model"
    os.mkfifo(model / "assets")
    assert "neither a file nor a folder" in why(server_paths.check, model)
    (model / "assets").unlink()
    (model / "assets").mkdir()
    for number in range(8):
        (model / "assets" / str(number)).touch()
    server_paths.check(model)
    monkeypatch.setenv("INSPECTOR_FILES", "8")
    with pytest.raises(LimitExceeded, match="more than 8 files and folders"):
        server_paths.check(model)


def test_a_listing_shows_what_may_be_opened(house: Path) -> None:
    root = house / "allowed"
    (root / "B.pb").write_bytes(b"abc")
    (root / "a <b>*.txt").touch()
    (root / "plain").mkdir()
    (root / ".hidden").touch()
    (root / "out").symlink_to(house / "secret")
    (root / "dangling").symlink_to(root / "gone")
    (root / "inner.pb").symlink_to("B.pb")
    os.mkfifo(root / "pipe.pb")
    entries = [
        (item.name, item.is_folder, item.model, item.bytes) for item in server_paths.listing(root)
    ]
    assert entries == [
        ("model", True, True, 0),
        ("plain", True, False, 0),
        ("a <b>*.txt", False, False, 0),
        ("B.pb", False, True, 3),
        ("inner.pb", False, True, 3),
    ]
    for outside in (house, house / "secret", house / "nothing", root / "out", Path("/")):
        with pytest.raises(UnsupportedModel, match="only paths below"):
            server_paths.listing(outside)
    with pytest.raises(MissingFile):
        server_paths.listing(root / "nothing")


def test_a_listing_is_cut(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_paths, "MAX_LISTED", 3)
    for number in range(5):
        (house / "allowed" / f"{number}.pb").touch()
    assert len(server_paths.listing(house / "allowed")) == 3


def test_a_path_is_named_without_what_lies_above_the_roots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for root in ("one", "two"):
        (tmp_path / root / "deep").mkdir(parents=True)
        (tmp_path / root / "deep" / "m.pb").touch()
    (tmp_path / "two" / "own.pb").touch()
    monkeypatch.setenv("INSPECTOR_ROOTS", f"{tmp_path / 'one'}:{tmp_path / 'two'}")
    names = {"one/deep/m.pb": "deep/m.pb", "two/own.pb": "own.pb", "two/deep/m.pb": None}
    for place, name in names.items():
        relative_path = server_paths.relative(tmp_path / place)
        assert name in (None, relative_path)
        assert str(tmp_path) not in relative_path
        assert server_paths.resolve(relative_path) == tmp_path / place
