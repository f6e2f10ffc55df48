"""What a worker prints reaches the log as text, on lines of its own, and as nothing else."""

from __future__ import annotations

import io
import logging

import pytest

from inspector.errors import WorkerDied
from inspector.jobs import last_words

HOSTILE = (
    "2026-01-01 ERROR all is lost\n"
    "\x1b[2J\x1b]0;title\x07 \x9b31m\r overwritten \b\b\x7f\n"
    "one\u2028two\u2029three\x85four\x0bfive\x0csix\n"
    "\u202egnp.exe \u2066x\u2069 \u200b \ufeff\n"
    "\x00 tab\t back\\slash half \udc80\n" + "w" * 2000
)


def written(run) -> list[str]:
    """The lines that a handler writes, as a terminal or a file gets them."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    logger = logging.getLogger("inspector")
    logger.addHandler(handler)
    try:
        run()
    finally:
        logger.removeHandler(handler)
    return stream.getvalue().split("\n")[:-1]


def test_a_line_is_printable_and_says_what_was_there():
    assert last_words.escaped("plain text, naïve 日本") == "plain text, naïve 日本"
    assert last_words.escaped("\x1b[31m\r\t\\") == "\\x1b[31m\\r\\t\\\\"
    assert last_words.escaped("\u202e\u2028\x85\udc80") == "\\u202e\\u2028\\x85\\udc80"


def test_nothing_that_a_model_prints_is_a_line_of_the_log(runner):
    def dies():
        with pytest.raises(WorkerDied):
            runner.run("print_and_die", {"text": HOSTILE})

    lines = written(dies)
    assert lines[0].startswith("WARNING job ")
    assert lines[0].endswith("ended with exit status 9 and no answer")
    mark = lines[0].partition(":")[0]
    assert len(lines) == 7
    assert all(line.startswith(f"{mark} | ") for line in lines[1:])
    assert all(line.isprintable() and len(line) < 600 for line in lines)
    assert lines[1] == f"{mark} | 2026-01-01 ERROR all is lost"
    assert lines[6].endswith("w…")


def test_many_lines_are_cut_to_the_last(caplog):
    text = "\n".join(map(str, range(1000)))
    last_words.log(logging.getLogger("inspector"), logging.WARNING, "job x", "died", text)
    assert len(caplog.messages) == 101
    assert caplog.messages[-1] == "job x | 999"


def test_progress_is_printable(runner):
    job = runner.submit("say", {"text": "\x1b[2J\u202eabc\r\n"})
    job.result(20)
    assert job.progress == (
        0.5,
        "\N{REPLACEMENT CHARACTER}[2J"
        + "\N{REPLACEMENT CHARACTER}abc"
        + "\N{REPLACEMENT CHARACTER}" * 2,
    )
