"""The float ops that have an 8-bit kernel, and the cases in which that kernel is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inspector.graph import opdefs, tensors
from inspector.graph.protos import NodeDef
from inspector.graph.tensors import Shape
from inspector.passes.rewrite.channels import Skipped, layout

QUINT8, QINT32 = tensors.dtype_enum("quint8"), tensors.dtype_enum("qint32")


@dataclass(frozen=True)
class Quantized:
    """The 8-bit form of an op.

    Attributes:
        op: Its name.
        types: Attributes that hold the dtypes of its inputs.
        output: The dtype attribute of a 32-bit output; empty if the output has 8 bits.
        copied: Attributes copied from the float op.
        plain: Positions of data inputs that are not quantized.
        pairs: True for ranges as min, max, min, max; else all minima, then all maxima.
    """

    op: str
    types: tuple[str, ...]
    output: str = ""
    copied: tuple[str, ...] = ()
    plain: tuple[int, ...] = ()
    pairs: bool = True


_POOL = ("ksize", "strides", "padding")

QUANTIZED: dict[str, Quantized] = {
    "Add": Quantized("QuantizedAdd", ("T1", "T2"), "Toutput"),
    "AvgPool": Quantized("QuantizedAvgPool", ("T",), copied=_POOL),
    "BiasAdd": Quantized("QuantizedBiasAdd", ("T1", "T2"), "out_type"),
    "Concat": Quantized("QuantizedConcat", ("T",), copied=("N",), plain=(0,), pairs=False),
    "Conv2D": Quantized(
        "QuantizedConv2D", ("Tinput", "Tfilter"), "out_type", ("strides", "padding")
    ),
    "MatMul": Quantized("QuantizedMatMul", ("T1", "T2"), "Toutput", ("transpose_a", "transpose_b")),
    "MaxPool": Quantized("QuantizedMaxPool", ("T",), copied=_POOL),
    "Mul": Quantized("QuantizedMul", ("T1", "T2"), "Toutput"),
    "Relu": Quantized("QuantizedRelu", ("Tinput",)),
    "Relu6": Quantized("QuantizedRelu6", ("Tinput",)),
    "Reshape": Quantized("QuantizedReshape", ("T",), copied=("Tshape",), plain=(1,)),
    "ResizeBilinear": Quantized(
        "QuantizedResizeBilinear", ("T",), copied=("align_corners",), plain=(1,)
    ),
}


def outputs(name: str) -> list[str]:
    """The three outputs of a quantized op: values, min, max."""
    return [name, f"{name}:1", f"{name}:2"]


def dequantize(name: str, inputs: list[str]) -> NodeDef:
    """A Dequantize node from quint8 to float32."""
    node = NodeDef(name=name, op="Dequantize", input=inputs)
    node.attr["T"].type = QUINT8
    node.attr["mode"].s = b"MIN_FIRST"
    return node


def check(node: NodeDef, inputs: int, shapes: Sequence[Shape | None]) -> None:
    """Check that the 8-bit kernel computes a node correctly. Raises: Skipped.

    Args:
        inputs: How many data inputs the node has.
        shapes: Shapes of the operands of Add and Mul.
    """
    form = QUANTIZED[node.op]
    dtypes, results = opdefs.input_dtypes(node), opdefs.output_dtypes(node)
    if dtypes is None or results is None or len(dtypes) != inputs:
        raise Skipped("its inputs are not those of its op")
    floats = [dtype for index, dtype in enumerate(dtypes) if index not in form.plain]
    if set(floats + results) != {tensors.FLOAT}:
        raise Skipped("is not all float32")
    if layout(node) != "NHWC":
        raise Skipped(f"has the layout {layout(node)}, which the 8-bit op does not know")
    half = opdefs.attr(node, "half_pixel_centers")
    if half is not None and half.b:
        raise Skipped("has half-pixel centers, which the 8-bit op does not know")
    dilations = opdefs.attr(node, "dilations")
    if dilations is not None and any(step != 1 for step in dilations.list.i):
        raise Skipped(f"has dilations {list(dilations.list.i)}, which get lost in 8 bits")
    padding = opdefs.attr(node, "padding")
    if padding is not None and padding.s not in (b"SAME", b"VALID"):
        raise Skipped("has explicit padding, which the 8-bit op does not know")
    strides = opdefs.attr(node, "strides")
    if node.op == "Conv2D" and strides is not None and len(set(strides.list.i[1:3])) != 1:
        raise Skipped("has different strides, for which there is no 8-bit kernel")
    if node.op in ("Add", "Mul") and not _broadcasts(*shapes):
        raise Skipped(f"there is no 8-bit kernel for the shapes {shapes[0]} and {shapes[1]}")


def _broadcasts(a: Shape | None, b: Shape | None) -> bool:
    """True if one operand is a scalar, or broadcasts along the first dimensions of the other."""
    if a is None or b is None:
        return False
    if a == b or all(size == 1 for size in a) or all(size == 1 for size in b):
        return True
    small, large = sorted((a, b), key=lambda shape: sum(size != 1 for size in shape))
    while small and small[0] == 1:
        small = small[1:]
    return None not in small and list(small) == list(large[len(large) - len(small) :])
