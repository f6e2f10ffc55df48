"""The pages with the iris model: every figure that the notebook prints, and the whole journey."""

from __future__ import annotations

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from inspector.ui.screens import operations, output_comparison
from inspector.view.state.actions import ViewState
from tests.conftest import data_path
from tests.pages import app

SOFTMAX = "dnn/head/predictions/probabilities"


def frames(at: AppTest) -> list[pd.DataFrame]:
    return [element.value for element in at.dataframe]


def test_overview_shows_the_figures_of_the_notebook() -> None:
    at = app.opened("iris")
    assert not at.exception
    assert "written by TensorFlow 1.10.0 (producer 26)" in app.texts(at).replace("\\", "")
    metrics = app.metrics(at)
    assert metrics["Size"] == "3.1 MiB"
    assert [metrics[key] for key in ("Operations", "Constants", "Variables", "Identities")] == [
        "252",
        "84",
        "11",
        "23",
    ]
    tables = frames(at)
    assert any(list(table.columns) == ["Type", "Nodes"] and len(table) == 36 for table in tables)
    suggested = next(table for table in tables if "Depends on" in table)
    assert suggested["Output"][0] == "predict / probabilities"
    assert suggested["Node"][0] == SOFTMAX
    assert suggested["Depends on"][0] == "petal_length, petal_width, sepal_length, sepal_width"
    feeds = next(table for table in tables if list(table.columns) == ["Name", "Dtype", "Shape"])
    assert set(feeds["Name"]) == {"sepal_length", "sepal_width", "petal_length", "petal_width"}
    assert set(feeds["Shape"]) == {"[None]"}


def test_overview_of_a_tf2_model_shows_the_serving_function_first() -> None:
    at = app.opened("bikes")
    assert not at.exception
    assert "VarHandleOp (2 nodes) is read by no signature" in app.texts(at).replace("\\", "")
    serving = int(app.metrics(at)["Operations"])
    at.segmented_control(key="counted_graph").set_value("Main graph").run()
    main = next(t for t in frames(at) if list(t.columns) == ["Type", "Nodes"])
    assert "StatefulPartitionedCall" in set(main["Type"])
    assert int(main["Nodes"].sum()) != serving
    functions = next(t for t in frames(at) if "function" in t.columns)
    assert any(name.startswith("__inference") for name in functions["function"])
    assert set(functions["nodes"]) != {0}


def test_operations_are_searched_and_counted() -> None:
    at = app.on(app.opened("iris"), "operations")
    assert not at.exception
    assert len(frames(at)[0]) == 252
    at.text_input(key="op_search").set_value("/predictions.probab/").run()
    table = frames(at)[0]
    assert list(table["name"]) == [SOFTMAX]
    assert "float32" in table["outputs"].iloc[0]
    at.text_input(key="op_search").set_value("/(/").run()
    assert "regular expression" in at.error[0].value
    at.text_input(key="op_search").set_value("").run()
    at.multiselect(key="op_types").set_value(["MatMul"]).run()
    assert len(frames(at)[0]) == 5


def test_the_graph_page_draws_the_start_view() -> None:
    at = app.on(app.opened("iris"), "graph")
    assert not at.exception
    assert not at.error
    (canvas,) = at.get("bidi_component")
    assert canvas.key == "graph_canvas"


def test_the_suggestion_in_the_sidebar_becomes_the_output() -> None:
    at = app.home(app.opened("iris"))
    at.button(key="use_suggested").click().run()
    assert at.session_state["outputs"] == [SOFTMAX]
    at.button(key="drop_output_0").click().run()
    assert at.session_state["outputs"] == []
    at.button(key="close_model").click().run()
    assert "model" not in at.session_state


@pytest.mark.tensorflow
def test_the_journey_of_the_notebook() -> None:
    at = app.on(app.opened("iris"), "optimise")
    at.selectbox(key="suggested_output").set_value(SOFTMAX).run()
    assert at.session_state["outputs"] == [SOFTMAX]
    at.button(key="run").click()
    app.settled(at.run())
    assert not at.exception
    assert [done.value for done in at.success] == [
        "3.1 MiB → 0.8 MiB, 252 → 86 operations (91 after freezing)."
    ]
    record = next(table for table in frames(at) if "step" in table)
    assert [step.partition(". ")[2] for step in record["step"]] == [
        "remove_nodes",
        "fold_constants",
        "fold_batch_norms",
        "fold_old_batch_norms",
        "round_weights",
        "quantize_weights",
        "strip_unused_nodes",
        "sort_by_execution_order",
    ]
    app.on(at, "compare")
    assert not at.exception
    metrics = app.metrics(at)
    assert metrics == {"Size reduction": "3.97×", "Latency": "–", "Top-1 agreement": "99.3%"}
    verdict = (
        "3.97 times smaller, speed not measured, and the top-1 prediction changes for 1 of 150"
    )
    assert any(verdict in item.proto.body for item in at.get("html"))
    stages = next(table for table in frames(at) if "as opened" in table).set_index("")["optimised"]
    assert list(stages[:2]) == ["0.8 MiB", "86"]
    graphs = next(table for table in frames(at) if "top-1 changes" in table).set_index("graph")
    assert list(graphs.loc["frozen only"])[:4] == ["identical", "none", "none", "0 of 150"]
    assert list(graphs.loc["optimised"])[:4] == ["top-1 changes", "0.0968", "9.68%", "1 of 150"]
    grades = next(table for table in frames(at) if "grade" in table)
    assert list(grades["grade"]) == ["identical", "top-1 changes"]
    changes = next(table for table in frames(at) if list(table)[:2] == ["output", "row"])
    assert [int(row) for row in changes["row"]] == [73]
    assert not any("verdict" in table for table in frames(at)), "nothing is timed unasked"
    at.button(key="measure_latency").click()
    app.settled(at.run())
    assert not at.exception
    assert not at.error
    times = next(table for table in frames(at) if "verdict" in table)
    assert list(times["graph"]) == ["as opened", "frozen", "optimised"]
    verdicts = {"faster", "same", "slower", "too noisy to tell"}
    assert {verdict.partition(",")[0] for verdict in times["verdict"][1:]} <= verdicts
    assert all(median.endswith("ms") for median in times["median"])
    assert app.metrics(at)["Latency"].endswith("×")
    app.on(at, "predict")
    at.segmented_control(key="feed_kind").set_value("range").run()
    at.number_input(key="feed_n").set_value(1000).run()
    at.slider(key="runs").set_value(2).run()
    at.button(key="predict").click()
    app.settled(at.run())
    assert not at.exception
    assert not at.error
    agreement = next(table for table in frames(at) if "largest difference" in table)
    assert list(agreement["graph"]) == ["frozen", "optimised"]
    assert list(agreement["verdict"]) == ["identical", "small"]
    assert set(agreement["rows"]) == {1000}


@pytest.mark.tensorflow
def test_a_large_model_is_compared_on_a_click(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output_comparison, "STARTS_BELOW", 0)
    at = app.on(app.opened("iris"), "optimise")
    at.selectbox(key="suggested_output").set_value(SOFTMAX).run()
    at.button(key="run").click()
    app.on(app.settled(at.run()), "compare")
    assert app.metrics(at)["Agreement"] == "–"
    at.button(key="compare_start").click()
    app.settled(at.run())
    assert app.metrics(at)["Top-1 agreement"] == "99.3%"


def test_a_sample_brings_its_own_transforms_until_the_user_has_made_a_list() -> None:
    at = app.on(app.opened("shapes"), "optimise")
    own = [item.call.name for item in at.session_state["pipeline_items"]]
    assert "quantize_weights" not in own
    app.home(at).button(key="sample_iris").click()
    app.on(app.settled(at.run()), "optimise")
    taken = [item.call.name for item in at.session_state["pipeline_items"]]
    assert "quantize_weights" in taken
    at.text_area(key="pipeline_text").set_value("fold_constants").run()
    app.home(at).button(key="sample_reviews").click()
    app.on(app.settled(at.run()), "optimise")
    assert [item.call.name for item in at.session_state["pipeline_items"]] == ["fold_constants"]


def test_the_sidebar_counts_what_the_overview_counts() -> None:
    at = app.opened("bikes")
    count = app.metrics(at)["Operations"]
    assert f"{count} operations" in app.texts(app.home(at)).replace("\\", "")


def test_compare_counts_what_the_overview_counts() -> None:
    at = app.opened("bikes")
    before = app.metrics(at)
    app.on(at, "optimise")
    at.button(key="run").click()
    app.on(app.settled(at.run()), "compare")
    stages = next(table for table in frames(at) if "as opened" in table).set_index("")["as opened"]
    names = ["Operations", "Constants", "Variables", "Identities", "Op types"]
    assert [stages[name] for name in names] == [before[name] for name in names]


def test_another_tag_set_is_another_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    path = data_path("models/seed/ppscore/two_metagraphs")
    monkeypatch.setenv("INSPECTOR_ROOTS", str(path.parent))
    at = app.started()
    at.text_input(key="open_path_text").set_value(str(path)).run()
    at.button(key="open_path").click()
    app.on(app.settled(at.run()), "overview")
    assert app.metrics(at)["Operations"] == "92"
    (choice,) = (box for box in at.selectbox if box.label == "Tag-set")
    assert choice.options == ["train", "serve"]
    choice.set_value("train").run()
    app.home(at)
    app.on(at, "overview")
    assert app.metrics(at)["Operations"] == "413"
    assert at.session_state["model"].tag_set == ["train"]


@pytest.mark.tensorflow
def test_a_step_that_breaks_its_promise_is_shown_and_rolled_back() -> None:
    at = app.on(app.opened("iris"), "optimise")
    at.selectbox(key="suggested_output").set_value(SOFTMAX).run()
    transforms = "remove_nodes(op=Identity)\nround_weights(num_steps=1)\nstrip_unused_nodes"
    at.text_area(key="pipeline_text").set_value(transforms).run()
    at.button(key="run").click()
    app.settled(at.run())
    assert not at.exception
    (warning,) = at.warning
    assert "round" in warning.value
    assert "changed the outputs more than declared" in warning.value
    record = next(table for table in frames(at) if "step" in table)
    assert list(record["check"]) == ["equal", "changed more than declared", "equal"]
    assert record["difference"][1].endswith("% of the largest value")
    assert list(record)[:5] == ["step", "size", "nodes", "difference", "check"]
    assert "given rows" in app.texts(at)
    at.button(key="roll_back_1").click()
    app.settled(at.run())
    assert not at.exception
    assert not at.warning
    record = next(table for table in frames(at) if "step" in table)
    assert list(record["check"]) == ["equal", "changed more than declared, rolled back", "equal"]
    assert any("was rolled back" in info.value for info in at.info)
    app.on(at, "compare")
    assert not at.exception
    removed = next(table for table in frames(at) if list(table.columns) == ["node", "by"])
    assert any("removed by 1. remove_nodes" in text for text in removed["by"])


@pytest.mark.tensorflow
def test_a_required_check_that_finds_a_violation_gives_no_result() -> None:
    at = app.on(app.opened("iris"), "optimise")
    at.selectbox(key="suggested_output").set_value(SOFTMAX).run()
    at.text_area(key="pipeline_text").set_value("round_weights(num_steps=1)").run()
    at.toggle(key="require_check").set_value(True).run()
    at.button(key="run").click()
    app.settled(at.run())
    assert not at.exception
    assert any("lossy allows" in error.value for error in at.error)
    assert not any("step" in table for table in frames(at))


@pytest.mark.tensorflow
def test_without_the_check_nothing_is_run() -> None:
    at = app.on(app.opened("iris"), "optimise")
    at.toggle(key="check_steps").set_value(False).run()
    assert at.selectbox(key="on_violation").disabled
    assert at.toggle(key="require_check").disabled
    at.button(key="run").click()
    app.settled(at.run())
    record = next(table for table in frames(at) if "step" in table)
    assert "check" not in record
    assert at.session_state["result"].value["check"] is None


def test_a_parameter_has_the_widget_of_its_kind() -> None:
    at = app.on(app.opened("iris"), "optimise")
    text = 'grappler(optimizers="constfold,loop") round_weights(num_steps=9) quantize_weights'
    at.text_area(key="pipeline_text").set_value(text).run()
    assert not at.exception
    first, second, third = at.session_state["pipeline_items"]
    chosen = at.multiselect(key=f"param_{first.id}_optimizers")
    assert chosen.value == ["constfold", "loop"]
    assert "arithmetic" in chosen.options
    assert at.number_input(key=f"param_{second.id}_num_steps").value == 9
    assert at.selectbox(key=f"param_{third.id}_mode").value == "tool"
    at.number_input(key=f"param_{second.id}_num_steps").set_value(64)
    at.button(key=f"apply_{second.id}").click().run()
    assert not at.exception
    assert "round_weights(num_steps=64)" in at.text_area(key="pipeline_text").value


@pytest.mark.tensorflow
def test_an_input_that_was_picked_cuts_the_graph() -> None:
    at = app.opened("iris")
    at.session_state["outputs"] = [SOFTMAX]
    at.session_state["inputs"] = ["dnn/hiddenlayer_3/Relu"]
    app.on(at, "optimise")
    assert "strip_unused_nodes runs first" in app.texts(at)
    at.toggle(key="check_steps").set_value(False).run()
    at.button(key="run").click()
    app.settled(at.run())
    value = at.session_state["result"].value
    assert [item["name"] for item in value["after"]["placeholders"]] == ["dnn/hiddenlayer_3/Relu"]
    assert value["after"]["op_counts"]["MatMul"] == 1
    assert value["after"]["placeholders"][0]["shape"] == [None, 512]


def test_a_neighbour_leads_to_its_details() -> None:
    at = app.on(app.opened("iris"), "graph")
    at.session_state["view_state"] = ViewState(selected=(SOFTMAX,))
    at.run()
    at.button(key="go_Inputs_0").click().run()
    assert at.session_state["view_state"].selected == ("dnn/logits/BiasAdd",)
    assert "dnn/logits/BiasAdd" in app.names(at)


def test_the_loaded_preset_is_named_and_each_transform_explained() -> None:
    at = app.on(app.opened("iris"), "optimise")
    assert at.radio(key="preset").value == "seed"
    assert "rounds weights to 256 values" in app.texts(at)
    at.radio(key="preset").set_value("tidy").run()
    assert at.radio(key="preset").value == "tidy"
    assert "Size: slightly smaller. Speed: unchanged. Outputs: equal." in app.texts(at)
    lines = [caption.value for caption in at.caption if "-badge[" in caption.value]
    assert len(lines) == len(at.session_state["pipeline_items"])
    assert all("Size: " in line and "Speed: " in line for line in lines)
    assert any(line.startswith(":green-badge[exact]") for line in lines)
    at.text_area(key="pipeline_text").set_value("fold_constants").run()
    assert at.radio(key="preset").value is None


def test_operations_are_sorted_by_figures_turned_and_shown_in_the_graph(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(operations, "PAGE", 100)
    at = app.on(app.opened("iris"), "operations")
    assert "252 of 252 operations, 1 to 100 shown" in app.texts(at)
    at.pagination(key="op_page").set_value(3).run()
    assert "252 of 252 operations, 201 to 252 shown" in app.texts(at)
    last = at.dataframe[0].value
    operations_of_model = at.session_state["model"].operations
    assert list(last["name"]) == operations_of_model.rows(range(200, 252))["name"]
    at.selectbox(key="op_sort").set_value("bytes").run()
    at.pagination(key="op_page").set_value(1).run()
    first = at.dataframe[0].value
    assert list(first["Weight size"][:2]) == ["1.0 MiB", "1.0 MiB"]
    assert set(first["op"][:11]) == {"Const", "VariableV2"}
    at.selectbox(key="op_sort").set_value("flops").run()
    assert at.dataframe[0].value["op"].iloc[0] == "MatMul"
    assert at.dataframe[0].value["FLOPs"].iloc[0] == "524.3 k"
    # The page of a search with fewer rows is its last one.
    at.pagination(key="op_page").set_value(3).run()
    at.text_input(key="op_search").set_value("softmax").run()
    assert "of 252 operations" in app.texts(at)
    at.session_state[operations.SELECTED] = "dnn/head/predictions/probabilities"
    at.run()
    at.button(key="show_in_graph").click().run()
    assert at.session_state["view_state"].selected == ("dnn/head/predictions/probabilities",)
