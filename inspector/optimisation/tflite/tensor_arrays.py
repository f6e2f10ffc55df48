"""The TensorArrays of TensorFlow 1's loops as lists of tensors, which the converter knows.

A loop of `dynamic_rnn` or `map_fn` reads its steps from a TensorArray and writes its results into
another one. TFLite has no operators for these; lists of tensors convert. Each op on an array gets
its handle, and from op to op goes `flow`, a float. A list is one value, which goes where `flow`
went. A list returns zeros for an element that was not written, an array an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from inspector.graph import tensors
from inspector.graph.graph import (
    Graph,
    Names,
    control_inputs,
    data_inputs,
    node_name,
    split_input,
    tensor_name,
)
from inspector.graph.protos import DTypeEnum, NodeDef
from inspector.graph.shapes.infer import Inferred
from inspector.graph.tensors import Array, Shape
from inspector.passes.rewrite.constants import constant, read

_ARRAY, _SCATTER, _GATHER = "TensorArrayV3", "TensorArrayScatterV3", "TensorArrayGatherV3"
_READ, _WRITE, _SIZE = "TensorArrayReadV3", "TensorArrayWriteV3", "TensorArraySizeV3"
_FLOW_AT = {_SCATTER: 3, _GATHER: 2, _READ: 2, _WRITE: 3, _SIZE: 1}
"""Ops on an array to the place of their input `flow`; the handle is the first input of each."""
_RETURN_FLOW = (_SCATTER, _WRITE)
_PASS_ON = {"Identity": 1, "Enter": 1, "Exit": 1, "NextIteration": 1, "Merge": 1, "Switch": 2}
"""Ops that hand a value on, to how many of their outputs are that value."""
_VARIANT, _INT32 = tensors.dtype_enum("variant"), tensors.dtype_enum("int32")
_WHERE = "convert"


def with_lists(graph: Graph, fetches: Iterable[str]) -> Graph:
    """The graph with a list in place of every TensorArray; as it is where one cannot be one.

    That is an array that grows, that is filled in several parts, or that is read by another op.

    Args:
        fetches: Tensor names.
    """
    fetched = {tensor_name(name) for name in fetches}
    arrays = [_Array(graph, node) for node in graph if node.op == _ARRAY]
    if not arrays or not all(array.follow(fetched) for array in arrays):
        return graph
    gone = {name for array in arrays for name in array.handle_nodes}
    if any(node_name(text) in gone for node in graph for text in control_inputs(node)):
        return graph
    changed: dict[str, list[NodeDef]] = {name: [] for name in gone}
    lists = _Lists(graph)
    for array in arrays:
        changed |= lists.of(array)
    nodes = [new for node in graph for new in changed.get(node.name, [node])]
    return graph.with_nodes(nodes)


@dataclass
class _Array:
    """A TensorArray, and where its handle and its flow go.

    Attributes:
        users: The ops on it, by name.
        flow_nodes, handle_nodes: Names of the nodes that hand on its flow, and its handle.
    """

    graph: Graph
    node: NodeDef
    users: dict[str, NodeDef] = field(default_factory=dict)
    flow_nodes: set[str] = field(default_factory=set)
    handle_nodes: set[str] = field(default_factory=set)
    _flows: set[str] = field(default_factory=set)

    def follow(self, fetched: set[str]) -> bool:
        """Find its users; False where it cannot become a list."""
        handle, flow = (f"{self.node.name}:{port}" for port in (0, 1))
        handles = {handle}
        self._flows.add(flow)
        pending = [handle, flow]
        while pending:
            tensor = pending.pop()
            same = self._flows if tensor in self._flows else handles
            outputs = self._outputs(tensor, is_flow=same is self._flows)
            if outputs is None or tensor in fetched:
                return False
            pending += [output for output in outputs if output not in same]
            same.update(outputs)
        return self._is_like_a_list()

    def _outputs(self, tensor: str, *, is_flow: bool) -> list[str] | None:
        """The tensors that are the same flow or handle; None where another op reads it."""
        outputs: list[str] = []
        for name in self.graph.consumers(node_name(tensor)):
            node = self.graph.node(name)
            places = [
                at for at, text in enumerate(data_inputs(node)) if tensor_name(text) == tensor
            ]
            if not places:
                continue  # it reads another output of that node
            if node.op in _FLOW_AT and places == [_FLOW_AT[node.op] if is_flow else 0]:
                self.users[name] = node
                outputs += [f"{name}:0"] if is_flow and node.op in _RETURN_FLOW else []
            elif node.op in _PASS_ON and (node.op == "Merge" or places == [0]):
                (self.flow_nodes if is_flow else self.handle_nodes).add(name)
                outputs += [f"{name}:{port}" for port in range(_PASS_ON[node.op])]
            else:
                return None
        return outputs

    def _is_like_a_list(self) -> bool:
        merges = [node for node in map(self.graph.node, self.flow_nodes) if node.op == "Merge"]
        inputs = {tensor_name(text) for node in merges for text in data_inputs(node)}
        ops = [user.op for user in self.users.values()]
        if self.node.attr["dynamic_size"].b or not inputs <= self._flows:
            return False
        if _SCATTER not in ops:
            return True
        # A list is made of a whole tensor at once, and its length is that of the tensor.
        (scatter, *others) = [user for user in self.users.values() if user.op in _RETURN_FLOW]
        return not others and _SIZE not in ops and self._is_count(scatter.input[1])

    def stacks(self, gather: NodeDef) -> bool:
        """Whether this op reads all elements in their order."""
        return self._is_count(gather.input[1], of_all=True)

    def _is_count(self, text: str, *, of_all: bool = False) -> bool:
        """Whether a tensor is 0, 1, 2 and so on; with `of_all`, up to the size of this array."""
        node = self.graph.get(node_name(text))
        if node is None or node.op != "Range":
            return False
        start, limit, step = (self.graph.get(node_name(name)) for name in data_inputs(node))
        if not (_is_number(start, 0) and _is_number(step, 1)):
            return False
        return not of_all or (limit is not None and limit.op == _SIZE and limit.name in self.users)

    def shape(self, shapes: Inferred) -> Shape | None:
        """Of its elements, as far as the array, what is written, and who reads all of it say."""
        stated = [tensors.shape_of(self.node.attr["element_shape"].shape)]
        ops = {user.op for user in self.users.values()}
        if self.node.attr["identical_element_shapes"].b or ops & {_GATHER, _SCATTER}:
            for user in self.users.values():
                if user.op in _RETURN_FLOW:
                    shape = shapes.of(user.input[2])
                    stated.append(shape[1:] if shape and user.op == _SCATTER else shape)
                elif user.op == _GATHER:
                    stated.append(tensors.shape_of(user.attr["element_shape"].shape))
        return _merged(stated)


class _Lists:
    """Writes the nodes of the lists."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._shapes = Inferred(graph)
        self._names = Names(node.name for node in graph)

    def of(self, array: _Array) -> dict[str, list[NodeDef]]:
        """Name of each node that changes to what stands in its place."""
        shape = array.shape(self._shapes)
        dtype = array.node.attr["dtype"].type
        changed = {}
        for node in (array.node, *array.users.values()):
            new = list(self._written(array, node, shape))
            for item in new:
                if item.op.startswith("TensorList") and item.op != "TensorListLength":
                    item.attr["element_dtype"].type = dtype
            changed[node.name] = new
        for name in array.flow_nodes:
            node = NodeDef()
            node.CopyFrom(self._graph.node(name))
            node.attr["T"].type = _VARIANT
            node.attr.pop("_output_shapes", None)
            node.attr.pop("_class", None)
            changed[name] = [node]
        start = f"{array.node.name}:1"
        for node in (node for nodes in changed.values() for node in nodes):
            for at, text in enumerate(node.input):
                if text == start:
                    node.input[at] = array.node.name
        return changed

    def _written(self, array: _Array, node: NodeDef, shape: Shape | None) -> Iterator[NodeDef]:
        """The nodes in place of one op on this array."""
        inputs = list(node.input)
        if node.op == _ARRAY:
            element = self._shape(node.name, shape, inputs[0])
            yield element
            yield _op(node, "TensorListReserve", element.name, inputs[0], shape_type=_INT32)
            return
        if node.op == _SIZE:
            yield _op(node, "TensorListLength", inputs[1])
        elif node.op == _WRITE:
            yield _op(node, "TensorListSetItem", inputs[3], inputs[1], inputs[2])
        else:
            element = self._shape(node.name, shape, inputs[1])
            yield element
            yield from self._with_shape(array, node, element.name)

    def _with_shape(self, array: _Array, node: NodeDef, shape: str) -> Iterator[NodeDef]:
        inputs = list(node.input)
        if node.op == _SCATTER:
            yield _op(node, "TensorListFromTensor", inputs[2], shape, shape_type=_INT32)
        elif node.op == _READ:
            yield _op(node, "TensorListGetItem", inputs[2], inputs[1], shape)
        elif array.stacks(node):
            yield _stack(node, node.name, inputs[2], shape)
        else:
            stack = _stack(node, self._names.free(f"{node.name}/stack"), inputs[2], shape)
            axis = self._constant(f"{node.name}/axis", np.array(0, np.int32), inputs[1])
            yield from (stack, axis)
            gather = _op(node, "GatherV2", stack.name, inputs[1], axis.name)
            gather.attr["Tparams"].type = node.attr["dtype"].type
            gather.attr["Tindices"].type = gather.attr["Taxis"].type = _INT32
            yield gather

    def _shape(self, name: str, shape: Shape | None, beside: str) -> NodeDef:
        value = -1 if shape is None else [-1 if size is None else size for size in shape]
        return self._constant(f"{name}/element_shape", np.array(value, np.int32), beside)

    def _constant(self, name: str, value: Array, beside: str) -> NodeDef:
        """A Const in the loop that this tensor is in."""
        return constant(self._names.free(name), value, _INT32, [f"^{split_input(beside).name}"])


def _op(node: NodeDef, op: str, *inputs: str, shape_type: DTypeEnum | None = None) -> NodeDef:
    """An op in place of a node, after what the node waits for."""
    new = NodeDef(name=node.name, op=op, input=[*inputs, *control_inputs(node)])
    if shape_type is not None:
        new.attr["shape_type"].type = shape_type
    return new


def _stack(node: NodeDef, name: str, flow: str, shape: str) -> NodeDef:
    stack = _op(node, "TensorListStack", flow, shape)
    stack.name = name
    return stack


def _is_number(node: NodeDef | None, number: int) -> bool:
    return node is not None and node.op == "Const" and read(node, _WHERE).tolist() == number


def _merged(shapes: Iterable[Shape | None]) -> Shape | None:
    """What all of these say together; None where they say nothing, or contradict each other."""
    merged: Shape | None = None
    for shape in shapes:
        if shape is None:
            continue
        if merged is None:
            merged = list(shape)
            continue
        if len(shape) != len(merged):
            return None
        pairs = list(zip(merged, shape, strict=True))
        if any(None not in pair and pair[0] != pair[1] for pair in pairs):
            return None
        merged = [a if b is None else b for a, b in pairs]
    return merged
