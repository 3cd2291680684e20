"""Policies that draw their actions: what they do and expect in every pose, how they narrow, and what clipping does."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from rlbook.envs.arm.reach import ReachVectorEnv
from rlbook.losses import clipped_surrogate_loss, gaussian_log_prob
from rlbook.plots.arms import torus_angles
from rlbook.plots.style import BLACK, BLUE, CYCLE, GREY, MAP, RED, new_figure, style_axes

_TURNS = {"origin": "lower", "extent": (-180, 180, -180, 180)}
_ARROWS = 17  # along each joint


def poses_at_rest(target, resolution: int = 61) -> np.ndarray:
    """What a two-joint arm at rest observes in every pose of ``torus_angles``: target (2,) in m -> (R * R, 10)."""
    envs = ReachVectorEnv(resolution**2)
    poses = {"q": torus_angles(resolution).reshape(-1, 2), "qd": np.zeros(2), "target": np.asarray(target)}
    return envs.reset(options=poses)[0]


def policy_maps(value, torque, *, title: str = "Value of a pose") -> Figure:
    """What a policy expects of every pose, and the torque of each joint that it likes best there.

    value : (R, R).   torque : (R, R, 2), in units of ``max_torque``; both on the grid of ``torus_angles``.
    """
    value, torque = _on_the_grid(value, torque)
    figure, axes = new_figure(10.6, 3.5, columns=3, layout="compressed", sharey=True)
    shown = [(value, title, {"cmap": MAP})]
    for joint in (0, 1):
        shown.append((torque[..., joint], f"Mean torque of joint {joint + 1}", {"cmap": "PuOr", "vmin": -1, "vmax": 1}))
    for one, (numbers, name, colours) in zip(axes, shown, strict=True):
        _joint_axes(one, name)
        bar = figure.colorbar(one.imshow(numbers, **_TURNS, **colours), ax=one)
        bar.outline.set_visible(False)
    for one in axes[1:]:
        one.set_ylabel("")
    return figure


def policy_arrows(value, torque, *, title: str = "Where the torques push") -> Figure:
    """The mean torques as arrows in the space of joint angles, upon the values; arguments as of ``policy_maps``."""
    value, torque = _on_the_grid(value, torque)
    figure, axes = new_figure(5.4, 4.4, layout="compressed")
    _joint_axes(axes, title)
    bar = figure.colorbar(axes.imshow(value, **_TURNS, cmap=MAP), ax=axes, label="Value")
    bar.outline.set_visible(False)
    middles = np.degrees(torus_angles(len(value))[0, :, 0])
    chosen = np.unique(np.linspace(0, len(value) - 1, _ARROWS).round().astype(int))
    arrows = torque[np.ix_(chosen, chosen)].clip(-1, 1)
    style = {"color": "white", "scale": 22, "width": 0.005, "pivot": "mid"}
    axes.quiver(middles[chosen], middles[chosen], arrows[..., 0], arrows[..., 1], **style)
    return figure


def gaussian_narrowing(moments: Mapping[str, tuple[float, float]], *, bounds=(-1.0, 1.0)) -> Figure:
    """The density of one action in one state at several times: {name: (mean, standard deviation)}.

    bounds : where the environment clips what is sent to it.
    """
    figure, axes = new_figure(6.4, 3.4)
    style_axes(
        axes,
        "One state, one joint: the Gaussian that torques are drawn from",
        "Torque, drawn (of the largest)",
        "Density",
    )
    reach = max(abs(mean) + 3 * std for mean, std in moments.values())
    action = np.linspace(-reach, reach, 601)
    for (name, (mean, std)), colour in zip(moments.items(), CYCLE, strict=False):
        density = np.exp(gaussian_log_prob(action[:, None], np.full((601, 1), mean), np.log([std])))
        axes.plot(action, density, color=colour, linewidth=1.8, label=f"{name}: $\\sigma$ = {std:.2f}")
    for bound, label in zip(bounds, ("limits of the motor", None), strict=True):
        axes.axvline(bound, color=GREY, linewidth=1.0, linestyle=(0, (5, 3)), label=label)
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, fontsize=9)
    return figure


def clipped_objective(clip_epsilon: float = 0.2) -> Figure:
    """What PPO gains from a ratio, for an action that was better than expected and for one that was worse."""
    ratio = np.linspace(0, 2, 401)
    figure, axes = new_figure(7.4, 3.1, columns=2)
    for one, advantage in zip(axes, (1.0, -1.0), strict=True):
        better = "better" if advantage > 0 else "worse"
        style_axes(one, f"A = {advantage:+.0f}: {better} than expected".replace("-", "\N{MINUS SIGN}"), r"Ratio $\rho$")
        one.plot(ratio, ratio * advantage, color=GREY, linewidth=1.2, linestyle=(0, (5, 3)), label=r"$\rho A$")
        gain = -clipped_surrogate_loss(ratio, np.full_like(ratio, advantage), clip_epsilon)
        one.plot(ratio, gain, color=BLUE, linewidth=2.2, label="PPO's gain")
        one.axvspan(1 - clip_epsilon, 1 + clip_epsilon, color=BLUE, alpha=0.08, linewidth=0)
        one.plot(1, advantage, "o", color=RED, markersize=7, zorder=4)
        one.set_xlim(0, 2)
    axes[0].set_ylabel("Gain", fontsize=9.5)
    axes[0].legend(frameon=False, fontsize=9, loc="upper left")
    return figure


def ratio_histogram(ratios: Mapping[str, np.ndarray], clip_epsilon: float = 0.2) -> Figure:
    """How far single ratios went, on a logarithmic scale: {name: ratios (n,)}, and the share beyond the clip."""
    figure, axes = new_figure(6.8, 3.4)
    style_axes(axes, "Ratios after the passes over one rollout", r"Ratio $\rho = \pi / \pi_{old}$", "Share of actions")
    within = [np.asarray(values).clip(1 / 20, 20) for values in ratios.values()]  # a ratio can be 0 to all digits
    reach = max(3 * clip_epsilon, *(abs(np.log(values)).max() for values in within))
    bins = np.exp(np.linspace(-reach, reach, 61))
    for (name, values), colour in zip(ratios.items(), CYCLE, strict=False):
        values = np.asarray(values)
        beyond = (abs(values - 1) > clip_epsilon).mean()
        weights = np.full(len(values), 1 / len(values))
        style = {"color": colour, "linewidth": 1.8, "histtype": "step", "label": f"{name}: {beyond:.0%} beyond"}
        axes.hist(values.clip(bins[0], bins[-1]), bins=bins, weights=weights, **style)
    axes.set_xscale("log")
    ticks = [tick for tick in (0.05, 0.1, 0.2, 0.5, 0.8, 1, 1.2, 2, 5, 10, 20) if bins[0] <= tick <= bins[-1]]
    cut = reach > np.log(19.99)
    names = {0.05: "\u2264 0.05", 20: "\u2265 20"} if cut else {}
    axes.set_xticks(ticks, [names.get(tick, f"{tick:g}") for tick in ticks])
    axes.minorticks_off()
    for bound in (1 - clip_epsilon, 1 + clip_epsilon):
        axes.axvline(bound, color=BLACK, linewidth=1.0, linestyle=(0, (5, 3)))
    axes.legend(frameon=False, fontsize=9)
    return figure


def diagnostics(stats: Mapping[str, np.ndarray]) -> Figure:
    """What PPO measured in every update, such as ``agent.stats``: entropy, KL, clipped share, explained variance."""
    shown = {
        "entropy": "Entropy (nats)",
        "approximate_kl": "KL from the policy that acted (nats)",
        "clip_fraction": "Share of ratios beyond the clip",
        "explained_variance": "Explained variance",
    }
    figure, axes = new_figure(9.6, 2.5, columns=len(shown))
    for one, (name, title), colour in zip(axes, shown.items(), CYCLE, strict=False):
        style_axes(one, "", "Update")
        one.set_title(title, loc="left", fontsize=9, color=BLACK)
        one.plot(np.arange(1, len(stats[name]) + 1), stats[name], color=colour, linewidth=1.6)
    return figure


def bias_and_spread(gae_lambda, bias, spread) -> Figure:
    """Errors of advantage estimates against lambda: what is wrong on average, and what chance adds; (L,) each."""
    figure, axes = new_figure(6.4, 3.3)
    style_axes(axes, "An advantage is either biased or noisy", r"$\lambda$", "Error of one estimate")
    axes.plot(gae_lambda, bias, "o-", color=BLUE, linewidth=1.8, label="bias: the critic's errors")
    axes.plot(gae_lambda, spread, "s-", color=RED, linewidth=1.8, label="spread: chance")
    both = np.hypot(bias, spread)
    axes.plot(
        gae_lambda, both, color=BLACK, linewidth=1.2, linestyle=(0, (5, 3)), label=r"both: $\sqrt{bias^2 + spread^2}$"
    )
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, fontsize=9)
    return figure


def _on_the_grid(value, torque) -> tuple[np.ndarray, np.ndarray]:
    value, torque = np.asarray(value), np.asarray(torque)
    if value.ndim != 2 or torque.shape != (*value.shape, 2):
        raise ValueError(f"value has shape {value.shape} and torque {torque.shape}; accepted are (R, R) and (R, R, 2)")
    return value, torque


def _joint_axes(axes, title: str) -> None:
    style_axes(axes, title, "Joint 1 (degrees)", "Joint 2 (degrees)")
    axes.grid(False)
    axes.set_xticks(range(-180, 181, 90)), axes.set_yticks(range(-180, 181, 90))
