"""The list of transforms on the Optimise page: presets, order, parameters, and the text form.

The list in the session is authoritative. The text form is rewritten after every change of the list,
and parsed into it when the user edits it, by the grammar of the Graph Transform Tool. A text that
cannot be parsed is a `problem`: the list is not what the text says, and nothing may be run.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any, Literal

import streamlit as st

from inspector.errors import BadParameter, TransformError
from inspector.passes import PASSES
from inspector.passes.base import Param, Pass
from inspector.passes.gains import GAINS, Gain
from inspector.passes.parser import Call, format_call, format_calls, parse
from inspector.passes.pipeline import plan
from inspector.passes.presets import PRESETS, Preset
from inspector.ui.session import state
from inspector.ui.widgets import copy_button, step_record, tables, text
from inspector.ui.widgets.reordering import dragged_rows

ITEMS, TEXT, PROBLEM = "pipeline_items", "pipeline_text", "pipeline_problem"
DEFAULT = "pipeline_default"
"""The default list that is installed; another model's replaces it unless the user changed it."""
_COLOURS = {"exact": "green", "rounding": "blue", "lossy": "orange", "unchecked": "violet"}
"""Of the badges that say what a transform declares of the outputs."""
_EXACT = 1 << 53
"""Bound of the integers that a browser's numbers hold exactly."""
_ids = itertools.count()


@dataclass(frozen=True)
class Item:
    """One transform of the list; the keys of its widgets hold the id."""

    call: Call
    id: int = field(default_factory=lambda: next(_ids))


def calls() -> list[Call]:
    """The transforms in their order."""
    return [item.call for item in _items()]


def as_text() -> str | None:
    """The list as text; None before the page was seen."""
    return format_calls(calls()) if ITEMS in st.session_state else None


def default_of(transforms: str | None) -> str:
    """The list that the page starts with, for a model that comes with `transforms` or without."""
    return transforms or PRESETS["seed"].transforms


def is_same(transforms: str, other: str) -> bool:
    """Whether two texts are the same list."""
    return parse(transforms) == parse(other)


def restore(transforms: str) -> None:
    """Replace the list, before the page is drawn. Raises: TransformError."""
    parsed = parse(transforms)
    plan(parsed)
    _set([Item(call) for call in parsed])
    _write()


def problem() -> str:
    """Why the text is no list of transforms; empty where it is the list that is drawn."""
    return str(st.session_state.get(PROBLEM) or "")


def load(transforms: str) -> None:
    """Replace the list. Raises: TransformError."""
    _set([Item(call) for call in parse(transforms)] if transforms else [])
    _write()


def remove(name: str) -> None:
    """Take every transform of this name out of the list."""
    _set([item for item in _items() if item.call.name != name])
    _write()


def editor(default: str | None = None) -> None:
    """Presets, the list, and the text form.

    Args:
        default: The list that comes with the open model, as text; without it the first preset.
    """
    install_default(default)
    _presets()
    for place, item in enumerate(_items()):
        _row(place, item)
    dragged_rows.listen("step_", _put)
    _adder()
    with st.expander("As text (transform_graph syntax)", icon=":material/code:", expanded=True):
        if TEXT not in st.session_state:
            _write()
        st.text_area(
            "Transforms", key=TEXT, on_change=_read, height=232, label_visibility="collapsed"
        )
        if why := problem():
            state.error(why)


def _presets() -> None:
    """The presets, two lines each; the one whose list is on the page is selected."""
    loaded = loaded_preset()
    if loaded is None:
        label, note = "Preset: none, a list of your own", ""
    else:
        label, note = f"Preset: {PRESETS[loaded].title}", PRESETS[loaded].note
    st.session_state["preset"] = loaded
    with st.popover(label, icon=":material/playlist_add_check:", width="stretch"):
        st.radio(
            "Preset",
            list(PRESETS),
            key="preset",
            on_change=_use_preset,
            index=None,
            label_visibility="collapsed",
            format_func=_preset_name,
            captions=[_preset_facts(preset) for preset in PRESETS.values()],
        )
    if loaded is not None:
        st.caption(_preset_facts(PRESETS[loaded]), help=text.escape(note, 900) or None)


def _preset_name(name: str) -> str:
    title = PRESETS[name].title
    return f"**{title}**" if title.lower() == name else f"**{title}** ({name})"


def _preset_facts(preset: Preset) -> str:
    facts = f"{_gains(preset)} Outputs: {preset.outputs}."
    return f"{text.escape(preset.sentence, 500)}  \n{facts}"


def _gains(gains: Gain | Preset) -> str:
    return f"Size: {gains.size}. Speed: {gains.speed}."


def _adder() -> None:
    """The transforms to add, each with its effect on outputs, size and speed."""
    row = st.container(horizontal=True, vertical_alignment="center", key="transform_adder")
    row.selectbox(
        "Add a transform",
        sorted(PASSES),
        key="add_transform",
        on_change=_add,
        index=None,
        placeholder="Add a transform",
        label_visibility="collapsed",
        format_func=lambda name: f"{name} · {step_record.EFFECTS[PASSES[name].effect]}",
    )
    with row.popover(
        "What each transform does",
        icon=":material/help:",
        help="What each transform does",
        type="tertiary",
    ):
        rows = [
            {
                "transform": name,
                "what it does": PASSES[name].summary,
                "outputs": step_record.EFFECTS[PASSES[name].effect],
                "size": gain.size,
                "speed": gain.speed,
            }
            for name, gain in GAINS.items()
        ]
        tables.table(rows, key="transforms_table", rows_shown=14)


def loaded_preset() -> str | None:
    """The preset whose list is on the page; None for any other list."""
    now = calls()
    return next((name for name in PRESETS if parse(PRESETS[name].transforms) == now), None)


def arguments(
    transform: Pass, values: dict[str, Any], ignore_errors: bool
) -> tuple[tuple[str, str], ...]:
    """A call's arguments from a form's values, without those that equal their default."""
    args: list[tuple[str, str]] = []
    for param in transform.params:
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


def _row(index: int, item: Item) -> None:
    transform = PASSES.get(item.call.name)
    card = st.container(border=True, gap="xxsmall", key=f"step_{item.id}")
    row = card.container(horizontal=True, vertical_alignment="center", gap="small")
    dragged_rows.handle(row)
    copy_button.box(str(item.call), row, index + 1)
    buttons = row.container(horizontal=True, wrap=False, gap="small", width="content")
    if transform is not None:
        with buttons.popover(
            "Parameters", icon=":material/tune:", help="Parameters", type="tertiary"
        ):
            _form(item, transform)
    is_last = index == len(_items()) - 1
    icons = (
        ("up", "arrow_upward", "Move up", index == 0, _move, (item, -1)),
        ("down", "arrow_downward", "Move down", is_last, _move, (item, 1)),
        ("drop", "close", "Remove", False, _drop, (item,)),
    )
    for key, icon, tip, disabled, action, args in icons:
        buttons.button(
            tip,
            key=f"{key}_{item.id}",
            icon=f":material/{icon}:",
            help=tip,
            type="tertiary",
            disabled=disabled,
            on_click=action,
            args=args,
        )
    if transform is not None:
        summary = text.escape(transform.summary, 300)
        card.caption(f"{_badge(transform)} {summary}  \n{_gains(GAINS[transform.name])}")


def _badge(transform: Pass) -> str:
    return f":{_COLOURS[transform.effect]}-badge[{step_record.EFFECTS[transform.effect]}]"


def _form(item: Item, transform: Pass) -> None:
    st.markdown(f"**{text.escape(transform.name)}** {_badge(transform)}")
    st.caption(f"{text.escape(transform.summary, 600)} {_gains(GAINS[transform.name])}")
    with st.form(f"form_{item.id}", border=False):
        values = {param.name: _field(item, param) for param in transform.params}
        is_ignoring = "true" in item.call.values("ignore_errors")
        ignore_errors = st.toggle(
            "ignore_errors",
            is_ignoring,
            key=f"ignore_{item.id}",
            help="If this step fails, continue with the graph as it was.",
        )
        if st.form_submit_button("Apply", key=f"apply_{item.id}", type="primary"):
            _replace(item, Call(item.call.name, arguments(transform, values, ignore_errors)))


def _field(item: Item, param: Param) -> Any:
    key = f"param_{item.id}_{param.name}"
    texts = item.call.values(param.name)
    if param.kind == "texts":
        choices = list(param.arg.choices)
        if param.arg.commas:
            texts = [part.strip() for text in texts for part in text.split(",")]
        chosen = texts or list(param.default or ())
        return st.multiselect(
            param.name,
            choices or chosen,
            [value for value in chosen if not choices or value in choices],
            key=key,
            help=param.sentence,
            accept_new_options=not choices,
        )
    if param.kind == "switch":
        value = texts[0] in ("true", "1") if texts else bool(param.default)
        return st.toggle(param.name, value, key=key, help=param.sentence)
    if param.arg.choices:
        choices = list(param.arg.choices)
        current = texts[0] if texts and texts[0] in choices else param.default
        index = choices.index(current) if current in choices else None
        return st.selectbox(param.name, choices, index=index, key=key, help=param.sentence) or ""
    written = texts[0] if texts else param.default
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
    return st.text_input(param.name, texts[0] if texts else default, key=key, help=param.sentence)


def _number(param: Param, literal: Any) -> int | float | Literal[False] | None:
    """The value for a number input; False where it could not show the text."""
    if literal is None:
        return None
    try:
        value: int | float = param.read("transform", [str(literal)])
    except BadParameter:
        return False
    return value if abs(value) < _EXACT else False


def _items() -> list[Item]:
    items: list[Item] = st.session_state[ITEMS]
    return items


def _set(items: list[Item]) -> None:
    st.session_state[ITEMS] = items
    st.session_state.pop(PROBLEM, None)


def _write() -> None:
    st.session_state[TEXT] = "\n".join(format_call(call) for call in calls())


def _read() -> None:
    try:
        parsed = parse(st.session_state[TEXT])
        plan(parsed)
    except TransformError as err:
        st.session_state[PROBLEM] = str(err)
    else:
        _set([Item(call) for call in parsed])


def install_default(default: str | None) -> None:
    """Install the default list of the open model, unless the user has changed the list.

    Args:
        default: The list that comes with the model, as text; without it the first preset.
    """
    default = default_of(default)
    installed = st.session_state.get(DEFAULT)
    untouched = installed is not None and calls() == parse(installed)
    if ITEMS not in st.session_state or (untouched and installed != default):
        _set([Item(call) for call in parse(default)])
        _write()
        st.session_state[DEFAULT] = default


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
    _put(item.id, _items().index(item) + by)


def _put(number: int, place: int) -> None:
    """Move the item of this id to a place of the list; nothing where it is gone."""
    moved = [item for item in _items() if item.id == number]
    items = [item for item in _items() if item.id != number]
    _set([*items[:place], *moved, *items[place:]])
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
    # This run has drawn the text area already, so its text is rewritten in the next one.
    del st.session_state[TEXT]
    st.rerun()
