"""Stepping environments: one loop for every learner, the door where their answers are checked, and evaluation."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from array_api_compat import is_torch_array
from gymnasium.vector import AutoresetMode, VectorEnv

from rlbook.arrays import are_numbers, in_numpy, namespace
from rlbook.envs.contract import CheckedVectorEnv, described
from rlbook.returns import discounted_return
from rlbook.validation import check_arguments


def checked_env(env) -> gym.Env | VectorEnv:
    """The environment itself; ValueError in one sentence for what is none of Gymnasium's."""
    if isinstance(env, gym.Env | VectorEnv):
        return env
    accepted = "accepted are Gymnasium environments"
    if isinstance(env, str):
        raise ValueError(f"the environment is {env!r}, a name; {accepted}: gym.make({env!r})")
    if inspect.isclass(env):
        raise ValueError(f"the environment is the class {env.__name__}; {accepted}, here {env.__name__}()")
    library = type(env).__module__.partition(".")[0]
    hint = " from gym.make or gym.make_vec" if library == "stable_baselines3" else ""
    raise ValueError(f"the environment is a {type(env).__name__} of {library}; {accepted}{hint}")


def single_spaces(env: gym.Env | VectorEnv) -> tuple[gym.Space, gym.Space]:
    """The observation and the action space of one copy."""
    if isinstance(env, VectorEnv):
        return env.single_observation_space, env.single_action_space
    return env.observation_space, env.action_space


def check_spaces(env: gym.Env | VectorEnv, *, state_dim=None, n_states=None, action_dim=None, n_actions=None) -> None:
    """Raise ValueError unless the spaces are those that are named.

    state_dim : vectors (state_dim,).   n_states : the numbers 0 to n_states - 1.   action_dim and n_actions likewise.
    """
    states, actions = single_spaces(checked_env(env))
    for name, space, width, count in (
        ("observation", states, state_dim, n_states),
        ("action", actions, action_dim, n_actions),
    ):
        if width is not None and (not isinstance(space, gym.spaces.Box) or space.shape != (width,)):
            raise ValueError(f"the {name} space is {space}; accepted is a Box of shape ({width},)")
        if name == "action" and width is not None and space.dtype.kind != "f":
            raise ValueError(f"the action space is {space}, of whole numbers; accepted is a Box of floats")
        if count is not None and (not isinstance(space, gym.spaces.Discrete) or (space.n, space.start) != (count, 0)):
            raise ValueError(f"the {name} space is {space}; accepted is Discrete({count}), counted from 0")


class Step(NamedTuple):
    """One step of n environments, as it truly was.

    next_state (n, ...); reward, terminated, truncated (n,); ``real`` (n,) is False where the environment only began a
    new episode, which is no step at all.
    """

    next_state: Any
    reward: Any
    terminated: Any
    truncated: Any
    real: Any


class TrueSteps:
    """Steps environments, whatever their autoreset mode, and tells the transitions as they truly were.

    Gymnasium's vector environments begin a new episode in one of three ways, and in two of them what ``step`` returns
    after the end of an episode is not that episode's last observation: SAME_STEP returns the new episode's first one
    (the last is in ``info["final_obs"]``), NEXT_STEP spends a step on the reset. DISABLED waits for a reset.

    Parameters
    ----------
    env : a vector environment of n copies, or a single environment, then n = 1. It is never closed here.
    seed : of the first reset.
    device : None for NumPy arrays, or a torch device for tensors there; environments of either kind serve both.

    ``state`` (n, ...) holds the observations to act on next. All that is handed out are copies, since an environment
    may hand out the memory it works in. Environments with ``hands_out_copies`` (rlbook's own tables: their numbers were
    checked when they were made) are taken at their word, which saves a fifth of a step of Q-learning.

    Raises ValueError, naming the step, for an environment that breaks Gymnasium's contract: answers of another shape,
    observations and rewards that are not finite, or outside a discrete observation space, and flags that are neither
    bool nor 0 and 1 (which become bool).
    """

    def __init__(self, env: gym.Env | VectorEnv, seed: int, device=None):
        self._envs = checked_env(env) if isinstance(env, VectorEnv) else CheckedVectorEnv([checked_env(env)])
        self._mode, self._device = self._envs.metadata.get("autoreset_mode"), device
        if not isinstance(self._mode, AutoresetMode):
            raise ValueError(
                f"the environment's autoreset_mode is {self._mode!r}; accepted is a gymnasium AutoresetMode"
            )
        space = self._envs.single_observation_space
        if space.shape is None:
            raise ValueError(f"the observation space is {space}; accepted are spaces of arrays, such as Box")
        self._shapes = {"observation": (self._envs.num_envs, *space.shape)}
        self._n_states = int(space.n) if isinstance(space, gym.spaces.Discrete) else None
        self.num_envs, self.n_steps = self._envs.num_envs, 0
        self._as_it_is = device is None and getattr(self._envs.unwrapped, "hands_out_copies", False)
        observations, _ = self._envs.reset(seed=seed)
        self._env_device = observations.device if is_torch_array(observations) else None
        self.state = self._received(observations, "observation")
        self._real = _converted(np.ones(self.num_envs, dtype=bool), device)  # False where the next step is only a reset

    def step(self, action) -> Step:
        """Act, and learn what became of it; ``action`` has one row an environment, NumPy or torch."""
        self.n_steps += 1
        observations, reward, terminated, truncated, info = self._envs.step(_converted(action, self._env_device))
        next_state = self._received(observations, "observation")
        reward = self._received(reward, "reward")
        terminated, truncated = self._received(terminated, "terminated"), self._received(truncated, "truncated")
        done, real, self.state = terminated | truncated, self._real, next_state
        if self._mode is AutoresetMode.NEXT_STEP:
            self._real = ~done
        elif done.any():
            next_state = self._end_episodes(next_state, done, info)
        return Step(next_state, reward, terminated, truncated, real)

    def _end_episodes(self, observed, done, info):
        """Begin new episodes where they are ``done``; returns the observations that truly came last."""
        if self._mode is AutoresetMode.DISABLED:
            observations, _ = self._envs.reset(options={"reset_mask": _converted(done, self._env_device)})
            self.state = self._received(observations, "observation")
            return observed
        if not isinstance(info, dict) or "final_obs" not in info:
            raise ValueError(
                f"step {self.n_steps}: the environment's autoreset_mode is SAME_STEP, and info holds no 'final_obs'; "
                "accepted are the last observations of the episodes that ended"
            )
        last, final = info["final_obs"], _converted(observed, self._device, copy=True)
        if isinstance(last, np.ndarray) and last.dtype.kind == "O":  # Gymnasium leaves None where no episode ended
            last = np.stack([observed[i] if row is None else row for i, row in enumerate(last)])
        final[done] = _converted(self._formed(last, "observation"), self._device)[done]
        return self._checked("observation", final)

    def _received(self, values, what: str):
        """A copy, checked, of the kind that is asked for."""
        if self._as_it_is:
            return values
        return self._checked(what, _converted(self._formed(values, what), self._device, copy=True))

    def _formed(self, values, what: str):
        """The values; ValueError where they are no numbers, or of another shape."""
        wanted = self._shapes.get(what, (self.num_envs,))
        if not are_numbers(values, wanted):
            raise ValueError(
                f"step {self.n_steps}: the {what} is {described(values)}; accepted are numbers of shape {wanted}"
            )
        return values

    def _checked(self, what: str, values):
        """The values, flags as bool and states as int64; ValueError for those that cannot be."""
        xp, kind = namespace(values), values.dtype
        if what in ("terminated", "truncated"):
            if kind == xp.bool:
                return values
            good, accepted, kind = (values == 0) | (values == 1), "True and False", xp.bool
        elif what == "observation" and self._n_states is not None:
            if kind == xp.int64 and values.min() >= 0 and values.max() < self._n_states:
                return values
            good = (values >= 0) & (values < self._n_states) & (values % 1 == 0)
            accepted, kind = f"the states 0 to {self._n_states - 1}", xp.int64
        else:
            if math.isfinite(values.sum()):  # one number tells for all: NaN and infinities add up to nothing finite
                return values
            good, accepted = xp.isfinite(values), "finite numbers"
        bad = in_numpy(~good).nonzero()[0]
        if len(bad):
            copy = int(bad[0])
            raise ValueError(
                f"step {self.n_steps}: the {what} of copy {copy} is {values[copy]}; accepted are {accepted}"
            )
        return xp.astype(values, kind)


def _converted(values, device, copy: bool = False):
    """``values`` as a NumPy array for device None, or as a torch tensor there; a copy if asked."""
    if device is None:
        return np.array(in_numpy(values)) if copy else in_numpy(values)
    import torch

    if is_torch_array(values):
        return values.detach().to(device, copy=copy)
    return torch.tensor(values, device=device) if copy else torch.as_tensor(values, device=device)


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


def evaluate(
    policy: Callable, envs: gym.Env | VectorEnv, n_episodes: int = 100, seed: int = 0, gamma: float = 1.0
) -> Evaluation:
    """Play ``n_episodes`` with ``policy(states (n, ...)) -> actions (n, ...)``, NumPy arrays, and report every one.

    Every copy plays the same number of episodes: taking the first that end would favour the short ones. Raises
    ValueError for actions of another shape, and for arguments outside their meanings.
    """
    arguments = {"n_episodes": n_episodes, "seed": seed, "gamma": gamma}
    check_arguments(arguments, count=("n_episodes",), natural=("seed",), unit=("gamma",), single=True)
    if not callable(policy):
        hint = (
            ": lambda states: agent.select_action(states, training=False)" if hasattr(policy, "select_action") else ""
        )
        raise ValueError(f"the policy is a {type(policy).__name__}; accepted are functions of the states{hint}")
    n_episodes, steps = int(n_episodes), TrueSteps(envs, int(seed))
    n, quota = steps.num_envs, -(-n_episodes // steps.num_envs)
    wanted = (n, *(single_spaces(envs)[1].shape or ()))
    first, rewards, begun = steps.state.copy(), [], np.zeros(n, dtype=int)
    episodes: list[list[tuple]] = [[] for _ in range(n)]
    while min(map(len, episodes)) < quota:
        action = policy(steps.state)
        if not are_numbers(action, wanted):
            raise ValueError(f"the policy returned {described(action)}; accepted are actions of shape {wanted}")
        _, reward, terminated, truncated, real = steps.step(action)
        rewards.append(reward)
        for i in np.flatnonzero(terminated | truncated):
            earned = np.array([each[i] for each in rewards[begun[i] :]])
            ending = earned.sum(), discounted_return(earned, gamma), len(earned), terminated[i]
            episodes[i].append((*ending, first[i].copy()))
        begins = terminated | truncated | ~real  # with NEXT_STEP, the reset is no part of the episode
        first[begins], begun[begins] = steps.state[begins], len(rewards)
    chosen = [episode for of_copy in episodes for episode in of_copy[:quota]][:n_episodes]
    return Evaluation(*(np.array(column) for column in zip(*chosen, strict=True)))
