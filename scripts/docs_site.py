"""What the docs site has beside the files of docs/: README, changelog, commands, JSON.

MkDocs calls these functions; mkdocs.yml names this file. Links from the README to a page of docs/
become links of the site. A link to a file that is not part of the site becomes its name.
"""

from __future__ import annotations

import inspect
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from inspector.cli.main import cli
from inspector.schemas import schema, schema_names

ROOT = Path(__file__).resolve().parent.parent
PAGES = {"index.md": "README.md", "changelog.md": "CHANGELOG.md"}
"""Page of the site to the file of the checkout that it shows."""
COMMANDS = "<!-- commands -->"
"""Where docs/cli.md gets the sections of `commands`."""
SCHEMAS = "<!-- schemas -->"
"""Where docs/json.md gets the sections of `schemas`."""
ICON = "images/icon.svg"
_SOURCES = {source: page for page, source in PAGES.items()}
_LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]+)\]\((?P<target>[^)#\s:]+)(?P<anchor>#[^)\s]*)?\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fill the list of transforms in the navigation: the overview, then each by name."""
    folder = Path(config.docs_dir) / "transforms"
    names = sorted(path.name for path in folder.glob("*.md") if path.name != "README.md")
    pages: list[Any] = ["transforms/README.md", *(f"transforms/{name}" for name in names)]
    for part in config.nav or []:
        for entry in part.get("Reference", ()):
            if "Transforms" in entry:
                entry["Transforms"] = pages
    return config


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages whose text lies outside docs/."""
    for page, source in PAGES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=re.sub(r"(?<=[\[(])docs/", "", text)))
    files.append(
        File.generated(config, ICON, abs_src_path=str(ROOT / "inspector/ui/assets/icon.svg"))
    )
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point links that leave docs/ to the page that shows the file, or name the file."""
    here = posixpath.dirname(page.file.src_uri)
    on_root = page.file.src_uri in PAGES

    def link(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(here, match["target"]))
        if files.get_file_from_path(target):
            return match[0]
        outside = posixpath.normpath(posixpath.join("." if on_root else "docs", target))
        if outside in _SOURCES:
            address = posixpath.relpath(_SOURCES[outside], here or ".")
            return f"[{match['text']}]({address}{match['anchor'] or ''})"
        if (ROOT / outside).exists():
            return match["text"]
        return match[0]

    text = _LINK.sub(link, markdown)
    return text.replace(COMMANDS, "\n".join(commands())).replace(SCHEMAS, "\n".join(schemas()))


def commands() -> Iterator[str]:
    """A section for each command: what it does, its usage, its options; lines of Markdown."""
    top = click.Context(cli, info_name="inspector")
    for name in cli.list_commands(top):
        command = cli.get_command(top, name)
        assert command is not None
        context = click.Context(command, info_name=name, parent=top)
        usage = command.get_usage(context).removeprefix("Usage: ")
        yield f"\n## {name}\n\n{inspect.cleandoc(command.help or '')}\n"
        yield f"```text\n{usage}\n```\n\n| option | what it does |\n| --- | --- |"
        for parameter in command.get_params(context):
            record = parameter.get_help_record(context)
            if record and isinstance(parameter, click.Option) and parameter.name != "help":
                cells = (text.replace("|", "\\|") for text in (f"`{record[0]}`", record[1]))
                yield f"| {' | '.join(cells)} |"


def schemas() -> Iterator[str]:
    """A section for each JSON Schema: its title and the fields of the object; lines of Markdown."""
    for name in schema_names():
        content = schema(name)
        yield f"\n## {content['title']}\n\n{content.get('description', '')}\n"
        yield "| field | type | what it is |\n| --- | --- | --- |"
        for field, rules in content.get("properties", {}).items():
            mark = "**" if field in content.get("required", ()) else ""
            kinds = rules.get("type", "any" if "const" not in rules else "number")
            kind = " or ".join([kinds] if isinstance(kinds, str) else kinds)
            yield f"| {mark}`{field}`{mark} | {kind} | {rules.get('description', '')} |"
