"""A release gate: shrinks a SavedModel, and ends with a status other than 0 where that hurt it.

    python gate.py MODEL ROWS OUT

ROWS is a file of feeds (.npz, .csv or .json), OUT the SavedModel to release. The status is 0 where
OUT was written, 1 where the model or the work is at fault, 3 where a limit is not met.
"""

from __future__ import annotations

import sys

import inspector

MOST_BYTES_OF_BEFORE = 0.5
LEAST_AGREEMENT = 0.99
LARGEST_DIFFERENCE = 0.05


def release(path: str, rows: str, out: str) -> int:
    """Shrink, judge, write; the exit status."""
    model = inspector.open_model(path, isolated=True)
    if inspector.scan(model).blocked:
        print("the model reads files, uses the network or runs code: see inspector scan")
        return 3
    feeds = inspector.read_feeds(rows, model)
    result = inspector.optimise(model, preset="smaller", require_check=True, feeds=feeds)
    judged = inspector.compare(
        model,
        result.model,
        feeds,
        max_bytes=int(inspector.describe(model).bytes["total"] * MOST_BYTES_OF_BEFORE),
        min_agreement=LEAST_AGREEMENT,
        max_difference=LARGEST_DIFFERENCE,
    )
    for limit in judged.limits:
        print(limit)
    if not judged.met:
        return 3
    inspector.save(result.model, out)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(release(*sys.argv[1:]))
    except inspector.InspectorError as error:
        sys.exit(f"error: {error}")
