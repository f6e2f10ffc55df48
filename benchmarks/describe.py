"""``inspector describe`` against ``saved_model_cli show --all``: time and peak memory.

    python -m benchmarks.describe [ROUNDS]

Targets: at most 0.15 of its time, at most half of its memory.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from benchmarks.measuring import measure, table, tool
from benchmarks.resnet50 import folder

IRIS = Path(__file__).resolve().parents[2] / "shared/models/seed/iris/saved_model"


def main(rounds: int = 5) -> None:
    for name, path in (("iris", IRIS), ("ResNet50", folder())):
        ours = measure([sys.executable, "-m", "inspector", "describe", str(path), "--json"], rounds)
        theirs = measure([tool("saved_model_cli"), "show", "--dir", str(path), "--all"], rounds)
        nodes = json.loads(ours.output)["nodes"]
        title = (
            f"{name}: {nodes} nodes, {sum(f.stat().st_size for f in path.rglob('*.*')) >> 20} MiB"
        )
        table(title, [("inspector describe", ours), ("saved_model_cli show --all", theirs)])


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
