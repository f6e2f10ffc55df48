"""The Optimise page: outputs, the run of the transforms as a job, its record."""

from __future__ import annotations

from typing import Any, cast

import streamlit as st

from inspector.errors import close_names, did_you_mean, or_rather
from inspector.graph.graph import split_input
from inspector.graph.op_sets import REQUIRED_PLACEHOLDERS
from inspector.optimisation.feed_source import FeedsJson, FeedSource
from inspector.optimisation.optimise_options import CheckOptions, OptimiseOptions
from inspector.passes.parser import format_calls
from inspector.reporting import commands
from inspector.ui.screens import predict
from inspector.ui.screens.quantising import lite_result, samples_choice, target
from inspector.ui.session import job_status, open_model, results, state
from inspector.ui.session.page_end import end_page
from inspector.ui.widgets import (
    copy_button,
    input_values,
    output_picker,
    pipeline,
    step_record,
    tag_set_picker,
    text,
)

BUILT = "Keras"
"""The format whose graph a job builds, with nodes that the page does not know."""
_MAX_NEAR = 300
"""Longest name of a node that is suggested."""
_CUT = "strip_unused_nodes"
_ENDINGS = {target.SAVED_MODEL: "", target.GRAPH_DEF: ".pb", target.TFLITE: ".tflite"}
_TYPED_PROBLEM = state.OF_MODEL + "typed_output_problem"
UNDO = state.OF_MODEL + "undone_steps"
"""The steps that were undone in a result that is gone, which `lost_result` makes anew."""
POLICIES = {
    "keep": "Keep the step and flag it",
    "rollback": "Undo the step and continue",
    "stop": "Stop the run",
}


def choose_outputs(model: state.OpenModel) -> None:
    """The chosen outputs, and fields to add a suggested or a typed one."""
    chosen = state.outputs()
    output_picker.rows("unpick")
    if not chosen:
        st.caption(without_choice(model))
    suggestions = {item["name"]: text.reason(item) for item in model.facts["suggested_outputs"]}
    open_ones = [name for name in suggestions if name not in chosen]
    st.selectbox(
        "Add suggested",
        open_ones,
        index=None,
        key="suggested_output",
        on_change=_take_suggested,
        placeholder="Choose an output",
        format_func=lambda name: f"{text.shorten(name, 70)} · {suggestions.get(name, '')}",
    )
    st.text_input(
        "Enter a node name",
        key="typed_output",
        on_change=_take_typed,
        args=(model,),
        placeholder="node or node:1, then Enter",
    )
    if problem := st.session_state.get(_TYPED_PROBLEM):
        state.error(problem)
    cut = cut_at(model)
    if cut:
        names = ", ".join(text.escape(name, 60) for name in cut[:3])
        st.caption(f"Cut at {names}: {_CUT} runs first and replaces these nodes with placeholders.")
    input_values.editor(model)
    st.page_link("pages/graph.py", label="Select in graph", icon=":material/account_tree:")


def without_choice(model: state.OpenModel) -> str:
    """Which outputs a run uses while none is chosen, as a sentence."""
    if model.signature is not None:
        key = text.escape(model.signature, 60)
        return f"No output selected. Using the outputs of signature {key}."
    if model.facts["suggested_outputs"]:
        name = text.escape(model.facts["suggested_outputs"][0]["name"], 60)
        return f"No output selected. Using the suggested one: {name}."
    return "No output selected."


def blocker(model: state.OpenModel) -> str:
    """Why what is on the screen cannot be run, as a sentence; empty where it can."""
    if not model.drawn["nodes"]:
        return f"The {model.facts['format']} holds no graph. Open the model that it belongs to."
    if pipeline.problem():
        return "The text is not a valid list of transforms. Correct it, or choose a preset."
    if input_values.problem():
        return "The entry under Fix an input is not valid. Correct it, or clear it."
    for name in state.outputs():
        if why := _no_output(model, name):
            return f"The output {name} {why}"
    if not state.outputs() and model.signature is None and not model.facts["suggested_outputs"]:
        if model.facts.get("callables"):
            return "This model has no signature. Select one of its functions under Signature."
        return "This model declares no outputs. Select at least one."
    return target.blocker(model)


def _no_output(model: state.OpenModel, name: str) -> str:
    """Why the graph has no tensor of this name, as the rest of a sentence; empty where it has."""
    if model.facts["format"] == BUILT:
        return ""  # its outputs may be nodes of the graph that a job builds
    source, number = split_input(name), model.summary.get(name)
    if number is None:
        names = model.names()
        if source.name in names:
            return ""
        return f"is not in the graph{_near(source.name, names) or '.'}"
    count = len(model.summary.dtypes_of(number))
    if 0 < count <= source.port:
        return f"does not exist: the node has {text.count(count, 'output')}."
    return ""


def _near(name: str, names: set[str]) -> str:
    """``; did you mean ...?`` with names like this one, else with names that end like it."""
    if near := did_you_mean(name, names):
        return near
    last_parts: dict[str, list[str]] = {}
    for full in sorted(names):
        if len(full) < _MAX_NEAR:
            last_parts.setdefault(full.rpartition("/")[2], []).append(full)
    like = close_names(name.rpartition("/")[2], last_parts)
    return or_rather([full for last in like for full in last_parts[last]])


def start(model: state.OpenModel, roll_back: tuple[int, ...] = ()) -> None:
    """Start the job for the chosen outputs and transforms; steps of these indices are undone."""
    outputs, transforms = _outputs(model), _transforms(model)
    state.set_outputs(outputs)
    _run(model, outputs or None, transforms, input_values.values() or None, roll_back)


def copy_as(model: state.OpenModel) -> None:
    """The command line and the Python that run what is on the page, to copy."""
    check = CheckOptions(None, st.session_state.get("on_violation", "keep"))
    options = _options(
        model,
        _outputs(model) or None,
        _transforms(model),
        input_values.values() or None,
        check if st.session_state.get("check_steps", True) else None,
    ).to_json()
    form, plan = target.form(model), target.plan(model)
    source, out = (
        open_model.path_in_commands(model),
        f"{text.file_stem(model.name)}_optimised{_ENDINGS[form]}",
    )
    quantising = None
    if plan is not None:
        quantising = commands.Quantising(plan.to_json(), samples_choice.file_name(model))
    to = None  # what a name without an ending says
    if form != target.SAVED_MODEL:
        to = commands.Target(form, target.flex(model), quantising)
    with st.popover("Copy as", icon=":material/terminal:"):
        st.caption("Command line")
        copy_button.box(commands.optimise_command(source, out, options, to))
        st.caption("Python")
        copy_button.box(commands.optimise_python(source, out, options, to))
        if plan is not None:
            samples_choice.about_file(model)


def _outputs(model: state.OpenModel) -> list[str]:
    """The chosen outputs; without a choice and a signature the first suggestion."""
    if (outputs := state.outputs()) or model.signature is not None:
        return outputs
    return [item["name"] for item in model.facts["suggested_outputs"][:1]]


def _transforms(model: state.OpenModel) -> str:
    transforms = format_calls(pipeline.calls())
    if cut_at(model) and _CUT not in [call.name for call in pipeline.calls()]:
        transforms = f"{_CUT} {transforms}"
    return f"{target.batch_transforms(model)} {transforms}".strip()


def cut_at(model: state.OpenModel) -> list[str]:
    """The picked inputs that are no placeholders; `_CUT` cuts the graph there."""
    table = model.summary
    nodes = [(name, table.get(name)) for name in state.inputs()]
    return [
        name
        for name, node in nodes
        if node is not None and table.op_of(node) not in REQUIRED_PLACEHOLDERS
    ]


def done(result: state.Optimised) -> None:
    """What the run gained, and the way to Compare and to the files."""
    if result.lite is not None:
        lite_result.report(result)
        return
    st.success(gain(result), icon=":material/check_circle:")
    st.page_link("pages/compare.py", label="Compare and download", icon=":material/compare_arrows:")


def gain(result: state.Optimised) -> str:
    """Size and operations before and after, as one sentence."""
    before, frozen, after = (result.value[key] for key in ("before", "frozen", "after"))
    was, now = before["bytes"]["total"], after["bytes"]["total"]
    counts = [text.number(facts["nodes"]) for facts in (state.drawn(before), frozen, after)]
    return (
        f"{text.size(was)} → {text.size(now, was)}, "
        f"{counts[0]} → {counts[2]} operations ({counts[1]} after freezing)."
    )


def check_options() -> None:
    """Options: whether each step is checked, and what happens to a step that fails its check."""
    on = st.toggle(
        "Check each step",
        True,
        key="check_steps",
        persist_state="session",
        help="Runs the graph before and after each transform on the same rows and reports how "
        "much the outputs differ. The runs take extra time.",
    )
    st.selectbox(
        "If a step changes the outputs more than declared",
        list(POLICIES),
        key="on_violation",
        persist_state="session",
        format_func=POLICIES.__getitem__,
        disabled=not on,
    )
    st.toggle(
        "Require the check",
        False,
        key="require_check",
        persist_state="session",
        disabled=not on,
        help="Fails without a result if a step that changes the outputs more than declared is "
        "kept, or if a step cannot be checked.",
    )


def signature_options(model: state.OpenModel) -> None:
    """Whether the result keeps all signatures of a model that has several."""
    stored = set(tag_set_picker.signature_keys(model)) & set(model.facts["signatures"])
    if len(stored) > 1:
        st.toggle(
            "Keep all signatures",
            key="all_signatures",
            persist_state="session",
            help="Keeps every signature whose outputs remain. Otherwise keeps the selected one.",
        )


def lost_result() -> None:
    """Where an address led to a result that is gone: a sentence, and a button that makes it anew.

    The job starts on a click alone. While it runs the page shows its progress and ends.
    """
    model = state.model()
    if model is None or state.LOST_RESULT not in st.session_state:
        return
    job_status.show(results.SLOT)
    st.info(
        "The result of this link is no longer on this server, or was made by another version of "
        "Inspector. Its settings are restored. Optimise again to recompute it.",
        icon=":material/history:",
    )
    pipeline.install_default(model.transforms)
    why = blocker(model)
    st.button(
        "Optimise again",
        key="optimise_again",
        type="primary",
        icon=":material/play_arrow:",
        disabled=bool(why),
        on_click=start,
        args=(model, tuple(st.session_state.get(UNDO, ()))),
    )
    if why:
        st.caption(text.escape(why, 700))
    end_page()


def hint_of_failure() -> None:
    """Suggest a run without the check after a run that failed with it."""
    if job_status.failed(results.SLOT) and st.session_state.get("check_steps", True):
        st.caption("Try again with *Check each step* off.")


def record(model: state.OpenModel, result: state.Optimised) -> None:
    """The record of the last run, with buttons to undo a step."""

    def roll_back(index_to_undo: int) -> None:
        undone = [index for index, step in enumerate(result.value["steps"]) if step["rolled_back"]]
        fixed, again = result.value["set"], (*undone, index_to_undo)
        _run(model, result.outputs, result.value["transforms"], fixed, again)

    for sentence in result.value["warnings"]:
        st.caption(text.escape(sentence, 1000))
    steps = result.value["steps"]
    step_record.record(steps, result.value["check"], roll_back)


def _run(
    model: state.OpenModel,
    outputs: list[str] | None,
    transforms: str,
    fixed: dict[str, Any] | None,
    roll_back: tuple[int, ...] = (),
) -> None:
    blobs: dict[str, bytes] = {}
    check = None
    if st.session_state.get("check_steps", True):
        feeds = None
        if model.feeds is not None:
            spec, blobs = predict.sample_feeds(model.feeds)
            feeds = FeedSource(cast("FeedsJson", spec))
        policy = st.session_state.get("on_violation", "keep")
        required = bool(st.session_state.get("require_check", False))
        check = CheckOptions(feeds, policy, roll_back, require=required)
    options = _options(model, outputs, transforms, fixed, check)
    args: dict[str, Any] = {**model.graph_choice, "options": options.to_json()}
    kind, title = "optimise", "Freezing and optimising"
    if target.form(model) == target.TFLITE:
        args, samples = target.to_lite_args(model, options)
        kind, title, blobs = "optimise_to_lite", "Optimising and converting", {**blobs, **samples}
    job_status.start(results.SLOT, kind, args, model.source, title, blobs=blobs)


def _options(
    model: state.OpenModel,
    outputs: list[str] | None,
    transforms: str,
    fixed: dict[str, Any] | None,
    check: CheckOptions | None,
) -> OptimiseOptions:
    return OptimiseOptions(
        tuple(state.inputs()) or None,
        None if outputs is None else tuple(outputs),
        transforms,
        signature=model.signature,
        check=check,
        set=fixed,
        all_signatures=st.session_state.get("all_signatures", False),
    )


def _take_suggested() -> None:
    if name := st.session_state["suggested_output"]:
        state.add_output(name)
        st.session_state["suggested_output"] = None


def _take_typed(model: state.OpenModel) -> None:
    """Choose the typed output; one that the graph does not have stays in the field."""
    st.session_state.pop(_TYPED_PROBLEM, None)
    name = st.session_state["typed_output"].strip()
    if not name:
        return
    if why := _no_output(model, name):
        st.session_state[_TYPED_PROBLEM] = f"{name} {why}"
        return
    state.add_output(name)
    st.session_state["typed_output"] = ""
