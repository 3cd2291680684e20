"""Curves: learning with its spread, convergence of a solver, and a curve that grows while you watch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rlbook.plots.style import BLACK, CYCLE, DRAWING, GREY, LivePicture, new_figure, style_axes

Series = tuple[np.ndarray, np.ndarray]  # x and y of a line
_MOST_POINTS = 600  # more than a line this wide can show


def moving_mean(values: np.ndarray, window: int) -> np.ndarray:
    """Mean of the last `window` entries along the last axis, of as many as there are at the beginning; skips NaN."""
    values = np.asarray(values, dtype=float)
    known = ~np.isnan(values)
    totals = np.cumsum(np.where(known, values, 0.0), axis=-1)
    counts = np.cumsum(known, axis=-1)
    totals[..., window:] = totals[..., window:] - totals[..., :-window].copy()
    counts[..., window:] = counts[..., window:] - counts[..., :-window].copy()
    return np.where(known & (counts > 0), totals / np.maximum(counts, 1), np.nan)


def learning_curve(
    curves,
    *,
    title: str = "Learning curve",
    xlabel: str = "Episode",
    ylabel: str = "Return",
    window: int = 1,
    optimum: float | None = None,
    optimum_label: str = "optimum",
    size: tuple[float, float] = (7.2, 3.8),
) -> Figure:
    """Median over agents as a line, the middle half of them (25th to 75th percentile) as a band.

    Parameters
    ----------
    curves : (n_agents, n_episodes) array, such as `history.returns` or `history.lengths`, or {name: such an array}.
        NaN marks an episode that an agent did not play; an episode played by fewer than half of them is left out.
    window : each agent's curve is first averaged over this many episodes; the legend's title says so.
    optimum : drawn as a dashed line.
    """
    if not isinstance(curves, Mapping):
        curves = {"": curves}
    if not curves or int(window) != window or window < 1:
        raise ValueError(f"window is {window!r} with {len(curves)} curves; accepted are whole windows of 1 and more, "
                         "and at least one curve")  # fmt: skip
    figure, axes = new_figure(*size)
    style_axes(axes, title, xlabel, ylabel)
    for colour, (name, values) in zip(_colours(len(curves)), curves.items(), strict=True):
        values = np.atleast_2d(np.asarray(values, dtype=float))
        played = 2 * (~np.isnan(values)).sum(axis=0) >= len(values)
        if values.ndim != 2 or not played.any():
            raise ValueError(f"the curve {name!r} has shape {values.shape}; accepted is (n_agents, n_episodes)")
        episodes = np.flatnonzero(played) + 1
        smooth = moving_mean(values, int(window))[:, played]
        q25, median, q75 = np.nanquantile(smooth, [0.25, 0.5, 0.75], axis=0)
        if len(values) > 1:
            axes.fill_between(episodes, q25, q75, color=colour, alpha=0.2, linewidth=0)
        axes.plot(episodes, median, color=colour, linewidth=1.8, label=name or "learner")
    if optimum is not None:
        axes.axhline(optimum, color=BLACK, linewidth=1.2, linestyle=(0, (5, 3)), label=optimum_label)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.margins(x=0.01)
    shown = _shown(max(len(np.atleast_2d(values)) for values in curves.values()), int(window))
    handles, names = axes.get_legend_handles_labels()
    style = {"frameon": False, "fontsize": 9, "title": shown, "title_fontsize": 9, "alignment": "left"}
    figure.legend(handles, names, loc="outside lower center", ncols=min(3, len(names)), **style)  # on no line
    return figure


def convergence(
    residuals,
    *,
    title: str = "Value iteration converges",
    xlabel: str = "Sweep",
    ylabel: str = "Largest change of a value",
    gamma: float | None = None,
    size: tuple[float, float] = (7.2, 3.2),
) -> Figure:
    """Residual per sweep on a logarithmic scale.

    residuals : (n_sweeps,) array, or {name: array}. Zeros cannot be drawn on this scale and end a line.
    gamma : also draw the promise of the contraction, first residual times gamma per sweep, as a dashed line.
    """
    if not isinstance(residuals, Mapping):
        residuals = {"": residuals}
    figure, axes = new_figure(*size)
    style_axes(axes, title, xlabel, ylabel)
    axes.set_yscale("log")
    for colour, (name, values) in zip(_colours(len(residuals)), residuals.items(), strict=True):
        values = np.asarray(values, dtype=float)
        if values.ndim != 1 or not (values > 0).any():
            raise ValueError(
                f"residuals {name!r} have shape {values.shape}; accepted is (n_sweeps,), with some above 0"
            )
        sweeps = np.arange(1, len(values) + 1)
        axes.plot(sweeps, np.where(values > 0, values, np.nan), color=colour, linewidth=1.8, label=name or "measured")
    if gamma is not None:
        promise = values[0] * gamma ** np.arange(len(values))
        label = rf"contraction: $\gamma = {gamma:g}$ per sweep"
        axes.plot(sweeps, promise, color=BLACK, linewidth=1.2, linestyle=(0, (5, 3)), label=label)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if gamma is not None or len(residuals) > 1:
        axes.legend(frameon=False, fontsize=9)
    return figure


class LiveCurve:
    """Lines that grow, as PNG bytes many times a second.

    Axes, ticks and labels are drawn once and kept as a picture; a frame copies that picture and draws only the lines
    upon it. The axes are drawn anew when the data outgrow them, to twice the length each time, so rarely.

    Parameters
    ----------
    lines : {key: label}, or just keys; `draw` takes the data of each by its key. There is a legend for several lines.
    faint : keys of lines drawn thin and pale, behind the others.
    optimum : a dashed line at this height.
    width, height : pixels. xmax, ylim : limits to begin with; ylim grows in both directions.
    kept_at : where in the axes the labels of lines that are kept stand.
    """

    def __init__(
        self,
        title: str,
        xlabel: str,
        ylabel: str,
        lines: Mapping[str, str] | Sequence[str] = ("value",),
        *,
        faint: Sequence[str] = (),
        optimum: float | None = None,
        optimum_label: str = "optimum",
        width: int = 420,
        height: int = 300,
        xmax: float = 50.0,
        ylim: tuple[float, float] = (0.0, 1.0),
        kept_at: str = "lower right",
    ):
        self._kept: Mapping[str, Series] = {}
        self._kept_lines, self._kept_at, self._optimum = [], kept_at, None
        self._first_limits = (float(xmax), *map(float, ylim))
        labels = dict(lines) if isinstance(lines, Mapping) else {key: key for key in lines}
        with DRAWING:
            # Fixed margins: the axes stay where they are when their numbers get longer.
            self.figure, self.axes = new_figure(width / 100, height / 100, layout=None)
            with_legend = len(labels) > 1 or optimum is not None
            top = 34 + 24 * with_legend
            self.figure.subplots_adjust(left=62 / width, right=1 - 14 / width, bottom=48 / height, top=1 - top / height)
            style_axes(self.axes, title, xlabel, ylabel, pad=6 + 18 * with_legend)
            self.axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
            self.axes.yaxis.set_major_locator(MaxNLocator(5))
            self._lines = {}
            colours = dict(zip(labels, _colours(len(labels)), strict=True))
            for key in sorted(labels, key=lambda key: key not in faint):
                style = {"linewidth": 0.9, "alpha": 0.45} if key in faint else {"linewidth": 1.8}
                (line,) = self.axes.plot([], [], color=colours[key], label=labels[key], animated=True, **style)
                self._lines[key] = line
            if optimum is not None:
                style = {"color": BLACK, "linewidth": 1.2, "linestyle": (0, (5, 3)), "label": optimum_label}
                self._optimum = self.axes.axhline(optimum, animated=True, **style)
            if with_legend:  # between title and lines, where no line can run into it
                place = {"loc": "lower left", "bbox_to_anchor": (10 / width, 1 - (top - 8) / height)}
                narrow = {"handlelength": 1.5, "handletextpad": 0.4, "columnspacing": 0.8}
                style = {"frameon": False, "fontsize": 8.5, "labelcolor": GREY, "borderpad": 0, "borderaxespad": 0}
                self.figure.legend(ncols=4, **place, **narrow, **style)
            self._picture = LivePicture(self.figure)
        self.reset()

    def reset(self) -> None:
        """Back to the first limits and no data."""
        self._limits = None
        self._picture.forget()
        for line in self._lines.values():
            line.set_data([], [])

    def draw(self, **series) -> bytes:
        """The picture after replacing the data of the named lines: `draw(returns=(x, y))`; other lines stay."""
        for name, (x, y) in series.items():
            if name not in self._lines:
                raise ValueError(f"there is no line {name!r}; accepted are {', '.join(map(repr, self._lines))}")
            self._lines[name].set_data(*_thinned(np.asarray(x, dtype=float), np.asarray(y, dtype=float)))
        with DRAWING:
            self._make_room()
            return self._picture.draw([*self._lines.values(), *([self._optimum] if self._optimum else [])])

    @property
    def optimum(self) -> float | None:
        """The height of the dashed line; None for no line. It can be set where there was one at the beginning."""
        return self._optimum.get_ydata()[0] if self._optimum is not None and self._optimum.get_visible() else None

    @optimum.setter
    def optimum(self, height: float | None) -> None:
        self._optimum.set_visible(height is not None)
        if height is not None:
            self._optimum.set_ydata([height, height])

    def keep(self, kept: Mapping[str, Series]) -> None:
        """From now on these lines, {label: (x, y)}, lie behind the others, in place of those kept before."""
        if kept is self._kept:
            return
        with DRAWING:
            for line in self._kept_lines:
                line.remove()
            colours = CYCLE[len(self._lines) :]  # not those of the others
            self._kept_lines = [
                self.axes.plot(*_thinned(x, y), color=colour, linewidth=1.3, label=fill(label, 34))[0]
                for colour, (label, (x, y)) in zip(colours, kept.items(), strict=False)
            ]
            style = {"fontsize": 7.5, "labelcolor": GREY, "borderpad": 0.2, "handlelength": 1.5, "handletextpad": 0.4}
            self.axes.legend(handles=self._kept_lines, loc=self._kept_at, frameon=bool(kept), framealpha=0.8, **style)
        self._kept = kept
        self._picture.forget()

    def _make_room(self) -> None:
        """Grow the limits where a line has left them."""
        xmax, low, high = self._limits or self._first_limits
        for line in (*self._lines.values(), *self._kept_lines):
            x, y = line.get_data()
            if len(x) == 0 or np.isnan(y).all():
                continue
            if x[-1] > xmax:
                xmax = 2.0 * x[-1]
            span = max(high - low, np.nanmax(y) - np.nanmin(y))
            high = np.nanmax(y) + 0.25 * span if np.nanmax(y) > high else high
            low = np.nanmin(y) - 0.25 * span if np.nanmin(y) < low else low
        if (xmax, low, high) != self._limits:
            self._limits = xmax, low, high
            self._picture.forget()
            self.axes.set_xlim(0, xmax)
            self.axes.set_ylim(low, high)


def _colours(n: int) -> list[str]:
    return [CYCLE[i % len(CYCLE)] for i in range(n)]


def _shown(n_agents: int, window: int) -> str:
    """What line and band mean."""
    who = f"median and middle half of {n_agents} agents" if n_agents > 1 else "one agent"
    return f"{who}, mean over {window} episodes" if window > 1 else who


def _thinned(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """At most `_MOST_POINTS` points, evenly picked, the last one always among them."""
    if len(x) <= _MOST_POINTS:
        return x, y
    keep = np.linspace(0, len(x) - 1, _MOST_POINTS).round().astype(int)
    return x[keep], y[keep]
