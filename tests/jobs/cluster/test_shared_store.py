"""What nobody needs leaves the shared store, whichever process looks first."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from pathlib import Path

import pytest

from inspector.jobs.cluster.input_files import InputFile
from inspector.jobs.cluster.shared_store import INPUT_KEPT_S, RUN_KEPT_S, SharedStore


def sent(store: SharedStore, folder: Path, data: bytes) -> Path:
    """An input that is in the store; its place there."""
    path = folder / "sent"
    path.write_bytes(data)
    sha256 = hashlib.sha256(data).hexdigest()
    store.add_input(InputFile("sent", path, len(data), sha256))
    return Path(store.url, "inputs", sha256[:2], sha256)


def make_older(path: Path, seconds: float) -> None:
    then = time.time() - seconds - 60
    os.utime(path, (then, then))


@pytest.fixture
def store(tmp_path: Path) -> SharedStore:
    return SharedStore(str(tmp_path / "store"))


def test_old_inputs_go_unless_a_run_needs_them(store: SharedStore, tmp_path: Path) -> None:
    places = [sent(store, tmp_path, data) for data in (b"old", b"needed", b"new")]
    old, needed = places[:2]
    partly = old.with_name(f"{old.name}.0123456789abcdef.part")
    partly.touch()
    for place in (old, needed, partly):
        make_older(place, INPUT_KEPT_S)
    replica = SharedStore(store.url)
    replica.need("run", [needed.name])
    store.prune()
    assert [place.exists() for place in (*places, partly)] == [False, True, True, False]
    replica.remove("runs/run")
    store.prune()
    assert [place.exists() for place in places] == [False, False, True]
    assert not list(Path(store.url, "runs").iterdir())


def test_an_input_that_is_sent_again_is_new(store: SharedStore, tmp_path: Path) -> None:
    place = sent(store, tmp_path, b"model")
    make_older(place, INPUT_KEPT_S)
    store.prune()
    assert sent(store, tmp_path, b"model") == place
    SharedStore(store.url).prune()
    assert place.read_bytes() == b"model"


def test_a_run_of_a_killed_process_needs_its_inputs_for_a_week(
    store: SharedStore, tmp_path: Path
) -> None:
    place = sent(store, tmp_path, b"model")
    make_older(place, RUN_KEPT_S)
    store.need("run", [place.name])
    store.write("runs/run/order", b"order")
    store.prune()
    assert place.exists()
    make_older(Path(store.url, "runs", "run", "needs"), RUN_KEPT_S)
    store.prune()
    assert not place.exists()
    assert not list(Path(store.url, "runs").iterdir())


def test_several_replicas_prune_at_once(store: SharedStore, tmp_path: Path) -> None:
    places = [sent(store, tmp_path, bytes([number])) for number in range(50)]
    for place in places:
        make_older(place, INPUT_KEPT_S)
    store.need("run", [place.name for place in places[:10]])
    errors: list[BaseException] = []

    def prune() -> None:
        try:
            SharedStore(store.url).prune()
        except BaseException as err:
            errors.append(err)

    threads = [threading.Thread(target=prune) for _replica in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert [place.exists() for place in places] == [True] * 10 + [False] * 40
