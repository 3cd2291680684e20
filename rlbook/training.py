"""What every learner shares: the record of its training, the progress bar, seeds, and saving to a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from tqdm.auto import tqdm

from rlbook.validation import check_arguments


@dataclass(frozen=True)
class History:
    """What a learner lived through: one row an agent, one column an episode, NaN where an agent had fewer.

    returns : (n_agents, n_episodes) undiscounted sum of rewards.
    lengths : (n_agents, n_episodes) steps.
    end_steps : (n_agents, n_episodes) environment steps the agent had taken when the episode ended.
    metrics : named arrays of whatever else the learner measured.
    interrupted : training was stopped by hand before it was done.
    """

    returns: np.ndarray
    lengths: np.ndarray
    end_steps: np.ndarray
    metrics: dict[str, np.ndarray] = field(default_factory=dict)
    interrupted: bool = False

    def __repr__(self) -> str:
        agents, episodes = self.returns.shape
        return f"History({agents} agents, {episodes} episodes{', interrupted' if self.interrupted else ''})"


class EpisodeLog:
    """Adds up the rewards of ``n_agents`` agents that step together, each with ``n_envs`` environments of its own.

    An episode is kept in 32 bytes: agent, return, length, and when it ended.
    """

    PENDING = 4096

    def __init__(self, n_agents: int, n_envs: int = 1):
        self._n_envs = n_envs
        self._return = np.zeros(n_agents * n_envs)
        self._begin = np.zeros(n_agents * n_envs)  # the time step after which each environment's episode began
        self._time = 0
        self._tables: list[np.ndarray] = []  # (episodes, 4) each
        self._pending: list[tuple] = []  # what ended at the most recent steps, to become a table now and then
        self.n_steps = 0  # environment steps of each agent
        self.n_episodes = np.zeros(n_agents, dtype=int)

    def record(self, reward: np.ndarray, done: np.ndarray, real=True) -> np.ndarray:
        """One step of every environment: (n_agents * n_envs,) rewards and whether the episode ended.

        ``real`` is False where the step only began a new episode. Returns the numbers of the environments that ended an
        episode.
        """
        self._return += reward
        self._time += 1
        self.n_steps += self._n_envs
        if real is not True:
            self._begin += ~real
        ended = done.nonzero()[0]
        if ended.size:
            agent = ended // self._n_envs if self._n_envs > 1 else ended
            self._pending.append((agent, self._return.take(ended), self._time - self._begin.take(ended), self.n_steps))
            if len(self._pending) == self.PENDING:
                self._tables, self._pending = [*self._tables, self._table(self._pending)], []
            self._return[ended], self._begin[ended] = 0, self._time
            self.n_episodes += np.bincount(agent, minlength=len(self.n_episodes))
        return ended

    @property
    def recent_return(self) -> float:
        """Mean return of the last 20 episodes; NaN before the first has ended."""
        recent = np.concatenate([*self._tables[-1:], self._table(self._pending[-20:])])[-20:, 1]
        return float(recent.mean()) if len(recent) else float("nan")

    def history(self, n_episodes: int | None = None, metrics=None, interrupted: bool = False) -> History:
        """The finished episodes in the order they ended; of each agent the first ``n_episodes`` at most."""
        finished = np.concatenate([*self._tables, self._table(self._pending)])
        finished = finished[finished[:, 0].argsort(kind="stable")]
        row = finished[:, 0].astype(int)
        column = np.arange(len(row)) - np.concatenate([[0], self.n_episodes.cumsum()[:-1]])[row]
        width = self.n_episodes.max() if n_episodes is None else min(n_episodes, self.n_episodes.max())
        kept = column < width
        tables = np.full((3, len(self.n_episodes), width), np.nan)
        tables[:, row[kept], column[kept]] = finished[kept, 1:].T
        return History(*tables, metrics=metrics or {}, interrupted=interrupted)

    @staticmethod
    def _table(pending: list[tuple]) -> np.ndarray:
        """(episodes, 4): agent, return, length and end step, in the order in which the episodes ended."""
        if not pending:
            return np.empty((0, 4))
        *columns, end_steps = zip(*pending, strict=True)
        columns = [np.concatenate(column) for column in columns]
        return np.stack([*columns, np.repeat(end_steps, [len(agent) for agent, *_ in pending])], axis=1)


class Batch(NamedTuple):
    """B transitions: state and next_state (B, state_dim), action (B,) int64, reward and terminated (B,) float32."""

    state: Any
    action: Any
    reward: Any
    next_state: Any
    terminated: Any


def ring_rows(n_pushed: int, n_new: int, capacity: int) -> np.ndarray:
    """The rows (n_new,) where a memory of ``capacity`` rows puts what is new, ``n_pushed`` having come before."""
    # number i of all rows ever written lives in row i mod capacity
    return (n_pushed + np.arange(n_new)) % capacity


class ReplayBuffer:
    """The last ``capacity`` transitions, one row each in one float32 array; the oldest are overwritten."""

    def __init__(self, capacity: int = 100_000, *, state_dim: int, seed: int = 0):
        check_arguments({"capacity": capacity, "state_dim": state_dim}, count=("capacity", "state_dim"))
        self.capacity, self.state_dim = int(capacity), int(state_dim)
        self.rng = np.random.default_rng(seed)
        self._rows = np.zeros((self.capacity, 2 * self.state_dim + 3), dtype=np.float32)
        self.n_pushed = 0

    def __len__(self) -> int:
        return min(self.n_pushed, self.capacity)

    def push(self, state, action, reward, next_state, terminated) -> None:
        """Store one transition, or one of each environment: state (state_dim,) or (n, state_dim), action () or (n,)."""
        state, next_state = np.asarray(state), np.asarray(next_state)
        if state.shape != next_state.shape or state.shape[-1:] != (self.state_dim,):
            raise ValueError(
                f"state has shape {state.shape} and next_state {next_state.shape}; accepted are two of the same shape, "
                f"({self.state_dim},) or (n, {self.state_dim})"
            )
        new = np.empty((state.size // self.state_dim, self._rows.shape[1]), dtype=np.float32)
        for column, values in zip(self._fields(new), (state, action, reward, next_state, terminated), strict=True):
            column[...] = values
        self._rows[ring_rows(self.n_pushed, len(new), self.capacity)] = new
        self.n_pushed += len(new)

    def sample(self, batch_size: int, out: np.ndarray | None = None) -> Batch:
        """``batch_size`` transitions, each drawn from all that are stored.

        out : (batch_size, 2 state_dim + 3) float32 memory to write to, so that nothing is allocated.
        """
        if not self.n_pushed:
            raise ValueError("the buffer is empty; push transitions before sampling")
        index = self.rng.integers(len(self), size=batch_size)
        fields = self._fields(self._rows.take(index, axis=0, out=out, mode="clip"))
        return Batch(*fields)._replace(action=fields[1].astype(np.int64))

    def _fields(self, rows) -> tuple:
        """Views of state, action, reward, next_state, terminated in rows (n, 2 state_dim + 3)."""
        n = self.state_dim
        return rows[:, :n], rows[:, n], rows[:, n + 1], rows[:, n + 2 : -1], rows[:, -1]


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


def progress_bar(total: int, unit: str, show: bool = True) -> tqdm:
    """A progress bar that suits terminal and notebook; ``show=False`` makes it silent."""
    return tqdm(total=total, unit=unit, disable=not show, leave=False)


def check_spaces(env, state_dim: int, n_actions: int) -> None:
    """Raise ValueError unless observations are vectors (state_dim,) and actions the numbers 0 to n_actions - 1."""
    states = getattr(env, "single_observation_space", env.observation_space)
    actions = getattr(env, "single_action_space", env.action_space)
    if not isinstance(states, gym.spaces.Box) or states.shape != (state_dim,):
        raise ValueError(f"the observation space is {states}; accepted is a Box of shape ({state_dim},)")
    if not isinstance(actions, gym.spaces.Discrete) or (actions.n, actions.start) != (n_actions, 0):
        raise ValueError(f"the action space is {actions}; accepted is Discrete({n_actions}), counted from 0")


def flat_parameters(module):
    """All weights of a torch module as one vector (n_weights,), which they live in from now on; gradients likewise.

    Optimiser, gradient clipping and target networks then need one operation each in place of one a layer.
    """
    parameters = list(module.parameters())
    n_weights = sum(parameter.numel() for parameter in parameters)
    flat = parameters[0].detach().new_empty(n_weights)
    flat.grad = flat.new_zeros(n_weights)
    begin = 0
    for parameter in parameters:
        end = begin + parameter.numel()
        flat[begin:end] = parameter.detach().reshape(-1)
        parameter.data = flat[begin:end].view_as(parameter)
        parameter.grad = flat.grad[begin:end].view_as(parameter)
        begin = end
    return flat


def spawn_seeds(seed: int, n: int) -> list[int]:
    """``n`` independent seeds from one, for parts of a program that must not share a stream of random numbers."""
    return [int(child.generate_state(1)[0]) for child in np.random.SeedSequence(seed).spawn(n)]


def save_arrays(path, kind: str, arrays: dict[str, np.ndarray], config: dict) -> None:
    """Write named arrays and a JSON-able configuration to one safetensors file; ``kind`` says what it holds."""
    if not Path(path).parent.is_dir():
        raise FileNotFoundError(f"no folder {Path(path).parent} to save {Path(path).name} in")
    contents = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    save_file(contents, path, metadata={"kind": kind, "config": json.dumps(config)})


def load_arrays(path, kind: str) -> tuple[dict[str, np.ndarray], dict]:
    """Read what ``save_arrays`` wrote. Nothing is unpickled: a file can hold numbers only.

    Raises FileNotFoundError, or ValueError where the file is damaged, foreign or of another kind.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"no file {path}")
    try:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} is no complete safetensors file: {error}") from None
    if metadata.get("kind") != kind:
        raise ValueError(f"{path} holds {metadata.get('kind', 'something foreign')!r}; accepted is {kind!r}")
    try:
        return arrays, json.loads(metadata["config"])
    except (KeyError, json.JSONDecodeError):
        raise ValueError(f"{path} has no readable configuration; accepted are files that rlbook saved") from None
