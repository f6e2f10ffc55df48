"""Where the picture has room for the shapes on its edges.

Boxes, titles, frames and edges are drawn into a coarse raster; a label goes beside its edge, where
its cells are empty. An edge without room has none, nor a short one from a box that says the same:
hovering a box shows the labels of all of its edges.

Example:
    >>> places = label_places(graph)   # [[edge, x, y], ...]; x, y: left end of the text's baseline
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from inspector.view.layout.text_width import SUB_PX, width

CELL = 2
"""Pixels of a cell of the raster."""
MOST_CELLS = 20_000_000
"""A picture with more has no labels: it is never seen at a scale at which they can be read."""
ABOVE, BELOW, GAP = 9, 2, 5
"""Pixels of a text above and below its baseline, and between it and its edge."""
NEAR = 80
"""Pixels of an edge that needs no label where the box that it leaves has the same text."""
TITLE = 26
"""Pixels at the top of an open scope that its title takes."""
_AT = (0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8)
"""Places along an edge to try, as a part of its points."""


def label_places(graph: Mapping[str, Any]) -> list[list[int]]:
    """``[edge, x, y]`` for each edge with room for its label, in the order of the edges."""
    raster = _Raster(graph)
    if not raster.fits:
        return []
    places = []
    for number, (edge, points) in enumerate(zip(graph["edges"], raster.points, strict=True)):
        if not edge["t"] or not edge["n"] or not len(points):
            continue
        if len(points) * CELL < NEAR and edge["t"] in graph["nodes"][edge["a"]]["sub"]:
            continue
        wide = width(edge["t"], SUB_PX)
        for part in _AT:
            x, y = points[int(part * (len(points) - 1))]
            base = y + (ABOVE - BELOW) / 2
            sides = (x + GAP, x - GAP - wide)
            start = next((side for side in sides if raster.take(side, base, wide)), None)
            if start is not None:
                places.append([number, round(start), round(base)])
                break
    return places


class _Raster:
    """The picture as cells that are taken or free."""

    def __init__(self, graph: Mapping[str, Any]) -> None:
        self.points = [_points_of(edge.get("p") or []) for edge in graph["edges"]]
        shape = (int(graph["h"]) // CELL + 2, int(graph["w"]) // CELL + 2)
        self.fits = shape[0] * shape[1] <= MOST_CELLS
        self.cells = np.zeros(shape if self.fits else (1, 1), dtype=np.bool_)
        if not self.fits:
            return
        for node in graph["nodes"]:
            below = 5 if node.get("scope") else 1  # the second card of a closed scope
            self._block(node["x"] - 1, node["y"] - 1, node["w"] + 6, node["h"] + 1 + below)
        for cluster in graph["clusters"]:
            x, y, w, h = (cluster[key] for key in "xywh")
            self._block(x, y, w, TITLE)
            for side in ((x, y, 0, h), (x + w, y, 0, h), (x, y + h, w, 0)):
                self._block(*side)
        for points in self.points:
            places = (points / CELL).astype(int)
            inside = (places >= 0).all(axis=1) & (places < (shape[1], shape[0])).all(axis=1)
            self.cells[places[inside, 1], places[inside, 0]] = True

    def take(self, start: float, base: float, wide: float) -> bool:
        """Take the cells of a text if all are free and in the picture."""
        x0, y0 = int(start // CELL), int((base - ABOVE) // CELL)
        x1, y1 = int((start + wide) // CELL) + 1, int((base + BELOW) // CELL) + 1
        high, far = self.cells.shape
        if x0 < 0 or y0 < 0 or x1 > far or y1 > high or self.cells[y0:y1, x0:x1].any():
            return False
        self.cells[y0:y1, x0:x1] = True
        return True

    def _block(self, x: float, y: float, w: float, h: float) -> None:
        x0, y0 = max(0, int(x // CELL)), max(0, int(y // CELL))
        self.cells[y0 : int((y + h) // CELL) + 1, x0 : int((x + w) // CELL) + 1] = True


def _points_of(p: list[int]) -> npt.NDArray[np.float64]:
    """Points on the curves of an edge, some `CELL` apart, without those of its arrow."""
    if len(p) < 10:
        return np.zeros((0, 2))
    knots = np.array(p[:-2], dtype=np.float64).reshape(-1, 2)
    parts = []
    for k in range(0, len(knots) - 3, 3):
        a, b, c, d = knots[k : k + 4]
        long = np.hypot(*(b - a)) + np.hypot(*(c - b)) + np.hypot(*(d - c))
        t = np.linspace(0, 1, int(long / CELL) + 2, endpoint=False)[:, None]
        s = 1 - t
        parts.append(s**3 * a + 3 * s**2 * t * b + 3 * s * t**2 * c + t**3 * d)
    return np.concatenate([*parts, knots[-1:]])
