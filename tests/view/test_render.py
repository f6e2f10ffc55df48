"""The picture as a file, by Python and by the command line."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

import inspector
from inspector import locations
from inspector.cli.main import cli
from inspector.errors import UnknownNode, UnsupportedModel
from inspector.view.export.svg import MARKS
from inspector.view.layout import text_width
from inspector.view.layout.text_width import SUB_PX

IRIS = locations.sample_models() / "iris" / "saved_model"
SOFTMAX = "dnn/head/predictions/probabilities"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def iris() -> inspector.Model:
    return inspector.open_model(IRIS)


def titles(drawn: bytes) -> list[str]:
    return [str(item.text) for item in ET.fromstring(drawn).iter(f"{SVG}text")]


def test_a_budget_and_scopes_to_open_change_what_is_seen(iris: inspector.Model) -> None:
    small = titles(inspector.render(iris, budget=10))
    assert "hiddenlayer_0" in small
    assert "Relu" not in small
    opened = titles(inspector.render(iris, budget=10, expand=["dnn/hiddenlayer_0"]))
    assert "Relu" in opened


def test_the_letters_of_equal_scopes_stand_clear_of_the_texts(iris: inspector.Model) -> None:
    texts = list(ET.fromstring(inspector.render(iris, budget=12)).iter(f"{SVG}text"))
    letters = [item for item in texts if item.get("font-size") == "10"]
    assert [item.text for item in letters] == ["A"] * 4
    for letter in letters:
        x, y = float(letter.attrib["x"]), float(letter.attrib["y"])
        line = [item for item in texts if float(item.attrib["y"]) == y - 1]
        text = max(
            (item for item in line if float(item.attrib["x"]) < x),
            key=lambda item: float(item.attrib["x"]),
        )
        end = float(text.attrib["x"]) + text_width.width(str(text.text), SUB_PX) / 2
        assert end + 8 < x - 3, (text.text, end, x)


def test_against_another_model_marks_what_changed(iris: inspector.Model) -> None:
    smaller = inspector.optimise(
        iris, outputs=[SOFTMAX], transforms="remove_nodes(op=Identity) quantize_weights"
    )
    drawn = inspector.render(iris, budget=60, against=smaller.model)
    strokes = {item.get("stroke") for item in ET.fromstring(drawn).iter(f"{SVG}rect")}
    assert {MARKS["removed"], MARKS["changed"]} <= strokes
    same = inspector.render(iris, budget=60, against=iris)
    assert not set(MARKS.values()) & {
        item.get("stroke") for item in ET.fromstring(same).iter(f"{SVG}rect")
    }


def test_what_cannot_be_drawn_says_so(iris: inspector.Model) -> None:
    with pytest.raises(UnsupportedModel, match="svg, png, pdf, dot"):
        inspector.render(iris, "bmp")
    with pytest.raises(UnknownNode, match="did you mean 'dnn/hiddenlayer_"):
        inspector.render(iris, expand=["dnn/hiddenlayer_O"])


@pytest.mark.parametrize(
    ("suffix", "begins"),
    [("svg", b"<?xml"), ("PNG", b"\x89PNG"), ("pdf", b"%PDF"), ("dot", b"digraph")],
)
def test_the_command_writes_the_format_of_the_suffix(
    tmp_path: Path, suffix: str, begins: bytes
) -> None:
    out = tmp_path / f"picture.{suffix}"
    done = CliRunner().invoke(cli, ["render", str(IRIS), "-o", str(out)])
    assert done.exit_code == 0, done.output
    assert out.read_bytes().startswith(begins)
    again = CliRunner().invoke(cli, ["render", str(IRIS), "-o", str(out)])
    assert again.exit_code == 1
    assert "is there already" in again.stderr


def test_the_command_writes_nothing_when_it_fails(tmp_path: Path) -> None:
    out = tmp_path / "picture.gif"
    done = CliRunner().invoke(cli, ["render", str(IRIS), "-o", str(out)])
    assert done.exit_code == 1
    assert done.stderr.startswith("error: render: gif: ")
    assert list(tmp_path.iterdir()) == []
