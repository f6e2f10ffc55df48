"""What a terminal is shown of a stranger's names."""

from __future__ import annotations

import io

import pytest

from inspector.cli.terminal import Progress
from inspector.printing.text_tables import table
from inspector.text import plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("dnn/logits:0", "dnn/logits:0"),
        ("Gewicht ü 重み", "Gewicht ü 重み"),
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("a\nb\rc\td\x00", "a\\x0ab\\x0dc\\x09d\\x00"),
        ("\u202egnp", "\\u202egnp"),  # right-to-left override
        ("a\u200bb", "a\\u200bb"),  # zero width
        ("\U000e0041", "\\U000e0041"),  # a tag character
        ("\x9b31m", "\\x9b31m"),  # an escape in one byte
    ],
)
def test_no_control_character_passes(text, shown):
    assert plain(text) == shown


def test_columns_are_aligned():
    text = table([["a", 1, "x"], ["long", 1000, ""]], ["name", "n", "rest"], right=[1])
    assert text.splitlines() == [
        "name     n  rest",
        "----  ----  ----",
        "a        1  x",
        "long  1000",
    ]
    assert table([]) == ""
    assert "\x1b" not in table([["\x1b[31m"]])


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_is_for_terminals_only():
    quiet, loud = io.StringIO(), Terminal()
    for stream in (quiet, loud):
        progress = Progress(stream)
        progress(0.5, "fold\x1b[2J")
        progress(0.6, "fold\x1b[2J")
        progress(None, "")
        progress(None, "starting TensorFlow")
        progress.clear()
    assert quiet.getvalue() == ""
    shown = loud.getvalue().split("\r\x1b[2K")
    assert shown == ["", " 50% fold\\x1b[2J", "     starting TensorFlow", ""], (
        "news at once, no blank"
    )
    assert loud.getvalue().endswith("\r\x1b[2K")
