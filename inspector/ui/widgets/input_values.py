"""The inputs that a run makes constants of, as ``name=value``: a field, and a row for each."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

import streamlit as st

from inspector.errors import BadFeed, did_you_mean
from inspector.optimisation import fixed_inputs
from inspector.optimisation.feeds import Slot, placeholder_slots, signature_slots
from inspector.ui.session import state
from inspector.ui.widgets import copy_button, text

_LISTED = 50
KEY = state.OF_MODEL + "fixed_inputs"
_FIELD, _PROBLEM = "fix_input", state.OF_MODEL + "fix_input_problem"


def values() -> dict[str, str]:
    """Name of each fixed input to its value, as it was typed."""
    chosen: dict[str, str] = st.session_state.get(KEY, {})
    return chosen


def editor(model: state.OpenModel) -> None:
    """A row for each fixed input, and a field to fix another one."""
    slots = _slots(model)
    if not slots and not values():
        return
    for index, (name, value) in enumerate(values().items()):
        row = st.container(
            horizontal=True,
            vertical_alignment="center",
            wrap=False,
            gap="small",
            key=f"named_icon_unfix_{index}",
        )
        copy_button.box(f"{name}={value}", row)
        row.button(
            "Remove",
            key=f"unfix_{index}",
            icon=":material/close:",
            type="tertiary",
            help="Remove",
            on_click=_drop,
            args=(name,),
        )
    open_slots = [slot for name, slot in slots.items() if name not in values()]
    flags = [slot for slot in open_slots if slot.dtype == "bool"]
    numbers = [slot for slot in open_slots if slot.dtype != "string"]  # else the path of a file
    hints = [
        f"{slot.key}={fixed_inputs.example(slot)}, then Enter" for slot in (flags + numbers)[:1]
    ]
    st.text_input(
        "Fix an input",
        key=_FIELD,
        on_change=_take,
        args=(slots,),
        placeholder=next(iter(hints), "name=value, then Enter"),
        help="Replaces an input by a constant and removes the branches that it decides: "
        + text.escape(", ".join(map(str, islice(slots.values(), _LISTED))), 600),
    )
    if problem := st.session_state.get(_PROBLEM):
        state.error(problem)


def problem() -> str:
    """Why the field holds no value that can be taken; empty where it does not."""
    return str(st.session_state.get(_PROBLEM) or "")


def restore(model: state.OpenModel, typed: Iterable[str]) -> str:
    """Fix the inputs that are each written ``name=value``.

    Returns: Why one of them cannot be fixed, as a sentence; empty where all are.
    """
    slots = _slots(model)
    try:
        st.session_state[KEY] = dict(_parsed(slots, text) for text in typed)
    except BadFeed as err:
        return f"The fixed inputs in this address cannot be used: {err}."
    return ""


def _slots(model: state.OpenModel) -> dict[str, Slot]:
    """The inputs that can be fixed, by name: of the signature, then placeholders."""
    infos = {}
    if model.signature is not None:
        infos = model.facts["signatures"][model.signature]["inputs"]
    slots = signature_slots(infos)
    nodes = {row["name"].removesuffix(":0") for row in infos.values()}
    rows = [row for row in model.facts["placeholders"] if row["name"] not in nodes]
    return {slot.key: slot for slot in [*slots, *placeholder_slots(rows)]}


def _take(slots: dict[str, Slot]) -> None:
    typed = st.session_state[_FIELD]
    st.session_state.pop(_PROBLEM, None)
    if not typed.strip():
        return
    try:
        name, value = _parsed(slots, typed)
    except BadFeed as err:
        st.session_state[_PROBLEM] = str(err)
        return
    st.session_state[KEY] = {**values(), name: value}
    st.session_state[_FIELD] = ""


def _parsed(slots: dict[str, Slot], typed: str) -> tuple[str, str]:
    """Name and value of ``name=value``. Raises: BadFeed."""
    name, equals, value = typed.partition("=")
    name = name.strip()
    if not equals:
        raise BadFeed("set", typed, "write name=value, e.g. phase_train=false")
    if name not in slots:
        reason = "no input of this name" + did_you_mean(name, slots)
        raise BadFeed("set", f"input '{name}'", reason)
    fixed_inputs.array_of(value, slots[name])
    return name, value


def _drop(name: str) -> None:
    st.session_state[KEY] = {key: value for key, value in values().items() if key != name}
