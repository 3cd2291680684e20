"""The record of a training: every episode that ended, and a progress bar while it goes on."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
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
    """Adds up the rewards of ``n_agents`` agents that step together, each with ``n_envs`` environments of its own.

    ``n_episodes`` (n_agents,) are the episodes that each agent has ended, ``total_steps`` the environment steps of all
    together. An episode is kept in 32 bytes: agent, return, length, and when it ended.
    """

    PENDING = 4096

    def __init__(self, n_agents: int, n_envs: int = 1):
        self._n_agents, self._n_envs = n_agents, n_envs
        self._return = np.zeros(n_agents * n_envs)
        self._taken = np.zeros(n_agents * n_envs, dtype=int)  # steps of each environment, mere resets not counted
        self._begun = np.zeros_like(self._taken)  # those it had taken when its episode began
        self._tables: list[np.ndarray] = []  # (episodes, 4) each
        self._pending: list[tuple] = []  # what ended at the most recent steps, to become a table now and then
        self.n_episodes = np.zeros(n_agents, dtype=int)
        self.total_steps = 0

    @property
    def n_steps(self) -> np.ndarray:
        """Environment steps of each agent, (n_agents,)."""
        if self._n_envs == 1:
            return self._taken.copy()
        return self._taken.reshape(self._n_agents, self._n_envs).sum(axis=1)

    def record(self, reward: np.ndarray, done: np.ndarray, real: np.ndarray) -> np.ndarray:
        """One step of every environment, (n_agents * n_envs,) each: its reward, whether its episode ended, and whether
        it was a step at all or only began a new episode.

        Returns the numbers of the environments that ended an episode.
        """
        self._return += reward
        self._taken += real
        self.total_steps += np.count_nonzero(real)
        ended = done.nonzero()[0]
        if ended.size:
            agent, length = ended // self._n_envs, self._taken[ended] - self._begun[ended]
            self._pending.append((agent, self._return[ended], length, self.n_steps[agent]))
            if len(self._pending) == self.PENDING:
                self._tables.append(_table(self._pending))
                self._pending = []
            self._return[ended], self._begun[ended] = 0, self._taken[ended]
            self.n_episodes += np.bincount(agent, minlength=self._n_agents)
        return ended

    @property
    def recent_return(self) -> float:
        """Mean return of the last 20 episodes; NaN before the first has ended."""
        recent = np.concatenate([*self._tables[-1:], _table(self._pending[-20:])])[-20:, 1]
        return float(recent.mean()) if len(recent) else float("nan")

    def history(self, n_episodes: int | None = None, metrics=None, interrupted: bool = False) -> History:
        """The finished episodes in the order they ended; of each agent the first ``n_episodes`` at most."""
        finished = np.concatenate([*self._tables, _table(self._pending)])
        finished = finished[finished[:, 0].argsort(kind="stable")]
        row = finished[:, 0].astype(int)
        column = np.arange(len(row)) - np.concatenate([[0], self.n_episodes.cumsum()[:-1]])[row]
        width = self.n_episodes.max() if n_episodes is None else min(n_episodes, self.n_episodes.max())
        kept = column < width
        tables = np.full((3, len(self.n_episodes), width), np.nan)
        tables[:, row[kept], column[kept]] = finished[kept, 1:].T
        return History(*tables, metrics=metrics or {}, interrupted=interrupted)


def _table(pending: list[tuple]) -> np.ndarray:
    """(episodes, 4): agent, return, length and end step, in the order in which the episodes ended."""
    columns = zip(*pending, strict=True) if pending else [[[]]] * 4
    return np.stack([np.concatenate(column) for column in columns], axis=1)


def progress_bar(total: int, unit: str, show: bool = True) -> tqdm:
    """A progress bar that suits terminal and notebook; ``show=False`` makes it silent."""
    return tqdm(total=total, unit=unit, disable=not show, leave=False)
