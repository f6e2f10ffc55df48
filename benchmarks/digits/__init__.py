"""Two small networks that read handwritten digits, as TFLite models of float32, and their rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).resolve().parent
NETWORKS = ("dense", "conv")


def network(name: str) -> Path:
    """The TFLite file of a network of `NETWORKS`; its input is ``image``, its output ``digit``."""
    return FOLDER / f"{name}.tflite"


def rows(kind: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Images (n, 8, 8, 1) of 0 to 1, and the digits they show.

    Args:
        kind: ``training`` (1297), or ``test`` (500), which no network has seen.
    """
    with np.load(FOLDER / "digits.npz") as data:
        images, digits = data["images"], data["digits"]
    part = slice(0, 1297) if kind == "training" else slice(1297, None)
    return images[part, :, :, None].astype(np.float32) / 16, digits[part]
