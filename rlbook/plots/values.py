"""Learned values: a map over two joint angles that changes while you watch, and estimates against what came true."""

from __future__ import annotations

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from rlbook.plots.style import BLACK, BLUE, CYCLE, DRAWING, GREY, MAP, LivePicture, new_figure, style_axes


class LiveHeatmap:
    """A function of the first two joint angles as PNG bytes many times a second.

    Axes and colour bar are drawn once and kept as a picture; a frame copies it and draws only the map upon it.

    limits : of the colours; values beyond them have the colour of the nearest limit.
    discrete : names of the values 0, 1, ... if they are choices. width, height : pixels.
    """

    def __init__(
        self,
        title: str,
        *,
        limits: tuple[float, float] = (0.0, 1.0),
        discrete=None,
        width: int = 358,
        height: int = 310,
    ):
        colours = {"vmin": limits[0], "vmax": limits[1], "cmap": MAP}
        if discrete is not None:
            colours = {"vmin": -0.5, "vmax": len(discrete) - 0.5, "cmap": colormaps[MAP].resampled(len(discrete))}
        names = ["\N{MINUS SIGN}0.0"] if discrete is None else [str(name) for name in discrete]
        # Pixels; what is left over is for ticks, labels and the colour bar with its names.
        side = min(width - 102 - 7 * max(map(len, names)), height - 82)
        with DRAWING:
            self.figure, self._axes = new_figure(width / 100, height / 100, layout=None)
            self._axes.set_position([70 / width, 48 / height, side / width, side / height])
            style_axes(self._axes, title, "Joint 1 (degrees)", "Joint 2 (degrees)")
            self._axes.grid(False)
            ticks = range(-180, 181, 90 if side > 130 else 180)
            self._axes.set(xticks=ticks, yticks=ticks)
            place = {"origin": "lower", "extent": (-180, 180, -180, 180), "animated": True}
            self._image = self._axes.imshow(np.zeros((1, 1)), **place, **colours)
            beside = self.figure.add_axes([(78 + side) / width, 48 / height, 11 / width, side / height])
            ticks = np.linspace(*limits, 5) if discrete is None else range(len(discrete))
            bar = self.figure.colorbar(self._image, cax=beside, ticks=ticks, format="{x:.1f}")
            if discrete is not None:
                bar.set_ticklabels(names)
            style = {"color": "white", "markeredgecolor": BLACK, "markersize": 11, "animated": True}
            (self._stars,) = self._axes.plot([], [], "*", **style)
            bar.outline.set_visible(False)
            beside.tick_params(colors=GREY, labelsize=8.5, length=2)
        self._picture = LivePicture(self.figure)

    def draw(self, values, mark=None) -> bytes:
        """The picture for values (R, C) on the grid of ``torus_angles``: rows joint 2, columns joint 1.

        mark : (n, 2) poses in rad, for stars upon the map.
        """
        self._image.set_data(np.asarray(values))
        turned = (np.zeros((0, 2)) if mark is None else np.asarray(mark) + np.pi) % (2 * np.pi) - np.pi
        self._stars.set_data(*np.degrees(turned).T)
        return self._picture.draw([self._image, self._stars])


def estimates_against_returns(estimates, *, title: str = "Estimated value against what came true") -> Figure:
    """One dot an episode: the value the network promised at its beginning, and the discounted return that followed.

    estimates : {name: (estimated (n,), returned (n,))}, at most three names. A dot above the line promised too much.
    """
    if not 1 <= len(estimates) <= 3:
        raise ValueError(f"there are {len(estimates)} names; accepted are 1 to 3")
    figure, axes = new_figure(3.5 * len(estimates), 3.5, columns=len(estimates), sharex=True, sharey=True)
    pairs = [np.asarray(pair, dtype=float) for pair in estimates.values()]
    low, high = min(pair.min() for pair in pairs), max(pair.max() for pair in pairs)
    for one, name, (estimated, returned), colour in zip(np.ravel(axes), estimates, pairs, CYCLE, strict=False):
        style_axes(one, name if len(estimates) > 1 else title, "Discounted return")
        one.plot([low, high], [low, high], color=BLACK, linewidth=1.2, linestyle=(0, (5, 3)), label="estimate = return")
        one.plot(returned, estimated, ".", color=colour or BLUE, markersize=4, alpha=0.5, zorder=3)
    first = np.ravel(axes)[0]
    first.set_ylabel("Estimated value, max Q", fontsize=9.5)
    first.legend(frameon=False, fontsize=8.5, loc="lower right")
    if len(estimates) > 1:
        figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold", color=BLACK)
    return figure
