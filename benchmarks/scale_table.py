"""From 1,000 to 1,000,000 nodes: seconds and memory to open, draw, click, search, freeze, optimise.

    python -m benchmarks.scale_table [--sizes 1000,10000,100000] [--presets tidy,smaller]

The graph is that of `passes_scale`: convolutions with bias, scale and offset in scopes inside of
scopes. Each step of each size is a process of its own, so that memory is that of the step: seconds
of processor time, since other work on the machine changes those less, and MiB at the peak above
those of an interpreter that only imported the library.

open: what the job does between the file and its answer. picture: what the web process does with
the answer until the layout stands, dot included. click: one scope opens. search: one word over the
names, and over the table of operations. freeze: opened, cut to one output and written. A preset:
opened and optimised without a check, kernels in a worker that does not count here.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.measuring import Run, once
from inspector.passes.presets import PRESETS

SIZES = (1_000, 10_000, 100_000, 1_000_000)

# In a process of its own as all steps are: a child's peak begins with that of its parent.
_WRITE = """
import sys
from benchmarks.passes_scale import scoped
from inspector.graph.graph import Graph
whole = scoped(int(sys.argv[1]) + 1)
nodes = whole.nodes[:-1]  # without the node that waits for all
with open(sys.argv[2], "wb") as file:
    file.writelines(Graph(nodes, whole.library, whole.versions).parts())
print(nodes[-1].name)
"""

_OPEN = """
import sys
from inspector.jobs.tasks.read import open_model
class Quiet:
    def progress(self, *_report): pass
answer = open_model({"path": sys.argv[1]}, Quiet())
if len(sys.argv) > 2:
    for name, data in answer.blobs.items():
        open(f"{sys.argv[2]}/{name}", "wb").write(data)
"""

_ANSWER = """
import sys, time
from inspector.view.layout import layout
from inspector.view.state import actions
from inspector.view.table.node_table import NodeTable
from inspector.view.table.operation_table import OperationTable
from inspector.view.table.search import search
from inspector.view.tree.hierarchy import Hierarchy
read = lambda name: open(f"{sys.argv[1]}/{name}", "rb").read()
used = lambda: time.process_time()
start = used()
"""

_PICTURE = f"""{_ANSWER}
table = NodeTable.from_json(read("summary"))
tree = Hierarchy.from_json(table, read("hierarchy"))
now = actions.first(tree)
layout.picture_of(tree, now.opened)
print(used() - start)
"""

_CLICK = f"""{_PICTURE}
closed = next(name for name in tree.index if name not in now.opened)
start = used()
now = actions.act(tree, now, "expand", closed)
layout.picture_of(tree, now.opened, keep=now.last)
print(used() - start)
"""

_SEARCH = f"""{_ANSWER}
table = NodeTable.from_json(read("summary"))
operations = OperationTable(table, read("operations"))
start = used()
search(table, "conv 7")
operations.rows(operations.find("conv float32")[:500])
print(used() - start)
"""

_FREEZE = """
import sys, tempfile, inspector
model = inspector.open_model(sys.argv[1])
frozen = inspector.freeze(model, outputs=[sys.argv[2]])
with tempfile.TemporaryDirectory() as place:
    inspector.save(frozen, place + "/out.pb", format="graphdef")
"""

_OPTIMISE = """
import sys, inspector
model = inspector.open_model(sys.argv[1])
inspector.optimise(model, outputs=[sys.argv[2]], transforms=sys.argv[3])
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    parser.add_argument("--presets", default="", help="names, or 'all'")
    options = parser.parse_args()
    chosen = list(PRESETS) if options.presets == "all" else options.presets.split(",")
    idle = _run("import inspector", []).peak
    print("| nodes | MB | step | processor s | MiB | times the file |\n|" + " --- |" * 6)
    for size in map(int, options.sizes.split(",")):
        with tempfile.TemporaryDirectory() as place:
            _rows(size, Path(place), list(filter(None, chosen)), idle)


def _rows(size: int, place: Path, presets: list[str], idle: float) -> None:
    path = str(place / "graph.pb")
    output = _run(_WRITE, [str(size), path]).output.strip()
    megabytes = Path(path).stat().st_size / 1e6
    _run(_OPEN, [path, str(place)])
    steps = [
        ("open", _OPEN, [path]),
        ("picture", _PICTURE, [str(place)]),
        ("click", _CLICK, [str(place)]),
        ("search", _SEARCH, [str(place)]),
        ("freeze", _FREEZE, [path, output]),
        *((name, _OPTIMISE, [path, output, PRESETS[name].transforms]) for name in presets),
    ]
    for name, script, args in steps:
        run = _run(script, args)
        printed = run.output.split()
        seconds = float(printed[-1]) if printed else run.cpu
        more = run.peak - idle
        share = more * 1.048576 / megabytes
        print(
            f"| {size:,} | {megabytes:.1f} | {name} | {seconds:.2f} | {more:.0f} | {share:.1f} |",
            flush=True,
        )


def _run(script: str, args: list[str]) -> Run:
    return once([sys.executable, "-c", script, *args])


if __name__ == "__main__":
    main()
