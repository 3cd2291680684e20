"""Single environments, one or several copies, stepped together and held to Gymnasium's contract."""

from __future__ import annotations

from collections.abc import Sequence

import gymnasium as gym
import numpy as np
from array_api_compat import is_torch_array
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from rlbook.arrays import in_numpy

RESET_FORM = "reset(*, seed=None, options=None) that returns (observation, info)"
STEP_FORM = "the five of Gymnasium: observation, reward, terminated, truncated, info"


class CheckedVectorEnv(VectorEnv):
    """Environments of one kind, stepped one after the other; whoever finishes waits for a reset (mode DISABLED).

    envs : the environments.   owned : whether closing this one closes them; by default they belong to the caller.

    What an environment hands over is checked as it comes: ValueError naming the step, and what was wrong, for ``reset``
    and ``step`` of another form than Gymnasium's, an observation that is none of its space's shape and kind, a reward
    that is no number, and flags that are not true or false.
    """

    def __init__(self, envs: Sequence[gym.Env], *, owned: bool = False):
        self._envs, self._owned, self.num_envs = list(envs), owned, len(envs)
        self.single_observation_space, self.single_action_space = envs[0].observation_space, envs[0].action_space
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self.metadata = {"autoreset_mode": AutoresetMode.DISABLED}
        self._observations = np.zeros(self.observation_space.shape, self.observation_space.dtype)
        self._n_steps = 0

    def reset(self, *, seed: int | None = None, options: dict | None = None):
        """New episodes in all copies, or in those of ``options["reset_mask"]``; copy i is seeded with ``seed + i``."""
        mask = (options or {}).get("reset_mask", np.ones(self.num_envs, dtype=bool))
        for i in np.flatnonzero(mask):
            self._observations[i] = self._reset_one(self._envs[i], None if seed is None else seed + int(i))
        return self._observations.copy(), {}

    def step(self, actions):
        self._n_steps += 1
        reward = np.zeros(self.num_envs)
        terminated, truncated = np.zeros((2, self.num_envs), dtype=bool)
        for i, (env, action) in enumerate(zip(self._envs, actions, strict=True)):
            answer = env.step(action)
            if not isinstance(answer, tuple) or len(answer) != 5:
                raise ValueError(f"step {self._n_steps}: step returned {described(answer)}; accepted are {STEP_FORM}")
            observation, reward[i], terminated[i], truncated[i] = self._checked_step(*answer[:4])
            self._observations[i] = observation
        return self._observations.copy(), reward, terminated, truncated, {}

    def close_extras(self, **kwargs):
        if self._owned:
            for env in self._envs:
                env.close()

    def _reset_one(self, env: gym.Env, seed: int | None) -> np.ndarray:
        try:
            answer = env.reset(seed=seed)
        except TypeError as error:
            if "unexpected keyword argument 'seed'" not in str(error):
                raise
            raise ValueError(f"reset of {type(env).__name__} takes no seed; accepted is {RESET_FORM}") from error
        if not isinstance(answer, tuple) or len(answer) != 2 or not isinstance(answer[1], dict):
            raise ValueError(f"step {self._n_steps}: reset returned {described(answer)}; accepted is {RESET_FORM}")
        return self._checked_observation(answer[0])

    def _checked_step(self, observation, reward, terminated, truncated):
        number = in_numpy(reward)
        if number.shape != () or number.dtype.kind not in "biuf":
            raise ValueError(f"step {self._n_steps}: the reward is {reward!r}; accepted is one number")
        for name, flag in (("terminated", terminated), ("truncated", truncated)):
            if not isinstance(flag, bool | np.bool_) and (np.size(flag) != 1 or flag not in (0, 1)):
                raise ValueError(f"step {self._n_steps}: {name} is {flag!r}; accepted are True and False")
        return self._checked_observation(observation), float(number), bool(terminated), bool(truncated)

    def _checked_observation(self, observation) -> np.ndarray:
        space = self.single_observation_space
        try:
            values = in_numpy(observation)
            fits = values.shape == space.shape and values.dtype.kind in ("iu" if space.dtype.kind in "iu" else "biuf")
            if fits and space.dtype.kind in "iu" and values.dtype != space.dtype:
                fits = bool((values.astype(space.dtype) == values).all())  # 300 would become 44 in a uint8
        except ValueError:  # a ragged list
            fits = False
        if not fits:
            raise ValueError(
                f"step {self._n_steps}: the observation is {described(observation)}; accepted is one of {space}"
            )
        return values


def described(value) -> str:
    """What somebody's environment handed over, short enough for one sentence."""
    if isinstance(value, tuple):
        return f"{len(value)} values"
    if isinstance(value, np.ndarray):
        few = f" that holds {value.min()} to {value.max()}" if value.size and value.dtype.kind in "biuf" else ""
        return f"an array of shape {value.shape} and type {value.dtype}{few}"
    if is_torch_array(value):
        return f"a tensor of shape {tuple(value.shape)}"
    return f"{value!r:.60}"
