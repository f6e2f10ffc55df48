"""All that may be asked of a model, asked of one that may be hostile; each with its one outcome.

An outcome is ``ok`` or the one `InspectorError`; whatever else is raised gets through to the
caller, and that is the finding.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inspector.analysis import operations
from inspector.analysis.describe import describe
from inspector.analysis.diff import diff
from inspector.errors import InspectorError
from inspector.files import storing
from inspector.formats import graphdef, open_model, saved_model_writer
from inspector.freezing.freeze import freeze
from inspector.graph import opdefs
from inspector.model.model import Model
from inspector.optimisation.optimise import check_frozen, optimise
from inspector.optimisation.optimise_options import OptimiseOptions
from inspector.printing.describing import describe as listed
from inspector.view.table.builder import NodeTableBuilder
from inspector.view.table.node_table import NodeTable
from inspector.view.table.operation_details import OperationDetails
from inspector.view.table.operation_table import OperationTable
from inspector.view.tree import hierarchy

OK = "ok"
TRANSFORMS = "strip_unused_nodes merge_duplicate_nodes quantize_weights sort_by_execution_order"


def outcomes(path: Path) -> dict[str, str]:
    """What comes of each: ``open``, and where that is ok all the others."""
    found: dict[str, Any] = {}

    def opened() -> None:
        found["model"] = open_model(path)

    told = {"open": outcome(opened)}
    if told["open"] == OK:
        told |= {name: outcome(lambda ask=ask: ask(found["model"])) for name, ask in ASKED.items()}
    return told


def outcome(work: Callable[[], object]) -> str:
    """``ok``, or the error's class and text."""
    try:
        work()
    except InspectorError as err:
        return f"{type(err).__name__}: {err}"
    return OK


def _described(model: Model) -> None:
    facts = describe(model).to_dict()
    json.dumps(facts).encode()
    listed(model.name, facts)


def _operations(model: Model) -> None:
    rows = [row.to_dict() for row in operations.operations(model)]
    json.dumps(rows).encode()


def _view(model: Model) -> None:
    builder = NodeTableBuilder(model)
    details = OperationDetails(builder)
    summary = builder.node_table()
    summary = NodeTable.from_json(summary.to_json())
    hierarchy.build(summary).to_json().encode()
    listed_operations = OperationTable(summary, json.dumps(details.beside()).encode())
    listed_operations.rows(listed_operations.find("a:0 float32"))
    for name in [node.name for node in builder.graph][:20]:
        outcome(lambda name=name: json.dumps(details.details(name)).encode())


def _variables(model: Model) -> None:
    for variable in model.variables[:20]:
        if model.checkpoint is not None:
            model.checkpoint.read(variable.name)


def _frozen(model: Model) -> None:
    freeze(model)


def _frozen_by_name(model: Model) -> None:
    # A node that gives no value is refused before anything of the graph is looked at.
    names = [node.name for node in model.outline if opdefs.output_dtypes(node) != []]
    freeze(model, names[-1:] or ["x"])


def _optimised(model: Model) -> None:
    optimise(model, OptimiseOptions(transforms=TRANSFORMS))


def _diff(model: Model) -> None:
    json.dumps(diff(model, model).to_dict()).encode()


def _saved(model: Model) -> None:
    with tempfile.TemporaryDirectory() as folder:
        saved_model_writer.write(model, Path(folder) / "saved")


def _saved_graph(model: Model) -> None:
    with tempfile.TemporaryDirectory() as folder:
        check_frozen(model)
        with storing.new_file(Path(folder) / "saved.pb", force=False) as file:
            graphdef.write(model, file)


ASKED: dict[str, Callable[[Model], None]] = {
    "describe": _described,
    "operations": _operations,
    "view": _view,
    "variables": _variables,
    "freeze": _frozen,
    "freeze by name": _frozen_by_name,
    "optimise": _optimised,
    "diff": _diff,
    "save": _saved,
    "save as graph": _saved_graph,
}
