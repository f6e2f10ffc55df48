"""Hostile GraphDefs: a name for each, and the bytes of the file."""

from __future__ import annotations

import random
from collections.abc import Callable

from google.protobuf import text_format

from inspector.graph.protos import GraphDef, NodeDef
from inspector.graph.tensors import dtype_enum
from tests.graphs import const, node, placeholder

Make = Callable[[], bytes]
FLOAT = dtype_enum("float32")
X = placeholder("x", [None, 2])


def graph(*nodes: NodeDef) -> bytes:
    """A GraphDef of these nodes, an Identity ``y`` of the last one at the end."""
    last = nodes[-1].name
    proto = GraphDef(node=[*nodes, node("y", "Identity", last, T="float32")])
    data: bytes = proto.SerializeToString(deterministic=True)
    return data


def good() -> GraphDef:
    """A graph that is in order."""
    weights = const("w", [[1.0, 2.0], [3.0, 4.0]], "float32")
    return GraphDef(node=[X, weights, node("y", "MatMul", "x", "w", T="float32")])


def _constant(
    dims: list[int], content: bytes = b"", splat: bool = True, dtype: int = FLOAT
) -> bytes:
    made = NodeDef(name="c", op="Const")
    made.attr["dtype"].type = dtype
    tensor = made.attr["value"].tensor
    tensor.dtype = dtype
    tensor.tensor_content = content
    if splat and not content:
        tensor.float_val.append(1.0)
    for size in dims:
        tensor.tensor_shape.dim.add(size=size)
    return graph(X, made, node("z", "Mul", "x", "c", T="float32"))


def _values(dtype: str, field: str, values: list[int], dims: list[int]) -> bytes:
    made = NodeDef(name="c", op="Const")
    made.attr["dtype"].type = made.attr["value"].tensor.dtype = dtype_enum(dtype)
    getattr(made.attr["value"].tensor, field).extend(values)
    for size in dims:
        made.attr["value"].tensor.tensor_shape.dim.add(size=size)
    return GraphDef(node=[made, node("y", "Identity", "c", T=dtype)]).SerializeToString()


def _with_attr(made: NodeDef, key: str, kind: str) -> bytes:
    """The node with one attribute of another kind, or without it."""
    attr = made.attr[key]
    attr.Clear()
    if kind == "text":
        attr.s = b"float"
    elif kind == "number":
        attr.i = 1 << 62
    elif kind == "negative":
        attr.i = -(1 << 63)
    elif kind == "floats":
        attr.list.f.extend([0.5, 2.0])
    elif kind == "types":
        attr.list.type.extend([1, 999, 0])
    elif kind == "function":
        attr.func.name = "gone"
    elif kind == "rank":
        attr.shape.dim.add(size=-7)
        attr.shape.dim.add(size=1 << 62)
    elif kind == "type":
        attr.type = 999
    elif kind == "gone":
        del made.attr[key]
    return graph(made) if made.name == X.name else graph(X, made)


CONV = node("c", "Conv2D", "x", "x", T="float32", strides=[1, 1, 1, 1], padding="SAME")
SPLIT = node("c", "Split", "x", "x", T="float32", num_split=2)
CALL = node("c", "PartitionedCall", "x")
KINDS = ("text", "number", "negative", "floats", "types", "function", "rank", "type", "gone")
ATTRS = {
    "placeholder_dtype": (X, "dtype"),
    "placeholder_shape": (X, "shape"),
    "const_value": (const("c", [1.0], "float32"), "value"),
    "conv_strides": (CONV, "strides"),
    "conv_padding": (CONV, "padding"),
    "split_count": (SPLIT, "num_split"),
    "call_function": (CALL, "f"),
    "call_types": (CALL, "Tout"),
    "identities_types": (node("c", "IdentityN", "x", "x"), "T"),
    "parse_types": (node("c", "ParseExample", "x", "x", "x", "x"), "Tdense"),
    "cast_type": (node("c", "Cast", "x", SrcT="float32"), "DstT"),
    "while_body": (node("c", "While", "x"), "body"),
    "class": (node("c", "Relu", "x", T="float32"), "_class"),
    "output_shapes": (node("c", "Relu", "x", T="float32"), "_output_shapes"),
}


def _attr(name: str, kind: str) -> Make:
    def make() -> bytes:
        made = NodeDef()
        made.CopyFrom(ATTRS[name][0])
        return _with_attr(made, ATTRS[name][1], kind)

    return make


def _named(name: str) -> Make:
    return lambda: graph(placeholder(name, [2]))


def _functions(calls: dict[str, list[str]], root: str) -> bytes:
    """Functions of one argument that call others one after the other, and a call of the first."""
    proto = GraphDef(node=[X, NodeDef(name="y", op=root, input=["x"])])
    for name, inner in calls.items():
        function = proto.library.function.add()
        function.signature.name = name
        function.signature.input_arg.add(name="a", type=FLOAT)
        function.signature.output_arg.add(name="r", type=FLOAT)
        last = "a"
        for number, called in enumerate(inner):
            made = function.node_def.add(name=f"n{number}", op=called, input=[last])
            last = f"n{number}:r:0"
            if called not in calls:
                made.attr["T"].type = FLOAT
                last = f"n{number}:activations:0"
        function.ret["r"] = last
    return proto.SerializeToString(deterministic=True)


def _while(cond: str, body: str) -> bytes:
    proto = GraphDef.FromString(_functions({"f": ["Relu"], "g": []}, "Relu"))
    proto.node[1].attr["T"].type = FLOAT
    loop = proto.library.function[0].node_def[0]
    loop.op = "While"
    del loop.attr["T"]
    loop.attr["cond"].func.name, loop.attr["body"].func.name = cond, body
    loop.attr["T"].list.type.append(FLOAT)
    proto.library.function[0].ret["r"] = "n0:output:0"
    proto.node[1].op = "f"
    del proto.node[1].attr["T"]
    return proto.SerializeToString(deterministic=True)


def _nested() -> bytes:
    """Lists of functions in attributes of functions, 300 deep: more than protobuf reads."""
    inner = b""
    for _ in range(300):
        # AttrValue.func (10) > NameAttrList.attr (2) > entry.value (2)
        inner = _field(10, _field(2, _field(1, b"k") + _field(2, inner)))
    return _field(
        1, _field(1, b"n") + _field(2, b"Relu") + _field(5, _field(1, b"k") + _field(2, inner))
    )


def _field(number: int, value: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(value)) + value


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


LFS = (
    b"version https://git-lfs.github.com/spec/v1\n"
    b"oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\n"
    b"size 12345678\n"
)
"""What lies in a repository in the place of a large file."""

NODE = _field(1, _field(1, b"x") + _field(2, b"Placeholder"))

SMALL: dict[str, Make] = {
    "empty": lambda: b"",
    "random": lambda: random.Random(5).randbytes(3000),
    "zeros": lambda: bytes(1000),
    "prose": lambda: b"This is a shopping list, and no graph at all.\n" * 20,
    "latin_1": lambda: "Dies hier ist keine Datei für Graphen.\n".encode("latin-1") * 20,
    "json": lambda: b'{"node": [{"name": "x", "op": "Placeholder"}]}',
    "html": lambda: b"<!DOCTYPE html><html><body>404</body></html>",
    "png": lambda: b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(50),
    "pickle": lambda: b"\x80\x04\x95\x17\0\0\0\0\0\0\0\x8c\x05posix\x94\x8c\x06system\x94\x93\x94.",
    "cut_in_half": lambda: good().SerializeToString()[:60],
    "cut_text": lambda: text_format.MessageToString(good()).encode()[:90],
    "text_with_zero": lambda: b'node {\n name: "a\0b"\n op: "NoOp" }\n',
    "text_unknown_field": lambda: b'node { name: "a" op: "NoOp" colour: "red" }\n',
    "text_wrong_kind": lambda: b'node { name: 7 op: "NoOp" }\n',
    "text_nested": lambda: b"node { attr { value { list { func { attr { value { " * 60,
    "text_huge_number": lambda: b"versions { producer: 99999999999999999999999 }\n",
    "duplicate_names": lambda: graph(X, node("a", "Relu", "x", T="float32"), X),
    "empty_name": lambda: graph(X, node("", "Relu", "x", T="float32")),
    "empty_op": lambda: graph(X, node("a", "", "x")),
    "self_loop": lambda: graph(X, node("a", "Relu", "a", T="float32")),
    "cycle": lambda: graph(
        X,
        node("a", "Add", "x", "b", T="float32"),
        node("b", "Relu", "a", T="float32"),
    ),
    "cycle_by_control": lambda: graph(
        X,
        node("a", "NoOp", "^b"),
        node("b", "NoOp", "^a"),
        node("c", "Relu", "x", "^a", T="float32"),
    ),
    "cycle_through_merge": lambda: graph(
        X, node("m", "Merge", "x", "r", T="float32", N=2), node("r", "Relu", "m", T="float32")
    ),
    "dangling_input": lambda: graph(X, node("a", "Relu", "gone", T="float32")),
    "dangling_control": lambda: graph(X, node("a", "Relu", "x", "^gone", T="float32")),
    "no_such_output": lambda: graph(X, node("a", "Relu", "x:7", T="float32")),
    "negative_output": lambda: graph(X, node("a", "Relu", "x:-1", T="float32")),
    "huge_output": lambda: graph(X, node("a", "Relu", "x:99999999999999999999", T="float32")),
    "text_for_output": lambda: graph(X, node("a", "Relu", "x:y:z", T="float32")),
    "empty_inputs": lambda: graph(X, node("a", "Relu", "", "^", ":0", ":", T="float32")),
    "data_after_control": lambda: graph(X, node("a", "Add", "^x", "x", "x", T="float32")),
    "unknown_op": lambda: graph(X, node("a", "LaunchMissiles", "x", T="float32")),
    "no_inputs": lambda: graph(X, node("a", "MatMul", T="float32")),
    "inputs_too_many": lambda: graph(X, node("a", "Relu", *["x"] * 50, T="float32")),
    "const_terabytes": lambda: _constant([1 << 20, 1 << 20]),
    "const_2000_dims": lambda: _constant([1 << 62] * 2000),
    "const_overflow": lambda: _constant([1 << 62, 1 << 62]),
    "const_negative": lambda: _constant([-3, 2]),
    "const_300_dims": lambda: _constant([1] * 300),
    "const_too_short": lambda: _constant([100], b"\0" * 12),
    "const_too_long": lambda: _constant([1], b"\0" * 12),
    "const_odd_bytes": lambda: _constant([2], b"\0" * 7),
    "const_zero_times_huge": lambda: _constant([0, 1 << 62]),
    "const_no_values": lambda: _constant([3], splat=False),
    "const_unknown_dtype": lambda: _constant([1], b"\0" * 4, dtype=777),
    "const_resource": lambda: _constant([], dtype=dtype_enum("resource")),
    "const_strings_packed": lambda: _constant([1 << 40], b"\x05abc", dtype=dtype_enum("string")),
    "const_strings_huge": lambda: _constant([1 << 45], dtype=dtype_enum("string")),
    "const_half_out_of_range": lambda: _values("float16", "half_val", [70000, -1], [2]),
    "const_int8_out_of_range": lambda: _values("int8", "int_val", [70000, -1], [2]),
    "const_int4_out_of_range": lambda: _values("int4", "int_val", [70000, -1], [2]),
    "const_bool_list": lambda: _values("bool", "int_val", [7, 8], [2]),
    "const_complex_odd": lambda: _values("complex64", "scomplex_val", [1, 2, 3], [1]),
    "const_more_values_than_shape": lambda: _values("float32", "float_val", [1, 2, 3], [2]),
    "reshape_to_huge": lambda: graph(
        X,
        const("s", [1 << 30, 1 << 30], "int32"),
        node("r", "Reshape", "x", "s", T="float32", Tshape="int32"),
    ),
    "fill_huge": lambda: graph(
        const("s", [1 << 30, 1 << 30], "int32"),
        const("v", 1.0, "float32"),
        node("f", "Fill", "s", "v", T="float32"),
    ),
    "range_without_end": lambda: graph(
        const("a", 0, "int32"),
        const("b", 1 << 30, "int32"),
        const("c", 0, "int32"),
        node("r", "Range", "a", "b", "c", Tidx="int32"),
    ),
    "conv_stride_zero": lambda: graph(
        placeholder("i", [1, 8, 8, 3]),
        const("k", [[[[1.0]] * 3]], "float32"),
        node("r", "Conv2D", "i", "k", T="float32", strides=[1, 0, 0, 1], padding="VALID"),
    ),
    "name_html": _named("<img src=x onerror=alert(1)>\"'&</script>"),
    "name_newline": _named("a\nb\r\n\tc\u2028d\x1b[31m"),
    "name_quotes": _named("a\"b'c`d\\e$(f)|g"),
    "name_letters": _named("größe/日本語/🙂/\u202egnirts"),
    "name_zero": _named("a\0b"),
    "name_path": _named("../../../../etc/passwd"),
    "name_slashes": _named("//a///b//"),
    "name_deep": _named("/".join("a" * 2000)),
    "name_control": _named("^x"),
    "name_port": _named("x:0"),
    "name_not_utf8": lambda: NODE + _field(1, _field(1, b"\xff\xfe") + _field(2, b"NoOp")),
    "op_not_utf8": lambda: NODE + _field(1, _field(1, b"n") + _field(2, b"\xff\xfe")),
    "function_calls_itself": lambda: _functions({"f": ["f"]}, "f"),
    "functions_call_each_other": lambda: _functions({"f": ["g"], "g": ["h"], "h": ["f"]}, "f"),
    "functions_billion": lambda: _functions(
        {f"f{level}": [f"f{level + 1}"] * 10 for level in range(14)} | {"f14": ["Relu"]}, "f0"
    ),
    "function_of_ops_name": lambda: _functions({"Relu": ["Relu"]}, "Relu"),
    "function_twice": lambda: (
        _functions({"f": ["Relu"]}, "f")
        + GraphDef(
            library=GraphDef.FromString(_functions({"f": []}, "f")).library
        ).SerializeToString()
    ),
    "function_without_result": lambda: _functions({"f": []}, "f").replace(
        b"\x01r\x12\x01a", b"\x01r\x12\x01b"
    ),
    "function_gone": lambda: _functions({}, "f"),
    "while_calls_itself": lambda: _while("g", "f"),
    "while_without_body": lambda: _while("gone", "gone"),
    "messages_nested": _nested,
    "groups": lambda: NODE + b"\x0b" * 500,
    "field_zero": lambda: NODE + b"\x02\x01a",
    "long_varint": lambda: NODE + b"\x0a" + b"\xff" * 11,
    "negative_length": lambda: NODE + b"\x0a" + b"\xff" * 9 + b"\x01",
    "unknown_fields": lambda: NODE + _field(15, b"x" * 900),
    "unknown_field_first": lambda: b"\x78\x01" + NODE,
    "unknown_groups": lambda: b"\x7b\x08\x01\x7c" + good().SerializeToString() + b"\x7b\x7c",
    "known_field_of_another_kind": lambda: good().SerializeToString() + _field(3, b"1"),
    "utf_16": lambda: text_format.MessageToString(good()).encode("utf-16-le"),
    "utf_16_mark": lambda: text_format.MessageToString(good()).encode("utf-16"),
    "utf_32_mark": lambda: text_format.MessageToString(good()).encode("utf-32"),
    "utf_8_mark": lambda: text_format.MessageToString(good()).encode("utf-8-sig"),
    "lfs_pointer": lambda: LFS,
    "versions_huge": lambda: (
        good().SerializeToString()
        + _field(4, b"\x08" + _varint(2**31 - 1) + b"\x10" + _varint(2**31 - 1))
    ),
}
SMALL |= {f"attr_{name}_{kind}": _attr(name, kind) for name in ATTRS for kind in KINDS}


def _chain(length: int) -> bytes:
    nodes = [X] + [
        node(f"n{i}", "Relu", f"n{i - 1}" if i else "x", T="float32") for i in range(length)
    ]
    return graph(*nodes)


def _many_inputs() -> bytes:
    return graph(X, node("a", "AddN", *["x"] * 50_000, T="float32", N=50_000))


def _wide() -> bytes:
    return graph(X, *(node(f"s{i}/a/b", "Relu", "x", T="float32") for i in range(5_000)))


EMPTY = 400_000

LARGE: dict[str, Make] = {
    "chain": lambda: _chain(10_000),
    "inputs": _many_inputs,
    "scopes": _wide,
    "name_million": _named("ä" * 1_000_000),
    "name_million_scopes": _named("a/" * 500_000),
    "op_million": lambda: graph(X, node("a", "R" * 1_000_000, "x")),
}
"""Made when they are tested: they are too large to keep. Each is sound in some way, and opens."""

AMPLIFIED: dict[str, Make] = {
    "nodes": lambda: NODE + b"\x0a\0" * EMPTY,
    "attrs": lambda: NODE + _field(1, _field(1, b"n") + _field(2, b"NoOp") + b"\x2a\0" * EMPTY),
    "dims": lambda: (
        NODE
        + _field(
            1,
            _field(1, b"c")
            + _field(2, b"Const")
            + _field(5, _field(1, b"value") + _field(2, _field(8, _field(2, b"\x12\0" * EMPTY)))),
        )
    ),
    "functions": lambda: NODE + _field(2, b"\x0a\0" * EMPTY),
    "inputs": lambda: NODE + _field(1, _field(1, b"n") + _field(2, b"NoOp") + b"\x1a\0" * EMPTY),
    "numbers": lambda: (
        NODE
        + _field(
            1,
            _field(1, b"c")
            + _field(2, b"Const")
            + _field(5, _field(1, b"value") + _field(2, _field(8, _field(10, b"\1" * EMPTY * 8)))),
        )
    ),
}
"""Messages that are many times larger in memory than in the file."""
