"""Answers of a prediction as the command line prints them."""

from __future__ import annotations

import numpy as np

from inspector.printing.outputs_text import as_text


def test_texts_of_rank_one_and_zero_are_printed():
    answers = {
        "list": np.array([b"a", b"b\x1b[31m"], object),
        "one": np.array(b"c", object),
        "table": np.array([[b"d", b"e"]], object),
    }
    assert as_text(answers, {"table": ["d"]}).splitlines() == [
        "list  string [2]",
        "  b'a'",
        "  b'b\\x1b[31m'",
        "one  string []",
        "  c",
        "table  string [1, 2]",
        "  [b'd' b'e']",
        "  top-1: d",
    ]
