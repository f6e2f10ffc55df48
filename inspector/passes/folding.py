"""fold_constants: what follows from constants alone is computed once, here and now."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Annotated

import numpy as np

from inspector import opdefs, shapes, tensors
from inspector.edit import GraphEdit
from inspector.errors import TransformFailed
from inspector.flagged import is_blocked
from inspector.graph import (
    Input,
    control_inputs,
    data_inputs,
    node_name,
    split_input,
)
from inspector.passes.base import MAX_CONSTANT, Arg, PassContext, graph_pass
from inspector.passes.boundary import check_boundary, drop_others, make_placeholder, needed
from inspector.passes.branches import CONTROL_FLOW
from inspector.passes.calls import Functions
from inspector.passes.constants import of_proto, tensor_of
from inspector.protos import NodeDef, TensorProto
from inspector.tensors import Shape

_NAME = "fold_constants"
_ALIASES = frozenset(("Identity", "StopGradient", "PreventGradient", "Snapshot"))
_SHAPE_OPS = frozenset(("Shape", "ShapeN", "Rank", "Size"))
_NEVER = (
    CONTROL_FLOW
    | {"ControlTrigger", "Send", "Recv", "_Send", "_Recv", "_HostSend", "_HostRecv", "FakeParam"}
    | {"GetSessionHandle", "GetSessionHandleV2", "GetSessionTensor", "DeleteSessionTensor"}
    | {"Placeholder", "PlaceholderV2"}
)
_IMPORTS = ("LookupTableImport", "LookupTableImportV2")
_NO_VALUES = frozenset((tensors.RESOURCE, tensors.VARIANT))
_MOST_WAITS = 1000
"""Control inputs that a folded expression may leave to its constant."""
_LARGER = "larger than "
_NO_CONSTANT = "is no value that a constant can hold"
_NO_KERNELS = "needs TensorFlow's kernels, which are not at hand"
# What TensorFlow says of ops that it has no CPU kernel for: no failure, they just stay.
_NO_KERNEL = ("No OpKernel", "Could not find device for node", "no registered kernels")
_NO_FAILURE = (_LARGER, _NO_CONSTANT, _NO_KERNELS, *_NO_KERNEL)


@graph_pass(effect="rounding", source="graph_transforms/fold_constants_lib.cc", needs_kernels=True)
def fold_constants(
    edit: GraphEdit,
    ctx: PassContext,
    *,
    clear_output_shapes: Annotated[
        bool, Arg("Take out the attribute _output_shapes, which may be wrong by now.")
    ] = True,
    exclude_op: Annotated[
        tuple[str, ...], Arg("Op types that are not run ahead; known shapes are not run.")
    ] = (),
    exclude_node: Annotated[tuple[str, ...], Arg("Nodes that are not run ahead, likewise.")] = (),
    max_constant_size_in_bytes: Annotated[
        int, Arg("Larger results do not become constants.")
    ] = MAX_CONSTANT,
) -> None:
    """Compute with TensorFlow's kernels what depends on constants only; drop what is unneeded.

    Shapes that are known without running count as constants. Placeholders never fold. A kernel
    that fails is an error; with ignore_errors only the part that needs it stays, and the rest is
    folded. An output that is constant becomes a constant of its own name.
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
    """Decides what is constant, has it computed, and puts the values in place.

    Attributes:
        waits: Each constant node to the nodes its expression waits for through control inputs.
        static: Shape, Rank and the like to their values, known without running.
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
        self.waits: dict[str, tuple[str, ...]] = {}
        self.static: dict[str, list[TensorProto]] = {}
        self.values: dict[Input, TensorProto | str] = {}
        self.functions = Functions(self.graph)

    @cached_property
    def shapes(self) -> Mapping[str, list[Shape | None]]:
        """Of every output, inferred when first asked for."""
        return shapes.infer(self.graph)

    def run(self) -> None:
        for node in self.order:
            if self._is_constant(node):
                waits = self._waits_of(node)
                if len(waits) <= _MOST_WAITS:
                    self.waits[node.name] = waits
        wanted = self._wanted()
        self._compute(wanted)
        if any(self._unusable(tensor) for tensor in wanted):
            self._complain(wanted)
            # What failed stays; its inputs may fold. Asked for all at once, each fails alone.
            self._compute(self._inside(t for t in wanted if self._unusable(t)))
            wanted = self._wanted()
        self._put(wanted)

    # What is constant

    def _is_constant(self, node: NodeDef) -> bool:
        name = node.name
        if node.op == "Const":
            return bool(tensor_of(node).dtype not in (*_NO_VALUES, 0))
        if node.op == "NoOp":
            return name not in self.ctx.fetches  # who waits for it waits for what it waits for
        sources = [split_input(text) for text in data_inputs(node)]
        taken, given = opdefs.input_dtypes(node), opdefs.output_dtypes(node)
        if not given or taken is None or len(taken) != len(sources):
            return False
        if name in self.ctx.fetches and len(given) > 1:
            return False  # it keeps its op: no constant has several outputs
        if node.op in _SHAPE_OPS and self._find_static(node, sources):
            return True
        if not self._may_fold(node):
            return False
        return all(source.name in self.waits for source in sources) and not self._is_large(node)

    def _may_fold(self, node: NodeDef) -> bool:
        if node.op in _NEVER or node.op in self.excluded_ops or node.name in self.excluded_nodes:
            return False
        if opdefs.is_stateful(node.op) or is_blocked(node.op):
            return False
        if node.op == "PlaceholderWithDefault" and self._hides_its_shape(node):
            return False
        return self.functions.may_run(node)

    def _hides_its_shape(self, node: NodeDef) -> bool:
        """True where it stands before the import of a table, as freezing puts it there.

        TensorFlow takes the buckets of a dense table only while their shape is not known.
        """
        return any(reader.op in _IMPORTS for reader in self.edit.readers(node.name))

    def _find_static(self, node: NodeDef, sources: list[Input]) -> bool:
        found: list[TensorProto] = []
        out_type = opdefs.attr(node, "out_type")
        dtype = tensors.INT32 if out_type is None else out_type.type
        for source in sources:
            known = self.shapes.get(source.name) or []
            shape = known[source.port] if source.port < len(known) else None
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
            found.append(tensors.from_numpy(np.asarray(value, tensors.numpy_dtype(dtype)), dtype))
        self.static[node.name] = found
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

    def _waits_of(self, node: NodeDef) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for text in node.input:
            source = split_input(text)
            if source.name in self.waits:
                found.update(dict.fromkeys(self.waits[source.name]))
            else:
                # A control input; or the tensor whose shape is all that is asked for.
                found[source.name] = None
        return tuple(found)

    # What is to be computed

    def _wanted(self) -> list[Input]:
        """Tensors that become constants: read by what stays, or fetched. By name, then port.

        What has no value stays itself, and its inputs are wanted in turn.
        """
        wanted: dict[Input, None] = {}
        stays = {node.name for node in self.order if node.name not in self.waits}
        for node in reversed(self.order):
            own = Input(node.name, 0, False)
            if node.name in self.ctx.fetches and self._is_computed(node.name):
                wanted[own] = None
                if self._unusable(own):
                    stays.add(node.name)
            if node.name not in stays:
                continue
            for source in map(split_input, node.input):
                if source.control:
                    if not any(max(p) >= 0 for p in self.edit.reads(source.name).values()):
                        stays.add(source.name)  # it is only waited for: no constant replaces it
                elif self._is_computed(source.name):
                    wanted[source] = None
                    if self._unusable(source):
                        stays.add(source.name)
        return sorted(wanted)

    def _is_computed(self, name: str) -> bool:
        return name in self.waits and self.graph.node(name).op != "Const"

    def _unusable(self, tensor: Input) -> bool:
        return isinstance(self.values.get(tensor), str)

    def _alias(self, tensor: Input) -> TensorProto | None:
        """The value of a tensor that needs no kernel: a constant passed on, or a known shape."""
        while True:
            if tensor.name in self.static:
                return self.static[tensor.name][tensor.port]
            node = self.graph.node(tensor.name)
            if node.op == "Const":
                return tensor_of(node)
            if node.op not in _ALIASES:
                return None
            tensor = split_input(data_inputs(node)[0])

    def _inside(self, wanted: Iterable[Input]) -> list[Input]:
        """All tensors of the expressions below these, without the constants they start from."""
        found: dict[Input, None] = {}
        todo = list(wanted)
        while todo:
            tensor = todo.pop()
            for text in data_inputs(self.graph.node(tensor.name)):
                source = split_input(text)
                if source not in found and self._is_computed(source.name):
                    found[source] = None
                    todo.append(source)
        return sorted(found)

    def _compute(self, wanted: Iterable[Input]) -> None:
        run: list[Input] = []
        for tensor in wanted:
            if tensor in self.values:
                continue
            value = self._alias(tensor)
            dtypes = opdefs.output_dtypes(self.graph.node(tensor.name)) or []
            if value is not None:
                self.values[tensor] = value
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

    def _closed(self, wanted: Iterable[Input]) -> list[NodeDef]:
        """The nodes that compute these tensors, sources first, without control inputs."""
        names = {tensor.name for tensor in wanted}
        nodes: list[NodeDef] = []
        for node in reversed(self.order):
            if node.name not in names:
                continue
            if node.name in self.static:
                nodes += self._known(node)
                continue
            names.update(node_name(text) for text in data_inputs(node))
            nodes.append(_bare(node))
        return nodes[::-1]

    def _known(self, node: NodeDef) -> list[NodeDef]:
        """What a node of known value looks like to the kernels: constants under its name."""
        values = self.static[node.name]
        if len(values) == 1:
            return [of_proto(node.name, values[0])]
        made = NodeDef(name=node.name, op="IdentityN")
        consts = []
        for port, value in enumerate(values):
            consts.append(of_proto(f"{node.name}/_known_{port}", value))
            made.input.append(consts[-1].name)
            made.attr["T"].list.type.append(value.dtype)
        return [made, *consts]

    def _complain(self, wanted: Iterable[Input]) -> None:
        for tensor in wanted:
            value = self.values.get(tensor)
            if not isinstance(value, str):
                continue
            if not self.ctx.ignore_errors and not any(text in value for text in _NO_FAILURE):
                raise TransformFailed(_NAME, tensor.name, value)
            self.edit.skip(tensor.name, value)

    # What takes its place

    def _put(self, wanted: list[Input]) -> None:
        table: dict[Input, Input] = {}
        count = 0
        for tensor in wanted:
            value = self.values[tensor]
            if isinstance(value, str):
                continue
            controls = [f"^{name}" for name in self.waits[tensor.name]]
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
    """The node without what ties it to others beside its data, itself where nothing does."""
    if not (control_inputs(node) or node.device or "_class" in node.attr):
        return node
    bare = NodeDef()
    bare.CopyFrom(node)
    bare.device = ""
    bare.input[:] = data_inputs(node)
    if "_class" in bare.attr:
        del bare.attr["_class"]
    return bare
