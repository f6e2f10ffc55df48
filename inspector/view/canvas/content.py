"""What a canvas draws, as the JSON that its ES module takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from inspector.view.table.op_kinds import KINDS

ACTIONS = (
    "expand",
    "collapse",
    "output",
    "input",
    "trace",
    "back",
    "forward",
    "deeper",
    "shallower",
    "first",
    "find",
)
"""What a person can ask of the host; everything else happens on the canvas."""
_KINDS = [[kind.label, kind.color] for kind in KINDS]


@dataclass(frozen=True)
class CanvasContent:
    """What a canvas draws, and which actions its page handles.

    Args:
        layout: As `inspector.view.layout.layout.layout` returns it.
        marks: Node name to some of ``output``, ``input``, ``float`` (badges), ``added``,
            ``removed``, ``changed``, ``renamed``, ``refused``, ``hit`` (borders), ``dim``.
        heat: Box name to its strength, 0 to 1, and its text; colours the boxes.
        trace: The kind of trace from the selection; `marks` dim the other boxes.
        can: The possible ones of ``back`` and ``forward``.
        hide: A mark; boxes with this mark are hidden but keep their place.
        group: Canvases of one group show the same part at the same zoom.
        search: Key of the page's search field. Enter there is ``find``; ``/`` focuses it.
        without: Those of `ACTIONS` that the page does not handle; the canvas does not offer them.
        opens: What the details show beside a selection; the drawer opens once for each.
        height: Pixels of the stage; None for the remaining height of the window.
        fills: The canvas takes the rest of the window below it, and the page has a drawer with the
            details of the selection; `inspector/ui/screens/graph.css` places both.
    """

    layout: Mapping[str, Any]
    marks: Mapping[str, Sequence[str]] = field(default_factory=dict)
    heat: Mapping[str, Sequence[Any]] | None = None
    trace: str = ""
    can: Sequence[str] = ()
    hide: str = ""
    group: str = ""
    search: str = ""
    without: Sequence[str] = ()
    opens: str = ""
    height: int | None = None
    fills: bool = False

    def message(self) -> dict[str, Any]:
        """The JSON for the browser, without the options that are not set."""
        message = {"rev": self.layout["rev"], "graph": self.layout["packed"], "kinds": _KINDS}
        options = {
            "marks": {name: list(marks) for name, marks in self.marks.items()},
            "trace": self.trace,
            "can": list(self.can),
            "hide": self.hide,
            "group": self.group,
            "search": self.search,
            "without": list(self.without),
            "opens": self.opens,
            "height": self.height,
            "fills": self.fills,
        }
        message |= {name: option for name, option in options.items() if option}
        if self.heat is not None:
            message["heat"] = {name: list(pair) for name, pair in self.heat.items()}
        return message


def pick_marks(outputs: Iterable[str], inputs: Iterable[str] = ()) -> dict[str, list[str]]:
    """The marks of picked nodes, for `canvas`."""
    marks: dict[str, list[str]] = {}
    for word, names in (("output", outputs), ("input", inputs)):
        for name in names:
            marks.setdefault(name, []).append(word)
    return marks
