"""Lists of transforms with a name, for those who do not want to write one."""

from __future__ import annotations

from typing import NamedTuple


class Preset(NamedTuple):
    """What it is for, in one sentence, and the transforms as text."""

    sentence: str
    transforms: str


PRESETS: dict[str, Preset] = {
    "tidy": Preset(
        "Takes out what the outputs do not need and computes what is constant; predictions stay.",
        "strip_unused_nodes remove_nodes(op=Identity) fold_constants(ignore_errors=true) "
        "merge_duplicate_nodes sort_by_execution_order",
    ),
    "faster": Preset(
        "Tidies, and folds batch norms into the weights before them; predictions stay but for "
        "rounding.",
        "strip_unused_nodes remove_nodes(op=Identity) fold_constants(ignore_errors=true) "
        "fold_batch_norms fold_old_batch_norms merge_duplicate_nodes sort_by_execution_order",
    ),
    "smaller": Preset(
        "Folds batch norms, then stores large weights in 8 bits: about a quarter of the size, not "
        "faster, predictions move a little.",
        "strip_unused_nodes remove_nodes(op=Identity) fold_constants(ignore_errors=true) "
        "fold_batch_norms fold_old_batch_norms merge_duplicate_nodes quantize_weights "
        "sort_by_execution_order",
    ),
    "seed": Preset(
        "The list of the notebook about optimising a SavedModel: rounds weights to 256 values, "
        "then stores them in 8 bits; predictions move.",
        "remove_nodes(op=Identity) fold_constants(ignore_errors=true) fold_batch_norms "
        "fold_old_batch_norms round_weights(num_steps=256) quantize_weights strip_unused_nodes "
        "sort_by_execution_order",
    ),
    "mobile": Preset(
        "The old tool's advice for deployment on phones, numerical checks taken out; predictions "
        "stay but for rounding.",
        "strip_unused_nodes remove_nodes(op=Identity, op=CheckNumerics) "
        "fold_constants(ignore_errors=true) fold_batch_norms fold_old_batch_norms",
    ),
}
"""Name to preset, the mildest first."""
