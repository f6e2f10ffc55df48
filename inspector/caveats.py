"""What to know before a model is used: what TensorFlow refuses or gives up, and what to do."""

from __future__ import annotations

from collections.abc import Mapping

from inspector import opdefs, signatures
from inspector.checkpoint_v1 import TensorSlices
from inspector.model import Model
from inspector.saving import only_saves


def of(model: Model, op_counts: Mapping[str, int]) -> list[str]:
    """One sentence each: what it is, why it matters, what to do.

    Args:
        op_counts: Ops of the main graph and of all functions.
    """
    found = []
    if not signatures.serving_keys(model.signatures) and only_saves(model.outline, model.init_op):
        found.append(
            "The model has no signature, and its graph only saves and restores variables: nothing "
            "in it can be frozen or run. Its functions are called from Python alone; export it "
            "again with tf.saved_model.save(..., signatures=...)."
        )
    if isinstance(model.checkpoint, TensorSlices):
        found.append(
            "The checkpoint is of the first format (V1), which TensorFlow still reads but has "
            "deprecated: save it again, or freeze the model, to keep it readable."
        )
    producer = model.outline.versions.producer
    for op in sorted(op_counts):
        declared = opdefs.get(op)
        if declared is None or not declared.HasField("deprecation"):
            continue
        removed = declared.deprecation.version
        if producer >= removed:
            found.append(
                f"TensorFlow refuses to load this graph: it says to be of version {producer}, and "
                f"the op {op} was removed at version {removed} ({declared.deprecation.explanation})"
                ": its nodes have to be replaced."
            )
    return found
