"""The table of passes: what the transforms string, the pages, the docs and the tests know."""

from __future__ import annotations

from inspector.passes.atrous import flatten_atrous_conv
from inspector.passes.attributes import (
    add_default_attributes,
    remove_attribute,
    rename_attribute,
)
from inspector.passes.backports import backport_concatv2, backport_tensor_array_v3
from inspector.passes.base import Pass
from inspector.passes.batch_norms import fold_batch_norms
from inspector.passes.cleanup import merge_duplicate_nodes, remove_nodes, sort_by_execution_order
from inspector.passes.edits import (
    remove_control_dependencies,
    remove_device,
    rename_op,
    set_device,
)
from inspector.passes.folding import fold_constants
from inspector.passes.fusing import (
    fuse_pad_and_conv,
    fuse_resize_and_conv,
    fuse_resize_pad_and_conv,
)
from inspector.passes.grappler import SINGLE, grappler
from inspector.passes.inline_calls import inline_functions, inline_partitionedcall
from inspector.passes.insert_logging import insert_logging
from inspector.passes.names import obfuscate_names, rename_node
from inspector.passes.old_batch_norms import fold_old_batch_norms
from inspector.passes.quantize import quantize_weights, round_weights
from inspector.passes.quantized_graph import quantize_nodes
from inspector.passes.requantization import freeze_requantization_ranges
from inspector.passes.sparsify import sparsify_gather
from inspector.passes.strip import strip_unused_nodes
from inspector.passes.training import remove_training_nodes

PASSES: dict[str, Pass] = {
    item.name: item
    for item in (
        add_default_attributes,
        backport_concatv2,
        backport_tensor_array_v3,
        flatten_atrous_conv,
        fold_batch_norms,
        fold_constants,
        fold_old_batch_norms,
        freeze_requantization_ranges,
        fuse_pad_and_conv,
        fuse_resize_and_conv,
        fuse_resize_pad_and_conv,
        grappler,
        *sorted(SINGLE, key=lambda found: found.name),
        inline_functions,
        inline_partitionedcall,
        insert_logging,
        merge_duplicate_nodes,
        obfuscate_names,
        quantize_nodes,
        quantize_weights,
        remove_attribute,
        remove_control_dependencies,
        remove_device,
        remove_nodes,
        remove_training_nodes,
        rename_attribute,
        rename_node,
        rename_op,
        round_weights,
        set_device,
        sort_by_execution_order,
        sparsify_gather,
        strip_unused_nodes,
    )
}
