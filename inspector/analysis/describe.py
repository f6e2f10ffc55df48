"""The facts of a model: what the overview page shows and ``inspector describe`` prints.

Needs shapes and dtypes only, never the value of a tensor: a reader may have left the bytes of big
tensors out.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from inspector.analysis import cautions, compatibility, outputs
from inspector.analysis.functions import FunctionFacts, list_functions
from inspector.analysis.init_ops import InitOps, init_ops
from inspector.analysis.outputs import Suggestion
from inspector.errors import InspectorError
from inspector.formats.releases import release_of
from inspector.formats.tag_sets import MetaGraphFacts, meta_graphs, signature_dict
from inspector.graph.protos import SignatureDef, VersionDef
from inspector.model.callables import Callable, callables
from inspector.model.graph_facts import (
    GraphFacts,
    Tensor,
    constant_parameters,
    control_edges,
    graph_facts,
)
from inspector.model.model import Asset, Model, Variable
from inspector.model.python_functions import PythonFunction, python_functions
from inspector.model.serving import serving_graph
from inspector.model.signatures import serving_keys
from inspector.printing import describing
from inspector.printing.text_tables import html
from inspector.schemas import stamped
from inspector.text import shorten


@dataclass(repr=False)
class Facts:
    """The facts of a model; `to_dict` is the JSON of ``describe``, whose keys are attributes too.

    Entries for one format alone, such as ``keras`` or ``subgraphs``, are in `extra`.

    Attributes:
        name: What the model is called; not in the JSON.
        format: ``SavedModel``, ``GraphDef``, ``Keras``, ``TFLite`` and so on.
        tag_sets, tag_set: All tag-sets of the file, and the chosen one.
        graph: The main graph, counted: ``nodes``, ``op_counts``, ``placeholders`` and so on.
        serving: The serving function's graph, its calls inlined, where the main graph is only
            plumbing around it (TensorFlow 2); else None.
        producer: The release that wrote the file: as the file says, else by the GraphDef's version.
        versions: Those of the GraphDef: ``producer``, ``min_consumer``, and ``bad_consumers`` where
            there are any.
        control_edges: Control inputs of the nodes of the main graph.
        functions: How many functions the library holds; `function_op_counts` counts the nodes of
            their bodies, each body once. `gradients`: how many it names as the gradient of one.
        function_list: The functions of the library: arguments, results, nodes and calls.
        signatures: Signature key to SignatureDef.
        variable_list: What the checkpoint holds.
        assets: Files that the graph reads when its tables are initialised.
        constant_parameters: Elements of large constants of the serving function, or of the main
            graph; the other `parameters` are variables.
        python_functions: Functions of a TensorFlow 2 model by their Python names, each with the
            arguments that it was traced for.
        meta_graphs: Of a file with several tag-sets, the signatures and ops of each.
        parameters: Their number, as `graph_facts.parameters` counts them.
        bytes: Bytes of ``graph``, ``variables``, ``assets`` and ``total``.
        suggested_outputs: Likely outputs, each with the reason and the inputs that it depends on.
        flagged_ops: What to know before a run: ops that are refused; of the rest what the suggested
            outputs depend on, see `cautions`.
        callables: Functions that Python calls, of a TensorFlow 2 model without signatures.
        init_op: What runs once before the first run, and what it gives a value.
        warnings: One sentence each on what is wrong or missing.
        extra: `Model.format_facts`: entries of the JSON for this format alone, or in place of the
            usual ones.
    """

    name: str
    format: str
    tag_sets: list[list[str]]
    tag_set: list[str]
    producer: str
    graph: GraphFacts
    serving: GraphFacts | None
    functions: int
    function_op_counts: dict[str, int]
    gradients: int
    control_edges: int
    constant_parameters: int
    function_list: list[FunctionFacts]
    signatures: dict[str, SignatureDef]
    variable_list: list[Variable]
    assets: list[Asset]
    parameters: int
    bytes: dict[str, int]
    suggested_outputs: list[Suggestion]
    versions: dict[str, Any]
    flagged_ops: list[dict[str, Any]]
    callables: list[Callable] = field(default_factory=list)
    init_op: InitOps = field(default_factory=InitOps)
    python_functions: list[PythonFunction] = field(default_factory=list)
    meta_graphs: list[MetaGraphFacts] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<Facts of {shorten(self.name)}: {self.format}, {self.nodes:,} nodes>"

    def _repr_html_(self) -> str:
        return html(describing.describe(self.name, self.to_dict()))

    @property
    def nodes(self) -> int:
        """Nodes of the main graph."""
        return self.graph.nodes

    @property
    def op_counts(self) -> dict[str, int]:
        """Op to number of nodes of the main graph."""
        return self.graph.op_counts

    @property
    def placeholders(self) -> list[Tensor]:
        """The feeds of the main graph: ``name``, ``dtype``, ``shape``."""
        return self.graph.placeholders

    @property
    def softmax(self) -> list[str]:
        """Softmax nodes of the serving function, or of the main graph where there is none."""
        return (self.graph if self.serving is None else self.serving).softmax

    @property
    def constants(self) -> int:
        """Const nodes of the main graph; of a TFLite model constant tensors."""
        return self.graph.constants

    @property
    def variables(self) -> int:
        """Nodes of the main graph whose op has "Variable" in it."""
        return self.graph.variables

    @property
    def identities(self) -> int:
        """Identity nodes of the main graph."""
        return self.graph.identities

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``describe``.

        ``serving`` and ``python_functions`` are there for TensorFlow 2, ``meta_graphs`` for a file
        with several tag-sets, ``keras`` for Keras, ``callables`` for a
        SavedModel of TensorFlow 2 without signatures, ``init_op`` where state has to be set before
        the first run and the file is no SavedModel.
        """
        facts = {
            "format": self.format,
            "tag_sets": self.tag_sets,
            "tag_set": self.tag_set,
            "producer": self.producer,
            "nodes": self.nodes,
            "op_counts": self.op_counts,
            "functions": self.functions,
            "function_op_counts": self.function_op_counts,
            "gradients": self.gradients,
            "control_edges": self.control_edges,
            "function_list": [item.to_dict() for item in self.function_list],
            "placeholders": [item.to_dict() for item in self.placeholders],
            "softmax": self.softmax,
            "constants": self.constants,
            "variables": self.variables,
            "identities": self.identities,
            "signatures": {
                key: signature_dict(self.signatures[key]) for key in sorted(self.signatures)
            },
            "variable_list": [
                {"name": item.name, "dtype": item.dtype, "shape": item.shape, "bytes": item.bytes}
                for item in self.variable_list
            ],
            "assets": [{"name": item.name, "tensor": item.tensor} for item in self.assets],
            "parameters": self.parameters,
            "constant_parameters": self.constant_parameters,
            "bytes": self.bytes,
            "suggested_outputs": [item.to_dict() for item in self.suggested_outputs],
            "versions": self.versions,
            "flagged_ops": self.flagged_ops,
            "warnings": self.warnings,
        }
        if self.serving is not None:
            facts["serving"] = self.serving.to_dict()
        if self.callables:
            facts["callables"] = [item.to_dict() for item in self.callables]
        if self.python_functions:
            facts["python_functions"] = [item.to_dict() for item in self.python_functions]
        if self.meta_graphs:
            facts["meta_graphs"] = [item.to_dict() for item in self.meta_graphs]
        if self.init_op.is_news:
            facts["init_op"] = self.init_op.to_dict()
        return stamped({**facts, **self.extra})


def describe(model: Model) -> Facts:
    """The facts of a model. Reads no tensor's value and runs nothing."""
    graph, warnings = model.outline, [*model.warnings, *model.problems()]
    try:
        serving = serving_graph(model)
    except InspectorError as err:
        serving = graph
        warnings.append(f"The serving function cannot be shown by itself: {err}")
    counts = model.graph_facts()
    functions, function_ops = model.function_ops()
    op_counts = Counter(counts.op_counts) + function_ops
    suggestions, flagged = outputs.suggest(model), model.flagged_ops(op_counts)
    if model.holds_ops:
        warnings += compatibility.of(model, op_counts)
        if suggestions:
            reach = cautions.Reach(model, [item.name for item in suggestions])
            flagged = [*cautions.reached(flagged, reach.ops()), *cautions.of(model, reach)]
    flagged = [{**row, "in_prediction": row.get("in_prediction")} for row in flagged]
    return Facts(
        name=model.name,
        format=model.format,
        tag_sets=model.tag_sets,
        tag_set=model.tag_set,
        producer=model.producer or (release_of(graph.versions.producer) if model.holds_ops else ""),
        graph=counts,
        serving=None if serving is graph else graph_facts(serving),
        functions=functions,
        function_op_counts=_by_count(function_ops),
        gradients=len(graph.library.gradient),
        control_edges=control_edges(graph),
        constant_parameters=constant_parameters(serving) if model.holds_ops else 0,
        function_list=list_functions(graph),
        signatures=model.signatures,
        variable_list=model.variables,
        assets=model.assets,
        parameters=model.parameters(serving),
        bytes=sizes(model),
        suggested_outputs=suggestions,
        versions=versions_dict(graph.versions),
        flagged_ops=flagged,
        callables=[] if _has_signatures(model) else callables(model),
        init_op=init_ops(model),
        python_functions=python_functions(model),
        meta_graphs=meta_graphs(model),
        warnings=warnings,
        extra=model.format_facts(),
    )


def _has_signatures(model: Model) -> bool:
    """Whether the file has signatures for users, beside a function that was chosen as one."""
    stored = model.signatures if model.meta_graph is None else model.meta_graph.signature_def
    return bool(serving_keys(stored))


def sizes(model: Model) -> dict[str, int]:
    """Bytes of graph, variables and assets and their total; measured where the reader has none."""
    sizes = dict(model.bytes) or {"graph": model.graph.byte_size()}
    parts = {key: sizes.get(key, 0) for key in ("graph", "variables", "assets")}
    return {**parts, "total": sizes.get("total", sum(parts.values()))}


def versions_dict(versions: VersionDef) -> dict[str, Any]:
    """The versions of a GraphDef as in the JSON of ``describe``."""
    numbers = {"producer": versions.producer, "min_consumer": versions.min_consumer}
    bad = list(versions.bad_consumers)
    return {**numbers, "bad_consumers": bad} if bad else numbers


def _by_count(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
