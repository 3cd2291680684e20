"""Many copies of one small world, stepped as one NumPy batch."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from gymnasium.wrappers import TimeLimit

from rlbook.envs.contract import CheckedVectorEnv
from rlbook.envs.copies import copy_of
from rlbook.envs.grid_world import GridWorld
from rlbook.mdp import TabularMDP
from rlbook.toy_text import (
    QUIET_WRAPPERS,
    check_model_tells_all,
    departure_from_model,
    has_model,
    is_library_world,
    layers,
)
from rlbook.validation import check_arguments


class TabularVectorEnv(VectorEnv):
    """``num_envs`` independent copies of any toy-text environment, stepped together from its model ``P``.

    A Gymnasium vector environment. Observations, actions, rewards, terminated and truncated are (num_envs,) arrays.

    Parameters
    ----------
    env : GridWorld, FrozenLake, CliffWalking, Taxi: anything with ``P`` and ``initial_state_distrib``; or a TabularMDP.
    num_envs : how many copies.
    autoreset_mode : NEXT_STEP resets a finished copy at the following step, as Gymnasium does by default; with DISABLED
        the caller resets with ``reset(options={"reset_mask": finished})``, and no step is lost.
    start : for a TabularMDP, the state in which every episode begins.
    """

    hands_out_copies = True

    def __init__(
        self,
        env: gym.Env | TabularMDP,
        num_envs: int,
        autoreset_mode: AutoresetMode = AutoresetMode.NEXT_STEP,
        start: int | None = None,
    ):
        check_arguments({"num_envs": num_envs}, count=("num_envs",), single=True)
        num_envs = int(num_envs)
        if autoreset_mode not in (AutoresetMode.NEXT_STEP, AutoresetMode.DISABLED):
            raise ValueError(f"autoreset_mode is {autoreset_mode}; accepted are NEXT_STEP and DISABLED")
        mdp, start_chances, self.max_steps = _model_of(env, start)
        self.num_envs, self.metadata = num_envs, {"autoreset_mode": autoreset_mode}
        self.single_observation_space = gym.spaces.Discrete(mdp.n_states)
        self.single_action_space = gym.spaces.Discrete(mdp.n_actions)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._n_actions, self._n_outcomes = mdp.n_actions, mdp.successors.shape[2]
        tables = mdp.successors, mdp.transition_rewards, mdp.terminated
        self._successors, self._rewards, self._terminated = (np.ascontiguousarray(table).ravel() for table in tables)
        # Outcome k is drawn when a uniform number exceeds the first k thresholds.
        thresholds = mdp.probabilities.cumsum(axis=2)[:, :, :-1]
        self._thresholds = thresholds.reshape(mdp.n_states * mdp.n_actions, self._n_outcomes - 1)
        starts = np.flatnonzero(start_chances)
        self._only_start = starts[0] if len(starts) == 1 else None
        self._start_thresholds = np.cumsum(start_chances)[:-1]
        self._states: np.ndarray | None = None
        self._steps = np.zeros(num_envs, dtype=np.intp)
        self._finished = np.ones(num_envs, dtype=bool)

    def reset(self, *, seed: int | None = None, options: dict | None = None):
        super().reset(seed=seed)
        mask = options.get("reset_mask") if options else None
        if self._states is None or mask is None:
            self._states, mask = np.zeros(self.num_envs, dtype=np.intp), np.ones(self.num_envs, dtype=bool)
        self._restart(mask.nonzero()[0])
        return self._states.copy(), {}

    def step(self, actions):
        if self._states is None:
            raise gym.error.ResetNeeded("the episodes have not begun; call reset() first")
        actions = np.asarray(actions)
        self._check_actions(actions)
        index = self._states * self._n_actions + actions
        if self._n_outcomes > 1:
            exceeded = self.np_random.random((self.num_envs, 1)) >= self._thresholds.take(index, axis=0)
            index = index * self._n_outcomes + exceeded.sum(axis=1)
        self._states = self._successors.take(index)
        rewards, terminated = self._rewards.take(index), self._terminated.take(index)
        self._steps += 1
        truncated = (self._steps >= self.max_steps) & ~terminated
        if self.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP:
            self._autoreset(rewards, terminated, truncated)
        return self._states.copy(), rewards, terminated, truncated, {}

    def _autoreset(self, rewards, terminated, truncated) -> None:
        """Copies that finished at the step before start anew; what their action did is discarded."""
        if self._finished.any():
            rewards[self._finished], terminated[self._finished], truncated[self._finished] = 0.0, False, False
            self._restart(np.flatnonzero(self._finished))
        self._finished = terminated | truncated

    def _check_actions(self, actions: np.ndarray) -> None:
        if actions.shape != (self.num_envs,) or actions.dtype.kind not in "iu":
            raise ValueError(f"the actions are {actions!r}; accepted are {self.num_envs} whole numbers")
        if np.minimum.reduce(actions) < 0 or np.maximum.reduce(actions) >= self._n_actions:
            raise ValueError(f"the actions are {actions}; accepted are 0 to {self._n_actions - 1}")

    def _restart(self, index: np.ndarray) -> None:
        self._steps[index], self._finished[index] = 0, False
        if self._only_start is not None:
            self._states[index] = self._only_start
        else:
            draws = self.np_random.random(len(index))
            self._states[index] = np.searchsorted(self._start_thresholds, draws, side="right")


def grid_world_vector(
    num_envs: int = 1,
    *,
    autoreset_mode: AutoresetMode = AutoresetMode.NEXT_STEP,
    max_episode_steps: int | None = None,
    **arguments,
) -> TabularVectorEnv:
    """The vector entry point of ``rlbook/GridWorld-v0``; ``max_episode_steps`` as ``gym.make`` has it."""
    world = GridWorld(**arguments)
    limited = world if max_episode_steps is None else TimeLimit(world, max_episode_steps)
    return TabularVectorEnv(limited, num_envs, autoreset_mode)


def as_vector_env(env: gym.Env | VectorEnv, num_envs: int) -> VectorEnv:
    """A vector environment of ``num_envs`` copies whose finished copies wait to be reset by the caller.

    Copies of a toy-text environment that does what its ``P`` says are one batch. Of anything else, a single copy is the
    environment itself, and several are deep copies of it as it is now, each with random numbers of its own.

    Whoever calls this closes what was made: ``if envs is not env: envs.close()``, or the ``with`` block of
    ``vector_copies``. That closes the copies and never ``env`` itself.

    Raises ValueError for an environment that cannot be copied, and for a vector environment that does not fit.
    """
    if isinstance(env, VectorEnv):
        mode = env.metadata.get("autoreset_mode")
        if env.num_envs != num_envs or mode is not AutoresetMode.DISABLED:
            raise ValueError(
                f"the vector environment has {env.num_envs} copies and autoreset_mode {mode}; "
                f"accepted are {num_envs} copies and AutoresetMode.DISABLED"
            )
        return env
    if _can_be_a_batch(env):
        return TabularVectorEnv(env, num_envs, AutoresetMode.DISABLED)
    check_arguments({"num_envs": num_envs}, count=("num_envs",))
    if num_envs == 1:
        return CheckedVectorEnv([env])
    return CheckedVectorEnv([copy_of(env, number) for number in range(num_envs)], owned=True)


@contextlib.contextmanager
def vector_copies(env: gym.Env | VectorEnv, num_envs: int) -> Iterator[VectorEnv]:
    """``as_vector_env`` for a ``with`` block, at whose end the copies are closed; ``env`` itself stays open."""
    envs = as_vector_env(env, num_envs)
    try:
        yield envs
    finally:
        if envs is not env:
            envs.close()


def _can_be_a_batch(env: gym.Env) -> bool:
    """Whether a batch stepped from ``P`` is all that the environment is: nothing changes it, nobody looks on."""
    *wrappers, world = layers(env)
    quiet = all(type(wrapper) in QUIET_WRAPPERS for wrapper in wrappers) and world.render_mode != "human"
    return quiet and has_model(world) and is_library_world(world) and departure_from_model(env) is None


def _model_of(env: gym.Env | TabularMDP, start: int | None) -> tuple[TabularMDP, np.ndarray, float]:
    """The model, where episodes begin (probabilities), and after how many steps they are cut."""
    if isinstance(env, TabularMDP):
        if start is None or not 0 <= start < env.n_states:
            raise ValueError(f"start is {start}; accepted are the states 0 to {env.n_states - 1} of the TabularMDP")
        return env, np.eye(env.n_states)[start], np.inf
    if start is not None:
        raise ValueError(f"start is {start}; an environment has a start of its own, only a TabularMDP needs one")
    check_model_tells_all(env)
    base = env.unwrapped
    mdp = base.mdp() if isinstance(base, GridWorld) else TabularMDP.from_gym(env)
    return mdp, base.initial_state_distrib, _step_limit(env)


def _step_limit(env: gym.Env) -> float:
    """The shortest of all time limits: the world's own and those of the TimeLimit wrappers around it."""
    limits = [getattr(env.unwrapped, "max_steps", np.inf)]
    while isinstance(env, gym.Wrapper):
        if isinstance(env, TimeLimit):
            limits.append(env._max_episode_steps)
        env = env.env
    return min(limits)
