"""The first page of a report: one sentence and three figures, each with how sure it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from inspector import text

GOOD, NEUTRAL, BAD = "good", "neutral", "bad"
UNKNOWN = "–"
"""The value of a figure that was not measured."""


class Measured(Protocol):
    """What the verdict is made from: `ReportContents`."""

    @property
    def bytes(self) -> tuple[int, int]:
        """Of the two models."""

    @property
    def comparison(self) -> Mapping[str, Any] | None:
        """``compare``."""

    @property
    def latency(self) -> Mapping[str, Any] | None:
        """``benchmark``."""

    @property
    def rows_from(self) -> str:
        """Where the compared rows come from."""


@dataclass(frozen=True)
class Figure:
    """One large figure."""

    title: str
    value: str
    detail: str
    certainty: str
    tone: str
    """``good``, ``neutral`` or ``bad``."""

    def to_dict(self) -> dict[str, str]:
        """The figure as JSON."""
        return asdict(self)


def figures(report: Measured) -> list[Figure]:
    """Size, speed, and accuracy (with labels) or agreement."""
    return [_size(report), _speed(report), _answers(report)]


def sentence(report: Measured) -> str:
    """The verdict in one sentence, without the names of the models."""
    before, after = report.bytes
    parts = [_size_words(before, after), _speed_words(report.latency)]
    return f"{', '.join(parts)}, and {_answer_words(report)}."


def _size_words(before: int, after: int) -> str:
    if after == before:
        return "The same size"
    if not after or not before:
        return f"The size changes from {text.size(before)} to {text.size(after)}"
    small, large = sorted((before, after))
    word = "smaller" if after < before else "larger"
    return f"{large / small:.2f} times {word}"


def _size(report: Measured) -> Figure:
    before, after = report.bytes
    value = f"{before / after:.2f}×" if after else text.rounded_size(after)
    detail = f"{text.rounded_size(before)} → {text.rounded_size(after, before)}"
    tone = GOOD if after < before else BAD if after > before else NEUTRAL
    return Figure("Size reduction", value, detail, f"exact: {before:,} → {after:,} bytes", tone)


def _speed_words(latency: Mapping[str, Any] | None) -> str:
    if latency is None or latency.get("interval") is None:
        return "speed not measured"
    ratio, verdict = latency["ratio"], latency["verdict"]
    if verdict == "faster":
        return f"{1 / ratio:.2f} times faster"
    if verdict == "slower":
        return f"{ratio:.2f} times slower"
    if verdict == "same":
        return "equally fast"
    return "the machine was too noisy to tell which is faster"


def _speed(report: Measured) -> Figure:
    latency = report.latency
    if latency is None or latency.get("interval") is None:
        return Figure("Latency", UNKNOWN, "not measured", "see “Not checked”", NEUTRAL)
    a, b = latency["a"], latency["b"]
    tone = {"faster": GOOD, "slower": BAD}.get(latency["verdict"], NEUTRAL)
    low, high = latency["interval"]
    clock = "" if latency["clock"] == "wall" else ", processor time"
    return Figure(
        "Latency",
        f"{latency['ratio']:.2f}×",
        f"p50 {a['p50_ms']:.3g} ms → {b['p50_ms']:.3g} ms: {latency['verdict']}",
        f"99 % interval {low:.2f} to {high:.2f}{clock}, batch {latency['batch']}",
        tone,
    )


def _answer_words(report: Measured) -> str:
    comparison = report.comparison
    if comparison is None:
        return "the predictions were not compared"
    if comparison.get("accuracy") is not None:
        accuracy = comparison["accuracy"]
        return _accuracy_words(accuracy)
    rows = text.count(comparison["rows"], "row")
    outputs = comparison["outputs"].values()
    if outputs and all(output["equal"] for output in outputs):
        return f"all outputs are equal on {rows}"
    agreement = lowest_agreement(comparison)
    largest = largest_difference(comparison)
    if agreement is None:
        return f"outputs differ by at most {_number(largest)} on {rows}"
    if agreement == 1:
        return f"the top-1 prediction is the same for all of {rows}"
    changed = round((1 - agreement) * comparison["rows"])
    return f"the top-1 prediction changes for {changed} of {rows}"


def _accuracy_words(accuracy: Mapping[str, Any]) -> str:
    if accuracy.get("a") is None:
        return "accuracy was not computed"
    before, after = accuracy["a"], accuracy["b"]
    if before == after:
        return f"accuracy stays at {before:.1%}"
    return f"accuracy goes from {before:.1%} to {after:.1%}"


def _answers(report: Measured) -> Figure:
    comparison = report.comparison
    if comparison is None:
        return Figure("Agreement", UNKNOWN, "not compared", "see “Not checked”", NEUTRAL)
    rows = text.count(comparison["rows"], "row")
    origin = report.rows_from
    if origin.startswith("rows of "):
        certainty = f"{rows} {origin.removeprefix('rows ')}"
    else:
        certainty = f"{rows}, {origin}" if origin else rows
    accuracy = comparison.get("accuracy")
    if accuracy is not None and accuracy.get("a") is not None:
        lost = accuracy["changed_right_to_wrong"]
        won = accuracy["changed_wrong_to_right"]
        detail = f"was {accuracy['a']:.1%}; {lost} turned wrong, {won} turned right"
        tone = BAD if accuracy["b"] < accuracy["a"] else GOOD
        return Figure("Accuracy", f"{accuracy['b']:.1%}", detail, certainty, tone)
    largest = largest_difference(comparison)
    relative = None
    if (worst := worst_output(comparison["outputs"].values())) is not None:
        largest, relative = worst["max_abs"], worst.get("max_rel")
    detail = f"largest difference {_number(largest)}"
    if largest and relative is not None:
        detail += f", {relative:.2%} of the largest value"
    agreement = lowest_agreement(comparison)
    if agreement is None:
        value = "equal" if largest == 0 else f"{relative:.2%} off" if relative is not None else "–"
        tone = GOOD if largest == 0 else NEUTRAL
        return Figure("Agreement", value, detail, certainty, tone)
    tone = GOOD if agreement == 1 else BAD if agreement < 0.99 else NEUTRAL
    return Figure("Top-1 agreement", f"{agreement:.1%}", detail, certainty, tone)


def lowest_agreement(comparison: Mapping[str, Any]) -> float | None:
    """The lowest top-1 agreement of all outputs with classes, 0 to 1; None without any."""
    values = [output.get("argmax_equal") for output in comparison["outputs"].values()]
    return min((value for value in values if value is not None), default=None)


def worst_output(outputs: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The output that differs most for its size, of the real ones, else of whole numbers.

    None where no output has a difference. Its ``max_abs`` and ``max_rel`` belong together.
    """
    compared = [output for output in outputs if output.get("max_abs") is not None]
    reals = [output for output in compared if not output.get("is_whole")] or compared
    return max(reals, key=lambda one: (one.get("max_rel") or 0, one["max_abs"]), default=None)


def largest_difference(comparison: Mapping[str, Any], name: str = "max_abs") -> float | None:
    """The largest difference of all real outputs, or else of whole ones; None without any."""
    outputs = comparison["outputs"].values()
    reals = [output for output in outputs if not output.get("is_whole")] or outputs
    values = [output.get(name) for output in reals]
    return max((value for value in values if value is not None), default=None)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"
