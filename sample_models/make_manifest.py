"""Write `manifest.json`: what each sample is, and the figures it must show.

The figures are counted with TensorFlow's own messages, not with Inspector, so that the tests
compare two counts. Run it after a model was made anew:
``.venv/bin/python sample_models/make_manifest.py``
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework import dtypes

HERE = Path(__file__).resolve().parent
OURS = "Made for this project by {0}; Apache-2.0 like the project. The data behind it is made up."
PLACEHOLDERS = ("Placeholder", "PlaceholderWithDefault")
FOLD = "remove_nodes(op=Identity) fold_constants(ignore_errors=true) fold_batch_norms"
FOLD_ALL = f"{FOLD} fold_old_batch_norms"
SEED_LIST = (
    f"{FOLD_ALL} round_weights(num_steps=256) quantize_weights strip_unused_nodes "
    "sort_by_execution_order"
)

# `try`: what to ask for and what it must do. `gone`: ops that must not be left; `max_abs`: how far
# the answers may move. Either is a fact about the model, whoever does the transforms.
SAMPLES: list[dict[str, Any]] = [
    {
        "id": "iris",
        "title": "Iris classifier (TensorFlow 1.10 estimator)",
        "path": "iris/saved_model",
        "feeds": "iris/iris.csv",
        "shows": "A trained estimator as it was exported for serving: training leftovers, a lookup "
        "table, four layers of 512. Freezing and eight transforms take it from 3.1 MiB to 0.8 MiB, "
        "and one of 150 flowers then gets another class.",
        "signature": "predict",
        "suggested_output": "dnn/head/predictions/probabilities",
        "try": {
            "outputs": ["dnn/head/predictions/probabilities"],
            "transforms": SEED_LIST,
            "frozen_nodes": 91,
            "nodes": 86,
            "gone": ["Identity", "VariableV2"],
            "max_abs": 0.1,
        },
        "licence": "The graph is made by the code of TensorFlow's estimators (Apache-2.0), the "
        "data is Fisher's iris data (public domain). How it was made: README.md.",
    },
    {
        "id": "shapes",
        "title": "Shapes: a convolutional network with batch norms",
        "path": "shapes/saved_model",
        "feeds": "shapes/shapes.npz",
        "shows": "Convolutions, depthwise ones too, each followed by a batch norm: folding takes "
        "every batch norm into the weights, and the answers stay what they were.",
        "signature": "serving_default",
        "suggested_output": "probabilities",
        "try": {
            "outputs": ["probabilities"],
            "transforms": f"{FOLD_ALL} strip_unused_nodes merge_duplicate_nodes "
            "sort_by_execution_order",
            "gone": ["Identity", "FusedBatchNormV3", "Rsqrt", "VariableV2", "RealDiv"],
            "max_abs": 1e-4,
        },
        "licence": OURS.format("make_shapes.py"),
    },
    {
        "id": "bikes",
        "title": "Bike rental demand (Keras 3 export)",
        "path": "bikes/saved_model",
        "feeds": "bikes/bikes.npz",
        "shows": "The SavedModel of TensorFlow 2: its main graph only loads and saves variables, "
        "the model is the function behind the signature, and that is what you see.",
        "signature": "serving_default",
        "suggested_output": "StatefulPartitionedCall_1",
        "try": {
            "outputs": ["StatefulPartitionedCall_1"],
            "transforms": f"{FOLD} strip_unused_nodes sort_by_execution_order",
            "gone": ["ReadVariableOp", "VarHandleOp", "StatefulPartitionedCall", "Rsqrt"],
            "max_abs": 1e-5,
        },
        "licence": OURS.format("make_bikes.py"),
    },
    {
        "id": "reviews",
        "title": "Hotel reviews (text, vocabulary, lookup table)",
        "path": "reviews/saved_model",
        "feeds": "reviews/reviews.npz",
        "shows": "Text goes in, and words are looked up in a table that is filled from a file of "
        "the model: freezing keeps the table and what fills it.",
        "signature": "serving_default",
        "suggested_output": "probabilities",
        "try": {
            "outputs": ["probabilities"],
            "transforms": "merge_duplicate_nodes strip_unused_nodes sort_by_execution_order",
            "gone": ["VariableV2"],
            "max_abs": 0.0,
        },
        "licence": OURS.format("make_reviews.py"),
    },
    {
        "id": "forecast",
        "title": "Forecast (TensorFlow 2, a loop and a branch)",
        "path": "forecast/saved_model",
        "feeds": "forecast/forecast.npz",
        "shows": "A loop that feeds its answers back and a branch on an input, both functions of "
        "the library; freezing reaches the variables inside the loop.",
        "signature": "serving_default",
        "suggested_output": "StatefulPartitionedCall_1",
        "try": {
            "outputs": ["StatefulPartitionedCall_1"],
            "transforms": "merge_duplicate_nodes strip_unused_nodes sort_by_execution_order",
            "gone": ["ReadVariableOp", "VarHandleOp", "StatefulPartitionedCall"],
            "max_abs": 1e-4,
        },
        "licence": OURS.format("make_forecast.py"),
    },
]


def tensor(info: Any) -> dict[str, Any]:
    """A TensorInfo as `describe` shows it."""
    sizes = [size.size if size.size >= 0 else None for size in info.tensor_shape.dim]
    shape = None if info.tensor_shape.unknown_rank else sizes
    return {"name": info.name, "dtype": dtypes.as_dtype(info.dtype).name, "shape": shape}


def figures(folder: Path, signature: str) -> dict[str, Any]:
    """Counts of the main graph and of the function library, and the signature's tensors."""
    saved = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    (meta,) = saved.meta_graphs
    graph = meta.graph_def
    counts = Counter(node.op for node in graph.node)
    inside = Counter(node.op for body in graph.library.function for node in body.node_def)
    chosen = meta.signature_def[signature]
    return {
        "tag_sets": [list(meta.meta_info_def.tags)],
        "producer": meta.meta_info_def.tensorflow_version,
        "nodes": len(graph.node),
        "op_counts": dict(sorted(counts.items())),
        "functions": len(graph.library.function),
        "function_op_counts": dict(sorted(inside.items())),
        "placeholders": [node.name for node in graph.node if node.op in PLACEHOLDERS],
        "constants": counts["Const"],
        "variables": sum(count for op, count in counts.items() if "Variable" in op),
        "identities": counts["Identity"],
        "inputs": {key: tensor(info) for key, info in sorted(chosen.inputs.items())},
        "outputs": {key: tensor(info) for key, info in sorted(chosen.outputs.items())},
    }


def main() -> None:
    """Count, and write."""
    samples = []
    for sample in SAMPLES:
        folder = HERE / sample["path"]
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        samples.append(
            sample
            | {
                "format": "SavedModel",
                "bytes": size,
                "expected": figures(folder, sample["signature"]),
            }
        )
    text = json.dumps({"samples": samples}, indent=1, ensure_ascii=False) + "\n"
    (HERE / "manifest.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
