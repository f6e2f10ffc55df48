"""The picture of a model as a file, as the Graph page shows it.

Example:
    >>> Path("model.svg").write_bytes(render(model, "svg"))
    >>> Path("diff.png").write_bytes(render(before, "png", against=after))
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from inspector.analysis.diff import diff
from inspector.errors import UnknownNode, UnsupportedModel, did_you_mean
from inspector.model.model import Model
from inspector.view.export import image, svg
from inspector.view.layout.layout import Picture, picture_of
from inspector.view.state.initial_view import BUDGET, start
from inspector.view.state.union import Difference, difference_marks, union
from inspector.view.state.visible import CEILING
from inspector.view.table.builder import NodeTableBuilder
from inspector.view.tree.hierarchy import Hierarchy, build

FORMATS = ("svg", "png", "pdf", "dot")


def render(
    model: Model,
    format: str = "svg",
    *,
    expand: Iterable[str] = (),
    budget: int = BUDGET,
    against: Model | None = None,
    theme: str = "light",
    background: bool = True,
) -> bytes:
    """The bytes of a picture of a model.

    Args:
        format: One of `FORMATS`.
        expand: Scopes to open besides those of the first picture, with all around them.
        budget: Boxes that the first picture may have; usually there are fewer.
        against: Another model: what is added, removed and changed from ``model`` to it is marked.
        theme: ``light`` or ``dark``; for all but DOT.
        background: Whether the background is painted.
    Raises: UnsupportedModel (no such format, no graph); UnknownNode (no such scope); LayoutError.
    """
    if format not in FORMATS:
        why = f"no format of pictures; there are {', '.join(FORMATS)}"
        raise UnsupportedModel("render", format, why)
    tree, marks_of = _tree(model, against)
    if not len(tree.table):
        raise UnsupportedModel(model.name, "graph", f"the {model.format} holds no graph to draw")
    picture = _picture(tree, expand, budget, model.name)
    names = [box.name for box in picture.visible.boxes]
    marks: Mapping[str, Sequence[str]] = (
        {} if marks_of is None else difference_marks(tree, names, marks_of)
    )
    return draw(picture, format, theme=theme, background=background, marks=marks)


def draw(
    picture: Picture,
    format: str,
    *,
    theme: str = "light",
    background: bool = True,
    marks: Mapping[str, Sequence[str]] | None = None,
) -> bytes:
    """The bytes of a picture with its layout. Raises: LayoutError."""
    if format == "dot":
        return image.dot_source(picture.visible).encode()
    if format == "svg":
        text = svg.svg(picture.layout, theme=theme, background=background, marks=marks)
        return text.encode()
    return image.image(picture.layout, format, theme=theme, background=background, marks=marks)


def _tree(model: Model, against: Model | None) -> tuple[Hierarchy, Difference | None]:
    table = NodeTableBuilder(model).node_table()
    if against is None:
        return build(table), None
    difference = Difference.of(diff(model, against).to_dict())
    both = union(table, NodeTableBuilder(against).node_table(), difference.renamed)
    return build(both), difference


def _picture(tree: Hierarchy, expand: Iterable[str], budget: int, what: str) -> Picture:
    opened = start(tree, max(1, min(budget, CEILING)))
    last = ""
    for name in expand:
        scope = tree.index.get(f"{name.removesuffix('/')}/")
        if scope is None:
            scope_names = (other.removesuffix("/") for other in tree.index)
            reason = "the picture has no scope of this name" + did_you_mean(name, scope_names)
            raise UnknownNode(what, name, reason)
        last = tree.names[scope]
        opened |= {tree.names[other] for other in tree.path(~scope)} | {last}
    return picture_of(tree, opened, keep=last)
