"""Names as HTML: where they may break, and that they stay text."""

from __future__ import annotations

import html
import re

import pytest

from inspector.ui.widgets.copy_button import breakable


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("dnn/head", "dnn/|head|"),
        ("dnn/predictions/probabilities", "dnn/|[predictions/]|[probabilities]|"),
        ("fold_constants(ignore_errors=true)", "[fold_|constants(]|[ignore_|errors=true)]|"),
        ("a b", "a| |b|"),
        ("mobilenet_v1_0.25.tflite", "[mobilenet_|v1_|0.|25.|tflite]|"),
    ],
)
def test_a_name_breaks_between_scopes_and_words(name: str, broken: str) -> None:
    marks = {"|": "<wbr>", "[": "<span>", "]": "</span>"}
    assert breakable(name) == "".join(marks.get(char, char) for char in broken)


@pytest.mark.parametrize("name", ["<img src=x onerror=alert(1)>", "a&b<wbr>/c", "q\"\r\n'", "__.."])
def test_a_name_stays_text(name: str) -> None:
    body = breakable(name)
    assert html.unescape(re.sub("<wbr>|</?span>", "", body)) == name
    assert set(re.findall("<[^>]*>", body)) <= {"<wbr>", "<span>", "</span>"}
