"""All benchmarks, one after the other, each in a process of its own: ``make bench``.

``make bench ARGS="describe freeze"`` runs only these.
"""

from __future__ import annotations

import subprocess
import sys

NAMES = (
    "describe",
    "opening",
    "tflite",
    "conversion",
    "conversion_table",
    "quantising",
    "freeze",
    "transforms",
    "job_start",
    "workspace",
    "hierarchy",
    "canvas",
    "first_picture",
    "clicks",
    "pairing",
    "outputs",
)


def main() -> int:
    names = sys.argv[1:] or NAMES
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        print(f"error: no benchmark {unknown[0]}; there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    failed = []
    for name in names:
        print(f"\n## {name}\n", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode:
            failed.append(name)
    if failed:
        print(f"error: {', '.join(failed)} failed", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
