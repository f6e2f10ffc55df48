"""The interactive picture of a Model in a notebook, where anywidget is installed.

The canvas is that of the Graph page (`inspector.view.canvas`); selections and actions come from the
browser as messages, and a new picture goes back. Names in a model are untrusted: the canvas inserts
them as text, and what a message names is looked up.
"""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets

from inspector.view.canvas import web_module
from inspector.view.canvas.content import CanvasContent
from inspector.view.canvas.events import read_actions, read_selection
from inspector.view.layout.layout import picture_of
from inspector.view.state import actions
from inspector.view.tree.hierarchy import Hierarchy

HEIGHT = 520
"""Pixels of the picture."""
_NOT_HANDLED = ("output", "input", "back", "forward", "trace", "find")


class GraphWidget(anywidget.AnyWidget):
    """The picture of a graph with scopes that open and close, under a summary.

    Args:
        tree: The hierarchy of the graph.
        summary: HTML above the picture, with all names escaped.
    """

    _esm = web_module.notebook_script()
    data = traitlets.Dict().tag(sync=True)
    summary = traitlets.Unicode().tag(sync=True)

    def __init__(self, tree: Hierarchy, summary: str) -> None:
        self._tree = tree
        self._state = actions.first(tree)
        super().__init__(data=self._message(), summary=summary)
        self.on_msg(self._receive)

    @property
    def selected(self) -> tuple[str, ...]:
        """Names of the nodes and scopes that are selected."""
        return self._state.selected

    def _message(self, handled: int = 0) -> dict[str, Any]:
        picture = picture_of(self._tree, self._state.opened, keep=self._state.last)
        content = CanvasContent(picture.layout, height=HEIGHT, without=_NOT_HANDLED)
        return content.message() | ({"done": handled} if handled else {})

    def _receive(self, _: object, message: dict[str, Any], __: object) -> None:
        """Handle a selection or actions from the browser."""
        name, value = message.get("name"), message.get("value")
        if name == "selected" and (selection := read_selection(value)) is not None:
            self._state = actions.handle(self._tree, self._state, selection)
        elif name == "act":
            handled = self.data.get("done", 0)
            todo = [(number, event) for number, event in read_actions(value) if number > handled]
            for _number, event in todo:
                if event.do not in _NOT_HANDLED:
                    self._state = actions.handle(self._tree, self._state, event)
            if todo:
                self.data = self._message(handled=todo[-1][0])
