"""docs/api.md names all that `inspector` offers, as it is, and its examples give what they show."""

from __future__ import annotations

import ast
import dataclasses
import doctest
import inspect
import re
from collections.abc import Iterator

import pytest

import inspector
from inspector import errors
from inspector.cli.main import cli
from inspector.cli.options import ALIASES
from tests.conftest import ROOT

PAGE = (ROOT / "docs/api.md").read_text(encoding="utf-8")
RUNS_MODELS = {"report", "benchmark", "compare", "predict", "profile"}
"""Sections whose examples need TensorFlow."""


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


def tree(kind: type[errors.InspectorError]) -> Iterator[type[errors.InspectorError]]:
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield child
            yield from tree(child)


def test_every_public_name_has_its_section() -> None:
    part = "Parts of results"
    rows = re.findall(r"^\| (`[A-Z].*?) \|", sections()[part], re.MULTILINE)
    parts = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    elsewhere = {"InspectorError", "Setting", "__version__", "errors", "optimize", "settings"}
    assert set(inspector.__all__) - parts - elsewhere <= set(sections())
    for name in elsewhere - {"__version__"}:
        assert f"inspector.{name}`" in PAGE or f"`{name}`" in PAGE, name


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
def test_a_signature_is_that_of_the_function(name: str) -> None:
    block = re.search(r"```python\n(.+?)```", sections()[name], re.DOTALL)
    assert block is not None, name
    (written,) = ast.parse(block[1]).body
    assert isinstance(written, ast.FunctionDef)
    assert written.name == name
    signature = inspect.signature(getattr(inspector, name))
    plain = signature.replace(
        parameters=[
            parameter.replace(annotation=inspect.Parameter.empty)
            for parameter in signature.parameters.values()
        ],
        return_annotation=inspect.Signature.empty,
    )
    assert ast.unparse(written.args) == ast.unparse(ast.parse(f"def f{plain}: ...").body[0].args)
    assert written.returns is not None
    assert ast.unparse(written.returns) == signature.return_annotation


@pytest.mark.parametrize("name", functions())
def test_every_argument_and_error_is_described(name: str) -> None:
    text = sections()[name]
    described = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    # What is plain from the signature and the sentence above needs no row.
    plain = {"model", "before", "after", "input_graph_def", "inputs", "outputs", "transforms"}
    rows = set(re.findall(r"`(\w+)`", described))
    arguments = set(inspect.signature(getattr(inspector, name)).parameters)
    assert arguments - plain <= rows
    named = set(re.findall(r"`([A-Z]\w+)`", described))
    assert named & {*errors.__all__, "InspectorError"}, "which errors it raises"


def test_the_table_of_errors_is_the_tree() -> None:
    rows = []
    for kind in tree(errors.InspectorError):
        (base,) = kind.__bases__
        meaning = " ".join((kind.__doc__ or "").partition("\n\n")[0].split())
        rows.append(f"| `{kind.__name__}` | `{base.__name__}` | {meaning} |")
    assert re.findall(r"^\| `.+$", sections()["Errors"], re.MULTILINE) == rows
    assert {kind.__name__ for kind in tree(errors.InspectorError)} | {
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
