"""Install the wheel with one extra after the other and try what each adds.

``python -m scripts.try_extras [EXTRA ...]``: for each, by default for all, a new environment with
this extra alone, which is removed afterwards. Prints the size, for the table in the README. It
needs a package index and some minutes, so the tests do not run it; they hold the sentences where
an extra is missing (tests/test_without_tensorflow.py).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IRIS = f"inspector.open_model({str(ROOT / 'sample_models/iris/saved_model')!r})"
KERAS2 = ROOT / "tests/models/keras/tf115/func.h5"
TFLITE = ROOT / "tests/data/models/public/tf2onnx_regression_tflite/model.tflite"
BASE = "base"
"""Stands for no extra."""

ROWS = "{key: [1.0] for key in ('sepal_length', 'sepal_width', 'petal_length', 'petal_width')}"
TRIALS = {
    BASE: (
        f"model = inspector.freeze({IRIS})\n"
        "small = inspector.optimise(model, transforms='quantize_weights').model\n"
        "print(inspector.diff(model, small), inspector.save(small, 'small'))"
    ),
    "app": "from inspector.ui.server import serve; import streamlit; print(serve.addresses)",
    "cluster": "import distributed, fsspec; from inspector.jobs.cluster import dispatch",
    "draw": f"import os; os.environ['PATH'] = ''; print(inspector.render({IRIS})[:5])",
    "keras2": f"print(inspector.freeze(inspector.open_model({str(KERAS2)!r})))",
    "notebook": (
        "from inspector.api import notebook, _notebook_widget as widget\n"
        f"model = {IRIS}\n"
        "print(widget.GraphWidget(notebook._tree(model), notebook._table(model)))"
    ),
    "quantise": f"print(inspector.quantisation(inspector.convert({IRIS}, quantise='dynamic')))",
    "run": (
        f"print(inspector.predict({IRIS}, {ROWS}), inspector.convert({IRIS}))\n"
        f"print(inspector.optimise({IRIS}, preset='smaller', check=True))"
    ),
    "signin": "from inspector.ui.server import sign_in; import authlib, httpx",
    "tflite": f"print(inspector.describe(inspector.open_model({str(TFLITE)!r})))",
    "urls": (
        "import pathlib, fsspec\n"
        f"data = pathlib.Path({str(ROOT / 'sample_models/iris/saved_model/saved_model.pb')!r})\n"
        "with fsspec.open('memory://iris.pb', 'wb') as file: file.write(data.read_bytes())\n"
        "print(inspector.open_model('memory://iris.pb'))"
    ),
}
"""Extra to Python that fails where the extra does not do what it is for."""


def main() -> int:
    """Try the extras named on the command line, or all. Returns: 1 if one failed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [BASE, *project["optional-dependencies"]]
    chosen = sys.argv[1:] or extras
    if unknown := set(chosen) - set(extras):
        print(f"no such extra: {', '.join(sorted(unknown))}; there are {', '.join(extras)}")
        return 2
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", place], ROOT)
        (wheel,) = place.glob("*.whl")
        for extra in chosen:
            failed |= not tried(extra, wheel, place / f"env-{extra}")
    return int(failed)


def tried(extra: str, wheel: Path, place: Path) -> bool:
    """Make the environment, print its size, run the trials that fit, and remove it."""
    with tempfile.TemporaryDirectory(dir=place.parent) as work:
        venv.create(place, with_pip=True)
        python, brackets = place / "bin/python", "" if extra == BASE else f"[{extra}]"
        pip: list[str | Path] = [python, "-m", "pip", "--disable-pip-version-check"]
        run([*pip, "install", "-qq", f"{wheel}{brackets}"], Path(work))
        size = sum(file.lstat().st_size for file in place.rglob("*")) / 1e6
        print(f"{extra}: {size:,.0f} MB", flush=True)
        code = "\n".join(TRIALS[name] for name in ([*TRIALS] if extra == "all" else [extra]))
        check: list[str | Path] = [*pip, "check"]
        trial: list[str | Path] = [python, "-c", f"import inspector\n{code}"]
        ends = [
            subprocess.run(command, cwd=work, env=clean(), check=False).returncode
            for command in (check, trial)
        ]
    run(["rm", "-r", place], place.parent)
    return not any(ends)


def run(command: list[str | Path], cwd: Path) -> None:
    """Run a command without its output; ends the script where it fails."""
    subprocess.run(command, cwd=cwd, env=clean(), check=True, stdout=subprocess.DEVNULL)


def clean() -> dict[str, str]:
    """The environment without what would let the checkout be imported."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


if __name__ == "__main__":
    sys.exit(main())
