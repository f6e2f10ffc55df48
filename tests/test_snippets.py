"""The commands and the Python of the README and of docs/ do what the text says, page by page.

Each page runs in a folder of its own, in which `sample_models` lies as in a checkout; a page of
commands goes on where its last block ended. A comment before a block says what else is expected of
it: `<!-- test: status 3 -->`, or `<!-- test: not run, WHY -->`. Blocks in other languages are no
programs, and docs/api.md has tests of its own.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import inspector
from inspector.cli.main import cli
from tests.conftest import ROOT

PAGES = [
    "README.md",
    *(
        path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / "docs").rglob("*.md"))
        if path != ROOT / "docs/api.md"
    ),
]
BLOCK = re.compile(
    r"^(?:<!-- test: (?P<mark>[^\n]+) -->\n)?```(?P<language>\w+)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
STATUS = re.compile(r"status (\d)")
NOT_RUN = re.compile(r"not run, \w.+")
LANGUAGES = {"sh", "python", "json", "nginx", "text", "toml", "yaml"}
QUICKER = {
    "benchmark": ["--budget", "0.1"],
    "profile": ["--budget", "0.1"],
    "search": ["--budget", "0.1"],
}
"""What keeps commands short that measure until they are sure."""


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, its first line in the page, the mark above it."""

    language: str
    line: int
    code: str
    mark: str

    @property
    def status(self) -> int:
        expected = STATUS.fullmatch(self.mark)
        return int(expected[1]) if expected else 0

    @property
    def is_run(self) -> bool:
        return not NOT_RUN.fullmatch(self.mark)


def blocks(page: str) -> list[Block]:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert len(BLOCK.findall(text)) == len(re.findall(r"^```\w", text, re.MULTILINE)), page
    return [
        Block(
            match["language"],
            text.count("\n", 0, match.start("code")),
            match["code"],
            match["mark"] or "",
        )
        for match in BLOCK.finditer(text)
    ]


WITH_CODE = [
    page
    for page in PAGES
    if any(block.language in ("sh", "python") and block.is_run for block in blocks(page))
]


def commands(code: str) -> Iterator[list[str]]:
    """The words of each command of a shell block, without its comments."""
    for line in code.replace("\\\n", " ").splitlines():
        if words := shlex.split(line, comments=True):
            yield words


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the README's second command writes, and other pages go on with."""
    target = tmp_path_factory.mktemp("small") / "small"
    model = inspector.open_model(ROOT / "sample_models/iris/saved_model")
    result = inspector.optimise(model, transforms="fold_constants quantize_weights")
    inspector.save(result.model, target)
    return target


@pytest.fixture
def folder(tmp_path: Path, small: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder of a page."""
    for name in ("sample_models", "examples"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path


def run_command(words: list[str], status: int) -> None:
    if words[0] == "inspector":
        more = QUICKER.get(words[1], [])
        done = CliRunner().invoke(cli, [*words[1:], *more], prog_name="inspector")
        assert done.exit_code == status, (shlex.join(words), done.output)
        assert status in (0, 3) or done.stderr.startswith("error: ")
        return
    assert words[0] == "bash", f"{shlex.join(words)}: run it here, or mark its block as not run"
    ran = subprocess.run(words, capture_output=True, text=True, check=False)
    assert ran.returncode == status, ran.stdout + ran.stderr


@pytest.mark.tensorflow
@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", WITH_CODE)
def test_a_page_runs(page: str, folder: Path, small: Path) -> None:
    names: dict[str, Any] = {"__name__": "snippet"}
    code = [block for block in blocks(page) if block.is_run]
    if not any(re.search(r"-o small ", block.code) for block in code if block.language == "sh"):
        shutil.copytree(small, folder / "small")
    for block in code:
        if block.language == "sh":
            for words in commands(block.code):
                run_command(words, block.status)
        elif block.language == "python":
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile("\n" * block.line + block.code, page, "exec"), names)


@pytest.mark.parametrize("page", PAGES)
def test_blocks_have_a_language_and_a_known_mark(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    marks = re.findall(r"<!-- test: (.+?) -->", text)
    assert len(marks) == sum(bool(block.mark) for block in blocks(page)), "a mark without a block"
    for block in blocks(page):
        assert block.language in LANGUAGES
        assert not block.mark or STATUS.fullmatch(block.mark) or NOT_RUN.fullmatch(block.mark)
