"""Named lists of transforms."""

from __future__ import annotations

from dataclasses import dataclass

from inspector.printing.short_record import ShortRecord


@dataclass(frozen=True, repr=False)
class Preset(ShortRecord):
    """A list of transforms that `optimise` takes by its name.

    Attributes:
        title: Its name for a reader.
        sentence: What it does.
        size: What becomes of the size, against the frozen model.
        speed: What becomes of the speed.
        outputs: What becomes of the outputs.
        transforms: The transforms string.
        note: What was wrong with the original advice, for presets that replace one.
    """

    title: str
    sentence: str
    size: str
    speed: str
    outputs: str
    transforms: str
    note: str = ""


_TIDY = (
    "remove_dead_branches strip_unused_nodes remove_training_nodes "
    "remove_redundant_control_inputs remove_nodes(op=Identity) fold_constants(ignore_errors=true) "
)
_FASTER = f"{_TIDY}fold_batch_norms fold_old_batch_norms "

PRESETS: dict[str, Preset] = {
    "tidy": Preset(
        "Tidy",
        "Removes unneeded nodes and folds constants.",
        "slightly smaller",
        "unchanged",
        "equal",
        f"{_TIDY}merge_duplicate_nodes sort_by_execution_order",
    ),
    "faster": Preset(
        "Faster",
        "Tidies, and folds batch norms into weights.",
        "slightly smaller",
        "slightly faster",
        "equal up to rounding",
        f"{_FASTER}merge_duplicate_nodes sort_by_execution_order",
    ),
    "smaller": Preset(
        "Smaller",
        "Folds batch norms, then stores weights of at least 4096 values in 8 bits with a scale per "
        "channel, and those of at least 64 in 16 bits.",
        "about a quarter",
        "up to twice as slow, most with few rows",
        "change a little (lossy)",
        f"{_FASTER}merge_duplicate_nodes "
        "quantize_weights(mode=per_channel, minimum_size=4096) "
        "quantize_weights(mode=float16, minimum_size=64) sort_by_execution_order",
    ),
    "smallest": Preset(
        "Smallest",
        "The fewest bytes: 8 bits for every weight of at least 64 values, short names that are "
        "hard to read, no shape attributes.",
        "about a quarter",
        "up to a third slower, most with few rows",
        "change a little more (lossy)",
        f"{_FASTER}merge_duplicate_nodes quantize_weights(minimum_size=64) "
        "remove_attribute(attribute_name=_output_shapes) obfuscate_names sort_by_execution_order",
    ),
    "seed": Preset(
        "Classic list",
        "The list of the notebook about optimising a SavedModel: rounds weights to 256 values, "
        "then stores them in 8 bits.",
        "about a quarter",
        "up to a third slower, most with few rows",
        "change (lossy)",
        "remove_nodes(op=Identity) fold_constants(ignore_errors=true) fold_batch_norms "
        "fold_old_batch_norms round_weights(num_steps=256) quantize_weights strip_unused_nodes "
        "sort_by_execution_order",
        "Rounding before storing in 8 bits changes predictions twice and saves nothing: on the "
        "notebook's model, round_weights is what changes the class of a row; without it no class "
        "changes, and the largest difference of a probability is 0.03 instead of 0.1. 'smaller' is "
        "as small and more accurate. "
        "In the original tool the batch norm transforms "
        "did nothing on Keras models, and quantize_weights turned weights that are all zero into "
        "NaN; both are fixed here.",
    ),
    "mobile": Preset(
        "Classic list for phones",
        "The original tool's advice for phones, without numerical checks.",
        "slightly smaller",
        "slightly faster",
        "equal up to rounding",
        "strip_unused_nodes remove_redundant_control_inputs "
        "remove_nodes(op=Identity, op=CheckNumerics) "
        "fold_constants(ignore_errors=true) fold_batch_norms fold_old_batch_norms",
        "The original advice gave strip_unused_nodes the type and shape of one model's images, and "
        "without them the input became a scalar: here they are read from the graph. "
        "remove_redundant_control_inputs is added: without it, weights that are folded stay in the "
        "file beside the result. The advice ended with "
        "quantize_nodes, whose 8-bit kernels are no longer optimised: slower than float today, and "
        "off by a few per cent; for phones convert to TensorFlow Lite instead.",
    ),
}
"""Name to preset, from the least to the most invasive; presets that replace old advice last."""
