"""The public and seed models of tests/data/models, and what the real tools say of them."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tests.conftest import DATA

PUBLIC = DATA / "models/public"
SEED = DATA / "models/seed"


@dataclass
class Case:
    """One file or folder to open, and the figures that it must have.

    Attributes:
        name: Of the exceptions' table too.
        kind: As EXPECTED.json has it: saved_model, graphdef, checkpoint, meta_graph, tflite, keras.
        graphs: The figures of each MetaGraphDef, or of the one graph.
        runs: What was recorded: signature key, or the fetched outputs, to feeds and answers.
    """

    name: str
    kind: str
    path: Path
    graphs: list[dict[str, Any]] = field(default_factory=list)
    variables: list[dict[str, Any]] | None = None
    files: dict[str, int] = field(default_factory=dict)
    expected: dict[str, Any] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)


@dataclass
class Run:
    """A prediction that TensorFlow made, key to array; without a signature, names."""

    signature: str | None
    feeds: dict[str, Any]
    answers: dict[str, Any]
    tags: list[str] | None = None


def cases() -> list[Case]:
    """All of them; none where tests/data is missing."""
    if not PUBLIC.is_dir():
        return []
    return [*_public(), *_seed()]


def _public() -> Iterator[Case]:
    for file in sorted(PUBLIC.glob("*/EXPECTED.json")):
        expected = json.loads(file.read_text(encoding="utf-8"))
        graphs = expected.get("meta_graphs") or [
            {**expected["graph"], **{k: expected[k] for k in _BESIDE if k in expected}}
            for _ in range("graph" in expected)
        ]
        yield Case(
            name=expected["name"],
            kind=expected["kind"],
            path=file.parent / expected["open"],
            graphs=graphs,
            variables=expected.get("variables"),
            files=expected["files"],
            expected=expected,
            runs=_recorded(file.parent / "io.npz", graphs),
        )


_BASE64 = "@b64"
_BESIDE = ("signatures", "tags", "tf_version", "recommended_outputs")


def _recorded(file: Path, graphs: list[dict[str, Any]]) -> list[Run]:
    """``inputs/NAME`` and ``outputs/NAME``, below a signature's key where there are several."""
    if not file.is_file():
        return []
    runs: dict[str, Run] = {}
    with np.load(file, allow_pickle=False) as data:
        for entry in data.files:
            marks = [part for part in ("inputs/", "outputs/") if f"/{part}" in f"/{entry}"]
            key, _, name = f"/{entry}".rpartition(f"/{marks[0]}")
            run = runs.setdefault(key[1:], Run(key[1:] or None, {}, {}))
            value = data[entry]
            if name.endswith(_BASE64):
                name = name.removesuffix(_BASE64)
                value = np.array([b64decode(item) for item in value.ravel()], object)
                value = value.reshape(data[entry].shape)
            (run.feeds if marks == ["inputs/"] else run.answers)[name] = value
    return list(runs.values())


def _seed() -> Iterator[Case]:
    facts = json.loads((SEED / "EXPECTED.json").read_text(encoding="utf-8"))
    iris, pair, keras = facts["iris"], facts["ppscore"], facts["keras"]
    with np.load(SEED / "iris/io.npz") as data:
        flowers = {key[7:]: data[key] for key in data if key.startswith("inputs/")}
        answers = {
            kind: {key.rpartition("/")[2]: data[key] for key in data if key.startswith(f"{kind}/")}
            for kind in ("saved_model", "frozen", "optimised", "optimised_saved_model")
        }
    with np.load(SEED / "ppscore/io.npz") as data:
        sentences = {"sent1": data["inputs/sent1"], "sent2": data["inputs/sent2"]}
        score = data["outputs/ppscore"]
    with np.load(SEED / "keras/io.npz") as data:
        rows, whole = data["inputs/x_val"], data["outputs/whole_batch_pb"]
        batch = data["outputs/pb_batch_of_six"]

    def saved(name: str, path: str, told: dict[str, Any], runs: list[Run]) -> Case:
        graphs = [{**meta, **meta["graph"]} for meta in told["meta_graphs"]]
        return Case(name, "saved_model", SEED / path, graphs, told.get("variables"), runs=runs)

    def frozen(name: str, told: dict[str, Any], feeds: dict[str, Any], **out: Any) -> Case:
        outs = {told["sinks_like_summarize_graph"][0]: next(iter(out.values()))}
        path = SEED / told["file"]
        return Case(name, "graphdef", path, [told], runs=[Run(None, feeds, outs)])

    yield saved(
        "iris",
        "iris/saved_model",
        iris["saved_model"],
        [Run("predict", flowers, answers["saved_model"])],
    )
    yield saved(
        "iris_optimised",
        "iris/optimised_saved_model",
        iris["optimised_saved_model"],
        [Run("serving_default", flowers, answers["optimised_saved_model"])],
    )
    yield frozen("iris_frozen_graph", iris["frozen"], flowers, **answers["frozen"])
    yield frozen("iris_optimised_graph", iris["optimised"], flowers, **answers["optimised"])
    x_y = {"x": sentences["sent1"], "y": sentences["sent2"]}
    yield saved(
        "ppscore",
        "ppscore/simple_save",
        pair["simple_save"],
        [Run("serving_default", x_y, {"z": score})],
    )
    yield saved(
        "ppscore_two_metagraphs",
        "ppscore/two_metagraphs",
        pair["two_metagraphs"],
        [Run("serving_default", sentences, {"ppscore": score}, ["serve"])],
    )
    yield frozen("ppscore_frozen_graph", pair["frozen"], sentences, ppscore=score)
    yield Case(
        "ppscore_checkpoint",
        "checkpoint",
        SEED / "ppscore/checkpoints",
        runs=[Run(None, sentences, {"ppscore": score})],
    )
    yield frozen("keras_graph", keras["pb"], {"dense_1_input": rows[:6]}, pb=batch)
    yield frozen(
        "keras_whole_batch_graph", keras["whole_batch_pb"], {"dense_1_input": rows}, pb=whole
    )
