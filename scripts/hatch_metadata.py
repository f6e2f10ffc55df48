"""The description of a wheel: the README as a package index shows it, without files beside it.

A link to one of them keeps its text, and a picture its description.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_COMMENT = re.compile(r"^<!-- .*? -->\n", re.MULTILINE)
_LINK = re.compile(r"!?\[(?P<text>[^\]]*)\]\((?!https?://|#)[^)\s]+\)")


def description(readme: str) -> str:
    """The text without links to files and without comments for the tests."""
    return _LINK.sub(r"\g<text>", _COMMENT.sub("", readme))


class Description(MetadataHookInterface):
    """Fill in the field ``readme``."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Called by hatchling."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": description(text)}
