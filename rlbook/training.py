"""What every learner shares: the record of its training, the progress bar, seeds, and saving to a file."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from tqdm.auto import tqdm


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
    """Adds up the rewards of ``n_agents`` agents that step together, each with ``n_envs`` environments of its own."""

    def __init__(self, n_agents: int, n_envs: int = 1):
        self._n_envs = n_envs
        self._return = np.zeros(n_agents * n_envs)
        self._length = np.zeros(n_agents * n_envs)
        self._finished: list[tuple] = []
        self.n_steps = 0  # environment steps of each agent
        self.n_episodes = np.zeros(n_agents, dtype=int)

    def record(self, reward: np.ndarray, done: np.ndarray) -> np.ndarray:
        """One step of every environment: (n_agents * n_envs,) rewards and whether the episode ended.

        Returns the numbers of the environments that ended an episode.
        """
        self._return += reward
        self._length += 1
        self.n_steps += self._n_envs
        ended = done.nonzero()[0]
        if ended.size:
            agent = ended // self._n_envs if self._n_envs > 1 else ended
            self._finished.append((agent, self._return[ended], self._length[ended], self.n_steps))
            self._return[ended] = self._length[ended] = 0
            self.n_episodes += np.bincount(agent, minlength=len(self.n_episodes))
        return ended

    def history(self, n_episodes: int | None = None, metrics=None, interrupted: bool = False) -> History:
        """The finished episodes in the order they ended; of each agent the first ``n_episodes`` at most."""
        agents, returns, lengths, end_steps = (
            zip(*self._finished, strict=True) if self._finished else [[np.empty(0)]] * 4
        )
        end_steps = [np.full(len(agent), steps) for agent, steps in zip(agents, end_steps, strict=True)]
        agent = np.concatenate(agents).astype(int)
        order = agent.argsort(kind="stable")
        row = agent[order]
        column = np.arange(len(row)) - np.concatenate([[0], self.n_episodes.cumsum()[:-1]])[row]
        width = self.n_episodes.max() if n_episodes is None else min(n_episodes, self.n_episodes.max())
        kept = column < width
        tables = np.full((3, len(self.n_episodes), width), np.nan)
        for table, values in zip(tables, (returns, lengths, end_steps), strict=True):
            table[row[kept], column[kept]] = np.concatenate(values)[order][kept]
        return History(*tables, metrics=metrics or {}, interrupted=interrupted)


def progress_bar(total: int, unit: str, show: bool = True) -> tqdm:
    """A progress bar that suits terminal and notebook; ``show=False`` makes it silent."""
    return tqdm(total=total, unit=unit, disable=not show, leave=False)


def spawn_seeds(seed: int, n: int) -> list[int]:
    """``n`` independent seeds from one, for parts of a program that must not share a stream of random numbers."""
    return [int(child.generate_state(1)[0]) for child in np.random.SeedSequence(seed).spawn(n)]


def save_arrays(path, kind: str, arrays: dict[str, np.ndarray], config: dict) -> None:
    """Write named arrays and a JSON-able configuration to one safetensors file; ``kind`` says what it holds."""
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
