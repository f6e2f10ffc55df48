"""The docs site builds without a warning, loads nothing from other hosts, and names everything."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from inspector.cli.main import cli
from inspector.passes import PASSES
from inspector.schemas import schema, schema_names
from tests.conftest import ROOT

LOADS = re.compile(
    r"<(?:script|img|iframe|link)\b[^>]*\b(?:src|href)=\"?(https?:)?//", re.IGNORECASE
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as ``make docs`` builds it; mkdocs.yml makes a warning an error."""
    target = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "--quiet", "build", "--site-dir", target],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return target


def test_no_page_loads_anything_from_another_host(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > len(PASSES) + 20
    for page in pages:
        assert not LOADS.search(page.read_text(encoding="utf-8")), page.name
    for style in site.rglob("*.css"):
        assert not re.search(r"@import|url\(\"?(https?:)?//", style.read_text(encoding="utf-8"))


def test_every_command_and_option_is_in_the_reference(site: Path) -> None:
    text = (site / "cli.html").read_text(encoding="utf-8")
    for name, command in cli.commands.items():
        (section,) = re.findall(rf'<h2 id="{name}">.*?(?=<h2|</article)', text, re.DOTALL)
        for parameter in command.params:
            assert parameter.param_type_name == "argument" or parameter.opts[-1] in section


def test_every_schema_is_in_the_page_of_json(site: Path) -> None:
    text = (site / "json.html").read_text(encoding="utf-8")
    for name in schema_names():
        for field in schema(name).get("properties", {}):
            assert f"<code>{field}</code>" in text, (name, field)


def test_every_transform_is_in_the_navigation(site: Path) -> None:
    text = (site / "index.html").read_text(encoding="utf-8")
    for name in PASSES:
        assert f'href="transforms/{name}.html"' in text


def test_the_first_page_is_the_readme_with_links_of_the_site(site: Path) -> None:
    text = (site / "index.html").read_text(encoding="utf-8")
    assert 'href="api.html"' in text
    assert 'href="changelog.html"' in text
    assert 'src="images/graph.png"' in text
    assert "See what is inside a TensorFlow model" in text
    assert "docs/" not in re.sub(r"<pre>.*?</pre>|<code>.*?</code>", "", text, flags=re.DOTALL)
