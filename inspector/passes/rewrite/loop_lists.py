"""The lists that the loops of TensorFlow 2 over time read their steps from and write results to.

Source: tensorflow/core/kernels/list_kernels.h.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from inspector.graph import tensors
from inspector.graph.edit import Change, GraphEdit
from inspector.graph.graph import Names, data_inputs, node_name
from inspector.graph.op_sets import WHILES
from inspector.graph.protos import FunctionDef, FunctionDefLibrary, NodeDef
from inspector.graph.shapes.infer import Inferred
from inspector.graph.tensors import Array
from inspector.passes.base import PassContext
from inspector.passes.rewrite.constants import of_proto, read

_NAME = "fix_batch"
_UNSTACK, _ITEM = "TensorListFromTensor", "TensorListGetItem"
_ELEMENT = {"TensorListReserve": 0, _UNSTACK: 1, "TensorListStack": 1, _ITEM: 2}
"""Ops with an input that spells the shape of a list's elements, to the place of that input."""
_NOTES = ("_output_shapes", "output_shapes")
_RULE = "the elements of its list have the batch"


def fix_lists(edit: GraphEdit, ctx: PassContext, batch: int) -> None:
    """Give the elements of the lists of loops over time the batch that the inputs have.

    Where the shapes of the steps are not known to begin with it, the loop is left alone.
    """
    loops = {loop.name: _open_lists(edit, loop) for loop in edit.nodes(tuple(WHILES))}
    loops = {name: lists for name, lists in loops.items() if lists}
    bodies: set[str] = set()
    # What a loop gives may be the steps of the next one.
    while fixed := _with_batch(edit, loops, batch):
        ctx.check_cancelled(_NAME)
        for name in fixed:
            loop = edit[name]
            for node in (*loops.pop(name), *edit.readers(name)):
                _fix(edit, node, batch)
            bodies |= _functions(loop)
            _forget(edit, loop)
    for name in loops:
        edit.skip(name, "what its lists hold is not known to begin with the batch")
        bodies -= _functions(edit[name])
    _fix_bodies(edit, bodies, batch)


def _open_lists(edit: GraphEdit, loop: NodeDef) -> list[NodeDef]:
    """The lists that a loop is handed whose elements have an unknown first dimension."""
    names = dict.fromkeys(node_name(text) for text in data_inputs(loop))
    return [edit[name] for name in names if name in edit and _is_open(edit, edit[name])]


def _with_batch(edit: GraphEdit, loops: Mapping[str, Sequence[NodeDef]], batch: int) -> list[str]:
    """The loops over steps that begin with the batch, as the shape of one says, and none denies."""
    if not loops:
        return []
    inferred = Inferred(edit.current())
    names = []
    for name, lists in loops.items():
        steps = [inferred.of(node.input[0]) for node in lists if node.op == _UNSTACK]
        sizes = [step[1] if step and len(step) > 1 else None for step in steps]
        if batch in sizes and set(sizes) <= {batch, None}:
            names.append(name)
    return names


def _functions(loop: NodeDef) -> set[str]:
    return {loop.attr[key].func.name for key in ("cond", "body")}


def _open_shape(element: NodeDef | None) -> Array | None:
    """The shape that a Const spells, if its first dimension alone is unknown."""
    if element is None or element.op != "Const":
        return None
    sizes = read(element, _NAME)
    is_open = sizes.ndim == 1 and sizes.size > 0 and sizes[0] == -1 and bool((sizes[1:] >= 0).all())
    return sizes if is_open else None


def _is_open(edit: GraphEdit, node: NodeDef) -> bool:
    place = _ELEMENT.get(node.op)
    return place is not None and _open_shape(edit.get(node_name(node.input[place]))) is not None


def _fix(edit: GraphEdit, node: NodeDef, batch: int) -> None:
    if not _is_open(edit, node):
        return
    inputs, place = list(node.input), _ELEMENT[node.op]
    element = edit[node_name(inputs[place])]
    fixed = _fixed(element, edit.unique(f"{element.name}/batch"), batch)
    edit.add(fixed, before=node.name)
    edit.explain(fixed.name, _RULE, element.name)
    inputs[place] = fixed.name
    edit.set_inputs(node.name, inputs)
    edit.explain(node.name, _RULE)


def _fixed(element: NodeDef, name: str, batch: int) -> NodeDef:
    """A Const of this name with the batch in front of the sizes that `element` spells."""
    sizes = read(element, _NAME).copy()
    sizes[0] = batch
    return of_proto(
        name, tensors.from_numpy(sizes), [text for text in element.input if text.startswith("^")]
    )


def _forget(edit: GraphEdit, loop: NodeDef) -> None:
    for key in _NOTES:
        if key in loop.attr:
            del edit.mutable(loop.name).attr[key]
            edit.explain(loop.name, "what was noted of its shapes no longer holds")


def _fix_bodies(edit: GraphEdit, names: Iterable[str], batch: int) -> None:
    """Give the reads of lists in these functions the batch."""
    chosen = set(names)
    if not chosen:
        return
    library = FunctionDefLibrary()
    library.CopyFrom(edit.library)
    for function in library.function:
        if function.signature.name in chosen:
            edit.elsewhere += _fix_body(function, batch)
    edit.library = library


def _fix_body(function: FunctionDef, batch: int) -> list[Change]:
    """Change a function in place; what was done to its nodes."""
    by_name = {node.name: node for node in function.node_def}
    free = Names([*by_name, *(arg.name for arg in function.signature.input_arg)])
    changes: list[Change] = []
    for arg in function.arg_attr.values():
        arg.attr.pop("_output_shapes", None)
    for node in list(function.node_def):
        for key in _NOTES:
            node.attr.pop(key, None)
        if node.op != _ITEM:
            continue
        element = by_name.get(node.input[_ELEMENT[_ITEM]].partition(":")[0])
        if element is None or _open_shape(element) is None:
            continue
        fixed = _fixed(element, free.free(f"{element.name}/batch"), batch)
        function.node_def.append(fixed)
        node.input[_ELEMENT[_ITEM]] = f"{fixed.name}:output:0"
        for item, kind in ((fixed, "added"), (node, "changed")):
            name = f"{function.signature.name}()/{item.name}"
            changes.append(Change(name, kind, item.op, _RULE))
    return changes
