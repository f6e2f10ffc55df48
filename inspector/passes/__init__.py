"""The table of passes, read by the transforms string, the pages, the docs and the tests."""

from __future__ import annotations

from inspector.passes.base import Pass
from inspector.passes.transforms.backports import backport_concatv2, backport_tensor_array_v3
from inspector.passes.transforms.cleanup import (
    merge_duplicate_nodes,
    remove_dead_branches,
    remove_nodes,
    sort_by_execution_order,
)
from inspector.passes.transforms.flatten_atrous_conv import flatten_atrous_conv
from inspector.passes.transforms.fold_batch_norms import fold_batch_norms
from inspector.passes.transforms.fold_constants import fold_constants
from inspector.passes.transforms.fold_old_batch_norms import fold_old_batch_norms
from inspector.passes.transforms.freeze_requantization_ranges import freeze_requantization_ranges
from inspector.passes.transforms.fuse_convolutions import (
    fuse_pad_and_conv,
    fuse_resize_and_conv,
    fuse_resize_pad_and_conv,
)
from inspector.passes.transforms.grappler import SINGLE, grappler
from inspector.passes.transforms.inline_calls import inline_functions, inline_partitionedcall
from inspector.passes.transforms.insert_logging import insert_logging
from inspector.passes.transforms.node_attributes import (
    add_default_attributes,
    remove_attribute,
    rename_attribute,
    strip_default_attributes,
)
from inspector.passes.transforms.node_edits import (
    remove_control_dependencies,
    remove_device,
    remove_redundant_control_inputs,
    rename_op,
    set_device,
)
from inspector.passes.transforms.quantize_nodes import quantize_nodes
from inspector.passes.transforms.quantize_weights import quantize_weights, round_weights
from inspector.passes.transforms.remove_training_nodes import remove_training_nodes
from inspector.passes.transforms.rename import obfuscate_names, rename_node
from inspector.passes.transforms.sparsify_gather import sparsify_gather
from inspector.passes.transforms.strip_unused_nodes import (
    fix_batch,
    set_shape,
    strip_unused_nodes,
)

PASSES: dict[str, Pass] = {
    item.name: item
    for item in (
        add_default_attributes,
        backport_concatv2,
        backport_tensor_array_v3,
        fix_batch,
        flatten_atrous_conv,
        fold_batch_norms,
        fold_constants,
        fold_old_batch_norms,
        freeze_requantization_ranges,
        fuse_pad_and_conv,
        fuse_resize_and_conv,
        fuse_resize_pad_and_conv,
        grappler,
        *sorted(SINGLE, key=lambda single: single.name),
        inline_functions,
        inline_partitionedcall,
        insert_logging,
        merge_duplicate_nodes,
        obfuscate_names,
        quantize_nodes,
        quantize_weights,
        remove_attribute,
        remove_control_dependencies,
        remove_dead_branches,
        remove_device,
        remove_nodes,
        remove_redundant_control_inputs,
        remove_training_nodes,
        rename_attribute,
        rename_node,
        rename_op,
        round_weights,
        set_device,
        set_shape,
        sort_by_execution_order,
        sparsify_gather,
        strip_default_attributes,
        strip_unused_nodes,
    )
}
