"""Adaptation: policies that find out, while they act, which arm they have (Kumar et al. 2021).

1. In randomized simulation a policy is trained that is *told* the physics: ``PhysicsObservation``.
2. A module learns to estimate what it was told from the last few observations and actions: ``HistoryObservation``,
   ``learn_adaptation``. The estimates steer the policy while the module learns, so it sees the motions that they cause.
3. On the robot, which tells no physics, the estimate takes their place: ``AdaptedPolicy``. No gradient step is taken.

The plain alternative needs the first half of step 2 only: a policy trained on ``HistoryObservation`` itself.

Kumar et al. let the policy's training compress the physics into a latent vector; there are eight of ours at most, so
the policy is told them as they are.
"""

from __future__ import annotations

import dataclasses

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from gymnasium.vector.utils import batch_space
from torch import nn

from rlbook.envs.arm.params import PhysicsParams
from rlbook.learning.history import progress_bar
from rlbook.sim_to_real.randomization import DomainRandomizer, check_takes_physics
from rlbook.validation import check_arguments


def scaled_physics(physics: PhysicsParams, randomizer: DomainRandomizer, n: int) -> np.ndarray:
    """What a policy is told of the physics of ``n`` arms: each parameter, -1 at its lowest to 1 at its highest, (n, k).

    Parameters that the randomizer leaves alone are left out.
    """
    rows = []
    for field in randomizer.ranges:
        low, high = randomizer.bounds(field)
        if low < high:
            value = np.broadcast_to(np.asarray(getattr(physics, field)), n)
            rows.append(2 * (value - low) / (high - low) - 1)
    return np.stack(rows, axis=1)


class WiderObservation(VectorWrapper):
    """A vector environment whose observations (B, obs_dim) have ``width`` more numbers behind them.

    A subclass says which. Episodes must begin in the step in which others end, so that every step is a real one:
    ValueError for other kinds of automatic reset.
    """

    def __init__(self, envs: VectorEnv, width: int, bound: float):
        super().__init__(envs)
        if (mode := envs.metadata.get("autoreset_mode")) is not AutoresetMode.SAME_STEP:
            raise ValueError(f"the autoreset mode is {mode}; accepted is {AutoresetMode.SAME_STEP}")
        space, more = envs.single_observation_space, np.full(width, bound, dtype=np.float32)
        low, high = np.concatenate([space.low, -more]), np.concatenate([space.high, more])
        self.single_observation_space = gym.spaces.Box(low, high, dtype=np.float32)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)


def _beside(observations, more) -> np.ndarray:
    return np.concatenate([observations, more], axis=1, dtype=np.float32)


class PhysicsObservation(WiderObservation):
    """``scaled_physics`` of every simulated arm behind its observation."""

    def __init__(self, envs: VectorEnv, randomizer: DomainRandomizer):
        check_takes_physics(envs)
        self.randomizer = randomizer
        super().__init__(envs, scaled_physics(randomizer.defaults, randomizer, 1).shape[1], 1.0)

    def _told(self) -> np.ndarray:
        return scaled_physics(self.env.unwrapped.physics, self.randomizer, self.num_envs)

    def reset(self, *, seed=None, options=None):
        observations, info = self.env.reset(seed=seed, options=options)
        return _beside(observations, self._told()), info

    def step(self, actions):
        before = self._told()  # of the episodes that may end now
        observations, reward, terminated, truncated, info = self.env.step(actions)
        if "final_obs" in info:
            info["final_obs"] = _beside(info["final_obs"], before)
        return _beside(observations, self._told()), reward, terminated, truncated, info


class HistoryObservation(WiderObservation):
    """The last ``length`` steps of every arm behind its observation: what was seen, and what was then done.

    Each step is the first ``seen`` numbers of its observation (all by default; 3 n of a reaching arm are its angles and
    velocities) and its action. The oldest comes first; before the first step of an episode all are zero.
    """

    def __init__(self, envs: VectorEnv, length: int = 8, seen: int | None = None):
        check_arguments({"length": length, "seen": seen}, count=("length", "seen"), optional=("seen",))
        self.length, self.seen = length, seen or envs.single_observation_space.shape[0]
        self.n_actions = envs.single_action_space.shape[0]
        bound = float(np.abs(envs.single_observation_space.high[: self.seen]).max())
        super().__init__(envs, length * (self.seen + self.n_actions), max(bound, 1.0))
        self._steps = np.zeros((self.num_envs, length, self.seen + self.n_actions), dtype=np.float32)
        self._last = np.zeros((self.num_envs, self.seen), dtype=np.float32)

    @property
    def history(self) -> np.ndarray:
        """What stands behind the observations: (B, length (seen + n_actions))."""
        return self._steps.reshape(self.num_envs, -1)

    def reset(self, *, seed=None, options=None):
        observations, info = self.env.reset(seed=seed, options=options)
        self._forget((options or {}).get("reset_mask", np.ones(self.num_envs, dtype=bool)))
        return self._looked(observations), info

    def step(self, actions):
        observations, reward, terminated, truncated, info = self.env.step(actions)
        newest = np.concatenate([self._last, np.asarray(actions)], axis=1)[:, None]
        self._steps = np.concatenate([self._steps[:, 1:], newest], axis=1, dtype=np.float32)
        if "final_obs" in info:
            info["final_obs"] = _beside(info["final_obs"], self.history)
            self._forget(terminated | truncated)
        return self._looked(observations), reward, terminated, truncated, info

    def _forget(self, begun) -> None:
        self._steps = np.where(begun[:, None, None], np.float32(0), self._steps)

    def _looked(self, observations):
        self._last = observations[:, : self.seen]
        return _beside(observations, self.history)


class AdaptationModule(nn.Sequential):
    """From a history (B, history_dim) to the physics (B, n_physics), -1 to 1 each."""

    def __init__(self, history_dim: int, n_physics: int, hidden: int = 128):
        self.history_dim = history_dim
        super().__init__(
            nn.Linear(history_dim, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, n_physics),
        )

    @torch.no_grad()
    def estimate(self, history) -> np.ndarray:
        """NumPy in, NumPy out."""
        return self(torch.as_tensor(np.asarray(history), dtype=torch.float32)).numpy()


@dataclasses.dataclass(frozen=True)
class AdaptedPolicy:
    """A policy that was trained to be told the physics, and a module that tells it: observations with history in."""

    agent: object
    module: AdaptationModule

    def __call__(self, observations):
        now, history = np.split(np.asarray(observations), [-self.module.history_dim], axis=1)
        told = np.concatenate([now, self.module.estimate(history)], axis=1, dtype=np.float32)
        return self.agent.select_action(told, training=False)


def learn_adaptation(
    agent,
    envs: HistoryObservation,
    randomizer: DomainRandomizer,
    total_steps: int,
    *,
    rollout: int = 16,
    batch_size: int = 1024,
    learning_rate: float = 1e-3,
    seed: int = 0,
    progress: bool = False,
) -> tuple[AdaptedPolicy, np.ndarray]:
    """Learn to estimate physics from histories, while the estimates steer ``agent`` (Kumar et al. 2021, section III-C).

    agent : trained on ``PhysicsObservation(arms, randomizer)``.   envs : such arms again, with their histories.
    total_steps : environment steps, all arms counted; a pass over them follows every ``rollout`` steps of all arms.

    Returns the policy for the robot, and the mean squared error of every batch.
    """
    counts = {"total_steps": total_steps, "rollout": rollout, "batch_size": batch_size}
    check_arguments(counts | {"learning_rate": learning_rate}, count=counts, positive=("learning_rate",))
    n = envs.num_envs
    module = _new_module(envs.history.shape[1], scaled_physics(randomizer.defaults, randomizer, 1).shape[1], seed)
    policy, optimizer, errors = AdaptedPolicy(agent, module), torch.optim.Adam(module.parameters(), learning_rate), []
    observations, _ = envs.reset(seed=seed)
    updates = -(-total_steps // (rollout * n))
    with progress_bar(updates, "update", progress) as bar:
        for _ in range(updates):
            seen, true = [], []
            for _ in range(rollout):
                seen.append(envs.history)
                true.append(scaled_physics(envs.unwrapped.physics, randomizer, n))
                observations, *_ = envs.step(policy(observations))
            errors.append(_fit(module, optimizer, np.concatenate(seen), np.concatenate(true), batch_size))
            bar.update()
    return policy, np.array(errors)


def _new_module(history_dim: int, n_physics: int, seed: int) -> AdaptationModule:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return AdaptationModule(history_dim, n_physics)


def _fit(module, optimizer, history, physics, batch_size: int) -> float:
    """One pass over a rollout, step by step of it: the mean squared error."""
    history, physics = (torch.as_tensor(values, dtype=torch.float32) for values in (history, physics))
    losses = []
    for rows in torch.arange(len(history)).split(batch_size):
        loss = ((module(history[rows]) - physics[rows]) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return float(np.mean(losses))
