"""Which steps of a preset a check can judge, over all models of the test corpus.

    python -m benchmarks.checked_steps [RUNS [PRESET]]

Counts steps by verdict over RUNS runs of each model (1 by default, preset tidy), the reasons of
unchecked steps with a model of each, and the steps whose verdict is not the same in every run.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import inspector
from inspector.errors import InspectorError

ROOT = Path(__file__).resolve().parent.parent
SUFFIXES = {".tflite", ".h5", ".keras", ".meta", ".pb", ".pbtxt"}


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    preset = sys.argv[2] if len(sys.argv) > 2 else "tidy"
    verdicts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    flips: list[str] = []
    models: dict[str, list[str]] = {}
    optimised = refused = 0
    for path in corpus():
        name = str(path.relative_to(ROOT))
        try:
            results = [verdicts_of(path, preset) for _ in range(runs)]
        except InspectorError:
            refused += 1
            continue
        optimised += 1
        for steps in zip(*results, strict=True):
            verdicts.update(status for _, status, _ in steps)
            reasons.update(why for _, status, why in steps if status == "unchecked")
            for why in {why for _, status, why in steps if status == "unchecked"}:
                models.setdefault(why, []).append(name)
            if len({status for _, status, _ in steps}) > 1:
                flips.append(f"{name}: {steps[0][0]}")
    total = sum(verdicts.values())
    print(f"{optimised} models optimised with '{preset}', {runs} runs each; {refused} refused")
    for status, count in verdicts.most_common():
        print(f"{status:10}{count:7,}  {count / total:6.1%}")
    print(f"steps with different verdicts: {len(flips)}")
    for flip in flips:
        print(f"  {flip}")
    print("unchecked because, with one of the models")
    for why, count in reasons.most_common(40):
        print(f"{count:7,}  {why[:200]}  ({models[why][0]})")


def corpus() -> list[Path]:
    """Every model file and SavedModel folder of the samples and the tests, except hostile ones."""
    paths = []
    for folder in ("sample_models", "tests/models", "tests/data/models"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.name in ("saved_model.pb", "saved_model.pbtxt"):
                paths.append(path.parent)
            elif path.suffix in SUFFIXES and path.name not in (
                "fingerprint.pb",
                "keras_metadata.pb",
            ):
                paths.append(path)
    return [path for path in dict.fromkeys(paths) if "hostile" not in path.parts]


def verdicts_of(path: Path, preset: str) -> list[tuple[str, str, str]]:
    """Name, verdict and reason of each step of one checked run."""
    result = inspector.optimise(inspector.open_model(path), preset=preset, check=True)
    return [(step.name, step.check.status, step.check.why) for step in result.steps if step.check]


if __name__ == "__main__":
    main()
