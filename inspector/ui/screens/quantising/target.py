"""What the Optimise page writes: the format, and for TFLite the recipe and what stays float."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any

import streamlit as st

from inspector.optimisation.optimise_options import OptimiseOptions
from inspector.optimisation.tflite.quantise_options import QuantiseOptions
from inspector.optimisation.tflite.recipes import NONE, RECIPES
from inspector.ui.screens import tflite
from inspector.ui.screens.quantising import samples_choice
from inspector.ui.session import state
from inspector.ui.widgets import pipeline, text

SAVED_MODEL, GRAPH_DEF, TFLITE = "saved_model", "graphdef", "tflite"
TARGETS = {SAVED_MODEL: "SavedModel", GRAPH_DEF: "GraphDef", TFLITE: "TFLite"}
TARGET = state.OF_MODEL + "target"
RECIPE = state.OF_MODEL + "recipe"
BATCH = state.OF_MODEL + "fixed_batch"
FLEX = state.OF_MODEL + "flex"
SMALLEST = state.OF_MODEL + "min_elements"
KEEP, KEEP_OPS, KEEP_NODES = (state.OF_MODEL + name for name in ("keep", "keep_ops", "keep_nodes"))
"""Keys of the widgets; the values stay while another page is shown."""
DEFAULT_RECIPE = "dynamic"
_STORES = "quantize_weights"
"""The transform whose result TensorFlow's converter has no operator for."""
_QUANTISE_OPS = {"QUANTIZE", "DEQUANTIZE"}
_WHOLE_TYPES = {"int4", "int8", "uint8", "float16"}
_KEPT: dict[str, Any] = {"persist_state": "session"}


def form(model: state.OpenModel) -> str:
    """The format that a run writes, a key of `TARGETS`."""
    return TFLITE if tflite.is_lite(model) else st.session_state.get(TARGET) or SAVED_MODEL


def choose(model: state.OpenModel) -> None:
    """The format, and the options of TFLite where it is chosen."""
    st.segmented_control(
        "Format",
        list(TARGETS),
        default=SAVED_MODEL,
        required=True,
        key=TARGET,
        format_func=TARGETS.__getitem__,
        help="Every run writes a SavedModel and a GraphDef. TFLite is converted after the "
        "transforms, in addition to both.",
        **_KEPT,
    )
    if form(model) != TFLITE:
        return
    if _STORES in [call.name for call in pipeline.calls()]:
        st.warning(
            f"TFLite often has no operator for weights that {_STORES} has stored. Choose a recipe "
            "under Quantise instead.",
            icon=":material/warning:",
        )
        st.button(
            f"Remove {_STORES} from the list",
            key="remove_stored",
            icon=":material/close:",
            on_click=pipeline.remove,
            args=(_STORES,),
        )
    with st.container(border=True, key="tflite_options"):
        recipes(model)
        row = st.container(horizontal=True, vertical_alignment="bottom")
        row.number_input(
            "Fixed batch size",
            min_value=1,
            value=None,
            key=BATCH,
            placeholder="not fixed",
            help="Rows per run, fixed in the file. Turns an LSTM or GRU into built-in operators.",
            width=170,
            **_KEPT,
        )
        row.toggle(
            "Keep unsupported ops (Flex)",
            key=FLEX,
            help="Keeps TensorFlow ops that have no TFLite operator. The result needs the Flex "
            "delegate, which LiteRT's package does not include, so it cannot run here.",
            **_KEPT,
        )


def recipes(model: state.OpenModel) -> None:
    """The recipe, its samples, and what stays float."""
    names = list(RECIPES) if tflite.is_lite(model) else [NONE, *RECIPES]
    st.selectbox(
        "Quantise",
        names,
        index=names.index(DEFAULT_RECIPE) if tflite.is_lite(model) else 0,
        key=RECIPE,
        format_func=_recipe_text,
        **_KEPT,
    )
    recipe = recipe_name(model)
    if recipe == NONE:
        return
    if find_spec("litert_quantizer") is None:
        st.warning("Quantising needs the extra: pip install 'tf-graph-inspector[quantise]'")
    if warning := RECIPES[recipe].warning:
        st.warning(f"{warning[0].upper()}{warning[1:]}.", icon=":material/warning:")
    samples_choice.choose(model, needed=RECIPES[recipe].needs_samples)
    with st.expander("Kept in float", icon=":material/tune:", key="stays_float"):
        _stays_float(model, recipe)


def recipe_name(model: state.OpenModel) -> str:
    """The chosen recipe; `NONE` leaves the model in float32."""
    default = DEFAULT_RECIPE if tflite.is_lite(model) else NONE
    name = st.session_state.get(RECIPE) or default
    return name if name in RECIPES else default


def plan(model: state.OpenModel) -> QuantiseOptions | None:
    """How to quantise; None where the result is no quantised TFLite model."""
    recipe = recipe_name(model)
    if form(model) != TFLITE or recipe == NONE:
        return None
    return QuantiseOptions(
        recipe,
        st.session_state.get(SMALLEST),
        tuple(_lines(st.session_state.get(KEEP) or "")),
        tuple(st.session_state.get(KEEP_OPS) or ()),
        tuple(kept_nodes()),
    )


def batch_transforms(model: state.OpenModel) -> str:
    """The transforms that fix the batch, to run before all others; empty without one."""
    number = st.session_state.get(BATCH)
    if form(model) != TFLITE or tflite.is_lite(model) or not number:
        return ""
    return f"strip_unused_nodes fix_batch(batch={int(number)})"


def flex(model: state.OpenModel) -> bool:
    """Whether ops without operator are kept."""
    return form(model) == TFLITE and bool(st.session_state.get(FLEX))


def blocker(model: state.OpenModel) -> str:
    """Why the options cannot be used, as a sentence; empty where they can."""
    if form(model) != TFLITE:
        return ""
    facts = model.facts if tflite.is_lite(model) else None
    if facts and (why := already_quantised(facts) or nothing_to_quantise(facts)):
        return why
    if (recipe := recipe_name(model)) == NONE:
        return ""
    if find_spec("litert_quantizer") is None:
        return "Quantising needs the package litert-quantizer."
    if why := regex_problem():
        return why
    return samples_choice.blocker(model, needed=RECIPES[recipe].needs_samples)


def already_quantised(facts: dict[str, Any]) -> str:
    """That a TFLite model is quantised already, as a sentence; empty where nothing says so."""
    ops = sorted(_QUANTISE_OPS & set(facts["op_counts"]))
    if ops:
        why = f"it has operators {' and '.join(ops)}"
    else:
        weights = (
            row
            for row in facts.get("tensors", ())
            if row["kind"] == "constant"
            and (row["dtype"] == "float16" or (row["scale"] and row["dtype"] in _WHOLE_TYPES))
        )
        row = next(weights, None)
        if row is None:
            return ""
        why = f"the weight '{text.shorten(row['name'], 80)}' is {row['dtype']}"
    return f"The model is already quantised: {why}. Open the float model it was made from."


def nothing_to_quantise(facts: dict[str, Any]) -> str:
    """That a TFLite model has no float weights, as a sentence; empty where it may have some."""
    listed = facts.get("tensors", ())
    is_complete = len(listed) == sum(graph["tensors"] for graph in facts["subgraphs"])
    if not is_complete or any(
        row["kind"] == "constant" and row["dtype"] == "float32" for row in listed
    ):
        return ""
    return "This file has no float32 weights, so there is nothing to quantise."


def regex_problem() -> str:
    """What is wrong with an expression, as a sentence; empty where nothing is."""
    for line in _lines(st.session_state.get(KEEP) or ""):
        try:
            re.compile(line)
        except re.error as err:
            return f"'{text.shorten(line, 60)}' is no regular expression: {err}."
    return ""


def kept_nodes() -> list[str]:
    """The nodes that are kept in float."""
    return list(st.session_state.get(KEEP_NODES) or ())


def keep_nodes(names: Iterable[str]) -> None:
    """Keep more nodes in float."""
    st.session_state[KEEP_NODES] = list(dict.fromkeys([*kept_nodes(), *names]))


def toggle_node(name: str) -> None:
    """Keep a node in float, or no more."""
    if name in kept_nodes():
        st.session_state[KEEP_NODES] = [node for node in kept_nodes() if node != name]
    else:
        keep_nodes([name])


def request_args(model: state.OpenModel) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The arguments of a job that quantises, as `lite_types.RecipeArgs`, and its blobs."""
    options = plan(model)
    spec, blobs = samples_choice.source(model) if options is not None else (None, {})
    args = {
        **model.graph_choice,
        "name": model.name,
        "quantise": None if options is None else options.to_json(),
        "samples": spec,
    }
    return args, blobs


def to_lite_args(
    model: state.OpenModel, options: OptimiseOptions
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The arguments of a job that optimises and converts, as `lite_types.ToLiteArgs`."""
    args, blobs = request_args(model)
    return {**args, "options": options.to_json(), "flex": flex(model)}, blobs


def _stays_float(model: state.OpenModel, recipe: str) -> None:
    smallest = RECIPES[recipe].min_elements
    st.number_input(
        "Operators with weights below (elements)",
        min_value=0,
        value=None,
        key=SMALLEST,
        placeholder=f"{smallest} (recipe default)",
        **_KEPT,
    )
    chosen = list(st.session_state.get(KEEP_OPS) or ())
    st.multiselect(
        "Operators of these types",
        list(dict.fromkeys([*_op_types(model, recipe), *chosen])),
        key=KEEP_OPS,
        placeholder="CONV_2D, ...",
        **_KEPT,
    )
    st.text_area(
        "Operators whose output name matches",
        key=KEEP,
        placeholder="one regular expression per line",
        height=68,
        **_KEPT,
    )
    if why := regex_problem():
        state.error(why)
    st.multiselect(
        "These nodes",
        kept_nodes(),
        key=KEEP_NODES,
        accept_new_options=True,
        placeholder="selected in the graph, or typed",
        format_func=lambda name: text.shorten(name, 80),
        **_KEPT,
    )
    if tflite.is_lite(model):
        st.page_link("pages/graph.py", label="Select in graph", icon=":material/account_tree:")
    elif state.result() is not None:
        where = "Select in the result's graph"
        st.page_link("pages/compare.py", label=where, icon=":material/compare_arrows:")


def _op_types(model: state.OpenModel, recipe: str) -> list[str]:
    result = state.result()
    if tflite.is_lite(model):
        op_types = set(model.facts["op_counts"])
    elif result is not None and result.lite is not None:
        op_types = set(result.lite["ops"])
    else:
        return sorted(RECIPES[recipe].weight_ops)
    return sorted(RECIPES[recipe].weight_ops & op_types)


def _recipe_text(name: str) -> str:
    if name == NONE:
        return "none: float32"
    return f"{name}: {RECIPES[name].summary}"


def _lines(content: str) -> list[str]:
    return [line.strip() for line in content.splitlines() if line.strip()]
