"""Draw the app's icon: a small graph whose output is under a lens.

    python scripts/make_icon.py

An SVG, for the logo and for the browser's tab.
"""

from __future__ import annotations

from pathlib import Path

ASSETS = Path(__file__).resolve().parent.parent / "inspector" / "ui" / "assets"
SIZE = 64
BLUE, PALE, WHITE = "#2457c5", "#a9c3f7", "#ffffff"

CORNER = 14
EDGES = (((17, 16), (32, 30)), ((47, 16), (32, 30)), ((32, 30), (32, 43)))
NODES = ((17, 16, 6, PALE), (47, 16, 6, PALE), (32, 30, 6, WHITE))
LENS = (32, 44, 9)
HANDLE = ((39, 51), (48, 60))
STROKE = 4


def svg() -> str:
    """The icon as SVG."""
    parts = [f'<rect width="{SIZE}" height="{SIZE}" rx="{CORNER}" fill="{BLUE}"/>']
    for (x1, y1), (x2, y2) in (*EDGES, HANDLE):
        width = STROKE + 1 if ((x1, y1), (x2, y2)) == HANDLE else STROKE - 1
        parts.append(
            f'<path d="M{x1} {y1}L{x2} {y2}" stroke="{WHITE}" stroke-width="{width}" '
            'stroke-linecap="round"/>'
        )
    parts += [f'<circle cx="{x}" cy="{y}" r="{r}" fill="{fill}"/>' for x, y, r, fill in NODES]
    x, y, r = LENS
    rim = f'stroke="{WHITE}" stroke-width="{STROKE}"'
    parts.append(f'<circle cx="{x}" cy="{y}" r="{r}" fill="{BLUE}" {rim}/>')
    parts.append(f'<circle cx="{x}" cy="{y}" r="3.5" fill="{PALE}"/>')
    body = "\n  ".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{SIZE}" height="{SIZE}" '
        f'viewBox="0 0 {SIZE} {SIZE}">\n  <title>Inspector</title>\n  {body}\n</svg>\n'
    )


if __name__ == "__main__":
    ASSETS.mkdir(parents=True, exist_ok=True)
    (ASSETS / "icon.svg").write_text(svg(), encoding="utf-8")
