"""One look for every Matplotlib figure: colours, axes, and the way to PNG.

Figures are made without pyplot, so they hold no global state and may be drawn on a panel's worker thread. Colours are
Okabe and Ito's eight (2008), told apart by all common kinds of colour vision; maps use viridis.
"""

from __future__ import annotations

import base64
import io
import threading
from collections.abc import Sequence

import numpy as np
from matplotlib import rcParams
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

FONT = "DejaVu Sans"  # comes with Matplotlib; pictures in SVG ask for it first too


class _Drawing:
    """Held while a figure is made or rasterised: Matplotlib shares caches of fonts and glyphs between figures.

    Glyphs are fitted to the pixels by their outline alone; the font's own hints make small bold text look serifed.
    Only the outermost `with` touches the global setting, and only this one.
    """

    def __init__(self):
        self._lock, self._depth, self._before = threading.RLock(), 0, None

    def __enter__(self):
        self._lock.acquire()
        if self._depth == 0:
            self._before, rcParams["text.hinting"] = rcParams["text.hinting"], "force_autohint"
        self._depth += 1

    def __exit__(self, *_):
        self._depth -= 1
        if self._depth == 0:
            rcParams["text.hinting"] = self._before
        self._lock.release()


DRAWING = _Drawing()


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


def style_axes(axes: Axes, title: str = "", xlabel: str = "", ylabel: str = "", *, pad: float = 6.0) -> Axes:
    """Thin grey frame without top and right, faint grid behind the data, left-aligned title, ``pad`` points higher."""
    axes.set_axisbelow(True)
    axes.grid(True, color=GRID, linewidth=0.8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color("#9AA0A6")
    axes.tick_params(colors=GREY, labelsize=9, width=0.8, labelfontfamily=FONT)
    axes.set_title(title, loc="left", fontsize=10.5, fontweight="bold", fontfamily=FONT, color=BLACK, pad=pad)
    axes.set_xlabel(xlabel, fontsize=9.5, fontfamily=FONT, color=BLACK)
    axes.set_ylabel(ylabel, fontsize=9.5, fontfamily=FONT, color=BLACK)
    return axes


def figure_png(figure: Figure, compression: int = 1) -> bytes:
    """The figure as PNG bytes. Little compression: a live picture stays on the machine."""
    with DRAWING:
        if not isinstance(figure.canvas, FigureCanvasAgg):
            FigureCanvasAgg(figure)
        buffer = io.BytesIO()
        figure.canvas.print_png(buffer, pil_kwargs={"compress_level": compression}, metadata={"Software": None})
        return buffer.getvalue()


class LivePicture:
    """Draws moving artists upon a figure that is drawn once and kept as a picture.

    figure : made without a layout engine; the artists are `animated`. `forget()` it after changing anything else.
    """

    def __init__(self, figure: Figure):
        self.figure = figure
        self.background = None

    def forget(self) -> None:
        self.background = None

    def draw(self, artists) -> bytes:
        """The picture with these artists, as PNG bytes; little compression, because it stays on the machine."""
        with DRAWING:
            canvas = self.figure.canvas
            if self.background is None:
                canvas.draw()
                self.background = canvas.copy_from_bbox(self.figure.bbox)
            canvas.restore_region(self.background)
            for artist in artists:
                artist.axes.draw_artist(artist)
            pixels, buffer = np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[..., :3]), io.BytesIO()
            Image.fromarray(pixels).save(buffer, "png", compress_level=1)
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
