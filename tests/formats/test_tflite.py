"""TFLite files: figures measured by others, answers of LiteRT, hostile bytes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import inspector
from inspector import api
from inspector.analysis.operations import operations
from inspector.cli.main import cli
from inspector.errors import (
    BadFeed,
    BadFetch,
    CorruptModel,
    InspectorError,
    LimitExceeded,
    RunFailed,
    UnknownNode,
    UnknownSignature,
    UnsupportedModel,
)
from inspector.formats.tflite.file import OPERATORS
from inspector.formats.tflite.graph import TENSORFLOWS_TOO
from inspector.graph import opdefs
from inspector.view.table.builder import NodeTableBuilder
from inspector.view.table.node_table import NodeTable
from inspector.view.table.operation_details import OperationDetails
from inspector.view.tree import hierarchy
from tests import lite_models
from tests.conftest import DATA, data_path
from tests.hostile import lite_files

PUBLIC = sorted(
    file.parent.name
    for file in (DATA / "models/public").glob("*/EXPECTED.json")
    if '"kind": "tflite"' in file.read_text(encoding="utf-8")
)
SEED = ("pbsessconverted_model", "prod_model_tf115")
FIGURES = (
    "subgraphs",
    "buffers",
    "buffer_bytes",
    "metadata_names",
    "operator_codes",
    "signature_defs",
    "tflite_schema_version",
    "model_description",
)


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def facts_of(path: Path) -> dict[str, Any]:
    return inspector.describe(inspector.open_model(path)).to_dict()


@pytest.mark.parametrize("name", PUBLIC)
def test_public_models_have_the_figures_that_were_measured(name: str) -> None:
    folder = data_path(f"models/public/{name}")
    expected = json.loads((folder / "EXPECTED.json").read_text())
    path = folder / expected["open"]
    facts = facts_of(path)
    assert facts["format"] == "TFLite"
    assert {key: facts[key] for key in FIGURES} == {key: expected[key] for key in FIGURES}
    main = expected["subgraphs"][0]
    assert facts["nodes"] == main["operators"]
    assert facts["op_counts"] == main["ops"]
    size = path.stat().st_size
    assert facts["bytes"] == {"graph": size, "variables": 0, "assets": 0, "total": size}
    assert len(facts["tensors"]) == sum(graph["tensors"] for graph in expected["subgraphs"])
    assert [item["shape"] for item in facts["placeholders"]] == [i["shape"] for i in main["inputs"]]
    assert facts["warnings"] == []
    assert facts["suggested_outputs"]
    json.dumps(facts)


@pytest.mark.parametrize("name", PUBLIC)
def test_public_models_give_the_recorded_answers(name: str) -> None:
    folder = data_path(f"models/public/{name}")
    expected = json.loads((folder / "EXPECTED.json").read_text())
    model = inspector.open_model(folder / expected["open"])
    facts = inspector.describe(model).to_dict()
    if not (folder / "io.npz").is_file():
        feeds = {
            item["name"]: np.zeros(item["shape"], item["dtype"]) for item in facts["placeholders"]
        }
        (why,) = {row["op"] for row in facts["flagged_ops"][:1]}
        with pytest.raises(RunFailed, match=why):
            inspector.predict(model, feeds)
        return
    assert facts["flagged_ops"] == []
    with np.load(folder / "io.npz") as io:
        given_, wanted = (
            {key.removeprefix(side): io[key] for key in io if key.startswith(side)}
            for side in ("inputs/", "outputs/")
        )
    found = inspector.predict(model, given_).outputs
    assert found.keys() == wanted.keys()
    for key, value in wanted.items():
        assert found[key].dtype == value.dtype
        np.testing.assert_allclose(found[key], value, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", SEED)
def test_the_models_of_the_seed(name: str) -> None:
    expected = json.loads(data_path("models/seed/EXPECTED.json").read_text())["keras"]["tflite"]
    model = inspector.open_model(data_path(f"models/seed/keras/{name}.tflite"))
    facts = inspector.describe(model).to_dict()
    for side in ("input", "output"):
        (end,) = facts["subgraphs"][0][f"{side}s"]
        assert (end["name"], str(end["index"]), end["shape"]) == (
            expected[side]["name"],
            expected[side]["index"],
            expected[side]["shape"],
        )
    with np.load(data_path("models/seed/keras/io.npz")) as io:
        row, answer = io["inputs/x_val"][:1], io["outputs/tflite_row_by_row"][0]
    found = inspector.predict(model, {"prefix/dense_1_input": row})["prefix/output_node0"]
    np.testing.assert_allclose(found, answer, rtol=0, atol=1e-6)
    with pytest.raises(BadFeed, match=r"has shape \[10\], needs \[1, 10\]"):
        inspector.predict(model, {"prefix/dense_1_input": row[0]})


def test_it_is_known_by_its_content_and_inside_of_archives(tmp_path: Path) -> None:
    data = lite_models.add()
    assert inspector.open_model(written(tmp_path / "model.pb", data)).format == "TFLite"
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as archive:
        archive.writestr("folder/model.tflite", data)
    model = inspector.open_model(tmp_path / "m.zip")
    assert model.format == "TFLite"
    found = inspector.predict(model, {"x": [[1.0, 1.0]]})
    np.testing.assert_array_equal(found["y:0"], [[2, 3]])


def test_describing_imports_neither_tensorflow_nor_the_interpreter(tmp_path: Path) -> None:
    path = written(tmp_path / "model.tflite", lite_models.add())
    code = (
        "import sys, inspector; m = inspector.open_model(sys.argv[1]); inspector.describe(m);"
        "print([n for n in sys.modules if n.split('.')[0] in ('tensorflow', 'keras')"
        " or n.startswith('ai_edge_litert.interpreter') or '_pywrap' in n])"
    )
    command = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    other = tmp_path / "graph.pb"
    other.write_bytes(data_path("models/seed/keras/prod_model.pb").read_bytes())
    code = code.replace("'tensorflow'", "'tensorflow', 'ai_edge_litert'")
    command = [sys.executable, "-c", code, str(other)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"


def test_subgraphs_are_scopes_below_what_calls_them(tmp_path: Path) -> None:
    model = inspector.open_model(written(tmp_path / "m", lite_models.loop()))
    facts = inspector.describe(model).to_dict()
    assert (facts["nodes"], facts["op_counts"]) == (1, {"WHILE": 1})
    assert facts["functions"] == 3
    assert facts["function_op_counts"] == {"ADD": 1, "LESS": 1, "MUL": 1}
    assert facts["min_runtime_version"] == "2.5.0"
    assert [row["operators"] for row in facts["subgraphs"]] == [1, 1, 1, 1]
    assert facts["signatures"]["double"]["outputs"] == {
        "result": {"name": "twice", "dtype": "int32", "shape": []}
    }
    assert [item["name"] for item in facts["suggested_outputs"]] == ["end", "other/twice"]
    rows = operations(model)
    assert [(row.name, row.op, row.function) for row in rows] == [
        ("end", "WHILE", ""),
        ("end/cond/less", "LESS", "end/cond"),
        ("end/body/more", "ADD", "end/body"),
        ("other/twice", "MUL", "other"),
    ]
    assert [row.name for row in operations(model, function="end/body")] == ["end/body/more"]
    assert [row.name for row in operations(model, function="")] == ["end"]
    with pytest.raises(UnknownNode, match="end/body"):
        operations(model, function="end/boddy")
    summary = NodeTableBuilder(model).node_table()
    tree = hierarchy.build(NodeTable.from_json(summary.to_json())).tree
    assert {"end/", "end/cond/", "end/body/", "other/"} <= set(tree.names)
    assert summary.input_names(summary.find("end/body/x")) == ["x:0"]
    assert summary.weights[summary.find("end/cond/limit")] == (1, 4)
    assert (summary.feeds, summary.fetches) == (["x"], ["end"])


def test_signatures_of_any_subgraph_and_names_of_all_kinds_run(tmp_path: Path) -> None:
    model = inspector.open_model(written(tmp_path / "m", lite_models.loop()))
    for feeds, fetches, signature, key, answer in (
        ({"start": 3}, None, None, "end", 10),
        ({"start": 3}, None, "loop", "end", 10),
        ({"number": 3}, None, None, "result", 6),
        ({"x": 11}, ["end:0"], None, "end:0", 11),
        ({"x": 11}, ["end"], None, "end", 11),
        ({"0": 3}, None, None, "end:0", 10),
    ):
        run = inspector.predict(model, feeds, fetches, signature)
        assert list(run.outputs) == [key]
        assert run[key] == answer
    with pytest.raises(UnknownSignature, match="did you mean 'loop'"):
        inspector.predict(model, {"start": 3}, signature="lop")
    for name in ("9" * 5000, "end:" + "9" * 5000, "^end", "end:1", "²"):
        with pytest.raises(BadFetch, match="no such tensor"):
            inspector.predict(model, {"start": 3}, [name])
    with pytest.raises(BadFetch, match="did you mean 'end'"):
        inspector.predict(model, {"start": 3}, ["ends"])
    with pytest.raises(BadFeed, match="did you mean 'start'"):
        inspector.predict(model, {"strat": 3}, signature="loop")
    with pytest.raises(BadFeed, match=r"needs start: int32 \[\]"):
        inspector.predict(model, {}, signature="loop")


def test_a_batch_is_as_the_model_allows(tmp_path: Path) -> None:
    rows = np.ones((3, 2), np.float32)
    model = inspector.open_model(written(tmp_path / "any", lite_models.add(batch=-1)))
    facts = inspector.describe(model).to_dict()
    assert facts["placeholders"] == [{"name": "x", "dtype": "float32", "shape": [None, 2]}]
    assert facts["subgraphs"][0]["inputs"][0]["shape_signature"] == [-1, 2]
    np.testing.assert_array_equal(
        inspector.predict(model, {"x": rows})["y:0"], rows + np.array([1, 2])
    )
    fixed = inspector.open_model(written(tmp_path / "one", lite_models.add()))
    with pytest.raises(BadFeed, match=r"has shape \[3, 2\], needs \[1, 2\]"):
        inspector.predict(fixed, {"x": rows})


def test_quantised_numbers_are_shown_and_given_as_they_are(tmp_path: Path) -> None:
    model = inspector.open_model(written(tmp_path / "m", lite_models.quantised()))
    facts = inspector.describe(model).to_dict()
    weights = facts["tensors"][1]
    assert (weights["scale"], weights["zero_point"]) == ([0.25, 0.125], [0, 0])
    assert (weights["axis"], weights["channels"], weights["kind"]) == (0, 2, "constant")
    assert facts["parameters"] == 8
    details = OperationDetails(NodeTableBuilder(model)).details("y")
    assert details["attrs"]["inputs_left_out"] == "[2]"
    assert details["attrs"]["quantisation"] == "scale 0.5, zero point 3"
    assert [row["name"] for row in details["tensors"]] == ["y", "x", "w"]
    assert operations(model)[0].inputs == ["x", "w", ""]
    # By hand: (x - 3) / 2 times w times its scales, in steps of a half from 3 on.
    x = np.array([[1, 2, 3, 4]], np.int8)
    w = np.arange(8).reshape(2, 4) * np.array([[0.25], [0.125]])
    wanted = np.rint((x - 3) * 0.5 @ w.T / 0.5) + 3
    found = inspector.predict(model, {"x": x})["y"]
    assert found.dtype == np.int8
    assert np.abs(found - wanted).max() <= 1
    with pytest.raises(BadFeed, match=r"needs int8, quantised: give round\(value / 0\.5\) \+ 3"):
        inspector.predict(model, {"x": np.ones((1, 4))})


def test_texts_are_read_and_run(tmp_path: Path) -> None:
    data = lite_models.texts(b"alpha", b"", "ä\n".encode())
    model = inspector.open_model(written(tmp_path / "m", data))
    assert OperationDetails(NodeTableBuilder(model)).details("words")["value"]["elements"] == 3
    assert inspector.predict(model, {"index": [2]})["word"].tolist() == ["ä\n".encode()]


@pytest.mark.parametrize(
    ("op", "drawn", "why"),
    [
        ("FlexConv2D", "FlexConv2D", "Flex delegate"),
        ("my_op", "my_op", "library of its own"),
        ("Const", "TFLite Const", "library of its own"),
        ("Conv2D", "TFLite Conv2D", "library of its own"),
    ],
)
def test_custom_ops_are_counted_flagged_and_not_run(
    tmp_path: Path, op: str, drawn: str, why: str
) -> None:
    model = inspector.open_model(written(tmp_path / "m", lite_models.custom(op)))
    facts = inspector.describe(model).to_dict()
    assert (facts["op_counts"], facts["custom_ops"]) == ({op: 1}, [op])
    assert facts["flagged_ops"][0]["op"] == op
    assert [(node.name, node.op) for node in model.graph] == [
        ("tensor_0", "Placeholder"),
        ("tensor_1", drawn),
    ]
    assert operations(model)[0].outputs[0].to_dict()["shape"] == [1, 2]
    assert (
        OperationDetails(NodeTableBuilder(model)).tensors(model.graph.node("tensor_1"))[0]["dtype"]
        == "float32"
    )
    with pytest.raises(RunFailed, match=f"{op}.*{why}"):
        inspector.predict(model, {"0": np.ones((1, 2), np.float32)})


def test_the_builtin_names_that_tensorflow_has_too() -> None:
    assert set(OPERATORS.values()) & opdefs.known_ops() == TENSORFLOWS_TOO


def test_what_cannot_be_done_is_one_sentence(tmp_path: Path) -> None:
    model = inspector.open_model(written(tmp_path / "m", lite_models.add()))
    out = tmp_path / "out"
    for act in (
        lambda: inspector.freeze(model),
        lambda: inspector.optimise(model),
        lambda: inspector.save(model, out),
        lambda: inspector.save(model, out, "graphdef"),
    ):
        with pytest.raises(UnsupportedModel, match="frozen already"):
            act()
    assert not out.exists()


def test_two_models_are_compared(tmp_path: Path) -> None:
    one = inspector.open_model(written(tmp_path / "one", lite_models.add()))
    same = inspector.open_model(written(tmp_path / "two", lite_models.add()))
    assert api.diff(one, same).to_dict()["nodes"]["unchanged"] == 3
    made = lite_models.add().replace(np.float32(2).tobytes(), np.float32(5).tobytes())
    other = inspector.open_model(written(tmp_path / "three", made))
    delta = api.diff(one, other).to_dict()
    assert delta["nodes"]["changed"] == [{"name": "bias", "fields": ["attr:value"]}]
    assert delta["op_counts"] == [{"op": "ADD", "before": 1, "after": 1}]
    assert delta["before"] == {"nodes": 1, "bytes": len(made)}
    graph = inspector.open_model(data_path("models/seed/keras/prod_model.pb"))
    delta = api.diff(graph, one).to_dict()
    renamed = [item["after"] for item in delta["renamed"]]
    assert renamed == ["x"]  # the one input of each
    assert delta["nodes"]["added"] == ["bias", "y"]


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("describe {m}", 0, "subgraphs"),
        ("describe {m} --json", 0, '"format": "TFLite"'),
        ("ops {m}", 0, "end/body/more"),
        ("ops {m} --function end/body --json", 0, '"op": "ADD"'),
        ("ops {m} --function nothing", 1, "no subgraph of this name"),
        ("freeze {m} -o {o}", 1, "m.tflite: TFLite: it is frozen already"),
        ("optimise {m} -o {o}", 1, "m.tflite: TFLite: it is frozen already"),
        ("convert {m} -o {o} --to saved_model", 1, "m.tflite: TFLite: it is frozen already"),
        ("convert {m} -o {o} --to graphdef", 1, "m.tflite: TFLite: it is frozen already"),
        ("predict {m}", 1, "the model also needs"),
        ("predict {m} --signature no", 1, "it has 'loop', 'double'"),
        ("predict {m} --feeds {f} --json", 0, '"values": 10'),
        ("predict {m} --feeds {f} --fetches end:0 -o {o}", 0, "end:0"),
        ("diff {m} {m}", 0, "unchanged: 11 nodes"),
        ("render {m} -o {o}.svg --expand end", 0, "wrote out.svg"),
        ("transform_graph --in_graph={m} --out_graph={o} --transforms=fold_constants", 1, "m.tfl"),
    ],
)
def test_every_command_takes_it_or_says_why_not(
    tmp_path: Path, command: str, code: int, said: str
) -> None:
    model = written(tmp_path / "m.tflite", lite_models.loop())
    np.savez(tmp_path / "f.npz", start=np.int32(3))
    names = {"m": model, "o": tmp_path / "out", "f": tmp_path / "f.npz"}
    done = CliRunner().invoke(cli, [part.format(**names) for part in command.split()])
    assert said in done.output
    assert done.exit_code == code, done.output
    assert "mistake of ours" not in done.output
    assert not code or not (tmp_path / "out").exists()


def looked_through(path: Path) -> None:
    model = inspector.open_model(path)
    json.dumps(inspector.describe(model).to_dict())
    operations(model)
    builder = NodeTableBuilder(model)
    details = OperationDetails(builder)
    hierarchy.build(NodeTable.from_json(builder.node_table().to_json()))
    details.beside()
    for node in model.graph:
        details.details(node.name)
    api.diff(model, model)


SAMPLES = (
    lite_models.add(),
    lite_models.loop(),
    lite_models.quantised(),
    lite_models.texts(b"a", b"bc"),
)
NUMBERS = (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFF0, 1 << 28)


@given(st.data())
def test_damaged_files_are_one_error_or_a_model(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    made = bytearray(data.draw(st.sampled_from(SAMPLES)))
    for _ in range(data.draw(st.integers(0, 6))):
        at = data.draw(st.integers(0, len(made) - 4)) & ~3
        if data.draw(st.booleans()):
            made[at] = data.draw(st.integers(0, 255))
        else:
            number = data.draw(st.one_of(st.sampled_from(NUMBERS), st.integers(0, len(made))))
            made[at : at + 4] = number.to_bytes(4, "little")
    made[4:8] = b"TFL3"
    made = made[: data.draw(st.integers(8, len(made)))]
    path = written(tmp_path_factory.getbasetemp() / "damaged.tflite", bytes(made))
    said = ""
    try:
        looked_through(path)
    except InspectorError as err:
        said = str(err)
    assert str(path.parent) not in said


@pytest.mark.parametrize("data", SAMPLES)
def test_cut_anywhere_it_is_corrupt(tmp_path: Path, data: bytes) -> None:
    # A flatbuffer's tables lie in front and what they point to behind: no half of one is whole.
    for length in range(8, len(data) - 64, 3):
        with pytest.raises(CorruptModel):
            looked_through(written(tmp_path / "cut.tflite", data[:length]))


def _one_tensor(times: int, name: str, rank: int = 1) -> bytes:
    """A small file whose list of tensors names one table again and again."""
    builder = flatbuffers.Builder(1024)
    tensor = schema.TensorT(shape=[1] * rank, name=name).Pack(builder)
    schema.SubGraphStartTensorsVector(builder, times)
    for _ in range(times):
        builder.PrependUOffsetTRelative(tensor)
    tensors = builder.EndVector()
    schema.SubGraphStart(builder)
    schema.SubGraphAddTensors(builder, tensors)
    graph = schema.SubGraphEnd(builder)
    schema.ModelStartSubgraphsVector(builder, 1)
    builder.PrependUOffsetTRelative(graph)
    graphs = builder.EndVector()
    schema.ModelStart(builder)
    schema.ModelAddVersion(builder, 3)
    schema.ModelAddSubgraphs(builder, graphs)
    builder.Finish(schema.ModelEnd(builder), b"TFL3")
    return bytes(builder.Output())


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (_one_tensor(100_001, "a"), "more than 100,000 tensors"),
        (_one_tensor(20_000, "a" * 5_000), "bytes of names"),
        (_one_tensor(30_000, "a", 200), "dimensions"),
    ],
)
def test_small_files_that_ask_for_much_are_refused(tmp_path: Path, data: bytes, why: str) -> None:
    with pytest.raises(LimitExceeded, match=why):
        inspector.open_model(written(tmp_path / "m", data))


def _wrong(change: str) -> bytes:
    made = lite_models.Builder()
    tensors = [made.tensor("x"), made.tensor("w", [2], data=bytes(8)), made.tensor("y")]
    operator = made.operator("ADD", [0, 1], [2], schema.AddOptionsT())
    made.subgraph("main", tensors, [operator], [0], [2])
    made.signature("s", 0, {"x": 0}, {"y": 2})
    if change == "buffer":
        tensors[1].buffer = 9
    elif change == "operand":
        operator.inputs = [0, 3]
    elif change == "negative":
        operator.inputs = [0, -2]
    elif change == "code":
        operator.opcodeIndex = 7
    elif change == "output":
        made.model.subgraphs[0].outputs = [5]
    elif change == "signature":
        made.model.signatureDefs[0].subgraphIndex = 4
    elif change == "place":
        made.model.buffers[1].data = None
        made.model.buffers[1].offset, made.model.buffers[1].size = 100, 1 << 40
    return made.bytes()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("buffer", r"tensor 1 of subgraph 0: lies in buffer 9, and there are 2"),
        ("operand", r"operator 0 of subgraph 0: refers to tensor 3, and there are 3"),
        ("negative", r"refers to tensor -2"),
        ("code", r"is of operator code 7, and there are 1"),
        ("output", r"subgraph 0: refers to tensor 5"),
        ("signature", r"signature 's': refers to subgraph 4, and there are 1"),
        ("place", r"buffer 1: 1,099,511,627,776 bytes from 100 on"),
    ],
)
def test_numbers_that_lead_nowhere_are_named(tmp_path: Path, change: str, why: str) -> None:
    with pytest.raises(CorruptModel, match=why):
        inspector.open_model(written(tmp_path / "m", _wrong(change)))


def test_a_buffer_may_lie_behind_the_flatbuffer(tmp_path: Path) -> None:
    made = lite_models.Builder()
    tensors = [made.tensor("x"), made.tensor("w", [2], data=b"-"), made.tensor("y")]
    operator = made.operator("ADD", [0, 1], [2], schema.AddOptionsT())
    made.subgraph("main", tensors, [operator], [0], [2])
    buffer = made.model.buffers[1]
    buffer.data, buffer.offset, buffer.size = None, 4096, 8
    data = made.bytes().ljust(4096, b"\0") + np.array([3, 4], np.float32).tobytes()
    model = inspector.open_model(written(tmp_path / "m", data))
    assert OperationDetails(NodeTableBuilder(model)).details("w")["value"]["first"] == "3, 4"
    assert inspector.describe(model).parameters == 2
    np.testing.assert_array_equal(inspector.predict(model, {"x": [[0.0, 0.0]]})["y"], [[3, 4]])


def test_sizes_that_do_not_fit_are_a_warning_and_cost_nothing(tmp_path: Path) -> None:
    made = lite_models.Builder()
    huge = [2**31 - 1] * 6
    made.subgraph(
        "main",
        [made.tensor("x", huge), made.tensor("w", huge, data=bytes(8)), made.tensor("y", huge)],
        [made.operator("ADD", [0, 1], [2], schema.AddOptionsT())],
        [0],
        [2],
    )
    path = written(tmp_path / "m", made.bytes())
    facts = facts_of(path)
    assert facts["parameters"] == 0
    assert len(facts["warnings"]) == 3
    assert all("more elements than 64 bits can count" in text for text in facts["warnings"])
    looked_through(path)


WRONG_SHAPES = {
    "input_negative": r"tensor 0 \('x'\) of subgraph 0 has the shape \[-5, 2\]: a size of -5",
    "input_unknown": r"tensor 0 .* \[-1, 2\]: a size of -1, where none may be negative",
    "input_overflow": "tensor 0 .* more elements than 64 bits can count",
    "middle_negative": r"tensor 2 \('middle'\) .* \[-2, -2\]",
    "middle_overflow": "tensor 2 .* more elements than 64 bits",
    "constant_negative": r"tensor 1 \('bias'\) .* \[-2\]",
    "constant_overflow": "tensor 1 .* more elements than 64 bits",
    "constant_many_sizes": r"tensor 1 .* 2147483647, \.\.\.\]: more elements",
    "output_overflow": "tensor 3 .* more elements than 64 bits",
}


@pytest.mark.parametrize("name", WRONG_SHAPES)
def test_a_shape_that_cannot_be_is_a_warning_and_is_not_run(tmp_path: Path, name: str) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(lite_files.FILES[name]())
    model = inspector.open_model(path)
    (warning,) = inspector.describe(model).warnings
    assert re.match(f"LiteRT cannot load the model: {WRONG_SHAPES[name]}", warning)
    with pytest.raises(CorruptModel, match=WRONG_SHAPES[name]) as caught:
        inspector.predict(model, {"x": [[1.0, 2.0]]})
    assert "\n" not in str(caught.value)
    interpreter = pytest.importorskip("ai_edge_litert.interpreter").Interpreter
    with pytest.raises((ValueError, RuntimeError)):
        interpreter(model_path=str(path)).allocate_tensors()


def test_a_wrong_signature_of_a_shape_is_a_warning_and_runs(tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(lite_files.FILES["signature_negative"]())
    model = inspector.open_model(path)
    (warning,) = inspector.describe(model).warnings
    assert warning.startswith("The shape signature of tensor 'x' holds a size below -1")
    assert inspector.predict(model, {"x": [[1.0, 2.0]]})["y"].tolist() == [[2.0, 3.0]]


def test_many_wrong_shapes_are_counted(tmp_path: Path) -> None:
    made = lite_models.Builder()
    made.subgraph("main", [made.tensor(f"t{i}", [-1]) for i in range(9)], [], [0], [1])
    (tmp_path / "m.tflite").write_bytes(made.bytes())
    warnings = inspector.open_model(tmp_path / "m.tflite").warnings
    assert len(warnings) == 6
    assert warnings[-1] == "4 more tensors have such a shape."


def test_names_of_any_kind_stay_apart(tmp_path: Path) -> None:
    made = lite_models.Builder()
    labels = ["^a", "a:1", "a_1", "a", "<b>\n\"'", "a:0", None, "", "a;b;c", ";", "ü" * 2000, "/"]
    tensors = [made.tensor(label) for label in labels]
    operators = [made.operator("RELU", [index], [index + 1]) for index in range(len(labels) - 1)]
    made.subgraph("m", tensors, operators, [0], [len(labels) - 1])
    path = written(tmp_path / "m", made.bytes())
    looked_through(path)
    model = inspector.open_model(path)
    names = [node.name for node in model.graph]
    assert len(set(names)) == len(labels)
    summary = NodeTableBuilder(model).node_table()
    for index in range(1, len(labels)):
        assert summary.input_names(index) == [f"{names[index - 1]}:0"]
    assert summary.missing == []


def test_branches_state_packed_and_sparse_tensors(tmp_path: Path) -> None:
    made = lite_models.Builder()
    sparsity = schema.SparsityParametersT(traversalOrder=[0])
    kinds = schema.TensorType
    main = [
        made.tensor("which", [], lite_models.BOOL),
        made.tensor("x"),
        made.tensor("chosen"),
        made.tensor("four", [5], kinds.INT4, bytes([0x21, 0xF3, 0x07])),
        made.tensor("thin", [4], data=bytes(4), sparsity=sparsity),
        made.tensor("kept", [2], isVariable=True),
        made.tensor("half", [2], kinds.BFLOAT16, bytes([0x80, 0x3F, 0, 0xC0])),
        made.tensor("none", [0], lite_models.INT32),
        made.tensor("all:0"),
        made.tensor("all:1"),
    ]
    branch = schema.IfOptionsT(thenSubgraphIndex=1, elseSubgraphIndex=1)
    made.subgraph(
        "",
        main,
        [
            made.operator("IF", [0, 1], [2], branch),
            made.operator("CUSTOM", [2, 3, 4, 5, 6, 7], [8, 9], custom="all"),
        ],
        [0, 1],
        [9],
    )
    tensors = [made.tensor("x"), made.tensor("y")]
    made.subgraph("both", tensors, [made.operator("RELU", [0], [1])], [0], [1])
    path = written(tmp_path / "m", made.bytes())
    looked_through(path)
    model = inspector.open_model(path)
    builder = NodeTableBuilder(model)
    details = OperationDetails(builder)
    summary = builder.node_table()
    # Both branches are one subgraph: it is there once, and reads what follows the condition.
    assert summary.names.count("chosen/both/y") == 1
    assert summary.input_names(summary.find("chosen/both/x")) == ["x:0"]
    assert builder.unfolded.returns == {"chosen": ["chosen/both/y"]}
    assert details.details("four")["value"]["first"] == "1, 2, 3, -1, 7"
    assert details.details("half")["value"]["first"] == "1, -2"
    assert "sparse" in details.details("thin")["value"]["cannot be read"]
    assert details.details("thin")["tensors"][0]["sparse"]
    ops = {node.name: node.op for node in model.graph}
    assert (ops["kept"], ops["none"], ops["four"]) == ("State", "Const", "Const")
    assert summary.weights[summary.find("four")] == (5, 3)
    row = operations(model)[1]
    assert (row.name, [item.name for item in row.outputs]) == ("all", ["all:0", "all:1"])
    assert [item.name for item in inspector.describe(model).suggested_outputs] == ["all:1"]


_SHORT_OF_MEMORY = """
import resource, sys
import numpy as np
import inspector
from ai_edge_litert import interpreter
model = inspector.open_model(sys.argv[1])
rows = np.zeros((50 << 20, 2), "f")
pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + (300 << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
from inspector.backend.litert import lite
try:
    lite.predict(model, {"x": rows})
except inspector.errors.RunFailed as err:
    print(err)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the address space")
def test_a_refusal_of_litert_that_may_be_one_of_memory_says_so(tmp_path: Path) -> None:
    (tmp_path / "add.tflite").write_bytes(lite_models.add(batch=-1))
    command = [sys.executable, "-c", _SHORT_OF_MEMORY, str(tmp_path / "add.tflite")]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert "MiB of memory left" in done.stdout, done.stderr
    assert "feed fewer rows" in done.stdout
