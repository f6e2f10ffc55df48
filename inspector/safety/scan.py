"""Finds what in a model accesses files, the network or code outside of it, without running it.

The rulings are those by which models run (`op_safety`), and reachability is that of runs (`reach`).
An entry is a way to use the model: a signature; loading, which restores variables and fills tables;
without a signature, a likely output. The ops with which a SavedModel saves and restores itself are
listed only if an entry reaches them with a file that is not the model's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from inspector.analysis import outputs
from inspector.analysis.init_ops import init_ops
from inspector.analysis.saving import only_saves
from inspector.errors import ModelError
from inspector.files.paths import is_file
from inspector.graph import op_safety
from inspector.graph.graph import Graph, node_name
from inspector.graph.op_safety import BLOCK, PLUMBING
from inspector.graph.protos import NodeDef
from inspector.model import signatures
from inspector.model.model import Model
from inspector.printing import scan_text
from inspector.printing.short_record import ShortRecord
from inspector.printing.text_tables import html
from inspector.safety.reach import Site, nodes_at, notable, sites
from inspector.schemas import stamped
from inspector.text import count, shorten

LOADING = "loading the model"
ANY, OTHERS = "any output", "other outputs"
LISTED_PLACES = 100
"""Nodes listed per finding; `Finding.count` is complete."""

_KERAS_METADATA = "keras_metadata.pb"


@dataclass(frozen=True)
class Place:
    """A node or layer, and the function or subgraph that contains it, if any."""

    node: str
    function: str = ""

    def to_dict(self) -> dict[str, str]:
        """Both names."""
        return {"node": self.node, "function": self.function}


@dataclass(repr=False)
class Finding(ShortRecord):
    """One op, layer or attribute that accesses something outside of the model.

    Attributes:
        what: The op, the operator of TFLite or the class of the layer.
        attribute: The attribute that is the reason; empty if the op itself is.
        kind: The class of ops in `op_safety.CLASSES`; ``attribute``, ``layer`` or ``operator``.
        why: What it can do, as a clause.
        severity: ``block`` if Inspector refuses to run it, ``warn`` if it runs.
        count: Nodes or layers in all.
        places: The first `LISTED_PLACES` of them.
        reached_by: The entries that reach it; empty if it is in the file but not reachable.
    """

    what: str
    attribute: str
    kind: str
    why: str
    severity: str
    count: int = 0
    places: list[Place] = field(default_factory=list)
    reached_by: list[str] = field(default_factory=list)

    @property
    def blocks(self) -> bool:
        """True if an entry reaches it and is refused for it."""
        return self.severity == BLOCK and bool(self.reached_by)

    def to_dict(self) -> dict[str, Any]:
        """One object of ``findings`` in the JSON of ``inspector scan``."""
        return {
            "what": self.what,
            "attribute": self.attribute,
            "kind": self.kind,
            "why": self.why,
            "severity": self.severity,
            "count": self.count,
            "places": [place.to_dict() for place in self.places],
            "reached_by": self.reached_by,
        }


@dataclass(frozen=True, repr=False)
class Scan:
    """What `scan` found; ``to_dict`` is the JSON of ``inspector scan``.

    Attributes:
        model, format: Of the model.
        entries: The entries that were followed.
        findings: Refused and reached ones first, then refused ones, then the others.
    """

    model: str
    format: str
    entries: list[str]
    findings: list[Finding]

    def __repr__(self) -> str:
        state = "blocked" if self.blocked else "nothing blocked"
        return f"<Scan of {shorten(self.model)}: {count(len(self.findings), 'finding')}, {state}>"

    def _repr_html_(self) -> str:
        return html(scan_text.scan(self.to_dict()))

    @property
    def blocked(self) -> bool:
        """True if an entry reaches something that is refused."""
        return any(item.blocks for item in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and dicts."""
        return stamped(
            {
                "model": self.model,
                "format": self.format,
                "blocked": self.blocked,
                "entries": self.entries,
                "findings": [item.to_dict() for item in self.findings],
            }
        )


class _Findings:
    """Collects findings, one per op, attribute and reason."""

    def __init__(self) -> None:
        self._by_key: dict[tuple[str, str, str], Finding] = {}
        self._places: dict[tuple[str, str, str], set[Place]] = {}

    def add(self, finding: Finding, place: Place, entry: str = "") -> None:
        """Add one place of a finding, and the entry that reaches it."""
        key = (finding.what, finding.attribute, finding.why)
        listed = self._by_key.setdefault(key, finding)
        places = self._places.setdefault(key, set())
        if place not in places:
            places.add(place)
            listed.count += 1
            if len(listed.places) < LISTED_PLACES:
                listed.places.append(place)
        if entry and entry not in listed.reached_by:
            listed.reached_by.append(entry)

    def sorted(self) -> list[Finding]:
        """The most severe first."""
        return sorted(
            self._by_key.values(),
            key=lambda item: (not item.blocks, item.severity != BLOCK, item.what),
        )


def scan(model: Model) -> Scan:
    """Search a model for access to anything outside of it, without running it.

    No tensor's value is read.
    """
    findings = _Findings()
    if not model.holds_ops:
        entries = model.entries()
        for use in model.code_uses():
            finding = Finding(use.kind, "", use.part, use.why, BLOCK)
            for entry in use.entries or ("",):
                findings.add(finding, Place(use.layer, use.function), entry)
    else:
        entries = _scan_graph(model, findings)
        try:
            for kind, layer, why in _python_layers(model):
                findings.add(Finding(kind, "", "layer", why, BLOCK), Place(layer))
        except ModelError as err:
            why = f"cannot be searched for Python code: {err.why}"
            findings.add(Finding(_KERAS_METADATA, "", "layer", why, BLOCK), Place(""))
    return Scan(model.name, model.format, entries, findings.sorted())


def _scan_graph(model: Model, findings: _Findings) -> list[str]:
    graph = model.outline
    functions = {item.signature.name for item in graph.library.function}
    for node, function in _all_nodes(graph):
        ours = node.op in functions and op_safety.class_of(node.op) is op_safety.UNKNOWN
        decision = op_safety.ruling(node)
        if decision.severity and node.op not in PLUMBING and not ours:
            site = Site(node.name, node.op, function, decision)
            findings.add(_of_site(site), Place(site.node, site.function))
    entries = dict(_entries(model))
    if functions or notable(graph).any():
        for entry, reach in entries.items():
            for site in sites(graph, **reach):
                findings.add(_of_site(site), Place(site.node, site.function), entry)
    return list(entries)


def _all_nodes(graph: Graph) -> Iterator[tuple[NodeDef, str]]:
    """The notable nodes of the graph, and all nodes of function bodies with the function's name."""
    for node in nodes_at(graph, notable(graph)):
        yield node, ""
    for function in graph.library.function:
        for node in function.node_def:
            yield node, function.signature.name


def _of_site(site: Site) -> Finding:
    decision = site.ruling
    return Finding(site.op, decision.attribute, decision.kind, decision.why, decision.severity)


def _entries(model: Model) -> Iterator[tuple[str, dict[str, Any]]]:
    """The entries of a graph model, and the arguments of `reach.sites` for each."""
    graph, once, own = model.outline, list(init_ops(model).nodes), list[str]()
    if model.init_op:
        own += [item.tensor for item in model.assets if item.path is not None]
    saver = None if model.meta_graph is None else model.meta_graph.saver_def
    restores = model.format == "SavedModel" or model.checkpoint is not None
    if restores and saver is not None and node_name(saver.restore_op_name) in graph:
        once.append(saver.restore_op_name)
        own.append(saver.filename_tensor_name)
    if once:
        yield LOADING, {"fetches": (), "once": once, "own_files": own}
    keys = signatures.serving_keys(model.signatures)
    for key in keys:
        signature = model.signatures[key]
        feeds = list(signatures.tensors_by_key(signature.inputs).values())
        yield key, {"fetches": signatures.output_tensors(signature), "feeds": feeds}
    if keys or only_saves(graph, model.init_op):
        return
    likely = [item.name for item in outputs.of_graph(graph)]
    for name in likely[: outputs.LIMIT]:
        yield f"output {name}", {"fetches": [name]}
    if not likely:
        yield ANY, {"fetches": _any_output(graph)}
    elif len(likely) > outputs.LIMIT:
        yield OTHERS, {"fetches": likely[outputs.LIMIT :]}


def _any_output(graph: Graph) -> list[str]:
    columns = graph.columns()
    saves = columns.of_ops(PLUMBING)
    return [name for name, saving in zip(columns.names, saves, strict=True) if not saving]


def _python_layers(model: Model) -> Iterable[tuple[str, str, str]]:
    """Layers with Python code in the metadata that Keras 2 writes into a SavedModel.

    Inspector never runs that code; ``keras.models.load_model`` does.
    """
    if model.format != "SavedModel" or model.path is None:
        return
    folder = model.path if model.path.is_dir() else model.path.parent
    if not is_file(folder / _KERAS_METADATA):
        return
    from inspector.formats.keras import code, metadata

    for name, config in metadata.layers(folder / _KERAS_METADATA):
        for use in code.find(config):
            if use.kind == "Lambda":
                yield use.kind, use.layer or name, f"{use.why}, when Keras loads this folder"
