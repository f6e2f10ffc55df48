"""The rooms of docs/architecture.md: which may import which, and how large they may be."""

from __future__ import annotations

import ast
import gc
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import get_args

import pytest

import inspector
from inspector import api

ROOT = Path(__file__).resolve().parent.parent

# Bottom to top. A room imports from the rooms before it, and inside itself without a cycle. A name
# without a slash is a module of the root. docs/architecture.md has the same rooms as a table.
ROOMS = (
    "collector errors extras settings text locations version",
    "schemas/",
    "files/",
    "printing/",
    "graph/",
    "measurement/",
    "model/",
    "formats/",
    "analysis/",
    "freezing/",
    "safety/",
    "passes/",
    "optimisation/",
    "view/",
    "backend/",
    "jobs/",
    "reporting/",
    "searching/",
    "sweeping/",
    "api/ __init__",
    "ui/",
    "cli/",
    "__main__",
)
PAGES = ("app", "pages")
ROOT_MODULES, ROOM_MODULES = 10, 22

# Module names that stand for different things in different rooms; the list only gets shorter.
SAME_NAME = {
    "columns",
    "doctor",
    "functions",
    "graph",
    "grappler",
    "lite",
    "names",
    "operations",
    "optimise",
    "options",
    "pipeline",
    "predict",
    "profile",
    "scan",
    "self_test",
    "sources",
    "text",
    "values",
}

TENSORFLOW = {"tensorflow", "keras", "tf_keras"}
STREAMLIT = {"streamlit"}
# The one module that imports the types of TensorFlow's messages, under TYPE_CHECKING. The classes
# themselves come from the descriptors of inspector/graph/data: TensorFlow is not imported.
MESSAGE_TYPES = ("inspector.graph.protos", "tensorflow.core.")
PAGE_LINES, MODULE_LINES, FUNCTION_LINES = 100, 400, 60

# CONTRACT: names that `import inspector` offers, among others.
PUBLIC = {
    "Benchmark",
    "Blame",
    "Comparison",
    "Diff",
    "Facts",
    "InspectorError",
    "Model",
    "Optimised",
    "Prediction",
    "Profile",
    "Scan",
    "SearchResult",
    "Step",
    "TransformGraph",
    "benchmark",
    "blame",
    "compare",
    "convert",
    "describe",
    "diff",
    "freeze",
    "open_model",
    "optimise",
    "predict",
    "profile",
    "render",
    "report",
    "save",
    "scan",
    "search",
    "sensitivity",
}


# What the command line may import of the package: for all it does with models the public API.
CLI_IMPORTS = {
    "inspector",
    "inspector.api",
    "inspector.cli",
    "inspector.errors",
    "inspector.files.paths",
    "inspector.files.storing",
    *(
        f"inspector.printing.{name}"
        for name in (
            "describing",
            "differences_text",
            "listing",
            "next_commands",
            "outputs_text",
            "scan_text",
            "sweep_text",
            "text_tables",
            "times_text",
        )
    ),
    "inspector.schemas",
    "inspector.settings",
    "inspector.text",
    "inspector.ui.server.serve",
    "inspector.version",
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


@cache
def tree(file: Path) -> ast.Module:
    """The syntax tree of a file.

    CPython 3.11 raises SystemError where garbage of other tests is collected in the middle of it
    and a finaliser warns.
    """
    gc.disable()
    try:
        return ast.parse(file.read_text(encoding="utf-8"), str(file))
    finally:
        gc.enable()


def imported(name: str) -> Iterator[tuple[str, int]]:
    """What a module imports, at its top or inside a function: dotted name and line number."""
    file = sources()[name]
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree(file)):
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


def height(name: str) -> int:
    """The place of a module's room in `ROOMS`; pages and app.py stand above all."""
    if top(name) in PAGES:
        return len(ROOMS)
    room = room_of(name)
    places = [place for place, entry in enumerate(ROOMS) if room in entry.split()]
    assert places, f"{name}: give its room a place in tests/test_rooms.py"
    return places[0]


def room_of(name: str) -> str:
    """``graph/`` for a module of a room, its own name for one of the root."""
    _package, *parts = name.split(".")
    if not parts:
        return "__init__"
    folder = ROOT / "inspector" / parts[0]
    return f"{parts[0]}/" if folder.is_dir() else parts[0]


def top(name: str) -> str:
    """``keras`` of ``keras.layers``."""
    return name.partition(".")[0]


def where(name: str, line: int) -> str:
    return f"{sources()[name].relative_to(ROOT)}:{line}"


def test_rooms_import_from_lower_rooms_only() -> None:
    wrong = [
        f"{where(name, line)} imports {target}"
        for name in sources()
        for target, line in internal(name)
        if height(target) > height(name)
    ]
    assert not wrong, "\n".join(wrong)


def test_the_command_line_calls_the_public_api_only() -> None:
    wrong = [
        f"{where(name, line)} imports {target}"
        for name in sources()
        if name.startswith("inspector.cli.")
        for target, line in internal(name)
        if target not in CLI_IMPORTS and not target.startswith("inspector.cli.")
    ]
    assert not wrong, "\n".join(wrong)


def test_the_root_holds_few_modules_and_rooms_are_small() -> None:
    folders: dict[str, int] = {}
    for file in sources().values():
        if file.is_relative_to(ROOT / "inspector") and file.name != "__init__.py":
            place = file.parent.relative_to(ROOT).as_posix()
            folders[place] = folders.get(place, 0) + 1
    assert folders.pop("inspector") < ROOT_MODULES  # __init__ is one more
    assert {place: count for place, count in folders.items() if count > ROOM_MODULES} == {}


def test_the_table_of_rooms_in_the_docs_is_the_one_used_here() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    section = text.partition("## Rooms")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ((?:`[^`]+`(?:, )?)+) \|", section, re.MULTILINE)
    rooms = [" ".join(re.findall(r"`([^`]+)`", row)) for row in rows]
    assert rooms == list(reversed(ROOMS))


def test_public_names_are_no_names_of_rooms() -> None:
    rooms = {entry.rstrip("/") for places in ROOMS for entry in places.split() if "/" in entry}
    assert not rooms & set(inspector.__all__)


def test_a_module_name_means_one_thing() -> None:
    places: dict[str, set[str]] = {}
    for name, file in sources().items():
        if name.startswith("inspector.") and file.name != "__init__.py":
            places.setdefault(name.rpartition(".")[2], set()).add(name.split(".")[1])
    assert {leaf for leaf, rooms in places.items() if len(rooms) > 1} == SAME_NAME


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
        and not (name == MESSAGE_TYPES[0] and target.startswith(MESSAGE_TYPES[1]))
        and not any(name == place or name.startswith(f"{place}.") for place in allowed)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("folder", ["scripts", "benchmarks"])
def test_scripts_and_benchmarks_import_nothing_from_the_tests(folder: str) -> None:
    wrong = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file in (ROOT / folder).rglob("*.py")
        for node in ast.walk(tree(file))
        if isinstance(node, ast.ImportFrom | ast.Import)
        for target in [getattr(node, "module", None), *(alias.name for alias in node.names)]
        if target is not None and top(target) == "tests"
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


def test_functions_are_short() -> None:
    files = [*sources().values(), *(ROOT / "scripts").glob("*.py")]
    files += (ROOT / "benchmarks").glob("*.py")
    long = [
        f"{file.relative_to(ROOT)}:{node.lineno}: {node.name} has {lines} lines"
        for file in files
        for node in ast.walk(tree(file))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (lines := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LINES
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
from inspector.cli import main
main.cli({arguments}, standalone_mode=False)
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
        *(
            "inspector.jobs",
            "inspector.optimisation.optimise",
            "inspector.formats.keras.reader",
            "inspector.ui",
        ),
        *(
            "inspector.formats.archives",
            "inspector.view.export.render",
            "inspector.graph.shapes.infer",
            *TENSORFLOW,
        ),
        *STREAMLIT,
    }
    code = WAITING.format(arguments=arguments, waited=waited)
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout
    assert done.stderr.split() == []


def test_the_choices_of_a_flag_are_those_of_the_pipeline() -> None:
    from inspector.cli import optimising
    from inspector.passes.pipeline import OnViolation

    assert get_args(OnViolation) == optimising.ON_VIOLATION


def test_the_package_offers_what_the_contract_says() -> None:
    assert set(inspector.__all__) >= PUBLIC
    modules = {"errors", "settings", "__version__"}
    assert set(inspector.__all__) - modules <= set(api.PLACES)
    for name in {*inspector.__all__, *api.PLACES} - modules:
        assert getattr(api, name, None) is not None, name
    assert not set(inspector.__all__) - set(dir(inspector))
