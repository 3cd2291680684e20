"""How well policies cross from simulation to the robot, and a safety layer between the two.

A policy is anything that acts: a function ``policy(observations (B, obs_dim)) -> actions``, or a learner with
``select_action``, which is asked to act without exploring.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence
from statistics import NormalDist

import numpy as np
from gymnasium.vector import VectorEnv, VectorWrapper

from rlbook.envs.arm.params import PhysicsParams
from rlbook.validation import check_arguments

SPEED_LIMIT = 12.0  # rad/s that a joint should not exceed beside people; its drive could do 20


def wilson_interval(successes, n, confidence: float = 0.95):
    """The rates (low, high) that fit ``successes`` out of ``n`` (Wilson 1927, eq. 1).

    (p + z^2 / 2n -+ z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n),  p = successes / n

    Unlike p -+ z sqrt(p (1 - p) / n), it stays within [0, 1] and is no single point at 0 or n successes. Numbers or
    arrays of any shape.
    """
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    p = np.asarray(successes) / n
    middle, half = p + z * z / (2 * n), z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)


# ----------------------------------------------------------------------------------------------------------- episodes


@dataclasses.dataclass(frozen=True)
class Episodes:
    """Whole episodes of one policy, an entry each.

    success (n,) bool; distance (n,) m at the end; length (n,) steps; effort (n,) mean of the squared actions;
    torque_violations, speed_violations (n,) the share of steps that asked for more than the motors' torque, or in which
    a joint was faster than the limit.
    """

    success: np.ndarray
    distance: np.ndarray
    length: np.ndarray
    effort: np.ndarray
    torque_violations: np.ndarray
    speed_violations: np.ndarray


def as_policy(agent) -> Callable:
    """``agent`` as a function of observations; ValueError for what cannot act."""
    if hasattr(agent, "select_action"):
        return lambda observations: agent.select_action(observations, training=False)
    if not callable(agent):
        raise ValueError(f"the policy is {agent!r}; accepted are functions of observations, and learners")
    return agent


def run_episodes(
    agent, envs: VectorEnv, seed: int, speed_limit: float = SPEED_LIMIT, *, options: dict | None = None
) -> Episodes:
    """The first episode of every arm of a vector environment after ``reset(seed, options)``: (num_envs,) of each.

    All arms play one episode: taking those that end first would favour the short ones.
    """
    policy, task, n = as_policy(agent), envs.unwrapped, envs.num_envs
    sums = {name: np.zeros(n) for name in ("length", "effort", "torque_violations", "speed_violations")}
    success, distance, running = np.zeros(n, dtype=bool), np.zeros(n), np.ones(n, dtype=bool)
    observations, _ = envs.reset(seed=seed, options=options)
    while running.any():
        action = np.asarray(policy(observations))
        observations, _, terminated, truncated, info = envs.step(action)
        last = np.where(_column(info, "_final_obs"), _column(info, "final_obs"), observations)
        taken = action.clip(-task.action_high, task.action_high) / task.action_high
        now = {
            "length": 1.0,
            "effort": (taken**2).mean(axis=1),
            "torque_violations": (np.abs(action) > task.action_high).any(axis=1),
            "speed_violations": (np.abs(task.read_observation(last)[1]) > speed_limit).any(axis=1),
        }
        for name, value in now.items():
            sums[name] += running * value
        ended = running & (terminated | truncated)
        success[ended], distance[ended] = info["is_success"][ended], info["distance"][ended]
        running &= ~ended
    length = sums.pop("length")
    return Episodes(success, distance, length.astype(int), **{name: total / length for name, total in sums.items()})


def _column(info: dict, name: str):
    values = info.get(name, np.zeros(1, dtype=bool))
    return values if values.ndim == 2 else values[:, None]


# ------------------------------------------------------------------------------------------------------------- reports


@dataclasses.dataclass(frozen=True)
class Transfer:
    """How one way of training fares on the robot; rates over all its agents and seeds together.

    success and its 95 % Wilson interval; by_agent (k,) success of each of its agents; episodes counted; median final
    distance in m, mean effort, and the shares of steps with violations.

    The interval is that of these agents: how agents trained with other seeds differ, ``by_agent`` shows.
    """

    success: float
    interval: tuple[float, float]
    by_agent: np.ndarray
    episodes: int
    distance: float
    effort: float
    torque_violations: float
    speed_violations: float


def transfer_report(
    agents: Mapping, robot: VectorEnv, episodes: int = 1000, seeds: Sequence[int] = (0,), speed_limit=SPEED_LIMIT
) -> dict:
    """{name: ``Transfer``} of agents on a robot, a vector environment of arms.

    agents : {name: an agent, or a list of agents that were trained alike with different seeds}.
    episodes : of every agent, at least, the same starts and targets for all; ``seeds`` are the robot's, and share them.
    """
    check_arguments({"episodes": episodes, "seeds": tuple(seeds)}, count=("episodes",), natural=("seeds",))
    if not agents or not len(seeds):
        raise ValueError(f"agents are {agents!r}, seeds {seeds!r}; accepted are one or more of both")
    rounds = -(-episodes // (len(seeds) * robot.num_envs))
    starts = [seed + 100_000 * turn for seed in seeds for turn in range(rounds)]
    report = {}
    for name, group in agents.items():
        group = group if isinstance(group, (list, tuple)) else [group]
        report[name] = _summary([[run_episodes(agent, robot, seed, speed_limit) for seed in starts] for agent in group])
    return report


def _summary(runs: list[list[Episodes]]) -> Transfer:
    def all_of(field):
        return np.array([np.concatenate([getattr(part, field) for part in of_agent]) for of_agent in runs])

    success = all_of("success")
    low, high = wilson_interval(success.sum(), success.size)
    means = {field: float(all_of(field).mean()) for field in ("effort", "torque_violations", "speed_violations")}
    distance = float(np.median(all_of("distance")))
    interval = float(low), float(high)
    return Transfer(float(success.mean()), interval, success.mean(axis=1), success.size, distance, **means)


def sweep_success(agent, make_envs: Callable, fields: Mapping[str, Sequence], episodes: int = 100, seed: int = 0):
    """Success of a policy where physics differ, one axis a field: (len(values), ...) of ``fields``, in their order.

    make_envs : ``make_envs(num_envs, physics) -> VectorEnv``, such as
        ``lambda n, physics: gym.make_vec("rlbook/ReachHold-v0", num_envs=n, physics=physics)``.
    fields : {field of ``PhysicsParams``: values to try}; every combination of them plays ``episodes`` episodes.
    """
    check_arguments({"episodes": episodes}, count=("episodes",))
    known = PhysicsParams().as_dict()
    for field in fields:
        if field not in known:
            raise ValueError(f"the swept field is {field!r}; accepted are {', '.join(known)}")
    shape = [len(values) for values in fields.values()]
    grid = np.array(list(itertools.product(*fields.values())), dtype=float).repeat(episodes, axis=0)
    physics = PhysicsParams(**dict(zip(fields, grid.T, strict=True)))
    envs = make_envs(len(grid), physics)
    success = run_episodes(agent, envs, seed).success
    envs.close()
    return success.reshape(*shape, episodes).mean(axis=-1)


# -------------------------------------------------------------------------------------------------------------- safety


class SafetyLayer(VectorWrapper):
    """Stands between a policy and the robot: limits torques, and stops an arm that goes too fast.

    A stopped arm is braked by a torque against its measured motion until its episode ends; ``stopped`` (B,) says which
    are, ``n_stops`` how often it happened.

    envs : a vector environment of arms.   torque_limit : share of ``max_torque``, above 0 up to 1.
    speed_limit : rad/s of any joint.   brake : share of ``max_torque`` for each rad/s.
    """

    def __init__(
        self, envs: VectorEnv, torque_limit: float = 1.0, speed_limit: float = SPEED_LIMIT, brake: float = 0.1
    ):
        super().__init__(envs)
        limits = {"torque_limit": torque_limit, "speed_limit": speed_limit, "brake": brake}
        check_arguments(limits, fraction=("torque_limit",), positive=("speed_limit", "brake"))
        self.torque_limit, self.speed_limit, self.brake = torque_limit, speed_limit, brake
        self.stopped, self.n_stops = np.zeros(envs.num_envs, dtype=bool), 0
        self._speed = np.zeros((envs.num_envs, 1))

    def reset(self, *, seed=None, options=None):
        observations, info = self.env.reset(seed=seed, options=options)
        self.stopped = self.stopped & ~(options or {}).get("reset_mask", np.ones(self.num_envs, dtype=bool))
        self._watch(observations)
        return observations, info

    def step(self, actions):
        limit = self.torque_limit * self.env.unwrapped.action_high
        braking = -self.brake * self.env.unwrapped.action_high * self._speed
        actions = np.where(self.stopped[:, None], braking, actions).clip(-limit, limit).astype(np.float32)
        observations, reward, terminated, truncated, info = self.env.step(actions)
        self.stopped = self.stopped & ~(terminated | truncated)
        self._watch(observations)
        return observations, reward, terminated, truncated, info

    def _watch(self, observations) -> None:
        self._speed = self.env.unwrapped.read_observation(observations)[1]
        fast = (np.abs(self._speed) > self.speed_limit).any(axis=1) & ~self.stopped
        self.n_stops += int(fast.sum())
        self.stopped = self.stopped | fast
