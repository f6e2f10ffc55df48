"""Every model of a folder made smaller, and a status other than 0 where that did not work.

    python sweep.py MODELS OUT

OUT gets a folder for each model, report.html and results.csv. Run it again after models have come
or changed: only these are done. With INSPECTOR_SCHEDULER=tcp://... they go to a Dask cluster. The
status is 0 where all are small enough, 1 where none can be run, 3 where one failed or is too large.
"""

from __future__ import annotations

import sys
from pathlib import Path

import inspector

LEAST_RATIO = 1.2
"""Every model is to lose a sixth of its bytes."""


def sweep(models: str, out: str) -> int:
    """Sweep, and judge each model; the exit status."""
    paths = sorted(path for path in Path(models).iterdir() if not path.name.startswith("."))
    result = inspector.sweep(paths, out, preset="smaller", check=True)
    for item in result.models:
        name = Path(item.path).name
        if item.ratio is None:
            print(f"{name}: {item.status}: {item.error}")
        else:
            print(f"{name}: {item.ratio:.1f} times smaller")
    print(f"{sum(item.is_kept for item in result.models)} of {len(result.models)} were known")
    print(f"see {result.report}")
    is_good = all((item.ratio or 0.0) >= LEAST_RATIO for item in result.models)
    return 0 if is_good else 3


if __name__ == "__main__":
    try:
        sys.exit(sweep(*sys.argv[1:]))
    except inspector.InspectorError as error:
        sys.exit(f"error: {error}")
