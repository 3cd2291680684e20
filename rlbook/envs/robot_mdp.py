"""The base class of robot tasks with continuous states and actions."""

from __future__ import annotations

import abc

import gymnasium as gym
import numpy as np

from rlbook.validation import bounds, check_arguments


class RobotMDP(gym.Env, abc.ABC):
    """Base class of a robot task with continuous states and actions, as a Gymnasium environment.

    Read a robot arm as an MDP: the state holds joint angles (rad), joint velocities (rad/s) and where the goal is; the
    action is a vector of joint torques (N m); ``dt`` (s) is the time between two actions.

    A subclass implements ``reset``, ``step`` (Gymnasium's five values: ``terminated`` and ``truncated`` are different
    things) and ``compute_reward``.

    Parameters
    ----------
    state_dim, action_dim : sizes of the state and action vectors.
    gamma : discount in [0, 1], for learners to read.
    dt : seconds a step, positive.
    state_low, state_high : (state_dim,) bounds, infinite by default.
    action_low, action_high : (action_dim,) finite bounds, -1 and 1 by default.
    """

    def __init__(
        self,
        state_dim: int,
        action_dim: int,
        gamma: float = 0.99,
        dt: float = 0.01,
        *,
        state_low=-np.inf,
        state_high=np.inf,
        action_low=-1.0,
        action_high=1.0,
    ):
        arguments = {"state_dim": state_dim, "action_dim": action_dim, "gamma": gamma, "dt": dt}
        check_arguments(arguments, count=("state_dim", "action_dim"), unit=("gamma",), positive=("dt",))
        self.state_dim, self.action_dim = int(state_dim), int(action_dim)
        self.gamma, self.dt = float(gamma), float(dt)
        self.state_low, self.state_high = bounds("state", state_low, state_high, self.state_dim)
        self.action_low, self.action_high = bounds("action", action_low, action_high, self.action_dim)
        if not np.isfinite([self.action_low, self.action_high]).all():
            raise ValueError("the action bounds are infinite; accepted are finite bounds, the motors' limits")
        self.observation_space = gym.spaces.Box(np.float32(self.state_low), np.float32(self.state_high))
        self.action_space = gym.spaces.Box(np.float32(self.action_low), np.float32(self.action_high))

    @abc.abstractmethod
    def reset(self, *, seed: int | None = None, options: dict | None = None):
        """Start an episode: (observation (state_dim,), info)."""
        super().reset(seed=seed)

    @abc.abstractmethod
    def step(self, action):
        """One step of ``dt`` seconds: (observation, reward, terminated, truncated, info)."""

    @abc.abstractmethod
    def compute_reward(self, state, action, next_state) -> float:
        """The reward R(s, a, s') from its arguments alone."""

    def normalize_state(self, state) -> np.ndarray:
        """Bounded components to [-1, 1]; components without bounds are left as they are."""
        return _to_unit(state, self.state_low, self.state_high)

    def normalize_action(self, action) -> np.ndarray:
        """Actions within the bounds to [-1, 1]."""
        return _to_unit(action, self.action_low, self.action_high)

    def denormalize_action(self, action) -> np.ndarray:
        """[-1, 1] to the action bounds; the inverse of ``normalize_action``."""
        action = np.asarray(action, dtype=float)
        return self.action_low + (action + 1) / 2 * (self.action_high - self.action_low)


def _to_unit(values, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    values = np.asarray(values, dtype=float)
    bounded = np.isfinite(low) & np.isfinite(high)
    low, high = np.where(bounded, low, -1.0), np.where(bounded, high, 1.0)
    return 2 * (values - low) / (high - low) - 1
