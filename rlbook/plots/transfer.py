"""Pictures of the reality gap: success by method and along a parameter, what was drawn, and how sure a fit is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from matplotlib.ticker import MaxNLocator

from rlbook.plots.style import BLACK, BLUE, CYCLE, GREY, MAP, RED, new_figure, style_axes
from rlbook.sim_to_real.transfer import wilson_interval

# What stands beside an axis for a field of PhysicsParams.
AXES = {
    "mass": "Mass of each link (kg)",
    "friction": "Coulomb friction (N m)",
    "damping": "Damping (N m s/rad)",
    "motor_strength": "Motor gain",
    "gravity": "Gravity (m/s\N{SUPERSCRIPT TWO})",
    "link_length": "Length of each link (m)",
    "sensor_noise": "Sensor noise (rad)",
    "action_delay": "Delay (steps)",
}


def success_by_method(results: Mapping[str, tuple], *, title: str = "Success on the robot") -> Figure:
    """One row a method: {name: (successes on the robot, episodes, rate in simulation or None)}, first on top.

    Bars are Wilson's 95 % intervals; the hollow mark is the success in the simulation that was trained in.
    """
    figure, axes = new_figure(7.4, 0.9 + 0.34 * len(results))
    style_axes(axes, title, "Share of episodes")
    for row, (successes, episodes, simulated) in enumerate(results.values()):
        low, high = wilson_interval(successes, episodes)
        axes.plot([low, high], [row, row], color=BLUE, linewidth=6, alpha=0.35, solid_capstyle="butt")
        axes.plot(successes / episodes, row, "o", color=BLUE, label="robot" if row == 0 else None)
        if simulated is not None:
            style = {"markerfacecolor": "white", "markeredgecolor": GREY}
            axes.plot(simulated, row, "o", **style, label="simulation" if row == 0 else None)
    axes.set_yticks(range(len(results)), list(results))
    axes.set(xlim=(-0.02, 1.02), ylim=(len(results) - 0.5, -0.5))
    axes.grid(axis="y", visible=False)
    axes.legend(frameon=False, fontsize=9, loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderpad=0)
    return figure


def success_by_run(
    results: Mapping[str, tuple], *, title: str = "On the robot", size: tuple[float, float] = (4.0, 3.0)
) -> Figure:
    """One run after the other: {name: (successes on the robot, episodes, rate in simulation)}, which may be empty."""
    figure, axes = new_figure(*size)
    style_axes(axes, title, "", "Share of episodes")
    for x, (successes, episodes, simulated) in enumerate(results.values()):
        axes.plot([x, x], wilson_interval(successes, episodes), color=BLUE, linewidth=5, alpha=0.35)
        axes.plot(x, successes / episodes, "o", color=BLUE, label="robot" if x == 0 else None)
        hollow = {"markerfacecolor": "white", "markeredgecolor": GREY}
        axes.plot(x, simulated, "o", **hollow, label="simulation" if x == 0 else None)
    axes.set(xlim=(-0.5, max(3, len(results)) - 0.5), ylim=(-0.02, 1.02))
    axes.set_xticks(range(len(results)), list(results), rotation=25 if len(results) > 2 else 0)
    if results:
        axes.legend(frameon=False, fontsize=8)
    return figure


def success_along(
    field: str,
    values: Sequence[float],
    success: Mapping[str, np.ndarray],
    episodes: int,
    *,
    title: str = "Success where the arm differs",
    trained: Mapping[str, tuple[float, float]] | None = None,
    size: tuple[float, float] = (6.6, 3.4),
) -> Figure:
    """Success against one parameter: {name: (len(values),)} of ``sweep_success``, with Wilson's 95 % intervals.

    trained : {name: (low, high)}, the range of the parameter that each was trained on, drawn below.
    """
    figure, axes = new_figure(*size)
    style_axes(axes, title, AXES[field], "Share of episodes")
    for i, (name, rates) in enumerate(success.items()):
        colour = CYCLE[i % len(CYCLE)]
        low, high = wilson_interval(np.asarray(rates) * episodes, episodes)
        axes.fill_between(values, low, high, color=colour, alpha=0.2, linewidth=0)
        axes.plot(values, rates, "o-", color=colour, linewidth=1.8, markersize=4, label=name)
        if trained is not None and name in trained:
            ends = trained[name]
            height = -0.06 - 0.035 * i
            axes.plot(ends, [height, height], "|-", color=colour, linewidth=2.5, markersize=7)
    axes.set_ylim(-0.06 - 0.035 * len(success) if trained else -0.02, 1.02)
    axes.set_xlim(min(values), max(values))
    if success:
        axes.legend(frameon=False, fontsize=9)
    return figure


def success_map(
    fields: Mapping[str, Sequence[float]],
    success,
    *,
    marks: Mapping[str, tuple[float, float]] | None = None,
    title: str = "Success where two things differ",
    size: tuple[float, float] = (5.2, 4.0),
) -> Figure:
    """Success over two parameters: {field: values} of two, and (len(first), len(second)) of ``sweep_success``.

    marks : {name: (first, second)} to point out, such as what was identified.
    """
    (across, columns), (up, rows) = fields.items()
    figure, axes = new_figure(*size, layout="compressed")
    style_axes(axes, title, AXES[across], AXES[up])
    axes.grid(False)
    shading = {"shading": "nearest", "cmap": MAP, "vmin": 0, "vmax": 1}
    bar = figure.colorbar(axes.pcolormesh(columns, rows, np.asarray(success).T, **shading), ax=axes, label="Success")
    bar.outline.set_visible(False)
    for name, place in (marks or {}).items():
        axes.plot(*place, "*", color="white", markeredgecolor=BLACK, markersize=14)
        axes.annotate(name, place, xytext=(8, 6), textcoords="offset points", fontsize=9, color="white")
    return figure


def drawn_physics(
    samples: Mapping[str, object],
    fields: Mapping[str, str] | Sequence[str],
    *,
    title: str = "What a thousand arms get",
    size: tuple[float, float] | None = None,
) -> Figure:
    """Histograms of what was drawn: {name: ``PhysicsParams`` with fields (n,)}, one small picture a field.

    fields : names of fields, or {field: what to write below it}.
    """
    labels = fields if isinstance(fields, Mapping) else {field: AXES[field] for field in fields}
    figure, axes = new_figure(*(size or (2.5 * len(labels), 2.4)), columns=len(labels), squeeze=False)
    for one, (field, label) in zip(axes[0], labels.items(), strict=True):
        style_axes(one, "", label)
        one.xaxis.set_major_locator(MaxNLocator(2, integer=field == "action_delay"))
        one.set_yticks([])
        drawn = {name: np.atleast_1d(getattr(physics, field)) for name, physics in samples.items()}
        bins = _bins(field, np.concatenate(list(drawn.values())))
        for (name, values), colour in zip(drawn.items(), CYCLE, strict=False):
            weights = np.full(len(values), 1 / len(values))
            one.hist(values, bins=bins, weights=weights, color=colour, alpha=0.5, label=name)
    if len(samples) > 1:
        handles, names = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, names, loc="upper right", ncols=len(names), frameon=False, fontsize=9)
    figure.suptitle(title, x=0.01, ha="left", fontsize=10.5, fontweight="bold", color=BLACK)
    return figure


def _bins(field: str, values: np.ndarray) -> np.ndarray:
    """Edges of bars: one a whole number of delays, 25 of everything else, and of a single value a narrow one."""
    low, high = values.min(), values.max()
    if field == "action_delay":
        return np.arange(low - 0.5, high + 1.0)
    margin = 0.02 * (high - low) or 0.05 * abs(high) or 1.0
    return np.linspace(low - margin, high + margin, 26)


def confidence_ellipses(
    fits: Mapping[str, tuple],
    labels: tuple[str, str],
    *,
    true: tuple[float, float] | None = None,
    title: str = "95 % of what fits the log",
) -> Figure:
    """How sure two fitted numbers are: {name: (mean (2,), covariance (2, 2))}, an ellipse each.

    true : where the truth lies, if it is known.
    """
    figure, axes = new_figure(5.4, 4.0)
    style_axes(axes, title, *labels)
    for (name, (mean, covariance)), colour in zip(fits.items(), CYCLE, strict=False):
        sizes, directions = np.linalg.eigh(covariance)
        # 95 % of a Gaussian in the plane lie where the squared distance is below 5.99 (chi squared, two degrees)
        width, height = 2 * np.sqrt(5.991 * sizes.clip(0))
        angle = np.degrees(np.arctan2(directions[1, 0], directions[0, 0]))
        style = {"facecolor": colour, "edgecolor": colour, "alpha": 0.3, "linewidth": 1.5}
        axes.add_patch(Ellipse(mean, width, height, angle=angle, label=name, **style))
        axes.plot(*mean, ".", color=colour, markersize=8)
    if true is not None:
        axes.plot(*true, "+", color=RED, markersize=13, markeredgewidth=2, label="truth")
    axes.autoscale_view()
    axes.legend(frameon=False, fontsize=9)
    return figure
