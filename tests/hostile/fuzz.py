"""Readers, description, view and freezing under a coverage-guided fuzzer, by hand and not in CI.

    python3.11 -m venv /tmp/fuzz && /tmp/fuzz/bin/pip install atheris <what pyproject.toml names>
    nice /tmp/fuzz/bin/python -m tests.hostile.fuzz CORPUS -max_total_time=600

CORPUS is a folder that libFuzzer keeps its inputs in; it starts with the small files of the samples
and of ``tests/models``. Without TensorFlow in its environment everything but running a model is
there. What is found is left in the current folder; with its path for CORPUS it runs again.

A file is opened as it is; what begins like a SavedModel has the variables of a sample beside it.
"""

from __future__ import annotations

import random
import resource
import shutil
import sys
import tempfile
from pathlib import Path

import atheris

ROOT = Path(__file__).resolve().parents[2]
LARGEST = 1 << 16
MEMORY = 4 << 30

with atheris.instrument_imports(include=["inspector"]):
    from tests.hostile.battery import outcomes
    from tests.hostile.mutating import mutate, repaired

VARIABLES = ROOT / "sample_models/forecast/saved_model/variables"
_folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
_seeds: list[bytes] = []


def one(data: bytes) -> None:
    """One input: nothing but an `InspectorError` may come out, and nothing may stay behind."""
    place = _folder / "model" / ("saved_model.pb" if data[:1] == b"\x08" else "m.index")
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(repaired(data))
    if data[:1] == b"\x08":
        shutil.copytree(VARIABLES, place.parent / "variables")
    try:
        outcomes(place)
    finally:
        shutil.rmtree(place.parent)


def changed(data: bytes, most: int, seed: int) -> bytes:
    """libFuzzer's own change, or one that keeps to the structure of the file."""
    rng = random.Random(seed)
    if rng.random() < 0.3:
        made: bytes = atheris.Mutate(data, most)
        return made
    return mutate(bytes(data), rng, _seeds)[:most]


def main() -> None:
    """Fill the corpus, and run libFuzzer until it has found something or its time is over."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    corpus = next((Path(text) for text in sys.argv[1:] if not text.startswith("-")), None)
    files = [
        file
        for folder in (ROOT / "sample_models", ROOT / "tests/models", ROOT / "tests/data/models")
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.suffix not in (".py", ".json", ".md", ".txt", ".csv", ".npz")
        if 0 < file.stat().st_size <= LARGEST
    ]
    _seeds.extend(file.read_bytes() for file in files)
    if corpus is not None and not corpus.is_file():
        corpus.mkdir(parents=True, exist_ok=True)
        for number, data in enumerate(_seeds):
            (corpus / f"seed-{number}").write_bytes(data)
    options = [f"-max_len={LARGEST}", "-timeout=20", "-rss_limit_mb=3072"]
    atheris.Setup([sys.argv[0], *options, *sys.argv[1:]], one, custom_mutator=changed)
    atheris.Fuzz()


if __name__ == "__main__":
    try:
        main()
    finally:
        shutil.rmtree(_folder, ignore_errors=True)
