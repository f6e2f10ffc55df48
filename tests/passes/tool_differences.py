"""How each transform differs from the old tool's of the same name: for its page of the docs."""

from __future__ import annotations

DIFFERS: dict[str, str] = {
    "add_default_attributes": "Not at all; the defaults are those of TensorFlow 2.21.",
    "backport_concatv2": (
        "A control input is not taken for the axis, and an int64 axis becomes int32, as Concat "
        "needs."
    ),
    "backport_tensor_array_v3": (
        "Attributes that the older op does not know are dropped, so that the result can be "
        "imported."
    ),
    "flatten_atrous_conv": (
        "A VALID convolution stays one, a filter that others read is copied, ports are kept, "
        "and what is not Const is left alone, where the tool wrote a wrong shape, changed the "
        "other reader or aborted. `dilations=true` is new."
    ),
    "fold_batch_norms": (
        "All branches fold and not only the first; a transposed MatMul, NCHW, scalar factors, "
        "other dtypes and requested outputs are handled, where the tool computed wrong values, "
        "gave up or aborted. The Mul and Add of Keras, biases and Pad between are new."
    ),
    "fold_constants": (
        "A Placeholder that is not named as an input is never folded, a kernel that fails "
        "leaves only its own part alone, calls of constants are computed, and an output that is"
        " constant keeps its name."
    ),
    "fold_old_batch_norms": (
        "Parameters that are shared do not make it loop for ever, weights that others read are "
        "copied, batch norms that train and those whose other outputs are read stay. "
        "FusedBatchNormV2 and V3 and a bias before the batch norm are new."
    ),
    "freeze_requantization_ranges": (
        "Percentiles beyond the records are held at the ends, where the tool read outside of "
        "its memory, and a control input does no harm."
    ),
    "fuse_pad_and_conv": (
        "Only a batch of one, as the kernel computes the first image for all; `any_batch=true` "
        "insists. Dilations, NCHW and pads over batch or channels are left alone."
    ),
    "fuse_resize_and_conv": (
        "Only a batch of one, as the kernel computes the first image for all; `any_batch=true` "
        "insists. Half pixel centres, dilations and NCHW are left alone."
    ),
    "fuse_resize_pad_and_conv": (
        "Only a batch of one, as the kernel computes the first image for all; `any_batch=true` "
        "insists. Half pixel centres, dilations and NCHW are left alone."
    ),
    "inline_partitionedcall": (
        "Outputs with several names, control inputs, functions that return an argument, "
        "stateful calls and requested outputs come out right, and calls inside of calls are "
        "expanded at once."
    ),
    "insert_logging": (
        "The types of what is printed are those that are read, nodes without outputs are left "
        "alone, and running it twice gives other names."
    ),
    "merge_duplicate_nodes": (
        "Names with a port protect inputs and outputs, and two Placeholders are never one."
    ),
    "obfuscate_names": "Names with a port protect inputs and outputs, and colocations follow.",
    "quantize_nodes": (
        "Nodes with dilations, NCHW, half pixel centres or control inputs stay in float, so do "
        "FakeQuants of other than 8 bits; only float inputs become quint8. A FakeQuant moves up "
        "over nodes that pick or cut off values, not over any op of one input; of two in a row "
        "both become 8-bit, where the tool leaves one."
    ),
    "quantize_weights": (
        "Weights that are all zero do not become NaN, constants with NaN or infinite values "
        "stay, control inputs are kept, and names that are taken are not used twice. `mode` is "
        "new."
    ),
    "remove_attribute": "Not at all.",
    "remove_control_dependencies": (
        "In loops and branches of TensorFlow 1 the control inputs that hold a constant in its "
        "frame stay, as without them the graph does not run."
    ),
    "remove_device": "Not at all.",
    "remove_nodes": (
        "Control inputs move to the readers, nodes read at another output than the first stay, "
        "the order of nodes does not matter, and colocations follow."
    ),
    "rename_attribute": (
        "A node that has an attribute of the new name already is left alone, where the tool "
        "lost a value."
    ),
    "rename_node": "Colocations follow; an unknown name changes nothing, as there.",
    "rename_op": "Not at all.",
    "round_weights": (
        "A constant whose values are all the same is left alone, so are NaN and infinite "
        "values; a number of steps below one is refused."
    ),
    "set_device": "Not at all.",
    "sort_by_execution_order": "A graph that is in such an order already stays as it is.",
    "sparsify_gather": (
        "int32 ids, several lookups of one table and weights that others read give a graph that"
        " runs."
    ),
    "strip_unused_nodes": (
        "Without arguments a new Placeholder has the dtype and shape that the input had, where "
        "the tool made a float scalar; -1 is an unknown size; an input on another port than the"
        " first works."
    ),
}
"""All of them also keep `versions` and the function library, and never abort the process."""
