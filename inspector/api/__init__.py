"""What `import inspector` offers, and what the command line calls; see docs/api.md.

A name is imported at its first use, so that `import inspector` takes milliseconds. No model runs in
the caller's process; all else is computed there, without TensorFlow.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inspector.analysis.class_names import read_class_names as read_class_names
    from inspector.analysis.describe import Facts as Facts
    from inspector.analysis.diff import Diff as Diff
    from inspector.analysis.diff import diff as diff
    from inspector.analysis.node_errors import Blame as Blame
    from inspector.analysis.node_errors import NodeError as NodeError
    from inspector.analysis.operations import operations as operations
    from inspector.analysis.outputs import Suggestion as Suggestion
    from inspector.api.open_models import describe as describe
    from inspector.api.open_models import from_graph_def as from_graph_def
    from inspector.api.open_models import open_model as open_model
    from inspector.api.open_models import quantisation as quantisation
    from inspector.api.open_models import sarif as sarif
    from inspector.api.open_models import scan as scan
    from inspector.api.open_models import to_tensorflow as to_tensorflow
    from inspector.api.predicting import doctor as doctor
    from inspector.api.predicting import predict as predict
    from inspector.api.transform_graph import TransformGraph as TransformGraph
    from inspector.api.transform_graph import transform_graph_file as transform_graph_file
    from inspector.api.transforming import freeze as freeze
    from inspector.api.transforming import optimise as optimise
    from inspector.api.transforming import optimize as optimize
    from inspector.api.writing import FORMATS as FORMATS
    from inspector.api.writing import convert as convert
    from inspector.api.writing import save as save
    from inspector.api.writing import sensitivity as sensitivity
    from inspector.errors import InspectorError as InspectorError
    from inspector.formats.tflite.quantisation_report import (
        QuantisationReport as QuantisationReport,
    )
    from inspector.formats.tflite.quantisation_report import Sensitivity as Sensitivity
    from inspector.graph.edit import Change as Change
    from inspector.graph.edit import Skip as Skip
    from inspector.graph.op_safety import BLOCK as BLOCK
    from inspector.jobs.client.blaming import blame as blame
    from inspector.jobs.client.comparing import Comparison as Comparison
    from inspector.jobs.client.comparing import compare as compare
    from inspector.jobs.client.feed_reading import feed_template as feed_template
    from inspector.jobs.client.feed_reading import read_feeds as read_feeds
    from inspector.jobs.client.feed_reading import top_classes as top_classes
    from inspector.jobs.client.predict import Prediction as Prediction
    from inspector.jobs.client.profiling import profile as profile
    from inspector.jobs.client.timing import benchmark as benchmark
    from inspector.jobs.client.timing import benchmark_batches as benchmark_batches
    from inspector.measurement.batch_sweep import BatchSweep as BatchSweep
    from inspector.measurement.batch_sweep import BatchTimes as BatchTimes
    from inspector.measurement.batch_sweep import SteadyTimes as SteadyTimes
    from inspector.measurement.limits import Limit as Limit
    from inspector.measurement.node_times import NodeTime as NodeTime
    from inspector.measurement.node_times import OpTime as OpTime
    from inspector.measurement.node_times import Profile as Profile
    from inspector.measurement.run_times import Benchmark as Benchmark
    from inspector.measurement.run_times import RunTimes as RunTimes
    from inspector.model.checkpoint import Variable as Variable
    from inspector.model.graph_facts import GraphFacts as GraphFacts
    from inspector.model.model import Model as Model
    from inspector.model.operation import Operation as Operation
    from inspector.optimisation.feeding.array_files import csv_text as csv_text
    from inspector.optimisation.feeding.array_files import write_npz as write_npz
    from inspector.optimisation.feeding.label_files import read_labels as read_labels
    from inspector.optimisation.result import Optimised as Optimised
    from inspector.optimisation.tflite.recipes import RECIPE_NAMES as RECIPE_NAMES
    from inspector.optimisation.tflite.recipes import RECIPES as RECIPES
    from inspector.passes.catalogue import Parameter as Parameter
    from inspector.passes.catalogue import Transform as Transform
    from inspector.passes.catalogue import presets as presets
    from inspector.passes.catalogue import transforms as transforms
    from inspector.passes.pipeline import OnViolation as OnViolation
    from inspector.passes.presets import Preset as Preset
    from inspector.passes.records import Difference as Difference
    from inspector.passes.records import Step as Step
    from inspector.passes.records import Verdict as Verdict
    from inspector.reporting.commands import Origin as Origin
    from inspector.reporting.report_contents import ReportContents as ReportContents
    from inspector.reporting.write import report as report
    from inspector.safety.scan import Finding as Finding
    from inspector.safety.scan import Scan as Scan
    from inspector.schemas import schema as schema
    from inspector.schemas import schema_names as schema_names
    from inspector.searching.model_search import search as search
    from inspector.searching.outcome import Measured as Measured
    from inspector.searching.outcome import SearchResult as SearchResult
    from inspector.settings import Setting as Setting
    from inspector.sweeping.model_sweep import sweep as sweep
    from inspector.sweeping.swept import SweepResult as SweepResult
    from inspector.sweeping.swept import Swept as Swept
    from inspector.view.export.render import render as render

PLACES = {
    "BLOCK": "graph.op_safety",
    "BatchSweep": "measurement.batch_sweep",
    "BatchTimes": "measurement.batch_sweep",
    "Benchmark": "measurement.run_times",
    "Blame": "analysis.node_errors",
    "Change": "graph.edit",
    "Comparison": "jobs.client.comparing",
    "Diff": "analysis.diff",
    "Difference": "passes.records",
    "FORMATS": "api.writing",
    "Facts": "analysis.describe",
    "Finding": "safety.scan",
    "GraphFacts": "model.graph_facts",
    "InspectorError": "errors",
    "Limit": "measurement.limits",
    "Measured": "searching.outcome",
    "Model": "api.open_models",
    "NodeError": "analysis.node_errors",
    "NodeTime": "measurement.node_times",
    "OnViolation": "passes.pipeline",
    "OpTime": "measurement.node_times",
    "Operation": "model.operation",
    "Optimised": "optimisation.result",
    "Origin": "reporting.commands",
    "Parameter": "passes.catalogue",
    "Prediction": "jobs.client.predict",
    "Preset": "passes.presets",
    "Profile": "measurement.node_times",
    "QuantisationReport": "formats.tflite.quantisation_report",
    "RECIPES": "optimisation.tflite.recipes",
    "RECIPE_NAMES": "optimisation.tflite.recipes",
    "ReportContents": "reporting.report_contents",
    "RunTimes": "measurement.run_times",
    "Scan": "safety.scan",
    "SearchResult": "searching.outcome",
    "Sensitivity": "formats.tflite.quantisation_report",
    "Setting": "settings",
    "Skip": "graph.edit",
    "SteadyTimes": "measurement.batch_sweep",
    "Step": "passes.records",
    "Suggestion": "analysis.outputs",
    "SweepResult": "sweeping.swept",
    "Swept": "sweeping.swept",
    "Transform": "passes.catalogue",
    "TransformGraph": "api.transform_graph",
    "Variable": "model.checkpoint",
    "Verdict": "passes.records",
    "benchmark": "jobs.client.timing",
    "benchmark_batches": "jobs.client.timing",
    "blame": "jobs.client.blaming",
    "compare": "jobs.client.comparing",
    "convert": "api.writing",
    "csv_text": "optimisation.feeding.array_files",
    "describe": "api.open_models",
    "diff": "analysis.diff",
    "doctor": "api.predicting",
    "feed_template": "jobs.client.feed_reading",
    "freeze": "api.transforming",
    "from_graph_def": "api.open_models",
    "open_model": "api.open_models",
    "operations": "analysis.operations",
    "optimise": "api.transforming",
    "optimize": "api.transforming",
    "predict": "api.predicting",
    "presets": "passes.catalogue",
    "profile": "jobs.client.profiling",
    "quantisation": "api.open_models",
    "read_class_names": "analysis.class_names",
    "read_feeds": "jobs.client.feed_reading",
    "read_labels": "optimisation.feeding.label_files",
    "render": "view.export.render",
    "report": "reporting.write",
    "sarif": "api.open_models",
    "save": "api.writing",
    "schema": "schemas",
    "schema_names": "schemas",
    "scan": "api.open_models",
    "search": "searching.model_search",
    "sensitivity": "api.writing",
    "sweep": "sweeping.model_sweep",
    "to_tensorflow": "api.open_models",
    "top_classes": "jobs.client.feed_reading",
    "transform_graph_file": "api.transform_graph",
    "transforms": "passes.catalogue",
    "write_npz": "optimisation.feeding.array_files",
}
"""Name to the module that has it."""


if not TYPE_CHECKING:  # else a misspelt name would pass as Any

    def __getattr__(name: str) -> Any:
        """Import a name of `PLACES` at its first use."""
        if name not in PLACES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"inspector.{PLACES[name]}"), name)
