"""Stepping environments: the transitions as they truly were, and how a fixed policy does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv


def check_spaces(env, state_dim: int, n_actions: int) -> None:
    """Raise ValueError unless observations are vectors (state_dim,) and actions the numbers 0 to n_actions - 1."""
    states = getattr(env, "single_observation_space", env.observation_space)
    actions = getattr(env, "single_action_space", env.action_space)
    if not isinstance(states, gym.spaces.Box) or states.shape != (state_dim,):
        raise ValueError(f"the observation space is {states}; accepted is a Box of shape ({state_dim},)")
    if not isinstance(actions, gym.spaces.Discrete) or (actions.n, actions.start) != (n_actions, 0):
        raise ValueError(f"the action space is {actions}; accepted is Discrete({n_actions}), counted from 0")


class TrueSteps:
    """Steps a vector environment, whatever its autoreset mode, and tells the transitions as they truly were.

    Gymnasium's vector environments begin a new episode in one of three ways, and in two of them what ``step`` returns
    after the end of an episode is not that episode's last observation: SAME_STEP returns the new episode's first one
    (the last is in ``info["final_obs"]``), NEXT_STEP spends a step on the reset. DISABLED waits for a reset.

    envs : vector environment of n copies.   seed : of its first reset.
    ``state`` (n, ...) holds the observations to act on next.
    """

    def __init__(self, envs: VectorEnv, seed: int):
        self._envs, self._mode = envs, envs.metadata.get("autoreset_mode")
        if not isinstance(self._mode, AutoresetMode):
            raise ValueError(
                f"the environment's autoreset_mode is {self._mode!r}; accepted is a gymnasium AutoresetMode"
            )
        self.state = self._own(envs.reset(seed=seed)[0])
        self._resetting = np.zeros(envs.num_envs, dtype=bool)

    def step(self, action):
        """(next_state (n, ...), reward, terminated, truncated, real), (n,) each; ``real`` is False at a mere reset."""
        next_state, reward, terminated, truncated, info = self._envs.step(action)
        next_state = self._own(next_state)
        done, real = terminated | truncated, ~self._resetting
        self.state = next_state
        if self._mode is AutoresetMode.NEXT_STEP:
            self._resetting = done
        elif done.any() and self._mode is AutoresetMode.DISABLED:
            self.state = self._own(self._envs.reset(options={"reset_mask": done})[0])
        elif done.any():
            next_state = next_state.copy()
            next_state[done] = np.stack(list(info["final_obs"][done]))
        return next_state, reward, terminated, truncated, real

    def _own(self, observations):
        """A copy where the environment hands out the same memory every time: a transition needs two of its states."""
        return np.copy(observations) if getattr(self._envs.unwrapped, "copy", True) is False else observations


@dataclass(frozen=True)
class Evaluation:
    """How a fixed policy does: one entry an episode.

    returns, discounted_returns : (n,) sum of rewards, and the same discounted, both from the first step.
    lengths : (n,) steps.   terminated : (n,) the task ended the episode, not the clock.
    first_states : (n, ...) the observation each episode began with.
    """

    returns: np.ndarray
    discounted_returns: np.ndarray
    lengths: np.ndarray
    terminated: np.ndarray
    first_states: np.ndarray


def evaluate(policy: Callable, envs: VectorEnv, n_episodes: int = 100, seed: int = 0, gamma: float = 1.0) -> Evaluation:
    """Play ``n_episodes`` with ``policy(states (n, ...)) -> actions (n,)`` and report every one of them.

    Every copy plays the same number of episodes: taking the first that end would favour the short ones.
    """
    if n_episodes < 1:
        raise ValueError(f"n_episodes is {n_episodes}; accepted are 1 and more")
    steps, n = TrueSteps(envs, seed), envs.num_envs
    quota = -(-n_episodes // n)
    played, length = np.zeros(n, dtype=int), np.zeros(n, dtype=int)
    total, discounted, first = np.zeros(n), np.zeros(n), np.array(steps.state)
    episodes: list[list[tuple]] = [[] for _ in range(n)]
    while played.min() < quota:
        _, reward, terminated, truncated, real = steps.step(policy(steps.state))
        total += reward
        discounted += gamma**length * reward
        length += real
        for i in np.flatnonzero(~real):  # NEXT_STEP: the new episode begins only now
            first[i] = steps.state[i]
        for i in np.flatnonzero(terminated | truncated):
            episodes[i].append((total[i], discounted[i], length[i], terminated[i], first[i].copy()))
            total[i] = discounted[i] = length[i] = 0
            played[i], first[i] = played[i] + 1, steps.state[i]
    chosen = [episode for of_copy in episodes for episode in of_copy[:quota]][:n_episodes]
    return Evaluation(*(np.array(column) for column in zip(*chosen, strict=True)))
