"""docs/transforms is what tests/passes/transform_docs.py makes of the table of transforms today."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from inspector.passes import PASSES
from tests.passes import transform_docs
from tests.passes.tool_differences import DIFFERS

AGAIN = "run python -m tests.passes.transform_docs"


def test_the_pages_are_current() -> None:
    for file, text in transform_docs.pages().items():
        path = transform_docs.FOLDER / file
        assert path.is_file(), AGAIN
        assert path.read_text(encoding="utf-8") == text, f"{file}: {AGAIN}"


def test_there_is_a_page_and_a_picture_for_each_transform_and_nothing_else() -> None:
    names = {"README.md"} | {f"{name}.{kind}" for name in PASSES for kind in ("md", "svg")}
    assert {path.name for path in transform_docs.FOLDER.iterdir()} == names, AGAIN


@pytest.mark.parametrize("name", sorted(PASSES))
def test_every_parameter_is_told_and_every_difference(name: str) -> None:
    page = (transform_docs.FOLDER / f"{name}.md").read_text(encoding="utf-8")
    for param in PASSES[name].params:
        assert f"| `{param.name}` |" in page
    assert (name in DIFFERS) == PASSES[name].source.startswith("graph_transforms/")


def test_what_runs_before_names_transforms_that_there_are() -> None:
    texts = {name: item.after for name, item in PASSES.items() if item.after}
    named = {name: re.findall(r"`(\w+)", text) for name, text in texts.items()}
    assert len(texts) == 12
    assert {name for names in named.values() for name in names} <= set(PASSES)


@pytest.mark.parametrize("name", ["remove_nodes", "strip_unused_nodes", "quantize_weights"])
def test_a_picture_is_of_the_transform_as_it_is(name: str) -> None:
    kept = (transform_docs.FOLDER / f"{name}.svg").read_bytes()

    def words(data: bytes) -> list[str]:
        tags = ElementTree.fromstring(data).iter("{http://www.w3.org/2000/svg}text")
        return sorted(tag.text or "" for tag in tags)

    assert words(kept) == words(transform_docs.picture(name)), AGAIN
    assert len(words(kept)) > 2
