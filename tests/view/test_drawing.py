"""The picture as DOT, PNG and PDF, by the real Graphviz: the program, and the one in the wheel."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess

import pytest
from PIL import Image

from benchmarks.support.node_tables import layered, plain
from inspector.errors import LayoutError
from inspector.view.export import image
from inspector.view.export.svg import THEMES, fill_and_line
from inspector.view.layout import dot
from inspector.view.layout.layout import picture_of
from inspector.view.state.initial_view import start
from inspector.view.tree.hierarchy import build

HOSTILE = [
    "<b>bold</b>", 'quo"te', "back\\slash\\N\\G", "colon:0:1", "&lt;entity&amp;", "größe-日本語",
    "new\nline", "nul\x00l", "<TABLE></TABLE>", "%s{}|<f0>", "turn\u202eed", "trailing\\",
]  # fmt: skip


@pytest.fixture(scope="module")
def picture():
    tree = build(layered(8))
    return picture_of(tree, start(tree))


@pytest.fixture(scope="module")
def hostile():
    inputs = [[], *([place] for place in range(len(HOSTILE) - 1))]
    tree = build(plain(HOSTILE, ["Placeholder"] + ["Relu"] * (len(HOSTILE) - 1), inputs))
    return picture_of(tree, frozenset())


@pytest.fixture(params=["program", "library"])
def engine(request, monkeypatch):
    if request.param == "library":
        monkeypatch.setattr(dot.shutil, "which", lambda name: None)
    elif shutil.which("dot") is None:
        pytest.skip("no dot on the PATH")
    return request.param


def test_a_png_has_the_size_of_the_layout(picture, engine):
    drawn = Image.open(io.BytesIO(image.image(picture.layout, "png")))
    graph = picture.layout["graph"]
    scale = image.DPI / 72
    # A curve may swing out a little farther than the boxes.
    assert 1 <= drawn.width / ((graph["w"] + 32) * scale) < 1.15
    assert 1 <= drawn.height / ((graph["h"] + 32) * scale) < 1.05
    colours = {colour for _, colour in drawn.convert("RGB").getcolors(1 << 20)}
    for node in graph["nodes"]:
        fill, _ = fill_and_line(node["kind"], THEMES["light"])
        assert tuple(bytes.fromhex(fill[1:])) in colours


def test_without_a_background_the_paper_is_clear(picture):
    drawn = Image.open(io.BytesIO(image.image(picture.layout, "png", background=False)))
    assert drawn.convert("RGBA").getpixel((2, 2))[3] == 0


def test_a_pdf_is_one(hostile, engine):
    assert image.image(hostile.layout, "pdf").startswith(b"%PDF-")
    assert image.image(hostile.layout, "png", theme="dark")[1:4] == b"PNG"


def test_dot_tells_the_graph_and_names_stay_text(hostile):
    source = image.dot_source(hostile.visible)
    told = subprocess.run(
        ["dot", "-Tjson"] if shutil.which("dot") else pytest.skip("no dot on the PATH"),
        input=source.encode(), capture_output=True, check=True,
    )  # fmt: skip
    found = json.loads(told.stdout)
    texts = []
    for item in found["objects"]:
        lines = [op["text"] for op in item.get("_ldraw_", []) if op["op"] == "T"]
        texts.append(lines[0])
    wanted = [box.title for box in hostile.visible.boxes]
    clean = [re.sub("[\n\x00\u202e]", "\ufffd", text) for text in wanted]
    assert sorted(texts) == sorted(clean)
    assert len(found["edges"]) == len(hostile.visible.edges)


def test_scopes_are_clusters(picture):
    source = image.dot_source(picture.visible)
    assert source.count("subgraph cluster_") == len(picture.visible.clusters)


def test_another_format_is_refused(picture):
    with pytest.raises(LayoutError, match="png, pdf"):
        image.image(picture.layout, "gif")
