"""The work behind `freeze`: which variables can go, and the constants that take their place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from inspector import opdefs
from inspector.constant_forms import Rewriter, Value
from inspector.errors import CorruptModel, InspectorError, MissingVariables
from inspector.functions import Library
from inspector.graph import Graph, node_name, split_input
from inspector.model import Model
from inspector.protos import FunctionDefLibrary, NodeDef
from inspector.restore_walk import Key, Restored, walk_restore
from inspector.tensors import (
    REF,
    RESOURCE,
    STRING,
    Array,
    Shape,
    dtype_name,
    from_numpy,
    numpy_dtype,
    shape_of,
)
from inspector.variable_flow import READS, VARIABLES, FlowAnalysis, Tensor

_TABLES = (
    "HashTable",
    "HashTableV2",
    "MutableHashTable",
    "MutableHashTableV2",
    "MutableHashTableOfTensors",
    "MutableHashTableOfTensorsV2",
    "MutableDenseHashTable",
    "MutableDenseHashTableV2",
)


@dataclass
class Frozen:
    """What freezing made.

    Attributes:
        variables: The variables that became constants.
        kept: Variables that stayed, and why.
        tables: Tables that the outputs use; `init_op` fills them.
    """

    graph: Graph
    variables: list[str] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)
    tables: list[str] = field(default_factory=list)
    init_op: str | None = None
    warnings: list[str] = field(default_factory=list)


class Freezer:
    """Freezes one flat graph: the nodes that the roots and the init op need.

    Args:
        flat: Without calls of functions in the main graph.
        roots: Nodes that the outputs are of.
    """

    def __init__(self, model: Model, flat: Graph, roots: Sequence[str]) -> None:
        self._model = model
        self._roots = list(roots)
        self._flat = flat
        self._needed = flat.ancestors(roots)
        ops = () if model.meta_graph is None else model.meta_graph.meta_info_def.stripped_op_list.op
        self._library = Library(flat.library, ops)
        self._analysis = FlowAnalysis(self._library)
        self._restored: Restored | None = None
        self._twins: dict[tuple[str, ...] | None, str] = {}
        self._names = {node.name for node in flat}

    def run(self) -> Frozen:
        """Freeze. Raises: MissingVariables, CorruptModel, and what inlining raises."""
        nodes = self._with_init_op()
        result = Frozen(Graph(nodes, self._flat.library, self._flat.versions))
        result.init_op = self._init_op
        result.tables = [node.name for node in nodes if node.op in _TABLES]
        variables = [node for node in nodes if node.op in VARIABLES]
        extra = self._fill_tables(result, nodes)
        if variables:
            nodes, more = self._freeze(nodes, variables, result)
            extra += more
        if extra:
            nodes = self._add_to_init_op(nodes, extra, result)
        library = self._merged_library()
        keep = [*self._roots, *([result.init_op] if result.init_op else [])]
        graph = Graph(_without_idle_controls(nodes, self._flat), library, self._flat.versions)
        wanted = graph.ancestors(keep)
        result.graph = graph.with_nodes(node for node in graph if node.name in wanted)
        return result

    def _with_init_op(self) -> list[NodeDef]:
        """The nodes that the outputs need, and of the init op what acts on something of theirs."""
        self._init_op = self._model.init_op if self._model.init_op in self._flat else None
        if self._init_op is not None:
            held = {_identity(node) for node in self._flat if node.name in self._needed}
            holders = [n.name for n in self._flat if (i := _identity(n)) and i in held]
            touched = _descendants(self._flat, holders)
            if self._init_op not in touched or self._init_op in self._needed:
                self._init_op = None
            else:
                return self._join_init_op(touched)
        return [node for node in self._flat if node.name in self._needed]

    def _join_init_op(self, touched: set[str]) -> list[NodeDef]:
        replaced: dict[str, NodeDef] = {}
        todo = [self._init_op or ""]
        while todo:
            node = self._flat.node(todo.pop())
            if node.name in replaced:
                continue
            copy = NodeDef()
            copy.CopyFrom(node)
            if node.op == "NoOp":
                copy.input[:] = [text for text in node.input if node_name(text) in touched]
                todo += [node_name(text) for text in copy.input]
            replaced[node.name] = copy
        nodes = [replaced.get(node.name, node) for node in self._flat]
        graph = self._flat.with_nodes(nodes)
        wanted = graph.ancestors([*self._roots, self._init_op or ""])
        return [node for node in nodes if node.name in wanted]

    def _freeze(
        self, nodes: list[NodeDef], variables: list[NodeDef], result: Frozen
    ) -> tuple[list[NodeDef], list[NodeDef]]:
        seeds: dict[Tensor, str] = {(node.name, 0): node.name for node in variables}
        refs = {node.name for node in variables if node.op != "VarHandleOp"}
        flow = self._analysis.follow(nodes, seeds, refs)
        for name in self._roots:
            label = flow.carried.get((name, 0))
            if label is not None and label not in refs:
                flow.blocked.setdefault(label, "its handle is an output")
        self._block_twins(variables, flow.blocked)
        missing: list[tuple[str, MissingVariables]] = []
        values: dict[str, Value] = {}
        constants: dict[str, NodeDef] = {}
        extra: list[NodeDef] = []
        for node in variables:
            try:
                array, dtype = self._value(node)
            except MissingVariables as reason:
                if node.name not in flow.blocked:
                    missing.append((node.name, reason))
                continue
            if node.name in flow.blocked:
                extra += self._assign(node, array, dtype)
                continue
            values[node.name] = Value(dtype, tuple(array.shape))
            constants[node.name] = _constant(node.name, array, dtype, node.device)
        if missing:
            name, err = missing[0]
            more = f" (and {len(missing) - 1} more variables)" if len(missing) > 1 else ""
            raise MissingVariables(self._model.name, f"variable '{name}'", f"{err.why}{more}")
        result.kept = {n.name: flow.blocked[n.name] for n in variables if n.name in flow.blocked}
        result.variables = list(constants)
        carried = {
            tensor: values[label] for tensor, label in flow.carried.items() if label in values
        }
        nodes = self._rewrite(nodes, carried)
        return [constants.get(node.name, node) for node in nodes], extra

    def _rewrite(self, nodes: list[NodeDef], carried: dict[Tensor, Value]) -> list[NodeDef]:
        rewriter = Rewriter(self._library, self._analysis)
        nodes = rewriter.rewrite(nodes, carried, self._names)
        rewriter.finish()
        return nodes

    def _block_twins(self, variables: Iterable[NodeDef], blocked: dict[str, str]) -> None:
        """Two nodes of one shared name are one variable: what holds one back holds the other."""
        reasons = {
            _identity(node): blocked[node.name] for node in variables if node.name in blocked
        }
        for node in variables:
            if _identity(node) in reasons:
                blocked.setdefault(node.name, reasons[_identity(node)])

    def _value(self, node: NodeDef) -> tuple[Array, int]:
        dtype = int(node.attr["dtype"].type) % REF if "dtype" in node.attr else 0
        shape = shape_of(node.attr["shape"].shape) if "shape" in node.attr else None
        checkpoint = self._model.checkpoint
        key = self._key(node)
        if checkpoint is None:
            reason = f"its value '{key.name}' cannot be read: there is no variables folder"
            if any("cannot be read" in text for text in self._model.warnings):
                reason = f"its value '{key.name}' cannot be read: the checkpoint is damaged"
            raise MissingVariables(self._model.name, f"variable '{node.name}'", reason)
        if key.name not in checkpoint:
            reason = f"the checkpoint has no key '{key.name}'"
            raise MissingVariables(self._model.name, f"variable '{node.name}'", reason)
        array = checkpoint.read(key.name, key.slice_spec)
        stored = checkpoint.dtype(key.name)
        if dtype and stored != dtype:
            numpy = numpy_dtype(dtype)
            if numpy is None or STRING in (dtype, stored):
                reason = f"{dtype_name(stored)} in the checkpoint, {dtype_name(dtype)} in the graph"
                raise CorruptModel(self._model.name, f"variable '{node.name}'", reason)
            array = array.astype(numpy)
        return _shaped(array, shape, node.name), dtype or stored

    def _key(self, node: NodeDef) -> Key:
        """The checkpoint's key of a variable: as restored, else by its own name."""
        restored = self._restore_keys()
        key = restored.variables.get(node.name)
        if key is None:
            twin = self._twins.get(_identity(node))
            key = restored.variables.get(twin) if twin is not None else None
        if key is not None:
            return key
        shared = (_identity(node) or ("",))[-1]
        checkpoint = self._model.checkpoint
        if checkpoint is not None and node.name not in checkpoint:
            return Key(shared)
        return Key(node.name)

    def _restore_keys(self) -> Restored:
        if self._restored is None:
            meta = self._model.meta_graph
            self._restored = Restored()
            if meta is not None and meta.saver_def.restore_op_name:
                ops = meta.meta_info_def.stripped_op_list.op
                graph = self._model.graph
                self._restored = walk_restore(graph, meta.saver_def.restore_op_name, ops)
            for name in self._restored.variables:
                node = self._model.graph.get(name)
                if node is not None:
                    self._twins.setdefault(_identity(node), name)
        return self._restored

    def _assign(self, node: NodeDef, array: Array, dtype: int) -> list[NodeDef]:
        """Nodes that give a variable that stays its value."""
        value = _constant(self._free(f"{node.name}/restored"), array, dtype, node.device)
        assign = NodeDef(name=self._free(f"{node.name}/restore"), device=node.device)
        assign.input.extend([node.name, value.name])
        if node.op == "VarHandleOp":
            assign.op = "AssignVariableOp"
            assign.attr["dtype"].type = dtype
        else:
            assign.op = "Assign"
            assign.attr["T"].type = dtype
        return [value, assign]

    def _fill_tables(self, result: Frozen, nodes: list[NodeDef]) -> list[NodeDef]:
        """Tables whose entries are in the checkpoint get them from constants, by the init op."""
        extra: list[NodeDef] = []
        mutable = [node for node in nodes if node.op in _TABLES and "Mutable" in node.op]
        for node in mutable:
            keys = self._restore_keys().tables.get(node.name)
            checkpoint = self._model.checkpoint
            if keys is None or checkpoint is None:
                continue
            try:
                arrays = [checkpoint.read(key.name, key.slice_spec) for key in keys]
            except InspectorError as err:
                result.warnings.append(f"The table '{node.name}' stays empty: {err.why}.")
                continue
            is_resource = (opdefs.output_dtypes(node) or [0])[0] == RESOURCE
            fill = NodeDef(name=self._free(f"{node.name}/restore"), device=node.device)
            fill.op = "LookupTableImportV2" if is_resource else "LookupTableImport"
            fill.input.append(node.name)
            for part, key, array in zip(("keys", "values"), keys, arrays, strict=True):
                dtype = checkpoint.dtype(key.name)
                name = self._free(f"{node.name}/restored_{part}")
                extra.append(_constant(name, array, dtype, node.device))
                fill.input.append(name)
                fill.attr["Tin" if part == "keys" else "Tout"].type = dtype
            extra.append(fill)
        return extra

    def _add_to_init_op(
        self, nodes: list[NodeDef], extra: list[NodeDef], result: Frozen
    ) -> list[NodeDef]:
        group = NodeDef(name=self._free("init_frozen"), op="NoOp")
        group.input.extend(f"^{node.name}" for node in extra if node.op != "Const")
        if result.init_op is None:
            result.init_op = group.name
            return [*nodes, *extra, group]
        # What is restored comes first, as it does when a SavedModel is loaded.
        graph = self._flat.with_nodes(nodes)
        later = graph.ancestors([result.init_op]) - graph.ancestors(self._roots)
        for number, node in enumerate(nodes):
            if node.name in later and self._library.changes_state(node):
                nodes[number] = NodeDef()
                nodes[number].CopyFrom(node)
                nodes[number].input.append(f"^{group.name}")
        last = NodeDef(name=self._free("init_all"), op="NoOp")
        last.input.extend([f"^{result.init_op}", f"^{group.name}"])
        result.init_op = last.name
        return [*nodes, *extra, group, last]

    def _free(self, name: str) -> str:
        free, count = name, 0
        while free in self._names:
            count += 1
            free = f"{name}_{count}"
        self._names.add(free)
        return free

    def _merged_library(self) -> FunctionDefLibrary:
        old = self._flat.library
        known = {function.signature.name for function in old.function}
        new = [f for name, f in self._library.functions.items() if name not in known]
        if not new:
            return old
        library = FunctionDefLibrary()
        library.CopyFrom(old)
        library.function.extend(new)
        return library


def _identity(node: NodeDef) -> tuple[str, ...] | None:
    """What names the resource behind a node that holds one; None for all other nodes."""
    if node.op not in (*VARIABLES, *_TABLES) and (
        "shared_name" not in node.attr or not opdefs.is_stateful(node.op)
    ):
        return None
    shared = node.attr["shared_name"].s if "shared_name" in node.attr else b""
    container = node.attr["container"].s if "container" in node.attr else b""
    name = shared.decode(errors="replace") or node.name
    return "table" if node.op in _TABLES else "", container.decode(errors="replace"), name


def _descendants(graph: Graph, names: Iterable[str]) -> set[str]:
    found = set(names)
    todo = list(found)
    while todo:
        for reader in graph.consumers(todo.pop()):
            if reader not in found:
                found.add(reader)
                todo.append(reader)
    return found


def _constant(name: str, array: Array, dtype: int, device: str) -> NodeDef:
    node = NodeDef(name=name, op="Const", device=device)
    node.attr["dtype"].type = dtype
    node.attr["value"].tensor.CopyFrom(from_numpy(array, dtype))
    return node


def _shaped(array: Array, shape: Shape | None, name: str) -> Array:
    """The array in the shape that the graph declares, where that is known."""
    if shape is None or None in shape or list(array.shape) == shape:
        return array
    sizes = [size or 0 for size in shape]
    if array.size != int(np.prod(sizes, dtype=np.int64)):
        reason = f"shape {list(array.shape)} in the checkpoint, {shape} in the graph"
        raise CorruptModel("checkpoint", f"variable '{name}'", reason)
    return array.reshape(sizes)


def _without_idle_controls(nodes: list[NodeDef], before: Graph) -> list[NodeDef]:
    """Drop control inputs that came from reading variables: constants are there at once.

    A NoOp that waited for nothing else is waited for no more either.
    """
    idle = {
        node.name
        for node in nodes
        if (old := before.get(node.name)) is not None
        and old.op != node.op
        and old.op in ("VarHandleOp", *READS)
    }
    if not idle:
        return nodes
    by_name = {node.name: node for node in nodes}
    readers: dict[str, list[str]] = {}
    waits: dict[str, int] = {}
    for node in nodes:
        if node.op == "NoOp":
            waits[node.name] = len(node.input)
            for text in node.input:
                readers.setdefault(node_name(text), []).append(node.name)
    todo = list(idle)
    while todo:
        for reader in readers.get(todo.pop(), ()):
            waits[reader] -= 1
            if waits[reader] == 0 and reader not in idle:
                idle.add(reader)
                todo.append(reader)
    result = []
    for node in nodes:
        left = [t for t in node.input if not (t.startswith("^") and split_input(t).name in idle)]
        if len(left) == len(node.input):
            result.append(node)
            continue
        copy = NodeDef()
        copy.CopyFrom(by_name[node.name])
        copy.input[:] = left
        result.append(copy)
    return result
