"""Write docs/transforms anew from the table of transforms: a page and a picture for each.

python -m tests.passes.transform_docs
"""

from __future__ import annotations

from pathlib import Path

from inspector.graph.graph import Graph
from inspector.model.model import Model
from inspector.passes import PASSES
from inspector.passes.base import Param, Pass
from inspector.passes.gains import GAINS
from inspector.passes.presets import PRESETS
from inspector.view.export.render import render
from tests.passes.running import context
from tests.passes.test_battery import CASES, build, params
from tests.passes.tool_differences import DIFFERS

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "transforms"
EFFECTS = {
    "exact": "Fetched values stay equal, bit by bit.",
    "rounding": "Fetched values stay equal but for rounding.",
    "lossy": "Fetched values move a little, on purpose.",
    "unchecked": "It promises nothing about fetched values: what it does depends on what is asked.",
}
KINDS = {
    "text": "text",
    "texts": "text, any number of times",
    "integer": "whole number",
    "number": "number",
    "switch": "true or false",
}
FIGURES = (Path(__file__).parent / "preset_figures.md").read_text(encoding="utf-8")


def pages() -> dict[str, str]:
    """File name to the text of each page."""
    return {"README.md": index(), **{f"{name}.md": page(PASSES[name]) for name in PASSES}}


def index() -> str:
    """All transforms, one line each, and the presets."""
    lines = [
        "# Transforms",
        "",
        "Each transform by name, what it promises about fetched values, and what it does. They are",
        "written as the old tool's text, `fold_constants(ignore_errors=true) round_weights`; every",
        "one also takes `ignore_errors`, with which the others go on where it fails.",
        "`inspector transforms` prints this list; `tests.passes.transform_docs` writes the pages.",
        "",
        "| transform | effect | size | speed | what it does |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, found in PASSES.items():
        facts = f"{found.effect} | {GAINS[name].size} | {GAINS[name].speed}"
        lines.append(f"| [{name}]({name}.md) | {facts} | {markdown(found.summary)} |")
    lines += ["", "## Presets", ""]
    for name, preset in PRESETS.items():
        facts = f"Size: {preset.size}. Speed: {preset.speed}. Outputs: {preset.outputs}."
        lines += [f"**{name}** ({preset.title}): {preset.sentence} {facts}", ""]
        lines += ["```", preset.transforms, "```", ""]
        if preset.note:
            lines += [f"What was wrong with it: {preset.note}", ""]
    return "\n".join([*lines, FIGURES]).rstrip() + "\n"


def page(found: Pass) -> str:
    """One transform: sentence, parameters, what comes first, what it does, its picture."""
    paragraphs = found.doc.split("\n\n")[1:]
    lines = [f"# {found.name}", "", markdown(found.summary), ""]
    lines += [f"*{found.effect}*: {EFFECTS[found.effect]}", ""]
    lines += [f"Size: {GAINS[found.name].size}. Speed: {GAINS[found.name].speed}.", ""]
    if found.needs_kernels:
        lines += ["It needs TensorFlow, and asks a worker.", ""]
    lines += ["## Parameters", ""]
    if found.params:
        lines += ["| name | kind | default | what it does |", "| --- | --- | --- | --- |"]
        lines += [row(param) for param in found.params] + [""]
    else:
        lines += ["None.", ""]
    lines += ["## What runs before it", "", found.after or "Nothing has to.", ""]
    if paragraphs:
        lines += ["## What it does", ""]
        for text in paragraphs:
            lines += [markdown(text), ""]
    if found.source.startswith("graph_transforms/"):
        lines += ["## How it differs from the tool", "", DIFFERS[found.name], ""]
    else:
        lines += ["The old tool had no such transform.", ""]
    lines += [
        "## Before and after",
        "",
        f"`{call(found.name)}`. Red and dashed is removed, green",
        "",
    ]
    lines[-2] += " is added, amber is changed."
    lines += [f"![{found.name} on a small graph]({found.name}.svg)", ""]
    return "\n".join(lines).rstrip() + "\n"


def row(param: Param) -> str:
    """A parameter as a line of the table."""
    default = param.default
    if param.required:
        told = "required"
    elif isinstance(default, bool):
        told = f"`{str(default).lower()}`"
    elif isinstance(default, tuple):
        told = ", ".join(f"`{value}`" for value in default)
    else:
        told = "" if default in (None, "") else f"`{default}`"
    sentence = markdown(param.sentence)
    if param.arg.choices:
        sentence += " One of " + ", ".join(f"`{choice}`" for choice in param.arg.choices) + "."
    return f"| `{param.name}` | {KINDS[param.kind]} | {told} | {sentence} |"


def call(name: str) -> str:
    """The transform as the picture's graph is given it; a file is named, not where it lies."""
    given = CASES[name].params
    shown = [
        f'{part.split("=")[0]}="{Path(part.split("=")[1].strip(chr(34))).name}"'
        if "/" in part and "=" in part and Path(part.split("=")[1].strip(chr(34))).is_absolute()
        else part
        for part in given.split(", ")
    ]
    return f"{name}({', '.join(shown)})" if given else name


def markdown(text: str) -> str:
    """A docstring's words as Markdown on one line, a list with a line for each item."""
    items = [" ".join(part.split()) for part in text.split("\n* ")]
    return "\n* ".join(items).replace("``", "`").replace("|", "\\|")


def picture(name: str) -> bytes:
    """The transform's small graph before and after, in one SVG."""
    before = build(name)
    after = PASSES[name](before, context(), **params(name)).graph
    return render(_model(before), "svg", against=_model(after))


def _model(graph: Graph) -> Model:
    return Model(format="GraphDef", name="example", graph=graph)


def main() -> None:
    """Write all pages and pictures; what belongs to no transform goes."""
    FOLDER.mkdir(exist_ok=True)
    texts = pages()
    for file, text in texts.items():
        (FOLDER / file).write_text(text, encoding="utf-8")
    for name in PASSES:
        (FOLDER / f"{name}.svg").write_bytes(picture(name))
    for path in FOLDER.iterdir():
        if path.name not in texts and path.stem not in PASSES:
            path.unlink()
    print(f"{len(PASSES)} transforms in {FOLDER.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
