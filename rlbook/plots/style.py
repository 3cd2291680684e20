"""One look for every Matplotlib figure: colours, axes, and the way to PNG.

Figures are made without pyplot, so they hold no global state and may be drawn on a panel's worker thread. Colours are
Okabe and Ito's eight (2008), told apart by all common kinds of colour vision; maps use viridis.
"""

from __future__ import annotations

import base64
import io
import threading
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
PURPLE, SKY, YELLOW, BLACK = "#CC79A7", "#56B4E9", "#F0E442", "#222222"
CYCLE = (BLUE, RED, GREEN, PURPLE, ORANGE, SKY, BLACK)
GREY, GRID = "#5F6368", "#E3E5E8"
MAP = "viridis"
DPI = 100

#: Matplotlib shares caches of fonts and glyphs between figures: one figure is rasterised at a time.
DRAWING = threading.RLock()


class Chart(Figure):
    """A Figure that a notebook shows as a picture although pyplot never heard of it."""

    def _repr_mimebundle_(self, include=None, exclude=None):
        data = base64.b64encode(figure_png(self, compression=9)).decode("ascii")
        titles = [title for axes in self.axes if (title := axes.get_title(loc="left"))]
        return {"image/png": data, "text/plain": f"<Chart: {'; '.join(titles)}>"}


def new_figure(
    width: float = 6.4, height: float = 3.6, columns: int = 1, rows: int = 1, *, layout="constrained", **more
):
    """A white Figure of width x height inches and its axes, styled: one Axes, or an array of them if asked for more."""
    figure = Chart(figsize=(width, height), dpi=DPI, facecolor="white", layout=layout)
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, **more)
    for one in [axes] if isinstance(axes, Axes) else axes.flat:
        style_axes(one)
    return figure, axes


def style_axes(axes: Axes, title: str = "", xlabel: str = "", ylabel: str = "") -> Axes:
    """Thin grey frame without top and right, faint grid behind the data, left-aligned title."""
    axes.set_axisbelow(True)
    axes.grid(True, color=GRID, linewidth=0.8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color("#9AA0A6")
    axes.tick_params(colors=GREY, labelsize=9, width=0.8)
    axes.set_title(title, loc="left", fontsize=10.5, fontweight="bold", color=BLACK)
    axes.set_xlabel(xlabel, fontsize=9.5, color=BLACK)
    axes.set_ylabel(ylabel, fontsize=9.5, color=BLACK)
    return axes


def figure_png(figure: Figure, compression: int = 1) -> bytes:
    """The figure as PNG bytes. Little compression: a live picture stays on the machine."""
    with DRAWING:
        if not isinstance(figure.canvas, FigureCanvasAgg):
            FigureCanvasAgg(figure)
        buffer = io.BytesIO()
        figure.canvas.print_png(buffer, pil_kwargs={"compress_level": compression}, metadata={"Software": None})
        return buffer.getvalue()


def join_png(pictures: Sequence[bytes], gap: int = 16) -> bytes:
    """PNG pictures in a row, on white."""
    images = [Image.open(io.BytesIO(picture)).convert("RGB") for picture in pictures]
    width = sum(image.width for image in images) + gap * (len(images) - 1)
    row, x = Image.new("RGB", (width, max(image.height for image in images)), "white"), 0
    for image in images:
        row.paste(image, (x, 0))
        x += image.width + gap
    buffer = io.BytesIO()
    row.save(buffer, "png")
    return buffer.getvalue()
