"""The Optimise page: choose outputs, run the list of transforms as a job, read its record."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from inspector.jobs.job import JobResult
from inspector.passes.parser import format_calls
from inspector.ui import picks, pipeline, running, shown, state, text
from inspector.view.hierarchy import Hierarchy
from inspector.view.summary import Summary

SLOT = "optimise"


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
    args = {
        **model.meant,
        "outputs": outputs or None,
        "transforms": format_calls(pipeline.calls()),
    }
    running.start(SLOT, "optimise", args, model.source, "Freezing and optimising")


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


def record(steps: list[dict[str, Any]]) -> None:
    """What each step did, and what it left alone and why."""
    first = steps[0]["bytes"]["before"] if steps else 0
    rows = [
        {
            "step": f"{number}. {step['name']}",
            "nodes": step["nodes"]["after"],
            "size": text.size(step["bytes"]["after"], first),
            "changed": len(step["changed"]),
            "left alone": len(step["skipped"]),
            "time": text.milliseconds(step["seconds"] * 1000),
        }
        for number, step in enumerate(steps, 1)
    ]
    if rows:
        shown.table(rows, key="record", rows_shown=20, right=("size", "time"))
    else:
        st.caption("No transforms: frozen, and what the outputs do not need left out.")
    for index, step in enumerate(steps):
        if step["error"]:
            state.error(f"{step['name']}: {step['error']['why']}")
        for sentence in step["warnings"]:
            st.warning(text.escape(f"{step['name']}: {sentence}", 400))
        touched = len(step["changed"]) + len(step["skipped"])
        if not touched:
            continue
        title = f"{index + 1}. {step['name']} ({step['effect']}): "
        title += f"{len(step['changed'])} changed, {len(step['skipped'])} left alone"
        with st.expander(text.escape(title), key=f"step_record_{index}"):
            if step["changed"]:
                frame = pd.DataFrame(step["changed"])[["name", "kind", "op", "rule", "sources"]]
                frame["sources"] = frame["sources"].str.join(", ")
                shown.table(frame.head(1000))
            if step["skipped"]:
                st.caption("Looked at and left alone")
                shown.table(step["skipped"][:1000])


def _take(key: str) -> None:
    name = st.session_state[key]
    if name:
        state.add_output(name)
        st.session_state[key] = None if key == "suggested_output" else ""
