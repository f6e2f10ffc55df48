"""Paths of the app's files, in a checkout and in an installed wheel, and the model to open."""

from __future__ import annotations

import os
from pathlib import Path

# How `inspector app MODEL` hands the model to the app it starts.
START_MODEL = "INSPECTOR_MODEL"

_PACKAGE = Path(__file__).resolve().parent
# A wheel carries app.py, pages/, sample_models/ and .streamlit/ here, a checkout at its root.
_BUNDLED = _PACKAGE / "_app"


def app_root() -> Path:
    """The folder of ``app.py``, ``pages/``, ``sample_models/`` and ``.streamlit/``."""
    return _BUNDLED if _BUNDLED.is_dir() else _PACKAGE.parent


def sample_models() -> Path:
    """The folder of the sample models and their manifest."""
    return app_root() / "sample_models"


def assets() -> Path:
    """The folder of the app's icons."""
    return _PACKAGE / "ui" / "assets"


def start_model() -> str | None:
    """The model that ``inspector app`` opens: a path or a URL, or None."""
    return os.environ.get(START_MODEL) or None
