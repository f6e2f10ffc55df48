"""Write ``inspector/graph/data/op_releases.txt``: what each release of TensorFlow added.

    python scripts/write_op_releases.py 1.15=tf115/bin/python 2.2=.. 2.4=.. 2.21=.venv/bin/python

Each argument is a release and a Python that has it installed, oldest first. A line has an op, an
attribute (empty for the op itself) and the first of these releases that knows it, divided by tabs.
What the oldest release knows is left out, and so are attributes as old as their op.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

TARGET = Path(__file__).resolve().parents[1] / "inspector" / "graph" / "data" / "op_releases.txt"
_ATTRIBUTES_BY_OP = """
import json
from tensorflow.core.framework import op_def_pb2
from tensorflow.python.client import session
try:
    from tensorflow.python.client import pywrap_tf_session as c
    data = c.TF_GetBuffer(c.TF_GetAllOpList())
except (ImportError, AttributeError):
    from tensorflow.python import pywrap_tensorflow as c
    data = c.TF_GetBuffer(c.TF_GetAllOpList())
ops = op_def_pb2.OpList.FromString(bytes(data))
print(json.dumps({op.name: [attr.name for attr in op.attr] for op in ops.op}))
"""


def main(arguments: list[str]) -> None:
    """Ask each Python for its registry and write the differences."""
    first: dict[tuple[str, str], str] = {}
    for argument in arguments:
        release, _, python = argument.partition("=")
        command = [python, "-c", _ATTRIBUTES_BY_OP]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        for op, attributes in json.loads(done.stdout.splitlines()[-1]).items():
            for attribute in ("", *attributes):
                first.setdefault((op, attribute), release)
    oldest = arguments[0].partition("=")[0]
    lines = [
        f"{op}\t{attribute}\t{release}\n"
        for (op, attribute), release in sorted(first.items())
        if release != (first[op, ""] if attribute else oldest)
    ]
    TARGET.write_text("".join(lines), encoding="ascii")
    print(f"{TARGET.name}: {len(lines)} lines, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])
