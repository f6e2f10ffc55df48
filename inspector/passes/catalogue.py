"""The table of transforms and presets, as JSON."""

from __future__ import annotations

from typing import Any

from inspector.passes import PASSES
from inspector.passes.presets import PRESETS


def transforms() -> dict[str, Any]:
    """All transforms with their parameters, and the presets: JSON of ``inspector transforms``."""
    return {
        "transforms": [PASSES[name].to_dict() for name in sorted(PASSES)],
        "presets": [{"name": name, **PRESETS[name]._asdict()} for name in PRESETS],
    }
