"""Node table to picture, in Python: seconds at three sizes, scoped and flat. One run, medians.

python benchmarks/hierarchy.py [--repeat 3]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.support.node_tables import layered
from inspector.view.layout import layout as layouts
from inspector.view.state.initial_view import start
from inspector.view.state.visible import view
from inspector.view.table.node_table import NodeTable
from inspector.view.table.search import search
from inspector.view.tree.hierarchy import Hierarchy, build

BLOCKS = {1_000: 77, 10_000: 770, 100_000: 7_700}
COLUMNS = ("graph", "nodes", "table MB", "read", "build", "tree MB", "read", "index", "start",
           "view", "boxes", "layout", "KB", "search")  # fmt: skip


def timed(run: Callable[[], Any], repeat: int) -> tuple[float, Any]:
    """Median seconds, and the last answer."""
    seconds, answer = [], None
    for _ in range(repeat):
        began = time.perf_counter()
        answer = run()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds), answer


def row(nodes: int, scoped: bool, repeat: int) -> list[str]:
    text = layered(BLOCKS[nodes], scoped=scoped).to_json()
    read_s, table = timed(lambda: NodeTable.from_json(text), repeat)
    build_s, tree = timed(lambda: build(table), repeat)
    tree_text = tree.to_json()
    read_tree_s, tree = timed(lambda: Hierarchy.from_json(table, tree_text), repeat)
    index_s, _ = timed(lambda: tree.columns, 1)
    start_s, opened = timed(lambda: start(tree), repeat)
    view_s, visible = timed(lambda: view(tree, opened), repeat)

    def lay_out() -> dict[str, Any]:
        layouts._CACHE.clear()
        return layouts.layout(visible)

    layout_s, picture = timed(lay_out, repeat)
    size = len(json.dumps(picture, separators=(",", ":")))
    search_s, _ = timed(lambda: search(table, "conv relu 7"), repeat)
    return [
        "scoped" if scoped else "flat", f"{len(table):,}", f"{len(text) / 1e6:.2f}", ms(read_s),
        ms(build_s), f"{len(tree_text) / 1e6:.2f}", ms(read_tree_s), ms(index_s), ms(start_s),
        ms(view_s), str(len(visible.boxes)), ms(layout_s), f"{size / 1000:.1f}", ms(search_s),
    ]  # fmt: skip


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def show(columns: tuple[str, ...], rows: list[list[str]]) -> None:
    print("| " + " | ".join(columns) + " |")
    print("|" + " --- |" * len(columns))
    for cells in rows:
        print("| " + " | ".join(cells) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    repeat = parser.parse_args().repeat
    show(COLUMNS, [row(nodes, scoped, repeat) for scoped in (True, False) for nodes in BLOCKS])


if __name__ == "__main__":
    main()
