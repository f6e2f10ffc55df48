"""The files of a report: what they say, and that names from a model are text in each of them."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

import inspector
from inspector import locations
from inspector.reporting.html_page import html
from inspector.reporting.markdown import escape, markdown
from inspector.reporting.pictures import DiffPicture, diff_picture
from inspector.reporting.report_contents import ReportContents
from inspector.reporting.verdict import figures, sentence
from inspector.view.state.union import Difference, union
from inspector.view.table.builder import NodeTableBuilder
from inspector.view.tree.hierarchy import build

SIDE = {
    "load_ms": 20.0, "first_ms": 9.0, "p50_ms": 2.0, "p90_ms": 2.5, "p99_ms": 4.0,
    "rows_per_s": 500.0, "peak_rss_bytes": 300_000_000,
}  # fmt: skip
LATENCY: dict[str, Any] = {
    "batch": 1, "threads": 1, "a": SIDE, "b": SIDE, "ratio": 0.5, "interval": [0.48, 0.52],
    "clock": "wall", "verdict": "faster",
}  # fmt: skip
HOSTILE = '</script><img src=x onerror="alert(1)">|`*_[x](javascript:alert(1))'
_NOT_MEASURED = dict.fromkeys(("a", "b", "ratio", "interval", "clock", "verdict"))
BATCHES: dict[str, Any] = {
    "threads": 1,
    "budget_s": 10.0,
    "batches": [
        {
            "batch": batch,
            "ratio": 0.5,
            "interval": [0.48, 0.52],
            "clock": "wall",
            "verdict": "faster",
            "why": "",
            **{
                side: {"p50_ms": ms, "p90_ms": ms, "p99_ms": ms, "rows_per_s": 1000 * batch / ms}
                for side, ms in (("a", 2.0 * batch), ("b", 1.0 * batch))
            },
        }
        for batch in (1, 2, 8)
    ]
    + [{**_NOT_MEASURED, "batch": 16, "why": HOSTILE}],
}
OUTPUT: dict[str, Any] = {
    "max_abs": 0.004, "mean_abs": 0.0003, "max_rel": 0.004, "argmax_equal": 1.0, "equal": False,
}  # fmt: skip
ACCURACY = {"a": 0.98, "b": 0.96, "changed_right_to_wrong": 3, "changed_wrong_to_right": 0}


def comparison(**changes: Any) -> dict[str, Any]:
    return {
        "rows": 150,
        "bytes": {"a": 3_221_059, "b": 816_598, "ratio": 3.94},
        "outputs": {"probabilities": OUTPUT},
        "accuracy": None,
        "limits": [],
        "met": True,
        **changes,
    }


@pytest.fixture(scope="module")
def models() -> tuple[inspector.Model, inspector.Optimised]:
    model = inspector.open_model(locations.sample_models() / "iris" / "saved_model")
    return model, inspector.optimise(model, preset="smaller")


@pytest.fixture(scope="module")
def contents(models: tuple[inspector.Model, inspector.Optimised]) -> ReportContents:
    model, result = models
    return ReportContents(
        names=("iris", "smaller"),
        facts=(inspector.describe(model).to_dict(), inspector.describe(result.model).to_dict()),
        diff=inspector.diff(model, result.model).to_dict(),
        comparison=comparison(),
        latency=LATENCY,
        record=result.record(),
        rows_from="rows of iris.npz",
        not_checked=["the table was not compared"],
        machine={"TensorFlow": "2.21.0"},
        command="inspector report a b -o report.html",
        python="import inspector",
        created="2026-01-01T00:00:00",
    )


@pytest.fixture(scope="module")
def picture(models: tuple[inspector.Model, inspector.Optimised]) -> DiffPicture:
    model, result = models
    before, after = (NodeTableBuilder(one).node_table() for one in (model, result.model))
    difference = Difference.of(inspector.diff(model, result.model).to_dict())
    return diff_picture(build(union(before, after, difference.renamed)), difference)


def test_the_verdict_is_one_sentence_of_size_speed_and_answers(contents: ReportContents) -> None:
    before, after = contents.bytes
    assert sentence(contents) == (
        f"{before / after:.2f} times smaller, 2.00 times faster, "
        "and the top-1 prediction is the same for all of 150 rows."
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"comparison": None}, "the predictions were not compared."),
        ({"latency": None}, "speed not measured"),
        ({"latency": {**LATENCY, "verdict": "same", "ratio": 1.01}}, "equally fast"),
        ({"latency": {**LATENCY, "verdict": "slower", "ratio": 1.5}}, "1.50 times slower"),
        ({"latency": {**LATENCY, "verdict": "too noisy to tell"}}, "too noisy"),
        (
            {"comparison": comparison(outputs={"p": {**OUTPUT, "argmax_equal": 0.98}})},
            "the top-1 prediction changes for 3 of 150 rows.",
        ),
        (
            {"comparison": comparison(outputs={"p": {**OUTPUT, "equal": True}})},
            "all outputs are equal on 150 rows.",
        ),
        (
            {"comparison": comparison(outputs={"p": {**OUTPUT, "argmax_equal": None}})},
            "outputs differ by at most 0.004 on 150 rows.",
        ),
        (
            {"comparison": comparison(accuracy=ACCURACY)},
            "accuracy goes from 98.0% to 96.0%.",
        ),
    ],
)
def test_the_verdict_says_what_is_known(
    contents: ReportContents, changes: dict[str, Any], words: str
) -> None:
    assert words in sentence(replaced(contents, **changes))
    assert len(figures(replaced(contents, **changes))) == 3


def test_the_shares_of_the_steps_add_up_to_the_whole_change(contents: ReportContents) -> None:
    steps = contents.steps()
    before, after = contents.bytes
    assert steps[0].name == "freeze"
    assert steps[0].bytes_before == before
    assert steps[-1].bytes_after == after
    assert sum(step.share or 0 for step in steps) == pytest.approx(1, abs=1e-3)
    largest = max(steps, key=lambda step: step.share or 0)
    assert largest.name.startswith("quantize_weights(mode=per_channel")


def test_the_json_has_every_part(contents: ReportContents) -> None:
    report = json.loads(json.dumps(contents.to_dict()))
    assert report["compare"]["rows"] == 150
    assert report["benchmark"]["verdict"] == "faster"
    assert [figure["title"] for figure in report["figures"]] == [
        "Size reduction",
        "Latency",
        "Top-1 agreement",
    ]
    assert report["not_checked"] == ["the table was not compared"]


class Tags(HTMLParser):
    """The elements of a page, and where it points to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.handlers: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "action")]
        self.handlers += [name for name, _value in attrs if name.startswith("on")]


def test_the_page_loads_nothing_and_has_two_scripts(
    contents: ReportContents, picture: DiffPicture
) -> None:
    page = html(contents, picture)
    tags = Tags(page)
    assert tags.links == []
    assert tags.handlers == []
    assert tags.tags.count("script") == 2  # the data, and the module that a hash allows
    assert not re.search(r"url\(|@import", page)
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page


def test_names_from_a_model_are_text(contents: ReportContents, picture: DiffPicture) -> None:
    hostile = replaced(
        contents,
        names=(HOSTILE, HOSTILE),
        comparison=comparison(outputs={HOSTILE: OUTPUT}),
        batches=BATCHES,
        not_checked=[HOSTILE],
        command=HOSTILE,
        diff={**contents.diff, "op_counts": [{"op": HOSTILE, "before": 1, "after": 2}]},
        facts=(
            {**contents.facts[0], "signatures": {HOSTILE: {"inputs": {}, "outputs": {}}}},
            contents.facts[1],
        ),
    )
    fates = {HOSTILE: "added"}
    page = html(hostile, DiffPicture(picture.levels, picture.drawing, fates))
    tags = Tags(page)
    assert "img" not in tags.tags
    assert tags.handlers == []
    assert tags.tags.count("script") == 2
    text = markdown(hostile)
    outside = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    assert "<img" not in outside
    assert not re.search(r"(?<!\\)\]\(", outside)


def test_batch_sizes_are_two_charts_and_a_table(
    contents: ReportContents, picture: DiffPicture
) -> None:
    assert "Batch sizes" not in html(contents, picture) + markdown(contents)
    measured = replaced(contents, batches=BATCHES)
    page = html(measured, picture)
    lines = re.findall(r'<polyline points="([^"]+)" class="(\w+)"', page)
    assert [mark for _points, mark in lines] == ["before", "after"] * 2
    before, after = ([point.split(",") for point in points.split()] for points, _mark in lines[:2])
    xs = [float(x) for x, _y in before]
    assert xs[2] - xs[1] == pytest.approx(2 * (xs[1] - xs[0]), abs=0.3), "a scale of powers of two"
    assert [float(y) for _x, y in before] < [float(y) for _x, y in after], "a longer time is higher"
    assert "0.50 (0.48 to 0.52)" in page
    assert "16 rows not measured" in page
    text = markdown(measured)
    row = next(line for line in text.splitlines() if line.startswith("| 8 |"))
    cells = "8", "16", "8", escape("0.50 (0.48 to 0.52)"), "500", "1,000", "faster"
    assert row == f"| {' | '.join(cells)} |"
    assert "16 rows not measured" in text
    assert measured.to_dict()["benchmark_batches"]["batches"][0]["verdict"] == "faster"
    alone = replaced(contents, batches={**BATCHES, "batches": BATCHES["batches"][:1]})
    assert "<polyline" not in html(alone, picture)


def test_markdown_escapes_what_it_would_read(contents: ReportContents) -> None:
    assert escape("a|b_c<d> 1.5 # [e](f)") == "a\\|b\\_c‹d› 1.5 \\# \\[e\\](f)"
    assert escape("http://x www.x @y") == "http\\://x www\\.x \\@y"
    assert "\n" not in escape("a\nb")
    assert "99 % confidence" in markdown(contents)
    assert "quantize\\_weights" in markdown(contents)


def test_each_level_of_the_picture_shows_more(picture: DiffPicture) -> None:
    assert len(picture.levels) > 1
    revisions = [level["rev"] for level in picture.levels]
    assert len(set(revisions)) == len(revisions)
    marks = [marks for level in picture.levels for marks in level["marks"].values()]
    assert ["removed"] in marks
    assert {"removed", "changed"} <= set(picture.fates.values())
    assert picture.drawing.startswith("<svg")


def replaced(contents: ReportContents, **changes: Any) -> ReportContents:
    from dataclasses import replace

    return replace(contents, **changes)
