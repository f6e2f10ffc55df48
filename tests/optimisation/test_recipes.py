"""The table of recipes is the one of the docs, of the help, and of the library."""

from __future__ import annotations

import re

from click.testing import CliRunner

from inspector.cli.main import cli
from inspector.optimisation.tflite.quantise_options import QuantiseOptions
from inspector.optimisation.tflite.recipes import RECIPES
from tests.conftest import ROOT

DOCS = (ROOT / "docs/tflite.md").read_text(encoding="utf-8")


def test_the_docs_list_the_recipes() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (yes|no) \| (\d+) \|$", DOCS, re.MULTILINE)
    assert rows == [
        (
            recipe.name,
            recipe.summary,
            "yes" if recipe.needs_samples else "no",
            str(recipe.min_elements),
        )
        for recipe in RECIPES.values()
    ]
    for recipe in RECIPES.values():
        assert (f"- `{recipe.name}`: {recipe.warning}." in DOCS) is bool(recipe.warning)


def test_the_help_lists_the_recipes() -> None:
    for command in ("convert", "optimise"):
        text = " ".join(CliRunner().invoke(cli, [command, "--help"]).output.split())
        assert f"[none|{'|'.join(RECIPES)}]" in text
        assert all(recipe.summary in text for recipe in RECIPES.values())


def test_slow_or_inexact_recipes_warn() -> None:
    assert {name for name, recipe in RECIPES.items() if recipe.warning} == {"int4", "int16"}


def test_the_weights_are_those_that_the_library_takes() -> None:
    from litert_quantizer import algorithm_manager, qtyping, recipe_manager

    from inspector.backend.tflite_quantisation import _rule

    names = {"TRANSPOSE_CONV": "CONV_2D_TRANSPOSE"}
    for recipe in RECIPES.values():
        manager = recipe_manager.RecipeManager()
        manager.load_quantization_recipe([_rule(recipe)])
        taken = {
            str(op.value)
            for op in qtyping.TFLOperationName
            if manager.get_quantization_configs(op, "x;")[0]
            != algorithm_manager.AlgorithmName.NO_QUANTIZE
        }
        assert {names.get(op, op) for op in recipe.weight_ops} <= taken
        if recipe.activation_bits is None:
            assert taken == {names.get(op, op) for op in recipe.weight_ops}


def test_options_as_json() -> None:
    options = QuantiseOptions("int8", 7, ("a",), ("CONV_2D",), ("n", "m"))
    assert QuantiseOptions.from_json(options.to_json()) == options
    assert options.smallest == 7
    assert QuantiseOptions("dynamic").smallest == RECIPES["dynamic"].min_elements
