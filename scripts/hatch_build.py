"""What a wheel holds beside the package: the app's files, which a checkout keeps at its root.

A hook and not the ``force-include`` table, because that would copy them into editable installs
too, where they would grow old beside the real ones.
"""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

APP_FILES = ("app.py", "pages", "sample_models", ".streamlit")


class AppFiles(BuildHookInterface[Any]):
    """Put the app's files into ``inspector/_app``, where ``inspector.locations`` looks for them."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "standard":
            build_data["force_include"].update(
                {name: f"inspector/_app/{name}" for name in APP_FILES}
            )
