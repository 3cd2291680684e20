"""Recording arms: whole episodes to look at, and the log of what a robot measures."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from gymnasium.vector import AutoresetMode

from rlbook.envs.arm.batch import ArmVectorEnv
from rlbook.envs.arm.reach import ReachEnv, ReachTask


@dataclasses.dataclass(frozen=True)
class Recording:
    """One episode in each of B arms, T the longest; after its end an episode repeats its last state.

    q (T + 1, B, n) true joint angles in rad, points (T + 1, B, links + 1, 2) of base, joints and tip in m, target
    (B, 2 or 3) in m, distance (T + 1, B) in m; returns, lengths and successes (B,); terms {name: (B,)} the returns of
    the reward terms; dt s a step; threshold m, the success distance.
    """

    q: np.ndarray
    points: np.ndarray
    target: np.ndarray
    distance: np.ndarray
    returns: np.ndarray
    lengths: np.ndarray
    successes: np.ndarray
    terms: dict
    dt: float
    threshold: float


def record_episodes(
    env: ArmVectorEnv, policy: Callable[[np.ndarray], np.ndarray], *, seed: int | None = 0, options: dict | None = None
) -> Recording:
    """Run ``policy(observations) -> actions`` for one whole episode in every arm of a vector environment."""
    env = env.unwrapped
    mode, env.autoreset_mode = env.autoreset_mode, AutoresetMode.DISABLED  # the last state must not be lost
    try:
        return _record(env, policy, *env.reset(seed=seed, options=options))
    finally:
        env.autoreset_mode = mode
        env.reset()


def _record(env: ArmVectorEnv, policy, observations, info) -> Recording:
    read = env.arrays.to_numpy
    target, running = read(env.target).copy(), np.ones(env.num_envs, dtype=bool)
    lengths, successes, terms = np.zeros(env.num_envs, dtype=int), np.zeros(env.num_envs, dtype=bool), {}
    frames = [(read(env.q), read(env.points()), read(info["distance"]))]
    while running.any():
        observations, _, terminated, truncated, info = env.step(policy(observations))
        finished = terminated | truncated
        lengths += running
        successes |= running & read(terminated)
        for key in (key for key in info if key.startswith("reward_")):
            name = key.removeprefix("reward_")
            terms[name] = terms.get(name, 0.0) + running * read(info[key])
        frame = read(env.q), read(env.points()), read(info["distance"])
        frames.append([np.where(_like(running, new), new, old) for new, old in zip(frame, frames[-1], strict=True)])
        running &= ~read(finished)
        if finished.any():
            observations, _ = env.reset(options={"reset_mask": finished})
    q, points, distance = (np.stack(parts) for parts in zip(*frames, strict=True))
    return Recording(
        q, points, target, distance, sum(terms.values()), lengths, successes, terms, env.dt, env.goal_threshold
    )


def _like(mask: np.ndarray, values: np.ndarray) -> np.ndarray:
    return mask.reshape(-1, *[1] * (values.ndim - 1))


@dataclasses.dataclass(frozen=True)
class Trajectory:
    """What a robot's log holds of T control steps of B arms.

    time (T + 1,) s; q (T + 1, B, n) rad and qd (T + 1, B, n) rad/s as measured; torque (T, B, n) N m as commanded, held
    from ``time[t]`` to ``time[t + 1]``.
    """

    time: np.ndarray
    q: np.ndarray
    qd: np.ndarray
    torque: np.ndarray


def log_trajectory(
    env: ReachTask | ReachEnv, actions, *, seed: int | None = None, options: dict | None = None
) -> Trajectory:
    """Reset the arms and drive them with ``actions`` (T, B, n), through targets and time limits: a ``Trajectory``.

    Works on robots and in simulation alike: the log holds only what both can measure. ``options`` go to ``reset``, such
    as {"q": (B, n)}. Discrete actions are (T, B). A single environment is a batch of one, B = 1. ValueError for no
    actions, or such as ``step`` refuses, and for environments that are no ``ReachTask``.
    """
    if not len(actions):
        raise ValueError(f"actions have shape {np.shape(actions)}; accepted are (T, B, n), T at least 1")
    env = getattr(env.unwrapped, "batch", env.unwrapped)
    if not isinstance(env, ReachTask):
        raise ValueError(f"env is {env}; accepted are simulated arms and robots of rlbook, such as rlbook/Reach-v0")
    env.reset(seed=seed, options=options)
    measured, torque = [env.measure()], []
    for action in actions:
        torque.append(env.apply(action) * env.max_torque / env.action_high)
        measured.append(env.measure())
    q, qd = (np.stack([env.arrays.to_numpy(pair[k]) for pair in measured]) for k in (0, 1))
    torque = np.stack([env.arrays.to_numpy(command) for command in torque])
    return Trajectory(env.dt * np.arange(len(q)), q, qd, torque)
