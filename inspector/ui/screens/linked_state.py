"""What an address says beside the model: the optimise form on every page, and each page's own part.

Every value is looked up or bounded before it is used; what does not fit the model is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import streamlit as st

from inspector.errors import TransformError
from inspector.passes.presets import PRESETS
from inspector.ui.screens import (
    latency,
    operations,
    optimise,
    output_comparison,
    pipeline_search,
    predict,
    variables,
)
from inspector.ui.screens.operation_list import figures
from inspector.ui.screens.parting import node_differences
from inspector.ui.screens.timing import batch_sizes
from inspector.ui.session import address, result_links, state, view_state
from inspector.ui.widgets import input_values, pipeline
from inspector.view.state import links
from inspector.view.state.links import MAX_NAME

Params = dict[str, list[str]]
_MAX_MEASURED = 8
MAX_NAMES = 100
"""Most outputs, inputs, fixed inputs or op types of an address."""
LIST, PRESET, SET, UNDO = "list", "preset", "set", "undo"
OUT, IN, TYPE, LABELS = "out", "in", "type", "labels"
SHOWN = ONE_PICTURE, SIDE_BY_SIDE = "One picture", "Side by side"
"""How Compare shows its picture."""
_VIEW = tuple(key for key in links.KEYS if key not in (OUT, IN))
PROBLEM = state.OF_MODEL + "address_problem"


class Field(NamedTuple):
    """A widget, or a key of the session, that one parameter of the address holds.

    Attributes:
        read: The value of a parameter's text; None refuses it.
        default: Left out of the address.
    """

    param: str
    key: str
    read: Callable[[state.OpenModel, str], Any]
    default: Any = None


def _flag(_model: state.OpenModel, text: str) -> bool | None:
    return {"True": True, "False": False}.get(text)


def _words(_model: state.OpenModel, text: str) -> str | None:
    return text if len(text) <= MAX_NAME else None


def _one_of(choices: Any) -> Callable[[state.OpenModel, str], str | None]:
    return lambda _model, text: text if text in choices else None


def _number(least: int, most: int) -> Callable[[state.OpenModel, str], int | None]:
    def read(_model: state.OpenModel, text: str) -> int | None:
        if not (text.isascii() and text.isdigit() and len(text) < 20):
            return None
        return int(text) if least <= int(text) <= most else None

    return read


def _real(least: float, most: float) -> Callable[[state.OpenModel, str], float | None]:
    def read(_model: state.OpenModel, text: str) -> float | None:
        try:
            value = float(text) if len(text) <= MAX_NAME else math.nan
        except ValueError:
            return None
        return value if least <= value <= most else None

    return read


def _feed_kind(model: state.OpenModel, text: str) -> str | None:
    return text if text in predict.KINDS and (text != "sample" or model.feeds is not None) else None


def _operation(model: state.OpenModel, text: str) -> str | None:
    return text if text in model.names() else None


def _variable(model: state.OpenModel, text: str) -> str | None:
    return text if any(row["name"] == text for row in model.facts["variable_list"]) else None


_COUNTED = ("Serving function", "Main graph")
FORM = (
    Field("check", "check_steps", _flag, True),
    Field("violation", "on_violation", _one_of(optimise.POLICIES), "keep"),
    Field("require", "require_check", _flag, False),
    Field("signatures", "all_signatures", _flag, False),
)
"""The options of the Optimise page, in the address of every page."""
PAGES = {
    "overview": (
        Field("search", "variable_search", _words, ""),
        Field("variable", variables.SELECTED, _variable),
        Field("count", "counted_graph", _one_of(_COUNTED), _COUNTED[0]),
    ),
    "operations": (
        Field("search", "op_search", _words, ""),
        Field("sort", operations.SORT_KEY, _one_of(figures.ORDERS), figures.IN_ORDER),
        Field("page", operations.PAGE_KEY, _number(1, 1_000_000), 1),
        Field("operation", operations.SELECTED, _operation),
    ),
    "compare": (Field("show", "compare_how", _one_of(SHOWN), SHOWN[0]),),
    "search": (
        Field("size", "goal_size", _real(0.001, 1e9)),
        Field("difference", "goal_difference", _real(0, 1e300)),
        Field("agreement", "goal_agreement", _real(0, 100)),
        Field("accuracy", "goal_accuracy", _real(0, 100)),
        Field("latency", "goal_latency", _real(0.1, 1e9)),
        Field("column", pipeline_search.LABEL_COLUMN, _words),
    ),
    "predict": (
        Field("feeds", "feed_kind", _feed_kind),
        Field("rows", "feed_batch", _number(1, 1_000_000), predict.DEFAULT_ROWS),
        Field("seed", "feed_seed", _number(0, 2**31), 0),
        Field("n", "feed_n", _number(1, 10_000_000), 100_000),
        Field("runs", "runs", _number(1, 50), 15),
    ),
}
"""The parts of pages; those of the pictures are `links`."""


def write(model: state.OpenModel, page: str) -> None:
    """Write what a page of the model shows into the address.

    Args:
        page: The file of the page, as in `shell.PAGES`.
    """
    address.write(model, {**_form(model, page), **_part(model, page)})


def restore(model: state.OpenModel, params: Mapping[str, list[str]], page: str) -> None:
    """Restore what `write` wrote, as far as it fits the model."""
    result = state.result()
    view_state.from_address(model, _only(params, (OUT, IN)) if page == "compare" else params)
    if model.facts["format"] == optimise.BUILT:  # its outputs may be nodes that a job builds
        state.set_outputs(_names(params, OUT))
    if page == "compare" and result is not None:
        view = links.from_params(result.both, _only(params, _VIEW))
        st.session_state[state.COMPARE_VIEW] = replace(view, outputs=(), inputs=())
    if result is not None:
        _restore_measured(result, _names(params, address.MEASURED))
    problems = [input_values.restore(model, _names(params, SET)), _restore_list(params)]
    st.session_state[PROBLEM] = " ".join(filter(None, problems))
    undone = [_number(0, MAX_NAMES)(model, text) for text in _names(params, UNDO)]
    st.session_state[optimise.UNDO] = [index for index in undone if index is not None]
    for field in (*FORM, *PAGES.get(page, ())):
        values = params.get(field.param, [])
        value = field.read(model, values[-1]) if values else None
        if value is not None:
            st.session_state[field.key] = value
    if page == "search":
        pipeline_search.restore_label_file(next(iter(_names(params, LABELS)), ""))
    if page == "operations":
        ops = model.operations.op_counts()
        st.session_state["op_types"] = [op for op in _names(params, TYPE) if op in ops]


def _restore_measured(result: state.Optimised, keys: list[str]) -> None:
    for key in keys[:_MAX_MEASURED]:
        if compared := result_links.measurement(result.folder, output_comparison.KIND, key):
            output_comparison.adopt(result, compared)
            result.measured[output_comparison.KIND] = key
        if timed := result_links.measurement(result.folder, latency.KIND, key):
            latency.adopt(result, timed)
            result.measured[latency.name(timed)] = key
        if swept := result_links.measurement(result.folder, batch_sizes.KIND, key):
            batch_sizes.adopt(result, swept)
            result.measured[batch_sizes.KIND] = key
        if blamed := result_links.measurement(result.folder, node_differences.KIND, key):
            node_differences.adopt(result, blamed)
            result.measured[node_differences.KIND] = key


def problem() -> str:
    """What of the address could not be restored, as sentences, once; empty without any."""
    return str(st.session_state.pop(PROBLEM, ""))


def _form(model: state.OpenModel, page: str) -> Params:
    """The optimise form; on Compare what the result was made with, should the form differ."""
    params = {OUT: _short(state.outputs()), IN: _short(state.inputs())}
    fixed, transforms = input_values.values(), pipeline.as_text()
    result = state.result()
    if page == "compare" and result is not None and result.options is not None:
        params[OUT] = _short(result.options["outputs"] or [])
        params[IN] = _short(result.options["inputs"] or [])
        fixed, transforms = result.options["set"] or {}, result.options["transforms"] or ""
        if (check := result.options["check"]) is not None:
            params[UNDO] = list(map(str, check["roll_back"]))
    params |= {SET: _short(f"{name}={value}" for name, value in fixed.items())}
    params |= _list_params(model, transforms) | _field_params(FORM)
    return {key: values for key, values in params.items() if values}


def _list_params(model: state.OpenModel, transforms: str | None) -> Params:
    if transforms is None or pipeline.is_same(transforms, pipeline.default_of(model.transforms)):
        return {}
    for name, preset in PRESETS.items():
        if pipeline.is_same(transforms, preset.transforms):
            return {PRESET: [name]}
    return {LIST: [transforms]}


def _restore_list(params: Mapping[str, list[str]]) -> str:
    if (name := next(iter(params.get(PRESET, ())), "")) in PRESETS:
        text = PRESETS[name].transforms
    elif LIST in params:
        text = params[LIST][0]
    else:
        return ""
    try:
        pipeline.restore(text)
    except TransformError as err:
        return f"The transforms in this address cannot be used: {err}."
    return ""


def _part(model: state.OpenModel, page: str) -> Params:
    params = _field_params(PAGES.get(page, ()))
    result = state.result()
    if page == "graph":
        return _only(view_state.address(model), _VIEW)
    if page == "compare" and result is not None and state.COMPARE_VIEW in st.session_state:
        params |= links.to_params(result.both, st.session_state[state.COMPARE_VIEW])
    if page == "search" and (labels := pipeline_search.label_file()):
        params[LABELS] = [labels]
    if page == "operations":
        params[TYPE] = _short(st.session_state.get("op_types", []))
    return params


def _field_params(fields: tuple[Field, ...]) -> Params:
    values = {field: st.session_state.get(field.key) for field in fields}
    return {
        field.param: [str(value)]
        for field, value in values.items()
        if value not in (None, field.default) and len(str(value)) <= MAX_NAME
    }


def _only(params: Mapping[str, list[str]], keys: tuple[str, ...]) -> Params:
    return {key: list(params[key]) for key in keys if key in params}


def _names(params: Mapping[str, list[str]], key: str) -> list[str]:
    return _short(params.get(key, ()))


def _short(names: Any) -> list[str]:
    return [name for name in names if len(name) <= MAX_NAME][:MAX_NAMES]
