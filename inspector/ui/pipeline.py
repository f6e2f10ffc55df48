"""The list of transforms on the Optimise page: presets, order, parameters, and the text form.

The list is the truth; the text form is written from it after every change, and read back into it
when the user edits it. Both go through the tool's own grammar.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any, Literal

import streamlit as st

from inspector.errors import BadParameter, TransformError
from inspector.passes import PASSES
from inspector.passes.base import Param, Pass
from inspector.passes.parser import Call, format_call, parse
from inspector.passes.pipeline import plan
from inspector.passes.presets import PRESETS
from inspector.ui import copying, state, text

ITEMS, TEXT, PROBLEM = "pipeline_items", "pipeline_text", "pipeline_problem"
GIVEN = "pipeline_given"
"""The list that was put there for the user; it gives way to another model's while untouched."""
_EXACT = 1 << 53
"""The browser's numbers are exact below this."""
_ids = itertools.count()


@dataclass(frozen=True)
class Item:
    """One transform of the list; the id keeps its widgets apart."""

    call: Call
    id: int = field(default_factory=lambda: next(_ids))


def calls() -> list[Call]:
    """The transforms in their order."""
    return [item.call for item in _items()]


def editor(wanted: str | None = None) -> None:
    """Presets, the list, and the text form.

    Args:
        wanted: The list that suits the open model, as text; without it the first preset.
    """
    _give(wanted or PRESETS["seed"].transforms)
    names = list(PRESETS)
    st.selectbox(
        "Preset",
        names,
        key="preset",
        on_change=_use_preset,
        index=None,
        placeholder="Take a ready-made list",
        format_func=lambda name: f"{name}: {PRESETS[name].sentence}",
    )
    if (chosen := st.session_state.get("preset")) is not None:
        st.caption(text.escape(f"{PRESETS[chosen].sentence} {PRESETS[chosen].note}", 900))
    for place, item in enumerate(_items()):
        _row(place, item)
    st.selectbox(
        "Add a transform",
        sorted(PASSES),
        key="add_transform",
        on_change=_add,
        index=None,
        placeholder="Add a transform",
        label_visibility="collapsed",
        format_func=lambda name: f"{name}: {PASSES[name].summary}",
    )
    with st.expander("As text, in the tool's own syntax", icon=":material/code:", expanded=True):
        if TEXT not in st.session_state:
            _write()
        st.text_area(
            "Transforms", key=TEXT, on_change=_read, height=232, label_visibility="collapsed"
        )
        if problem := st.session_state.get(PROBLEM):
            state.error(problem)


def arguments(
    found: Pass, values: dict[str, Any], ignore_errors: bool
) -> tuple[tuple[str, str], ...]:
    """A call's arguments from a form's values; what equals its default is left out."""
    args: list[tuple[str, str]] = []
    for param in found.params:
        value = values[param.name]
        if param.kind == "texts":
            if tuple(value) != tuple(param.default or ()):
                args += [(param.name, str(part)) for part in value]
        elif param.kind == "switch":
            if value != param.default:
                args.append((param.name, "true" if value else "false"))
        elif value is not None and str(value).strip() not in ("", str(param.default)):
            args.append((param.name, str(value).strip()))
    if ignore_errors:
        args.append(("ignore_errors", "true"))
    return tuple(args)


def _row(place: int, item: Item) -> None:
    found = PASSES.get(item.call.name)
    row = st.container(
        horizontal=True, vertical_alignment="center", wrap=False, gap=None, key=f"step_{item.id}"
    )
    copying.box(f"{place + 1}. {item.call}", row)
    if found is not None:
        with row.popover("", icon=":material/tune:", help="Parameters", type="tertiary"):
            _form(item, found)
    last = place == len(_items()) - 1
    icons = (
        ("up", "arrow_upward", "Earlier", place == 0, _move, (item, -1)),
        ("down", "arrow_downward", "Later", last, _move, (item, 1)),
        ("drop", "close", "Take it out", False, _drop, (item,)),
    )
    for key, icon, tip, disabled, action, args in icons:
        row.button(
            "",
            key=f"{key}_{item.id}",
            icon=f":material/{icon}:",
            help=tip,
            type="tertiary",
            disabled=disabled,
            on_click=action,
            args=args,
        )


def _form(item: Item, found: Pass) -> None:
    st.markdown(f"**{text.escape(found.name)}** · {found.effect}")
    st.caption(text.escape(found.summary, 600))
    with st.form(f"form_{item.id}", border=False):
        values = {param.name: _field(item, param) for param in found.params}
        ignoring = "true" in item.call.values("ignore_errors")
        ignore = st.toggle(
            "ignore_errors",
            ignoring,
            key=f"ignore_{item.id}",
            help="Go on with the graph as it was where this step fails.",
        )
        if st.form_submit_button("Apply", key=f"apply_{item.id}", type="primary"):
            _replace(item, Call(item.call.name, arguments(found, values, ignore)))


def _field(item: Item, param: Param) -> Any:
    key = f"param_{item.id}_{param.name}"
    given = item.call.values(param.name)
    if param.kind == "texts":
        choices = list(param.arg.choices)
        if param.arg.commas:
            given = [part.strip() for text in given for part in text.split(",")]
        chosen = given or list(param.default or ())
        return st.multiselect(
            param.name,
            choices or chosen,
            [value for value in chosen if not choices or value in choices],
            key=key,
            help=param.sentence,
            accept_new_options=not choices,
        )
    if param.kind == "switch":
        value = given[0] in ("true", "1") if given else bool(param.default)
        return st.toggle(param.name, value, key=key, help=param.sentence)
    if param.arg.choices:
        choices = list(param.arg.choices)
        current = given[0] if given and given[0] in choices else param.default
        index = choices.index(current) if current in choices else None
        return st.selectbox(param.name, choices, index=index, key=key, help=param.sentence) or ""
    written = given[0] if given else param.default
    if param.kind in ("integer", "number") and (number := _number(param, written)) is not False:
        return st.number_input(
            param.name,
            value=number,
            min_value=None
            if param.arg.least is None or param.kind == "number"
            else param.arg.least,
            step=1 if param.kind == "integer" else None,
            format="%d" if param.kind == "integer" else "%g",
            key=key,
            help=param.sentence,
        )
    default = "" if param.default is None else str(param.default)
    return st.text_input(param.name, given[0] if given else default, key=key, help=param.sentence)


def _number(param: Param, written: Any) -> int | float | Literal[False] | None:
    """The value of a box for numbers; False where such a box could not show what is written."""
    if written is None:
        return None
    try:
        value: int | float = param.read("transform", [str(written)])
    except BadParameter:
        return False
    return value if abs(value) < _EXACT else False


def _items() -> list[Item]:
    found: list[Item] = st.session_state[ITEMS]
    return found


def _set(items: list[Item]) -> None:
    st.session_state[ITEMS] = items
    st.session_state.pop(PROBLEM, None)


def _write() -> None:
    st.session_state[TEXT] = "\n".join(format_call(call) for call in calls())


def _read() -> None:
    try:
        found = parse(st.session_state[TEXT])
        plan(found)
    except TransformError as err:
        st.session_state[PROBLEM] = str(err)
    else:
        _set([Item(call) for call in found])


def _give(wanted: str) -> None:
    """Put the list of the open model there, unless the user has made one."""
    given = st.session_state.get(GIVEN)
    untouched = given is not None and calls() == parse(given)
    if ITEMS not in st.session_state or (untouched and given != wanted):
        _set([Item(call) for call in parse(wanted)])
        _write()
        st.session_state[GIVEN] = wanted


def _use_preset() -> None:
    name = st.session_state["preset"]
    if name is not None:
        _set([Item(call) for call in parse(PRESETS[name].transforms)])
        _write()


def _add() -> None:
    name = st.session_state["add_transform"]
    if name is None:
        return
    required = [param for param in PASSES[name].params if param.required]
    args = tuple((param.name, param.arg.example) for param in required)
    _set([*_items(), Item(Call(name, args))])
    _write()
    st.session_state["add_transform"] = None


def _move(item: Item, by: int) -> None:
    items = [other for other in _items() if other.id != item.id]
    items.insert(_items().index(item) + by, item)
    _set(items)
    _write()


def _drop(item: Item) -> None:
    _set([other for other in _items() if other.id != item.id])
    _write()


def _replace(item: Item, call: Call) -> None:
    try:
        format_call(call)
        plan([call])
    except TransformError as err:
        state.error(err)
        return
    _set([Item(call) if other.id == item.id else other for other in _items()])
    # The text area is drawn already in this run; without its state it is written anew in the next.
    del st.session_state[TEXT]
    st.rerun()
