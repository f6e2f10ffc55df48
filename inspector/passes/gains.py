"""What each transform does to the size of a model and to its speed, in a few words.

What it does to the outputs is `Pass.effect`. Sizes are those of the file; figures of the presets
are in docs/transforms/README.md.
"""

from __future__ import annotations

from typing import NamedTuple


class Gain(NamedTuple):
    """What becomes of size and speed.

    Attributes:
        size: Of the file, e.g. ``slightly smaller``.
        speed: Of a run, e.g. ``unchanged``.
    """

    size: str
    speed: str


_SAME, _SMALLER, _FASTER = "unchanged", "slightly smaller", "slightly faster"
_QUARTER = "about a quarter"
_CALLED_OFTEN = "larger where a function is called often"
_NEITHER = Gain(_SAME, _SAME)
_BOTH = Gain(_SMALLER, _FASTER)
_LESS_MEMORY = Gain(_SAME, "unchanged, with less memory")

GAINS: dict[str, Gain] = {
    "add_default_attributes": Gain("slightly larger", _SAME),
    "backport_concatv2": _NEITHER,
    "backport_tensor_array_v3": _NEITHER,
    "fix_batch": _NEITHER,
    "flatten_atrous_conv": Gain(_SMALLER, "faster"),
    "fold_batch_norms": _BOTH,
    "fold_constants": Gain("smaller, unless a constant grows", _FASTER),
    "fold_old_batch_norms": _BOTH,
    "freeze_requantization_ranges": Gain(_SAME, _FASTER),
    "fuse_pad_and_conv": _LESS_MEMORY,
    "fuse_resize_and_conv": _LESS_MEMORY,
    "fuse_resize_pad_and_conv": _LESS_MEMORY,
    "grappler": _BOTH,
    "grappler_arithmetic": _BOTH,
    "grappler_auto_mixed_precision_onednn_bfloat16": Gain(
        "slightly larger", "faster on processors with bfloat16"
    ),
    "grappler_common_subgraph_elimination": _BOTH,
    "grappler_constfold": Gain("smaller, unless a constant grows", _FASTER),
    "grappler_debug_stripper": _BOTH,
    "grappler_dependency": _BOTH,
    "grappler_function": Gain(_CALLED_OFTEN, _FASTER),
    "grappler_layout": Gain(_SAME, "faster on GPUs"),
    "grappler_loop": Gain(_SAME, "faster in loops"),
    "grappler_pruning": Gain("smaller", _SAME),
    "grappler_remap": _BOTH,
    "grappler_shape": _BOTH,
    "inline_functions": Gain(_CALLED_OFTEN, _FASTER),
    "inline_partitionedcall": Gain(_CALLED_OFTEN, _FASTER),
    "insert_logging": Gain("slightly larger", "slower"),
    "merge_duplicate_nodes": _BOTH,
    "obfuscate_names": Gain(_SMALLER, _SAME),
    "quantize_nodes": Gain(_QUARTER, "slower"),
    "quantize_weights": Gain(_QUARTER, "slower with few rows"),
    "remove_attribute": Gain(_SMALLER, _SAME),
    "remove_control_dependencies": Gain(_SMALLER, _SAME),
    "remove_dead_branches": Gain("smaller", _FASTER),
    "remove_device": Gain(_SMALLER, _SAME),
    "remove_nodes": _BOTH,
    "remove_redundant_control_inputs": Gain(_SMALLER, _SAME),
    "remove_training_nodes": _BOTH,
    "rename_attribute": _NEITHER,
    "rename_node": _NEITHER,
    "rename_op": _NEITHER,
    "round_weights": Gain("unchanged, smaller once compressed", _SAME),
    "set_device": Gain("slightly larger", "depends on the device"),
    "set_shape": _NEITHER,
    "sort_by_execution_order": _NEITHER,
    "sparsify_gather": Gain("smaller for sparse columns", "depends on the lookups"),
    "strip_default_attributes": Gain(_SMALLER, _SAME),
    "strip_unused_nodes": Gain("smaller", _SAME),
}
"""Transform to what becomes of size and speed."""
