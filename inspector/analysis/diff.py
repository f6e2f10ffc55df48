"""What changed between two models: nodes in pairs, op counts, bytes, signatures, functions.

Which node is which is what `pairing` says: a node that was renamed is not removed and added.
Nodes are compared by meaning: an attribute at its op's default equals one that is not there, input
``a:0`` equals ``a``, the order of control inputs does not count, and a constant equals one that
holds the same numbers however they are encoded. Of a TensorFlow 2 model the serving function is
compared, its calls inlined, for that is what freezing and transforms work on. Of a TFLite model
all subgraphs are compared, and the operators of the main one counted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from inspector.analysis.pairing.pairs import NAME, STRUCTURE, pair
from inspector.errors import InspectorError
from inspector.graph import opdefs, tensors
from inspector.graph.graph import Graph, split_input
from inspector.graph.protos import AttrValue, FunctionDefLibrary, NodeDef, SignatureDef, TensorProto
from inspector.model.model import Model
from inspector.model.serving import serving_graph
from inspector.printing import listing
from inspector.printing.text_tables import html
from inspector.schemas import stamped

MAIN, SERVING = "main graph", "serving function"

_COLOCATED, _AT = "_class", "loc:@"

_MAX_COMPARED = 512 << 20
"""Constants that differ in encoding and are larger than that are not decoded to compare them."""


@dataclass(frozen=True)
class Changed:
    """A node of both graphs, and what differs: ``op``, ``inputs``, ``device``, ``attr:KEY``.

    Args:
        name: Its name in the first graph.
        after: Its name in the second.
    """

    name: str
    fields: list[str]
    after: str

    def to_dict(self) -> dict[str, Any]:
        """As in the JSON of ``diff``; ``after`` only where the node was renamed."""
        renamed = {} if self.after == self.name else {"after": self.after}
        return {"name": self.name, "fields": self.fields, **renamed}


@dataclass(frozen=True)
class Side:
    """One of the two models: which of its graphs was compared, its nodes and its bytes."""

    compared: str
    nodes: int
    bytes: int
    op_counts: Mapping[str, int]


@dataclass(frozen=True)
class Names:
    """What only one side has, and what both have and differs."""

    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, list[str]]:
        """As in the JSON of ``diff``."""
        return {"added": self.added, "removed": self.removed, "changed": self.changed}


@dataclass(frozen=True, repr=False)
class Diff:
    """What `diff` found.

    Attributes:
        before, after: What was compared of each model: graph, nodes, bytes, op counts.
        added: Nodes that only the second graph has, in its order; `removed` the other way round.
        changed: Nodes of both that differ, each with the ``fields`` that do.
        unchanged: How many nodes mean the same in both.
        renamed: Nodes paired by structure: name in the first graph to that in the second.
        signatures, functions: Keys and names that were added, removed and changed.
    """

    before: Side
    after: Side
    added: list[str]
    removed: list[str]
    changed: list[Changed]
    unchanged: int
    renamed: Mapping[str, str]
    signatures: Names
    functions: Names

    def __repr__(self) -> str:
        nodes = {
            "added": len(self.added),
            "removed": len(self.removed),
            "changed": len(self.changed),
            "unchanged": self.unchanged,
        }
        return f"<Diff: {', '.join(f'{number:,} {what}' for what, number in nodes.items())}>"

    def _repr_html_(self) -> str:
        return html(listing.diff(self.to_dict()))

    def op_counts(self) -> list[dict[str, Any]]:
        """Nodes of each op on both sides, the most frequent first, then by name."""
        rows = [
            {
                "op": op,
                "before": self.before.op_counts.get(op, 0),
                "after": self.after.op_counts.get(op, 0),
            }
            for op in {**self.before.op_counts, **self.after.op_counts}
        ]
        return sorted(rows, key=lambda row: (-max(row["before"], row["after"]), row["op"]))

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``inspector diff``: ``renamed`` lists the pairs by structure, ``pairs``
        counts both kinds, and a node in ``changed`` that was renamed has its new name as ``after``.
        """
        paired = self.unchanged + len(self.changed)
        return stamped(
            {
                "before": {"nodes": self.before.nodes, "bytes": self.before.bytes},
                "after": {"nodes": self.after.nodes, "bytes": self.after.bytes},
                "op_counts": self.op_counts(),
                "nodes": {
                    "added": self.added,
                    "removed": self.removed,
                    "changed": [item.to_dict() for item in self.changed],
                    "unchanged": self.unchanged,
                },
                "renamed": [{"before": a, "after": b} for a, b in self.renamed.items()],
                "pairs": {NAME: paired - len(self.renamed), STRUCTURE: len(self.renamed)},
                "signatures": self.signatures.to_dict(),
                "functions": self.functions.to_dict(),
                "compared": {"before": self.before.compared, "after": self.after.compared},
            }
        )


Value = Callable[[NodeDef], TensorProto]


def diff(before: Model | Graph, after: Model | Graph) -> Diff:
    """What changed between two models or graphs: nodes, signatures, functions.

    Nodes are paired by name where names agree, else by structure, so a renamed node is neither
    added nor removed.

    Raises: ModelError, GraphError.
    """
    old, old_side = _side(before)
    new, new_side = _side(after)
    first, second = _by_name(old), _by_name(new)
    values = (_value(before), _value(after))
    partner = _partners(old, new, values)
    paired = set(partner.values())
    compare = _Comparison(values, partner)
    changed, unchanged = [], 0
    for name, other in partner.items():
        fields = compare.fields(first[name], second[other])
        if fields:
            changed.append(Changed(name, fields, other))
        else:
            unchanged += 1
    return Diff(
        before=old_side,
        after=new_side,
        added=[name for name in second if name not in paired],
        removed=[name for name in first if name not in partner],
        changed=changed,
        unchanged=unchanged,
        renamed={name: other for name, other in partner.items() if name != other},
        signatures=_names(_signatures(before), _signatures(after)),
        functions=_names(_functions(old.library), _functions(new.library)),
    )


def _partners(old: Graph, new: Graph, values: tuple[Value, Value]) -> dict[str, str]:
    """Node of the first graph to its partner; two left over with one name are one that changed."""
    pairs = pair(old, new, values)
    partner, taken = dict(pairs.forward), set(pairs.after)
    others = new.columns().index
    for name in old.columns().index:
        if name not in partner and name in others and name not in taken:
            partner[name] = name
    return partner


class _Comparison:
    """Compares nodes that are partners; reading another input that is its partner is no change."""

    def __init__(self, values: tuple[Value, Value], partner: Mapping[str, str]) -> None:
        self.values = values
        self._renamed = {name: other for name, other in partner.items() if name != other}

    def fields(self, a: NodeDef, b: NodeDef) -> list[str]:
        """What differs between two nodes apart from their names; empty where they mean the same."""
        if a is b and not self._renamed:
            return []
        is_const = a.op == "Const" and b.op == "Const"
        if not is_const and a == b and not self._renamed:
            return []
        differences = ["op"] if a.op != b.op else []
        if self._read(a) != _inputs(b):
            differences.append("inputs")
        if a.device != b.device:
            differences.append("device")
        for key in sorted({*a.attr, *b.attr}):
            old, new = opdefs.attr(a, key), opdefs.attr(b, key)
            if is_const and key == "value" and key in a.attr and key in b.attr:
                same = self._same_constant(a, b)
            elif key == _COLOCATED and self._renamed:
                same = _same_attr(old, new) or self._colocated(a) == list(b.attr[key].list.s)
            else:
                same = _same_attr(old, new)
            if not same:
                differences.append(f"attr:{key}")
        return differences

    def _read(self, node: NodeDef) -> tuple[list[str], set[str]]:
        """The inputs of a node of the first graph, by the names of the second."""
        data, control = _inputs(node)
        if not self._renamed:
            return data, control
        return [self._after(text) for text in data], {self._after(text) for text in control}

    def _colocated(self, node: NodeDef) -> list[bytes]:
        """The nodes beside which it runs, by the names of the second graph."""
        texts = [text.decode(errors="replace") for text in node.attr[_COLOCATED].list.s]
        marked = [text.partition(_AT) for text in texts]
        return [f"{head}{mark}{self._after(name)}".encode() if mark else head.encode()
                for head, mark, name in marked]  # fmt: skip

    def _after(self, text: str) -> str:
        read = split_input(text)
        return str(read._replace(name=self._renamed.get(read.name, read.name)))

    def _same_constant(self, a: NodeDef, b: NodeDef) -> bool:
        try:
            old, new = self.values[0](a), self.values[1](b)
        except InspectorError:
            # A value that cannot be read: all there is to compare is what stands in the node.
            return bool(a.attr["value"] == b.attr["value"])
        return same_tensor(old, new)


def same_tensor(a: TensorProto, b: TensorProto) -> bool:
    """True where both hold the same numbers, bit for bit, however they are encoded."""
    if a is b:
        return True
    if a.dtype != b.dtype or a.tensor_shape != b.tensor_shape:
        return False
    if a.tensor_content and len(a.tensor_content) == len(b.tensor_content):
        return bool(a.tensor_content == b.tensor_content)
    if a == b:
        return True
    try:
        first = tensors.to_numpy(a, max_bytes=_MAX_COMPARED)
        second = tensors.to_numpy(b, max_bytes=_MAX_COMPARED)
    except InspectorError:
        return False
    if not first.size:
        return True
    if _is_splat(first) and _is_splat(second):
        # One value each, repeated as often as the file says: only that one is looked at.
        first, second = first[(0,) * first.ndim], second[(0,) * second.ndim]
    elif first.nbytes > _MAX_COMPARED:
        return False
    first, second = np.asarray(first), np.asarray(second)
    if first.dtype == np.object_:
        return bool(np.array_equal(first, second))
    return np.ascontiguousarray(first).tobytes() == np.ascontiguousarray(second).tobytes()


def _is_splat(array: tensors.Array) -> bool:
    return not any(array.strides)


def _same_attr(a: AttrValue | None, b: AttrValue | None) -> bool:
    if a is None or b is None:
        return a is b
    if a == b:
        return True
    if a.WhichOneof("value") == b.WhichOneof("value") == "tensor":
        return same_tensor(a.tensor, b.tensor)
    return False


def _inputs(node: NodeDef) -> tuple[list[str], set[str]]:
    """Data inputs in order, and the set of control inputs."""
    data, control = [], set()
    for text in node.input:
        if text.startswith("^"):
            control.add(text)
        else:
            data.append(str(split_input(text)))
    return data, control


def _side(source: Model | Graph) -> tuple[Graph, Side]:
    compared = MAIN
    if isinstance(source, Graph):
        graph, size = source, source.byte_size()
    else:
        try:
            graph = serving_graph(source)
        except InspectorError:
            graph = source.outline
        compared = MAIN if graph is source.outline else SERVING
        size = source.bytes["total"] if "total" in source.bytes else source.graph.byte_size()
    counts = source.op_counts(graph) if isinstance(source, Model) else graph.op_counts()
    return graph, Side(compared, sum(counts.values()), size, counts)


def _by_name(graph: Graph) -> dict[str, NodeDef]:
    by_name: dict[str, NodeDef] = {}
    for node in graph:
        by_name.setdefault(node.name, node)
    return by_name


def _value(source: Model | Graph) -> Value:
    if isinstance(source, Model):
        return source.value
    return lambda node: node.attr["value"].tensor


def _names(before: Mapping[str, Any], after: Mapping[str, Any]) -> Names:
    return Names(
        added=sorted(key for key in after if key not in before),
        removed=sorted(key for key in before if key not in after),
        changed=sorted(key for key in before if key in after and before[key] != after[key]),
    )


def _signatures(source: Model | Graph) -> dict[str, SignatureDef]:
    return dict(source.signatures) if isinstance(source, Model) else {}


def _functions(library: FunctionDefLibrary) -> dict[str, Any]:
    return {function.signature.name: function for function in library.function}
