"""What should run before a transform, and why: one sentence each, for the docs and the listing."""

from __future__ import annotations

_CONSTANT = "`remove_nodes(op=Identity)` and `fold_constants`: it looks for weights that are Const"

BEFORE: dict[str, str] = {
    "flatten_atrous_conv": "`fold_constants`, so that filters are Const.",
    "fold_batch_norms": f"{_CONSTANT}.",
    "fold_old_batch_norms": f"{_CONSTANT}.",
    "freeze_requantization_ranges": (
        "`quantize_nodes`, then `insert_logging(op=RequantizationRange, show_name=true, "
        'message="__requant_min_max:")` and a run whose log is kept.'
    ),
    "fuse_pad_and_conv": (
        "`fuse_resize_pad_and_conv`: this one also takes a MirrorPad behind a resize."
    ),
    "fuse_resize_and_conv": "`fuse_resize_pad_and_conv`, which fuses more at once.",
    "merge_duplicate_nodes": "`fold_constants`, which makes more nodes equal.",
    "quantize_nodes": "All folding, then `quantize_weights`.",
    "quantize_weights": (
        "All folding of batch norms: afterwards weights are no constants any more. It comes last, "
        "or before `quantize_nodes`."
    ),
    "round_weights": "All folding of batch norms; `quantize_weights` comes after it.",
    "sparsify_gather": "Freezing, where there is no checkpoint to read the weights from.",
    "grappler_remap": "All other transforms: nothing else knows the fused ops.",
}
"""Transform to what comes first; those that are not named can run at any time."""
