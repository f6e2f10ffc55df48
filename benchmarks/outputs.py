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

from inspector import formats
from inspector.analysis import outputs
from inspector.cli import terminal
from inspector.errors import InspectorError
from inspector.graph.graph import Graph
from inspector.model import signatures
from inspector.model.model import Model
from inspector.model.serving import serving_graph

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
        expected = json.loads(file.read_text(encoding="utf-8"))
        try:
            model = formats.open_model(file.parent / expected["open"])
        except InspectorError:
            continue
        if expected.get("recommended_outputs"):
            targets = [name.removesuffix(":0") for name in expected["recommended_outputs"]]
            yield "public, no signature", expected["name"], model.outline, targets
        yield from _without_signatures("public, signature taken away", expected["name"], model)


def _training_graphs() -> Iterator[tuple[str, str, Graph, list[str]]]:
    truth = json.loads((CORPUS / "training/truth.json").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        shutil.unpack_archive(CORPUS / "training/graphs.zip", folder)
        for name, expected in truth.items():
            model = formats.open_model(Path(folder) / f"{name}.meta")
            group = "training graphs, " + expected["group"].replace("_", " ")
            yield group, name, model.outline, expected["outputs"]


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
    for group, name, graph, targets in cases():
        candidates = [item.name for item in outputs.of_graph(graph)]
        first, three = candidates[:1], candidates[:3]
        share = len({*targets} & {*candidates[: len(targets) + 2]}) / len(targets)
        scores.setdefault(group, []).append(
            (bool({*first} & {*targets}), bool({*three} & {*targets}), share)
        )
        if verbose and not scores[group][-1][0]:
            print(f"{group}: {name}: wanted {targets[:4]}, found {candidates[:5]}")
    rows = [
        [
            group,
            str(len(group_scores)),
            *(
                f"{sum(column) / len(group_scores):.2f}"
                for column in zip(*group_scores, strict=True)
            ),
        ]
        for group, group_scores in scores.items()
    ]
    every = [score for group_scores in scores.values() for score in group_scores]
    rows.append(
        ["all", str(len(every)), *(f"{sum(c) / len(every):.2f}" for c in zip(*every, strict=True))]
    )
    print(
        terminal.table(rows, ["models", "count", "first", "first three", "all"], right=(1, 2, 3, 4))
    )


if __name__ == "__main__":
    main("-v" in sys.argv)
