"""Lists of transforms with a name, for those who do not want to write one."""

from __future__ import annotations

from typing import NamedTuple


class Preset(NamedTuple):
    """A list of transforms.

    Attributes:
        sentence: What it is for.
        transforms: As text.
        note: What was wrong with the advice it stands for, where it is an old one.
    """

    sentence: str
    transforms: str
    note: str = ""


_TIDY = (
    "strip_unused_nodes remove_training_nodes remove_nodes(op=Identity) "
    "fold_constants(ignore_errors=true) "
)
_FASTER = f"{_TIDY}fold_batch_norms fold_old_batch_norms "

PRESETS: dict[str, Preset] = {
    "tidy": Preset(
        "Takes out what the outputs do not need and computes what is constant; predictions stay.",
        f"{_TIDY}merge_duplicate_nodes sort_by_execution_order",
    ),
    "faster": Preset(
        "Tidies, and folds batch norms into the weights before them; predictions stay but for "
        "rounding.",
        f"{_FASTER}merge_duplicate_nodes sort_by_execution_order",
    ),
    "smaller": Preset(
        "Folds batch norms, then stores large weights in 8 bits with a scale for each channel: "
        "about a quarter of the size, not faster, predictions move a little.",
        f"{_FASTER}merge_duplicate_nodes quantize_weights(mode=per_channel) "
        "sort_by_execution_order",
    ),
    "smallest": Preset(
        "The fewest bytes: 8 bits for every weight of 64 values and more, short names, no notes "
        "about shapes; predictions move a little more, and the graph is hard to read.",
        f"{_FASTER}merge_duplicate_nodes quantize_weights(minimum_size=64) "
        "remove_attribute(attribute_name=_output_shapes) obfuscate_names sort_by_execution_order",
    ),
    "seed": Preset(
        "The list of the notebook about optimising a SavedModel: rounds weights to 256 values, "
        "then stores them in 8 bits; predictions move.",
        "remove_nodes(op=Identity) fold_constants(ignore_errors=true) fold_batch_norms "
        "fold_old_batch_norms round_weights(num_steps=256) quantize_weights strip_unused_nodes "
        "sort_by_execution_order",
        "Rounding before storing in 8 bits moves predictions twice and saves nothing more: "
        "'smaller' is as small and closer. The batch norm transforms of the tool did nothing on "
        "models of Keras, and quantize_weights turned weights that are all zero into NaN; both "
        "are mended here.",
    ),
    "mobile": Preset(
        "The old tool's advice for deployment on phones, numerical checks taken out; predictions "
        "stay but for rounding.",
        "strip_unused_nodes remove_nodes(op=Identity, op=CheckNumerics) "
        "fold_constants(ignore_errors=true) fold_batch_norms fold_old_batch_norms",
        "The old advice gave strip_unused_nodes the type and shape of one model's images, and "
        "without them the input became a scalar: here they are read from the graph. It went on to "
        "quantize_nodes, whose 8-bit operations nobody tunes any more: slower today than float, "
        "and a few per cent off; for phones convert to TensorFlow Lite instead.",
    ),
}
"""Name to preset: the mildest first, old advice last."""
