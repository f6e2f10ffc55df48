"""The run of the Optimise page for a TFLite model, and what is said of a TFLite result."""

from __future__ import annotations

import streamlit as st

from inspector.jobs.result_files import TFLITE
from inspector.reporting import commands
from inspector.ui.screens.quantising import layer_table, samples_choice, target
from inspector.ui.session import job_status, open_model, results, state
from inspector.ui.session.page_end import end_page
from inspector.ui.widgets import copy_button, tables, text


def page(model: state.OpenModel) -> None:
    """The Optimise page of a TFLite model: recipes, run, result. Ends the page."""
    options_column, run_column = st.columns([1, 1], gap="large")
    with options_column:
        st.header("Quantise")
        st.caption(
            "A TFLite model is already frozen and has no TensorFlow graph to transform. Its "
            "weights can be quantised."
        )
        if why := target.already_quantised(model.facts):
            st.info(text.escape(why, 700), icon=":material/info:")
            end_page()
        target.recipes(model)
        layer_table.section(model)
    with run_column:
        st.header("Run")
        blocker = target.blocker(model)
        clicked = st.button(
            "Run",
            key="run",
            type="primary",
            icon=":material/play_arrow:",
            width="stretch",
            disabled=bool(blocker),
        )
        if blocker:
            st.warning(text.escape(blocker, 700), icon=":material/block:")
        elif clicked:
            args, blobs = target.request_args(model)
            title = "Quantising"
            job_status.start(results.SLOT, "optimise_lite", args, model.source, title, blobs=blobs)
            st.rerun()
        if not blocker:
            copy_as(model)
        job_status.show(results.SLOT)
        result = state.result()
        if result is not None and not blocker and not job_status.failed(results.SLOT):
            report(result)
    end_page()


def report(result: state.Optimised) -> None:
    """Size before and after, the answers, and the ways to Compare, Predict and the file."""
    lite = result.lite
    if lite is None:
        return
    st.success(gain(result), icon=":material/check_circle:")
    row = st.container(horizontal=True)
    row.page_link("pages/compare.py", label="Compare", icon=":material/compare_arrows:")
    row.page_link("pages/predict.py", label="Predict", icon=":material/play_arrow:")
    path = result.folder / TFLITE
    if path.is_file():
        model = state.model()
        stem = text.file_stem(model.name if model is not None else "model")
        row.download_button(
            f"Download .tflite · {text.size(lite['bytes'])}",
            data=path.read_bytes,
            file_name=f"{stem}.tflite",
            mime="application/octet-stream",
            key="download_tflite",
            icon=":material/download:",
            on_click="ignore",
        )
    if lite["flex_ops"]:
        ops = text.escape(", ".join(lite["flex_ops"]), 300)
        st.warning(f"Contains {ops}, for which LiteRT needs the Flex delegate. It cannot run here.")
    _answers(lite)


def gain(result: state.Optimised) -> str:
    """Size and recipe of a TFLite result, as one sentence."""
    lite, before = result.lite, result.value["before"]["bytes"]["total"]
    assert lite is not None
    sizes = [text.size(before)]
    if lite["recipe"] and lite["float_bytes"] != before:
        sizes.append(f"{text.size(lite['float_bytes'], before)} as float TFLite")
    sizes.append(text.size(lite["bytes"], before))
    recipe = f", quantised by {lite['recipe']}" if lite["recipe"] else ", float32"
    return f"TFLite{recipe}: {' → '.join(sizes)}."


def _answers(lite: dict[str, object]) -> None:
    """How the answers of the quantised model differ from those of the float one."""
    quantised = lite["quantised"]
    if not isinstance(quantised, dict):
        return
    types = ", ".join(f"{count} as {name}" for name, count in quantised["types"].items())
    st.caption(f"Tensors quantised: {types}.")
    if quantised["unchecked"]:
        st.caption(text.escape(f"The outputs were not compared: {quantised['unchecked']}.", 700))
    else:
        source = "random rows" if quantised["rows_from"] == "random" else "rows of the samples"
        rows = [
            {
                "output": name,
                "largest difference": "–" if item["max_abs"] is None else f"{item['max_abs']:.3g}",
                "top-1 agreement": "–"
                if item["argmax_equal"] is None
                else f"{item['argmax_equal']:.2%}",
            }
            for name, item in quantised["outputs"].items()
        ]
        tables.table(rows, key="quantised_outputs", right=("largest difference",))
        st.caption(
            f"Compared with the float TFLite model, on {text.number(quantised['rows'])} {source}."
        )
    for note in quantised["notes"]:
        st.caption(text.escape(note, 700))


def copy_as(model: state.OpenModel) -> None:
    """The command line and the Python that quantise the file as on the page, to copy."""
    plan = target.plan(model)
    if plan is None:
        return
    out = f"{text.file_stem(model.name)}_{plan.recipe}.tflite"
    source, samples = open_model.path_in_commands(model), samples_choice.file_name(model)
    quantising = commands.Quantising(plan.to_json(), samples)
    with st.popover("Copy as", icon=":material/terminal:"):
        st.caption("Command line")
        copy_button.box(commands.convert_command(source, out, quantising, model.signature))
        st.caption("Python")
        copy_button.box(commands.convert_python(source, out, quantising, model.signature))
        samples_choice.about_file(model)
