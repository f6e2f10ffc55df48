"""The layers of the web app: a module imports from its own layer and from lower ones."""

from __future__ import annotations

from tests.test_rooms import internal, sources, where

LAYERS = ("server", "session", "canvas", "widgets", "screens")
"""Bottom to top; pages stand above all."""
EVERYWHERE = {"inspector.ui.widgets.text"}


def layer(name: str) -> int:
    """The place of a module of the web app in `LAYERS`."""
    return LAYERS.index(name.split(".")[2])


def test_layers_import_from_lower_layers_only() -> None:
    modules = [
        name for name in sources() if name.startswith("inspector.ui.") and name.count(".") > 2
    ]
    assert {name.split(".")[2] for name in modules} == set(LAYERS)
    wrong = [
        f"{where(name, line)} imports {target}"
        for name in modules
        for target, line in internal(name)
        if target in modules and target not in EVERYWHERE and layer(target) > layer(name)
    ]
    assert not wrong, "\n".join(wrong)
