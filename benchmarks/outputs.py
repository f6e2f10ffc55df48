"""How often the suggested outputs are those of an expert, without any signature to tell.

    python -m benchmarks.outputs [-v]

Training graphs of tests/models with an expert's outputs, the public and seed models, and every
model with signatures after these were taken away. *first* is how often the first suggestion is one
of the expert's, *first three* how often one of them is among three, *all* which share of the
expert's outputs are among as many suggestions and two more.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from inspector import formats, outputs, signatures, terminal
from inspector.errors import InspectorError
from inspector.freeze import serving_graph
from inspector.graph import Graph
from inspector.model import Model

ROOT = Path(__file__).resolve().parents[1]
CORPUS, SHARED = ROOT / "tests/models", ROOT.parent / "shared/models"


def cases() -> Iterator[tuple[str, str, Graph, list[str]]]:
    """Group, name, graph, and the outputs that an expert names, as ``node`` or ``node:k``."""
    entries = json.loads((CORPUS / "manifest.json").read_text(encoding="utf-8"))
    for entry in entries:
        if "open_error" in entry:
            continue
        model = formats.open_model(CORPUS / entry["path"])
        if "expert" in entry:
            yield "corpus, no signature", entry["name"], model.outline, entry["expert"]
        yield from _without_signatures("corpus, signature taken away", entry["name"], model)
    yield from _training_graphs()
    for file in sorted(SHARED.glob("public/*/EXPECTED.json")):
        told = json.loads(file.read_text(encoding="utf-8"))
        try:
            model = formats.open_model(file.parent / told["open"])
        except InspectorError:
            continue
        if told.get("recommended_outputs"):
            wanted = [name.removesuffix(":0") for name in told["recommended_outputs"]]
            yield "public, no signature", told["name"], model.outline, wanted
        yield from _without_signatures("public, signature taken away", told["name"], model)


def _training_graphs() -> Iterator[tuple[str, str, Graph, list[str]]]:
    truth = json.loads((CORPUS / "training/truth.json").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        shutil.unpack_archive(CORPUS / "training/graphs.zip", folder)
        for name, told in truth.items():
            model = formats.open_model(Path(folder) / f"{name}.meta")
            group = "training graphs, " + told["group"].replace("_", " ")
            yield group, name, model.outline, told["outputs"]


def _without_signatures(
    group: str, name: str, model: Model
) -> Iterator[tuple[str, str, Graph, list[str]]]:
    keys = signatures.serving_keys(model.signatures)
    tensors = [
        tensor.removesuffix(":0")
        for key in keys
        for tensor in signatures.output_tensors(model.signatures[key])
    ]
    if not tensors:
        return
    yield group, name, model.outline, tensors
    served = serving_graph(model)
    if served is not model.outline:
        yield group.replace("taken away", "taken away, inlined"), name, served, tensors


def main(verbose: bool = False) -> None:
    scores: dict[str, list[tuple[bool, bool, float]]] = {}
    for group, name, graph, wanted in cases():
        found = [item.name for item in outputs.of_graph(graph)]
        first, three = found[:1], found[:3]
        share = len({*wanted} & {*found[: len(wanted) + 2]}) / len(wanted)
        scores.setdefault(group, []).append(
            (bool({*first} & {*wanted}), bool({*three} & {*wanted}), share)
        )
        if verbose and not scores[group][-1][0]:
            print(f"{group}: {name}: wanted {wanted[:4]}, found {found[:5]}")
    rows = [
        [
            group,
            str(len(found)),
            *(f"{sum(column) / len(found):.2f}" for column in zip(*found, strict=True)),
        ]
        for group, found in scores.items()
    ]
    every = [score for found in scores.values() for score in found]
    rows.append(
        ["all", str(len(every)), *(f"{sum(c) / len(every):.2f}" for c in zip(*every, strict=True))]
    )
    print(
        terminal.table(rows, ["models", "count", "first", "first three", "all"], right=(1, 2, 3, 4))
    )


if __name__ == "__main__":
    main("-v" in sys.argv)
