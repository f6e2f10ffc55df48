"""Node tables of networks of any size."""

from __future__ import annotations

from inspector.view.table.node_table import NodeTable


def plain(names: list[str], ops: list[str], inputs: list[list[int]], **more: object) -> NodeTable:
    """A node table of columns; ``inputs`` are source nodes, all of port 0."""
    distinct = sorted(set(ops))
    count = len(names)
    columns: dict[str, object] = {
        "dtypes": [["float32"]], "dtype": [0] * count, "shapes": [[[None, 8]]],
        "shape": [0] * count, "devices": [""], "device": [0] * count,
    }  # fmt: skip
    flat = [[value for source in sources for value in (source, 0)] for sources in inputs]
    number = {op: at for at, op in enumerate(distinct)}
    op = [number[op] for op in ops]
    return NodeTable(names, distinct, op, flat, **(columns | more))  # type: ignore[arg-type]


def layered(blocks: int, *, scoped: bool = True) -> NodeTable:
    """A residual network of ``blocks`` blocks: convolutions, batch norms, adds, weights, reads."""
    names, ops, inputs = ["input"], ["Placeholder"], [[]]
    weights: dict[int, tuple[int, int]] = {}

    def add(name: str, op: str, *sources: int) -> int:
        names.append(name if scoped else f"n{len(names)}")
        ops.append(op)
        inputs.append(list(sources))
        if op == "Const":
            weights[len(names) - 1] = (1000, 4000)
        return len(names) - 1

    def conv(path: str, source: int) -> int:
        kernel = add(f"{path}/conv/kernel", "Const")
        read = add(f"{path}/conv/kernel/read", "Identity", kernel)
        out = add(f"{path}/conv/Conv2D", "Conv2D", source, read)
        scale = add(f"{path}/bn/scale", "Const")
        norm = add(f"{path}/bn/FusedBatchNormV3", "FusedBatchNormV3", out, scale)
        return add(f"{path}/Relu", "Relu", norm)

    top = 0
    for block in range(blocks):
        path = f"model/stage_{block // 4}/block_{block}"
        first = conv(f"{path}/a", top)
        second = conv(f"{path}/b", first)
        top = add(f"{path}/add", "AddV2", top, second)
    top = add("model/predictions/Softmax", "Softmax", top)
    return plain(names, ops, inputs, weights=weights, fetches=[names[top]])
