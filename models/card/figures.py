"""How every picture of a card looks: a frame to draw in, and SVG text that the page can show as its own.

Colours are roles: a picture is drawn in those of a light page, then each becomes the CSS variable of its role, so
that one picture serves light, dark and paper. Blue and orange are told apart by every kind of eye (Okabe & Ito,
"Color Universal Design", 2008). Text stays text: it can be searched, read aloud and printed sharp.
"""

import io
import re
from collections.abc import Callable
from html import escape
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

INK, MUTED, GRID, PAPER = "#1b1f24", "#59636e", "#e3e6ea", "#fefefe"
OURS, OTHER, BAD, BAND = "#0072b2", "#8a939d", "#c8500a", "#eef2f5"
ROLES = {
    INK: "--ink",
    MUTED: "--muted",
    GRID: "--grid",
    PAPER: "--paper",
    OURS: "--ours",
    OTHER: "--other",
    BAD: "--bad",
    BAND: "--band",
}
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # a dollar sign is a dollar sign
    "font.family": "DejaVu Sans",  # to measure with; the page's own, narrower font is shown
    "font.size": 9.0,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.facecolor": "none",
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.titlesize": 9.0,
    "axes.titlelocation": "left",
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.size": 3.0,
    "ytick.major.size": 0.0,
    "xtick.minor.size": 0.0,
    "ytick.minor.size": 0.0,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.8,
}

Draw = Callable[[list[Axes]], None]


def picture(
    name: str,
    title: str,
    description: str,
    draw: Draw,
    *,
    panels: int = 1,
    shared: bool = True,
    size: tuple[float, float] = (4.6, 3.8),
) -> str:
    """What ``draw`` draws on so many panels, as one ``<svg>`` that scales with the page and says what it shows.

    ``size`` is in inches; panels that are ``shared`` have their rows in common. No state of matplotlib's outlives
    the call, and the same figures give the same text.
    """
    with mpl.rc_context(_STYLE | {"svg.hashsalt": name}):
        figure = Figure(figsize=size, layout="constrained")
        figure.patch.set_visible(False)
        draw(list(figure.subplots(1, panels, sharey=shared, squeeze=False)[0]))
        text = io.StringIO()
        no_date = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        FigureCanvasSVG(figure).print_svg(text, metadata=no_date)
    return _of_the_page(text.getvalue(), name, title, description)


def _of_the_page(drawn: str, name: str, title: str, description: str) -> str:
    """Ids get the picture's name before them: a page holds several, and every picture has an ``axes_1``."""
    head, body = drawn[drawn.index("<svg") :].split(">", 1)
    body = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", body, flags=re.DOTALL)
    body = re.sub(r"font-family: [^;\"]+;? ?", "", body)
    body = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", body)
    for colour, role in ROLES.items():
        body = body.replace(colour, f"var({role})")
    box = re.search(r'viewBox="[^"]+"', head)
    assert box is not None
    labels = f'aria-labelledby="{name}-title {name}-desc"'
    words = f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(description)}</desc>'
    return f'<svg role="img" {labels} {box[0]} xmlns:xlink="http://www.w3.org/1999/xlink">{words}{body}'


def per_cent(share: float, _: object = None) -> str:
    """0.0004 → 0.04%, 0.3 → 30%: as many places as it needs."""
    return f"{share * 100:.6g}%"
