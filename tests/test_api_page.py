"""docs/api.md names all that `inspector` offers, as it is, and its examples give what they show."""

from __future__ import annotations

import dataclasses
import doctest
import inspect
import re

import pytest

import inspector
from inspector import errors
from inspector.cli.main import cli
from inspector.cli.options import ALIASES
from scripts import api_reference
from tests.conftest import ROOT

PAGE = (ROOT / "docs/api.md").read_text(encoding="utf-8")
RUNS_MODELS = {"report", "benchmark", "compare", "predict", "profile"}
"""Sections whose examples need TensorFlow."""
RAISES_NOTHING = {"doctor", "presets", "quantisation", "sarif", "schema_names", "transforms"}


def sections() -> dict[str, str]:
    """The text below each heading, by the heading."""
    heads = list(re.finditer(r"^#+ (.+)$", PAGE, re.MULTILINE))
    ends = [*(head.start() for head in heads[1:]), len(PAGE)]
    return {head[1]: PAGE[head.end() : end] for head, end in zip(heads, ends, strict=True)}


def functions() -> list[str]:
    values = ((name, getattr(inspector, name)) for name in inspector.__all__)
    return [name for name, value in values if inspect.isfunction(value) and value.__name__ == name]


def classes() -> list[str]:
    return [name for name in inspector.__all__ if inspect.isclass(getattr(inspector, name))]


def is_record(kind: type) -> bool:
    return dataclasses.is_dataclass(kind)


def test_the_page_is_that_of_the_code() -> None:
    assert api_reference.page(PAGE) == PAGE, "run python -m scripts.api_reference"


def test_every_public_name_has_its_section_from_the_code() -> None:
    elsewhere = {"InspectorError", "Setting", "__version__", "errors", "optimize", "settings"}
    by_hand = {"Model"}
    for name in set(inspector.__all__) - elsewhere - by_hand:
        assert sections()[name].startswith(f"\n\n{api_reference.START}\n"), name
    assert by_hand <= set(sections())
    for name in elsewhere - {"__version__"}:
        assert f"inspector.{name}`" in PAGE or f"`{name}`" in PAGE, name


def test_the_attributes_of_a_model_exist() -> None:
    model = inspector.open_model(ROOT / "sample_models/iris/saved_model")
    rows = re.findall(r"^\| (`.+?) \|", sections()["Model"], re.MULTILINE)
    names = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert {"format", "graph", "signatures", "warnings"} <= names
    assert not [name for name in names if not hasattr(model, name)]


def test_commands_and_functions_are_one_table() -> None:
    text = sections()["Commands and functions"].partition("| --- | --- |\n")[2]
    rows = re.findall(r"^\| (.+?) \| (.+) \|$", text, re.MULTILINE)
    commands = [name for command, _ in rows for name in re.findall(r"`(\w+)`", command)]
    assert sorted(commands) == sorted([*cli.commands, *ALIASES])
    public = {name for name in inspector.__all__ if callable(getattr(inspector, name))}
    public -= set(classes())
    listed = {name for _, cell in rows for name in re.findall(r"`(\w+)`", cell)}
    assert listed == public
    without = [command for command, cell in rows if not {*re.findall(r"`(\w+)`", cell)} & public]
    assert without == ["`app`"]


@pytest.mark.parametrize("name", classes())
def test_a_docstring_lists_the_fields(name: str) -> None:
    kind = getattr(inspector, name)
    fields = [field.name for field in dataclasses.fields(kind)] if is_record(kind) else []
    fields += getattr(kind, "_fields", ())
    text = " ".join(base.__doc__ or "" for base in kind.__mro__ if base is not object)
    public = [field for field in fields if not field.startswith("_")]
    assert [field for field in public if not re.search(rf"\b{field}\b", text)] == []
    for attribute, value in vars(kind).items():
        if not attribute.startswith("_") and (
            isinstance(value, property) or inspect.isfunction(value)
        ):
            assert value.__doc__, attribute


@pytest.mark.parametrize("name", functions())
def test_every_argument_and_error_is_described(name: str) -> None:
    parts = api_reference.docstring(getattr(inspector, name))
    # What is plain from the name and the sentence above needs no row.
    plain = {"model", "path", "before", "after", "source", "target", "report", "uri"}
    plain |= {"inputs", "outputs", "transforms"}
    described = {one for names in parts.entries for one in names.split(", ")}
    arguments = set(inspect.signature(getattr(inspector, name)).parameters)
    assert arguments - plain <= described
    assert described <= arguments, "of an argument that there is not"
    assert parts.raises or name in RAISES_NOTHING, "which errors it raises"


def test_the_parts_of_a_docstring() -> None:
    def item() -> None:
        """First line,
        second line with ``code``.

        Another paragraph: see docs/record.md.

        Args:
            a, b: Numbers,
                two of them.
            c: One.
        Returns: The sum.
        Raises: BadFeed, TypeError for
            a text.
        """

    assert api_reference.docstring(item) == (
        "First line, second line with `code`.\n\nAnother paragraph: see [record.md](record.md).",
        {"a, b": "Numbers, two of them.", "c": "One."},
        "The sum.",
        "BadFeed, TypeError for a text.",
    )


def test_all_errors_are_public() -> None:
    assert {kind.__name__ for kind in api_reference.tree(errors.InspectorError)} | {
        "InspectorError",
        "did_you_mean",
        "from_dict",
    } == set(errors.__all__)


@pytest.mark.parametrize(
    "with_tensorflow",
    [
        pytest.param(False, id="no kernels"),
        pytest.param(True, id="kernels", marks=pytest.mark.tensorflow),
    ],
)
def test_the_examples(with_tensorflow: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    text = "".join(
        part if (head in RUNS_MODELS) <= with_tensorflow else ""
        for head, part in sections().items()
    )
    parser = doctest.DocTestParser()
    test = parser.get_doctest(text, {}, "docs/api.md", "docs/api.md", 0)
    output: list[str] = []
    doctest.DocTestRunner(verbose=False).run(test, out=output.append)
    assert not output, "".join(output)
    assert len(test.examples) > 15
