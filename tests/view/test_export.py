"""The picture as an SVG file."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from benchmarks.support.node_tables import layered, plain
from inspector.view.export.svg import svg
from inspector.view.layout.layout import layout
from inspector.view.state.initial_view import start
from inspector.view.state.visible import view
from inspector.view.tree.hierarchy import build


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_box_is_in_the_file(theme):
    tree = build(layered(4))
    found = layout(view(tree, start(tree)))
    root = ET.fromstring(svg(found, theme=theme))
    texts = [item.text for item in root.iter("{http://www.w3.org/2000/svg}text")]
    for node in found["graph"]["nodes"]:
        assert node["title"] in texts
    assert float(root.get("width")) > found["graph"]["w"]


def test_names_cannot_become_markup():
    names = ["<script>alert(1)</script>", '"&\x00']
    tree = build(plain(names, ["Placeholder", "Relu"], [[], [0]]))
    text = svg(layout(view(tree, frozenset())), background=False)
    assert "<script" not in text
    assert ET.fromstring(text) is not None
