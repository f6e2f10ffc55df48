"""fold_constants: computes the nodes that depend on constants only."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Annotated

import numpy as np

from inspector.errors import TransformFailed
from inspector.graph import opdefs, tensors
from inspector.graph.edit import GraphEdit
from inspector.graph.graph import Input, control_inputs, data_inputs, node_name, split_input
from inspector.graph.op_sets import (
    CONTROL_FLOW,
    REQUIRED_PLACEHOLDERS,
    SHAPE_READERS,
    TABLE_IMPORTS,
)
from inspector.graph.protos import NodeDef, TensorProto
from inspector.graph.shapes import infer
from inspector.graph.tensors import Shape
from inspector.passes.base import MAX_CONSTANT, Arg, PassContext, graph_pass
from inspector.passes.rewrite.boundary import check_boundary, drop_others, make_placeholder, needed
from inspector.passes.rewrite.constants import of_proto, tensor_of
from inspector.safety.function_index import FunctionIndex

_NAME = "fold_constants"
_ALIASES = frozenset(("Identity", "StopGradient", "PreventGradient", "Snapshot"))
_NEVER = (
    CONTROL_FLOW
    | REQUIRED_PLACEHOLDERS
    | {"ControlTrigger", "Send", "Recv", "_Send", "_Recv", "_HostSend", "_HostRecv", "FakeParam"}
    | {"GetSessionHandle", "GetSessionHandleV2", "GetSessionTensor", "DeleteSessionTensor"}
)
_NO_VALUES = frozenset((tensors.RESOURCE, tensors.VARIANT))
_MAX_CONTROL_INPUTS = 1000
"""Control inputs that a folded expression may pass on to its constant."""
_LARGER = "larger than "
_NO_CONSTANT = "is no value that a constant can hold"
_NO_KERNELS = "needs TensorFlow's kernels, which are not at hand"
# TensorFlow's errors about ops without a CPU kernel: such ops stay, which is no failure.
_NO_KERNEL = ("No OpKernel", "Could not find device for node", "no registered kernels")
_NO_FAILURE = (_LARGER, _NO_CONSTANT, _NO_KERNELS, *_NO_KERNEL)


@graph_pass(effect="rounding", source="graph_transforms/fold_constants_lib.cc", needs_kernels=True)
def fold_constants(
    edit: GraphEdit,
    ctx: PassContext,
    *,
    clear_output_shapes: Annotated[
        bool, Arg("Remove the attribute _output_shapes, which may be out of date.")
    ] = True,
    exclude_op: Annotated[
        tuple[str, ...], Arg("Op types that are not folded; static shapes fold anyway.")
    ] = (),
    exclude_node: Annotated[
        tuple[str, ...], Arg("Nodes that are not folded; static shapes fold anyway.")
    ] = (),
    max_constant_size_in_bytes: Annotated[
        int, Arg("Larger results do not become constants.")
    ] = MAX_CONSTANT,
) -> None:
    """Compute nodes that depend on constants only with TensorFlow's kernels; drop unneeded nodes.

    Statically known shapes count as constants. Placeholders never fold. A failing kernel is an
    error; with ignore_errors only the nodes that depend on it stay, and the rest is folded. An
    output that is constant becomes a Const of the same name.
    """
    check_boundary(edit, ctx)
    drop_others(edit, needed(edit, ctx), "no output needs it")
    for name in ctx.feeds:
        make_placeholder(edit, name)
    if clear_output_shapes:
        for node in edit.nodes():
            if "_output_shapes" in node.attr:
                del edit.mutable(node.name).attr["_output_shapes"]
    excluded = frozenset(exclude_op), frozenset(map(node_name, exclude_node))
    folder = _Folder(edit, ctx, *excluded, max_constant_size_in_bytes)
    folder.run()
    drop_others(edit, needed(edit, ctx), "only what was folded needed it")


class _Folder:
    """Finds constant nodes, has them computed, and replaces them by Const nodes.

    Attributes:
        controls: Name of each constant node to the control inputs of its expression.
        static: Name of each Shape, Rank or the like to its values, known without running.
        values: Tensor to its value, or to the reason why it has none.
    """

    def __init__(
        self,
        edit: GraphEdit,
        ctx: PassContext,
        excluded_ops: frozenset[str],
        excluded_nodes: frozenset[str],
        limit: int,
    ) -> None:
        self.edit, self.ctx, self.limit = edit, ctx, limit
        self.excluded_ops, self.excluded_nodes = excluded_ops, excluded_nodes
        self.graph = edit.current()
        self.order = self.graph.sorted()
        self.controls: dict[str, tuple[str, ...]] = {}
        self.static: dict[str, list[TensorProto]] = {}
        self.values: dict[Input, TensorProto | str] = {}
        self.functions = FunctionIndex(self.graph.library, self.graph.nodes)

    @cached_property
    def shapes(self) -> Mapping[str, list[Shape | None]]:
        """Node name to the shape of each output."""
        return infer.infer(self.graph)

    def run(self) -> None:
        for node in self.order:
            if self._is_constant(node):
                controls = self._controls_of(node)
                if len(controls) <= _MAX_CONTROL_INPUTS:
                    self.controls[node.name] = controls
        targets = self._constant_tensors()
        self._compute(targets)
        if any(self._unusable(tensor) for tensor in targets):
            self._complain(targets)
            # Failed nodes stay, but their inputs may fold: compute these, which fail one by one.
            self._compute(self._inside(t for t in targets if self._unusable(t)))
            targets = self._constant_tensors()
        self._put(targets)

    # Finding constants

    def _is_constant(self, node: NodeDef) -> bool:
        name = node.name
        if node.op == "Const":
            return bool(tensor_of(node).dtype not in (*_NO_VALUES, 0))
        if node.op == "NoOp":
            return name not in self.ctx.fetches  # its control inputs move to its consumers
        sources = [split_input(text) for text in data_inputs(node)]
        input_types, output_types = opdefs.input_dtypes(node), opdefs.output_dtypes(node)
        if not output_types or input_types is None or len(input_types) != len(sources):
            self._explain_unknown(node, sources)
            return False
        if name in self.ctx.fetches and len(output_types) > 1:
            return False  # a Const has one output only
        if node.op in SHAPE_READERS and self._find_static(node, sources):
            return True
        if not self._may_fold(node) or any(source.name not in self.controls for source in sources):
            return False
        return not self._is_refused(node) and not self._is_large(node)

    def _explain_unknown(self, node: NodeDef, sources: list[Input]) -> None:
        """Record a node of an op that TensorFlow does not have and that reads constants alone."""
        is_constant = all(source.name in self.controls for source in sources)
        if sources and is_constant and opdefs.get(node.op, self.edit.library) is None:
            self.edit.skip(node, f"{opdefs.unknown(node.op)} and cannot be computed")

    def _may_fold(self, node: NodeDef) -> bool:
        if node.op in _NEVER or node.op in self.excluded_ops or node.name in self.excluded_nodes:
            return False
        return node.op != "PlaceholderWithDefault" or not self._hides_its_shape(node)

    def _is_refused(self, node: NodeDef) -> bool:
        """True for ops that must not be computed ahead; recorded, except for stateful ops."""
        objection = self.functions.objection(node)
        if objection is not None and (objection.refused or not opdefs.is_stateful(node.op)):
            self.edit.skip(node, str(objection))
        return objection is not None

    def _hides_its_shape(self, node: NodeDef) -> bool:
        """True for a node that freezing puts before the import of a table.

        TensorFlow imports the buckets of a dense table only if their shape is unknown.
        """
        return any(reader.op in TABLE_IMPORTS for reader in self.edit.readers(node.name))

    def _find_static(self, node: NodeDef, sources: list[Input]) -> bool:
        values: list[TensorProto] = []
        out_type = opdefs.attr(node, "out_type")
        dtype = tensors.INT32 if out_type is None else out_type.type
        for source in sources:
            output_shapes = self.shapes.get(source.name) or []
            shape = output_shapes[source.port] if source.port < len(output_shapes) else None
            if shape is None:
                return False
            sizes = [size for size in shape if size is not None]
            if node.op != "Rank" and len(sizes) < len(shape):
                return False
            value: int | list[int] = {"Rank": len(shape), "Size": math.prod(sizes)}.get(
                node.op, sizes
            )
            largest = max(value if isinstance(value, list) else [value], default=0)
            if largest > np.iinfo(np.int32 if dtype == tensors.INT32 else np.int64).max:
                return False
            values.append(tensors.from_numpy(np.asarray(value, tensors.numpy_dtype(dtype)), dtype))
        self.static[node.name] = values
        return True

    def _is_large(self, node: NodeDef) -> bool:
        if node.op in _ALIASES:
            value = self._alias(Input(node.name, 0, False))
            return value is not None and tensors.tensor_bytes(value) > self.limit
        dtypes = opdefs.output_dtypes(node) or []
        for shape, dtype in zip(self.shapes.get(node.name) or [], dtypes, strict=False):
            if shape is not None and None not in shape:
                size = float(np.prod([float(item or 0) for item in shape]))
                if size * max(tensors.itemsize(dtype), 1) > self.limit:
                    self.edit.skip(node, f"would be {_LARGER}{self.limit:,} bytes")
                    return True
        return False

    def _controls_of(self, node: NodeDef) -> tuple[str, ...]:
        controls: dict[str, None] = {}
        for text in node.input:
            source = split_input(text)
            if source.name in self.controls:
                controls.update(dict.fromkeys(self.controls[source.name]))
            else:
                # A control input, or a tensor of which only the shape is used.
                controls[source.name] = None
        return tuple(controls)

    # Computing values

    def _constant_tensors(self) -> list[Input]:
        """Tensors that become Const nodes, sorted: fetched, or read by a node that stays.

        A node without a value stays, so its inputs are included in turn.
        """
        chosen: dict[Input, None] = {}
        stays = {node.name for node in self.order if node.name not in self.controls}
        for node in reversed(self.order):
            own = Input(node.name, 0, False)
            if node.name in self.ctx.fetches and self._is_computed(node.name):
                chosen[own] = None
                if self._unusable(own):
                    stays.add(node.name)
            if node.name not in stays:
                continue
            for source in map(split_input, node.input):
                if source.control:
                    if not any(max(p) >= 0 for p in self.edit.reads(source.name).values()):
                        stays.add(
                            source.name
                        )  # only control inputs refer to it: no Const replaces it
                elif self._is_computed(source.name):
                    chosen[source] = None
                    if self._unusable(source):
                        stays.add(source.name)
        return sorted(chosen)

    def _is_computed(self, name: str) -> bool:
        return name in self.controls and self.graph.node(name).op != "Const"

    def _unusable(self, tensor: Input) -> bool:
        return isinstance(self.values.get(tensor), str)

    def _alias(self, tensor: Input) -> TensorProto | None:
        """The value of a tensor that needs no kernel: a Const passed on, or a static shape."""
        while True:
            if tensor.name in self.static:
                return self.static[tensor.name][tensor.port]
            node = self.graph.node(tensor.name)
            if node.op == "Const":
                return tensor_of(node)
            if node.op not in _ALIASES:
                return None
            tensor = split_input(data_inputs(node)[0])

    def _inside(self, roots: Iterable[Input]) -> list[Input]:
        """All tensors upstream of these, without Const nodes."""
        inner: dict[Input, None] = {}
        todo = list(roots)
        while todo:
            tensor = todo.pop()
            for text in data_inputs(self.graph.node(tensor.name)):
                source = split_input(text)
                if source not in inner and self._is_computed(source.name):
                    inner[source] = None
                    todo.append(source)
        return sorted(inner)

    def _compute(self, targets: Iterable[Input]) -> None:
        run: list[Input] = []
        for tensor in targets:
            if tensor in self.values:
                continue
            alias = self._alias(tensor)
            dtypes = opdefs.output_dtypes(self.graph.node(tensor.name)) or []
            if alias is not None:
                self.values[tensor] = alias
            elif tensor.port < len(dtypes) and dtypes[tensor.port] in _NO_VALUES:
                self.values[tensor] = _NO_CONSTANT
            elif self.ctx.evaluate is None:
                self.values[tensor] = _NO_KERNELS
            else:
                run.append(tensor)
        if not run or self.ctx.evaluate is None:
            return
        self.ctx.check_cancelled(_NAME)
        names = [f"{tensor.name}:{tensor.port}" for tensor in run]
        results = self.ctx.evaluate(
            self._closed(run),
            names,
            self.graph.library,
            versions=self.graph.versions,
            max_bytes=tensors.MAX_BYTES,
        )
        for tensor, name in zip(run, names, strict=True):
            value = results.get(name, "was not computed")
            if not isinstance(value, str) and tensors.tensor_bytes(value) > self.limit:
                value = f"would be {_LARGER}{self.limit:,} bytes"
            self.values[tensor] = value

    def _closed(self, targets: Iterable[Input]) -> list[NodeDef]:
        """The nodes that compute these tensors, in topological order, without control inputs."""
        names = {tensor.name for tensor in targets}
        nodes: list[NodeDef] = []
        for node in reversed(self.order):
            if node.name not in names:
                continue
            if node.name in self.static:
                nodes += self._as_constants(node)
                continue
            names.update(node_name(text) for text in data_inputs(node))
            nodes.append(_bare(node))
        return nodes[::-1]

    def _as_constants(self, node: NodeDef) -> list[NodeDef]:
        """Const nodes that replace a node of static value in the evaluated sub-graph."""
        values = self.static[node.name]
        if len(values) == 1:
            return [of_proto(node.name, values[0])]
        several = NodeDef(name=node.name, op="IdentityN")
        consts = []
        for port, value in enumerate(values):
            consts.append(of_proto(f"{node.name}/_known_{port}", value))
            several.input.append(consts[-1].name)
            several.attr["T"].list.type.append(value.dtype)
        return [several, *consts]

    def _complain(self, targets: Iterable[Input]) -> None:
        for tensor in targets:
            value = self.values.get(tensor)
            if not isinstance(value, str):
                continue
            if not self.ctx.ignore_errors and not any(text in value for text in _NO_FAILURE):
                raise TransformFailed(_NAME, tensor.name, value)
            self.edit.skip(tensor.name, value)

    # Replacing nodes

    def _put(self, targets: list[Input]) -> None:
        table: dict[Input, Input] = {}
        count = 0
        for tensor in targets:
            value = self.values[tensor]
            if isinstance(value, str):
                continue
            controls = [f"^{name}" for name in self.controls[tensor.name]]
            if tensor.name in self.ctx.fetches:
                self.edit.replace(of_proto(tensor.name, value, controls))
                self.edit.explain(tensor.name, "computed ahead", *self._sources(tensor))
                continue
            name = self.edit.unique(f"{tensor.name}/_{count}__cf__{count}")
            count += 1
            self.edit.add(of_proto(name, value, controls))
            self.edit.explain(name, "computed ahead", str(tensor), *self._sources(tensor))
            table[tensor] = Input(name, 0, False)
        self.edit.rewire(table)

    def _sources(self, tensor: Input) -> list[str]:
        return data_inputs(self.graph.node(tensor.name))


def _bare(node: NodeDef) -> NodeDef:
    """The node without control inputs, device and colocation."""
    if not (control_inputs(node) or node.device or "_class" in node.attr):
        return node
    bare = NodeDef()
    bare.CopyFrom(node)
    bare.device = ""
    bare.input[:] = data_inputs(node)
    if "_class" in bare.attr:
        del bare.attr["_class"]
    return bare
