"""The canvas as one ES module, its style sheet and its HTML, for every host that shows it.

The module's default export takes ``{data, parentElement, setStateValue, setTriggerValue}``:
``data`` is the message of `inspector.view.canvas.content.CanvasContent`, ``parentElement`` holds
`html`, and the functions receive selections and actions. Streamlit calls it so; a page without a
server passes functions of its own.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from inspector.view.table.op_kinds import INDEX, KINDS

HERE = Path(__file__).parent
SCRIPTS = HERE / "js"
MODULES = (
    "graph",
    "settings",
    "drawing",
    "viewport",
    "overview",
    "panels",
    "help",
    "drawer",
    "frame",
    "groups",
    "toolbar",
    "outbox",
    "keyboard",
    "pointer",
    "canvas",
    "mount",
)
"""The modules of `SCRIPTS`, each after those that it imports."""

_IMPORT = re.compile(r'^import \{[^}]*\} from "\./\w+\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?!default )", re.MULTILINE)


def html() -> str:
    """The elements that the module fills."""
    return (HERE / "canvas.html").read_text(encoding="utf-8")


def style() -> str:
    """The style sheet, with the colours of the kinds of ops."""
    kinds = "\n".join(f".k{place} {{ --k: {kind.color}; }}" for place, kind in enumerate(KINDS))
    band = f".inspector-canvas {{ --band: {KINDS[INDEX['activation']].color}; }}"
    return f"{(HERE / 'canvas.css').read_text(encoding='utf-8')}\n{kinds}\n{band}\n"


def notebook_script() -> str:
    """The module for anywidget: `script` with HTML and style sheet in it, and its own export."""
    mounting = script().replace("export default function (", "function mountCanvas(", 1)
    widget = _EXPORT.sub("", (HERE / "notebook.js").read_text(encoding="utf-8"))
    arguments = f"mountCanvas, {json.dumps(style())}, {json.dumps(html())}"
    return f"{mounting}\n{widget}\nexport default notebookWidget({arguments});\n"


def script() -> str:
    """The modules as one: Streamlit and a page of one file take one text, which imports nothing."""
    texts = [(SCRIPTS / f"{name}.js").read_text(encoding="utf-8") for name in MODULES]
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", text)) for text in texts)
