"""The Optimise page: choose outputs, run the list of transforms as a job, read its record."""

from __future__ import annotations

from typing import Any

import streamlit as st

from inspector.jobs.job import JobResult
from inspector.passes.parser import format_calls
from inspector.ui import picks, pipeline, predicting, running, state, step_record, text
from inspector.view.hierarchy import Hierarchy
from inspector.view.summary import Summary

SLOT = "optimise"
_CUT = "strip_unused_nodes"
POLICIES = {
    "keep": "is kept and marked",
    "rollback": "is rolled back, the others go on",
    "stop": "stops the run",
}


def choose_outputs(model: state.OpenModel) -> None:
    """Outputs: suggested, picked in the picture, or typed."""
    chosen = state.outputs()
    picks.rows("unpick")
    if not chosen:
        st.caption(without_choice(model))
    suggestions = {item["name"]: item["why"] for item in model.facts["suggested_outputs"]}
    open_ones = [name for name in suggestions if name not in chosen]
    st.selectbox(
        "Suggested",
        open_ones,
        index=None,
        key="suggested_output",
        on_change=_take,
        args=("suggested_output",),
        placeholder="Take a suggestion",
        format_func=lambda name: f"{text.shorten(name, 70)} · {suggestions.get(name, '')}",
    )
    st.text_input(
        "Typed",
        key="typed_output",
        on_change=_take,
        args=("typed_output",),
        placeholder="node or node:1, then Enter",
    )
    cut = cut_at(model)
    if cut:
        names = ", ".join(text.escape(name, 60) for name in cut[:3])
        st.caption(f"Cut at {names}: {_CUT} runs first and puts placeholders there.")
    st.page_link("pages/graph.py", label="Pick in the picture", icon=":material/account_tree:")


def without_choice(model: state.OpenModel) -> str:
    """What is taken where no output is chosen, as a sentence."""
    if model.signature is not None:
        return f"None chosen: those of the signature {text.escape(model.signature, 60)} are taken."
    if model.facts["suggested_outputs"]:
        name = text.escape(model.facts["suggested_outputs"][0]["name"], 60)
        return f"None chosen: the likeliest is taken, {name}."
    return "None chosen yet."


def start(model: state.OpenModel) -> None:
    """Start the job for the chosen outputs and transforms."""
    outputs = state.outputs()
    if not outputs and model.signature is None:
        outputs = [item["name"] for item in model.facts["suggested_outputs"][:1]]
        state.set_outputs(outputs)
    transforms = format_calls(pipeline.calls())
    if cut_at(model) and _CUT not in [call.name for call in pipeline.calls()]:
        transforms = f"{_CUT} {transforms}"
    _run(model, outputs or None, transforms)


def cut_at(model: state.OpenModel) -> list[str]:
    """The picked inputs that are no placeholders: there the graph is cut, by `_CUT`."""
    table = model.summary
    found = [(name, table.get(name)) for name in state.inputs()]
    return [
        name
        for name, node in found
        if node is not None and table.op_of(node) not in ("Placeholder", "PlaceholderV2")
    ]


def adopt(answer: JobResult) -> None:
    """Take in what the job made."""
    assert answer.folder is not None
    summary = Summary.from_json(answer.blobs["summary"])
    made = state.Optimised(
        value=answer.value,
        folder=answer.folder,
        both=Hierarchy.from_json(summary, answer.blobs["hierarchy"]),
        outputs=list(answer.value["outputs"]),
    )
    st.session_state[state.RESULT] = made
    st.session_state.pop("compare_view", None)


def gain(result: state.Optimised) -> str:
    """The gain in one sentence."""
    before, frozen, after = (result.value[key] for key in ("before", "frozen", "after"))
    was, now = before["bytes"]["total"], after["bytes"]["total"]
    counts = [text.number(facts["nodes"]) for facts in (state.drawn(before), frozen, after)]
    return (
        f"{text.size(was)} → {text.size(now, was)}, "
        f"{counts[0]} → {counts[2]} operations ({counts[1]} after freezing)."
    )


def check_options() -> None:
    """Whether each step is checked, and what becomes of one that breaks its promise."""
    row = st.container(horizontal=True, vertical_alignment="bottom")
    on = row.toggle(
        "Check each step",
        True,
        key="check_steps",
        help="Runs the graph before and after each transform on the same rows and says how far "
        "the outputs are apart. Takes the time of these runs.",
    )
    row.selectbox(
        "A step that breaks its promise",
        list(POLICIES),
        key="on_violation",
        format_func=POLICIES.__getitem__,
        disabled=not on,
    )


def hint_of_failure() -> None:
    """What to try where a run failed over its check."""
    if running.failed(SLOT) and st.session_state.get("check_steps", True):
        st.caption("If it is the check that fails, the transforms may work without it.")


def record(model: state.OpenModel, result: state.Optimised) -> None:
    """What the steps of the last run did."""

    def roll_back(place: int) -> None:
        undone = [at for at, step in enumerate(result.value["steps"]) if step["rolled_back"]]
        _run(model, result.outputs, result.value["transforms"], (*undone, place))

    steps = result.value["steps"]
    step_record.record(steps, result.value["check"], roll_back)


def _run(
    model: state.OpenModel,
    outputs: list[str] | None,
    transforms: str,
    roll_back: tuple[int, ...] = (),
) -> None:
    args: dict[str, Any] = {**model.meant, "outputs": outputs, "transforms": transforms}
    if state.inputs():
        args["inputs"] = state.inputs()
    blobs: dict[str, bytes] = {}
    if st.session_state.get("check_steps", True):
        feeds = None
        if model.feeds is not None:
            feeds, blobs = predicting.sample_feeds(model.feeds)
        policy = st.session_state.get("on_violation", "keep")
        args["check"] = {"feeds": feeds, "on_violation": policy, "roll_back": list(roll_back)}
    title = "Freezing and optimising"
    running.start(SLOT, "optimise", args, model.source, title, blobs=blobs)


def _take(key: str) -> None:
    name = st.session_state[key]
    if name:
        state.add_output(name)
        st.session_state[key] = None if key == "suggested_output" else ""
