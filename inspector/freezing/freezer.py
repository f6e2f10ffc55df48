"""Replaces variables by constants in a flat graph, and extends the init op where one is needed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from inspector.errors import InspectorError, MissingVariables
from inspector.freezing import init_op
from inspector.freezing.initialise import GROUP
from inspector.freezing.read_rewrite import Rewriter, Value
from inspector.freezing.variable_values import VariableValues, without_values
from inspector.graph import opdefs
from inspector.graph.functions import Library
from inspector.graph.graph import Graph, Names, node_name, split_input, with_inputs
from inspector.graph.op_sets import TABLES, VARIABLES
from inspector.graph.protos import DTypeEnum, FunctionDefLibrary, NodeDef
from inspector.graph.tensors import INVALID, RESOURCE, STRING, Array, fill, to_numpy
from inspector.graph.variable_flow import READS, Flow, FlowAnalysis, Tensor
from inspector.model.model import Model
from inspector.model.resources import identity

_VALUES = ("Const", "PlaceholderWithDefault")


@dataclass
class Frozen:
    """The result of freezing.

    Attributes:
        variables: The variables that became constants.
        remaining_variables: Variables that cannot be frozen, and why.
        tables: Tables that the outputs use; the init op fills them.
        init_op: The node to run once before the first run; None if none is needed.
    """

    graph: Graph
    variables: list[str] = field(default_factory=list)
    remaining_variables: dict[str, str] = field(default_factory=dict)
    tables: list[str] = field(default_factory=list)
    init_op: str | None = None
    warnings: list[str] = field(default_factory=list)


class Freezer:
    """Freezes one flat graph: the nodes that the roots and the init op need.

    Args:
        flat: A graph without function calls outside of its library.
        roots: Names of the nodes that compute the outputs.
    """

    def __init__(self, model: Model, flat: Graph, roots: Sequence[str]) -> None:
        self._model = model
        self._roots = list(roots)
        self._flat = flat
        self._needed = flat.ancestors(roots)
        ops = () if model.meta_graph is None else model.meta_graph.meta_info_def.stripped_op_list.op
        self._library = Library(flat.library, ops)
        self._analysis = FlowAnalysis(self._library)
        self._values = VariableValues(model)
        self._names = Names(node.name for node in flat)

    def run(self) -> Frozen:
        """Freeze. Raises: MissingVariables, CorruptModel, and the errors of inlining."""
        name = self._model.init_op
        nodes, has_init = init_op.needed_nodes(self._flat, self._needed, name)
        result = Frozen(self._flat.with_nodes(nodes))
        result.init_op = name if has_init else None
        result.tables = [node.name for node in nodes if node.op in TABLES]
        extra = self._fill_tables(result, nodes)
        if any(node.op in VARIABLES for node in nodes):
            nodes, more = self._freeze(nodes, result)
            extra += more
        if extra:
            nodes = self._add_to_init_op(nodes, extra, result)
        keep = [*self._roots, *([result.init_op] if result.init_op else [])]
        nodes = _without_idle_controls(nodes, self._flat)
        graph = self._flat.with_library(self._merged_library()).with_nodes(nodes)
        needed = graph.ancestors(keep)
        result.graph = graph.with_nodes(node for node in graph if node.name in needed)
        return result

    def _freeze(self, nodes: list[NodeDef], result: Frozen) -> tuple[list[NodeDef], list[NodeDef]]:
        variables = [node for node in nodes if node.op in VARIABLES]
        initial = init_op.assigns(node for node in nodes if node.name not in self._needed)
        flow = self._follow(nodes, variables, {node.name for node in initial})
        assigned: dict[str, list[NodeDef]] = {}
        for node in initial:
            name, port, _ = split_input(node.input[0])
            if (name, port) in flow.carried:
                assigned.setdefault(flow.carried[name, port], []).append(node)
        missing: dict[str, MissingVariables] = {}
        constants: dict[str, NodeDef] = {}
        values: dict[str, Value] = {}
        extra: list[NodeDef] = []
        for node in variables:
            asset = self._asset(node, assigned.get(node.name, []), flow)
            if asset is not None:
                values[node.name] = Value(STRING, ())
                constants[node.name] = asset
                continue
            value = self._value(node, assigned.get(node.name, []), flow, result)
            if isinstance(value, MissingVariables):
                if node.name in assigned:
                    flow.blocked.setdefault(node.name, "only the init op gives it a value")
                elif node.name not in flow.blocked:
                    missing[node.name] = value
            elif node.name in flow.blocked:
                extra += self._assign(node, *value)
            else:
                array, dtype = value
                values[node.name] = Value(dtype, tuple(array.shape))
                constants[node.name] = _constant(node.name, array, dtype, node.device)
        if missing and self._model.checkpoint is None:
            raise without_values(self._model, list(missing))
        if missing:
            first = next(iter(missing.values()))
            more = f" (and {len(missing) - 1} more variables)" if len(missing) > 1 else ""
            raise MissingVariables(first.what, first.where, first.why + more)
        result.remaining_variables = {
            n.name: flow.blocked[n.name] for n in variables if n.name in flow.blocked
        }
        result.variables = [name for name, node in constants.items() if node.op == "Const"]
        gone = {node.name for name in constants for node in assigned.get(name, ())}
        if gone and result.init_op is not None:
            nodes, still = init_op.without(nodes, gone, result.init_op)
            result.init_op = result.init_op if still else None
        nodes = self._rewrite(
            nodes, {place: values[name] for place, name in flow.carried.items() if name in values}
        )
        return [constants.get(node.name) or _without_debug_name(node) for node in nodes], extra

    def _follow(self, nodes: list[NodeDef], variables: list[NodeDef], initial: set[str]) -> Flow:
        """Follow the variables through the graph, without the init op's initial assignments."""
        seeds: dict[Tensor, str] = {(node.name, 0): node.name for node in variables}
        refs = {node.name for node in variables if node.op != "VarHandleOp"}
        flow = self._analysis.follow((n for n in nodes if n.name not in initial), seeds, refs)
        for name in self._roots:
            label = flow.carried.get((name, 0))
            if label is not None and label not in refs:
                flow.blocked.setdefault(label, "its handle is an output")
        # Two nodes with one shared_name are one variable: if one must stay, so must the other.
        reasons = {identity(n): flow.blocked[n.name] for n in variables if n.name in flow.blocked}
        for node in variables:
            if identity(node) in reasons:
                flow.blocked.setdefault(node.name, reasons[identity(node)])
        return flow

    def _asset(self, node: NodeDef, initial: list[NodeDef], flow: Flow) -> NodeDef | None:
        """An Identity of the asset's path tensor, for a variable that holds the path of an asset.

        TensorFlow 2 has such variables: the loader feeds the path, the init op assigns it. None
        for any other variable.
        """
        assets = {node_name(asset.tensor) for asset in self._model.assets}
        if len(initial) != 1 or node.name in flow.blocked:
            return None
        source = init_op.assigned_from(initial[0], self._flat)
        if source is None or source.name not in assets:
            return None
        path = NodeDef(name=node.name, op="Identity", input=[source.name], device=node.device)
        path.attr["T"].type = STRING
        return path

    def _value(
        self, node: NodeDef, initial: list[NodeDef], flow: Flow, result: Frozen
    ) -> tuple[Array, DTypeEnum] | MissingVariables:
        """A variable's value before the first run: from the init op, else from the checkpoint."""
        if initial and node.name not in flow.blocked:
            source = init_op.assigned_from(initial[0], self._flat)
            if source is not None and "value" in source.attr and len(initial) == 1:
                tensor = source.attr["value"].tensor
                return to_numpy(tensor, where=node.name), tensor.dtype
        try:
            value = self._values.read(node)
        except MissingVariables as err:
            return err
        if initial and node.name not in flow.blocked:
            result.warnings.append(
                f"The init op gives '{node.name}' a new value when the model is loaded; "
                "the frozen graph has the value of the checkpoint."
            )
        return value

    def _rewrite(self, nodes: list[NodeDef], carried: dict[Tensor, Value]) -> list[NodeDef]:
        rewriter = Rewriter(self._library, self._analysis)
        nodes = rewriter.rewrite(nodes, carried, self._names)
        rewriter.finish()
        return nodes

    def _assign(self, node: NodeDef, array: Array, dtype: DTypeEnum) -> list[NodeDef]:
        """Nodes that assign the value of a variable that stays."""
        value = _constant(self._names.free(f"{node.name}/restored"), array, dtype, node.device)
        assign = NodeDef(name=self._names.free(f"{node.name}/restore"), device=node.device)
        assign.input.extend([node.name, value.name])
        if node.op == "VarHandleOp":
            assign.op = "AssignVariableOp"
            assign.attr["dtype"].type = dtype
        else:
            assign.op = "Assign"
            assign.attr["T"].type = dtype
        return [value, assign]

    def _fill_tables(self, result: Frozen, nodes: list[NodeDef]) -> list[NodeDef]:
        """Nodes with which the init op fills tables whose entries are in the checkpoint."""
        extra: list[NodeDef] = []
        for node in nodes:
            if node.op not in TABLES or "Mutable" not in node.op:
                continue
            try:
                parts = self._values.read_table(node)
            except InspectorError as err:
                result.warnings.append(f"The table '{node.name}' stays empty: {err.why}.")
                continue
            if parts is None:
                continue
            is_resource = (opdefs.output_dtypes(node) or [INVALID])[0] == RESOURCE
            fill = NodeDef(name=self._names.free(f"{node.name}/restore"), device=node.device)
            fill.op = "LookupTableImportV2" if is_resource else "LookupTableImport"
            fill.input.append(node.name)
            for part, key, (array, dtype) in zip(
                ("keys", "values"), ("Tin", "Tout"), parts, strict=True
            ):
                name = self._names.free(f"{node.name}/restored_{part}")
                extra.append(_constant(name, array, dtype, node.device))
                if "Dense" in node.op:
                    # A dense table saves and imports its buckets, a matrix, although the op
                    # declares keys, a vector: import works as long as the shape is unknown.
                    extra.append(_of_any_shape(self._names.free(f"{name}/buckets"), extra[-1]))
                fill.input.append(extra[-1].name)
                fill.attr[key].type = dtype
            extra.append(fill)
        return extra

    def _add_to_init_op(
        self, nodes: list[NodeDef], extra: list[NodeDef], result: Frozen
    ) -> list[NodeDef]:
        group = NodeDef(name=self._names.free(GROUP), op="NoOp")
        group.input.extend(f"^{node.name}" for node in extra if node.op not in _VALUES)
        if result.init_op is None:
            result.init_op = group.name
            return [*nodes, *extra, group]
        # Restore before the init op, as loading a SavedModel does.
        graph = self._flat.with_nodes(nodes)
        later = graph.ancestors([result.init_op]) - graph.ancestors(self._roots)
        for number, node in enumerate(nodes):
            if node.name in later and self._library.changes_state(node):
                nodes[number] = NodeDef()
                nodes[number].CopyFrom(node)
                nodes[number].input.append(f"^{group.name}")
        last = NodeDef(name=self._names.free("init_all"), op="NoOp")
        last.input.extend([f"^{result.init_op}", f"^{group.name}"])
        result.init_op = last.name
        return [*nodes, *extra, group, last]

    def _merged_library(self) -> FunctionDefLibrary:
        old = self._flat.library
        names = {function.signature.name for function in old.function}
        new = [f for name, f in self._library.functions.items() if name not in names]
        if not new:
            return old
        library = FunctionDefLibrary()
        library.CopyFrom(old)
        library.function.extend(new)
        return library


def _constant(name: str, array: Array, dtype: DTypeEnum, device: str) -> NodeDef:
    node = NodeDef(name=name, op="Const", device=device)
    node.attr["dtype"].type = dtype
    fill(node.attr["value"].tensor, array, dtype)
    return node


def _of_any_shape(name: str, constant: NodeDef) -> NodeDef:
    """A node that passes the constant on with an unknown shape."""
    node = NodeDef(name=name, op="PlaceholderWithDefault", device=constant.device)
    node.input.append(constant.name)
    node.attr["dtype"].type = constant.attr["dtype"].type
    node.attr["shape"].shape.unknown_rank = True
    return node


def _without_debug_name(node: NodeDef) -> NodeDef:
    """The node without ``debug_name``, which has no effect and which TensorFlow 1 does not know."""
    if node.op != "VarHandleOp" or "debug_name" not in node.attr:
        return node
    copy = NodeDef()
    copy.CopyFrom(node)
    del copy.attr["debug_name"]
    return copy


def _without_idle_controls(nodes: list[NodeDef], before: Graph) -> list[NodeDef]:
    """Drop control inputs on former reads of variables: a constant needs no waiting for.

    Also drops control inputs on a NoOp that had no other inputs.
    """
    idle = {
        node.name
        for node in nodes
        if (old := before.get(node.name)) is not None
        and old.op != node.op
        and old.op in ("VarHandleOp", *READS)
    }
    consumers: dict[str, list[str]] = {}
    open_inputs: dict[str, int] = {}
    for node in nodes if idle else ():
        if node.op == "NoOp":
            open_inputs[node.name] = len(node.input)
            for text in node.input:
                consumers.setdefault(node_name(text), []).append(node.name)
    todo: list[str] = list(idle)
    while todo:
        for reader in consumers.get(todo.pop(), ()):
            open_inputs[reader] -= 1
            if open_inputs[reader] == 0 and reader not in idle:
                idle.add(reader)
                todo.append(reader)
    return list(_drop_controls(nodes, idle)) if idle else nodes


def _drop_controls(nodes: Iterable[NodeDef], idle: set[str]) -> Iterable[NodeDef]:
    for node in nodes:
        inputs = [t for t in node.input if not (t.startswith("^") and t[1:] in idle)]
        yield with_inputs(node, inputs)
