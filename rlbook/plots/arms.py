"""Arms: a pose, a motion, what can be reached, and any function of two joint angles."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Annulus, Circle
from matplotlib.ticker import MaxNLocator

from rlbook.envs.arm.controllers import distance_to_workspace
from rlbook.envs.arm.physics import PhysicsParams, forward_kinematics, workspace_radii
from rlbook.plots.style import BLACK, BLUE, DRAWING, GREY, MAP, RED, LivePicture, new_figure, style_axes

_GHOSTS = 9


def arm_pose(
    q,
    physics: PhysicsParams | None = None,
    *,
    target=None,
    threshold: float = 0.05,
    labels=None,
    title: str = "Pose of the arm",
    size: float = 4.2,
) -> Figure:
    """One arm or several over each other, with a target.

    q : joint angles in rad, (n,) or (P, n); the first of several is drawn strongest. physics : for the link length.
    target : (2,) in m, drawn as a disc of radius ``threshold`` (m). labels : P words for a legend.
    """
    q = np.atleast_2d(np.asarray(q, dtype=float))
    if q.ndim != 2:
        raise ValueError(f"q has shape {q.shape}; accepted are (n,) and (P, n)")
    points = forward_kinematics(q, physics or PhysicsParams())
    if labels is not None and len(labels) != len(points):
        raise ValueError(f"there are {len(labels)} labels; accepted is one a pose, {len(points)}")
    figure, axes = _space(title, _extent(points, target), size)
    for i, arm in enumerate(points):
        strength = 1 - 0.7 * i / max(2, len(points) - 1)
        _draw_arm(axes, arm, strength=strength, label=None if labels is None else labels[i], zorder=2 - i / 100)
    _draw_target(axes, target, threshold)
    if labels is not None:
        axes.legend(frameon=False, fontsize=8.5, loc="best", labelcolor=GREY)
    return figure


def arm_trail(
    points,
    target=None,
    *,
    threshold: float = 0.05,
    dt: float | None = None,
    title: str = "Motion of the arm",
    size: float = 4.2,
) -> Figure:
    """A motion in one picture: fading poses from start to end, the path of the tip, and the target.

    points : (T + 1, L + 1, 2) in m, base, joints and tip at every step, such as ``recording.points[:, arm]``.
    target : (2,) or (x, y, z) in m, with its success radius ``threshold``. dt : s a step, for the title.
    """
    points = np.asarray(points, dtype=float)
    if points.ndim != 3 or points.shape[-1] != 2:
        raise ValueError(f"points have shape {points.shape}; accepted is (T + 1, L + 1, 2)")
    if dt is not None:
        title = f"{title}: {dt * (len(points) - 1):.2f} s"
    figure, axes = _space(title, _extent(points, target), size)
    shown = np.unique(np.linspace(0, len(points) - 1, _GHOSTS).round().astype(int))
    for t, strength in zip(shown, np.linspace(1, 0.12, len(shown))[::-1], strict=True):
        _draw_arm(axes, points[t], strength=strength)
    axes.plot(*points[:, -1].T, color=RED, linewidth=1.4, zorder=3)
    axes.plot(*points[0, -1], "o", color="white", markeredgecolor=RED, markersize=6, zorder=4)
    _draw_target(axes, target, threshold)
    return figure


def workspace(
    link_lengths,
    targets=None,
    *,
    base=(0.0, 0.0),
    threshold: float = 0.05,
    title: str | None = None,
    size: float = 4.6,
) -> Figure:
    """What an arm can reach against the targets it is given.

    link_lengths : (L,) in m. targets : (N, 2) as (x, z), or (N, 3) as (x, y, z), in m. base : (x, z) of the shoulder.
    Targets within ``threshold`` (m) of the reachable ring are drawn apart from the others, and counted in the title.
    """
    lengths = np.asarray(link_lengths, dtype=float)
    if lengths.ndim != 1 or not lengths.size or not (lengths > 0).all():
        raise ValueError(f"link_lengths are {link_lengths}; accepted are positive lengths in m, at least one")
    if targets is not None and not len(targets):
        raise ValueError("there are no targets; accepted are None and (N, 2) or (N, 3), N at least 1")
    inner, outer = workspace_radii(lengths)
    extent = outer
    if targets is not None:
        targets = np.asarray(targets, dtype=float)
        near = distance_to_workspace(targets, lengths, base) <= threshold
        flat = targets[:, [0, -1]]
        extent = max(outer, np.abs(flat - base).max())
        title = title or f"Reachable set: {100 * near.mean():.1f} % of the targets are in it"
    figure, axes = _space(title or "Reachable set", extent, size, base)
    ring = {"facecolor": "#DCEBF7", "edgecolor": BLUE, "linewidth": 1.2, "zorder": 1}
    axes.add_patch(Annulus(base, outer, outer - inner, **ring) if inner else Circle(base, outer, **ring))
    if targets is not None:
        beyond = "out of reach" if targets.shape[1] == 2 else "out of reach, many beside the arm's plane"
        axes.scatter(*flat[~near].T, s=5, color=GREY, alpha=0.5, linewidths=0, label=beyond, zorder=2)
        axes.scatter(*flat[near].T, s=9, color=RED, linewidths=0, label="within reach", zorder=3)
        handles, names = axes.get_legend_handles_labels()
        style = {"frameon": False, "fontsize": 8.5, "labelcolor": GREY, "markerscale": 2}
        figure.legend(handles, names, loc="outside lower center", ncols=2, **style)  # beside the points, not on them
    axes.plot(*base, "s", color=BLACK, markersize=6, zorder=4)
    return figure


def state_heatmap(
    values: Callable[[np.ndarray], np.ndarray] | np.ndarray,
    *,
    label: str = "Value",
    title: str = "",
    resolution: int = 61,
    discrete=None,
    limits: tuple[float, float] | None = None,
    mark=None,
    size: tuple[float, float] = (5.0, 4.2),
) -> Figure:
    """Any function of the first two joint angles, both axes a full turn in degrees.

    values : function of angles (N, 2) in rad giving (N,), or its values (R, C) on the grid of ``torus_angles``: rows q2
        from -180 to 180 degrees, columns q1. discrete : names of the values 0, 1, ... if they are choices, such as
        torques. limits : of the colours. mark : (q1, q2) in rad to point out.
    """
    grid = torus_angles(resolution)
    shown = values(grid.reshape(-1, 2)).reshape(grid.shape[:2]) if callable(values) else np.asarray(values)
    if shown.ndim != 2:
        raise ValueError(f"values have shape {shown.shape}; accepted are functions and (R, C)")
    figure, axes = new_figure(*size, layout="compressed")  # the colour bar as tall as the square map
    style_axes(axes, title or label, "Joint 1 (degrees)", "Joint 2 (degrees)")
    axes.grid(False)
    colours = {"vmin": None, "vmax": None} if limits is None else {"vmin": limits[0], "vmax": limits[1]}
    if discrete is not None:
        from matplotlib import colormaps

        colours = {"vmin": -0.5, "vmax": len(discrete) - 0.5, "cmap": colormaps[MAP].resampled(len(discrete))}
    image = axes.imshow(shown, origin="lower", extent=(-180, 180, -180, 180), **({"cmap": MAP} | colours))
    axes.set_xticks(range(-180, 181, 90)), axes.set_yticks(range(-180, 181, 90))
    bar = figure.colorbar(image, ax=axes, label=label)
    bar.outline.set_visible(False)
    if discrete is not None:
        bar.set_ticks(range(len(discrete)), labels=[str(name) for name in discrete])
    if mark is not None:
        turned = (np.asarray(mark) + np.pi) % (2 * np.pi) - np.pi  # a joint may have turned more than once
        axes.plot(*np.degrees(turned), "*", color="white", markeredgecolor=BLACK, markersize=13)
    return figure


def torus_angles(resolution: int = 61) -> np.ndarray:
    """The grid of ``state_heatmap``: (R, R, 2) pairs (q1, q2) in rad at the middles of its cells."""
    edges = np.linspace(-np.pi, np.pi, resolution + 1)
    middles = (edges[:-1] + edges[1:]) / 2
    return np.stack(np.meshgrid(middles, middles), axis=-1)


class LiveArm:
    """A moving arm as PNG bytes many times a second: the axes are drawn once, a frame adds only arm and target.

    reach : m, half the width of what is shown. target : (2,) or (3,) in m, threshold : its radius. pixels : the size.
    """

    def __init__(self, reach: float, target=None, threshold: float = 0.05, *, title="Arm", pixels: int = 380):
        with DRAWING:
            self.figure, self._axes = _space(title, reach, pixels / 100, layout=None)
            self.figure.subplots_adjust(
                left=64 / pixels, right=1 - 10 / pixels, bottom=44 / pixels, top=1 - 30 / pixels
            )
            self._target = _draw_target(self._axes, (0.0, 0.0) if target is None else target, threshold)
            self._target.set(animated=True, visible=target is not None)
            (self._ghost,) = self._axes.plot([], [], color=_pale(BLUE, 0.3), linewidth=4, animated=True)
            (self._path,) = self._axes.plot([], [], color=RED, linewidth=1.4, animated=True)
            style = {"linewidth": 5, "solid_capstyle": "round", "marker": "o", "markersize": 6, "animated": True}
            (self._arm,) = self._axes.plot([], [], color=BLUE, markerfacecolor=BLACK, markeredgecolor="none", **style)
        self._picture = LivePicture(self.figure)

    def draw(self, points, path=None, ghost=None, target=None) -> bytes:
        """The picture of the arm through ``points`` (L + 1, 2), its tip's ``path`` (T, 2) and a paler earlier pose.

        target : (2,) in m, where it has moved to.
        """
        if target is not None:
            self._target.set(center=target, visible=True)
        for line, data in ((self._ghost, ghost), (self._path, path), (self._arm, points)):
            line.set_data(*(np.asarray(data).T if data is not None else ([], [])))
        return self._picture.draw((self._target, self._ghost, self._path, self._arm))

    def position(self, x: float, y: float) -> tuple[float, float]:
        """The place (x, z) in m that a pixel of the picture shows; pixels count from its upper left corner."""
        across, up = self._axes.transData.inverted().transform((x, self.figure.bbox.height - y))
        return float(across), float(up)


def _space(title: str, extent: float, size: float, centre=(0.0, 0.0), **options) -> tuple[Figure, Axes]:
    """Square axes in metres, as far as ``extent`` around ``centre``."""
    figure, axes = new_figure(size, size, **options)
    style_axes(axes, title, "x (m)", "z (m)")
    axes.set_aspect("equal")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(5))
    axes.set_xlim(centre[0] - 1.12 * extent, centre[0] + 1.12 * extent)
    axes.set_ylim(centre[1] - 1.12 * extent, centre[1] + 1.12 * extent)
    return figure, axes


def _reach(points: np.ndarray) -> float:
    """Length of the arm whose joints are at ``points`` (..., L + 1, 2)."""
    return float(np.linalg.norm(np.diff(points, axis=-2), axis=-1).sum(-1).max())


def _extent(points: np.ndarray, target) -> float:
    """Half the width in metres that shows the whole reach of the arm and the target, wherever that is."""
    beside = (
        [] if target is None else np.abs(np.asarray(target, dtype=float)[[0, -1]] - points[(0,) * (points.ndim - 1)])
    )
    return max([_reach(points), *beside])


def _draw_arm(axes: Axes, points, strength: float = 1.0, **options) -> None:
    line, joint = _pale(BLUE, strength), _pale(BLACK, strength)
    style = {"linewidth": 5 if strength == 1 else 3, "solid_capstyle": "round", "marker": "o", "markersize": 6}
    axes.plot(*points.T, color=line, markerfacecolor=joint, markeredgecolor="none", **{"zorder": 2, **style, **options})


def _draw_target(axes: Axes, target, threshold: float) -> Circle | None:
    if target is None:
        return None
    target, look = np.asarray(target, dtype=float)[[0, -1]], {"facecolor": _pale(RED, 0.35), "edgecolor": RED}
    return axes.add_patch(Circle(target, threshold, linewidth=1.2, zorder=2.5, **look))


def _pale(colour: str, strength: float) -> tuple:
    """Mixed with white; unlike transparency, overlapping parts do not show through."""
    return tuple(1 - strength * (1 - part) for part in to_rgb(colour))
