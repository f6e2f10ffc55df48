"""What the answer of a prediction says about classes and grades, and its files to download."""

from __future__ import annotations

import io
from collections.abc import Mapping

from inspector.analysis import class_names
from inspector.analysis.class_scores import SUM, SUM_OF_BYTES, is_distribution, top
from inspector.graph.tensors import Array
from inspector.jobs.request_types import PredictAnswer
from inspector.measurement import grades
from inspector.model.model import Model
from inspector.optimisation.feeding import array_files

MOST_DOWNLOAD = 64 << 20
"""Bytes of outputs that an answer carries as files; the command line writes larger ones."""
MOST_CELLS = 2_000_000
"""Of a CSV file."""

Answers = Mapping[str, Mapping[str, Array]]
"""Outputs by the name of the model, the first of which is the reference."""


def complete(
    value: PredictAnswer,
    model: Model,
    answers: Answers,
    real: Mapping[str, Array] | None = None,
) -> None:
    """Add class names, the likeliest classes of each row and the grades of all differences.

    Args:
        real: The reference's outputs as real numbers, where they are quantised.
    """
    base, *others = answers
    value["classes"] = {}
    for key, array in answers[base].items():
        reference = array if real is None else real.get(key, array)
        named = class_names.of_output(model, array)
        is_share = is_distribution(reference, SUM if reference is array else SUM_OF_BYTES)
        if named is None and not is_share:
            continue
        value["classes"][key] = {
            "names": [] if named is None else named[0],
            "source": "" if named is None else named[1],
            "share": is_share,
        }
        value["outputs"][key]["top"] = {
            base: top(reference),
            **{name: top(answers[name][key]) for name in others if key in answers[name]},
        }
    for name, by_output in value["agreement"].items():
        for key, figures in by_output.items():
            compared = grades.difference(answers[base][key], answers[name][key])
            figures["grade"] = compared["grade"]


def downloads(value: PredictAnswer, outputs: Mapping[str, Array]) -> dict[str, bytes]:
    """The outputs as the blobs ``npz`` and ``csv``; empty where they are too large for that."""
    blobs = {"npz": b"", "csv": b""}
    if not outputs or sum(array.nbytes for array in outputs.values()) > MOST_DOWNLOAD:
        return blobs
    file = io.BytesIO()
    array_files.write_npz(file, outputs)
    blobs["npz"] = file.getvalue()
    if sum(array.size for array in outputs.values()) <= MOST_CELLS:
        names = {key: row["names"] for key, row in value.get("classes", {}).items()}
        blobs["csv"] = array_files.csv_text(outputs, names).encode("utf-8", "backslashreplace")
    return blobs
