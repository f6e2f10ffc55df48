"""How much each large weight changes the answers when it alone is quantised."""

from __future__ import annotations

import streamlit as st

from inspector.formats.tflite.quantisation_report import SensitivityAnswer
from inspector.jobs.client.quantisation import sensitivity_of
from inspector.jobs.result_files import FLOAT_TFLITE, TFLITE
from inspector.ui.screens import tflite
from inspector.ui.screens.quantising import target
from inspector.ui.session import job_status, state
from inspector.ui.widgets import tables, text

SLOT = "layers"
ANSWER = state.OF_MODEL + "layers"
"""Recipe and answer of the last measurement."""
WORST = state.OF_MODEL + "worst_layers"


def section(model: state.OpenModel) -> None:
    """The button that measures, the table, and the button that keeps the worst layers in float."""
    plan = target.plan(model)
    if plan is None or not (tflite.is_lite(model) or float_file() is not None):
        return
    if (answer := job_status.finished(SLOT)) is not None:
        st.session_state[ANSWER] = answer.value
    with st.expander("Sensitivity of each layer", icon=":material/query_stats:", key="layers"):
        st.caption(
            "Quantises each large weight on its own and compares the outputs with those of the "
            "float model. Layers that change them most are worth keeping in float."
        )
        st.button(
            f"Measure with {plan.recipe}",
            key="measure_layers",
            icon=":material/query_stats:",
            disabled=bool(target.blocker(model)),
            on_click=start,
            args=(model,),
        )
        job_status.show(SLOT, stop=False)
        if (value := st.session_state.get(ANSWER)) is not None:
            _table(value)


def start(model: state.OpenModel) -> None:
    """Start to measure the layers of the open TFLite model, or of the result's float one."""
    args, blobs = target.request_args(model)
    st.session_state.pop(ANSWER, None)
    if not tflite.is_lite(model):
        args["against"] = {"float": float_file()}
    job_status.start(SLOT, "layers", args, model.source, "Quantising each layer", blobs=blobs)


def float_file() -> str | None:
    """The path of the result's TFLite model of float32; None without one."""
    result = state.result()
    if result is None or result.lite is None:
        return None
    path = result.folder / (FLOAT_TFLITE if result.lite["recipe"] else TFLITE)
    return str(path) if path.is_file() else None


def differences() -> dict[str, float]:
    """Node to the largest difference of an output, by that output's largest value."""
    value = st.session_state.get(ANSWER)
    return {} if value is None else differences_of(value)


def differences_of(value: SensitivityAnswer) -> dict[str, float]:
    """The same of an answer."""
    layers = sensitivity_of("", value).layers
    return {layer.node: layer.difference or 0.0 for layer in layers if not layer.error}


def _table(value: SensitivityAnswer) -> None:
    measured = sensitivity_of("", value)
    rows = [
        {
            "node": layer.node,
            "operator": layer.op,
            "elements": layer.elements,
            "change": layer.error
            or ("–" if layer.difference is None else f"{layer.difference:.2%}"),
            "stays": "float" if layer.node in target.kept_nodes() else "",
        }
        for layer in measured.layers
    ]
    tables.table(rows, key="layers_table", right=("change",))
    source = "random rows" if measured.rows_from == "random" else "rows of the samples"
    st.caption(
        f"Largest difference of an output relative to its largest value, on "
        f"{text.number(measured.rows)} {source}."
    )
    row = st.container(horizontal=True, vertical_alignment="bottom")
    most = max(1, len(measured.worst(len(measured.layers))))
    count = row.number_input(
        "Layers", 1, most, 1, key=WORST, width=110, label_visibility="collapsed"
    )
    row.button(
        "Keep the worst in float",
        key="keep_worst",
        icon=":material/vertical_align_top:",
        on_click=target.keep_nodes,
        args=(measured.worst(int(count)),),
    )
