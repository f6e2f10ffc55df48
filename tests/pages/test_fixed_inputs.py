"""The Optimise page makes constants of inputs."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.pages import app
from tests.passes.text import graph_def

TEXT = """
x = Placeholder(shape=[-1,2])
train = Placeholder(dtype=bool, shape=[])
s = Switch(x, train)
t = Exp(s:1)
m = Merge(s, t)
y = Neg(m)
"""


def opened(path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The Overview page of a model that lies in a folder of its own."""
    monkeypatch.setenv("INSPECTOR_ROOTS", str(path.parent))
    at = app.started()
    at.text_input(key="open_path_text").set_value(str(path)).run()
    at.button(key="open_path").click()
    return app.settled(at.run())


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The Optimise page on a graph with a branch, y picked, nothing checked."""
    path = tmp_path / "branch.pb"
    path.write_bytes(graph_def(TEXT).SerializeToString())
    at = opened(path, monkeypatch)
    at.session_state["outputs"] = ["y"]
    app.on(at, "optimise")
    at.toggle(key="check_steps").set_value(False).run()
    at.text_area(key="pipeline_text").set_value("sort_by_execution_order").run()
    return at


def test_a_fixed_input_is_no_input_of_the_result(page: AppTest) -> None:
    assert page.text_input(key="fix_input").placeholder == "train=false, then Enter"
    page.text_input(key="fix_input").set_value("train=false").run()
    assert not page.error
    assert "train=false" in app.names(page)
    assert page.text_input(key="fix_input").value == ""
    page.button(key="run").click()
    app.settled(page.run())
    assert not page.error
    value = page.session_state["result"].value
    assert value["set"] == {"train": "false"}
    assert value["inputs"] == ["x"]
    assert value["after"]["op_counts"] == {"Neg": 1, "Placeholder": 1}


def test_an_input_is_freed_again(page: AppTest) -> None:
    page.text_input(key="fix_input").set_value("train=false").run()
    page.button(key="unfix_0").click().run()
    assert "train=false" not in app.names(page)
    page.button(key="run").click()
    app.settled(page.run())
    assert page.session_state["result"].value["set"] is None


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("tran=false", "no input of this name; did you mean 'train'?"),
        ("train=5", "holds int64, needs bool; the input is bool of shape"),
        ("train", "write name=value, e.g."),
    ],
)
def test_a_wrong_value_is_refused_beside_the_field(page: AppTest, typed: str, says: str) -> None:
    page.text_input(key="fix_input").set_value(typed).run()
    assert says in page.error[0].value.replace("\\", "")
    assert page.text_input(key="fix_input").value == typed
    page.text_input(key="fix_input").set_value("").run()
    assert not page.error


def test_the_overview_counts_what_the_outputs_depend_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "random.pb"
    text = """
    n = Const(value=[2], dtype=int32)
    i = RandomUniform(n, T=int32, dtype=float) ; v = VariableV2(dtype=float, shape=[2])
    a = Assign(v, i, T=float)
    x = Placeholder(shape=[2]) ; r = RandomUniform(n, T=int32, dtype=float) ; z = Mul(x, r)
    y = Softmax(z)
    """
    path.write_bytes(graph_def(text).SerializeToString())
    shown = app.texts(opened(path, monkeypatch)).replace("\\", "")
    assert "RandomUniform (1 node) gives different values on every run" in shown


def test_the_path_of_a_checkpoint_is_no_example_of_an_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "restores.pb"
    text = "save = Placeholder(dtype=string, shape=[]) ; c = Const(value=[1.0]) ; y = Softmax(c)"
    path.write_bytes(graph_def(text).SerializeToString())
    at = app.on(opened(path, monkeypatch), "optimise")
    assert at.text_input(key="fix_input").placeholder == "name=value, then Enter"


def test_what_the_page_runs_can_be_copied(page: AppTest) -> None:
    page.text_input(key="fix_input").set_value("train=false").run()
    page.text_area(key="pipeline_text").set_value("sort_by_execution_order").run()
    (command,) = [text for text in app.names(page) if text.startswith("inspector optimise")]
    assert command == (
        "inspector optimise branch.pb -o branch_optimised --outputs=y --set=train=false "
        "--transforms=sort_by_execution_order"
    )
    (python,) = [text for text in app.names(page) if text.startswith("import inspector")]
    assert "outputs=['y']" in python
