"""The floors of docs/architecture.md: who may import whom, and how long a file may be."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import get_args

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Bottom to top. A module imports from lower floors only; modules that share a floor do not import
# one another; inside a package (written with a slash) they may, without a cycle. A new module gets
# its place here and in docs/architecture.md.
FLOORS = (
    "errors locations paths varints",
    "settings",
    "server_paths storing table terminal",
    "expansion",
    "protos",
    "wire",
    "tensors",
    "input_strings",
    "columns",
    "losses wire_columns",
    "prediction_part",
    "opdefs layers",
    "graph",
    "edit functions shape_dims",
    "inlining problems shape_* signatures variable_flow",
    "shapes statistics value_image checkpoint flagged saving restore_walk constant_forms unfolding",
    "tflite_file",
    "tflite_options tflite_values",
    "tflite_graph",
    "tflite_facts",
    "checkpoint_v1 model flattening",
    "variable_values outputs examples",
    "init_op",
    "freezing",
    "freeze",
    "passes/",
    "view/",
    "caveats diff feeds agreement function_list interface operations",
    "describe checking contents",
    "transforming",
    "formats/",
    "backend/",
    "looking optimising transform_graph",
    "rendering",
    "notebook",
    "jobs/",
    "api",
    "__init__",
    "ui/",
    "cli_options commands listing",
    "cli",
    "__main__",
)
PAGES = ("app", "pages")

TENSORFLOW = {"tensorflow", "keras", "tf_keras"}
STREAMLIT = {"streamlit"}
PAGE_LINES, MODULE_LINES = 100, 400

# CONTRACT: what `import inspector` offers.
PUBLIC = {
    "Model",
    "TransformGraph",
    "describe",
    "diff",
    "freeze",
    "open_model",
    "optimise",
    "predict",
    "render",
    "save",
}


@cache
def sources() -> Mapping[str, Path]:
    """Dotted name to file, of the package, the pages and app.py."""
    files = [*(ROOT / "inspector").rglob("*.py"), *(ROOT / "pages").glob("*.py"), ROOT / "app.py"]
    return {dotted(file): file for file in files if file.exists() and "_app" not in file.parts}


def dotted(file: Path) -> str:
    """``inspector/passes/base.py`` as ``inspector.passes.base``."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def imported(name: str) -> Iterator[tuple[str, int]]:
    """What a module imports, at its top or inside a function: dotted name and line number."""
    file = sources()[name]
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"), str(file))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            for alias in node.names:
                yield f"{base}.{alias.name}", node.lineno


def internal(name: str) -> Iterator[tuple[str, int]]:
    """The project's own modules among what a module imports."""
    for target, line in imported(name):
        module = target
        while module and module not in sources():
            module = module.rpartition(".")[0]
        if module and module != name:
            yield module, line


def floor_table() -> dict[str, int]:
    """``inspector.graph`` to its height; a package stands as ``inspector.passes.``."""
    return {
        f"inspector.{entry}".replace("/", ".").removesuffix(".__init__"): height
        for height, floor in enumerate(FLOORS)
        for entry in floor.split()
    }


def home(name: str) -> str | None:
    """The entry of the table that a module belongs to, None for a module without a place."""
    table = floor_table()
    if name in table:
        return name
    parts = name.split(".")
    package = ".".join(parts[:2]) + "."
    if len(parts) > 1 and package in table:
        return package
    return next((entry for entry in table if "*" in entry and fnmatch(name, entry)), None)


def top(name: str) -> str:
    """``keras`` of ``keras.layers``."""
    return name.partition(".")[0]


def height(name: str) -> int:
    """The floor of a module; pages and app.py stand above all."""
    if top(name) in PAGES:
        return len(FLOORS)
    entry = home(name)
    assert entry is not None, f"{name}: give it a floor in tests/test_floors.py"
    return floor_table()[entry]


def where(name: str, line: int) -> str:
    return f"{sources()[name].relative_to(ROOT)}:{line}"


def test_every_module_has_a_floor() -> None:
    homeless = [name for name in sources() if top(name) not in PAGES and home(name) is None]
    assert not homeless, f"give a floor in tests/test_floors.py to {homeless}"


def test_modules_import_from_lower_floors_only() -> None:
    wrong = [
        f"{where(name, line)} imports {target}"
        for name in sources()
        for target, line in internal(name)
        if not (
            height(target) < height(name)
            or (home(name) == home(target) and (home(name) or "").endswith("."))
            or (height(name) == len(FLOORS) == height(target))
        )
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("libraries", "allowed"),
    [
        pytest.param(TENSORFLOW, ("inspector.backend",), id="tensorflow"),
        pytest.param(STREAMLIT, ("inspector.ui", "app", "pages"), id="streamlit"),
    ],
)
def test_heavy_libraries_stay_where_they_belong(
    libraries: set[str], allowed: tuple[str, ...]
) -> None:
    wrong = [
        f"{where(name, line)} imports {target}"
        for name in sources()
        for target, line in imported(name)
        if top(target) in libraries
        and not any(name == place or name.startswith(f"{place}.") for place in allowed)
    ]
    assert not wrong, "\n".join(wrong)


def test_there_is_no_import_cycle() -> None:
    edges = {name: {target for target, _ in internal(name)} for name in sources()}
    # Take away what imports nothing that is left, until nothing changes; what remains is in a cycle
    # or above one.
    while free := {name for name, targets in edges.items() if not targets & edges.keys()}:
        edges = {name: targets for name, targets in edges.items() if name not in free}
    cycle: list[str] = []
    at = next(iter(edges), None)
    while at is not None and at not in cycle:
        cycle.append(at)
        at = next(iter(sorted(edges[at] & edges.keys())))
    assert not cycle, " -> ".join([*cycle[cycle.index(at) :], at] if at else cycle)


def test_the_cycle_search_sees_a_cycle(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = {"a": ["b"], "b": ["c"], "c": ["b"]}
    monkeypatch.setattr(sys.modules[__name__], "sources", lambda: dict.fromkeys(chain, ROOT))
    monkeypatch.setattr(
        sys.modules[__name__], "internal", lambda name: [(target, 1) for target in chain[name]]
    )
    with pytest.raises(AssertionError, match="b -> c -> b"):
        test_there_is_no_import_cycle()


def test_files_are_short() -> None:
    lengths = {
        file.relative_to(ROOT).as_posix(): len(file.read_text(encoding="utf-8").splitlines())
        for file in sources().values()
    }
    long = [
        f"{file}: {lines} lines"
        for file, lines in lengths.items()
        if lines > (MODULE_LINES if file.startswith("inspector/") else PAGE_LINES)
    ]
    assert not long, "\n".join(long)


LIGHT_START = """
import importlib, importlib.abc, sys

class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {refused}:
            raise ImportError(name + " was asked for")

sys.meta_path.insert(0, Refuse())
failed = []
for name in {modules}:
    try:
        importlib.import_module(name)
    except ImportError as err:
        failed.append(name + ": " + str(err))
print("\\n".join(failed))
"""


def test_the_core_loads_without_tensorflow_and_streamlit() -> None:
    core = [
        name
        for name in sources()
        if name.startswith("inspector")
        and not name.startswith(("inspector.backend.", "inspector.ui."))
        and name not in ("inspector.__main__", "inspector.ui", "inspector.backend")
    ]
    code = LIGHT_START.format(refused=sorted(TENSORFLOW | STREAMLIT), modules=sorted(core))
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""


WAITING = """
import sys
from inspector import cli
cli.cli({arguments}, standalone_mode=False)
print(*sorted({waited} & sys.modules.keys()), file=sys.stderr)
"""


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["transforms", "--help"], id="help"),
        pytest.param(["describe", "sample_models/iris/saved_model"], id="describe"),
    ],
)
def test_a_command_waits_for_nothing_that_it_does_not_need(arguments: list[str]) -> None:
    waited = {
        *("ai_edge_litert", "altair", "fsspec", "graphviz", "h5py", "pandas", "pygraphviz"),
        *("tarfile", "zipfile", "urllib.request", "inspector.passes", "inspector.view"),
        *("inspector.jobs", "inspector.optimising", "inspector.formats.keras", "inspector.ui"),
        *("inspector.formats.archives", "inspector.rendering", "inspector.shapes", *TENSORFLOW),
        *STREAMLIT,
    }
    code = WAITING.format(arguments=arguments, waited=waited)
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout
    assert done.stderr.split() == []


def test_the_choices_of_a_flag_are_those_of_the_pipeline() -> None:
    from inspector import cli
    from inspector.passes.pipeline import OnViolation

    assert get_args(OnViolation) == cli.ON_VIOLATION


def test_the_package_offers_what_the_contract_says() -> None:
    import inspector

    assert set(inspector.__all__) == PUBLIC
    for name in PUBLIC:
        assert getattr(inspector, name, None) is not None, name
