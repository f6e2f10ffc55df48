"""A Model in a notebook: the interactive canvas in Python and in a browser, names as text."""

from __future__ import annotations

import json
from typing import Any

import pytest

import inspector
from inspector.api import notebook
from inspector.api._notebook_widget import GraphWidget
from inspector.graph.graph import Graph
from inspector.graph.protos import GraphDef
from inspector.view.canvas import web_module
from tests.conftest import ROOT

HOSTILE = '</script><img src=x onerror="document.title=1">'
VIEW = "application/vnd.jupyter.widget-view+json"

# What anywidget gives to the module: a model with traits and messages, and an element.
PAGE = """async ([script, data, summary]) => {
  const url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  const widget = (await import(url)).default;
  const traits = { data, summary }, handlers = [];
  globalThis.sent = [];
  const model = {
    get: key => traits[key], send: message => globalThis.sent.push(message),
    on: (event, handler) => handlers.push(handler), off: () => {},
  };
  globalThis.update = data => { traits.data = data; handlers.forEach(handler => handler()); };
  globalThis.remove = widget.render({ model, el: document.body });
}"""


@pytest.fixture(scope="module")
def iris() -> inspector.Model:
    return inspector.open_model(ROOT / "sample_models" / "iris" / "saved_model")


def widget_of(model: inspector.Model) -> GraphWidget:
    return GraphWidget(notebook._tree(model), notebook._table(model))


def names(widget: GraphWidget) -> str:
    return json.dumps(widget.data["graph"])


def act(number: int, do: str, name: str) -> dict[str, Any]:
    return {"name": "act", "value": {"acts": [{"n": number, "do": do, "name": name}]}}


def test_a_kernel_with_widgets_gets_the_canvas_and_others_the_image(iris, monkeypatch):
    import ipykernel.kernelspec  # noqa: F401  # as a program does that starts kernels

    assert iris._repr_mimebundle_() == {}
    monkeypatch.setattr(notebook, "_has_kernel", lambda: True)
    assert list(iris._repr_mimebundle_()) == [VIEW]
    monkeypatch.setattr(notebook, "find_spec", lambda name: None)
    assert iris._repr_mimebundle_() == {}


def test_messages_open_scopes_once_and_select_known_names_only(iris):
    widget = widget_of(iris)
    before = widget.data
    assert "logits" in names(widget)
    widget._receive(widget, act(5, "expand", "dnn/head/"), [])
    assert widget.data["done"] == 5
    assert widget.data["rev"] != before["rev"]
    opened = widget.data
    widget._receive(widget, act(5, "collapse", "dnn/head/"), [])  # the number was handled
    widget._receive(widget, act(6, "output", "dnn/head/"), [])  # not in a notebook
    widget._receive(widget, {"name": "act", "value": {"acts": "expand"}}, [])
    assert widget.data["rev"] == opened["rev"]
    selection = {"n": 7, "names": ["petal_width", "no such node", 3]}
    widget._receive(widget, {"name": "selected", "value": selection}, [])
    assert widget.selected == ("petal_width",)


def test_the_module_has_one_export_and_imports_nothing():
    script = web_module.notebook_script()
    exports = [line for line in script.splitlines() if line.startswith(("export ", "import "))]
    assert [line[:30] for line in exports] == ["export default notebookWidget("]


@pytest.mark.browser
def test_the_canvas_of_a_notebook_draws_opens_and_keeps_names_as_text(chromium, iris):
    page = chromium.new_context(viewport={"width": 900, "height": 900}).new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    widget = widget_of(iris)
    script = web_module.notebook_script()
    page.evaluate(PAGE, [script, dict(widget.data), widget.summary])
    page.locator(".node", has_text="petal_width").first.wait_for()
    assert page.locator("table").inner_text().count("SavedModel")
    page.locator(".node.scope", has_text="head").dblclick()
    page.wait_for_function("sent.some(({ name }) => name === 'act')")
    for message in page.evaluate("sent"):
        widget._receive(widget, message, [])
    page.evaluate("data => update(data)", dict(widget.data))
    page.locator(".cluster-title", has_text="head").wait_for()
    page.evaluate("remove()")

    graph = GraphDef()
    graph.node.add(name=HOSTILE, op="Placeholder")
    graph.node.add(name=f"{HOSTILE}2", op=HOSTILE, input=[HOSTILE])
    hostile = widget_of(inspector.Model(format="GraphDef", name=HOSTILE, graph=Graph.of(graph)))
    page.goto("about:blank")
    page.evaluate(PAGE, [script, dict(hostile.data), hostile.summary])
    page.locator(".node").nth(1).wait_for()
    assert page.locator("img").count() == 0
    assert page.title() == ""
    assert errors == []
    page.context.close()
