"""The wheel holds all that the app needs, and starts it from any folder."""

from __future__ import annotations

import ast
import email
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from playwright.sync_api import Browser

import inspector
from benchmarks.support.serving import fetch, running, unused_port
from inspector import extras
from inspector.jobs import doctor

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = SETTINGS["project"]
OWN = f"{PROJECT['name']}["
"""How an extra begins that includes other extras."""
OPTIONAL = [
    name
    for extra in PROJECT["optional-dependencies"].values()
    for name in extra
    if not name.startswith(OWN)
]


def run(*command: str | Path, cwd: Path, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_lock_keeps_the_bounds() -> None:
    text = (ROOT / "requirements-dev.lock").read_text(encoding="utf-8")
    pins = [line for line in text.splitlines() if not line.startswith("#")]
    locked = {canonicalize_name(name): pin for name, _, pin in (p.partition("==") for p in pins)}
    asked = [*PROJECT["dependencies"], *SETTINGS["dependency-groups"]["dev"], *OPTIONAL]
    for requirement in map(Requirement, asked):
        assert requirement.specifier.contains(locked[canonicalize_name(requirement.name)])
    # Neither a host nor a path of the machine that made it.
    assert not [pin for pin in pins if not re.fullmatch(r"[\w.-]+==[\w.+!]+", pin)]


@pytest.mark.parametrize(
    ("python", "has_wheels"), [("3.11", True), ("3.13", True), ("3.14", False)]
)
def test_tensorflow_is_required_where_it_has_wheels(python: str, has_wheels: bool) -> None:
    """Everything else is required on all Pythons of the classifiers."""
    assert f"Programming Language :: Python :: {python}" in PROJECT["classifiers"]
    for requirement in map(Requirement, [*PROJECT["dependencies"], *OPTIONAL]):
        marker = requirement.marker
        required = marker is None or marker.evaluate({"python_version": python})
        assert required is (has_wheels or requirement.name != "tensorflow"), requirement


def extras_of(name: str) -> set[str]:
    """The packages of an extra and of those it includes."""
    packages = set()
    for requirement in map(Requirement, PROJECT["optional-dependencies"][name]):
        if requirement.name == PROJECT["name"]:
            packages |= {package for extra in requirement.extras for package in extras_of(extra)}
        else:
            packages.add(requirement.name)
    return packages


def test_all_is_every_extra_and_the_sentences_name_extras_that_exist() -> None:
    names = set(PROJECT["optional-dependencies"])
    assert extras_of("all") == {Requirement(name).name for name in OPTIONAL}
    texts = [
        path.read_text(encoding="utf-8")
        for pattern in ("inspector/**/*.py", "docs/**/*.md", "*.md", "examples/*.*")
        for path in ROOT.glob(pattern)
    ]
    named = {
        extra
        for text in texts
        for extra in re.findall(r"""["'](?:tf-graph-inspector|\.)\[([a-z]\w+)\]["']""", text)
    }
    assert named <= names
    assert {"all", "run"} <= named
    assert set(extras.IN_WORKERS.values()) <= names
    assert set(doctor.PACKAGES.values()) == names - {"all"}


def test_the_readme_has_a_row_for_every_extra() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| .+ \| [\d.,]+ [MG]B \|$", readme, re.MULTILINE)
    assert sorted(rows) == sorted(PROJECT["optional-dependencies"])


def test_the_packages_of_the_base_need_neither_tensorflow_nor_the_app() -> None:
    base = {Requirement(name).name for name in PROJECT["dependencies"]}
    assert not base & {Requirement(name).name for name in OPTIONAL}
    assert {"numpy", "protobuf", "graphviz"} <= base
    assert {"tensorflow", "ai-edge-litert"} <= extras_of("run")
    assert {"streamlit", "pandas"} <= extras_of("app")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=ROOT)
    (file,) = folder.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sdist")
    run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", folder, cwd=ROOT)
    (file,) = folder.glob("*.tar.gz")
    return file


def test_the_sdist_holds_what_the_readme_names(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)\)", readme):
        assert target in names, target
    wanted = {*shipped("examples", ".ipynb", ".sh", ".yml"), "mkdocs.yml", "Makefile"}
    assert not wanted - names


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel unpacked by pip; what it depends on is already there."""
    target = tmp_path_factory.mktemp("installed")
    pip = ["-m", "pip", "--disable-pip-version-check", "install", "-qq", "--no-deps", "--no-index"]
    run(sys.executable, *pip, "--target", target, wheel, cwd=target)
    return target


@pytest.fixture
def elsewhere(installed: Path, tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A folder that is not the checkout, and an environment that finds the wheel's files first."""
    return tmp_path, {"PYTHONPATH": str(installed), "INSPECTOR_WORKSPACE": str(tmp_path / "work")}


def shipped(folder: str, *suffixes: str) -> Iterator[str]:
    for file in sorted((ROOT / folder).rglob("*")):
        if file.suffix in suffixes and "__pycache__" not in file.parts:
            yield file.relative_to(ROOT).as_posix()


def test_the_wheel_holds_the_package_and_the_app(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    own = shipped(
        "inspector", ".py", ".js", ".css", ".html", ".z", ".png", ".svg", ".json", ".typed"
    )
    app = ["app.py", ".streamlit/config.toml", *shipped("pages", ".py")]
    app += shipped("sample_models", ".json", ".pb", ".index", ".data-00000-of-00001", ".py")
    wanted = {*own, *(f"inspector/_app/{name}" for name in app)}
    assert not wanted - names
    assert any(name.startswith("inspector/_app/pages/") for name in wanted)
    assert any(name.startswith("inspector/_app/sample_models/") for name in wanted)


def test_the_wheel_is_small(wheel: Path) -> None:
    """Most of it is weights of samples, which no lossless packing makes 15 % smaller."""
    entries = zipfile.ZipFile(wheel).infolist()
    samples = [item for item in entries if item.filename.startswith("inspector/_app/sample_models")]
    total, of_samples = (sum(item.compress_size for item in items) for items in (entries, samples))
    assert of_samples < 4e6
    assert total - of_samples < 1.6e6


def test_the_wheel_holds_nothing_else(wheel: Path) -> None:
    strangers = [
        name
        for name in zipfile.ZipFile(wheel).namelist()
        if not name.startswith(("inspector/", "tf_graph_inspector-"))
        or "__pycache__" in name
        or name.endswith(".pyc")
    ]
    assert not strangers


def test_the_metadata_is_that_of_the_project(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    info = f"tf_graph_inspector-{inspector.__version__}.dist-info"
    metadata = email.message_from_bytes(archive.read(f"{info}/METADATA"))
    assert metadata["Name"] == "tf-graph-inspector"
    description = metadata.get_payload()
    assert "See what is inside a TensorFlow model" in description
    assert "A film: open the iris classifier" in description
    dead = [link for link in re.findall(r"\]\(([^)\s]+)\)", description) if ":" not in link]
    assert not dead
    assert "<!--" not in description
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Author"] == "The Inspector authors"
    assert metadata.get_all("Project-URL") == [
        "Homepage, https://pypi.org/project/tf-graph-inspector/"
    ]
    assert f"{info}/licenses/LICENSE" in archive.namelist()
    assert (
        "inspector = inspector.__main__:main" in archive.read(f"{info}/entry_points.txt").decode()
    )


def test_every_library_that_is_imported_is_declared() -> None:
    declared = {
        name.partition(">")[0].lower().replace("-", "_") for name in PROJECT["dependencies"]
    }
    declared |= {name.partition(">")[0].lower().replace("-", "_") for name in OPTIONAL}
    brings = {"google": "protobuf", "keras": "tensorflow", "PIL": "pillow"}
    files = [*(ROOT / "inspector").rglob("*.py"), *(ROOT / "pages").glob("*.py"), ROOT / "app.py"]
    wrong = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            else:
                continue
            for name in (name.partition(".")[0] for name in names):
                known = name in sys.stdlib_module_names or name in ("inspector", "__future__")
                if not known and brings.get(name, name).lower() not in declared:
                    wrong.add(f"{file.relative_to(ROOT)} imports {name}")
    assert not wrong, "\n".join(sorted(wrong))


def test_the_installed_command_runs_the_wheel(
    installed: Path, elsewhere: tuple[Path, dict[str, str]]
) -> None:
    folder, env = elsewhere
    where = run(
        sys.executable, "-c", "import inspector; print(inspector.__file__)", cwd=folder, env=env
    )
    assert where.strip() == str(installed / "inspector" / "__init__.py")
    told = run(installed / "bin" / "inspector", "--help", cwd=folder, env=env)
    assert "describe" in told
    assert "optimise" in told


CALLER = """\
from pathlib import Path

import inspector


def shrink(source: Path, target: str) -> list[str]:
    model: inspector.Model = inspector.open_model(source)
    print(inspector.describe(model), inspector.render(model, "picture.svg"))
    result = inspector.optimise(model, transforms="fold_constants")
    inspector.save(result.model, target)
    return sorted(result.model.signatures)
"""


@pytest.mark.slow
def test_a_caller_of_the_installed_package_is_type_checked(
    elsewhere: tuple[Path, dict[str, str]],
) -> None:
    folder, env = elsewhere
    (folder / "caller.py").write_text(CALLER, encoding="utf-8")
    misspelt = CALLER.replace("open_model", "opne_model")
    (folder / "misspelt.py").write_text(misspelt, encoding="utf-8")
    mypy = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", "cache"]
    assert "no issues found" in run(*mypy, "caller.py", cwd=folder, env=env)
    done = subprocess.run(
        [*mypy, "misspelt.py"],
        cwd=folder,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert 'misspelt.py:7: error: Module has no attribute "opne_model"' in done.stdout
    assert "Found 1 error" in done.stdout


@pytest.mark.slow
def test_every_public_name_has_a_known_type(elsewhere: tuple[Path, dict[str, str]]) -> None:
    """As an IDE sees the installed package; basedpyright lists each name without a type."""
    folder, env = elsewhere
    pyright = [sys.executable, "-m", "basedpyright", "--pythonpath", sys.executable]
    text = run(*pyright, "--verifytypes", "inspector", "--ignoreexternal", cwd=folder, env=env)
    assert f'Path of py.typed file: "{env["PYTHONPATH"]}/inspector/py.typed"' in text
    (exported,) = re.findall(r'^Symbols exported by "inspector": (\d+)$', text, re.MULTILINE)
    assert int(exported) > 1000
    assert "Type completeness score: 100%" in text


@pytest.mark.browser
def test_the_installed_app_starts_from_any_folder(
    installed: Path, elsewhere: tuple[Path, dict[str, str]], chromium: Browser
) -> None:
    folder, env = elsewhere
    command = [installed / "bin" / "inspector", "app", "--no-browser", "--port", unused_port()]
    with running(list(map(str, command)), cwd=folder, env=env) as url:
        assert fetch(f"{url}/_stcore/health") == "ok"
        page = chromium.new_page()
        outside: list[str] = []
        page.on(
            "request", lambda call: outside.append(call.url) if is_outside(call.url, url) else None
        )
        page.goto(url)
        page.get_by_test_id("stHeading").first.wait_for(timeout=60_000)
        assert "Inspector" in page.title()
        assert page.get_by_test_id("stException").count() == 0
        assert not outside
        page.close()


def is_outside(called: str, url: str) -> bool:
    """True for a request that leaves this machine."""
    return not called.startswith((url, url.replace("http", "ws", 1), "data:", "blob:"))
